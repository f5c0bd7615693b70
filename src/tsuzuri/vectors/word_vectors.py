"""WordVectors: words with their vectors, and the questions they answer, whatever trained them.

Similarity is the cosine throughout.  Exact search needs the vectors as they are and one number a word (search.py); a
safetensors file is mapped into memory, so a large one opens at once and several processes share it.
"""
import os
from collections.abc import Iterable, Sequence
from functools import cached_property
from pathlib import Path
from typing import Protocol

import numpy as np

from tsuzuri.errors import ConfigError, DataError, check_choice, suggest
from tsuzuri.interop.table import Table, refuse_odd, refuse_twice
from tsuzuri.vectors.files import read_stored, writer_of
from tsuzuri.vectors.search import inverse_norms, score_blocks, top_rows, unit

METHODS = ("add", "multiply", "dot")
EPSILON = 0.001                                              # of 3CosMul, as published
CANDIDATES = 5000                                            # words that are compared for "did you mean"

Query = str | np.ndarray


class Searcher(Protocol):
    """What finds the words nearest to a vector."""

    def nearest(self, vector: np.ndarray, topn: int = 10, *, without: Iterable[str] = ()) -> list[tuple[str, float]]: ...


class WordVectors:
    """V words, their vectors (V, D) as they were given, and how often each was counted where that is known.

    DataError: numbers of words and vectors that differ, none at all, vectors that are not floats, a word that stands twice.

    >>> vectors = WordVectors(["up", "high", "down"], np.array([[1.0, 1.0], [1.0, 2.0], [-1.0, -1.0]]))
    >>> vectors.most_similar("up", topn=1)
    [('high', 0.9486832980505138)]
    """

    def __init__(self, words: Sequence[str], vectors: np.ndarray, counts: Sequence[int] | None = None):
        self.words, self.vectors = list(words), np.asarray(vectors)
        self.counts = None if counts is None else [int(count) for count in counts]
        self.ids = {word: row for row, word in enumerate(self.words)}
        self._check()

    def _check(self) -> None:
        if self.vectors.ndim != 2 or self.vectors.dtype.kind != "f":
            raise DataError(f"word vectors are an array (V, D) of floats, not of shape {self.vectors.shape} and type "
                            f"{self.vectors.dtype}")
        if not 0 < len(self.words) == len(self.vectors) or (self.counts is not None and len(self.counts) != len(self.words)):
            counts = "" if self.counts is None else f" and {len(self.counts):,} counts"
            raise DataError(f"{len(self.words):,} words do not fit {len(self.vectors):,} vectors{counts}; give one of each, for "
                            "at least one word")
        if len(self.ids) != len(self.words):
            refuse_twice(self.words, "word vectors")

    @staticmethod
    def load(path: str | os.PathLike, limit: int | None = None, *, suffix: str | None = None) -> "WordVectors":
        """The vectors of a file, at most those of the first ``limit`` words.

        The end of the name chooses the format, or ``suffix`` in its place: .txt and .vec (word2vec's text), .bin (word2vec's
        binary), .glove.txt (no header), all also with .gz; .safetensors (mapped into memory, the others are read); .pkl (the
        book's weights).  What SubwordVectors saved becomes SubwordVectors.
        ConfigError: the name ends in none of them.  DataError: the file is missing or damaged.
        """
        stored = read_stored(path, limit, suffix)
        if "subwords" in stored.notes:
            from tsuzuri.vectors.subwords import SubwordVectors
            return SubwordVectors.of_file(stored)
        return WordVectors(*stored.table)

    def save(self, path: str | os.PathLike) -> None:
        """Write the format that the name's end stands for, at once or not at all.  Only safetensors keeps the counts."""
        write = writer_of(path)
        refuse_odd(self.words, self.vectors, str(path))
        write(Path(path), Table(self.words, self.vectors, self.counts))

    def astype(self, dtype: np.dtype | type) -> "WordVectors":
        """The same words with their vectors in another float type.  DataError: a number is too large for it."""
        with np.errstate(over="ignore"):
            vectors = self.vectors.astype(dtype)
        refuse_odd(self.words, vectors, f"as {vectors.dtype}")
        return WordVectors(self.words, vectors, self.counts)

    def __len__(self) -> int:
        return len(self.words)

    def __contains__(self, word: object) -> bool:
        return word in self.ids

    def __getitem__(self, word: str) -> np.ndarray:
        """The vector (D) of a word.  DataError: there is none."""
        vector = self.find(word)
        if vector is None:
            raise DataError(f'"{word}" has no vector{self.suggest(word)}; there are {len(self):,} words, the first of them '
                            f"{', '.join(self.words[:3])}")
        return vector

    def find(self, word: str) -> np.ndarray | None:
        """The vector (D) of a word, None where there is none."""
        row = self.ids.get(word)
        return self._missing(word) if row is None else self.vectors[row]

    @property
    def size(self) -> int:
        """D."""
        return self.vectors.shape[1]

    def lookup(self, words: Iterable[str]) -> np.ndarray:
        """The vectors (N, D) of N words."""
        rows = [self.ids.get(word, -1) for word in words]
        if min(rows, default=0) >= 0:
            return self.vectors[rows]
        return np.stack([self[word] for word in words])

    def _missing(self, word: str) -> np.ndarray | None:
        """The vector of a word that has no row: none here; vectors that are made of parts of words have one."""
        return None

    def suggest(self, word: str) -> str:
        """`` (did you mean "year"?)``: another case of ``word``, else a near miss that starts with the same letter."""
        for other in (word.lower(), word.capitalize(), word.upper(), word.replace(" ", "_")):
            if other in self.ids:
                return f' (did you mean "{other}"?)'
        letters, near = word[:1].lower() + word[:1].upper(), range(len(word) - 2, len(word) + 3)
        likely = [other for other in self.words if other[:1] in letters and len(other) in near]
        return suggest(word, likely[:CANDIDATES]) if word else ""

    @cached_property
    def scales(self) -> np.ndarray:
        """1/length of every vector (V), 0 for a vector of zeros: all that search keeps beside the vectors."""
        return inverse_norms(self.vectors)

    def similarity(self, a: str, b: str) -> float:
        """The cosine of two words, from -1 to 1."""
        return float(unit(self[a]) @ unit(self[b]))

    def most_similar(self, positive: Query | Sequence[Query] = (), negative: Query | Sequence[Query] = (),
                     topn: int = 10, *, index: "Searcher | None" = None) -> list[tuple[str, float]]:
        """The words nearest to the mean of ``positive`` and minus ``negative``, with their cosines.

        Words count with vectors of length 1; arrays (D) are taken as they are.  The words that were given are left out.
        ``index``: an ApproximateIndex that searches in place of the exact search.
        """
        plus, minus = _listed(positive), _listed(negative)
        if not plus and not minus:
            raise ConfigError("there is nothing to be similar to; give at least one word or vector")
        total = np.zeros(self.size)
        for query in plus:
            total += self._direction(query)
        for query in minus:
            total -= self._direction(query)
        return (index or self).nearest(total, topn, without=[query for query in (*plus, *minus) if isinstance(query, str)])

    def nearest(self, vector: np.ndarray, topn: int = 10, *, without: Iterable[str] = ()) -> list[tuple[str, float]]:
        """The words nearest to a vector (D), with their cosines; never those in ``without``."""
        direction = unit(self._fitting(vector))
        return self._best(score_blocks(self.vectors, self.scales, direction), topn, without)

    def analogy(self, a: str, b: str, c: str, topn: int = 10, method: str = "add") -> list[tuple[str, float]]:
        """What is to ``c`` as ``b`` is to ``a``: the best words with their scores; a, b and c are left out.

        add: the cosine with b - a + c, each of length 1 (3CosAdd, Mikolov 2013).
        multiply: cos(x, b) cos(x, c) / (cos(x, a) + 0.001), cosines moved to 0..1 (3CosMul, Levy and Goldberg 2014).
        dot: the product of x as it is with b - a + c as they are, the sum brought to length 1 (Saito 2018).
        """
        check_choice("analogy method", method, METHODS)
        if method == "add":
            return self.most_similar([b, c], [a], topn)
        if method == "multiply":
            return self._best(self._products(a, b, c), topn, (a, b, c))
        wide = self.lookup([a, b, c]).astype(np.float64)
        return self._best(score_blocks(self.vectors, None, unit(wide[1] - wide[0] + wide[2])), topn, (a, b, c))

    def _products(self, a: str, b: str, c: str):
        three = np.stack([unit(self[word]) for word in (a, b, c)], axis=1)
        for start, cosines in score_blocks(self.vectors, self.scales, three):
            shifted = (1 + cosines.astype(np.float64)) / 2
            yield start, shifted[:, 1] * shifted[:, 2] / (shifted[:, 0] + EPSILON)

    def doesnt_match(self, words: Sequence[str]) -> str:
        """The word that is farthest from the mean direction of all of them."""
        if len(words) < 3:
            raise ConfigError(f"of {len(words)} words none can be the odd one; give at least three")
        directions = np.stack([unit(self[word]) for word in words])
        return words[int((directions @ directions.mean(axis=0)).argmin())]

    def rank(self, a: str, b: str) -> int:
        """Which neighbour of ``a`` the word ``b`` is: 1 for the nearest, equals share the better rank."""
        scores = np.concatenate([part for _, part in score_blocks(self.vectors, self.scales, unit(self[a]))])
        own = scores[self.ids[b]] if b in self.ids else self.similarity(a, b)
        scores[[self.ids[word] for word in (a, b) if word in self.ids]] = -np.inf
        return int((scores > own).sum()) + 1

    def _best(self, scored, topn: int, without: Iterable[str]) -> list[tuple[str, float]]:
        if topn < 1:
            raise ConfigError(f"topn is {topn}; ask for at least one word")
        rows = [self.ids[word] for word in without if word in self.ids]
        return [(self.words[row], score) for row, score in top_rows(scored, topn, rows)]

    def _direction(self, query: Query) -> np.ndarray:
        return unit(self[query]) if isinstance(query, str) else self._fitting(query)

    def _fitting(self, vector: np.ndarray) -> np.ndarray:
        vector = np.asarray(vector, np.float64)
        if vector.shape != (self.size,):
            raise DataError(f"a vector of {self.size} numbers was expected, not an array of shape {vector.shape}")
        return vector


def _listed(queries: Query | Sequence[Query]) -> list[Query]:
    """One word or vector, or several, as a list."""
    if isinstance(queries, str) or (isinstance(queries, np.ndarray) and queries.ndim == 1):
        return [queries]
    return list(queries)
