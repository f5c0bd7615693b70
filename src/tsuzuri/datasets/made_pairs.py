"""Pairs that are generated: small tasks that a model from sequence to sequence is tried on.

Each set is drawn from a seed of its own and is the same on every machine: nothing but whole numbers is drawn.  All its sources
are different, so no held-out source was learnt from.  They are drawn until there are enough, and then shuffled, because of a
kind that is soon used up (sums of two digits, strings of one letter) the last ones would have nothing.

Source of the tasks: the sums of Zaremba and Sutskever 2014 and of Keras' example ``addition_rnn``; the dates of Deep Learning
from Scratch 2 (Saito 2018).
"""
from collections.abc import Callable, Iterable, Mapping
from datetime import date
from functools import lru_cache
from types import MappingProxyType

import numpy as np

Pair = tuple[str, str]
HELD_OUT = 0.1
LONGEST_STRING = 12
_MONTHS = ("January", "February", "March", "April", "May", "June", "July", "August", "September", "October", "November", "December")
_DAYS = ("Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday")
_CASES = (str, str.lower, str.upper)
_FIRST_DAY, _LAST_DAY = date(1970, 1, 1).toordinal(), date(2018, 12, 31).toordinal()


def made_pairs(name: str, split: str) -> tuple[Pair, ...]:
    """The pairs of one split of a generated set: the last tenth is ``valid``, the others are ``train``."""
    pairs = _whole(name)
    kept = len(pairs) - int(HELD_OUT * len(pairs))
    return pairs[:kept] if split == "train" else pairs[kept:]


@lru_cache(maxsize=2)
def _whole(name: str) -> tuple[Pair, ...]:
    seed, count, draw = MADE[name]
    rng = np.random.default_rng(seed)
    found: dict[str, str] = {}
    while len(found) < count:
        found.update(draw(rng, count))
    order = np.argsort(rng.integers(1 << 62, size=count), kind="stable")
    pairs = list(found.items())
    return tuple(pairs[k] for k in order)


def _sums(rng: np.random.Generator, count: int) -> Iterable[Pair]:
    """``16+75`` and ``91``; that a number has one, two or three digits is drawn evenly, then the number."""
    digits = rng.integers(1, 4, size=(count, 2))
    numbers = rng.integers(np.where(digits == 1, 0, 10 ** (digits - 1)), 10 ** digits)
    return ((f"{a}+{b}", str(a + b)) for a, b in numbers.tolist())


def _dates(rng: np.random.Generator, count: int) -> Iterable[Pair]:
    """A day in one of the styles, its letters in one of three cases, and the day as ISO 8601 writes it.

    The month comes first where all is numbers and the year last, as in the United States; the years of two digits are
    within a hundred.  So no source has two meanings.
    """
    drawn = rng.integers([_FIRST_DAY, 0, 0], [_LAST_DAY + 1, len(_STYLES), len(_CASES)], size=(count, 3))
    for day, style, case in drawn.tolist():
        when = date.fromordinal(day)
        yield _CASES[case](_STYLES[style](when)), when.isoformat()


_STYLES: tuple[Callable[[date], str], ...] = (
    lambda d: f"{_MONTHS[d.month - 1]} {d.day}, {d.year}",
    lambda d: f"{_MONTHS[d.month - 1][:3]} {d.day}, {d.year}",
    lambda d: f"{_DAYS[d.weekday()]}, {_MONTHS[d.month - 1]} {d.day}, {d.year}",
    lambda d: f"{d.day} {_MONTHS[d.month - 1][:3]} {d.year}",
    lambda d: f"{d.day} {_MONTHS[d.month - 1]} {d.year}",
    lambda d: f"{d.month}/{d.day}/{d.year % 100:02}",
    lambda d: f"{d.year}/{d.month:02}/{d.day:02}",
)


def _strings(change: Callable[[str], str]) -> Callable[[np.random.Generator, int], Iterable[Pair]]:
    """A drawer of strings of lower-case letters, whose lengths are drawn evenly, each with what ``change`` makes of it."""
    def draw(rng: np.random.Generator, count: int) -> Iterable[Pair]:
        lengths = rng.integers(1, LONGEST_STRING + 1, size=count).tolist()
        letters = rng.integers(ord("a"), ord("z") + 1, size=(count, LONGEST_STRING)).astype(np.uint8).tobytes().decode("ascii")
        texts = (letters[LONGEST_STRING * k:LONGEST_STRING * k + length] for k, length in enumerate(lengths))
        return ((text, change(text)) for text in texts)
    return draw


MADE: Mapping[str, tuple[int, int, Callable[[np.random.Generator, int], Iterable[Pair]]]] = MappingProxyType({
    "addition": (1, 50_000, _sums),
    "dates": (2, 50_000, _dates),
    "copy": (3, 20_000, _strings(str)),
    "reverse": (4, 20_000, _strings(lambda text: text[::-1])),
    "sort": (5, 20_000, _strings(lambda text: "".join(sorted(text)))),
})
"""name -> seed, how many pairs, and what draws about as many"""
