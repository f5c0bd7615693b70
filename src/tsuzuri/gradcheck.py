"""The gradient of every parameter of a model, compared with a numeric one.

For a random direction v, the derivative of the loss along v must be <gradient, v>:

    (L(w + e v) - L(w - e v)) / 2e  =  <dL/dw, v>  + O(e^2)

in float64, parameter by parameter.  One direction tells as much as all coordinates: a wrong gradient is wrong along
almost every v.
"""
from collections.abc import Callable, Iterator
from typing import NamedTuple

import msgspec
import numpy as np

from tsuzuri.models.language_model import LanguageModel, LanguageModelConfig
from tsuzuri.nn import Module
from tsuzuri.sparse import RowSparse
from tsuzuri.tensor import Tensor

TOLERANCE = 1e-6
STEP = 1e-5


class Checked(NamedTuple):
    """One parameter's result.  ``error`` is |numeric - exact| over the larger of the two (or 1e-8 for none at all)."""

    name: str
    shape: tuple[int, ...]
    exact: float
    numeric: float
    error: float

    right = property(lambda self: self.error <= TOLERANCE)


def check_gradients(model: Module, loss: Callable[[], Tensor], rng: np.random.Generator) -> Iterator[Checked]:
    """Compare each parameter's gradient of ``loss()`` with the numeric one along a direction drawn from ``rng``.

    ``loss`` must give the same value each time it is called: draw masks from a Generator that it makes itself.
    """
    model.zero_grad()
    loss().backward()
    grads = {name: p.grad for name, p in model.named_parameters()}
    for name, p in model.named_parameters():
        grad = grads[name].to_dense() if isinstance(grads[name], RowSparse) else grads[name]
        v = rng.standard_normal(p.shape)
        v /= max(np.linalg.norm(v), 1e-300)
        exact = 0.0 if grad is None else float((grad * v).sum())
        kept = p.data.copy()
        sides = []
        for sign in (1, -1):
            p.data[...] = kept + sign * STEP * v
            sides.append(loss().item())
        p.data[...] = kept
        numeric = (sides[0] - sides[1]) / (2 * STEP)
        yield Checked(name, p.shape, exact, numeric, abs(exact - numeric) / max(abs(exact), abs(numeric), 1e-8))


def check_language_model(config: LanguageModelConfig, vocabulary: int = 50, seed: int = 0) -> Iterator[Checked]:
    """Check a language model of that configuration on a small batch with a carried state, masks and ignored targets."""
    rng = np.random.default_rng(seed)
    model = LanguageModel(msgspec.structs.replace(config, dtype="float64"), vocabulary, rng=rng)
    ids, targets = rng.integers(vocabulary, size=(2, 3, 5))
    targets[0, 1], targets[2, 3:] = -1, -1
    state = model.loss(ids, targets)[1]
    yield from check_gradients(model, lambda: model.loss(ids, targets, state, np.random.default_rng(seed))[0], rng)
