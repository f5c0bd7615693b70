"""Trees of any shape, read from brackets, from JSON lines, or made of nested Python values.

    (3 (2 It) (4 (2 's) (4 good)))                     a bracketed tree: a label, then a word or the children
    ((It) ('s good))                                   without labels; a bare word is a leaf
    {"label": 3, "left": "It", "right": {"word": "good", "label": 4}}
    {"label": 3, "word": "is", "children": ["It", "good"]}
    ["It", ["'s", "good"]]                             nested pairs, or lists of any length

In brackets a whole number that something follows is a label.  Nothing here recurses: a tree may be as deep as memory allows
(JSON only as deep as Python's own reader goes, some thousands).
"""
import json
import os
import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from numbers import Integral
from typing import Any

from tsuzuri.errors import DataError
from tsuzuri.text.reading import read_lines

NONE = -1
"""The label of a node that has none."""
HIGHEST = 10 ** 9                                            # labels are below it
_PART = re.compile(r"[()]|[^ \t()]+")                     # a no-break space is part of a word: SST has some
_BREAK = re.compile(r"[ \t\r\n]")
_WHOLE = re.compile(r"[0-9]{1,9}")
_KEYS = {"label", "word", "left", "right", "children"}


@dataclass(frozen=True)
class Tree:
    """Nodes in an order in which children come before their parents; the last is the root.

    ``words[k]`` is None where node k has no word, ``labels[k]`` -1 where it has no label; ``children[k]`` are numbers of nodes.
    """

    words: list[str | None]
    labels: list[int]
    children: list[tuple[int, ...]]

    def __len__(self) -> int:
        return len(self.words)

    def parents(self) -> list[int]:
        """The number of each node's parent; -1 for the root."""
        found = [-1] * len(self)
        for k, children in enumerate(self.children):
            for child in children:
                found[child] = k
        return found

    def heights(self) -> list[int]:
        """How far each node is from the farthest leaf below it; a leaf's height is 0."""
        found: list[int] = []
        for children in self.children:
            found.append(1 + max((found[child] for child in children), default=-1))
        return found

    def spans(self) -> list[str]:
        """The words under each node, a node's own before those of its children."""
        sizes: list[int] = []
        for children in self.children:
            sizes.append(1 + sum(sizes[child] for child in children))
        order = self.reading_order()
        said, begin = [self.words[k] for k in order], {k: place for place, k in enumerate(order)}
        return [" ".join(word for word in said[begin[k]:begin[k] + size] if word is not None) for k, size in enumerate(sizes)]

    def reading_order(self) -> list[int]:
        """The nodes, a parent before its children, children from left to right."""
        order, waiting = [], [len(self) - 1]
        while waiting:
            k = waiting.pop()
            order.append(k)
            waiting += reversed(self.children[k])
        return order

    def bracketed(self) -> str:
        """The tree in brackets, each label before its node; brackets in words are -LRB- and -RRB-, as in the Penn Treebank.

        DataError: a node has a word and children, which brackets cannot say.
        """
        parts, waiting = [], [len(self) - 1]
        while waiting:
            k = waiting.pop()
            if k < 0:
                parts.append(")")
                continue
            label = "" if self.labels[k] == NONE else f"{self.labels[k]} "
            word = self.words[k]
            if word is not None and self.children[k]:
                raise DataError(f'the node of "{word}" has children too, which brackets cannot say; take JSON.')
            parts.append(f"{'' if not parts or parts[-1].lstrip() == '(' else ' '}({label}{_unbracketed(word or '')}".rstrip())
            waiting += [-1, *reversed(self.children[k])]
        return "".join(parts)


def _unbracketed(word):
    return word.replace("(", "-LRB-").replace(")", "-RRB-")


Check = Callable[[Tree, str], None]
"""check(tree, its file and line)"""


def parse_tree(line: str, where: str = "the tree") -> Tree:
    """The tree that a line holds, in brackets or as JSON.  DataError, which names ``where``: what is no tree."""
    start = line.lstrip()[:1]
    if start in ("{", "["):
        try:
            return tree_of(json.loads(line), where)
        except (json.JSONDecodeError, RecursionError) as error:
            raise DataError(f"{where} is not JSON ({error}); give one tree a line.") from None
    return _parse_brackets(line, where)


def read_trees(source: str | os.PathLike, check: Check | None = None, *, errors: str = "strict") -> Iterator[Tree]:
    """The trees in a file, a folder, a glob or standard input, one a line; empty lines are passed over.

    ``check`` is given each with its file and line, to raise what it likes.  DataError, with the file and the line: what is no tree.
    """
    for number, line in enumerate(read_lines(source, errors=errors), 1):
        if line.strip():
            where = f"{source}: line {number}"
            tree = parse_tree(line, where)
            if check:
                check(tree, where)
            yield tree


def check_labels(tree: Tree, classes: int, where: str) -> None:
    """DataError: a label is not 0 to ``classes`` - 1."""
    wrong = next((label for label in tree.labels if label >= classes), None)
    if wrong is not None:
        raise DataError(f"{where} has the label {wrong}; with {classes} classes labels go from 0 to {classes - 1}, so correct it or set classes.")


