"""Where tokens stand in the text as it was given, although they are cut from a text that was folded first.

Lower case may make two characters of one (İ), Unicode's normal form NFKC one of two (ｶﾞ) or four of one (㍿).  So
folding keeps, for every character it makes, the place of what that was made from.
"""
import re
import unicodedata
from collections.abc import Iterable, Iterator
from itertools import pairwise

from tsuzuri.text.tokenizers.options import Options
from tsuzuri.text.vocabulary import EOS

Place = tuple[int, int]
_LINE_END = re.compile(f"\n|{re.escape(EOS)}")


def fold(text: str, options: Options) -> tuple[str, list[Place]]:
    """``options.fold(text)``, and for every character of it the place in ``text`` of what it was made from."""
    places = []
    for start, end in _normal_parts(text) if options.nfkc else _characters(0, len(text)):
        part = text[start:end]
        normal = unicodedata.normalize("NFKC", part) if options.nfkc else part
        own = _characters(start, end) if normal == part else [(start, end)] * len(normal)
        sizes = map(len, map(str.lower, normal)) if options.lowercase else [1] * len(normal)
        places += [place for place, size in zip(own, sizes, strict=True) for _ in range(size)]
    return options.fold(text), places


def locate(tokens: Iterable[str], text: str, eos: bool) -> list[Place]:
    """The places of ``tokens`` in ``text``, where they stand in this order; with ``eos`` a newline is an ``<eos>``."""
    places, at = [], 0
    for token in tokens:
        start, at = _next_line_end(text, at) if eos and token == EOS else _next(token, text, at)
        places.append((start, at))
    return places


def in_source(spans: Iterable[Place], places: list[Place]) -> list[Place]:
    """Spans of characters of a folded text as places in its source that share no character."""
    found, taken = [], 0
    for start, end in spans:
        start = max(places[start][0], taken)
        taken = max(places[end - 1][1], start)
        found.append((start, taken))
    return found


def _characters(start: int, end: int) -> list[Place]:
    return [(k, k + 1) for k in range(start, end)]


def _normal_parts(text: str) -> Iterator[Place]:
    """The shortest parts whose normal forms, one behind the other, are the normal form of ``text``."""
    if unicodedata.is_normalized("NFKC", text):
        return iter(_characters(0, len(text)))
    starts = [0]
    for k in range(1, len(text)):
        if _stands_alone(text[starts[-1]:k], text[k]):
            starts.append(k)
    return pairwise([*starts, len(text)])


def _stands_alone(before: str, char: str) -> bool:
    """Whether the normal form of ``before + char`` is that of ``before`` and that of ``char``, whatever follows.

    A mark never does: the marks behind a character are put in order.
    """
    if unicodedata.combining(unicodedata.normalize("NFKD", char)[0]):
        return False
    one, other, both = (unicodedata.normalize("NFKC", part) for part in (before, char, before + char))
    return one + other == both


def _next(token: str, text: str, at: int) -> Place:
    start = text.index(token, at)
    return start, start + len(token)


def _next_line_end(text: str, at: int) -> Place:
    match = _LINE_END.search(text, at)
    assert match, "a token <eos> is a newline or the word <eos>"
    return match.span()
