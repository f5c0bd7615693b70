"""What DATA means where pairs are learnt from: a set of pairs with an optional split, a file with a tab in every line, or two
files whose lines belong together.

White space at the ends of a side is dropped.  The pairs can be read as often as needed; files and published splits are streamed.

    set                 split into
    tanaka              train, valid (dev), test, as published
    multi30k            train, valid (val), test (test_2016_flickr), as published
    tatoeba-eng-jpn     by a hash of the first English sentence of a group, 90, 5 and 5 %.  Pairs that share a sentence are one group,
                        so that no sentence of either language is in two parts (by the English one alone, a quarter of the
                        Japanese ones held out would stand in train too)
    dialogue            by whole conversations: of each twenty one to valid and one to test
    wikitext2-headings  train, valid, test, as the text was published
    generated sets      train and valid, the last tenth
    files               train and valid, every 20th pair; pairs that follow each other and have the same first side (exports of
                        Tatoeba have many) count as one and stay together
"""
import os
import re
import zlib
from collections.abc import Callable, Iterable, Iterator
from itertools import chain, groupby, pairwise, zip_longest
from operator import itemgetter

from tsuzuri.datasets.cache import fetch_file
from tsuzuri.datasets.made_pairs import MADE, Pair, made_pairs
from tsuzuri.datasets.registry import DATASETS, Dataset
from tsuzuri.datasets.sources import Splits, parse_source
from tsuzuri.errors import ConfigError, DataError
from tsuzuri.text.reading import STDIN, read_lines
from tsuzuri.text.vocabulary import UNK

EVERY = 20
"""One of so many pairs is held out."""
LONGEST_TEXT = 60
"""Words of a text that has a heading, at most."""
_HEADING = re.compile(r"(=(?: =)*) ([^=]+) \1")
_ATTRIBUTION = re.compile(r"CC[- ]BY|.*\battribution\b", re.IGNORECASE)
_FILE_SPLITS = ("train", "valid")

Reader = Callable[[str | None], Iterator[Pair]]
"""split, or None for all pairs -> the pairs, first side first"""


class PairSource(Splits):
    """Pairs of texts with splits; ``pairs(split)`` can be called again and again, ``pairs()`` gives all of them.

    ``languages`` are those of the source and of the target, "" where they are not known.
    """

    def __init__(self, name: str, read: Reader, splits: tuple[str, ...], languages: tuple[str, str] = ("", ""), direction: str = "",
                 split: str | None = None):
        super().__init__(name, splits, split)
        self._read, self._turned = read, _is_turned(direction, languages, name)
        self.languages = languages[::-1] if self._turned else languages

    def pairs(self, split: str | None = None) -> Iterator[Pair]:
        """(source, target) one by one.  DataError: there is no such split; while reading: a pair that is none."""
        pairs = self._read(self.part(split))
        return ((second, first) for first, second in pairs) if self._turned else pairs


def open_pairs(data: str | os.PathLike, target: str | os.PathLike = "", direction: str = "", encoding_errors: str = "strict") -> PairSource:
    """The pairs that DATA names, from its first side to its second; ``target`` is the file of the second sides where there are two.

    ``direction`` is as "ja-en", of files "1-2" or "2-1".  ``encoding_errors`` says what becomes of bytes of a file that are not
    UTF-8: strict, replace or ignore.
    DataError: there is no such set, split or file, or it is not pairs.  ConfigError: a direction that there is not.
    """
    data, target = os.fspath(data), os.fspath(target)
    if STDIN in (data, target):
        raise DataError("pairs are read more than once, so not from standard input; write them to a file and name that")
    name, split = parse_source(data)
    if name in DATASETS:
        if target:
            raise DataError(f"{name} is a data set, to which no file of targets ({target}) belongs; leave that out, "
                            f"or write ./{name} for a file")
        return _open_set(DATASETS[name], data, direction, split)
    for path in filter(None, (data, target)):
        _check_file(path)

    def read(part):
        pairs = _from_two(data, target, encoding_errors) if target else _from_table(data, encoding_errors)
        return pairs if part is None else _part_of_file(pairs, part, data)
    return PairSource(data, read, _FILE_SPLITS, direction=direction)


def _is_turned(direction: str, languages: tuple[str, str], name: str) -> bool:
    first, second = languages if languages[0] != languages[1] else ("1", "2")
    straight, turned = f"{first}-{second}", f"{second}-{first}"
    if direction not in ("", straight, turned):
        raise ConfigError(f'direction "{direction}" does not fit {name}; there are {straight} and {turned}')
    return direction == turned


# Files

def _check_file(path: str) -> None:
    if not os.path.isfile(path):
        what = "is not a file" if os.path.exists(path) else "there is no such file"
        raise DataError(f"{path}: {what}; name a file that has a tab in every line, or two files whose lines belong together")


def _from_table(path: str, errors: str) -> Iterator[Pair]:
    for number, line in enumerate(read_lines(path, errors=errors), 1):
        sides = line.split("\t")
        if len(sides) == 3 and _ATTRIBUTION.match(sides[2]):
            del sides[2]
        if len(sides) == 1:
            raise DataError(f"{path}: line {number} has no tab; a pair is two texts with a tab between them, or give the second ones "
                            "in a file of their own")
        if len(sides) > 2:
            raise DataError(f"{path}: line {number} has {len(sides) - 1} tabs, but a pair is two texts with one tab between them; keep "
                            "two columns, for instance with `cut -f 1,2`")
        first, second = sides[0].strip(), sides[1].strip()
        if not (first and second):
            raise DataError(f"{path}: line {number} has an empty {'second' if first else 'first'} side; write a text there "
                            "or remove the line")
        yield first, second


