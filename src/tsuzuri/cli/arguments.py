"""Kinds of arguments that the commands share."""
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

from cyclopts import Parameter


def _whole(kind, tokens) -> int:
    """Unlike the library's own conversion it does not round 1.5."""
    try:
        return int(tokens[0].value)
    except ValueError:
        raise ValueError(f'"{tokens[0].value}" is no whole number.') from None


def _seed(kind, tokens) -> int:
    """A number that randomness can follow from."""
    value = _whole(kind, tokens)
    if value < 0:
        raise ValueError(f"a seed is {value}; it must not be negative.")
    return value


def _text(kind, tokens) -> str:
    """Anything but what looks like a flag; a single - is standard input."""
    value = tokens[0].value
    if value.startswith("-") and value != "-":
        raise ValueError(f'"{value}" is neither a text nor a flag of this command; see --help.')
    return value


Whole = Annotated[int, Parameter(converter=_whole)]
Seed = Annotated[int, Parameter(converter=_seed)]
Prompt = Annotated[str, Parameter(allow_leading_hyphen=True)]
"""Any text, which may begin as a flag does."""
Text = Annotated[str, Parameter(converter=_text, allow_leading_hyphen=True)]


@Parameter(name="*")
@dataclass(frozen=True)
class TextFlags:
    """How text is cut into tokens, whatever is learnt from it."""

    lowercase: bool | None = None
    """Fold upper case to lower case. [default: no]"""
    digits: str | None = None
    """keep, or zero: every digit becomes 0. [default: keep]"""
    punctuation: str | None = None
    """keep, split (of words: a mark is a token of its own) or drop. [default: keep]"""
    nfkc: bool | None = None
    """Write the text in Unicode's normal form NFKC: full-width letters become plain ones ... [default: no]"""
    split_mode: str | None = None
    """Length of Japanese words: A (short), B or C (long). [default: A]"""


@Parameter(name="*")
@dataclass(frozen=True)
class TrainingFlags:
    """What every command that trains may be told."""

    optimizer: str | None = None
    """sgd, nt-asgd (averages once validation stops improving), momentum, nesterov, adagrad, rmsprop, adam or adamw.
    [default: adam; of a Transformer adamw]"""
    lr: float | None = None
    """Learning rate. [default: the optimiser's usual one]"""
    accumulate: Whole | None = None
    """Batches whose gradients are added up before a step. [default: 1]"""
    weight_decay: float | None = None
    """Decoupled weight decay. [default: 0; adamw: 0.01]"""
    seed: Whole | None = None
    """Number from which all randomness follows. [default: 1]"""
    threads: Whole | None = None
    """Cores to use. [default: all]"""
    save_every: float | None = None
    """Seconds between checkpoints within an epoch. [default: 60]"""
    config: Path | None = None
    """A TOML file of settings, such as another run's config.toml."""
    minutes: float | None = None
    """Stop after so many minutes, to be gone on with by --resume another time."""
    resume: Annotated[bool, Parameter(negative="")] = False
    """Go on with the run in --out where it stopped."""
    dry_run: Annotated[bool, Parameter(negative="")] = False
    """Print every setting with where it came from, and what the run will take; train nothing."""
