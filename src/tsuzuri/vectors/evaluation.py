"""How well vectors agree with people: word similarity (Spearman) and analogies (accuracy), with what was not covered.

Case does not count, and only the 300,000 most frequent words are looked at (``VectorSpace``), as in gensim's evaluation.
A pair or question with an unknown word is left out of the score and counted; it never counts as wrong.
"""
from collections.abc import Iterator, Sequence
from typing import NamedTuple

import numpy as np

from tsuzuri.errors import check_choice
from tsuzuri.vectors.gold import Analogies, Pairs
from tsuzuri.vectors.search import working
from tsuzuri.vectors.spaces import Space, VectorSpace

METHODS = ("add", "multiply")
EPSILON = np.float32(0.001)                                  # of 3CosMul, as published
COLUMNS, QUESTIONS = 4096, 64                                # words and questions whose scores are in the cache together


class Similarity(NamedTuple):
    """Spearman's rank correlation (NaN for fewer than two different pairs) on ``pairs`` of the ``of`` pairs of a set."""
    name: str
    spearman: float
    pairs: int
    of: int
    unknown_words: int


class Section(NamedTuple):
    """Right answers of the questions whose four words are known, and how many questions there are."""
    name: str
    correct: int
    asked: int
    of: int

    @property
    def accuracy(self) -> float:
        return self.correct / self.asked if self.asked else float("nan")


class Solved(NamedTuple):
    """The sections of a set of analogies."""
    name: str
    sections: list[Section]
    unknown_words: int

    def total(self, kind: str = "total") -> Section:
        """All sections together, or the semantic or the syntactic ones."""
        chosen = [s for s in self.sections if kind == "total" or s.name.startswith("gram") == (kind == "syntactic")]
        return Section(kind, sum(s.correct for s in chosen), sum(s.asked for s in chosen), sum(s.of for s in chosen))


def measure_pairs(space: Space, gold: Pairs) -> Similarity:
    """How the similarities of a space rank the pairs of a gold set."""
    found = [(given, ours) for a, b, given in gold.pairs if (ours := space.similarity(a, b)) is not None]
    unknown = sum(word not in space for word in gold.words())
    score = spearman(*zip(*found, strict=True)) if found else float("nan")
    return Similarity(gold.name, score, len(found), len(gold.pairs), unknown)


def spearman(x: Sequence[float], y: Sequence[float]) -> float:
    """The correlation of ranks (Spearman 1904), from -1 to 1; equal values share the mean of their ranks."""
    a, b = ranks(x), ranks(y)
    a, b = a - a.mean(), b - b.mean()
    size = np.sqrt((a * a).sum() * (b * b).sum())
    return float((a * b).sum() / size) if size else float("nan")


def ranks(values: Sequence[float]) -> np.ndarray:
    """Ranks from 1; equal values share the mean of the ranks they take up."""
    _, which, counts = np.unique(np.asarray(values, np.float64), return_inverse=True, return_counts=True)
    last = np.cumsum(counts)
    return (last - (counts - 1) / 2)[which]


def solve_analogies(space: VectorSpace, gold: Analogies, method: str = "add") -> Solved:
    """How many questions the nearest word answers; the three words of a question, in any case, are never the answer."""
    check_choice("analogy method", method, METHODS)
    known = {name: known_questions(space, questions) for name, questions in gold.sections.items()}
    first = first_rows(space)
    answers = iter(first[best_rows(space, np.concatenate([*known.values(), np.empty((0, 4), np.int64)]), first, method)].tolist())
    sections = [Section(name, sum(next(answers) == row for row in asked[:, 3].tolist()), len(asked), len(gold.sections[name]))
                for name, asked in known.items()]
    return Solved(gold.name, sections, sum(space.key(word) not in space.rows for word in gold.words()))


def known_questions(space: VectorSpace, questions: Sequence[tuple[str, ...]]) -> np.ndarray:
    """The rows (questions, 4) of the questions whose words are all known."""
    rows = ([space.rows.get(space.key(word), -1) for word in question] for question in questions)
    return np.array([found for found in rows if min(found) >= 0], np.int64).reshape(-1, 4)


def first_rows(space: VectorSpace) -> np.ndarray:
    """For each row, the first row of the same word in any case."""
    return np.fromiter((space.rows[space.key(word)] for word in space.words), np.int64, len(space.words))


def best_rows(space: VectorSpace, questions: np.ndarray, first: np.ndarray, method: str) -> np.ndarray:
    """The row of the best answer to each question (a, b, c, d) of rows.

    The scores of all questions are sums or products of the cosines between the words of the questions (some 900) and all
    words: one matrix product, from which each question adds or multiplies three rows.
    """
    asked, inverse = np.unique(questions[:, :3], return_inverse=True)
    a, b, c = inverse.reshape(-1, 3).T
    best, at = np.full(len(questions), -np.inf, np.float32), np.zeros(len(questions), np.int64)
    for start, cosines in cosine_blocks(space, asked):
        if method == "multiply":
            cosines = (1 + cosines) / 2
        barred = barred_columns(first[start:start + cosines.shape[1]], asked, len(asked))
        for low in range(0, len(questions), QUESTIONS):
            part = slice(low, low + QUESTIONS)
            scores = combine(cosines, a[part], b[part], c[part], method)
            bar(scores, barred, (a[part], b[part], c[part]))
            found = scores.argmax(axis=1)
            top = scores[np.arange(len(found)), found]
            better = top > best[part]
            best[part][better], at[part][better] = top[better], start + found[better]
    return at


def bar(scores: np.ndarray, barred: dict[int, list[int]], words: Sequence[np.ndarray]) -> None:
    """Take the words of each question out of its scores."""
    for numbers in words:
        for row, number in enumerate(numbers.tolist()):
            if number in barred:
                scores[row, barred[number]] = -np.inf


def combine(cosines: np.ndarray, a: np.ndarray, b: np.ndarray, c: np.ndarray, method: str) -> np.ndarray:
    """Scores (questions, words) of 3CosAdd, or of 3CosMul from cosines that were moved to 0..1."""
    if method == "add":
        scores = cosines[b]
        scores -= cosines[a]
        scores += cosines[c]
        return scores
    scores = cosines[b] * cosines[c]
    scores /= cosines[a] + EPSILON
    return scores


def barred_columns(first: np.ndarray, asked: np.ndarray, count: int) -> dict[int, list[int]]:
    """Which columns of a block are a word of the questions, in any case: number of the word -> columns."""
    found: dict[int, list[int]] = {}
    where = np.searchsorted(asked, first).clip(max=max(count - 1, 0))
    for column in np.flatnonzero(asked[where] == first) if count else ():
        found.setdefault(int(where[column]), []).append(int(column))
    return found


def cosine_blocks(space: VectorSpace, asked: np.ndarray) -> Iterator[tuple[int, np.ndarray]]:
    """(first row, cosines of the words ``asked`` with the words of a block), in float32."""
    count = len(space.words)
    vectors, scales = space.vectors.vectors[:count], space.vectors.scales[:count]
    units = working(vectors[asked]).astype(np.float32) * scales[asked, None].astype(np.float32)
    for rows in (slice(start, start + COLUMNS) for start in range(0, len(vectors), COLUMNS)) if len(asked) else ():
        block = working(vectors[rows]).astype(np.float32, copy=False)
        cosines = units @ block.T
        cosines *= scales[rows].astype(np.float32)
        yield rows.start, cosines
