"""Going on with trained vectors on a new text: two vocabularies become one."""
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from tsuzuri.interop.table import Table
from tsuzuri.text.vocabulary import Vocabulary
from tsuzuri.text.word_corpus import BLOCK, LINE_END, WordCorpus


@dataclass(frozen=True)
class MergedCorpus:
    """A corpus in the ids of a larger vocabulary, whose counts are those of all texts so far."""

    corpus: WordCorpus
    vocabulary: Vocabulary
    ids: np.ndarray                                          # of the corpus's words there; the last is LINE_END

    @property
    def words(self) -> int:
        """Words of the new text."""
        return self.corpus.words

    @property
    def read(self) -> int:
        """Words of the new text, those outside the vocabulary among them."""
        return self.corpus.read

    def __len__(self) -> int:
        return len(self.corpus)

    def blocks(self, size: int = BLOCK, start: int = 0) -> Iterator[np.ndarray]:
        """As those of the corpus."""
        for block in self.corpus.blocks(size, start):
            yield self.ids[block]


def merged(old: Table, corpus: WordCorpus) -> MergedCorpus:
    """The new corpus in the vocabulary of both, the most frequent word first."""
    counts = dict(zip(old.words, old.counts or [0] * len(old.words)))
    for word, count in zip(corpus.vocabulary.tokens, corpus.vocabulary.counts):
        counts[word] = counts.get(word, 0) + count
    words = sorted(counts, key=lambda word: (-counts[word], word))
    vocabulary = Vocabulary(words, [counts[word] for word in words])
    ids = np.array([*(vocabulary.ids[word] for word in corpus.vocabulary.tokens), LINE_END], np.int32)
    return MergedCorpus(corpus, vocabulary, ids)


def rows_of(words: list[str], vocabulary: Vocabulary) -> np.ndarray:
    """The row of each word in a vocabulary that has all of them."""
    return np.array([vocabulary.ids[word] for word in words], np.int64)
