"""Corpora for tests: lines of words in memory, with the members that counting needs."""
from collections import Counter

import numpy as np

from tsuzuri.text.vocabulary import Vocabulary


class ListCorpus:
    """The words of ``lines`` that stand at least ``min_count`` times."""

    def __init__(self, lines, min_count=1):
        cut = [line.split() for line in lines]
        self.vocabulary = Vocabulary.build(Counter(word for line in cut for word in line), (), None, min_count)
        ids = self.vocabulary.ids
        self.lines = [[ids[word] for word in line if word in ids] for line in cut]
        self.words = sum(map(len, self.lines))

    def blocks(self, size=1 << 20):
        stream = np.array([k for line in self.lines for k in (*line, -1)], np.int32)
        for start in range(0, len(stream), size):
            yield stream[start:start + size]


def zipf_lines(words, vocabulary, seed=0, length=20):
    """Made text: a few hidden topics, in each of which the words have the frequencies of natural text in another order."""
    rng = np.random.default_rng(seed)
    p = 1 / np.arange(1, vocabulary + 1)
    orders = [rng.permutation(vocabulary) for _ in range(40)]
    draws = rng.choice(vocabulary, words, p=p / p.sum())
    for start in range(0, words, length):
        common = rng.random(length) < 0.5
        order = orders[rng.integers(40)]
        yield " ".join(f"w{k if shared else order[k]}" for k, shared in zip(draws[start:start + length], common))
