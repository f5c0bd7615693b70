"""The recurrent encoder: a source of any length becomes a vector for each of its tokens, and a state to start from."""
from typing import NamedTuple

import numpy as np

from tsuzuri import ops
from tsuzuri.array import Array
from tsuzuri.nn.connections import Plain, Residual
from tsuzuri.nn.layers import Dropout, Embedding
from tsuzuri.nn.module import Module
from tsuzuri.nn.recurrent import Bidirectional, Stacked, States
from tsuzuri.nn.starts import recurrent_layer
from tsuzuri.tensor import Tensor


class Encoded(NamedTuple):
    """What was read: hs (N, S, H), a vector for each token, in the order in which they were read; the last states."""

    hs: Tensor
    states: States


class Encoder(Module):
    """source ids (N, S), lengths (N,) -> Encoded.  Padding is never read.

    The first ``bidirectional`` layers read in both directions, half of their units in each.  ``residual`` adds what a layer
    was given to what it gives, from the second layer above those on.
    """

    def __init__(self, embed: Embedding, embedding: int, size: int, layers: int, cell: str, bidirectional: int = 0,
                 residual: bool = False, dropout: float = 0.0, *, rng: np.random.Generator, dtype=np.float32):
        self.embed, self.dropout = embed, Dropout(dropout)
        sizes = [embedding, *[size] * layers]
        made = [_both_ways(cell, sizes[k], size, rng, dtype) if k < bidirectional else recurrent_layer(cell, sizes[k], size, rng=rng, dtype=dtype)
                for k in range(layers)]
        joined = [Residual() if residual and k > bidirectional else Plain() for k in range(1, layers)]
        self.layers = Stacked(made, self.dropout, joined)

    def __call__(self, source: Array, lengths: Array, rng: np.random.Generator | None = None) -> Encoded:
        x = self.dropout(self.embed(source), rng)
        hs, states = self.layers(x, None, None if (lengths == source.shape[1]).all() else lengths, rng)
        return Encoded(hs, States(_joined(state) for state in states))


def _both_ways(cell, in_size, size, rng, dtype):
    return Bidirectional(*(recurrent_layer(cell, in_size, size // 2, rng=rng, dtype=dtype) for _ in range(2)))


def _joined(state):
    """The state of a layer; of one that reads both ways the two directions' states side by side."""
    if not isinstance(state, States):
        return state
    return type(state[0])(*(ops.concatenate(parts, axis=1) for parts in zip(*state, strict=True)))
