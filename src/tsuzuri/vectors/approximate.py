"""An approximate index: neighbours in a fraction of the time, most of them right (usearch, extra ``ann``).

A graph in which each word points to some of its neighbours is walked towards the query (HNSW, Malkov and Yashunin 2016).
It takes memory beside the vectors and minutes to build for a million words; exact search takes some tenths of a second
there, so it pays for many questions.
"""
import os
from collections.abc import Iterable
from pathlib import Path

import numpy as np

from tsuzuri.errors import ConfigError, DataError
from tsuzuri.files import atomic_path
from tsuzuri.vectors.search import blocks, working
from tsuzuri.vectors.word_vectors import WordVectors

SUFFIX = ".usearch"
LINKS = 16                                                   # neighbours that a word points to
EXPANSION_ADD, EXPANSION_SEARCH = 128, 128                   # candidates that are kept while building and searching


class ApproximateIndex:
    """An index over the words of ``vectors``; ``nearest`` answers as ``WordVectors.nearest`` does, nearly always the same."""

    def __init__(self, vectors: WordVectors, index):
        self.vectors, self.index = vectors, index

    @classmethod
    def build(cls, vectors: WordVectors) -> "ApproximateIndex":
        """Put every word into a new index, on all cores."""
        index = _usearch().Index(ndim=vectors.size, metric="cos", dtype="f32", connectivity=LINKS,
                                 expansion_add=EXPANSION_ADD, expansion_search=EXPANSION_SEARCH)
        for rows in blocks(vectors.vectors):
            block = working(vectors.vectors[rows]).astype(np.float32, copy=False)
            index.add(np.arange(rows.start, rows.start + len(block), dtype=np.uint64), block)
        return cls(vectors, index)

    @classmethod
    def load(cls, path: str | os.PathLike, vectors: WordVectors) -> "ApproximateIndex":
        """An index that ``save`` wrote.  DataError: it is missing, damaged, or of other vectors."""
        usearch = _usearch()
        if not Path(path).is_file():
            raise DataError(f"{path}: there is no index here; build one")
        try:
            index = usearch.Index.restore(str(path))
        except (RuntimeError, ValueError, OSError) as error:
            raise DataError(f"{path}: this is no whole index ({error}); build it again") from None
        if index is None or (len(index), index.ndim) != (len(vectors), vectors.size):
            raise DataError(f"{path}: the index is not one of {len(vectors):,} words of size {vectors.size}; build it again")
        index.expansion_search = EXPANSION_SEARCH
        return cls(vectors, index)

    def save(self, path: str | os.PathLike) -> None:
        """Write the index, by custom to the name of the vectors with ``.usearch`` at the end."""
        with atomic_path(path) as temporary:
            self.index.save(str(temporary))

    def nearest(self, vector: np.ndarray, topn: int = 10, *, without: Iterable[str] = ()) -> list[tuple[str, float]]:
        """The words nearest to a vector (D), with their cosines; never those in ``without``."""
        if topn < 1:
            raise ConfigError(f"topn is {topn}; ask for at least one word")
        left_out = set(without)
        found = self.index.search(np.asarray(vector, np.float32), topn + len(left_out))
        near = ((self.vectors.words[key], 1.0 - float(distance)) for key, distance in zip(found.keys, found.distances, strict=True))
        return [(word, cosine) for word, cosine in near if word not in left_out][:topn]


def index_path(path: str | os.PathLike) -> Path:
    """Where the index of a file of vectors is kept: beside it."""
    return Path(f"{path}{SUFFIX}")


def _usearch():
    try:
        from usearch import index
    except ImportError:
        raise ConfigError('an approximate index needs the library usearch; install it with pip install "tsuzuri[ann]"') from None
    return index
