"""A block of a Transformer: attention, then a feed-forward layer, each on a normalised copy of the stream it adds to.

    x += attention(norm(x))        x += feedforward(norm(x))

Source: Vaswani et al. 2017; gelu and the order of the parts: Radford et al. 2019; why the norm comes first: Xiong et
al. 2020.
"""
import numpy as np

from tsuzuri import ops
from tsuzuri.array import Array
from tsuzuri.kernels.block import read_block
from tsuzuri.kernels.norm import normalised_rows
from tsuzuri.nn.attention import STD, LearntPositions, RotaryPositions, SelfAttention, normal_linear
from tsuzuri.nn.layers import LayerNorm, probability
from tsuzuri.nn.module import Module
from tsuzuri.tensor import Tensor

RATIO = 4                                                    # how much wider than the stream the feed-forward layer is


class FeedForward(Module):
    """r + dropout(gelu(x W1 + b1) W2 + b2), for each position alone.    r and x (N, T, H)"""

    def __init__(self, size: int, dropout: float, *, out_std: float, rng: np.random.Generator, dtype=np.float32):
        self.p = probability(dropout)
        self.wide = normal_linear(size, RATIO * size, STD, rng=rng, dtype=dtype)
        self.out = normal_linear(RATIO * size, size, out_std, rng=rng, dtype=dtype)

    def __call__(self, r: Tensor, x: Tensor, rng: np.random.Generator | None) -> Tensor:
        return ops.branch_end(r, ops.linear_gelu(x, *self.wide.weights()), *self.out.weights(), self.p, rng)


class TransformerBlock(Module):
    """One layer of a Transformer.    x (N, T, H) -> (N, T, H)

    ``out_std`` is the deviation of the two matrices that add to the stream: 0.02 / sqrt(2 layers) keeps the stream's
    variance from growing with the depth (Radford et al. 2019).
    """

    def __init__(self, size: int, heads: int, positions: LearntPositions | RotaryPositions, dropout: float, *, out_std: float,
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


def normed(norm: LayerNorm, x: Array) -> Array:
    """Rows x (R, H) through a layer norm, nothing recorded."""
    return normalised_rows(x, norm.gain.data, norm.bias.data)[0]
