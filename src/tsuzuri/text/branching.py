"""A tree for a plain sentence that nobody has parsed: its words as the Stanford Sentiment Treebank cuts them, and a simple shape.

    right       (It ('s (not good)))
    left        (((It 's) not) good)
    balanced    ((It 's) (not good)): neighbours are paired, and the pairs again, until one is left
"""
import re
from collections.abc import Sequence
from typing import Any

from tsuzuri.errors import DataError, check_choice
from tsuzuri.text.trees import Tree, tree_of

SHAPES = ("balanced", "right", "left")
_WORD = re.compile(r"-[LR]RB-|(?:[a-z]\.){2,}|\w+(?=n't\b)|n't\b|'(?:s|re|ve|ll|d|m)\b|\w+(?:[-.'’]\w+)*?(?=n't\b|'(?:s|re|ve|ll|d|m)\b)|\w+(?:[-.,]\w+)*|\.\.\.|--|``|''|[^\w\s]",
                   re.IGNORECASE)
_BRACKETS = {"(": "-LRB-", ")": "-RRB-"}


def words_of(sentence: str) -> list[str]:
    """The words and marks of a sentence: ``It isn't bad.`` is It, is, n't, bad and a point.  What is cut already stays; brackets
    are -LRB- and -RRB-."""
    return [_BRACKETS.get(word, word) for word in _WORD.findall(sentence.replace("’", "'"))]


def branched(sentence: str, shape: str = SHAPES[0], where: str = "the sentence") -> Tree:
    """The tree of that shape over the words of a sentence.  DataError: it has none.  ConfigError: a shape that there is not."""
    check_choice("shape", shape, SHAPES)
    words = words_of(sentence)
    if not words:
        raise DataError(f"{where} has no words; give one at least.")
    return tree_of({"right": _right, "left": _left, "balanced": _balanced}[shape](words), where)


def _right(words: Sequence[str]) -> Any:
    tree: Any = words[-1]
    for word in reversed(words[:-1]):
        tree = (word, tree)
    return tree


def _left(words: Sequence[str]) -> Any:
    tree: Any = words[0]
    for word in words[1:]:
        tree = (tree, word)
    return tree


def _balanced(words: Sequence[str]) -> Any:
    parts: list[Any] = [*words]
    while len(parts) > 1:
        parts = [tuple(parts[k:k + 2]) if k + 1 < len(parts) else parts[k] for k in range(0, len(parts), 2)]
    return parts[0]
