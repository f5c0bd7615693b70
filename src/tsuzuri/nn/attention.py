"""Causal self-attention as a module, and the two ways in which it is told where a token stands."""
import numpy as np

from tsuzuri import ops
from tsuzuri.array import Array
from tsuzuri.kernels.rotary import rotary_angles
from tsuzuri.nn.layers import Linear, probability
from tsuzuri.nn.module import Module, Parameter
from tsuzuri.tensor import Tensor

STD = 0.02                                                   # of a Transformer's weights at the start: Radford et al. 2019


class LearntPositions(Module):
    """A trained vector for each position, added to the token's.  Source: Radford et al. 2018."""

    def __init__(self, context: int, size: int, heads: int, *, rng: np.random.Generator, dtype=np.float32):
        self.table = Parameter((STD * rng.standard_normal((context, size))).astype(dtype))
        self.cos = self.sin = np.zeros((0, 0), dtype)        # attention turns nothing

    def __call__(self, x: Tensor) -> Tensor:
        return x + self.table[:x.shape[1]]

    def read(self, x: Array, first: int) -> Array:
        """x (N, M, H), whose positions are first to first + M - 1."""
        return x + self.table.data[first:first + x.shape[1]]


class RotaryPositions(Module):
    """Queries and keys are turned by angles that grow with the position (kernels.rotary); nothing is trained or added."""

    def __init__(self, context: int, size: int, heads: int, *, rng: np.random.Generator, dtype=np.float32):
        self.cos, self.sin = (a.astype(dtype) for a in rotary_angles(context, size // heads))

    def __call__(self, x: Tensor) -> Tensor:
        return x

    def read(self, x: Array, first: int) -> Array:
        """x itself."""
        return x


POSITIONS: dict[str, type[LearntPositions] | type[RotaryPositions]] = {"learnt": LearntPositions, "rotary": RotaryPositions}


class SelfAttention(Module):
    """r + dropout(heads(x) W + b): each position of x mixed with those before it, added to the stream r.

    r and x (N, T, H).  Source: Vaswani et al. 2017.  The probabilities themselves are not dropped out, which would mean to
    keep them or to draw them block by block; what the branch adds is.
    """

    def __init__(self, size: int, heads: int, positions: LearntPositions | RotaryPositions, dropout: float, *, out_std: float,
                 rng: np.random.Generator, dtype=np.float32):
        self.heads, self.positions, self.p = heads, positions, probability(dropout)
        self.qkv = normal_linear(size, 3 * size, STD, rng=rng, dtype=dtype)
        self.out = normal_linear(size, size, out_std, rng=rng, dtype=dtype)

    def __call__(self, r: Tensor, x: Tensor, rng: np.random.Generator | None) -> Tensor:
        mixed = ops.causal_attention(self.qkv(x), self.heads, self.positions.cos, self.positions.sin)
        return ops.branch_end(r, mixed, *self.out.weights(), self.p, rng)


def normal_linear(in_size: int, size: int, std: float, *, rng: np.random.Generator, dtype) -> Linear:
    """A linear layer whose weights start normally distributed, the bias at zero."""
    layer = Linear(in_size, size, rng=rng, bound=0.0, dtype=dtype)
    layer.W.data[...] = std * rng.standard_normal((in_size, size))
    return layer
