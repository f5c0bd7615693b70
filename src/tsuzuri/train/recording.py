"""Training in a run folder: what happens is written down as it happens, so that a killed training goes on to the same bytes."""
import os
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from typing import Any, NamedTuple

import numpy as np
from numpy.random import default_rng

from tsuzuri.errors import RunError, TrainingError
from tsuzuri.files import atomic_write, held_alone, remove_leftovers
from tsuzuri.optim import make_optimizer
from tsuzuri.train.checkpoint import load_arrays, load_checkpoint, save_arrays, save_checkpoint
from tsuzuri.train.events import Event, Stepped, Validated
from tsuzuri.train.folder import RunFolder, mend
from tsuzuri.train.loop import Batches, Progress, fit

LOGGED_A_EPOCH = 100                                         # steps of an epoch that are written to metrics.jsonl


class Training(NamedTuple):
    """How a kind of run is trained.

    prepare(settings, folder, report) -> a run that is ready; train(run, minutes) -> what happens; described(run) -> what is
    learnt from, in a line.
    """

    run: type[RunFolder]
    prepare: Callable[..., Any]
    train: Callable[[Any, float], Iterator[Event]]
    described: Callable[[Any], str]


@contextmanager
def alone(run: RunFolder) -> Iterator[None]:
    """Hold the run against other processes.  RunError: one trains it."""
    with held_alone(run.metrics) as held:
        if not held:
            raise RunError(f"{run.folder} is being trained by another process; wait for it, or stop it.")
        yield


def record_training(run: RunFolder, model: Any, batches: Batches, valid: Batches | None, minutes: float, draw: Callable[[], None],
                    measure: Callable[[], dict[str, float]] | None = None) -> Iterator[Event]:
    """Train the run to its end, from its last checkpoint where it has one, saving as it goes.

    After ``minutes`` it is saved and left, to be gone on with another time.  ``measure`` gives figures of the model after an
    epoch beside its loss, ``draw`` makes the pictures of a finished run.
    """
    config = run.settings.training
    optimizer = make_optimizer(config.optimizer, model, config.weight_decay)
    progress, logged = Progress(default_rng([config.seed, 1])), 0
    remove_leftovers(run.folder, run.best.parent, run.checkpoint.parent)
    if run.checkpoint.exists():
        progress, notes = load_checkpoint(run.checkpoint, model, optimizer)
        logged = notes["logged"]
    os.truncate(run.metrics, min(logged, run.metrics.stat().st_size))
    mend(run.clock)
    yield from _Recorder(run, model, optimizer, len(batches), minutes, measure, draw).record(batches, valid, progress)


class _Recorder:
    """Writes what ``fit`` does into the run folder."""

    def __init__(self, run, model, optimizer, batches, minutes, measure, draw):
        self.run, self.model, self.optimizer, self.measure, self.draw = run, model, optimizer, measure, draw
        self.every = max(1, batches // run.settings.training.accumulate // LOGGED_A_EPOCH)
        self.average = getattr(run.settings.training, "average", 0)
        self.saved = time.monotonic()
        self.started = self.saved - run.seconds()
        self.until = self.saved + 60 * minutes

    def record(self, batches, valid, progress):
        try:
            for event in fit(self.model, batches, self.optimizer, self.run.settings.training, valid=valid, progress=progress):
                yield self._happened(event, progress)
                if time.monotonic() >= self.until and not progress.done:
                    return self._save(progress)
        except TrainingError as error:                       # a resumed run cuts this line off again
            self.run.log({"error": str(error)})
            raise

    def _happened(self, event, progress):
        if isinstance(event, Stepped):
            self._stepped(event, progress)
        elif isinstance(event, Validated):
            return self._validated(event, progress)
        else:
            atomic_write(self.run.final, self.run.best.read_bytes())
            self.draw()
        return event

    def _stepped(self, event, progress):
        if event.step % self.every == 0:
            self.run.log({"step": event.step, "epoch": event.epoch, "loss": event.loss, "norm": event.norm, "lr": event.lr})
        if time.monotonic() - self.saved >= self.run.settings.training.save_every:
            self._save(progress)

    def _validated(self, event, progress):
        with self.optimizer.judged():
            if self.measure:
                event = replace(event, measures=self.measure())
            self._keep(event)
        self.run.log({"step": event.step, "epoch": event.epoch, "train_loss": event.train_loss,
                      "valid_loss": event.valid_loss, "best": event.best, **event.measures})
        self._save(progress)
        return event

    def _keep(self, event):
        """Save the model where it is the best, or where those of the last epochs are averaged: their mean is the best then."""
        if self.average:
            save_arrays(self._of_epoch(event.epoch), self.model.arrays())
            self._of_epoch(event.epoch - self.average).unlink(missing_ok=True)
            kept = [path for k in range(self.average) if (path := self._of_epoch(event.epoch - k)).exists()]
            save_arrays(self.run.best, mean_arrays(kept), {"epoch": event.epoch, "step": event.step, "averaged": len(kept)})
        elif event.best:
            self.run.save_model(self.run.best, self.model, epoch=event.epoch, step=event.step)

    def _of_epoch(self, epoch):
        return self.run.folder / "epochs" / f"{epoch}.safetensors"

    def _save(self, progress):
        save_checkpoint(self.run.checkpoint, self.model, self.optimizer, progress, logged=self.run.metrics.stat().st_size)
        self.saved = time.monotonic()
        self.run.clocked(progress.step, self.saved - self.started)


def mean_arrays(paths) -> dict[str, np.ndarray]:
    """The mean of the parameters in several files of the same model."""
    first, *others = (load_arrays(path)[0] for path in paths)
    return {name: (sum((other[name].astype(np.float64) for other in others), a.astype(np.float64)) / (1 + len(others))).astype(a.dtype)
            for name, a in first.items()}
