"""Counting which words stand near each other, from a stream of ids to a sparse matrix.

The text is read in blocks of bounded size.  Each block is counted by ``kernels.cooccurrence`` in whole numbers, and the
counts of blocks are merged like the digits of a binary counter: a sum of small ones first, then a sum of sums.  The
memory needed is a fixed buffer (about 200 MB) and up to three times the result; V x V numbers are never written down.
"""
import math
from collections.abc import Iterable, Iterator
from typing import Any, Protocol

import numpy as np

from tsuzuri.errors import ConfigError, DataError, check_choice
from tsuzuri.kernels.cooccurrence import count_before
from tsuzuri.text.vocabulary import Vocabulary

PAIRS = 1 << 24                                              # a block has at most so many pairs of neighbours
LONGEST = {"uniform": 1 << 16, "distance": 28}
SIDES = ("both", "left", "right")


class Corpus(Protocol):
    """A text as ids; ``blocks`` can be called again and again."""

    @property
    def vocabulary(self) -> Vocabulary: ...

    def blocks(self, size: int = ..., /) -> Iterator[np.ndarray]:
        """int32 arrays of at most ``size`` ids in the order of the text, -1 behind the last word of each line."""


def count_cooccurrences(corpus: Corpus, window: int = 5, *, weighting: str = "uniform", sides: str = "both",
                        across_lines: bool = False):
    """How often word c stands at most ``window`` places from word r -> scipy CSR (V, V) float64, rows sorted.

    weighting: uniform (each pair counts 1: whole numbers), or distance (a pair d places apart counts 1/d, as in GloVe;
    the sums are exact and rounded once).
    sides: both; or the contexts to the left or to the right of the row's word only.
    across_lines: whether a window reaches over the end of a line.
    ConfigError: a setting that does not fit.  DataError: no two words of the text stand that near.
    """
    _check(window, weighting, sides)
    weights = _whole_weights(window, weighting)
    counts = None
    for part in _merged(_count_blocks(corpus, weights, across_lines)):
        counts = part if counts is None else part + counts
    if counts is None or not counts.nnz:
        raise DataError("there is nothing to count: no two known words stand beside each other in a line of the text; "
                        "give more text, take rarer words in with a smaller min-count, or count across lines")
    if sides != "left":
        turned = counts.T.tocsr()
        counts = turned if sides == "right" else counts + turned
    counts = counts.astype(np.float64)
    counts.data /= weights[0]                                # the weight of distance 1 stands for 1
    return counts


def _check(window: int, weighting: str, sides: str) -> None:
    check_choice("weighting", weighting, LONGEST)
    check_choice("sides", sides, SIDES)
    if not 1 <= window <= LONGEST[weighting]:
        raise ConfigError(f"window {window} does not fit; with {weighting} weights it is from 1 to {LONGEST[weighting]} "
                          "words to each side")


def _whole_weights(window: int, weighting: str) -> np.ndarray:
    """1, 1, 1 ...; or 1, 1/2, 1/3 ... times the smallest number that makes them whole.

    That number is 2520 for a window of 10 and 8e10 for one of 28, where a pair may still come 1e8 times.
    """
    if weighting == "uniform":
        return np.ones(window, np.int64)
    return math.lcm(*range(1, window + 1)) // np.arange(1, window + 1)


def _count_blocks(corpus: Corpus, weights: np.ndarray, across_lines: bool) -> Iterator[Any]:
    """The counts of each block, as int64 CSR; the end of a block stands again before the next."""
    from scipy.sparse import csr_array
    V, window = len(corpus.vocabulary), len(weights)
    tail = np.zeros(0, np.int32)
    for block in corpus.blocks(max(PAIRS // window, 1)):
        block = block[block >= 0] if across_lines else block
        ids = np.concatenate([tail, block])
        indptr, columns, sums = count_before(ids, len(tail), weights, V)
        yield csr_array((sums, columns, indptr), (V, V))
        tail = ids[-window:]


def _merged(parts: Iterable[Any]) -> list[Any]:
    """Sums of parts, at most log2 of their number: two of about the same size are added up as soon as they are there."""
    waiting: list[tuple[int, Any]] = []                      # (how many blocks, their sum)
    for part in parts:
        blocks = 1
        while waiting and waiting[-1][0] == blocks:
            before, other = waiting.pop()
            blocks, part = blocks + before, other + part
        waiting.append((blocks, part))
    return [part for _, part in reversed(waiting)]
