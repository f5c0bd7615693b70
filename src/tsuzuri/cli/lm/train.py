"""tsuzuri lm train."""
from pathlib import Path

from cyclopts import App

from tsuzuri.cli.arguments import Text, TextFlags, TrainingFlags, Whole


def register(lm: App) -> None:
    """Put the command into its group."""
    lm.command(train)


def train(data: Text | None = None, /, *, out: Path, valid: Text | None = None, unit: str | None = None,
          vocabulary: Whole | None = None, min_count: Whole | None = None, aozora: str | None = None,
          encoding_errors: str | None = None, arch: str | None = None, size: Whole | None = None,
          embedding: Whole | None = None, layers: Whole | None = None, connection: str | None = None,
          dropout: float | None = None, dropout_kind: str | None = None, input_dropout: float | None = None,
          output_dropout: float | None = None, embedding_dropout: float | None = None, state_dropout: float | None = None,
          weight_drop: float | None = None, activation_penalty: float | None = None, temporal_penalty: float | None = None,
          output: str | None = None, experts: Whole | None = None, heads: Whole | None = None, context: Whole | None = None,
          positions: str | None = None, order: Whole | None = None, smoothing: str | None = None, tie: bool | None = None,
          start: str | None = None, dtype: str | None = None, batch_size: Whole | None = None, bptt: Whole | None = None,
          windows: str | None = None, schedule: str | None = None, clip: float | None = None, epochs: Whole | None = None,
          patience: Whole | None = None, text: TextFlags | None = None, flags: TrainingFlags | None = None) -> None:
    """Train a language model on a text: recurrent, a Transformer, or counted n-grams.

    DATA is a file, a folder, a glob, - for standard input, or a data set's name
    (`tsuzuri data list`), with its split after a colon if you like. Settings
    come from defaults < --config FILE < environment (TSUZURI_LR ...) < flags.

    Examples:

      tsuzuri lm train python-reference --out runs/reference --unit char
      tsuzuri lm train ptb --out runs/ptb --size 200 --layers 2 --dropout 0.3 --tie --dry-run
      tsuzuri lm train tinyshakespeare --out runs/gpt --arch transformer --unit char --epochs 5
      tsuzuri lm train ptb --out runs/ngram --arch ngram --order 5
      cat notes/*.txt | tsuzuri lm train - --out runs/notes --unit bpe --vocabulary 2000
      tsuzuri lm train --out runs/ptb --resume

    Parameters
    ----------
    data
        The text to learn from.
    out
        The run folder to write.
    valid
        The text to validate with: DATA, or "none". [default: the data set's own split, or the last 5 % of the lines]
    unit
        What a token is: char, word, bpe or sudachi (Japanese words). [default: word]
    vocabulary
        Largest vocabulary; 0 for no limit. [default: 0; bpe: 8000]
    min_count
        Leave out tokens that are rarer than this. [default: 1]
    aozora
        keep, or clean: leave out ruby, notes, header and footer of Aozora files. [default: keep]
    encoding_errors
        What to do about bytes that are not UTF-8: strict (stop), replace or ignore. [default: strict]
    arch
        rnn, gru, lstm, transformer or ngram. [default: lstm]
    size
        Units in a layer. [default: 256; transformer: 384]
    embedding
        Recurrent: length of a token's vector; 0: as --size. [default: 0]
    layers
        Layers. [default: 1; transformer: 6]
    connection
        Recurrent: from layer to layer plain, residual or highway. [default: plain]
    dropout
        Probability of dropping an element before, between and after the layers. [default: 0; transformer: 0.1]
    dropout_kind
        Recurrent: element (each on its own) or variational (the same ones at every step of a window). [default: element]
    input_dropout
        Recurrent: --dropout before the first layer; -1: as there. [default: -1]
    output_dropout
        Recurrent: --dropout after the last layer; -1: as there. [default: -1]
    embedding_dropout
        Recurrent: probability of dropping a word, everywhere in a window. [default: 0]
    state_dropout
        Recurrent: probability of dropping an element of the state where the next step reads it. [default: 0]
    weight_drop
        Recurrent: probability of dropping a recurrent weight for a window. [default: 0]
    activation_penalty
        Recurrent: times the mean square of the last layer's output, added to the loss. [default: 0]
    temporal_penalty
        Recurrent: times the mean square of how that changes from step to step, added to the loss. [default: 0]
    output
        Recurrent: softmax, mixture (of softmaxes) or adaptive (softmax for a large vocabulary). [default: softmax]
    experts
        Recurrent: softmaxes of a mixture. [default: 5]
    heads
        Transformer: heads of attention. [default: 6]
    context
        Transformer: most tokens that are looked at. [default: 256]
    positions
        Transformer: learnt or rotary. [default: rotary]
    order
        n-gram: longest run of tokens that is counted. [default: 5]
    smoothing
        n-gram: modified-kneser-ney or kneser-ney. [default: modified-kneser-ney]
    tie
        Use the embedding table as output weights too. [default: no; transformer: yes]
    start
        Recurrent: how weights start: usual, or even (as AWD-LSTM's). [default: usual]
    dtype
        float32, float64 or float16. [default: float32]
    batch_size
        Rows that are read side by side. [default: 20; transformer: 12]
    bptt
        Steps through which a gradient flows back. [default: 35; transformer: 256]
    windows
        How the text is cut: even, varied (lengths drawn about --bptt) or random (from anywhere, no state carried).
        [default: even; transformer: random]
    schedule
        Of the learning rate: constant, step, cosine, inverse-sqrt, hold (constant, then down to zero over the last 30 %) or plateau. [default: cosine; nt-asgd: constant]
    clip
        Longest gradient; 0 for any. [default: 5; transformer: 1]
    epochs
        Passes over the text. [default: 10]
    patience
        Stop after so many epochs without a new best; 0: never. [default: 5; nt-asgd: 0]
    text
        How the text is cut.
    flags
        What every training may be told.
    """
    given = {**locals()}
    from tsuzuri.cli import training
    training.train("lm", given)
