"""Labelling trees and sentences with a trained run: what ``predict`` and ``show`` answer from."""
import os
from collections.abc import Iterable, Iterator
from dataclasses import replace
from itertools import islice
from typing import Any, NamedTuple

import numpy as np

from tsuzuri.models.trees import check_shape
from tsuzuri.text.branching import SHAPES, branched
from tsuzuri.text.forest import joined, nodes_of, pack
from tsuzuri.text.trees import Tree, check_labels, parse_tree, tree_of
from tsuzuri.train.tree_run import TreeRun

ROWS = 100                                                   # trees that are labelled side by side


class Labelled(NamedTuple):
    """A tree and p of each label at every node (nodes, labels), in the order of the tree's nodes."""

    tree: Tree
    p: np.ndarray

    @property
    def labels(self) -> list[int]:
        """The likeliest label of every node."""
        return self.p.argmax(1).tolist()

    @property
    def relabelled(self) -> Tree:
        """The tree with these labels."""
        return replace(self.tree, labels=self.labels)

    def as_dict(self) -> dict[str, Any]:
        """As JSON has it: the root's label, and every node with its words, its label, its p and its children; the root is the last."""
        nodes = [{"text": text, "label": label, "p": [round(float(each), 6) for each in p], "children": list(children)}
                 for text, label, p, children in zip(self.tree.spans(), self.labels, self.p, self.tree.children, strict=True)]
        return {"text": nodes[-1]["text"], "label": nodes[-1]["label"], "p": nodes[-1]["p"], "nodes": nodes}


class TreeLabeller:
    """A run over trees in use.  RunError: the folder is no such run."""

    def __init__(self, folder: str | os.PathLike):
        self.run = TreeRun(folder)
        self.model = self.run.load_model()

    def read(self, line: str, where: str = "the tree", shape: str = SHAPES[0]) -> Tree:
        """The tree in a line of brackets or JSON; of a plain sentence, one of that shape.  DataError: the run cannot grow over it."""
        tree = parse_tree(line, where) if line.lstrip()[:1] in ("(", "{", "[") else branched(line, shape, where)
        check_shape(self.run.settings.model.arch, tree, where)
        return tree

    def given(self, value: Any, where: str = "the tree") -> Tree:
        """The tree of nested Python values, or that of a line."""
        if isinstance(value, str):
            return self.read(value, where)
        tree = value if isinstance(value, Tree) else tree_of(value, where)
        check_shape(self.run.settings.model.arch, tree, where)
        return tree

    def learnt(self, tree: Tree) -> Tree:
        """A tree with its own labels as the run learnt them; DataError: one that there is not."""
        config = self.run.settings.trees
        check_labels(tree, config.classes, "the tree")
        return config.labelled(tree)

    def label(self, trees: Iterable[Tree]) -> Iterator[Labelled]:
        """Every tree with p of its labels."""
        trees = iter(trees)
        while some := list(islice(trees, ROWS)):
            forest, places = pack(joined([nodes_of(tree, self.run.number) for tree in some]))
            p = np.exp(self.model.log_probabilities(forest))[places]
            ends = np.cumsum([len(tree) for tree in some])
            yield from (Labelled(tree, p[end - len(tree):end]) for tree, end in zip(some, ends, strict=True))