def _from_two(first: str, second: str, errors: str) -> Iterator[Pair]:
    lines = enumerate(zip_longest(read_lines(first, errors=errors), read_lines(second, errors=errors)), 1)
    for number, sides in lines:
        if None in sides:
            more = number + sum(1 for _ in lines)
            counts = (number - 1, more) if sides[0] is None else (more, number - 1)
            raise DataError(f"{first} has {counts[0]:,} lines and {second} has {counts[1]:,}; line by line they are pairs, "
                            "so give files of the same length")
        pair = sides[0].strip(), sides[1].strip()
        if not all(pair):
            raise DataError(f"{second if pair[0] else first}: line {number} is empty; write a text there "
                            "or remove the line from both files")
        yield pair


def _part_of_file(pairs: Iterator[Pair], split: str, name: str) -> Iterator[Pair]:
    """The second source of each twenty is held out, so that two are enough for both parts."""
    number = -1
    for number, (_, group) in enumerate(groupby(pairs, key=itemgetter(0))):
        if (number % EVERY == 1) == (split == "valid"):
            yield from group
    if number < 1:
        raise DataError(f"{name}: one source is too little to hold out every {EVERY}th; give more pairs, or name what validates")


# Sets

def _open_set(dataset: Dataset, data: str, direction: str, split: str | None) -> PairSource:
    if dataset.kind != "pairs":
        known = [d.name for d in DATASETS.values() if d.kind == "pairs"]
        raise DataError(f"{dataset.name} is not pairs of texts; sets of pairs are {', '.join(known)}")

    def read(part):
        parts = dataset.splits if part is None else (part,)
        return chain.from_iterable(_part_of_set(dataset, each) for each in parts)
    return PairSource(data, read, dataset.splits, dataset.languages, direction, split)


def _part_of_set(dataset: Dataset, split: str) -> Iterator[Pair]:
    """The pairs of one split; one with an empty side is skipped."""
    if dataset.name in MADE:
        return iter(made_pairs(dataset.name, split))
    if "all" in dataset.files:
        lines = read_lines(fetch_file(dataset, "all"))
        pairs = _CUT[dataset.name](lines, dataset.splits.index(split))
    elif dataset.name in _FOUND:
        pairs = _FOUND[dataset.name](read_lines(fetch_file(dataset, f"{split}-text")))
    else:
        pairs = zip(*(read_lines(fetch_file(dataset, f"{split}-{language}")) for language in dataset.languages), strict=True)
    stripped = ((first.strip(), second.strip()) for first, second in pairs)
    return (pair for pair in stripped if all(pair))


def _twentieth(number: int) -> int:
    """0, 1 or 2 for train, valid or test: 90, 5 and 5 % of the numbers."""
    return max(number % EVERY - (EVERY - 3), 0)


def _tatoeba(lines: Iterable[str], part: int) -> Iterator[Pair]:
    pairs = [(first.strip(), second.strip()) for first, second in (line.split("\t") for line in lines)]
    for pair, label in zip(pairs, _groups(pairs), strict=True):
        if _twentieth(zlib.crc32(pairs[label][0].encode())) == part:
            yield pair


def _groups(pairs: list[Pair]) -> Iterator[int]:
    """For each pair the first one of its group: those that share a side, or that others link in this way."""
    parent = list(range(len(pairs)))
    met: dict[tuple[int, str], int] = {}

    def first_of(k):
        while parent[k] != k:
            parent[k] = k = parent[parent[k]]
        return k
    for k, pair in enumerate(pairs):
        for side in enumerate(pair):
            one, other = sorted((first_of(k), first_of(met.setdefault(side, k))))
            parent[other] = one
    return map(first_of, range(len(pairs)))


def _dialogue(lines: Iterable[str], part: int) -> Iterator[Pair]:
    for number, conversation in enumerate(_conversations(lines)):
        if _twentieth(number) == part:
            yield from conversation


_CUT = {"tatoeba-eng-jpn": _tatoeba, "dialogue": _dialogue}
"""How the sets of one file are cut into parts."""


def _conversations(lines: Iterable[str]) -> Iterator[list[Pair]]:
    """``question:reply``, in which a reply is the question of the next line while a conversation lasts.

    Where a line has more than one ``:`` (as in 8:00), the reply is what the next line begins with, else what follows the first.
    """
    pairs = []
    for line, following in pairwise(chain(lines, [""])):
        cuts = [(line[:colon.start()].strip(), line[colon.end():].strip()) for colon in re.finditer(":", line)]
        answered = [cut for cut in cuts if _begins(following, cut[1])]
        pairs.append((answered or cuts)[0])
        if not answered:
            yield pairs
            pairs = []


def _begins(line: str, question: str) -> bool:
    return line.startswith(question) and line[len(question):].lstrip().startswith(":")


def _headings(lines: Iterable[str]) -> Iterator[Pair]:
    """The whole sentences that a paragraph begins with, as many as fit into the longest source, and the heading above it.

    A heading is a line `` = Title = `` or `` = = Section = = `` between empty ones.  One that stands directly above another has
    no text, and one of unknown words alone says nothing; both are left out, as are paragraphs that begin with no such sentence.
    """
    blocks = (list(block) for full, block in groupby(map(str.strip, lines), key=bool) if full)
    for block, following in pairwise(blocks):
        heading, text = _heading(block), following[0].split()[:LONGEST_TEXT]
        if heading and not _heading(following) and "." in text and {*heading.split()} != {UNK}:
            yield " ".join(text[:len(text) - text[::-1].index(".")]), heading


def _heading(block: list[str]) -> str:
    found = _HEADING.fullmatch(block[0]) if len(block) == 1 else None
    return found[2] if found else ""


_FOUND = {"wikitext2-headings": _headings}
"""How pairs are found in the text of a part."""
