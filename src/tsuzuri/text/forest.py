"""A forest: the nodes of many trees as arrays, sorted by height, so that nodes of one height can be worked on together.

    (a (b c))   and   (d e)            heights   0 0 0 0 0 | 1 1 | 2
                                       nodes     a b c d e   bc de   abc

The trees on disk are arrays too, one number a node, tree after tree, children before their parents: the word's id (-1: none), the
label (-1: none), how many nodes further on the parent stands (0: a root), the height; and where each tree begins.  ``trees.toml``,
written last and removed first, says what they are.
"""
import hashlib
import operator
import os
from collections.abc import Callable, Iterable
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import NamedTuple

import numpy as np
import tomli_w

from tsuzuri.errors import ConfigError, DataError
from tsuzuri.files import atomic_path, atomic_write
from tsuzuri.text.packed import read_counts
from tsuzuri.text.trees import Tree

PARTS = {"words": "<i4", "labels": "<i4", "up": "<i4", "heights": "<i4"}
META, BOUNDS = "trees.toml", "bounds.bin"


class Forest(NamedTuple):
    """M nodes of N trees by height, in each height tree by tree; the batch of a model over trees, its targets last.

    ``words`` (M,) are ids or -1.  ``levels`` (L + 1,): the nodes of height l are ``levels[l]`` to ``levels[l + 1]``.  The children of
    node k are ``children[first[k]:first[k + 1]]``, from left to right.  ``roots`` (N,) are in the order of the trees.
    """

    words: np.ndarray
    levels: np.ndarray
    first: np.ndarray
    children: np.ndarray
    roots: np.ndarray
    labels: np.ndarray


class Nodes(NamedTuple):
    """Nodes of some trees one after the other, children before parents, as they lie on disk."""

    words: np.ndarray
    labels: np.ndarray
    up: np.ndarray
    heights: np.ndarray


def nodes_of(tree: Tree, number: Callable[[str], int]) -> Nodes:
    """A tree's nodes in the order of its ``words``; ``number`` gives the id of a word."""
    parents = np.array(tree.parents())
    up = np.where(parents >= 0, parents - np.arange(len(tree)), 0)
    words = [-1 if word is None else number(word) for word in tree.words]
    return Nodes(np.array(words), np.array(tree.labels), up, np.array(tree.heights()))


def pack(nodes: Nodes) -> tuple[Forest, np.ndarray]:
    """The forest of some trees, and where each node came to stand in it."""
    count, inner = len(nodes.up), nodes.up > 0
    order = np.argsort(nodes.heights, kind="stable")
    places = np.empty(count, np.int64)
    places[order] = np.arange(count)
    parents = places[np.flatnonzero(inner) + nodes.up[inner]]
    below = np.argsort(parents, kind="stable")               # of equal parents the left child first
    first = np.zeros(count + 1, np.int64)
    np.cumsum(np.bincount(parents, minlength=count), out=first[1:])
    levels = np.searchsorted(nodes.heights[order], np.arange(nodes.heights.max(initial=-1) + 2))
    forest = Forest(nodes.words[order].astype(np.int64), levels, first, places[inner][below], places[~inner],
                    nodes.labels[order].astype(np.int64))
    return forest, places


def joined(trees: Iterable[Nodes]) -> Nodes:
    """Trees after each other."""
    return Nodes(*map(np.concatenate, zip(*trees, strict=True)))


@dataclass
class TreeCounts:
    """What stands in ``trees.toml``."""

    vocabulary: int
    classes: int
    trees: int = 0
    nodes: int = 0
    labelled: int = 0               # nodes that have a label
    labelled_roots: int = 0
    words: int = 0
    unknown: int = 0                # words that are <unk>
    sha256: str = ""                # of the arrays, in the order of PARTS, and the bounds after them


class TreeCorpus:
    """Trees on disk; the arrays are read-only memory maps."""

    def __init__(self, folder: Path, counts: TreeCounts):
        self.counts = counts
        self.nodes = Nodes(*(np.memmap(folder / f"{name}.bin", dtype, "r") for name, dtype in PARTS.items()))
        self.bounds = np.memmap(folder / BOUNDS, "<i8", "r")

    def __len__(self) -> int:
        return self.counts.trees

    def take(self, rows: Iterable[int]) -> Nodes:
        """The nodes of some trees, one tree after the other."""
        places = np.concatenate([np.arange(self.bounds[k], self.bounds[k + 1]) for k in rows])
        return Nodes(*(np.asarray(part)[places] for part in self.nodes))


