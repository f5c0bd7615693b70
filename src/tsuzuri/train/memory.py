"""Training a model that answers from memory in a run folder: preparing it, going on with it, finishing it."""
import math
import os
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np

from tsuzuri.datasets.memory_tasks import TaskBatches
from tsuzuri.train.drawing import draw_run
from tsuzuri.train.events import Event
from tsuzuri.train.memory_run import AnsweringSettings, MemoryRun
from tsuzuri.train.recording import Training, alone, record_training


def prepare_memory(settings: AnsweringSettings, out: str | os.PathLike, report: Callable[[str], None] = lambda line: None) -> MemoryRun:
    """A run folder that is ready to be trained."""
    return MemoryRun.create(out, settings, lambda folder: None)


def train_memory(run: MemoryRun, minutes: float = math.inf) -> Iterator[Event]:
    """Train the run to its end, from its last checkpoint where it has one, saving as it goes.

    After ``minutes`` it is saved and left, to be gone on with another time.  A run that is left or killed at any moment and
    trained again ends with the same bytes.  After each epoch the wrong bits of the longest sequences are counted.  RunError:
    another process trains it.
    """
    with alone(run):
        model = run.new_model()
        longest = run.held_out(run.settings.memory.longest)

        def measure() -> dict[str, float]:
            return {"wrong_bits": float(wrong_bits(model, longest).mean())}

        yield from record_training(run, model, run.batches(), run.held_out(), minutes, lambda: draw_run(run, model), measure)


def wrong_bits(model: Any, batches: TaskBatches) -> np.ndarray:
    """How many bits of every sequence are answered wrongly; a bit is answered by the likelier value."""
    found = []
    for k in range(len(batches)):
        inputs, targets = batches[k]
        wrong = ((model.answer(inputs) > 0) != (targets > 0.5)) & ~np.isnan(targets)
        found.append(wrong.sum((1, 2)))
    return np.concatenate(found)


def described(run: MemoryRun) -> str:
    """What is learnt from, in a line."""
    config, batches = run.settings.memory, run.batches()
    lengths = f"{config.shortest} to {config.longest}" if config.longest > config.shortest else f"{config.longest}"
    return f"{config.task} of {lengths} {batches.task.asked} of {config.bits} bits, drawn anew for every epoch: {len(batches) * batches.rows:,} sequences"


TRAINING = Training(MemoryRun, prepare_memory, train_memory, described)
