"""The layers without a state: linear, embedding, layer norm, dropout."""
import numpy as np

from tsuzuri import ops
from tsuzuri.array import Array
from tsuzuri.errors import check_share
from tsuzuri.kernels.product import matmul
from tsuzuri.nn.module import Module, Parameter, uniform, zeros
from tsuzuri.tensor import Tensor


class Linear(Module):
    """y = x W + b.    x (..., in_size) -> (..., size)

    W starts evenly in +-``bound`` (by default 1/sqrt(in_size)), b at zero.
    """

    def __init__(self, in_size: int, size: int, *, rng: np.random.Generator, bound: float | None = None, dtype=np.float32):
        bound = in_size ** -0.5 if bound is None else bound
        self.W, self.b = uniform(rng, bound, (in_size, size), dtype), zeros(size, dtype)

    def weights(self) -> tuple[Tensor, Tensor]:
        """W and b, for an op that takes in the product itself."""
        return self.W, self.b

    def matrix(self) -> Array:
        """The array of W (in_size, size)."""
        return self.W.data

    def apply(self, x: Array) -> Array:
        """x (N, in_size) -> (N, size), nothing recorded."""
        y = matmul(x, self.matrix())
        y += self.b.data
        return y

    def __call__(self, x: Tensor) -> Tensor:
        return ops.linear(x, *self.weights())


class TiedLinear(Linear):
    """y = x E^T + b, with E (size, in_size) a table that is trained elsewhere too.  Source: Press and Wolf 2017."""

    def __init__(self, table: Parameter):
        self.table, self.b = table, zeros(len(table), table.dtype)

    def weights(self):
        return ops.transpose(self.table), self.b

    def matrix(self):
        return self.table.data.T


class Embedding(Module):
    """A row of a table for each id.    ids (...) -> (..., size)

    The table starts normally distributed with standard deviation 0.1.
    """

    def __init__(self, rows: int, size: int, *, rng: np.random.Generator, dtype=np.float32):
        self.W = Parameter((0.1 * rng.standard_normal((rows, size))).astype(dtype))

    def __call__(self, ids: Array) -> Tensor:
        return ops.embedding(self.W, ids)


class LayerNorm(Module):
    """Each (..., size) brought to mean 0 and variance 1, then scaled and shifted.  Source: Ba, Kiros and Hinton 2016."""

    def __init__(self, size: int, *, dtype=np.float32):
        self.gain, self.bias = Parameter(np.ones(size, dtype)), zeros(size, dtype)

    def __call__(self, x: Tensor) -> Tensor:
        return ops.layer_norm(x, self.gain, self.bias)


class Dropout(Module):
    """Elements dropped with probability p while training, that is where a Generator is given.

    Source: Srivastava et al. 2014.
    """

    def __init__(self, p: float):
        self.p = probability(p)

    def __call__(self, x: Tensor, rng: np.random.Generator | None) -> Tensor:
        return x if rng is None else ops.dropout(x, self.p, rng)


class VariationalDropout(Dropout):
    """x (N, T, D): as Dropout with one mask for all time steps.  Source: Gal and Ghahramani 2016."""

    def __call__(self, x: Tensor, rng: np.random.Generator | None) -> Tensor:
        return x if rng is None else ops.variational_dropout(x, self.p, rng)


class EmbeddingDropout(Dropout):
    """Whole words of a table dropped, the rest scaled up: all occurrences of a word in a batch share its fate.

    Source: Gal and Ghahramani 2016; in language models: Merity, Keskar and Socher 2018.
    """

    def __call__(self, embedding: Embedding, ids: Array, rng: np.random.Generator | None) -> Tensor:  # type: ignore[override]
        return embedding(ids) if rng is None else ops.embedding_dropout(embedding.W, ids, self.p, rng)


def probability(p: float) -> float:
    """``p`` itself.  Raises ConfigError where something could not be dropped with that probability."""
    check_share("dropout", p)
    return p
