"""What DATA on the command line means: a data set with an optional split, a file, a folder, a glob, a pipe, or
standard input.

A data set's name always means the data set, whatever lies in the working folder, so that a command means the
same everywhere; a file of that name is written ``./ptb``.  Everything else is a path.
"""
import glob
import os
import shutil
import sys
import tempfile
from abc import ABC, abstractmethod
from bisect import bisect_left
from collections.abc import Callable, Iterator
from functools import cached_property
from itertools import accumulate, chain, islice
from typing import BinaryIO

from tsuzuri.datasets.cache import fetch_file, find_dataset
from tsuzuri.datasets.generated import python_reference
from tsuzuri.datasets.registry import DATASETS, Dataset
from tsuzuri.errors import DataError, suggest
from tsuzuri.text.reading import STDIN, Cleaner, decode_lines, read_lines, refuse_empty

HELD_OUT = 0.05


def parse_source(data: str | os.PathLike) -> tuple[str, str | None]:
    """``"ptb:test"`` -> ("ptb", "test"); ``"ptb"``, a path, a glob or ``-`` -> (itself, None).

    DataError: neither a data set nor a path, or a split that the data set does not have.
    """
    data = os.fspath(data)
    name, colon, split = data.rpartition(":")
    if colon and name in DATASETS:
        _check_split(name, split)
        return name, split
    if data in DATASETS or data == STDIN or os.path.exists(data) or glob.has_magic(data):
        return data, None
    if colon and (name == STDIN or os.path.exists(name)):
        raise DataError(f'"{data}": only data sets have splits, and {name} is a file or folder; leave '
                        f'":{split}" out')
    raise DataError(f'"{data}" is neither a data set{suggest(name or data, DATASETS)} nor a file, folder or '
                    f'glob that exists; data sets are {", ".join(DATASETS)}')


def open_source(data: str | os.PathLike, split: str | None = None, *, errors: str = "strict",
                clean: Cleaner | None = None) -> "Source":
    """The text that DATA names, to be read as often as needed; ``split`` chooses as ``ptb:test`` does.

    ``clean`` is given the lines of every file, and gives those to keep (as ``tsuzuri.text.aozora.clean_lines``); data sets
    are clean as they are.
    DataError: as for ``parse_source``; a data set that is not text; two ways of naming a split that differ.
    """
    name, named = parse_source(data)
    if split and named not in (None, split):
        raise DataError(f'"{data}" names the split {named}, but {split} was asked for; name one of them')
    split = split or named
    if name in DATASETS:
        _check_text(name)
        if split is None:
            return DatasetText(name)
        _check_split(name, split)
        return PlainText(f"{name}:{split}", lambda: dataset_lines(name, split))
    if split is not None:
        raise DataError(f'"{data}" has no split "{split}"; only data sets have splits')
    if name == STDIN:
        return PlainText("standard input", _spooled(sys.stdin.buffer, "standard input", errors, clean))
    if os.path.exists(name) and not (os.path.isfile(name) or os.path.isdir(name)):
        with open(name, "rb") as pipe:
            return PlainText(name, _spooled(pipe, name, errors, clean))
    return PlainText(name, lambda: read_lines(name, errors=errors, clean=clean))


def dataset_lines(name: str, split: str) -> Iterator[str]:
    """The lines of one split of a data set, fetched where it is not in the cache."""
    _check_split(name, split)
    dataset = find_dataset(name)
    _check_text(name)
    if not dataset.fractions:
        return _file_lines(dataset, split)
    if not dataset.files:
        return iter(_cut(dataset, split, list(python_reference())))
    return chain.from_iterable([_cut(dataset, split, list(_file_lines(dataset, file))) for file in dataset.files])


def _file_lines(dataset: Dataset, file: str) -> Iterator[str]:
    lines = read_lines(fetch_file(dataset, file))
    return lines if dataset.written is None else dataset.written(lines)


def _cut(dataset: Dataset, split: str, lines: list[str]) -> list[str]:
    """The part of ``lines`` that is ``split``, in characters with line ends; of generated text, in lines."""
    weights = [len(line) + 1 if dataset.files else 1 for line in lines]
    start, end = _bounds(weights, list(dataset.fractions.values()), dataset.splits.index(split))
    return lines[start:end]


class Splits:
    """Something to read that has splits; ``split`` is the one that DATA names, which is then the only one, else None."""

    def __init__(self, name: str, splits: tuple[str, ...], split: str | None = None):
        self.name, self.split = name, split
        self.splits = splits if split is None else (split,)

    def part(self, split: str | None) -> str | None:
        """``split``, or else the one that DATA names; None: all of it.  DataError: there is no such split."""
        split = split or self.split
        if split is not None and split not in self.splits:
            raise _no_split(self.name, split, self.splits)
        return split

    def first_of(self, *splits: str) -> str | None:
        """The split that DATA names, or else the first of ``splits`` that a data set has; of files None, all of them."""
        return self.split or next((split for split in splits if self.name in DATASETS and split in self.splits), None)


