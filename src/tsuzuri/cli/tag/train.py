"""tsuzuri tag train."""
from pathlib import Path

from cyclopts import App

from tsuzuri.cli.arguments import Text, TextFlags, TrainingFlags, Whole


def register(tag: App) -> None:
    """Put the command into its group."""
    tag.command(train)


def train(data: Text | None = None, /, *, out: Path, valid: Text | None = None, unit: str | None = None,
          phrases: bool | None = None, binary: bool | None = None, vocabulary: Whole | None = None,
          min_count: Whole | None = None, longest: Whole | None = None, encoding_errors: str | None = None,
          arch: str | None = None, cell: str | None = None, size: Whole | None = None, embedding: Whole | None = None,
          layers: Whole | None = None, bidirectional: bool | None = None, pooling: str | None = None,
          output: str | None = None, dropout: float | None = None, embedding_dropout: float | None = None,
          smoothing: float | None = None, dtype: str | None = None, batch_size: Whole | None = None,
          schedule: str | None = None, clip: float | None = None, epochs: Whole | None = None,
          patience: Whole | None = None, text: TextFlags | None = None, flags: TrainingFlags | None = None) -> None:
    """Train a classifier of sentences, or a tagger that gives every word a label.

    DATA is a data set's name (`tsuzuri data list`) or a file. Of a classifier:
    a label, a tab and a text in every line, or trees in brackets; of a tagger:
    a word, a tab and its label in every line, and an empty line between
    sentences. Settings come from defaults < --config FILE < environment
    (TSUZURI_LR ...) < flags.

    Examples:

      tsuzuri tag train negation --out runs/negation --size 32 --epochs 3
      tsuzuri tag train sst --out runs/sst --binary --phrases --pooling max
      tsuzuri tag train reviews.tsv --out runs/reviews --valid held-out.tsv --unit char
      tsuzuri tag train homographs --out runs/homographs --arch tagger --output crf
      tsuzuri tag train tanaka-pos --out runs/pos --arch tagger --unit ja
      tsuzuri tag train --out runs/pos --resume

    Parameters
    ----------
    data
        The sentences to learn from.
    out
        The run folder to write.
    valid
        The sentences to validate with: DATA, or "none". [default: the data set's own split, or every 20th sentence]
    unit
        What a token is: char, word or ja (Japanese words); of a tagger how a text to be labelled is cut. [default: word]
    phrases
        Trees: learn from every phrase that has a label. [default: no]
    binary
        Trees: two labels, negative and positive; neutral ones are left out. [default: no]
    vocabulary
        Largest vocabulary; 0 for no limit. [default: 0]
    min_count
        Leave out tokens that are rarer than this. [default: 2]
    longest
        Tokens of a sentence; longer ones are left out, and refused afterwards. [default: 200]
    encoding_errors
        What to do about bytes that are not UTF-8: strict (stop), replace or ignore. [default: strict]
    arch
        classifier (a label for the sentence) or tagger (a label for every word). [default: classifier]
    cell
        rnn, gru or lstm. [default: lstm]
    size
        Units in a layer, of both directions together. [default: 256]
    embedding
        Length of a token's vector; 0: as --size. [default: 0]
    layers
        Layers one on the other. [default: 1]
    bidirectional
        Read in both directions. [default: yes]
    pooling
        Classifier: how the states become one vector: last, mean, max or attention. [default: last]
    output
        Tagger: softmax (each word by itself) or crf (a chain of all labels). [default: softmax]
    dropout
        Probability of dropping an element. [default: 0.5]
    embedding_dropout
        Probability of dropping a word wherever it stands in a batch. [default: 0.1]
    smoothing
        Classifier: share of the probability that training gives to all other labels. [default: 0]
    dtype
        float32 or float64. [default: float32]
    batch_size
        Sentences in a batch. [default: 32]
    schedule
        Of the learning rate: constant, step, cosine, inverse-sqrt, hold or plateau. [default: cosine]
    clip
        Longest gradient; 0 for any. [default: 5]
    epochs
        Passes over the sentences. [default: 10]
    patience
        Stop after so many epochs without a new best; 0: never. [default: 5]
    text
        How the text is cut.
    flags
        What every training may be told.
    """
    given = {**locals()}
    from tsuzuri.cli import training
    training.train("tag", given)
