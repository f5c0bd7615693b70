"""The text format of WordNet's own files, wndb(5): one line a word in ``index.*``, one line a synset in ``data.*``.

The lines of an index are sorted, so a word is found by halving the file; they name synsets by the byte at which
their lines start.  So one word costs a few reads, however large the files are, and nothing is loaded beforehand.
"""
import mmap
import re
import zipfile
from bisect import bisect_left
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

from tsuzuri.errors import DataError

Buffer = bytes | mmap.mmap
POINTERS = {"@": "hypernym", "@i": "instance_hypernym", "~": "hyponym", "~i": "instance_hyponym",
            "%p": "mero_part", "%m": "mero_member", "%s": "mero_substance",
            "#p": "holo_part", "#m": "holo_member", "#s": "holo_substance", "!": "antonym"}
_PARENT = re.compile(rb" @i? (\d{8}) [nv] 0000")
_MARK = re.compile(r"\((?:a|p|ip)\)$")                       # where an adjective may stand: galore(ip)


class Pointer(NamedTuple):
    """A relation to the synset at byte ``offset`` of the part of speech ``pos``; ``source`` and ``target`` count words
    from 1, or are 0 where the relation holds between the meanings."""
    kind: str
    offset: int
    pos: str
    source: int
    target: int


class Record(NamedTuple):
    """One line of a data file."""
    pos: str
    words: tuple[str, ...]
    pointers: list[Pointer]
    definition: str


def open_buffer(place: Path, name: str) -> Buffer:
    """The bytes of a file in a folder or in a zip file; a folder's file is mapped, not read.

    DataError: it is missing, empty or damaged.
    """
    try:
        if place.is_dir():
            with open(place / name, "rb") as file:
                return mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ)
        with zipfile.ZipFile(place) as archive:
            return archive.read(next(member for member in archive.namelist() if Path(member).name == name))
    except (OSError, ValueError, StopIteration, zipfile.BadZipFile) as error:
        raise DataError(f"{place}: {name} is missing or cannot be read; a WordNet has index, data and exception files for "
                        "noun, verb, adj and adv.") from error


def find_offsets(index: Buffer, word: str) -> list[int]:
    """Where the synsets of a word start, the most frequent sense first; empty for a word that is not in the index."""
    start = line_from(index, word)
    end = index.find(b"\n", start)
    lemma, _, rest = index[start:end if end >= 0 else len(index)].decode(errors="replace").partition(" ")
    if lemma != word:
        return []
    fields = rest.split()
    try:                                                     # lemma pos senses pointers [kinds] senses tagged offsets
        count = int(fields[1])
        return [int(offset) for offset in fields[len(fields) - count:]]
    except (ValueError, IndexError) as error:
        raise DataError(f'the index line of "{word}" in WordNet is damaged; unpack WordNet again.') from error


def words_from(index: Buffer, start: str) -> Iterator[str]:
    """The words that begin with ``start``, in the order of the index."""
    at, end = line_from(index, start), line_from(index, start + "\U0010ffff")
    for line in index[at:end].splitlines():
        yield line.split(b" ", 1)[0].decode(errors="replace")


def line_from(index: Buffer, word: str) -> int:
    """The byte at which the first line starts whose word is not before ``word``.

    The lines of the licence at the head start with a space, so they are before every word.
    """
    return _next_line(index, bisect_left(_Lines(index), word.encode(), 0, len(index)))


class _Lines:
    """An index as a sequence over its bytes: at each, the word of the line that starts there or next."""

    def __init__(self, index: Buffer):
        self.index = index

    def __getitem__(self, byte: int) -> bytes:
        start = _next_line(self.index, byte)
        return self.index[start:self.index.find(b" ", start)] if start < len(self.index) else b"\xff"


def _next_line(index: Buffer, byte: int) -> int:
    """Where the line starts that begins at ``byte`` or next after it."""
    end = index.find(b"\n", byte - 1) if byte else -1
    return len(index) if byte and end < 0 else end + 1


def read_record(data: Buffer, offset: int) -> Record:
    """The synset whose line starts at ``offset``.  DataError: no line starts there, or it is damaged."""
    end = data.find(b"\n", offset)
    line = data[offset:end if end >= 0 else len(data)].decode(errors="replace")
    head, _, gloss = line.partition(" | ")
    fields = head.split()
    try:
        if int(fields[0]) != offset:
            raise ValueError
        count = int(fields[3], 16)
        words = tuple(_MARK.sub("", word).replace("_", " ") for word in fields[4:4 + 2 * count:2])
        start = 5 + 2 * count
        pointers = [_pointer(*fields[at:at + 4]) for at in range(start, start + 4 * int(fields[start - 1]), 4)]
    except (ValueError, IndexError, TypeError) as error:
        raise DataError(f"WordNet's data has no synset at byte {offset}, though its index says so; unpack WordNet "
                        "again, as text files whose line ends were changed do not fit their index.") from error
    return Record(fields[2], words, pointers, gloss.split('; "')[0].strip())


def _pointer(symbol, offset, pos, words):
    return Pointer(POINTERS.get(symbol, symbol), int(offset), pos, int(words[:2], 16), int(words[2:], 16))


def read_exceptions(text: Buffer) -> dict[str, list[str]]:
    """Irregular form -> base forms: mice -> mouse."""
    lines = (line.split() for line in text[:].decode(errors="replace").splitlines())
    return {form: bases for form, *bases in filter(None, lines)}


def longest_way_up(data: Buffer) -> int:
    """The most steps from a synset of one data file to a top of its hierarchy."""
    parents: dict[int, list[int]] = {}
    for line in data[:].splitlines():
        if not line.startswith(b" "):                        # the licence
            found = _PARENT.findall(line.partition(b" | ")[0])
            parents[int(line[:8])] = [int(offset) for offset in found]
    depths: dict[int, int] = {}
    return max((_depth(offset, parents, depths) for offset in parents), default=0)


def _depth(offset, parents, depths):
    if offset not in depths:
        depths[offset] = 0                                   # so that a circle ends
        above = parents.get(offset, ())
        depths[offset] = 1 + max(_depth(parent, parents, depths) for parent in above) if above else 0
    return depths[offset]
