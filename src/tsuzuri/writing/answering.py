"""What a model that answers from memory reads, answers and does with its memory, of a sequence that is drawn."""
import os
from typing import Any, NamedTuple

import numpy as np

from tsuzuri.array import threads
from tsuzuri.datasets.memory_tasks import TaskBatches
from tsuzuri.errors import ConfigError
from tsuzuri.models.memory import NTM
from tsuzuri.train.memory_run import HELD_OUT, MemoryRun


class Watched(NamedTuple):
    """One sequence: inputs (T, D), targets (T, B) with NaN where nothing is asked, p of each bit (T, B), and where every head was
    (T, K, S), the first ``reads`` of which read; None for a model without a memory."""

    inputs: np.ndarray
    targets: np.ndarray
    p: np.ndarray
    weights: np.ndarray | None
    reads: int

    @property
    def wrong(self) -> int:
        """How many bits are answered wrongly."""
        return int((((self.p > 0.5) != (self.targets > 0.5)) & ~np.isnan(self.targets)).sum())


class Answerer:
    """A run folder in use.  RunError: the folder is no such run."""

    def __init__(self, folder: str | os.PathLike):
        self.run = MemoryRun(folder)
        self.model = self.run.load_model()

    def drawn(self, length: int = 0, seed: int = 1, repeats: int = 0, rows: int = 1, count: int = 1) -> TaskBatches:
        """Sequences that nobody trained on, of ``length`` (0: the longest of the training), asked for ``repeats`` times.

        ConfigError: there are none of that length, or a task that does not repeat.
        """
        config = self.run.settings.memory
        if repeats and config.task != "repeat-copy":
            raise ConfigError(f"repeats does not fit task {config.task}; leave it out, or name a run of task repeat-copy.")
        length = length or config.longest
        return TaskBatches(config.make(), rows, (length, length), count, seed, HELD_OUT, **({"times": repeats} if repeats else {}))

    def answer(self, inputs: np.ndarray) -> np.ndarray:
        """inputs (N, T, D) -> p of each bit (N, T, B)."""
        with threads(1):
            return _probability(self.model.answer(inputs))

    def watch(self, length: int = 0, seed: int = 1, repeats: int = 0) -> Watched:
        """One sequence, with what the heads do."""
        inputs, targets = self.drawn(length, seed, repeats)[0]
        with threads(1):
            if isinstance(self.model, NTM):
                logits, weights = self.model.weights(inputs)
                return Watched(inputs[0], targets[0], _probability(logits[0]), weights[0], self.model.config.read_heads)
            return Watched(inputs[0], targets[0], _probability(self.model.answer(inputs)[0]), None, 0)


def _probability(logits: Any) -> np.ndarray:
    return 0.5 * np.tanh(0.5 * logits) + 0.5
