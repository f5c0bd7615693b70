"""Several spaces side by side: the neighbours they give a word, and how far they agree with each other."""
from collections.abc import Iterator, Sequence
from itertools import combinations
from typing import NamedTuple

import numpy as np

from tsuzuri.errors import DataError
from tsuzuri.vectors.evaluation import spearman
from tsuzuri.vectors.search import unit
from tsuzuri.vectors.spaces import Space, VectorSpace

COMMON = 20_000                                              # most frequent common words among which neighbours are sought
ASKED = 1000                                                 # of them, whose neighbours are compared
PAIRS = 2000                                                 # of them, whose similarities are compared
NEAREST = 10
SEED = 1                                                     # the same sample for the same words, always


class Agreement(NamedTuple):
    """How far two spaces agree.

    overlap: the mean share of the ten nearest words that both name (of the shorter list, where a thesaurus has fewer).
    correlation: Spearman, between the similarities of ``pairs`` word pairs that both can say.
    """
    a: str
    b: str
    overlap: float
    words: int
    correlation: float
    pairs: int


def common_words(spaces: Sequence[Space]) -> list[str]:
    """The most frequent words that all spaces know, in the order of the first that has vectors.

    DataError: no space has vectors, or they share fewer than two words.
    """
    leading = next((space for space in spaces if isinstance(space, VectorSpace)), None)
    if leading is None:
        raise DataError("none of the spaces has vectors; give at least one file of word vectors")
    keys = dict.fromkeys(leading.key(word) for word in leading.words)
    written = {key: leading.words[leading.rows[key]] for key in keys}
    found: list[str] = []
    for word in written.values():
        if all(word in space for space in spaces):
            found.append(word)
            if len(found) == COMMON:
                break
    if len(found) < 2:
        names = " and ".join(space.name for space in spaces)
        raise DataError(f"{names} share {len(found)} words; compare spaces of one language")
    return found


def agreements(spaces: Sequence[Space]) -> Iterator[Agreement]:
    """How far every two spaces agree on the words that all of them know."""
    words = common_words(spaces)
    asked = words[:ASKED]
    near = {id(space): nearest_common(space, words, asked) for space in spaces}
    pairs = sample_pairs(words)
    similarities = {id(space): [space.similarity(*pair) for pair in pairs] for space in spaces}
    for one, other in combinations(spaces, 2):
        shares = [len(a & b) / min(len(a), len(b)) for a, b in zip(near[id(one)], near[id(other)], strict=True) if a and b]
        both = [(x, y) for x, y in zip(similarities[id(one)], similarities[id(other)], strict=True) if x is not None and y is not None]
        yield Agreement(one.name, other.name, float(np.mean(shares)) if shares else float("nan"), len(shares),
                        spearman(*zip(*both, strict=True)) if both else float("nan"), len(both))


def sample_pairs(words: Sequence[str]) -> list[tuple[str, str]]:
    """Pairs of different words, drawn with a fixed seed."""
    drawn = np.random.default_rng(SEED).integers(len(words), size=(PAIRS, 2))
    return [(words[a], words[b]) for a, b in drawn.tolist() if a != b]


def nearest_common(space: Space, words: Sequence[str], asked: Sequence[str]) -> list[set[str]]:
    """For each word of ``asked`` (the first of ``words``), those of ``words`` that the space puts nearest to it."""
    if isinstance(space, VectorSpace):
        return _nearest_rows(space, words, len(asked))
    known = {word.lower(): word for word in reversed(words)}
    return [{known[other.lower()] for other, _ in space.neighbours(word, NEAREST) if other.lower() in known} for word in asked]


def _nearest_rows(space: VectorSpace, words: Sequence[str], asked: int) -> list[set[str]]:
    units = np.stack([unit(vector) for word in words if (vector := space.find(word)) is not None]).astype(np.float32)
    cosines = units[:asked] @ units.T
    np.fill_diagonal(cosines, -np.inf)
    count = min(NEAREST, len(words) - 1)
    return [{words[k] for k in row} for row in np.argpartition(-cosines, count - 1, axis=1)[:, :count].tolist()]


def show_words(spaces: Sequence[Space], count: int = 5) -> list[str]:
    """Some of the most frequent common words of at least five letters, in scripts with shorter words of any length."""
    words = common_words(spaces)
    return ([word for word in words if len(word) >= 5 and word.isalpha()] or words)[:count]
