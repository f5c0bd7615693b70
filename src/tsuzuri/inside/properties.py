"""Which unit follows a property of the text: its place in the line, whether it stands inside quotes, and so on.

The unit is chosen on the first half of a text and its correlation measured on the second, so that the best of many
units is not the luckiest one.    Source: Karpathy, Johnson and Fei-Fei 2015, who chose by eye.
"""
from collections.abc import Callable, Sequence
from typing import NamedTuple

import numpy as np

from tsuzuri.decode import TextStream
from tsuzuri.errors import ConfigError, check_choice
from tsuzuri.text.tokenizers import Tokenizer

QUOTES = {'"': '"', "“": "”", "「": "」", "『": "』"}
BRACKETS = {"(": ")", "[": "]", "{": "}", "（": "）", "［": "］"}


class Found(NamedTuple):
    """A unit that follows a property; ``layer`` counts from 1, ``unit`` from 0.

    ``chosen`` is its correlation on the first half of the text, by which it was chosen, ``held_out`` that on the second.
    """

    layer: int
    unit: int
    chosen: float
    held_out: float


def in_line(text: str) -> list[int]:
    """How many characters of its line stand before each character."""
    return _since(text, lambda char: char == "\n")


def in_word(text: str) -> list[int]:
    """How many characters of its word stand before each character; 0 outside words."""
    counts = _since(text, lambda char: not char.isalnum())
    return [count if char.isalnum() else 0 for count, char in zip(counts, text, strict=True)]


def inside(pairs: dict[str, str]) -> Callable[[str], list[int]]:
    """1 for characters between an opening and a closing mark, 0 for the others, the marks too.

    An empty line ends all, so that one mark that is missing does not turn the rest of the text around.
    """
    def measure(text: str) -> list[int]:
        awaited: list[str] = []                              # the marks that will close what is open
        values = []
        for before, char in zip("\n" + text, text, strict=False):
            if char == before == "\n":
                awaited.clear()
            closes = bool(awaited) and char == awaited[-1]
            if closes:
                awaited.pop()
            values.append(int(bool(awaited)))
            if char in pairs and not closes:
                awaited.append(pairs[char])
        return values
    return measure


PROPERTIES: dict[str, tuple[str, Callable[[str], list[int]]]] = {
    "length": ("the length of the line so far", in_line),
    "word": ("the length of the word so far", in_word),
    "quotes": ("being inside quotation marks", inside(QUOTES)),
    "brackets": ("being inside brackets", inside(BRACKETS)),
}
"""A property's name -> what it is, and its value at each character of a text."""


def find_units(activations: Sequence[dict[str, np.ndarray]], part: str, tokens: Sequence[str], name: str) -> list[Found]:
    """All units of all layers, the one that follows property ``name`` best first.

    A token has the value of its last character.  ConfigError: the property does not vary in both halves of the text.
    """
    check_choice("find", name, PROPERTIES)
    wanted = _of_tokens(tokens, PROPERTIES[name][1])
    half = len(tokens) // 2
    if any(len(set(values)) < 2 for values in (wanted[:half], wanted[half:])):
        raise ConfigError(f"{PROPERTIES[name][0]} is the same for all tokens of one half of the text, so no unit can be seen "
                          "to follow it; give a longer text, or one that has it.")
    found = []
    for layer, parts in enumerate(activations, 1):
        first, second = (_correlations(parts[part][cut], wanted[cut]) for cut in (slice(half), slice(half, None)))
        found += [Found(layer, unit, float(a), float(b)) for unit, (a, b) in enumerate(zip(first, second, strict=True))]
    return sorted(found, key=lambda one: -abs(one.chosen))


def pieces(tokenizer: Tokenizer, ids: Sequence[int]) -> list[str]:
    """What each token adds to the text: joined they are ``decode(ids)``.

    A token that ends within a character adds what stands before it; the one that completes it adds it.
    """
    stream = TextStream(tokenizer, [])
    return [stream.add(int(token)) for token in ids]


def _since(text, ends):
    values, count = [], 0
    for char in text:
        values.append(count)
        count = 0 if ends(char) else count + 1
    return values


def _of_tokens(tokens, measure) -> np.ndarray:
    values = measure("".join(tokens))
    ends = np.cumsum([len(token) for token in tokens])
    return np.array([values[max(end - 1, 0)] for end in ends], float)


def _correlations(values, wanted) -> np.ndarray:
    """values (T, H), wanted (T,) -> the correlation of each unit (H,); 0 for one that does not move."""
    values = np.asarray(values, float) - values.mean(0, dtype=float)
    wanted = wanted - wanted.mean()
    lengths = np.linalg.norm(values, axis=0) * np.linalg.norm(wanted)
    return np.where(lengths > 1e-12, wanted @ values / np.maximum(lengths, 1e-12), 0.0)
