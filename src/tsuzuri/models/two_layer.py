"""The smallest network that draws curved borders: linear, sigmoid, linear.

    x W1 + b1 -> sigmoid -> W2, b2 -> one score for each class

Source: Rumelhart, Hinton and Williams 1986.
"""
import numpy as np

from tsuzuri import ops
from tsuzuri.array import Array, float_type, like
from tsuzuri.nn import Linear, Module
from tsuzuri.tensor import Tensor, no_grad


class TwoLayer(Module):
    """Points into classes.    x (N, in_size), about -1 to 1 -> scores (N, classes)

    A sigmoid is nearly straight between -1 and 1, so weights of the usual size begin as one flat slope, and gradient
    descent takes long to bend it.  The hidden layer therefore starts steep: normal with a deviation of ``steep``.
    """

    def __init__(self, in_size: int, hidden: int, classes: int, *, rng: np.random.Generator, steep: float = 5.0,
                 dtype: str = "float32"):
        self.first = Linear(in_size, hidden, rng=rng, dtype=float_type(dtype))
        self.first.W.data[...] = steep * rng.standard_normal((in_size, hidden))
        self.second = Linear(hidden, classes, rng=rng, dtype=float_type(dtype))

    def __call__(self, x: Array) -> Tensor:
        W = self.first.W.data
        return self.second(ops.sigmoid(self.first(Tensor(like(W, x.astype(W.dtype, copy=False)), name="x"))))

    def loss(self, x: Array, labels: Array) -> Tensor:
        """x (N, in_size), labels (N,) -> mean cross entropy in nats."""
        return ops.cross_entropy(self(x), labels)

    def predict(self, x: Array) -> Array:
        """x (N, in_size) -> the class with the highest score (N,)."""
        with no_grad():
            return self(x).data.argmax(axis=1)
