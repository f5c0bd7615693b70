"""A block of a Transformer: attention, then a feed-forward layer, each on a normalised copy of the stream it adds to.

    x += attention(norm(x))        x += feedforward(norm(x))

Source: Vaswani et al. 2017; gelu and the order of the parts: Radford et al. 2019; why the norm comes first: Xiong et
al. 2020.
"""
import numpy as np

from tsuzuri import ops
from tsuzuri.array import Array
from tsuzuri.kernels.attention import cached_attention
from tsuzuri.kernels.block import read_block
from tsuzuri.kernels.feedforward import branch_rows, gelu_rows
from tsuzuri.kernels.norm import normalised_rows
from tsuzuri.nn.attention import STD, HeadsAttention, Positions, SelfAttention, normal_linear
from tsuzuri.nn.layers import LayerNorm, probability
from tsuzuri.nn.module import Module
from tsuzuri.tensor import Tensor

RATIO = 4                                                    # how much wider than the stream the feed-forward layer is


class FeedForward(Module):
    """r + dropout(gelu(x W1 + b1) W2 + b2), for each position alone.    r and x (N, T, H)"""

    def __init__(self, size: int, dropout: float, *, out_std: float, std: float = STD, rng: np.random.Generator, dtype=np.float32):
        self.p = probability(dropout)
        self.wide = normal_linear(size, RATIO * size, std, rng=rng, dtype=dtype)
        self.out = normal_linear(RATIO * size, size, out_std, rng=rng, dtype=dtype)

    def __call__(self, r: Tensor, x: Tensor, rng: np.random.Generator | None) -> Tensor:
        return ops.branch_end(r, ops.linear_gelu(x, *self.wide.weights()), *self.out.weights(), self.p, rng)

    def read(self, r: Array, x: Array) -> Array:
        """The same of rows (R, H), nothing recorded."""
        hidden, _ = gelu_rows(x, self.wide.W.data, self.wide.b.data)
        return branch_rows(r, hidden, self.out.W.data, self.out.b.data)


class TransformerBlock(Module):
    """One layer of a Transformer.    x (N, T, H) -> (N, T, H)

    ``out_std`` is the deviation of the two matrices that add to the stream: 0.02 / sqrt(2 layers) keeps the stream's
    variance from growing with the depth (Radford et al. 2019).
    """

    def __init__(self, size: int, heads: int, positions: Positions, dropout: float, *, out_std: float,
                 rng: np.random.Generator, dtype=np.float32):
        self.attention_norm, self.feedforward_norm = LayerNorm(size, dtype=dtype), LayerNorm(size, dtype=dtype)
        self.attention = SelfAttention(size, heads, positions, dropout, out_std=out_std, rng=rng, dtype=dtype)
        self.feedforward = FeedForward(size, dropout, out_std=out_std, rng=rng, dtype=dtype)

    def __call__(self, x: Tensor, rng: np.random.Generator | None) -> Tensor:
        x = self.attention(x, self.attention_norm(x), rng)
        return self.feedforward(x, self.feedforward_norm(x), rng)

    def read(self, x: Array, keys: Array, values: Array, first: int) -> Array:
        """Rows x (N M, H) of M positions from ``first`` on -> (N M, H), nothing recorded.

        keys and values (N, K, context, D) hold those of the positions before, and get these.
        """
        parts = (self.attention_norm.gain, self.attention_norm.bias, *self.attention.qkv.weights(), *self.attention.out.weights(),
                 self.feedforward_norm.gain, self.feedforward_norm.bias, *self.feedforward.wide.weights(),
                 *self.feedforward.out.weights())
        positions = self.attention.positions
        return read_block(x, tuple(part.data for part in parts), positions.cos, positions.sin, keys, values, first)


class EncoderBlock(Module):
    """One layer of a Transformer's encoder: x (N, S, H), lengths (N,) -> (N, S, H)."""

    def __init__(self, size: int, heads: int, dropout: float, *, out_std: float, std: float, rng: np.random.Generator, dtype=np.float32):
        self.attention_norm, self.feedforward_norm = LayerNorm(size, dtype=dtype), LayerNorm(size, dtype=dtype)
        self.attention = HeadsAttention(size, heads, dropout, out_std=out_std, std=std, rng=rng, dtype=dtype)
        self.feedforward = FeedForward(size, dropout, out_std=out_std, std=std, rng=rng, dtype=dtype)

    def __call__(self, x: Tensor, lengths: Array, rng: np.random.Generator | None) -> Tensor:
        h = self.attention_norm(x)
        x, _ = self.attention(x, h, self.attention.memory(h), lengths, rng)
        return self.feedforward(x, self.feedforward_norm(x), rng)


class DecoderBlock(Module):
    """One layer of a Transformer's decoder: it looks at what it has written, then at the source.    x (N, T, H) -> (N, T, H)"""

    def __init__(self, size: int, heads: int, positions: Positions, dropout: float, *, out_std: float, std: float,
                 rng: np.random.Generator, dtype=np.float32):
        self.attention_norm, self.source_norm, self.feedforward_norm = (LayerNorm(size, dtype=dtype) for _ in range(3))
        self.attention = SelfAttention(size, heads, positions, dropout, out_std=out_std, std=std, rng=rng, dtype=dtype)
        self.source_attention = HeadsAttention(size, heads, dropout, out_std=out_std, std=std, rng=rng, dtype=dtype)
        self.feedforward = FeedForward(size, dropout, out_std=out_std, std=std, rng=rng, dtype=dtype)

    def __call__(self, x: Tensor, source: Tensor, lengths: Array, rng: np.random.Generator | None) -> tuple[Tensor, Tensor]:
        """Also the weights on the source (N, K, T, S)."""
        x = self.attention(x, self.attention_norm(x), rng)
        x, weights = self.source_attention(x, self.source_norm(x), self.source_attention.memory(source), lengths, rng)
        return self.feedforward(x, self.feedforward_norm(x), rng), weights

    def read(self, x: Array, cache: tuple[Array, Array], first: int, memory: tuple[Array, Array], lengths: Array) -> tuple[Array, Array]:
        """One position x (N, H), number ``first``, nothing recorded -> (N, H), weights (N, K, S).

        The cache's keys and values (N, K, room, D) hold those of the positions before, and get these.
        """
        own = self.attention
        qkv = own.qkv.apply(normed(self.attention_norm, x))[:, None]
        mixed = np.empty((len(x), 1, x.shape[1]), x.dtype)
        cached_attention(qkv, own.positions.cos, own.positions.sin, *cache, first, mixed)
        x = branch_rows(x, mixed[:, 0], own.out.W.data, own.out.b.data)
        x, weights = self.source_attention.read(x, normed(self.source_norm, x), *memory, lengths)
        return self.feedforward.read(x, normed(self.feedforward_norm, x)), weights


def normed(norm: LayerNorm, x: Array) -> Array:
    """Rows x (R, H) through a layer norm, nothing recorded."""
    return normalised_rows(x, norm.gain.data, norm.bias.data)[0]