def write_trees(trees: Iterable[Tree], number: Callable[[str], int], folder: str | os.PathLike, *, vocabulary: int, classes: int,
                name: str = "the source", unknown: int | None = None) -> TreeCorpus:
    """Write trees to ``folder`` and open them.  DataError, which names where they are from: there is none, or none has a label."""
    folder = Path(folder)
    folder.mkdir(parents=True, exist_ok=True)
    (folder / META).unlink(missing_ok=True)
    counts, bounds, found = TreeCounts(vocabulary, classes), [0], []
    for tree in trees:
        found.append(nodes_of(tree, number))
        bounds.append(bounds[-1] + len(tree))
        counts.labelled_roots += tree.labels[-1] >= 0
    if not found:
        raise DataError(f"{name}: there are no trees; give a source with at least one")
    nodes = joined(found)
    counts.trees, counts.nodes, counts.labelled = len(found), len(nodes.up), int((nodes.labels >= 0).sum())
    counts.words, counts.unknown = int((nodes.words >= 0).sum()), 0 if unknown is None else int((nodes.words == unknown).sum())
    if not counts.labelled:
        raise DataError(f"{name}: no node of {counts.trees:,} trees has a label that is learnt; give trees with labels, as (3 (2 It) (3 works))")
    digest = hashlib.sha256()
    for name, array in (*zip(PARTS, map(np.ndarray.astype, nodes, PARTS.values()), strict=True), ("bounds", np.array(bounds, "<i8"))):
        digest.update(array.tobytes())
        with atomic_path(folder / f"{name}.bin") as path:
            path.write_bytes(array.tobytes())
    counts.sha256 = digest.hexdigest()
    atomic_write(folder / META, tomli_w.dumps(asdict(counts)))
    return open_trees(folder)


def open_trees(folder: str | os.PathLike) -> TreeCorpus:
    """The trees in ``folder``.  DataError: there are none, or its files do not belong together."""
    folder = Path(folder)
    counts = read_counts(folder / META, TreeCounts, "trees", lambda counts: {
        BOUNDS: 8 * (counts.trees + 1), **{f"{name}.bin": 4 * counts.nodes for name in PARTS}})
    return TreeCorpus(folder, counts)


class TreeBatches:
    """A sequence of Forests of some trees each; which ones follows from the seed and the number of the pass.

    Not ``shuffled``, the trees are in their order.  With ``roots`` only the labels of roots count.  The last batch may be smaller.
    ConfigError: a batch size below 1.
    """

    goes_on = False

    def __init__(self, corpus: TreeCorpus, batch_size: int, seed: int = 0, number: int = 1, *, shuffled: bool = True, roots: bool = False):
        if batch_size < 1:
            raise ConfigError(f"batch size {batch_size} does not fit; it is a number of trees from 1")
        self.corpus, self.batch_size, self.seed, self.number, self.shuffled, self.roots = corpus, batch_size, seed, number, shuffled, roots
        self._order = np.arange(len(corpus))
        if shuffled:
            np.random.default_rng([seed, 5, number]).shuffle(self._order)

    def __len__(self) -> int:
        return -(-len(self.corpus) // self.batch_size)

    @property
    def tokens(self) -> int:
        """How many labels one pass predicts."""
        return self.corpus.counts.labelled

    def epoch(self, number: int) -> "TreeBatches":
        """The batches of pass ``number``, from 1."""
        if number == self.number or not self.shuffled:
            return self
        return TreeBatches(self.corpus, self.batch_size, self.seed, number, roots=self.roots)

    def rate(self, k: int) -> float:
        """What the learning rate is multiplied by at batch k."""
        return 1.0

    def rows(self, k: int) -> np.ndarray:
        """Which trees of the corpus are in batch k."""
        k = operator.index(k)
        if not -len(self) <= k < len(self):
            raise IndexError(f"batch {k} of {len(self)}")
        k %= len(self)
        return self._order[k * self.batch_size:(k + 1) * self.batch_size]

    def __getitem__(self, k: int) -> Forest:
        forest, _ = pack(self.corpus.take(self.rows(k)))
        return _only_roots(forest) if self.roots else forest


def _only_roots(forest):
    labels = np.full_like(forest.labels, -1)
    labels[forest.roots] = forest.labels[forest.roots]
    return forest._replace(labels=labels)
