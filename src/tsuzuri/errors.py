"""Every error the package raises.

    TsuzuriError
    ├── ShapeError      arrays that do not fit together
    ├── DeviceError     host and device arrays in one operation
    ├── ConfigError     a setting that does not exist, or a value that does not fit it
    ├── DataError       text, vocabulary or data set that cannot be read
    ├── RunError        a run folder that is missing, broken or belongs to something else
    └── TrainingError   a training that cannot go on (the loss is not a number)

A message is one sentence that says what was given, what fits and what to do; the command line prints it and leaves
with exit code 2.
"""
import difflib
from collections.abc import Iterable


class TsuzuriError(Exception):
    """Root of the tree: catch this to catch everything the package raises on purpose."""


class ShapeError(TsuzuriError, ValueError):
    """Arrays whose shapes do not fit together."""


class DeviceError(TsuzuriError, TypeError):
    """An operation was given arrays that live on different devices."""


class ConfigError(TsuzuriError, ValueError):
    """A setting that does not exist, or a value that does not fit it."""


class DataError(TsuzuriError, ValueError):
    """Text, a vocabulary or a data set that cannot be read."""


class RunError(TsuzuriError):
    """A run folder that is missing, broken, or belongs to something else."""


class TrainingError(TsuzuriError, ArithmeticError):
    """A training that cannot go on."""


def check_choice(name: str, value: str, choices: Iterable[str]) -> None:
    """Raise ConfigError, with the choices and the nearest of them, where ``value`` is none of them."""
    if value not in choices:
        raise ConfigError(f'{name} "{value}" is unknown{suggest(str(value), choices)}; choose one of {", ".join(choices)}.')


def check_least(name: str, value: float, least: float) -> None:
    """Raise ConfigError where ``value`` is below ``least``."""
    if not value >= least:                                   # NaN is not
        raise ConfigError(f"{name} is {value}; it must be at least {least}.")


def check_range(name: str, value: float, least: float, most: float) -> None:
    """Raise ConfigError where ``value`` is not ``least`` to ``most``."""
    if not least <= value <= most:
        raise ConfigError(f"{name} is {value}; it must be {least} to {most:,}.")


def check_share(name: str, value: float) -> None:
    """Raise ConfigError where ``value`` is no share that leaves something: 0 or above, and below 1."""
    if not 0 <= value < 1:
        raise ConfigError(f"{name} is {value}; it must be at least 0 and below 1.")


def suggest(name: str, known: Iterable[str]) -> str:
    """`` (did you mean "lstm"?)`` for a near miss, else an empty string."""
    near = difflib.get_close_matches(name, list(known), n=1)
    return f' (did you mean "{near[0]}"?)' if near else ""
