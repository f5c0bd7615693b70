"""Spaces: whatever says how similar two words are and which are near one, so that a thesaurus can stand beside vectors."""
from functools import cached_property
from typing import Protocol

import numpy as np

from tsuzuri.errors import DataError
from tsuzuri.vectors.search import unit
from tsuzuri.vectors.word_vectors import WordVectors

FREQUENT = 300_000                                           # words that are looked at, as in gensim's evaluation
WORDNET = "wordnet"


class Space(Protocol):
    """Words and how near they are to each other."""
    name: str

    def __contains__(self, word: str) -> bool: ...

    def similarity(self, a: str, b: str) -> float | None:
        """None where it cannot be said: an unknown word, no way between them."""

    def neighbours(self, word: str, topn: int) -> list[tuple[str, float | None]]:
        """The nearest words, nearest first; none for an unknown word."""


class VectorSpace:
    """The most frequent words of word vectors.

    fold: case does not count; of "Bank" and "bank" the first, which is the more frequent, is taken.
    """

    def __init__(self, name: str, vectors: WordVectors, *, fold: bool = True, frequent: int = FREQUENT):
        self.name, self.vectors, self.fold = name, vectors, fold
        self.words = vectors.words[:frequent]

    def key(self, word: str) -> str:
        """What words are told apart by."""
        return word.upper() if self.fold else word

    @cached_property
    def rows(self) -> dict[str, int]:
        """key -> the first row."""
        return {self.key(word): row for row, word in reversed(list(enumerate(self.words)))}

    def __contains__(self, word: str) -> bool:
        return self.find(word) is not None

    def find(self, word: str) -> np.ndarray | None:
        """The vector of a word, None where there is none."""
        row = self.rows.get(self.key(word))
        if row is not None:
            return self.vectors.vectors[row]
        return None if word in self.vectors.ids else self.vectors.find(word)         # rare ones are left out, new ones made

    def similarity(self, a: str, b: str) -> float | None:
        one, other = self.find(a), self.find(b)
        return None if one is None or other is None else float(unit(one) @ unit(other))

    def neighbours(self, word: str, topn: int) -> list[tuple[str, float | None]]:
        vector, row = self.find(word), self.rows.get(self.key(word))
        if vector is None:
            return []
        return [*self.vectors.nearest(vector, topn, without=[word] if row is None else [self.vectors.words[row]])]


class ThesaurusSpace:
    """A thesaurus: the similarity of the nearest senses, and synonyms as neighbours."""

    def __init__(self, name: str, thesaurus, measure: str = "path"):
        self.name, self.thesaurus, self.measure = name, thesaurus, measure

    def __contains__(self, word: str) -> bool:
        return bool(self.thesaurus.synsets(word))

    def similarity(self, a: str, b: str) -> float | None:
        return self.thesaurus.word_similarity(a, b, self.measure)

    def neighbours(self, word: str, topn: int) -> list[tuple[str, float | None]]:
        try:
            found = self.thesaurus.synonyms(word)[:topn]
        except DataError:
            return []
        return [(other, self.similarity(word, other)) for other in found]


def open_space(name: str) -> VectorSpace | ThesaurusSpace:
    """The thesaurus for ``wordnet``, else the vectors of a file."""
    if name == WORDNET:
        from tsuzuri.vectors.thesaurus import open_thesaurus
        return ThesaurusSpace(name, open_thesaurus())
    return VectorSpace(name, WordVectors.load(name))
