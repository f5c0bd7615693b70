"""tsuzuri lm train."""
from pathlib import Path
from typing import Annotated

from cyclopts import App, Parameter

from tsuzuri.cli.arguments import Text, Whole


def register(lm: App) -> None:
    """Put the command into its group."""
    lm.command(train)


def train(data: Text = "", /, *, out: Path,
          valid: Text | None = None, unit: str | None = None, vocabulary: Whole | None = None, min_count: Whole | None = None,
          lowercase: bool | None = None, digits: str | None = None, punctuation: str | None = None,
          encoding_errors: str | None = None,
          arch: str | None = None, size: Whole | None = None, embedding: Whole | None = None, layers: Whole | None = None,
          dropout: float | None = None, tie: bool | None = None, dtype: str | None = None,
          batch_size: Whole | None = None, bptt: Whole | None = None, accumulate: Whole | None = None,
          optimizer: str | None = None, lr: float | None = None, weight_decay: float | None = None,
          schedule: str | None = None, clip: float | None = None, epochs: Whole | None = None, patience: Whole | None = None,
          seed: Whole | None = None, threads: Whole | None = None, save_every: float | None = None,
          config: Path | None = None, resume: Annotated[bool, Parameter(negative="")] = False,
          dry_run: Annotated[bool, Parameter(negative="")] = False) -> None:
    """Train a recurrent language model on a text.

    DATA is a file, a folder, a glob, - for standard input, or a data set's name (`tsuzuri data list`), with its split
    after a colon if you like. Settings come from defaults < --config FILE < environment (TSUZURI_LR ...) < flags.

    Examples:

      tsuzuri lm train python-reference --out runs/reference --unit char

      tsuzuri lm train ptb --out runs/ptb --size 200 --layers 2 --dropout 0.3 --tie --dry-run

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
        What a token is: char, word or bpe. [default: word]
    vocabulary
        Largest vocabulary; 0 for no limit. [default: 0; bpe: 8000]
    min_count
        Leave out tokens that are rarer than this. [default: 1]
    lowercase
        Fold upper case to lower case. [default: no]
    digits
        keep, or zero: every digit becomes 0. [default: keep]
    punctuation
        keep, split (a mark is a token of its own) or drop. [default: keep]
    encoding_errors
        What to do about bytes that are not UTF-8: strict (stop), replace or ignore. [default: strict]
    arch
        rnn, gru or lstm. [default: lstm]
    size
        Units in a recurrent layer. [default: 256]
    embedding
        Length of a token's vector; 0: as --size. [default: 0]
    layers
        Recurrent layers. [default: 1]
    dropout
        Probability of dropping an element. [default: 0]
    tie
        Use the embedding table as output weights too. [default: no]
    dtype
        float32, float64 or float16. [default: float32]
    batch_size
        Rows that are read side by side. [default: 20]
    bptt
        Steps through which a gradient flows back. [default: 35]
    accumulate
        Windows whose gradients are added up before a step. [default: 1]
    optimizer
        sgd, momentum, nesterov, adagrad, rmsprop, adam or adamw. [default: adam]
    lr
        Learning rate. [default: the optimiser's usual one]
    weight_decay
        Decoupled weight decay. [default: 0; adamw: 0.01]
    schedule
        Of the learning rate: constant, step, cosine or plateau. [default: cosine]
    clip
        Longest gradient; 0 for any. [default: 5]
    epochs
        Passes over the text. [default: 10]
    patience
        Stop after so many epochs without a new best; 0: never. [default: 5]
    seed
        Number from which all randomness follows. [default: 1]
    threads
        Cores to use. [default: all]
    save_every
        Seconds between checkpoints within an epoch. [default: 60]
    config
        A TOML file of settings, such as another run's config.toml.
    resume
        Go on with the run in --out where it stopped.
    dry_run
        Print every setting with where it came from, and what the run will take; train nothing.
    """
    given = {name: value for name, value in locals().items()
             if value is not None and name not in ("out", "config", "resume", "dry_run") and not (name == "data" and not data)}
    from tsuzuri.cli import training
    training.train(given, out, config, resume, dry_run)
