"""How good a run over trees is: the share of roots and of all nodes whose label it gets right."""
from collections.abc import Callable
from itertools import islice
from typing import Any

import numpy as np

from tsuzuri.datasets.trees import open_tree_source
from tsuzuri.errors import DataError
from tsuzuri.text.forest import joined, nodes_of, pack
from tsuzuri.train.tree_run import TreeRun, checker, side

ROWS = 100                                                   # trees that are measured side by side


def evaluate_trees(run: TreeRun, data: str, report: Callable[[int], None] = lambda done: None) -> dict[str, Any]:
    """What `tsuzuri tree evaluate` says of the trees that DATA names, of a data set without a split its test split.

    ``root_accuracy`` and ``node_accuracy`` are of all labels; ``binary_root_accuracy`` and ``binary_node_accuracy`` of below against
    above the middle, which leaves out the middle label (as published for SST), by the larger of the two sums of probability.
    ``loss`` and ``root_loss`` are in nats.  A run that learnt two sides alone has no figures of all labels.  DataError: no label at all.
    """
    config = run.settings.trees
    source = open_tree_source(data, checker(run.settings), encoding_errors=config.encoding_errors)
    split = source.first_of("test", "valid")
    found, model, trees = _Found(config.classes, config.binary), run.load_model(), source.trees(split)
    while some := list(islice(trees, ROWS)):
        forest, _ = pack(joined([nodes_of(tree, run.number) for tree in some]))
        found.add(model.log_probabilities(forest), forest)
        report(found.trees)
    if not found.counts["node"]:
        raise DataError(f"{data}: no node of {found.trees:,} trees has a label, so there is nothing to measure; give labelled trees.")
    return found.figures()


class _Found:
    """Counts of what was right, of roots and of nodes, for all labels and for two sides."""

    def __init__(self, classes, binary):
        self.classes, self.binary, self.trees = classes, binary, 0
        self.side = np.array([side(label, classes) for label in range(classes)] + [-1])     # the last is that of no label
        self.counts = dict.fromkeys(("root", "node", "binary_root", "binary_node"), 0)
        self.right, self.nats = dict(self.counts), {"root": 0.0, "node": 0.0}

    def add(self, log_p, forest):
        """Count a forest in, with log p (M, labels that are learnt)."""
        self.trees += len(forest.roots)
        wanted = forest.labels
        sides = self.side[wanted]
        p = np.exp(log_p)
        higher = p[:, 1] > p[:, 0] if self.binary else p[:, self.side[:-1] == 1].sum(1) > p[:, self.side[:-1] == 0].sum(1)
        learnt = sides if self.binary else wanted
        for name, nodes in (("root", forest.roots), ("node", np.arange(len(wanted)))):
            known, sided = nodes[learnt[nodes] >= 0], nodes[sides[nodes] >= 0]
            self.nats[name] -= float(log_p[known, learnt[known]].sum())
            self.counts[name] += len(known)
            self.right[name] += int((log_p[known].argmax(1) == learnt[known]).sum())
            self.counts[f"binary_{name}"] += len(sided)
            self.right[f"binary_{name}"] += int((higher[sided] == (sides[sided] == 1)).sum())

    def figures(self):
        """Everything that is told."""
        told = {"trees": self.trees, "roots": self.counts["root"], "nodes": self.counts["node"], "binary_roots": self.counts["binary_root"],
                "binary_nodes": self.counts["binary_node"], "root_loss": self._mean(self.nats, "root"), "loss": self._mean(self.nats, "node")}
        kinds = ("binary_root", "binary_node") if self.binary else ("root", "node", "binary_root", "binary_node")
        return told | {f"{kind}_accuracy": self._mean(self.right, kind) for kind in kinds}

    def _mean(self, sums, kind):
        count = self.counts[kind]
        return sums[kind] / count if count else None