def tree_of(value: Any, where: str = "the tree") -> Tree:
    """A tree made of nested Python values: a word, a list or tuple of children, or a dict with "left" and "right" (or "children"),
    "word" and "label".  DataError: what is none of these."""
    words: list[str | None] = []
    labels: list[int] = []
    children: list[tuple[int, ...]] = []
    done: list[int] = []                                     # nodes whose parent is still to come
    waiting: list[Any] = [(value, None)]
    while waiting:
        value, node = waiting.pop()
        if node is None:
            node = _node(value, where)
            waiting += [(value, node), *((child, None) for child in reversed(node[2]))]
            continue
        word, label, below = node
        count = len(below)
        children.append(tuple(done[len(done) - count:]))
        del done[len(done) - count:]
        words.append(word)
        labels.append(label)
        done.append(len(words) - 1)
    return Tree(words, labels, children)


def _node(value: Any, where: str) -> tuple[str | None, int, list[Any]]:
    """(word, label, children) of one nested value."""
    if isinstance(value, str):
        return _checked(value, NONE, [], where)
    if isinstance(value, (list, tuple)):
        return _checked(None, NONE, list(value), where)
    if not isinstance(value, Mapping):
        raise DataError(f"{where} has a node that is {value!r}; a node is a word, a pair, or a dict with left and right.")
    if unknown := [key for key in value if key not in _KEYS]:
        raise DataError(f'{where} has a node with "{unknown[0]}"; a node has {", ".join(sorted(_KEYS))}.')
    if ("left" in value) != ("right" in value) or ("left" in value and "children" in value):
        raise DataError(f"{where} has a node with {', '.join(sorted(value))}; give left and right, or children.")
    label, word = value.get("label"), value.get("word")
    if not (label is None or (isinstance(label, Integral) and not isinstance(label, bool) and 0 <= int(label) < HIGHEST)):
        raise DataError(f"{where} has the label {label!r}; a label is a whole number from 0.")
    if not (word is None or isinstance(word, str)):
        raise DataError(f"{where} has the word {word!r}; a word is a text.")
    below = [value["left"], value["right"]] if "left" in value else value.get("children", [])
    if not isinstance(below, (list, tuple)):
        raise DataError(f"{where} has children that are {below!r}; give a list.")
    return _checked(word, NONE if label is None else int(label), list(below), where)


def _checked(word, label, below, where):
    if word is not None and (not word.strip() or _BREAK.search(word)):
        raise DataError(f'{where} has the word "{word}"; a word has no spaces, and at least one letter.')
    if word is None and not below:
        raise DataError(f"{where} has a node with neither a word nor children; give it one of them.")
    return word, label, below


def _parse_brackets(line: str, where: str) -> Tree:
    maker, root = _Maker(), -1
    waiting: list[_Open] = []
    for part in _PART.finditer(line):
        text = part[0]
        if root >= 0:
            raise DataError(f'{where}: "{text}" at place {part.start() + 1} follows the end of the tree; give one tree a line.')
        if not waiting and text != "(":
            raise DataError(f'{where} begins with "{text}"; a tree in brackets begins with "(", such as (3 (2 It) (3 works)).')
        if text == "(":
            if waiting:
                maker.settle(waiting[-1])
            waiting.append(_Open([]))
        elif text == ")":
            node = maker.close(waiting.pop(), f"{where}: the bracket that closes at place {part.start() + 1}")
            if waiting:
                waiting[-1].items.append(node)
            else:
                root = node
        else:
            waiting[-1].items.append(text)
    if root < 0:
        raise DataError(f'{where} is not closed; it lacks {len(waiting)} ")" at its end.' if waiting else f"{where} holds no tree.")
    return Tree(maker.words, maker.labels, maker.children)


@dataclass
class _Open:
    """A bracket that has not closed yet: words that stand in it bare, and numbers of nodes."""

    items: list[str | int]
    label: int = NONE


class _Maker:
    """Nodes as they are complete."""

    def __init__(self):
        self.words, self.labels, self.children = [], [], []

    def settle(self, node):
        """Something follows what stands in a bracket: a whole number at its beginning is the label, other words are leaves."""
        if node.items and isinstance(node.items[0], str) and _WHOLE.fullmatch(node.items[0]) and node.label == NONE:
            node.label = int(node.items.pop(0))
        node.items = [self._add(item, NONE, ()) if isinstance(item, str) else item for item in node.items]

    def close(self, node, where):
        """The number of the node whose bracket closes."""
        items = node.items
        if len(items) == 2 and node.label == NONE and isinstance(items[0], str) and isinstance(items[1], str) and _WHOLE.fullmatch(items[0]):
            node.label = int(items.pop(0))
        if len(items) == 1 and isinstance(items[0], str):
            return self._add(items[0], node.label, ())
        self.settle(node)
        if not node.items:
            raise DataError(f"{where} has neither a word nor children; give it one of them.")
        return self._add(None, node.label, tuple(node.items))

    def _add(self, word, label, children):
        self.words.append(word)
        self.labels.append(label)
        self.children.append(children)
        return len(self.words) - 1
