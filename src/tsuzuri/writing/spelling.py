"""Words spelled token by token: which words does a model go on with, and how probable is each?

The search walks over bytes.  A path first writes what is ``given``, cut into tokens in any way, then goes on until a
token comes that ends the word.  So for a word w

    p(w) = sum over paths that spell w of  p(path) p(a token that ends it | path)        divided by p(any word)
"""
from collections import defaultdict
from typing import NamedTuple

import numpy as np

from tsuzuri.array import to_host
from tsuzuri.kernels.sampling import log_probabilities
from tsuzuri.text.tokenizers.options import is_punctuation

LONGEST = 24
"""tokens that are spelled; a word of more is given up"""
INNER = "'’-_"
"""marks that do not end a word"""


class Path(NamedTuple):
    """The bytes written so far, and log p of their tokens."""

    text: bytes
    log_p: float


class Goal(NamedTuple):
    """What is to be written: ``given`` first; ``typed`` is how the word begins, its end where that is not empty."""

    given: bytes
    typed: bytes

    def word(self, text: bytes) -> bytes:
        """The word in what was written, empty before it begins."""
        return self.typed + text[len(self.given):] if len(text) >= len(self.given) else b""


class Speller:
    """A search with ``beams`` paths side by side; ``tokens``: the bytes of every token, none where it stands for no text."""

    def __init__(self, model, tokens: list[bytes], beams: int = 16):
        self._model, self._tokens, self._beams = model, tokens, beams
        first = [_first_character(token) for token in tokens]
        self._silent = np.array([not token for token in tokens])
        self._ends = np.array([ends_word(char) for char in first])
        self._turns = np.array([begins_run(char) for char in first])
        self._by_first_byte: dict[bytes, list[int]] = defaultdict(list)
        for k, token in enumerate(tokens):
            self._by_first_byte[token[:1]].append(k)

    def words(self, logits: np.ndarray, state, goal: Goal, count: int) -> list[tuple[bytes, float]]:
        """The ``count`` most probable words, best first, with their probabilities; logits (1, V) and the state at the start."""
        live = [Path(b"", 0.0)]
        found: dict[bytes, float] = defaultdict(float)
        any_word = 1.0 if goal.word(b"") else 0.0
        for _ in range(LONGEST):
            log_p = log_probabilities(np.where(self._silent, -np.inf, logits))
            steps = []
            for row, path in enumerate(live):
                ids, there = self._next(path, goal), np.exp(path.log_p + log_p[row])
                if word := goal.word(path.text):
                    found[word] += there.sum() - there[ids].sum()
                else:
                    any_word += sum(there[k] for k in ids if goal.word(path.text + self._tokens[k]))
                steps += [(path.log_p + log_p[row, k], row, k) for k in _highest(log_p[row], ids, self._beams)]
            live, rows, ids = self._best(steps, live, found, count)
            if not live:
                break
            logits, state = self._model.step(ids, state.take(rows))
            logits = to_host(logits)
        best = sorted(found.items(), key=lambda item: -item[1])[:count]
        return [(word, float(p / any_word)) for word, p in best if p > 0]

    def _next(self, path, goal):
        """The tokens with which a path writes on at what is given, or at its word."""
        if left := goal.given[len(path.text):]:
            return np.array([k for k in self._by_first_byte[left[:1]] if self._writes(self._tokens[k], left)], np.int64)
        stops = self._ends | self._turns if is_hiragana(_last_character(goal.word(path.text))) else self._ends
        return np.flatnonzero(~(stops | self._silent))

    @staticmethod
    def _writes(token, left):
        beyond = _first_character(token[len(left):])
        turns = is_hiragana(_last_character(left)) and begins_run(beyond)
        return left.startswith(token) or (token.startswith(left) and not ends_word(beyond) and not turns)

    def _best(self, steps, live, found, count):
        """The most probable paths one token on, their rows and tokens, while they can still give one of the best words."""
        least = sorted(found.values())[-count] if len(found) >= count else 0.0
        steps = [step for step in sorted(steps, key=lambda step: -step[0])[:self._beams] if np.exp(step[0]) > least]
        paths = [Path(live[row].text + self._tokens[k], log_p) for log_p, row, k in steps]
        return paths, np.array([row for _, row, _ in steps], np.int64), np.array([k for _, _, k in steps], np.int64)


def word_at_end(text: str) -> str:
    """The word that the text ends in, empty where it ends in a space or a mark."""
    start = len(text)
    while start and not ends_word(text[start - 1]):
        if start < len(text) and is_hiragana(text[start - 1]) and begins_run(text[start]):
            break
        start -= 1
    return text[start:]


def ends_word(char: str) -> bool:
    """White space and punctuation, but not the marks within words."""
    return char != "" and (char.isspace() or (is_punctuation(char) and char not in INNER))


def is_hiragana(char: str) -> bool:
    return "\u3041" <= char <= "\u309f"


def begins_run(char: str) -> bool:
    """Kanji or katakana: behind hiragana a new word begins with them, as a rule of thumb."""
    return "\u30a1" <= char <= "\u30fe" or "\u3400" <= char <= "\u9fff" or char == "々"


def _first_character(token):
    return token[:4].decode("utf-8", "ignore")[:1]


def _last_character(text):
    return text[-4:].decode("utf-8", "ignore")[-1:]


def _highest(log_p, ids, count):
    return ids if len(ids) <= count else ids[np.argpartition(log_p[ids], -count)[-count:]]
