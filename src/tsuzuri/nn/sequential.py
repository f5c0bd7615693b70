"""Layers one after the other, and the two that such a chain needs at its ends: OneHot and Last."""
import inspect

import numpy as np

from tsuzuri import ops
from tsuzuri.array import Array, module_of
from tsuzuri.nn.module import Module
from tsuzuri.tensor import Tensor, no_grad


class Sequential(Module):
    """A classifier made of layers, each given what the one before it returned; the last gives scores (..., V).

    Of a recurrent layer, which returns (hs, state), the next is given hs: every call starts from zeros.  A layer whose
    call has an argument ``rng``, as dropout has, is given the Generator.

    >>> rng = np.random.default_rng(1)
    >>> model = Sequential(OneHot(5), nn.LSTM(5, 8, rng=rng), Last(), nn.Dropout(0.2), nn.Linear(8, 5, rng=rng))
    >>> model.predict(np.array([[0, 1, 2]])).shape
    (1, 5)
    """

    def __init__(self, *layers):
        self.layers = layers
        self._random = [_takes_rng(layer) for layer in layers]

    def __call__(self, x: Array, rng: np.random.Generator | None = None) -> Tensor:
        for layer, random in zip(self.layers, self._random, strict=True):
            x = layer(x, rng=rng) if random else layer(x)
            x = x[0] if isinstance(x, tuple) else x
        return x

    def loss(self, x: Array, targets: Array, state: None = None, rng: np.random.Generator | None = None) -> tuple[Tensor, None]:
        """Mean cross entropy of the scores with ``targets`` (...), in nats; those of -1 do not count."""
        return ops.cross_entropy(self(x, rng), targets), None

    def training_loss(self, x: Array, targets: Array, state: None, rng: np.random.Generator) -> tuple[Tensor, None, None]:
        """The loss, no penalty, no state."""
        return self.loss(x, targets, state, rng)[0], None, None

    def losses(self, x: Array, targets: Array, state: None = None) -> tuple[Array, None]:
        """The loss of every target in nats, 0 for one of -1; nothing is recorded."""
        xp = module_of(targets)
        with no_grad():
            log_p = ops.log_softmax(self(x)).data
        picked = xp.take_along_axis(log_p, xp.maximum(targets, 0)[..., None], axis=-1)[..., 0]
        return -picked * (targets >= 0), None

    def predict(self, x: Array) -> Array:
        """The probabilities (..., V); nothing is recorded."""
        with no_grad():
            return ops.softmax(self(x)).data


class OneHot(Module):
    """A row of zeros with a one at the id's place.    ids (...) -> (..., size)

    Its product with a weight picks the weight's rows.  It is taken as a product all the same, which with some dozen
    characters costs less than a tenth of a step; for a vocabulary of words take Embedding.
    """

    def __init__(self, size: int, dtype=np.float32):
        self.size, self.dtype = size, dtype

    def __call__(self, ids: Array) -> Tensor:
        xp = module_of(ids)
        return Tensor((ids[..., None] == xp.arange(self.size)).astype(self.dtype))


class Last(Module):
    """The last time step.    x (N, T, D) -> (N, D)"""

    def __call__(self, x: Tensor) -> Tensor:
        return x[:, -1]


def _takes_rng(layer) -> bool:
    return "rng" in inspect.signature(layer).parameters
