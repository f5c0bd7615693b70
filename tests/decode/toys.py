"""A model that translates with tables: its logits and its attention depend on all it has read, in no simple way."""
from typing import NamedTuple

import numpy as np

PRIME = 9973
END = 0


class ToyState(NamedTuple):
    lengths: np.ndarray
    read: np.ndarray
    width: int
    attention: np.ndarray | None = None

    def take(self, rows):
        return ToyState(self.lengths[rows], self.read[rows], self.width, None if self.attention is None else self.attention[rows])


class Toy:
    """``batches``: the rows of every step."""

    def __init__(self, vocabulary=4, seed=0, sharp=1.5, attends=True):
        rng = np.random.default_rng(seed)
        self.vocabulary, self.attends, self.batches = vocabulary, attends, []
        self.logits, self.looks = sharp * rng.normal(size=(PRIME, vocabulary)), 2 * rng.normal(size=(PRIME, 12))

    def start(self, source, lengths):
        read = np.zeros(len(source), np.int64)
        for k in range(source.shape[1]):
            read = np.where(k < lengths, (read * 37 + source[:, k] + 11) % PRIME, read)
        return ToyState(np.asarray(lengths), read, source.shape[1])

    def step(self, ids, state):
        assert len(ids) == len(state.read)
        self.batches.append(len(ids))
        read = (state.read * 31 + ids + 7) % PRIME
        weights = np.exp(self.looks[read, :state.width]) * (np.arange(state.width) < state.lengths[:, None])
        weights /= weights.sum(1, keepdims=True)
        return self.logits[read], ToyState(state.lengths, read, state.width, weights if self.attends else None)


def sentences(count, seed=0, longest=6):
    """source (N, S) padded with 0, lengths (N,)."""
    rng = np.random.default_rng(seed)
    lengths = rng.integers(1, longest + 1, count)
    source = rng.integers(1, 9, (count, longest)) * (np.arange(longest) < lengths[:, None])
    return source[:, :lengths.max()], lengths


def first(count):
    return np.full(count, END)


def told(model, source, text):
    """log p of every token of a text (with its end), and where the model looked for each: one source row (S,), stepped alone."""
    state, log_p, attention = model.start(source[None], np.array([len(source)])), [], []
    for before, token in zip([END, *text], text, strict=False):
        logits, state = model.step(np.array([before]), state)
        log_p.append(logits[0, token] - np.log(np.exp(logits[0]).sum()))
        attention.append(None if state.attention is None else state.attention[0])
    return np.array(log_p), attention
