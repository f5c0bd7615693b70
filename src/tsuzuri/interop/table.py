"""What every reader of word vectors gives back, and the checks that all of them make."""
import gzip
import os
import zlib
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO, NamedTuple, cast

import numpy as np

from tsuzuri.errors import DataError
from tsuzuri.files import atomic_path

BLOCK = 1 << 22                                              # elements that are checked at a time
MOST_PACKED = 1032                                           # no byte of a .gz holds more than so many


class Table(NamedTuple):
    """Words, their vectors (V, D), and how often each was counted (None where the file does not say)."""
    words: list[str]
    vectors: np.ndarray
    counts: list[int] | None = None


@contextmanager
def opened(path: Path) -> Iterator[BinaryIO]:
    """A file to be read, ``.gz`` unpacked.  DataError: it cannot be read, or it is damaged."""
    try:
        with gzip.open(path, "rb") if path.suffix == ".gz" else open(path, "rb") as handle:
            yield cast(BinaryIO, handle)
    except FileNotFoundError:
        raise DataError(f"{path}: there is no such file; check the spelling and the working folder") from None
    except (OSError, EOFError, zlib.error) as error:         # the last two: a cut and a damaged .gz
        raise DataError(f"{path}: cannot be read ({getattr(error, 'strerror', None) or error}); check the file and its "
                        "permissions") from error


@contextmanager
def created(path: Path) -> Iterator[BinaryIO]:
    """A file to be written, at once or not at all, packed where the name ends in ``.gz`` (without a date in it)."""
    with atomic_path(path) as temporary, open(temporary, "wb") as handle:
        if path.suffix != ".gz":
            yield handle
            return
        with gzip.GzipFile(filename="", mode="wb", fileobj=handle, mtime=0, compresslevel=6) as packed:
            yield cast(BinaryIO, packed)


def largest_size(path: Path) -> int:
    """How many bytes the content of a file can have at most."""
    return os.path.getsize(path) * (MOST_PACKED if path.suffix == ".gz" else 1)


def make_room(path: Path, rows: int, size: int, row_bytes: int, limit: int | None = None) -> np.ndarray:
    """An empty array (rows, size), at most ``limit`` rows, after a look at whether the file can hold what it declares."""
    if rows * row_bytes > largest_size(path):
        raise DataError(f"{path}: the header declares {rows:,} vectors of {size:,} numbers, for which the file is too short; "
                        "get a whole copy")
    try:
        return np.empty((rows if limit is None else min(rows, limit), size), np.float32)
    except (MemoryError, ValueError):
        raise DataError(f"{path}: {rows:,} vectors of {size:,} numbers do not fit into memory; read the first words only "
                        "(--words)") from None


def checked(path: Path, words: list[str], vectors: np.ndarray) -> Table:
    """The table.  DataError: a word stands twice, or a number is not finite."""
    refuse_twice(words, str(path))
    refuse_odd(words, vectors, str(path))
    return Table(words, vectors)


def refuse_twice(words: Sequence[str], name: str) -> None:
    """DataError where a word stands twice."""
    if len(set(words)) == len(words):
        return
    first: dict[str, int] = {}
    for row, word in enumerate(words, 1):
        if first.setdefault(word, row) != row:
            raise DataError(f'{name}: "{word}" stands in row {first[word]:,} and again in row {row:,}; a word has one vector, '
                            "remove one of them")


def refuse_odd(words: Sequence[str], vectors: np.ndarray, name: str) -> None:
    """DataError where a number is NaN or infinite."""
    step = max(1, BLOCK // max(vectors.shape[1], 1))
    for start in range(0, len(vectors), step):
        finite = np.isfinite(vectors[start:start + step]).all(axis=1)
        if not finite.all():
            row = start + int(finite.argmin())
            raise DataError(f'{name}: the vector of "{words[row]}" (row {row + 1:,}) has a number that is NaN or infinite; '
                            "remove the row or train again")
