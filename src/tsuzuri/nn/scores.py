"""How well each key fits a query: the scores whose softmax says where to look.

    score.keys(values (N, S, H)) -> keys                                   once for a source
    score(query (N, T, H), keys, lengths) -> scores (N, T, S)

The query is what the decoder has come to, a key what a source token offers to be found by, a value what is taken from it.
"""
import numpy as np

from tsuzuri import ops
from tsuzuri.array import Array
from tsuzuri.errors import ConfigError
from tsuzuri.nn.layers import Linear
from tsuzuri.nn.module import Module, uniform
from tsuzuri.tensor import Tensor


class Dot(Module):
    """<query, value>.  Source: Luong, Pham and Manning 2015."""

    def __init__(self, size: int, longest: int, *, rng: np.random.Generator, dtype=np.float32):
        """Nothing is learned, whatever the size."""

    def keys(self, values: Tensor) -> Tensor:
        """The values themselves."""
        return values

    def scale_of(self, size: int) -> float:
        """What the product is multiplied by."""
        return 1.0

    def __call__(self, query: Tensor, keys: Tensor, lengths: Array) -> Tensor:
        return (query @ keys.transpose(0, 2, 1)) * self.scale_of(query.shape[-1])


class ScaledDot(Dot):
    """<query, value> / sqrt(H), whose variance does not grow with H.  Source: Vaswani et al. 2017."""

    def scale_of(self, size):
        return size ** -0.5


class General(Dot):
    """query^T W value.  Source: Luong, Pham and Manning 2015."""

    def __init__(self, size: int, longest: int, *, rng: np.random.Generator, dtype=np.float32):
        self.W = uniform(rng, 1 / size, (size, size), dtype)  # small: it looks everywhere at first

    def keys(self, values):
        return projected(values, self.W)


class Additive(Module):
    """<v, tanh(query Wq + value Wk + b)>.  Source: Bahdanau, Cho and Bengio 2015."""

    def __init__(self, size: int, longest: int, *, rng: np.random.Generator, dtype=np.float32):
        self.query, self.key = uniform(rng, size ** -0.5, (size, size), dtype), Linear(size, size, rng=rng, dtype=dtype)
        self.v = uniform(rng, size ** -0.5, (size,), dtype)

    def keys(self, values: Tensor) -> Tensor:
        """The values' part of the sum."""
        return self.key(values)

    def __call__(self, query: Tensor, keys: Tensor, lengths: Array) -> Tensor:
        return ops.additive_scores(projected(query, self.query), keys, self.v, lengths)


class Location(Module):
    """query W_s for source position s: from the query alone, so that it may only learn where to look, not what to look for.

    Source: Luong, Pham and Manning 2015.  ConfigError: a source of more than ``longest`` tokens.
    """

    def __init__(self, size: int, longest: int, *, rng: np.random.Generator, dtype=np.float32):
        self.places = Linear(size, longest, rng=rng, dtype=dtype)

    def keys(self, values: Tensor) -> Tensor:
        """The values themselves, of which only the number counts."""
        return values

    def __call__(self, query: Tensor, keys: Tensor, lengths: Array) -> Tensor:
        longest, S = self.places.b.shape[0], keys.shape[1]
        if longest < S:
            raise ConfigError(f"a source has {S} tokens, and score location has weights for {longest} places; train with a larger longest.")
        return self.places(query)[:, :, :S]


def projected(x: Tensor, W: Tensor) -> Tensor:
    """x (..., D) times W (D, H), as one product of all rows."""
    return (x.reshape(-1, x.shape[-1]) @ W).reshape(*x.shape[:-1], W.shape[1])


SCORES = {"dot": Dot, "general": General, "additive": Additive, "scaled": ScaledDot, "location": Location}
