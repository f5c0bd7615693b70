"""tsuzuri tree train."""
from pathlib import Path

from cyclopts import App

from tsuzuri.cli.arguments import Text, TrainingFlags, Whole


def register(tree: App) -> None:
    """Put the command into its group."""
    tree.command(train)


def train(data: Text | None = None, /, *, out: Path, valid: Text | None = None, classes: Whole | None = None,
          binary: bool | None = None, lowercase: bool | None = None, min_count: Whole | None = None,
          encoding_errors: str | None = None, arch: str | None = None, size: Whole | None = None,
          embedding: Whole | None = None, dropout: float | None = None, word_dropout: float | None = None,
          dtype: str | None = None, batch_size: Whole | None = None, schedule: str | None = None,
          clip: float | None = None, epochs: Whole | None = None, patience: Whole | None = None,
          average: Whole | None = None, flags: TrainingFlags | None = None) -> None:
    """Train a model over trees: a recursive net, a tensor network or a Tree-LSTM, with a label at every node.

    DATA is a data set's name (sst) or a file with a tree in every line, in
    brackets as (3 (2 It) (3 works)) or as JSON. Settings come from defaults <
    --config FILE < environment (TSUZURI_LR ...) < flags.

    Examples:

      tsuzuri tree train sst --out runs/sst --arch tree-lstm --dropout 0.3 --epochs 8
      tsuzuri tree train sst --out runs/sides --binary --arch recursive --size 30 --optimizer adagrad --lr 0.05
      tsuzuri tree train dependencies.jsonl --out runs/any --arch child-sum --classes 3
      tsuzuri tree train --out runs/sst --resume

    Parameters
    ----------
    data
        The trees to learn from.
    out
        The run folder to write.
    valid
        The trees to validate with: DATA, or "none". [default: the data set's own split, or every 20th tree]
    classes
        Labels there are: 0 to CLASSES - 1. [default: 5]
    binary
        Learn labels below the middle against those above it, and nothing of nodes in the middle. [default: no]
    lowercase
        Fold upper case to lower case. [default: yes]
    min_count
        Leave out words that are rarer than this. [default: 1]
    encoding_errors
        What to do about bytes that are not UTF-8: strict (stop), replace or ignore. [default: strict]
    arch
        recursive, rntn, tree-lstm or child-sum. [default: tree-lstm]
    size
        Numbers of a node's vector. [default: 150]
    embedding
        Tree-LSTMs: length of a word's vector; 0: as --size. [default: 0]
    dropout
        Probability of dropping an element of a word's vector, and of a node's before its label. [default: 0]
    word_dropout
        Probability of dropping a whole word from a batch. [default: 0]
    dtype
        float32 or float64. [default: float32]
    batch_size
        Trees in a batch. [default: 25]
    schedule
        Of the learning rate: constant, step, cosine, inverse-sqrt, hold or plateau. [default: constant]
    clip
        Longest gradient; 0 for any. [default: 5]
    epochs
        Passes over the trees. [default: 10]
    patience
        Stop after so many epochs without a new best; 0: never. [default: 5]
    average
        Last epochs whose weights are averaged for the finished model; 0: the best epoch alone. [default: 0]
    flags
        What every training may be told.
    """
    given = {**locals()}
    from tsuzuri.cli import training
    training.train("tree", given)
