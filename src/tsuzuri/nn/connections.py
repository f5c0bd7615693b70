"""How a layer's output y is joined to its input x, both (..., size), before the next layer reads them.

``connection(x, y)`` takes tensors, ``connection.apply(x, y)`` arrays, nothing recorded.
"""
import numpy as np

from tsuzuri import ops
from tsuzuri.array import Array
from tsuzuri.kernels.activation import sigmoid
from tsuzuri.nn.layers import Linear
from tsuzuri.nn.module import Module
from tsuzuri.tensor import Tensor


class Plain(Module):
    """y alone."""

    equal_sizes = False                                      # whether x and y must be of one size

    def __init__(self, size: int | None = None, *, rng: np.random.Generator | None = None, dtype=np.float32):
        """Nothing is learned, whatever the size."""

    def apply(self, x: Array, y: Array) -> Array:
        """The joined array, nothing recorded."""
        return y

    def __call__(self, x: Tensor, y: Tensor) -> Tensor:
        return y


class Residual(Plain):
    """x + y.  Source: He et al. 2016; between recurrent layers: Wu et al. 2016."""

    equal_sizes = True

    def apply(self, x, y):
        return x + y

    def __call__(self, x, y):
        return x + y


class Highway(Plain):
    """t * y + (1 - t) * x with t = sigma(x W + b); b starts at -1, so that at first most of x is carried on.

    Source: Srivastava, Greff and Schmidhuber 2015; between recurrent layers: Zhang et al. 2016.
    """

    equal_sizes = True

    def __init__(self, size: int, *, rng: np.random.Generator, dtype=np.float32):
        self.gate = Linear(size, size, rng=rng, dtype=dtype)
        self.gate.b.data[:] = -1

    def apply(self, x, y):
        return x + sigmoid(self.gate.apply(x)) * (y - x)

    def __call__(self, x, y):
        return x + ops.sigmoid(self.gate(x)) * (y - x)


CONNECTIONS = {"plain": Plain, "residual": Residual, "highway": Highway}
