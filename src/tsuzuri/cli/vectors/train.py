"""tsuzuri vectors: training word vectors."""
from pathlib import Path
from typing import Annotated

from cyclopts import App, Parameter

from tsuzuri.cli.arguments import Text, Whole

On = Annotated[bool | None, Parameter(negative="")]


def register(vectors: App) -> None:
    """Put the command into the group."""
    vectors.command(train)


def train(data: Text = "", /, *, out: Path, method: str | None = None,
          size: Annotated[Whole | None, Parameter(name=["--size", "--vector-size"])] = None, window: Whole | None = None,
          epochs: Annotated[Whole | None, Parameter(name=["--epochs", "--iter"])] = None, alpha: float | None = None,
          seed: Whole | None = None, threads: Annotated[Whole | None, Parameter(name=["--threads", "--workers"])] = None,
          deterministic: On = None,
          min_count: Whole | None = None, vocabulary: Annotated[Whole | None, Parameter(name=["--vocabulary", "--max-final-vocab"])] = None,
          lowercase: On = None, digits: str | None = None, punctuation: str | None = None, encoding_errors: str | None = None,
          eos: On = None, phrases: Whole | None = None,
          negative: Whole | None = None, hs: On = None, sample: float | None = None,
          power: Annotated[float | None, Parameter(name=["--power", "--ns-exponent"])] = None, min_alpha: float | None = None,
          min_n: Whole | None = None, max_n: Whole | None = None,
          buckets: Annotated[Whole | None, Parameter(name=["--buckets", "--bucket"])] = None,
          across_lines: On = None, sides: str | None = None, weighting: str | None = None, smoothing: float | None = None, shift: float | None = None,
          exponent: float | None = None, contexts: str | None = None, x_max: float | None = None,
          go_on_from: str | None = None, config: Path | None = None,
          resume: Annotated[bool, Parameter(negative="")] = False) -> None:
    """Train word vectors on a text, by counting (ppmi, svd, glove) or predicting (cbow, skipgram).

    DATA is a file, a folder, a glob, - for standard input, or a data set's name
    (`tsuzuri data list`). The end of --out chooses the format: .txt and .vec
    (word2vec's text), .bin (word2vec's binary), .glove.txt, .safetensors.
    Settings come from defaults < --config FILE < environment (TSUZURI_WINDOW
    ...) < flags.

    Examples:

      tsuzuri vectors train ptb:train --out ptb.safetensors --method svd --window 2
      tsuzuri vectors train novels --out novels.bin --method skipgram --lowercase --punctuation drop
      zcat news.gz | tsuzuri vectors train - --out news.safetensors --method cbow --size 300 --phrases 2
      tsuzuri vectors train letters.txt --out letters.safetensors --max-n 6    # subwords: unknown words get vectors
      tsuzuri vectors train more.txt --out more.safetensors --go-on-from news.safetensors --size 300 --method cbow

    Parameters
    ----------
    data
        The text to learn from.
    out
        The file to write.
    method
        ppmi, svd, glove, cbow or skipgram. [default: skipgram]
    size
        Numbers in a vector. [default: 100; ppmi: the 2000 most frequent words as contexts]
    window
        How many words to each side are a word's context. [default: 5]
    epochs
        Passes over the text (cbow, skipgram) or the counts (glove). [default: 5; glove: 25]
    alpha
        Learning rate at the start. [default: 0.025; cbow, glove: 0.05]
    seed
        Number from which all randomness follows. [default: 1]
    threads
        Cores to use. [default: all]
    deterministic
        The same bytes for any number of threads (cbow, skipgram; the other methods always).
    min_count
        Leave out words that are rarer than this. [default: 5]
    vocabulary
        Largest vocabulary; 0 for no limit. [default: 0]
    lowercase
        Fold upper case to lower case.
    digits
        keep, or zero: every digit becomes 0. [default: keep]
    punctuation
        keep, split (a mark is a word of its own) or drop. [default: keep]
    encoding_errors
        What to do about bytes that are not UTF-8: strict (stop), replace or ignore. [default: strict]
    eos
        Take the end of a line for a word, `<eos>`.
    phrases
        So many times join words that belong together, as new_york. [default: 0]
    negative
        Noise words of an example. [default: 5]
    hs
        Hierarchical softmax in place of noise words.
    sample
        Share of the text above which a word is dropped more and more often; 0: never. [default: 0.001]
    power
        Of the counts, in drawing noise words. [default: 0.75]
    min_alpha
        Learning rate at the end. [default: 0.0001]
    min_n
        Characters of the shortest subword. [default: 3]
    max_n
        Characters of the longest subword; 0: no subwords. [default: 0; fastText has 6]
    buckets
        Rows that subwords share by their hash. [default: 2000000]
    across_lines
        Let windows reach over line ends (ppmi, svd, glove).
    sides
        Which words around are a word's context: both, left or right (ppmi, svd, glove). [default: both]
    weighting
        Of a pair of words: uniform, or distance (1/distance). [default: uniform; glove: distance]
    smoothing
        Power of the contexts' counts in PPMI; 0.75 as Levy and others. [default: 1]
    shift
        Subtract its logarithm from PMI, as so many noise words would. [default: 1]
    exponent
        Power of the singular values. [default: 0.25]
    contexts
        none, or add: the vectors of words and contexts are added (svd). [default: none]
    x_max
        Count from which on all weigh the same (glove). [default: 10]
    go_on_from
        Vectors (.safetensors, of cbow or skipgram) to go on from; new words are added.
    config
        A TOML file of settings.
    resume
        Go on with the training of --out that was stopped.
    """
    given = {name: value for name, value in locals().items()
             if value is not None and name not in ("out", "config", "resume") and not (name == "data" and not data)}
    from tsuzuri import settings
    from tsuzuri.errors import ConfigError
    from tsuzuri.vectors.settings import VectorSettings, choose
    from tsuzuri.vectors.training import begun_with, train_vectors
    file = [(str(config), settings.from_file(config, VectorSettings))] if config else []
    begun = [(f"{out} as it was begun", begun_with(out))] if resume else []
    chosen = choose([*begun, *file, ("environment", settings.from_environment(settings.fields(VectorSettings))), ("flag", given)])
    if not chosen.words.data:
        raise ConfigError("no text was given; name a file, a folder, a data set (`tsuzuri data list`) or - for standard input.")
    from tsuzuri.cli.vectors.watch import watch
    watch(train_vectors(chosen, out, resume=resume))
    print(out)
