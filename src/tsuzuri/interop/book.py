"""The word vectors published with "Deep Learning from Scratch 2" (Saito 2018): a pickled dict of float16 arrays."""
from pathlib import Path

import numpy as np

from tsuzuri.errors import DataError
from tsuzuri.interop.pickles import read_pickle
from tsuzuri.interop.table import Table, checked


def read_book(path: Path) -> Table:
    """The words and vectors of ``cbow_params.pkl``: ``word_vecs`` (V, D) and ``id_to_word``.  Nothing is executed."""
    parts = read_pickle(path)
    vectors, names = (parts.get(key) if isinstance(parts, dict) else None for key in ("word_vecs", "id_to_word"))
    if not isinstance(vectors, np.ndarray) or vectors.ndim != 2 or vectors.dtype.kind != "f" or not isinstance(names, dict):
        raise DataError(f"{path}: the pickle is not a dict with word_vecs and id_to_word, as the book's cbow_params.pkl is")
    words = [word for row in range(len(vectors)) if isinstance(word := names.get(row), str)]
    if not len(names) == len(words) == len(vectors):
        raise DataError(f"{path}: id_to_word does not name the {len(vectors):,} rows of word_vecs; get a whole copy")
    return checked(path, words, vectors)
