"""The two formats of the word2vec tool (Mikolov 2013), byte for byte as gensim 4.4 writes them.

Text: a header ``V D``, then a line for every word: the word, D numbers, a space before each.  A number is the shortest
that reads back as the same float.  fastText's ``.vec`` is the same with a space at the end of each line.

Binary: the same header, then for every word its UTF-8 bytes, a space, and D float32, least byte first.  The original tool
ends every vector with a line end, gensim does not; both are read.

A word may hold spaces.  In text the last D fields are the vector, so nothing is unclear.  Binary files do not say
where a word ends: gensim stops at the first space and reads shifted bytes from there on.  Here a space ends the
word only if the D floats behind it are of a size that vectors have.  After a wrong cut the rest of the word stands
among the floats: either they are shifted, so that low bytes become exponents, or one ends with the byte of the last
space, which makes it about 1e-19.
"""
import warnings
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from itertools import islice
from pathlib import Path
from typing import BinaryIO

import numpy as np

from tsuzuri.errors import DataError
from tsuzuri.interop.table import Table, checked, created, make_room, opened

CHUNK = 1 << 24                                              # bytes that are read at a time
LONGEST = 1 << 16                                            # bytes of a header or a word
SMALLEST, LARGEST = np.float32(1e-15), np.float32(1e15)      # sizes of numbers in vectors, 0 aside
HEADER_HINT = "a file without this line is a GloVe file, whose name ends in .glove.txt"
FLOAT32 = np.dtype("<f4")


def read_text(path: Path, limit: int | None = None) -> Table:
    """The words and float32 vectors of a text file (or ``.gz``), at most the first ``limit``."""
    with opened(path) as handle:
        rows, size = read_header(path, handle)
        vectors = make_room(path, rows, size, 2 * size + 1, limit)
        words = read_rows(path, handle, vectors, first_line=2)
        if len(words) < len(vectors):
            raise DataError(f"{path}: the header declares {rows:,} vectors, the file has {len(words):,}; get a whole copy or "
                            "correct the first line")
        if len(words) == rows and any(line.strip() for line in handle):
            raise DataError(f"{path}: there are more vectors than the {rows:,} that the header declares; correct the first "
                            "line")
    return checked(path, words, vectors)


def read_header(path: Path, handle: BinaryIO) -> tuple[int, int]:
    """V and D of the first line.  DataError: it is no header, or nothing would follow it."""
    line = handle.readline(LONGEST)
    fields = line.split()
    if not line:
        raise DataError(f"{path}: the file is empty; a file of vectors starts with a line that says how many there are")
    if len(fields) != 2 or not all(field.isdigit() and len(field) < 16 for field in fields):
        raise DataError(f"{path}: the first line is not the number of vectors and their size, such as 10000 100; {HEADER_HINT}")
    rows, size = map(int, fields)
    if not rows or not size:
        raise DataError(f"{path}: the header declares {rows} vectors of {size} numbers; there must be at least one of each")
    return rows, size


def read_rows(path: Path, handle: BinaryIO, vectors: np.ndarray, first_line: int) -> list[str]:
    """Fill ``vectors`` line by line; the words, fewer than rows where the file ends before."""
    words = []
    with strict_numbers():
        for row, line in enumerate(islice(handle, len(vectors))):
            where = f"{path}: line {row + first_line}"
            word, vectors[row] = split_line(line.rstrip(b" \r\n"), vectors.shape[1], where)
            words.append(decode(word, where))
    return words


def split_line(line: bytes, size: int, where: str) -> tuple[bytes, np.ndarray]:
    """The word and the numbers of a line: the word is what stands before the last ``size`` fields."""
    word, _, rest = line.partition(b" ")
    numbers = parse_numbers(rest)
    if numbers is None or len(numbers) != size:
        word, *fields = line.rsplit(b" ", size)
        numbers = parse_numbers(b" ".join(fields))
    if numbers is None or len(numbers) != size:
        raise DataError(f"{where}: a word and {size} numbers, a space between, were expected, not {shortened(line)}")
    return word, numbers


@contextmanager
def strict_numbers() -> Iterator[None]:
    """Within the block ``parse_numbers`` sees where something is no number."""
    with warnings.catch_warnings():
        warnings.simplefilter("error", DeprecationWarning)   # how NumPy says that something is left over
        yield


def parse_numbers(text: bytes) -> np.ndarray | None:
    """Numbers with white space between them, None where something is no number."""
    try:
        return np.fromstring(text, np.float32, sep=" ")
    except (DeprecationWarning, ValueError):
        return None


def shortened(line: bytes) -> str:
    text = line[:60].decode("utf-8", "replace")
    return f'"{text}{"..." if len(line) > 60 else ""}"'


def decode(word: bytes, where: str) -> str:
    try:
        return word.decode("utf-8")
    except UnicodeDecodeError as error:
        raise DataError(f"{where}: the word has the byte 0x{word[error.start]:02x}, which is not UTF-8; write the file again "
                        "with UTF-8 words") from None


def write_text(path: Path, words: Sequence[str], vectors: np.ndarray, header: bool = True) -> None:
    """Write a text file (packed where the name ends in ``.gz``).  DataError: a word holds a line end."""
    for word in words:
        if "\n" in word or "\r" in word:
            raise DataError(f"{path}: the word {word!r} holds a line end, which a text file cannot keep; save as .safetensors")
    with created(path) as handle:
        if header:
            handle.write(b"%d %d\n" % vectors.shape)
        for word, row in zip(words, vectors, strict=True):
            handle.write(f"{word} {' '.join([str(number) for number in row])}\n".encode())


