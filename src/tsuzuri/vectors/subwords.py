"""Vectors of words out of their parts (fastText): a word that was never met gets one too.

Row w of the trained matrix (V + B, D) belongs to word w, row V + b to bucket b, into which the n-grams of characters of
``<word>`` are hashed as in fastText.  The vector of a known word is the mean of its own row and those of its n-grams,
that of an unknown one the mean of its n-grams.  Source: Bojanowski et al. 2017 (arXiv:1607.04606).
"""
import os
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Self

import numpy as np

from tsuzuri.errors import ConfigError, DataError
from tsuzuri.interop.safetensors_store import Stored, join_words, save
from tsuzuri.interop.table import Table, refuse_odd
from tsuzuri.kernels.subwords import hash_grams
from tsuzuri.kernels.word2vec import Grams
from tsuzuri.vectors.files import suffix_of
from tsuzuri.vectors.word_vectors import WordVectors

STEP = 1024                                                  # words whose rows are added at a time


@dataclass(frozen=True)
class Parts:
    """What the parts of a word are: n-grams of min_n to max_n characters in so many buckets.  The defaults are fastText's."""

    min_n: int = 3
    max_n: int = 6
    buckets: int = 2_000_000

    def __post_init__(self):
        if not 1 <= self.min_n <= self.max_n:
            raise ConfigError(f"n-grams of {self.min_n} to {self.max_n} characters do not exist; both are whole numbers from 1, "
                              "the second no smaller")
        if not 1 <= self.buckets < 1 << 31:
            raise ConfigError(f"{self.buckets} buckets do not fit; take a number from 1 to 2^31 - 1")


def subword_grams(words: Sequence[str], min_n: int = 3, max_n: int = 6, buckets: int = 2_000_000) -> Grams:
    """The rows whose mean is each word: its own (its number), then one for every n-gram (the number of words + its bucket).

    Every word has its n-grams, special ones too.  ConfigError: lengths or a number of buckets that do not fit.
    """
    parts = Parts(min_n, max_n, buckets)
    if len(words) + buckets >= 1 << 31:
        raise ConfigError(f"{len(words):,} words and {buckets:,} buckets are more than 2^31 rows; take fewer buckets")
    starts = np.concatenate([[0], np.cumsum(1 + _grams_of_length(np.fromiter(map(len, words), np.int64, len(words)), parts))])
    rows = np.empty(starts[-1], np.int32)
    rows[starts[:-1]] = np.arange(len(words))
    hash_grams(*join_words([f"<{word}>" for word in words]), starts[:-1] + 1, rows, min_n, max_n, buckets, len(words))
    return Grams(starts, rows)


def _grams_of_length(characters, parts):
    """How many n-grams words of so many characters have."""
    total = np.zeros_like(characters)
    for n in range(parts.min_n, parts.max_n + 1):
        total += np.maximum(characters + 3 - n, 0) - 2 * (n == 1)              # no bracket alone
    return total


class SubwordVectors(WordVectors):
    """Word vectors that also answer for words made of known parts.

    ``rows`` (P, D) are the trained rows of the buckets ``numbers`` (P, rising): those of some known word's n-grams.  The
    others were never trained, and for an unknown word they are left out of the mean; without any n-gram that was trained it
    has no vector.
    """

    def __init__(self, words: Sequence[str], vectors: np.ndarray, counts: Sequence[int] | None, parts: Parts,
                 numbers: np.ndarray, rows: np.ndarray):
        super().__init__(words, vectors, counts)
        self.parts, self.numbers, self.rows = parts, numbers, rows
        if rows.shape != (len(numbers), self.size):
            raise DataError(f"rows of shape {rows.shape} do not fit {len(numbers):,} buckets and vectors of {self.size} numbers")

    @classmethod
    def of(cls, words: Sequence[str], matrix: np.ndarray, counts: Sequence[int] | None, parts: Parts) -> Self:
        """The vectors of V words from the matrix (V + buckets, D) that was trained on their ``subword_grams``."""
        if matrix.ndim != 2 or len(matrix) != len(words) + parts.buckets:
            raise DataError(f"a matrix of shape {matrix.shape} does not fit {len(words):,} words and {parts.buckets:,} buckets; "
                            "it has a row for each")
        grams = subword_grams(words, parts.min_n, parts.max_n, parts.buckets)
        used = np.zeros(len(matrix), bool)
        used[grams.rows] = True
        numbers = np.flatnonzero(used[len(words):]).astype(np.int32)
        return cls(words, _means(matrix, grams), counts, parts, numbers, matrix[len(words) + numbers])

    @classmethod
    def of_file(cls, stored: Stored) -> Self:
        """What ``save`` wrote."""
        try:
            parts, tensors = Parts(**stored.notes["subwords"]), stored.others
            return cls(*stored.table, parts, tensors["subword_buckets"], tensors["subword_rows"])
        except (KeyError, TypeError) as error:
            raise DataError(f"the rows of the parts of words are missing or damaged ({error}); get a whole copy") from None

    def save(self, path: str | os.PathLike) -> None:
        """As any word vectors; only safetensors keeps the rows of the parts of words, other formats the words alone."""
        if suffix_of(path) != ".safetensors":
            return super().save(path)
        refuse_odd(self.words, self.vectors, str(path))
        save(Path(path), Table(self.words, self.vectors, self.counts), self.tensors, self.notes)

    @property
    def tensors(self) -> dict[str, np.ndarray]:
        """What a file holds beside the words and vectors."""
        return {"subword_buckets": self.numbers, "subword_rows": self.rows}

    @property
    def notes(self) -> dict[str, dict[str, int]]:
        """What a file notes."""
        return {"subwords": asdict(self.parts)}

    def astype(self, dtype: np.dtype | type) -> "SubwordVectors":
        plain, rows = super().astype(dtype), self.rows.astype(dtype)
        return SubwordVectors(plain.words, plain.vectors, plain.counts, self.parts, self.numbers, rows)

    def _missing(self, word: str) -> np.ndarray | None:
        parts = self.parts
        try:
            buckets = subword_grams([word], parts.min_n, parts.max_n, parts.buckets).rows[1:] - 1
        except UnicodeEncodeError:                           # half a character, as a command line can pass on
            return None
        rows = self.rows[np.searchsorted(self.numbers, buckets[np.isin(buckets, self.numbers)])]
        return rows.mean(axis=0) if len(rows) else None


def _means(matrix, grams):
    """The mean (V, D) of the rows of every word."""
    sums = np.empty((len(grams.starts) - 1, matrix.shape[1]), matrix.dtype)
    for first in range(0, len(sums), STEP):
        starts = grams.starts[first:first + STEP + 1]
        sums[first:first + STEP] = np.add.reduceat(matrix[grams.rows[starts[0]:starts[-1]]], starts[:-1] - starts[0])
    return sums / np.diff(grams.starts)[:, None].astype(matrix.dtype)
