"""Attention of a decoder on the tokens of its source, put together from three parts, each a class that is found by name:

    score      how well each key fits the query           nn.scores
    span       among which tokens it chooses              global, local
    choice     what it takes of them                      soft, hard, straight-through

    weights = softmax(score(query, keys))        context = sum_s weights_s value_s
"""
from typing import Any, NamedTuple

import numpy as np

from tsuzuri import ops
from tsuzuri.array import Array
from tsuzuri.nn.layers import Linear
from tsuzuri.nn.module import Module, zeros
from tsuzuri.nn.scores import SCORES, Dot
from tsuzuri.tensor import Tensor


class Memory(NamedTuple):
    """A source as it is looked at: keys (N, S, ...), values (N, S, H), lengths (N,); ``number`` (N,) says which source it is."""

    keys: Tensor
    values: Tensor
    lengths: Array
    number: Array

    def take(self, rows: Array) -> "Memory":
        """The sources of some rows; this memory itself where they are the same, as when a beam's rows change places."""
        number = self.number[rows]
        if np.array_equal(number, self.number):
            return self
        return Memory(Tensor(self.keys.data[rows]), Tensor(self.values.data[rows]), self.lengths[rows], number)


class Attended(NamedTuple):
    """What was seen: context (N, T, H), weights (N, T, S); log p (N, T) of what was chosen, where a choice was drawn."""

    context: Tensor
    weights: Tensor
    log_p: Tensor | None = None


class Global(Module):
    """All tokens of the source."""

    def __init__(self, size: int, width: int, *, rng: np.random.Generator, dtype=np.float32):
        """Nothing is learned, whatever the size."""

    def __call__(self, query: Tensor, scores: Tensor, lengths: Array) -> Tensor:
        return ops.masked_softmax(scores, lengths)


class Local(Module):
    """``width`` tokens to either side of a place p that the query points at, those near p the more.

        p = (length - 1) sigma(v tanh(query W))        weights = softmax within the window * exp(-(s - p)^2 / (2 sigma^2)),  sigma = width / 2

    Source: Luong, Pham and Manning 2015 (local-p).
    """

    OUTSIDE = -1e9                                           # a score whose softmax is 0

    def __init__(self, size: int, width: int, *, rng: np.random.Generator, dtype=np.float32):
        self.width = width
        self.hidden, self.place = Linear(size, size, rng=rng, dtype=dtype), Linear(size, 1, rng=rng, dtype=dtype)

    def __call__(self, query: Tensor, scores: Tensor, lengths: Array) -> Tensor:
        ends = (lengths - 1)[:, None, None].astype(scores.dtype)
        p = ops.sigmoid(self.place(ops.tanh(self.hidden(query)))) * ends                    # (N, T, 1)
        away = np.arange(scores.shape[2], dtype=scores.dtype) - p
        outside = np.where(np.abs(away.data) <= max(self.width, 0.5), 0, self.OUTSIDE).astype(scores.dtype)
        near = ops.exp(away * away * (-2.0 / max(self.width, 0.5) ** 2))
        return ops.masked_softmax(scores + outside, lengths) * near


class Soft(Module):
    """The mean of the values, each by its weight."""

    def __call__(self, weights: Tensor, values: Tensor, rng: np.random.Generator | None) -> Attended:
        return Attended(weights @ values, weights)


class Hard(Module):
    """One value, drawn by the weights in training and the weightiest afterwards.

    A draw has no derivative; the gradient of the expected loss is that of log p of the draw times what the draw cost
    (REINFORCE), which the model adds to its loss.  Source: Williams 1992; as attention: Xu et al. 2015.
    """

    def __call__(self, weights: Tensor, values: Tensor, rng: np.random.Generator | None) -> Attended:
        chosen = _chosen(weights.data, rng)
        context = Tensor(_one_hot(chosen, weights)) @ values
        if rng is None:
            return Attended(context, weights)
        p = ops.gather(weights, chosen[:, :, None]).reshape(*chosen.shape) / weights.sum(axis=2)        # local weights do not add up to one
        return Attended(context, weights, ops.log(p + 1e-9))


class StraightThrough(Module):
    """One value as in Hard, but the gradient is taken as if the weights themselves had been used.

    Source: Bengio, Leonard and Courville 2013.
    """

    def __call__(self, weights: Tensor, values: Tensor, rng: np.random.Generator | None) -> Attended:
        one = _one_hot(_chosen(weights.data, rng), weights)
        return Attended((weights + (one - weights.data)) @ values, weights)


SPANS = {"global": Global, "local": Local}
CHOICES = {"soft": Soft, "hard": Hard, "straight-through": StraightThrough}


class SourceAttention(Module):
    """query (N, T, H), a Memory -> Attended.

    With ``coverage`` (N, 1, S), the sum of the weights of earlier steps, the scores are moved by what was seen already
    (See, Liu and Manning 2017, who add it inside the additive score).  ``longest`` is the longest source of score location,
    ``width`` that of span local.
    """

    def __init__(self, size: int, score: str = "general", span: str = "global", choice: str = "soft", coverage: bool = False,
                 longest: int = 100, width: int = 5, *, rng: np.random.Generator, dtype=np.float32):
        self.score: Any = SCORES[score](size, longest, rng=rng, dtype=dtype)
        self.span: Any = SPANS[span](size, width, rng=rng, dtype=dtype)
        self.choice: Any = CHOICES[choice]()
        self.seen = zeros(1, dtype) if coverage else None
        self.at_once = isinstance(self.score, Dot) and (span, choice, coverage) == ("global", "soft", False)

    def memory(self, values: Tensor, lengths: Array) -> Memory:
        """What is kept of a source."""
        return Memory(self.score.keys(values), values, lengths, np.arange(len(lengths)))

    def __call__(self, query: Tensor, memory: Memory, rng: np.random.Generator | None = None, coverage: Tensor | None = None) -> Attended:
        keys, values, lengths, _ = memory
        if self.at_once:
            context, weights = ops.attention(query, keys, values, lengths, scale=self.score.scale_of(query.shape[-1]))
            return Attended(context, weights.reshape(weights.shape[0], *weights.shape[2:]))
        scores = self.score(query, keys, lengths)
        if coverage is not None:
            scores = scores + coverage * self.seen
        return self.choice(self.span(query, scores, lengths), values, rng)


def _chosen(weights, rng):
    """(N, T): the places of the highest weights, or drawn by them; local weights do not add up to one."""
    if rng is None:
        return weights.argmax(-1)
    sums = weights.cumsum(-1, dtype=np.float64)
    drawn = (sums <= rng.random(weights.shape[:2])[..., None] * sums[..., -1:]).sum(-1)
    return np.minimum(drawn, weights.shape[2] - 1)


def _one_hot(chosen, weights):
    return (np.arange(weights.shape[2]) == chosen[:, :, None]).astype(weights.dtype)
