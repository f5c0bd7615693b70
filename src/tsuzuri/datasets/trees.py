"""What DATA means where trees are learnt from: a set of trees with an optional split, or a file with one tree a line.

    sst       train, valid (dev) and test, as published
    files     train and valid, every 20th tree
"""
import os
from collections.abc import Callable, Iterator

from tsuzuri.datasets.cache import fetch_file
from tsuzuri.datasets.registry import DATASETS
from tsuzuri.datasets.sources import Splits, parse_source
from tsuzuri.errors import DataError
from tsuzuri.text.reading import STDIN
from tsuzuri.text.trees import Check, Tree, read_trees

EVERY = 20
"""One of so many trees of a file is held out."""


class TreeSource(Splits):
    """Trees with splits; ``trees(split)`` can be called again and again, ``trees()`` gives all of them."""

    def __init__(self, name: str, read: Callable[[str | None], Iterator[Tree]], splits: tuple[str, ...], split: str | None = None):
        super().__init__(name, splits, split)
        self._read = read

    def trees(self, split: str | None = None) -> Iterator[Tree]:
        """The trees one by one.  DataError: there is no such split; while reading: what is no tree, with its file and line."""
        return self._read(self.part(split))


def open_tree_source(data: str | os.PathLike, check: Check | None = None, *, encoding_errors: str = "strict") -> TreeSource:
    """The trees that DATA names, each of which ``check`` is given with its file and line.

    DataError: there is no such set, split or file, or it is not trees.
    """
    data = os.fspath(data)
    if data == STDIN:
        raise DataError("trees are read more than once, so not from standard input; write them to a file and name that")
    name, split = parse_source(data)
    if name not in DATASETS:
        return TreeSource(data, lambda part: _part(read_trees(name, check, errors=encoding_errors), part), ("train", "valid"))
    dataset = DATASETS[name]
    if dataset.kind != "trees":
        raise DataError(f"{name} is no set of trees; name one ({', '.join(known for known, each in DATASETS.items() if each.kind == 'trees')}) "
                        "or a file with a tree in every line")

    def read(part):
        for one in (part,) if part else dataset.splits:
            yield from read_trees(fetch_file(dataset, one), check)
    return TreeSource(name, read, dataset.splits, split)


def _part(trees: Iterator[Tree], part: str | None) -> Iterator[Tree]:
    """The trees of a file that are learnt from, or those that are held out."""
    return (tree for number, tree in enumerate(trees, 1) if part is None or (number % EVERY == 0) == (part == "valid"))
