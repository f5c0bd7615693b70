"""GloVe's text format (Pennington, Socher and Manning 2014): word2vec's text without the header."""
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from tsuzuri.errors import DataError
from tsuzuri.interop.table import Table, checked, make_room, opened
from tsuzuri.interop.word2vec_format import CHUNK, parse_numbers, read_rows, strict_numbers, write_text


def read_glove(path: Path, limit: int | None = None) -> Table:
    """The words and float32 vectors of a file, read twice: once to count its lines."""
    rows, size = measure(path)
    with opened(path) as handle:
        vectors = make_room(path, rows, size, 2 * size, limit)
        words = read_rows(path, handle, vectors, first_line=1)
    return checked(path, words, vectors)


def measure(path: Path) -> tuple[int, int]:
    """V and D: the lines of a file, and the numbers at the end of its first line."""
    with opened(path) as handle, strict_numbers():
        fields = handle.readline().split()
        size = 0
        while size < len(fields) - 1 and parse_numbers(fields[-1 - size]) is not None:
            size += 1
        if not size:
            raise DataError(f"{path}: the first line is not a word and its numbers, as in a GloVe file; name the file by what "
                            "it is")
        rows, last = 1, b"\n"
        while chunk := handle.read(CHUNK):
            rows, last = rows + chunk.count(b"\n"), chunk
    return rows + (not last.endswith(b"\n")), size


def write_glove(path: Path, words: Sequence[str], vectors: np.ndarray) -> None:
    """Write words and numbers without a header."""
    write_text(path, words, vectors, header=False)
