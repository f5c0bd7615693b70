"""Pooling: the states of a sentence become one vector.    hs (N, T, H), the last states, lengths (N,) or None -> (N, H)"""
import numpy as np

from tsuzuri import ops
from tsuzuri.array import Array
from tsuzuri.errors import check_choice
from tsuzuri.nn.layers import Linear
from tsuzuri.nn.module import Module, uniform
from tsuzuri.nn.recurrent import States
from tsuzuri.tensor import Tensor


class LastPool(Module):
    """The state after the last word, and of a layer that reads both ways the state after the first one beside it."""

    def __init__(self, size: int, *, rng: np.random.Generator, dtype=np.float32):
        self.size = size

    def __call__(self, hs: Tensor, last, lengths: Array | None) -> Tensor:
        return ops.concatenate([state.h for state in last], axis=1) if isinstance(last, States) else last.h


class MeanPool(LastPool):
    """The mean of the states."""

    def __call__(self, hs, last, lengths):
        return ops.mean_over_time(hs, lengths)


class MaxPool(LastPool):
    """The largest value of each unit.  Source: Collobert et al. 2011."""

    def __call__(self, hs, last, lengths):
        return ops.max_over_time(hs, lengths)


class AttentionPool(LastPool):
    """A weighted mean of the states: sum_t a_t h_t with a = softmax(v tanh(h_t W + b)).  Source: Yang et al. 2016."""

    def __init__(self, size: int, *, rng: np.random.Generator, dtype=np.float32):
        super().__init__(size, rng=rng, dtype=dtype)
        self.key, self.v = Linear(size, size, rng=rng, dtype=dtype), uniform(rng, size ** -0.5, (size,), dtype)

    def weights(self, hs: Tensor, lengths: Array | None) -> Tensor:
        """a (N, 1, T), 0 behind a row's length."""
        nothing = Tensor(np.zeros((len(hs), 1, self.size), hs.dtype))
        return ops.masked_softmax(ops.additive_scores(nothing, self.key(hs), self.v, lengths), lengths)

    def __call__(self, hs, last, lengths):
        return (self.weights(hs, lengths) @ hs).reshape(len(hs), self.size)


POOLINGS = {"last": LastPool, "mean": MeanPool, "max": MaxPool, "attention": AttentionPool}


def make_pooling(name: str, size: int, *, rng: np.random.Generator, dtype=np.float32) -> LastPool:
    """The pooling called ``name`` for states of length ``size``.  ConfigError: there is no such."""
    check_choice("pooling", name, POOLINGS)
    return POOLINGS[name](size, rng=rng, dtype=dtype)
