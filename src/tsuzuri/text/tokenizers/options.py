"""The options of tokenizers that have a vocabulary, and what they do to a text before it is cut into tokens."""
import re
import string
import unicodedata
from collections.abc import Iterable
from dataclasses import dataclass, fields
from functools import lru_cache
from typing import Any, Self

from tsuzuri.errors import ConfigError, check_choice, suggest
from tsuzuri.text.vocabulary import EOS, UNK

CHOICES = {"digits": ("keep", "zero"), "punctuation": ("keep", "split", "drop")}
_DIGIT = re.compile(r"\d")


@dataclass(frozen=True)
class Options:
    """How a text becomes tokens.

    digits: keep, or zero (every digit becomes 0).
    punctuation: keep; split (words only: a mark at the edge of a word is a token of its own); or drop (words:
    such marks, so that "don't" stays; characters: all marks).
    max_size: largest vocabulary, ``<unk>`` and ``<eos>`` counted; None for no limit.
    nfkc: write ｶﾞ as ガ, Ａ as A and ① as 1 (Unicode's normal form NFKC), before all else.
    """
    lowercase: bool = False
    digits: str = "keep"
    punctuation: str = "keep"
    max_size: int | None = None
    min_count: int = 1
    unk: bool = True
    eos: bool = False
    nfkc: bool = False

    @classmethod
    def of(cls, unit: str, options: dict[str, Any]) -> Self:
        """Options by name.  ConfigError: a name or a value that does not exist."""
        check_options(unit, options, [field.name for field in fields(cls)])
        if unit != "word" and options.get("punctuation") == "split":
            raise ConfigError(f'punctuation "split" does not fit the {unit} tokenizer, whose marks are tokens '
                              "already; take keep or drop")
        return cls(**options)

    def __post_init__(self):
        for name, choices in CHOICES.items():
            check_choice(name, getattr(self, name), choices)
        for name in ("max_size", "min_count"):
            value = getattr(self, name)
            if value is not None and value < 1:
                raise ConfigError(f"{name} {value} does not fit; it is a number of tokens from 1")

    @property
    def keeps_words(self) -> bool:
        """Whether what stands between white space is a word as it is."""
        return not (self.lowercase or self.nfkc) and self.digits == self.punctuation == "keep"

    def fold(self, text: str) -> str:
        """Normal form, lower case and digits, as the options say."""
        if self.nfkc:
            text = unicodedata.normalize("NFKC", text)
        if self.lowercase:
            text = text.lower()
        return _DIGIT.sub("0", text) if self.digits == "zero" else text


def check_options(unit: str, options: dict[str, Any], known: Iterable[str]) -> None:
    """ConfigError for an option that the unit does not have."""
    known = list(known)
    for name in options:
        if name not in known:
            raise ConfigError(f'the {unit} tokenizer has no option "{name}"{suggest(name, known)}; '
                              f"it has {', '.join(known)}")


class _WithoutPunctuation(dict):
    """A table for ``str.translate`` that learns each character when it first meets it."""

    def __missing__(self, code: int) -> int | None:
        self[code] = None if is_punctuation(chr(code)) else code
        return self[code]


_KEPT = _WithoutPunctuation()


def drop_punctuation(text: str) -> str:
    return text.translate(_KEPT)


@lru_cache(maxsize=1 << 16)
def split_punctuation(word: str) -> tuple[str, ...]:
    """``("(", "don't", ")", ".")`` for ``(don't).``: marks at the edges come off, inner ones stay."""
    start, end = inner(word)
    middle = (word[start:end],) if start < end else ()
    return (*word[:start], *middle, *word[end:])


def inner(word: str) -> tuple[int, int]:
    """Start and end of ``word`` without the marks at its edges; ``<unk>`` and ``<eos>`` are whole."""
    start, end = 0, len(word)
    if word in (UNK, EOS):
        return start, end
    while start < end and is_punctuation(word[start]):
        start += 1
    while end > start and is_punctuation(word[end - 1]):
        end -= 1
    return start, end


def is_punctuation(char: str) -> bool:
    """Unicode punctuation of any script, and the ASCII symbols that stand beside it on a keyboard."""
    return char in string.punctuation or unicodedata.category(char).startswith("P")
