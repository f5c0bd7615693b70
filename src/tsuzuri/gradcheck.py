"""The gradient of every parameter of a model, compared with a numeric one.

For a random direction v, the derivative of the loss along v must be <gradient, v>:

    (8 (L(w + e v) - L(w - e v)) - (L(w + 2e v) - L(w - 2e v))) / 12e  =  <dL/dw, v>  + O(e^4)

in float64, parameter by parameter.  One direction tells as much as all coordinates: a wrong gradient is wrong along
almost every v.  What the rounding of the losses can make of the difference does not count as an error.
"""
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, NamedTuple

import msgspec
import numpy as np

from tsuzuri.errors import ConfigError, TsuzuriError
from tsuzuri.models.language_model import make_language_model
from tsuzuri.nn import Module
from tsuzuri.sparse import RowSparse
from tsuzuri.tensor import Tensor
from tsuzuri.train.task import command_of
from tsuzuri.train.trainings import training_of

TOLERANCE = 1e-6
STEP = 3e-4                                                  # the longest at which a rotary Transformer is smooth enough
SHORT = 1e-7                                                 # few corners (of relu, of a maximum) lie within; rounding leaves three digits
ROUNDINGS = 8                                                # of the loss's last bit, that a sum of four losses may be off by
ROWS = 4                                                     # of the data, on which a model is checked that is no language model


class Checked(NamedTuple):
    """One parameter's result.  ``error`` is |numeric - exact| beyond rounding, relative to the larger of the two or to what a gradient of
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


def check_gradients(model: Module, loss: Callable[[], Tensor], rng: np.random.Generator, corners: bool = False) -> Iterator[Checked]:
    """Compare each parameter's gradient of ``loss()`` with the numeric one along a direction drawn from ``rng``.

    ``loss`` must give the same value each time it is called: draw masks from a Generator that it makes itself.  With
    ``corners``, where the loss may have some, a parameter that seems wrong is looked at once more over a short step.
    """
    model.zero_grad()
    loss().backward()
    grads = {name: p.grad for name, p in model.named_parameters()}
    for name, p in model.named_parameters():
        grad = _dense(grads[name])
        v = rng.standard_normal(p.shape)
        v /= max(np.linalg.norm(v), 1e-300)
        found = _compared(name, p, grad, v, loss, STEP)
        yield found if found.right or not corners else min(found, _compared(name, p, grad, v, loss, SHORT), key=lambda row: row.error)


def _compared(name, p, grad, v, loss, step):
    exact = 0.0 if grad is None else float((grad * v).sum())
    numeric, rounding = _derivative(p, v, loss, step)
    usual = 0.0 if grad is None else np.linalg.norm(grad) / grad.size ** 0.5
    return Checked(name, p.shape, exact, numeric, max(abs(exact - numeric) - rounding, 0.0) / max(abs(exact), abs(numeric), usual, 1e-8))


def _dense(grad) -> np.ndarray | None:
    return grad.to_dense() if isinstance(grad, RowSparse) else grad


def _derivative(p, v, loss, step):
    """The numeric derivative of ``loss()`` as ``p`` moves along ``v``, and what rounding may have added to it."""
    kept, at = p.data.copy(), {}
    for steps in (-2, -1, 1, 2):
        p.data[...] = kept + steps * step * v
        at[steps] = loss().item()
    p.data[...] = kept
    rounding = ROUNDINGS * np.finfo(np.float64).eps * max(map(abs, at.values())) / step
    return (8 * (at[1] - at[-1]) - (at[2] - at[-2])) / (12 * step), rounding


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


def check_config(path: Path, seed: int = 0) -> Iterator[Checked]:
    """Check the model of a ``config.toml``, of any task.

    A language model reads a made batch (see above), any other a few rows of what its run folder holds, or, where the file
    stands alone, of the data that it names.  ConfigError: its model is not trained by the gradient of its loss.
    """
    command = command_of(path)
    settings = training_of(command).run.task.read(path)
    _refuse_without_gradient(path, settings.model)
    if command == "lm":
        yield from check_language_model(settings.model, seed=seed)
        return
    with _small_run(path, command, settings) as run:
        model, batch = run.new_model(), tuple(map(_in_float64, run.batches()[0]))

        def objective():
            loss, penalty, _ = model.training_loss(*batch, state=None, rng=np.random.default_rng(seed))
            return loss if penalty is None else loss + penalty

        yield from check_gradients(model, objective, np.random.default_rng(seed), corners=True)


def _refuse_without_gradient(path, model):
    if model.arch == "ngram":
        raise ConfigError(f"{path}: a model of arch ngram is counted and has no gradients; name the settings of another one.")
    if (choice := getattr(model, "choice", "soft")) != "soft":
        raise ConfigError(f"{path}: choice {choice} is trained by what stands in for a gradient, which no difference of losses can show; "
                          "name the settings of a model of choice soft.")


@contextmanager
def _small_run(path, command, settings):
    """The run that ``path`` belongs to, or one that is prepared for the time being, with few rows in a batch and in float64."""
    training = training_of(command)
    with tempfile.TemporaryDirectory(prefix="tsuzuri-") as folder:
        try:
            run = training.run(path.parent)
            run.batches()
        except TsuzuriError:
            run = training.prepare(settings, Path(folder) / "run")
        few = {"batch_size": min(ROWS, settings.training.batch_size)}
        run.settings = msgspec.structs.replace(settings, model=msgspec.structs.replace(settings.model, dtype="float64"),
                                               training=msgspec.structs.replace(settings.training, **few))
        yield run


def _in_float64(part):
    return part.astype(np.float64) if isinstance(part, np.ndarray) and part.dtype.kind == "f" else part