class Source(Splits, ABC):
    """A text with splits; ``lines(split)`` can be called again and again, ``lines()`` is the whole text."""

    def lines(self, split: str | None = None) -> Iterator[str]:
        part = self.part(split)
        return self._whole() if part is None else self._part(part)

    @abstractmethod
    def _whole(self) -> Iterator[str]: ...

    @abstractmethod
    def _part(self, split: str) -> Iterator[str]: ...


class DatasetText(Source):
    """A data set with the splits it was published with."""

    def __init__(self, name: str):
        if not DATASETS[name].splits:
            raise DataError(f"{name} is points, not text; take it from tsuzuri.datasets.{name}(rng)")
        super().__init__(name, DATASETS[name].splits)

    def _whole(self) -> Iterator[str]:
        dataset = find_dataset(self.name)
        if dataset.fractions and dataset.files:              # its parts would each be cut out of a list of all lines
            return chain.from_iterable(_file_lines(dataset, file) for file in dataset.files)
        return chain.from_iterable(map(self._part, self.splits))

    def _part(self, split: str) -> Iterator[str]:
        return dataset_lines(self.name, split)


class PlainText(Source):
    """A text without splits: the last 5 % of its lines, at least one, are held out as ``valid``.

    Nothing is kept in memory: the lines are counted in a pass of their own, once, when a split is first asked
    for.  DataError then: a text of one line, of which nothing can be held out.
    """

    def __init__(self, name: str, read: Callable[[], Iterator[str]]):
        super().__init__(name, ("train", "valid"))
        self._read = read

    @cached_property
    def _kept(self) -> int:
        count = sum(1 for _ in self._read())
        if count < 2:
            raise DataError(f"{self.name}: one line is too little to hold out the last {HELD_OUT:.0%} of the "
                            "lines; break the text into lines, for instance with `fold -s`")
        return count - max(1, int(HELD_OUT * count))

    def _part(self, split: str) -> Iterator[str]:
        start, stop = (0, self._kept) if split == "train" else (self._kept, None)
        return islice(self._read(), start, stop)

    def _whole(self) -> Iterator[str]:
        return self._read()


def _spooled(pipe: BinaryIO, name: str, errors: str, clean: Cleaner | None) -> Callable[[], Iterator[str]]:
    """A reader that can be called again of what can be read once: it is copied to a temporary file."""
    spool = tempfile.NamedTemporaryFile(prefix="tsuzuri-pipe-")  # noqa: SIM115, it closes with the reader
    shutil.copyfileobj(pipe, spool)
    spool.flush()

    def read() -> Iterator[str]:
        with open(spool.name, "rb") as handle:
            lines = decode_lines(handle, name, errors)
            yield from refuse_empty(clean(lines) if clean else lines, name)
    return read


def _bounds(weights: list[int], fractions: list[float], index: int) -> tuple[int, int]:
    """Where part ``index`` starts and ends when lines of these weights are cut in these fractions; a cut that
    falls inside a line moves to its end."""
    sums = [0, *accumulate(weights)]
    first, last = (bisect_left(sums, round(sums[-1] * sum(fractions[:k]))) for k in (index, index + 1))
    return first, len(weights) if index == len(fractions) - 1 else last


def _check_text(name: str) -> None:
    kind = find_dataset(name).kind
    if kind == "judgements":
        raise DataError(f"{name} is a set of judgements, not text; `tsuzuri vectors evaluate` measures vectors with it")
    if kind == "vectors":
        raise DataError(f"{name} is word vectors, not text; `tsuzuri data get {name}` prints the file, which `tsuzuri vectors "
                        "nearest` can be asked")
    if kind == "series":
        raise DataError(f"{name} is a series of numbers, not text; `tsuzuri series train {name}` learns from it")
    if kind in ("labels", "tags"):
        arch = " --arch tagger" if kind == "tags" else ""
        raise DataError(f"{name} is labelled sentences, not text; `tsuzuri tag train {name}{arch}` learns from them")
    if kind in ("pictures", "images"):
        raise DataError(f"{name} is pictures, not text; `tsuzuri caption train {'digits' if kind == 'images' else name}` learns from them")
    if kind == "trees":
        raise DataError(f"{name} is trees, not text; `tsuzuri tree train {name}` learns from them")


def _check_split(name: str, split: str) -> None:
    splits = find_dataset(name).splits
    if split not in splits:
        raise _no_split(name, split, splits)


def _no_split(name: str, split: str, splits: tuple[str, ...]) -> DataError:
    has = f"it has {', '.join(splits)}" if splits else "it has none"
    return DataError(f'{name} has no split "{split}"{suggest(split, splits)}; {has}')