def read_binary(path: Path, limit: int | None = None) -> Table:
    """The words and float32 vectors of a binary file (or ``.gz``), at most the first ``limit``."""
    with opened(path) as handle:
        rows, size = read_header(path, handle)
        vectors = make_room(path, rows, size, size * FLOAT32.itemsize + 1, limit)
        records = Records(path, handle, rows, size)
        words = records.read_into(vectors)
        if len(vectors) == rows:
            records.expect_end()
    return checked(path, words, vectors)


class Records:
    """The words and vectors of a binary file, cut out block by block."""

    def __init__(self, path: Path, handle: BinaryIO, rows: int, size: int):
        self.path, self.handle, self.rows, self.size = path, handle, rows, size
        self.bytes = size * FLOAT32.itemsize
        self.buffer, self.start, self.ended = b"", 0, False
        self.ahead = CHUNK                                   # records that are cut at first spaces before a look at the numbers

    def read_into(self, vectors: np.ndarray) -> list[str]:
        """Fill ``vectors`` with the next records; their words."""
        words: list[str] = []
        while len(words) < len(vectors):
            self._refill()
            cuts = self._first_spaces(min(len(vectors) - len(words), self.ahead), len(words))
            block = vectors[len(words):len(words) + len(cuts)]
            self._copy(cuts, block)
            good = leading(plausible(block))
            self.ahead = min(2 * self.ahead, CHUNK) if good == len(cuts) else 1
            if good < len(cuts):                             # one odd record, looked at closely
                cuts[good:] = [self._best_space(*cuts[good])]
                self._copy(cuts[good:], block[good:])
            words += [decode(self.buffer[start:space].lstrip(b"\n"), f"{self.path}: word {len(words) + k:,}")
                      for k, (start, space) in enumerate(cuts, 1)]
            self.start = cuts[-1][1] + 1 + self.bytes
        return words

    def expect_end(self) -> None:
        """DataError where more follows than a line end."""
        if (self.buffer[self.start:] + self.handle.read(1)).strip(b"\n"):
            raise DataError(f"{self.path}: bytes follow the {self.rows:,} vectors that the header declares; correct the first "
                            "line or get a whole copy")

    def _refill(self) -> None:
        """Have a whole record in the buffer, where the file has one."""
        if self.ended or len(self.buffer) - self.start >= self.bytes + LONGEST:
            return
        more = self.handle.read(CHUNK + self.bytes + LONGEST)
        self.buffer, self.start, self.ended = self.buffer[self.start:] + more, 0, not more

    def _first_spaces(self, count: int, read: int) -> list[tuple[int, int]]:
        """Where up to ``count`` records start, and the first space of each; at least one record."""
        start = self.start
        cuts: list[tuple[int, int]] = []
        while len(cuts) < count and (space := self._space(start)) >= 0:
            cuts.append((start, space))
            start = space + 1 + self.bytes
        if not cuts:
            raise DataError(f"{self.path}: the file ends, or no longer makes sense, after {read:,} of the {self.rows:,} "
                            "vectors that its header declares; get a whole copy")
        return cuts

    def _space(self, start: int) -> int:
        """The next space that a whole vector follows in the buffer, or -1."""
        return self.buffer.find(b" ", start, min(start + LONGEST, len(self.buffer) - self.bytes))

    def _best_space(self, start: int, first: int) -> tuple[int, int]:
        """The first space behind which there are usual numbers and before which there is a word; else the first of all."""
        space = self._space(first + 1)
        while space >= 0 and is_word(self.buffer[start:space]):
            if plausible(np.frombuffer(self.buffer, FLOAT32, self.size, space + 1)[None])[0]:
                return start, space
            space = self._space(space + 1)
        return start, first

    def _copy(self, cuts: list[tuple[int, int]], vectors: np.ndarray) -> None:
        for (_, space), vector in zip(cuts, vectors, strict=False):
            vector[:] = np.frombuffer(self.buffer, FLOAT32, self.size, space + 1)


def plausible(vectors: np.ndarray) -> np.ndarray:
    """For each row, whether its numbers have sizes that are usual in vectors."""
    sizes = np.abs(vectors)
    return (((sizes > SMALLEST) & (sizes < LARGEST)) | (sizes == 0)).all(axis=1)


def leading(flags: np.ndarray) -> int:
    """How many flags are true before the first that is not."""
    return len(flags) if flags.all() else int(flags.argmin())


def is_word(data: bytes) -> bool:
    try:
        return data.lstrip(b"\n").decode("utf-8").isprintable()
    except UnicodeDecodeError:
        return False


def write_binary(path: Path, words: Sequence[str], vectors: np.ndarray) -> None:
    """Write a binary file; the numbers become float32.  DataError: a word starts with a line end, which readers drop."""
    for word in words:
        if word.startswith("\n"):
            raise DataError(f"{path}: the word {word!r} starts with a line end, which a .bin file cannot keep; save as "
                            ".safetensors")
    with created(path) as handle:
        handle.write(b"%d %d\n" % vectors.shape)
        for word, row in zip(words, vectors, strict=True):
            handle.write(word.encode() + b" " + row.astype(FLOAT32).tobytes())
