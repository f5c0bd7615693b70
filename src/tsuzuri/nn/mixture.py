"""Mixture of softmaxes: several softmaxes, each with a view of its own of what was read, mixed by how much each is trusted."""
import numpy as np

from tsuzuri import ops
from tsuzuri.array import Array, module_of
from tsuzuri.errors import ConfigError
from tsuzuri.kernels.mixture import mixture_log_probabilities, mixture_losses
from tsuzuri.kernels.product import matmul
from tsuzuri.nn.layers import Linear, TiedLinear, VariationalDropout
from tsuzuri.nn.module import Module, Parameter, uniform
from tsuzuri.tensor import Tensor


class MixtureOfSoftmaxes(Module):
    """p = sum_k pi_k softmax(x_k W + b),   x_k = tanh(h L_k + l_k) of length E,   pi = softmax(h P).

    The logarithm of one softmax is a matrix of rank H + 1 over all contexts, which language is not; that of a mixture
    is of any rank.  K is ``experts``, E ``embedding`` (0: as ``size``) or the width of the ``table`` that W is tied to.
    While training, ``dropout`` drops elements of x_k, the same ones at every time step.

    Source: Yang, Dai, Salakhutdinov and Cohen 2018.
    """

    def __init__(self, size: int, vocabulary: int, *, rng: np.random.Generator, dtype=np.float32,
                 table: Parameter | None = None, experts: int = 5, embedding: int = 0, dropout: float = 0.0):
        if experts < 1:
            raise ConfigError(f"experts is {experts}; a mixture needs at least 1.")
        self.experts = experts
        self.embedding = table.shape[1] if table is not None else embedding or size
        self.latent = Linear(size, experts * self.embedding, rng=rng, dtype=dtype)
        self.prior = uniform(rng, size ** -0.5, (size, experts), dtype)
        self.words = (Linear(self.embedding, vocabulary, rng=rng, bound=0.02, dtype=dtype) if table is None
                      else TiedLinear(table))
        self.dropout = VariationalDropout(dropout)

    def loss(self, hs: Tensor, targets: Array, rng: np.random.Generator | None = None) -> Tensor:
        """hs (N, T, H), targets (N, T) -> mean loss of the targets that count."""
        x = self.dropout(ops.tanh(self.latent(hs)), rng).reshape(*hs.shape[:-1], self.experts, self.embedding)
        return ops.mixture_cross_entropy(x, hs @ self.prior, *self.words.weights(), targets)

    def losses(self, h: Array, targets: Array) -> Array:
        """h (R, H), targets (R) -> the loss of every token (R,), nothing recorded."""
        x, a = self._views(h)
        return mixture_losses(x, a, self.words.matrix(), self.words.b.data, targets)

    def logits(self, h: Array) -> Array:
        """h (R, H) -> log p (R, V)."""
        x, a = self._views(h)
        return mixture_log_probabilities(x, a, self.words.matrix(), self.words.b.data)

    def _views(self, h):
        """h (R, H) -> what each expert sees (R, K, E), the scores of the experts (R, K)."""
        x = module_of(h).tanh(self.latent.apply(h)).reshape(len(h), self.experts, self.embedding)
        return x, matmul(h, self.prior.data)
