"""The gradient of every parameter of a model, compared with a numeric one.

For a random direction v, the derivative of the loss along v must be <gradient, v>:

    (8 (L(w + e v) - L(w - e v)) - (L(w + 2e v) - L(w - 2e v))) / 12e  =  <dL/dw, v>  + O(e^4)

in float64, parameter by parameter.  One direction tells as much as all coordinates: a wrong gradient is wrong along
almost every v.
"""
from collections.abc import Callable, Iterator
from typing import Any, NamedTuple

import msgspec
import numpy as np

from tsuzuri.models.language_model import make_language_model
from tsuzuri.nn import Module
from tsuzuri.sparse import RowSparse
from tsuzuri.tensor import Tensor

TOLERANCE = 1e-6
STEP = 3e-4                                                  # the longest at which a rotary Transformer is smooth enough


class Checked(NamedTuple):
    """One parameter's result.  ``error`` is |numeric - exact|, relative to the larger of the two or to what a gradient of
    that length has along a direction on average, whichever is most."""

    name: str
    shape: tuple[int, ...]
    exact: float
    numeric: float
    error: float

    @property
    def right(self) -> bool:
        """Is the error within the tolerance?"""
        return self.error <= TOLERANCE


def check_gradients(model: Module, loss: Callable[[], Tensor], rng: np.random.Generator) -> Iterator[Checked]:
    """Compare each parameter's gradient of ``loss()`` with the numeric one along a direction drawn from ``rng``.

    ``loss`` must give the same value each time it is called: draw masks from a Generator that it makes itself.
    """
    model.zero_grad()
    loss().backward()
    grads = {name: p.grad for name, p in model.named_parameters()}
    for name, p in model.named_parameters():
        grad = _dense(grads[name])
        v = rng.standard_normal(p.shape)
        v /= max(np.linalg.norm(v), 1e-300)
        exact = 0.0 if grad is None else float((grad * v).sum())
        numeric = _derivative(p, v, loss)
        usual = 0.0 if grad is None else np.linalg.norm(grad) / grad.size ** 0.5
        yield Checked(name, p.shape, exact, numeric, abs(exact - numeric) / max(abs(exact), abs(numeric), usual, 1e-8))


def _dense(grad) -> np.ndarray | None:
    return grad.to_dense() if isinstance(grad, RowSparse) else grad


def _derivative(p, v, loss):
    """The numeric derivative of ``loss()`` as ``p`` moves along ``v``."""
    kept, at = p.data.copy(), {}
    for steps in (-2, -1, 1, 2):
        p.data[...] = kept + steps * STEP * v
        at[steps] = loss().item()
    p.data[...] = kept
    return (8 * (at[1] - at[-1]) - (at[2] - at[-2])) / (12 * STEP)


def check_language_model(config: Any, vocabulary: int = 50, seed: int = 0) -> Iterator[Checked]:
    """Check a language model of that configuration on a small batch with a carried state, masks and ignored targets."""
    rng = np.random.default_rng(seed)
    model = make_language_model(msgspec.structs.replace(config, dtype="float64"), vocabulary, rng)
    ids, targets = rng.integers(vocabulary, size=(2, 3, 5))
    targets[0, 1], targets[2, 3:] = -1, -1
    state = model.loss(ids, targets)[1]

    def objective():
        loss, penalty, _ = model.training_loss(ids, targets, state, np.random.default_rng(seed))
        return loss if penalty is None else loss + penalty

    yield from check_gradients(model, objective, rng)
