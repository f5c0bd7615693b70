"""Attention with several heads, of a text on itself and on a source; the ways in which it is told where a token stands."""
import numpy as np

from tsuzuri import ops
from tsuzuri.array import Array
from tsuzuri.errors import ConfigError
from tsuzuri.kernels.feedforward import branch_rows
from tsuzuri.kernels.rotary import rotary_angles
from tsuzuri.kernels.source_attention import source_attention_forward
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
        if x.shape[1] > len(self.table):
            raise ConfigError(f"a text has {x.shape[1]} tokens, and positions learnt has a vector for {len(self.table)} places; cut it, or train with a "
                              "larger longest or positions sinusoidal.")
        return x + self.table[:x.shape[1]]

    def read(self, x: Array, first: int) -> Array:
        """x (N, M, H), whose positions are first to first + M - 1; those behind the last that was trained are as the last."""
        return x + self.table.data[np.arange(first, first + x.shape[1]).clip(max=len(self.table) - 1)]


class RotaryPositions(Module):
    """Queries and keys are turned by angles that grow with the position (kernels.rotary); nothing is trained or added."""

    def __init__(self, context: int, size: int, heads: int, *, rng: np.random.Generator, dtype=np.float32):
        self.cos, self.sin = (a.astype(dtype) for a in rotary_angles(context, size // heads))

    def __call__(self, x: Tensor) -> Tensor:
        return x

    def read(self, x: Array, first: int) -> Array:
        """x itself."""
        return x


class SinusoidalPositions(Module):
    """Waves of growing length, added to the token's vector; nothing is trained, and no text is too long.

        table[t, 2 j] = sin(t / 10000^{2 j / H})        table[t, 2 j + 1] = cos(t / 10000^{2 j / H})

    Source: Vaswani et al. 2017.
    """

    def __init__(self, context: int, size: int, heads: int, *, rng: np.random.Generator, dtype=np.float32):
        self.table = _waves(context, size, dtype)
        self.cos = self.sin = np.zeros((0, 0), dtype)        # attention turns nothing

    def __call__(self, x: Tensor) -> Tensor:
        return x + self._table(x.shape[1])[:x.shape[1]]

    def read(self, x: Array, first: int) -> Array:
        """x (N, M, H), whose positions are first to first + M - 1."""
        return x + self._table(first + x.shape[1])[first:first + x.shape[1]]

    def _table(self, length):
        if len(self.table) < length:
            self.table = _waves(2 * length, self.table.shape[1], self.table.dtype)
        return self.table


def _waves(length, size, dtype):
    angle = np.arange(length)[:, None] / 10000.0 ** (np.arange(0, size, 2) / size)
    return np.stack([np.sin(angle), np.cos(angle)], axis=2).reshape(length, -1)[:, :size].astype(dtype)


Positions = LearntPositions | RotaryPositions | SinusoidalPositions
POSITIONS: dict[str, type[Positions]] = {"learnt": LearntPositions, "rotary": RotaryPositions, "sinusoidal": SinusoidalPositions}


class SelfAttention(Module):
    """r + dropout(heads(x) W + b): each position of x mixed with those before it, added to the stream r.

    r and x (N, T, H).  Source: Vaswani et al. 2017.  The probabilities themselves are not dropped out, which would mean to
    keep them or to draw them block by block; what the branch adds is.
    """

    def __init__(self, size: int, heads: int, positions: Positions, dropout: float, *, out_std: float,
                 std: float = STD, rng: np.random.Generator, dtype=np.float32):
        self.heads, self.positions, self.p = heads, positions, probability(dropout)
        self.qkv = normal_linear(size, 3 * size, std, rng=rng, dtype=dtype)
        self.out = normal_linear(size, size, out_std, rng=rng, dtype=dtype)

    def __call__(self, r: Tensor, x: Tensor, rng: np.random.Generator | None) -> Tensor:
        mixed = ops.causal_attention(self.qkv(x), self.heads, self.positions.cos, self.positions.sin)
        return ops.branch_end(r, mixed, *self.out.weights(), self.p, rng)


class HeadsAttention(Module):
    """r + dropout(heads(x) W + b): each position of x (N, T, H) takes what it looks for from a memory, added to the stream r.

    Source: Vaswani et al. 2017.
    """

    def __init__(self, size: int, heads: int, dropout: float, *, out_std: float, std: float = STD, rng: np.random.Generator,
                 dtype=np.float32):
        self.heads, self.p, self.scale = heads, probability(dropout), (size // heads) ** -0.5
        self.query, self.key, self.value = (normal_linear(size, size, std, rng=rng, dtype=dtype) for _ in range(3))
        self.out = normal_linear(size, size, out_std, rng=rng, dtype=dtype)

    def memory(self, x: Tensor) -> tuple[Tensor, Tensor]:
        """x (N, S, H) -> keys and values (N, S, H)."""
        return self.key(x), self.value(x)

    def __call__(self, r: Tensor, x: Tensor, memory: tuple[Tensor, Tensor], lengths: Array,
                 rng: np.random.Generator | None) -> tuple[Tensor, Tensor]:
        """Also the weights (N, K, T, S)."""
        mixed, weights = ops.attention(self.query(x), *memory, lengths, self.heads, self.scale)
        return ops.branch_end(r, mixed, *self.out.weights(), self.p, rng), weights

    def read(self, r: Array, x: Array, keys: Array, values: Array, lengths: Array) -> tuple[Array, Array]:
        """The same for one position of each row, r and x (N, H), nothing recorded; weights (N, K, S)."""
        (mixed, weights), _ = source_attention_forward(self.query.apply(x)[:, None], keys, values, lengths, self.heads, self.scale)
        return branch_rows(r, mixed[:, 0], self.out.W.data, self.out.b.data), weights[:, :, 0]


def normal_linear(in_size: int, size: int, std: float, *, rng: np.random.Generator, dtype) -> Linear:
    """A linear layer whose weights start normally distributed, the bias at zero."""
    layer = Linear(in_size, size, rng=rng, bound=0.0, dtype=dtype)
    layer.W.data[...] = std * rng.standard_normal((in_size, size))
    return layer
