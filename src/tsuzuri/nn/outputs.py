"""Output layers: from what a model has read to the probability of every next token.

Each has ``loss`` to train with, ``losses`` of single tokens to evaluate with, and ``logits`` to generate with.
hs is (N, T, H), h (R, H); targets are ids, or -1 where a position does not count; losses are in nats.
"""
from typing import Any

import numpy as np

from tsuzuri import ops
from tsuzuri.array import Array
from tsuzuri.errors import ConfigError, check_choice
from tsuzuri.kernels.token_losses import linear_token_losses
from tsuzuri.nn.adaptive import AdaptiveSoftmax
from tsuzuri.nn.layers import Linear, TiedLinear
from tsuzuri.nn.mixture import MixtureOfSoftmaxes
from tsuzuri.nn.module import Parameter
from tsuzuri.tensor import Tensor


class SoftmaxOutput(Linear):
    """One softmax over the vocabulary: p = softmax(h W + b)."""

    def __init__(self, size: int, vocabulary: int, *, bound: float = 0.02, rng: np.random.Generator, dtype=np.float32):
        super().__init__(size, vocabulary, rng=rng, bound=bound, dtype=dtype)   # near zero: every token is as likely at first

    def loss(self, hs: Tensor, targets: Array, rng: np.random.Generator | None = None, smoothing: float = 0.0) -> Tensor:
        """Mean loss of the targets that count; with ``smoothing`` a share of the probability is asked for all other tokens
        (Szegedy et al. 2016)."""
        return ops.linear_cross_entropy(hs, *self.weights(), targets, smoothing)

    def losses(self, h: Array, targets: Array) -> Array:
        """The loss of every token (R,), nothing recorded."""
        return linear_token_losses(h, self.matrix(), self.b.data, targets)

    def logits(self, h: Array) -> Array:
        """(R, V) scores whose softmax is p."""
        return self.apply(h)


class TiedSoftmaxOutput(SoftmaxOutput, TiedLinear):
    """A SoftmaxOutput whose W is an embedding table, transposed."""

    def __init__(self, table: Parameter):
        TiedLinear.__init__(self, table)


OUTPUTS = {"softmax": SoftmaxOutput, "mixture": MixtureOfSoftmaxes, "adaptive": AdaptiveSoftmax}


def make_output(name: str, size: int, vocabulary: int, *, rng: np.random.Generator, dtype=np.float32,
                table: Parameter | None = None, **options: Any):
    """The output layer called ``name`` for h of length ``size``; ``table`` (V, E) is an embedding to be tied to.

    ``options`` are those of the class.  ConfigError: no such layer, or one that cannot be tied.
    """
    check_choice("output", name, OUTPUTS)
    if table is None:
        return OUTPUTS[name](size, vocabulary, rng=rng, dtype=dtype, **options)
    if name == "adaptive":
        raise ConfigError("an adaptive output has a matrix for each cluster and cannot be tied to the embedding; "
                          "choose output softmax or mixture, or leave tie out.")
    return TiedSoftmaxOutput(table) if name == "softmax" else MixtureOfSoftmaxes(
        size, vocabulary, rng=rng, dtype=dtype, table=table, **options)
