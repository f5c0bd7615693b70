"""Layers over a forest (text.forest): from the vectors of words to one of every node.

Each is called with the forest, and x (n, D), the vectors of the nodes ``at`` (n,) that have words, in order -> hs (M, H).
"""
import numpy as np

from tsuzuri.array import Array
from tsuzuri.nn import starts
from tsuzuri.nn.module import Module, Parameter, zeros
from tsuzuri.ops import trees
from tsuzuri.tensor import Tensor


class RecursiveNet(Module):
    """h = tanh([left; right] W + b); a leaf's h is its word's vector.

    W starts near half of the sum of the two: a phrase begins as the mean of its words.  Source: Socher et al. 2011.
    """

    def __init__(self, in_size: int, size: int, *, rng: np.random.Generator, dtype=np.float32):
        self.W, self.b = Parameter(_means(size, rng).astype(dtype)), zeros(size, dtype)

    def __call__(self, forest, x: Tensor, at: Array) -> Tensor:
        return trees.RecursiveNet(forest.levels, forest.children)(x, self.W, self.b)


class TensorNet(RecursiveNet):
    """The recursive net with a bilinear form of [left; right] beside the sum: V ((2H)^2, H).  Source: Socher et al. 2013.

    V is kept 2H times as large as it is used.  A step of AdaGrad or Adam moves every weight as far, and a form has 2H as many as a
    sum: without this it drowned the sum and nothing was learnt.
    """

    def __init__(self, in_size: int, size: int, *, rng: np.random.Generator, dtype=np.float32):
        super().__init__(in_size, size, rng=rng, dtype=dtype)
        self.V = Parameter((size ** -0.5 * rng.standard_normal((4 * size * size, size))).astype(dtype))

    def __call__(self, forest, x, at):
        V = self.V * (1 / (2 * len(self.b)))
        return trees.TensorNet(forest.levels, forest.children)(x, V, self.W, self.b)


class TreeLSTM(Module):
    """Binary Tree-LSTM: Wx (D, 4H), Wh (2H, 5H), b (4H); the forget gates' bias starts at one.  Source: Tai et al. 2015."""

    def __init__(self, in_size: int, size: int, *, rng: np.random.Generator, dtype=np.float32):
        self.Wx = Parameter((in_size ** -0.5 * rng.standard_normal((in_size, 4 * size))).astype(dtype))
        self.Wh = Parameter(np.block([[starts.orthogonal(size, rng) for _ in range(5)] for _ in range(2)]).astype(dtype))
        self.b = zeros(4 * size, dtype)
        self.b.data[size:2 * size] = 1

    def __call__(self, forest, x, at):
        return trees.TreeLSTM(at, forest.levels, forest.children)(x, self.Wx, self.Wh, self.b)


class ChildSumLSTM(Module):
    """Child-sum Tree-LSTM, for any number of children: Wx (D, 4H), Wh (H, 4H), b (4H).  Source: Tai et al. 2015."""

    def __init__(self, in_size: int, size: int, *, rng: np.random.Generator, dtype=np.float32):
        self.Wx = Parameter((in_size ** -0.5 * rng.standard_normal((in_size, 4 * size))).astype(dtype))
        self.Wh = Parameter(np.hstack([starts.orthogonal(size, rng) for _ in range(4)]).astype(dtype))
        self.b = zeros(4 * size, dtype)
        self.b.data[size:2 * size] = 1

    def __call__(self, forest, x, at):
        return trees.ChildSumLSTM(at, forest.levels, forest.first, forest.children)(x, self.Wx, self.Wh, self.b)


def _means(size, rng):
    """(2H, H): [left; right] -> half of their sum, and some noise."""
    near = np.vstack([np.eye(size), np.eye(size)]) / 2
    return near + 0.5 * size ** -0.5 * rng.standard_normal((2 * size, size)) / 2
