"""An output that may copy: with probability g a token of the vocabulary, else one of the source, where attention looks.

    p(y) = g softmax(a W + b)_y + (1 - g) sum_{s: source_s = y} weights_s        g = sigma(a u + v)

Source: Vinyals, Fortunato and Jaitly 2015; with the switch: See, Liu and Manning 2017.
"""
import numpy as np

from tsuzuri import ops
from tsuzuri.array import Array
from tsuzuri.kernels.activation import sigmoid
from tsuzuri.kernels.softmax import softmax_forward
from tsuzuri.nn.layers import Linear
from tsuzuri.nn.module import Module
from tsuzuri.nn.outputs import SoftmaxOutput
from tsuzuri.tensor import Tensor, no_grad

LEAST = 1e-12                                                # of a probability whose logarithm is taken


class CopyingOutput(Module):
    """a (N, T, H), weights (N, T, S), source ids (N, S) that are ids of the target's vocabulary too."""

    def __init__(self, out: SoftmaxOutput, size: int, *, rng: np.random.Generator, dtype=np.float32):
        self.out, self.switch = out, Linear(size, 1, rng=rng, dtype=dtype)

    def loss(self, a: Tensor, weights: Tensor, source: Array, targets: Array) -> Tensor:
        """Mean loss of the targets that count, in nats."""
        count = (targets >= 0).astype(a.dtype)
        return -(ops.log(self._probability(a, weights, source, targets) + LEAST) * count).sum() * float(1 / count.sum())

    def losses(self, a: Tensor, weights: Tensor, source: Array, targets: Array) -> Array:
        """The loss of every target (N, T), 0 for one of -1; nothing recorded."""
        with no_grad():
            p = self._probability(a, weights, source, targets).data
        return np.where(targets >= 0, -np.log(p + LEAST), 0)

    def logits(self, a: Array, weights: Array, source: Array) -> Array:
        """log p (N, V) of the next token: a (N, H), weights (N, S)."""
        g = sigmoid(self.switch.apply(a))
        p = g * softmax_forward(self.out.logits(a))[0]
        np.add.at(p, (np.arange(len(p))[:, None], source), (1 - g) * weights)
        return np.log(p + LEAST)

    def _probability(self, a, weights, source, targets):
        """p of every target (N, T)."""
        g = ops.sigmoid(self.switch(a)).reshape(*targets.shape)
        said = ops.gather(ops.softmax(self.out(a)), np.maximum(targets, 0)[:, :, None]).reshape(*targets.shape)
        there = (source[:, None, :] == targets[:, :, None]).astype(a.dtype)
        return g * said + (1 - g) * (weights * there).sum(axis=2)
