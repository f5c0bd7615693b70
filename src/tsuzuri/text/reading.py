"""Lines of text from a file, a folder, a glob or standard input, streamed block by block.

LF, CRLF and a bare CR all end a line, nothing else does (``str.splitlines`` also splits at form feeds and
U+2028, which stand inside the lines of real corpora).  A byte order mark is dropped; what is not UTF-8 is
named by line and byte.
"""
import codecs
import glob
import gzip
import os
import sys
import zlib
from collections.abc import Callable, Iterator
from contextlib import nullcontext
from itertools import chain
from pathlib import Path
from typing import BinaryIO

from tsuzuri.errors import DataError, check_choice

STDIN = "-"
BLOCK = 1 << 20
ENCODING_ERRORS = ("strict", "replace", "ignore")

Source = str | os.PathLike
Cleaner = Callable[[Iterator[str]], Iterator[str]]


def read_lines(source: Source, *, errors: str = "strict", clean: Cleaner | None = None) -> Iterator[str]:
    """The lines of ``source`` without their ends; several files follow each other in the order of names.

    A source is a file (``.gz`` is unpacked), a folder (its ``*.txt`` and ``*.txt.gz`` files, at any depth), a
    glob, or ``-``.  ``errors`` says what becomes of bytes that are not UTF-8: strict, replace (by U+FFFD) or
    ignore; ``clean`` is given the lines of each file by itself and gives those to keep.
    DataError: nothing of that name (at once), no text in it or bytes that are not UTF-8 (while reading).
    """
    check_choice("encoding errors", errors, ENCODING_ERRORS)
    files = find_files(source)
    name = "standard input" if files == [STDIN] else str(source)
    texts = (_read_file(file, errors) for file in files)
    return refuse_empty(chain.from_iterable(map(clean, texts) if clean else texts), name)


def read_text(source: Source, *, errors: str = "strict", clean: Cleaner | None = None) -> str:
    """The whole text of a small source, every line with one ``\\n`` at its end."""
    return "".join(line + "\n" for line in read_lines(source, errors=errors, clean=clean))


def find_files(source: Source) -> list[Path | str]:
    """The files that ``source`` stands for, sorted; ``["-"]`` for standard input."""
    if str(source) == STDIN:
        return [STDIN]
    path = Path(source)
    if path.is_dir():
        found = [p for pattern in ("*.txt", "*.txt.gz") for p in path.rglob(pattern) if p.is_file()]
        wanted = "the folder holds no .txt or .txt.gz file; name the files with a glob"
    elif path.exists():
        return [path]
    else:
        found = [Path(p) for p in glob.glob(str(source), recursive=True) if os.path.isfile(p)]
        wanted = "no such file, folder or glob; check the spelling and the working folder"
    if not found:
        raise DataError(f"{source}: {wanted}")
    return [*sorted(found)]


def decode_lines(handle: BinaryIO, name: str, errors: str = "strict") -> Iterator[str]:
    """The lines of one binary file; ``name`` stands in error messages.  Bytes count from 0, lines from 1."""
    line, offset = 1, 0
    for block in _blocks(handle):
        bom = len(codecs.BOM_UTF8) if offset == 0 and block.startswith(codecs.BOM_UTF8) else 0
        try:
            text = block[bom:].decode("utf-8", errors)
        except UnicodeDecodeError as error:
            at = bom + error.start
            line += _unify(block[:at]).count(b"\n")
            raise DataError(f"{name}: line {line}, byte {offset + at}: 0x{block[at]:02x} is not UTF-8; convert the "
                            "file with iconv, or where a training reads it pass --encoding-errors replace") from None
        if "\r" in text:
            text = text.replace("\r\n", "\n").replace("\r", "\n")
        lines = text.split("\n")
        if not lines[-1]:                                       # what follows the last line end is not a line
            lines.pop()
        yield from lines
        offset, line = offset + len(block), line + len(lines)


def _blocks(handle: BinaryIO) -> Iterator[bytes]:
    """Blocks of whole lines, about a mebibyte each, so that no character and no CRLF is cut in two."""
    pieces: list[bytes] = []
    while block := handle.read(BLOCK):
        end = max(block.rfind(b"\n"), block.rfind(b"\r", 0, -1)) + 1        # a last CR may be half of a CRLF
        if end:
            yield b"".join([*pieces, block[:end]])
            pieces = []
        pieces.append(block[end:])
    yield b"".join(pieces)


def _unify(block: bytes) -> bytes:
    return block.replace(b"\r\n", b"\n").replace(b"\r", b"\n")


def refuse_empty(lines: Iterator[str], name: str) -> Iterator[str]:
    """``lines``, and a DataError at the end if there was none."""
    empty = True
    for line in lines:
        empty = False
        yield line
    if empty:
        raise DataError(f"{name}: there is no text in it; give a source with at least one character")


def _read_file(file: Path | str, errors: str) -> Iterator[str]:
    name = "standard input" if file == STDIN else str(file)
    try:
        with _open(file) as handle:
            yield from decode_lines(handle, name, errors)
    except (OSError, EOFError, zlib.error) as error:            # the last two: a cut and a damaged .gz
        reason = getattr(error, "strerror", None) or error
        raise DataError(f"{name}: cannot be read ({reason}); check the file and its permissions") from error


def _open(file: Path | str):
    if file == STDIN:
        return nullcontext(sys.stdin.buffer)
    return gzip.open(file, "rb") if str(file).endswith(".gz") else open(file, "rb")
