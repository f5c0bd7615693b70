"""Kinds of arguments that the commands share."""
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
