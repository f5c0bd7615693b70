"""Gold sets: what people judged, to measure vectors with.

Word pairs with a score: a tab between (WordSim-353, SimLex-999), or a CSV with the columns word1, word2 and mean (the Japanese
sets).  Analogies: four words a line, under ``: section`` lines; sections whose name starts with gram are syntactic, the
others semantic (Mikolov 2013).
"""
import csv
import os
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

from tsuzuri.datasets import DATASETS
from tsuzuri.datasets.cache import fetch_file
from tsuzuri.errors import DataError, suggest
from tsuzuri.text.reading import read_lines

SETS = {                                                     # name -> data set and its part
    "ws353": ("wordsim", "ws353"), "ws353-sim": ("wordsim", "ws353-sim"), "ws353-rel": ("wordsim", "ws353-rel"),
    "simlex": ("wordsim", "simlex"), "ja-noun": ("wordsim-ja", "noun"), "ja-verb": ("wordsim-ja", "verb"),
    "ja-adj": ("wordsim-ja", "adj"), "ja-adv": ("wordsim-ja", "adv"), "analogies": ("analogies", "questions"),
}


@dataclass(frozen=True)
class Pairs:
    """Word pairs with the score that people gave."""
    name: str
    pairs: list[tuple[str, str, float]]

    def words(self) -> set[str]:
        return {word for pair in self.pairs for word in pair[:2]}


@dataclass(frozen=True)
class Analogies:
    """Questions (a, b, c, d), "a is to b as c is to d", by section."""
    name: str
    sections: dict[str, list[tuple[str, str, str, str]]] = field(default_factory=dict)

    def words(self) -> set[str]:
        return {word for section in self.sections.values() for question in section for word in question}


Gold = Pairs | Analogies


def open_gold(name: str | os.PathLike) -> Gold:
    """A gold set by its name in ``SETS``, or a file of one.  DataError: there is neither, or a line that makes no sense."""
    known = SETS.get(os.fspath(name))
    if known is None and not Path(name).is_file():
        near = suggest(str(name), SETS)
        raise DataError(f'"{name}" is neither a gold set{near} nor a file; gold sets are {", ".join(SETS)}')
    path = fetch_file(DATASETS[known[0]], known[1]) if known else Path(name)
    lines = list(read_lines(path))
    if path.suffix == ".csv":
        return Pairs(str(name), list(_columns(lines, path)))
    first = next((line for line in lines if line.strip()), "")
    if first.startswith(":"):
        return Analogies(str(name), _sections(lines, path))
    return Pairs(str(name), list(_tabbed(lines, path)))


def _columns(lines: list[str], path: Path) -> Iterator[tuple[str, str, float]]:
    rows = csv.DictReader(lines)
    if not {"word1", "word2", "mean"} <= set(rows.fieldnames or ()):
        raise DataError(f"{path}: the first line does not name the columns word1, word2 and mean; correct it")
    for row in rows:
        yield row["word1"], row["word2"], _score(row["mean"], path, rows.line_num)


def _tabbed(lines: Iterable[str], path: Path) -> Iterator[tuple[str, str, float]]:
    for number, line in enumerate(lines, 1):
        fields = line.split("\t") if "\t" in line else line.split()
        if not fields or line.startswith("#"):
            continue
        if len(fields) != 3:
            raise DataError(f"{path}: line {number}: two words and a score were expected, a tab between, not {len(fields)} "
                            "fields")
        yield fields[0].strip(), fields[1].strip(), _score(fields[2], path, number)


def _score(text: str | None, path: Path, number: int) -> float:
    try:
        return float(text or "")
    except ValueError:
        raise DataError(f'{path}: line {number}: "{text}" is no score; give a number') from None


def _sections(lines: Iterable[str], path: Path) -> dict[str, list[tuple[str, str, str, str]]]:
    sections: dict[str, list] = {}
    current: list = []
    for number, line in enumerate(lines, 1):
        fields = line.split()
        if line.startswith(":"):
            current = sections.setdefault(line[1:].strip(), [])
        elif len(fields) == 4:
            current.append(tuple(fields))
        elif fields:
            raise DataError(f"{path}: line {number}: four words or a section (: name) were expected, not {len(fields)} words")
    return sections
