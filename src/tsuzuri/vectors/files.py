"""Which file format a name stands for: the end of the name chooses."""
import os
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np

from tsuzuri.errors import ConfigError, suggest
from tsuzuri.interop.book import read_book
from tsuzuri.interop.glove_text import read_glove, write_glove
from tsuzuri.interop.safetensors_store import Stored, load, load_tensors, save
from tsuzuri.interop.table import Table
from tsuzuri.interop.word2vec_format import read_binary, read_text, write_binary, write_text


class Format(NamedTuple):
    """A way to read at most so many words, and to write words and vectors (None: it is only read)."""
    read: Callable[[Path, int | None], Table]
    write: Callable[[Path, Table], None] | None


def _first(path: Path, limit: int | None) -> Table:
    words, vectors, counts = load(path).table
    return Table(words[:limit], vectors[:limit], None if counts is None else counts[:limit])


def _book(path: Path, limit: int | None) -> Table:
    table = read_book(path)
    return Table(table.words[:limit], table.vectors[:limit])


def _plain(write: Callable[[Path, Sequence[str], np.ndarray], None]) -> Callable[[Path, Table], None]:
    return lambda path, table: write(path, table.words, table.vectors)


WORD2VEC_TEXT, BINARY = Format(read_text, _plain(write_text)), Format(read_binary, _plain(write_binary))
GLOVE = Format(read_glove, _plain(write_glove))
FORMATS = {                                                  # the first that fits is taken
    ".glove.txt": GLOVE, ".glove": GLOVE, ".glove.txt.gz": GLOVE, ".glove.gz": GLOVE,
    ".txt": WORD2VEC_TEXT, ".vec": WORD2VEC_TEXT, ".txt.gz": WORD2VEC_TEXT, ".vec.gz": WORD2VEC_TEXT,
    ".bin": BINARY, ".bin.gz": BINARY,
    ".safetensors": Format(_first, save),
    ".pkl": Format(_book, None),
}


def suffix_of(path: str | os.PathLike) -> str:
    """The end of the name that chooses the format.  ConfigError: it stands for none."""
    name = Path(path).name.lower()
    for suffix in FORMATS:
        if name.endswith(suffix):
            return suffix
    last = Path(name).suffix
    near = suggest(last, FORMATS) if last else ""
    raise ConfigError(f"{path}: the name does not end in a format of word vectors{near}; there are {', '.join(FORMATS)}")


def read_vectors(path: str | os.PathLike, limit: int | None = None, suffix: str | None = None) -> Table:
    """The words and vectors of a file, at most the first ``limit``; ``suffix`` chooses instead of the name's end."""
    if limit is not None and limit < 1:
        raise ConfigError(f"{limit} words cannot be read; take a number from 1")
    return FORMATS[suffix_of(suffix or path)].read(Path(path), limit)


def read_stored(path: str | os.PathLike, limit: int | None = None, suffix: str | None = None) -> Stored:
    """As ``read_vectors``, with what a safetensors file holds beside the words; no other format holds more."""
    table = read_vectors(path, limit, suffix)
    if suffix_of(suffix or path) != ".safetensors":
        return Stored(table, {}, {})
    tensors, notes = load_tensors(Path(path))
    return Stored(table, tensors, notes)


def writer_of(path: str | os.PathLike) -> Callable[[Path, Table], None]:
    """What writes the format of ``path``.  ConfigError: it is only read, or stands for none."""
    suffix = suffix_of(path)
    write = FORMATS[suffix].write
    if write is None:
        raise ConfigError(f"{path}: {suffix} files are read but never written; take .safetensors, .bin or .txt")
    return write
