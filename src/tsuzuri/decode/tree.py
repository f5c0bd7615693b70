"""Every step that a beam search took, as a tree: what it kept, what ended, and what became of it."""
from typing import Any, NamedTuple

import numpy as np

ROOT = -1
"""the parent of a first token"""


class Nodes(NamedTuple):
    """The expansions of one step, numbered on from those of the step before."""

    parent: np.ndarray
    """the node that was extended"""
    row: np.ndarray
    """where it stood among the rows that were extended, and so where its attention is"""
    sentence: np.ndarray
    token: np.ndarray
    log_p: np.ndarray
    """of all tokens up to this one"""
    score: np.ndarray
    ended: np.ndarray
    """whether the text ended here"""


class BeamTree:
    """What ``beam_search`` writes down as it goes; it needs it to read its texts off, and a picture can be drawn of it."""

    def __init__(self):
        self._steps: list[Nodes] = []
        self._attention: list[np.ndarray | None] = []
        self._all: Nodes | None = None
        self._best: dict[int, int] = {}
        self.size = 0

    def add(self, nodes: Nodes, attention: np.ndarray | None) -> np.ndarray:
        """The numbers of new nodes; attention (R, S) is that of the rows they extend."""
        numbers = np.arange(self.size, self.size + len(nodes.token))
        self._steps.append(nodes)
        self._attention.append(attention)
        self.size += len(numbers)
        self._all = None
        return numbers

    def choose(self, sentence: int, node: int) -> None:
        """``node`` is where the sentence's best text ends."""
        self._best[sentence] = node

    def path(self, node: int) -> list[int]:
        """The nodes from the first token to ``node``."""
        parents, found = self._nodes().parent, []
        while node != ROOT:
            found.append(node)
            node = int(parents[node])
        return found[::-1]

    def tokens(self, path: list[int]) -> list[int]:
        """The ids on a path."""
        return self._nodes().token[path].tolist()

    def log_p(self, node: int) -> float:
        """log p of the text that ends at ``node``."""
        return 0.0 if node == ROOT else float(self._nodes().log_p[node])

    def attention(self, path: list[int]) -> np.ndarray | None:
        """The weights (T, S) of a path from its first token on; None where there are none."""
        weights = [a for a in self._attention if a is not None]
        if not weights:
            return None
        if not path:
            return weights[0][:0]
        return np.stack([a[row] for a, row in zip(weights, self._nodes().row[path])])

    def to_dict(self, sentence: int = 0) -> dict[str, Any]:
        """The tree of one sentence, fit for JSON: {"nodes": [{"id", "parent", "token", "log_p", "score", "step", "state"}]}.

        ids count from 0 and a parent comes before its children, None for a first token, which is step 1.  ``log_p`` is that of
        the text up to there.  ``state``: "best" on the way to the best text, "ended" where another text ended, else "kept".
        """
        nodes = self._nodes()
        chosen = np.flatnonzero(nodes.sentence == sentence).tolist()
        number = {ROOT: None} | {node: k for k, node in enumerate(chosen)}
        best = set(self.path(self._best.get(sentence, ROOT)))
        steps = np.repeat(np.arange(1, len(self._steps) + 1), [len(step.token) for step in self._steps])
        return {"nodes": [{"id": number[k], "parent": number[int(nodes.parent[k])], "token": int(nodes.token[k]),
                           "log_p": float(nodes.log_p[k]), "score": float(nodes.score[k]), "step": int(steps[k]),
                           "state": "best" if k in best else "ended" if nodes.ended[k] else "kept"} for k in chosen]}

    def _nodes(self):
        """All steps as one."""
        if self._all is None:
            empty = Nodes(*(np.zeros(0, kind) for kind in (int, int, int, int, float, float, bool)))
            self._all = Nodes(*map(np.concatenate, zip(*(self._steps or [empty]), strict=True)))
        return self._all
