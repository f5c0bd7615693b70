"""The training loop, as a generator of events: ``for event in fit(model, batches, optimizer, config): report(event)``.

Everything that changes while it runs is in the model, the optimiser and one ``Progress``.  Between two events they
belong together, so a caller may save them there, and a loop that is given them again goes on as if it had never
stopped.

What is differentiated is the mean loss and a penalty of the model's own; what is told is the loss.  The state is carried
from a batch to the next and starts anew in each epoch.
"""
import math
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any, Protocol

import numpy as np

from tsuzuri.array import Array, like, threads
from tsuzuri.errors import DataError, TrainingError
from tsuzuri.optim import Optimizer, clip_factor, global_norm
from tsuzuri.schedules import make_schedule
from tsuzuri.tensor import Tensor
from tsuzuri.train.config import TrainingConfig
from tsuzuri.train.events import Event, Finished, Stepped, Validated


class Trainable(Protocol):
    """What ``fit`` needs of a model."""

    @property
    def training_loss(self) -> Callable[..., tuple[Tensor, Tensor | None, Any]]:
        """training_loss(*batch, state=, rng=) -> mean loss of a batch in nats a token, a penalty or None, the state after it."""

    @property
    def losses(self) -> Callable[..., tuple[Array, Any]]:
        """losses(*batch, state=) -> the loss of each target in nats (0 for one that does not count), the state; nothing is recorded."""


class Batches(Protocol):
    """A sequence of tuples of arrays, the targets last, for each pass; where one ``goes_on`` from another a state is carried.

    Targets that do not count are -1 where they are whole numbers, NaN where they are not.
    """

    goes_on: bool

    def __len__(self) -> int: ...

    def __getitem__(self, k: int, /) -> tuple[Array, ...]: ...

    def epoch(self, number: int) -> "Batches":
        """The batches of pass ``number``, from 1."""

    def rate(self, k: int) -> float:
        """What the learning rate is multiplied by at batch k."""


@dataclass
class Progress:
    """How far a training has come.  ``batch`` is the next window of ``epoch``; ``best_epoch`` is 0 before the first."""

    rng: np.random.Generator
    epoch: int = 1
    batch: int = 0
    step: int = 0
    carried: Any = None
    loss_sum: float = 0.0
    tokens: int = 0
    best_loss: float = math.inf
    best_epoch: int = 0
    schedule: dict = field(default_factory=dict)
    done: str = ""


def fit(model: Trainable, batches: Batches, optimizer: Optimizer, config: TrainingConfig, *, valid: Batches | None = None,
        progress: Progress | None = None) -> Iterator[Event]:
    """Train ``model``, yielding a Stepped after each step, a Validated after each epoch and a Finished.

    Raises TrainingError, with the parameters as they were before the step, where the loss or gradient is not a number, and
    DataError after an epoch in which no target counts.  A step of such batches moves nothing.
    """
    progress = Progress(np.random.default_rng(config.seed)) if progress is None else progress
    schedule = make_schedule(config.schedule)
    schedule.restore(progress.schedule)
    with threads(config.threads):
        while not progress.done:
            windows = batches.epoch(progress.epoch)
            while progress.batch < len(windows):
                each = -(-len(windows) // config.accumulate)
                done = (progress.epoch - 1) * each + progress.batch // config.accumulate
                yield _step(model, windows, optimizer, config, progress, config.lr * schedule.factor(done, config.epochs * each))
            with optimizer.judged():
                event, judged = _validate(model, valid, config, progress)
            schedule.validated(judged)
            optimizer.validated(judged)
            progress.schedule = schedule.state()
            yield event
    yield Finished(progress.epoch, progress.step, progress.done)


def evaluate(model: Trainable, batches: Batches, report: Callable[[int], None] = lambda tokens: None) -> tuple[float, int]:
    """(mean loss in nats a token, tokens predicted), the state carried where one batch goes on from another.

    ``report`` is told how many tokens each batch had.
    """
    total, tokens, state = 0.0, 0, None
    for k in range(len(batches)):
        batch = batches[k]
        losses, after = model.losses(*batch, state=state)
        state = after if batches.goes_on else None
        count = counted(batch[-1])
        total, tokens = total + float(losses.sum(dtype=np.float64)), tokens + count
        report(count)
    return total / max(tokens, 1), tokens


def counted(targets: Array) -> int:
    """How many of the targets count."""
    return int((targets >= 0).sum() if targets.dtype.kind in "iu" else targets.size - (targets != targets).sum())


@np.errstate(over="ignore", invalid="ignore")                # what is not a number is told by an error, not by warnings
def _step(model, batches, optimizer, config, progress, lr):
    last = min(progress.batch + config.accumulate, len(batches))
    windows = [batches[k] for k in range(progress.batch, last)]
    lr *= sum(batches.rate(k) for k in range(progress.batch, last)) / len(windows)
    counts = [counted(window[-1]) for window in windows]
    tokens, loss_sum, state = sum(counts), 0.0, progress.carried
    for p in optimizer.parameters.values():                  # what a step left that failed, or a caller
        p.grad = None
    for window, count in zip(windows, counts, strict=True):
        share = count / max(tokens, 1)
        loss, penalty, state = model.training_loss(*window, state=state if batches.goes_on else None, rng=progress.rng)
        objective = loss if penalty is None else loss + penalty
        objective.backward(like(loss.data, np.asarray(share, loss.dtype)))
        loss_sum += loss.item() * share
    # Here the gradients of the step are complete and not yet clipped: another machine's would be added now.
    norm = global_norm(optimizer.parameters.values())
    if not math.isfinite(loss_sum + norm):
        raise TrainingError(f"the loss is {loss_sum:.4g} and the gradient's length {norm:.4g} in epoch {progress.epoch}, "
                            f"step {progress.step + 1}; train with a smaller lr (now {lr:.4g}) or clip "
                            f"(now {config.clip:.4g}).")
    if tokens:
        optimizer.step(lr, clip_factor(norm, config.clip))
    progress.step, progress.batch, progress.carried = progress.step + 1, last, state
    progress.loss_sum, progress.tokens = progress.loss_sum + loss_sum * tokens, progress.tokens + tokens
    return Stepped(progress.epoch, progress.step, loss_sum, norm, lr, tokens)


def _validate(model, valid, config, progress):
    if not progress.tokens:
        raise DataError(f"no target of epoch {progress.epoch} counts (all are -1), so nothing was learnt; give batches that have some.")
    train_loss = progress.loss_sum / progress.tokens
    valid_loss = None if valid is None else evaluate(model, valid)[0]
    judged = train_loss if valid_loss is None else valid_loss
    if not math.isfinite(judged):
        raise TrainingError(f"the validation loss of epoch {progress.epoch} is {judged}; train with a smaller lr (now {config.lr:.4g}).")
    best = judged < progress.best_loss or progress.best_epoch == 0
    if best:
        progress.best_loss, progress.best_epoch = judged, progress.epoch
    event = Validated(progress.epoch, progress.step, train_loss, valid_loss, best)
    if progress.epoch == config.epochs:
        progress.done = f"all {config.epochs} epochs are done"
    elif config.patience and progress.epoch - progress.best_epoch >= config.patience:
        progress.done = f"no new best for {config.patience} epochs"
    else:
        progress.epoch += 1
    progress.batch, progress.loss_sum, progress.tokens, progress.carried = 0, 0.0, 0, None
    return event, judged
