"""The run folder of a model that answers from what it has read: its settings; what it is trained on is generated, and stands nowhere."""
from typing import Any, Generic, TypeVar

import msgspec
import numpy as np

from tsuzuri.datasets.memory_tasks import TASKS, TaskBatches, check_lengths, make_task
from tsuzuri.errors import ConfigError, check_choice, check_least
from tsuzuri.models.memory import ARCHITECTURES, AnsweringModel, config_type, make_answering
from tsuzuri.train.config import LoopConfig
from tsuzuri.train.folder import RunFolder
from tsuzuri.train.task import Layers, Task, last

CHECKED = 10                                                 # batches of the validation
HELD_OUT = 0                                                 # the number of the pass that nobody trains on
ONLY = {"repeats": ("repeat-copy", 10), "item": ("recall", 3)}
"""Settings of one task alone, and what they are where nothing is said."""


class TaskConfig(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What is asked, and how much of it makes an epoch."""

    task: str = "copy"
    """copy, repeat-copy, recall or sort"""
    bits: int = 8
    """bits in a vector"""
    shortest: int = 1
    """vectors of the shortest sequence; of recall: items"""
    longest: int = 20
    """vectors of the longest sequence; of recall: items"""
    repeats: int = ONLY["repeats"][1]
    """repeat-copy: how often a sequence is asked for at most"""
    item: int = ONLY["item"][1]
    """recall: vectors in an item"""
    batches: int = 200
    """batches in an epoch"""

    def __post_init__(self):
        check_choice("task", self.task, TASKS)
        for name in ("bits", "repeats", "item", "batches"):
            check_least(name, getattr(self, name), 1)
        for name, (task, usual) in ONLY.items():
            if getattr(self, name) != usual and self.task != task:
                raise ConfigError(f"{name} does not fit task {self.task}; leave it out, or take task {task}.")
        check_lengths(self.make(), self.shortest, self.longest)

    def make(self) -> Any:
        """The task."""
        return make_task(self.task, bits=self.bits, **{name: getattr(self, name) for name, (task, _) in ONLY.items() if task == self.task})


class AnsweringTrainingConfig(LoopConfig, frozen=True, forbid_unknown_fields=True):
    """How such a model is trained."""

    batch_size: int = 8
    """sequences in a batch"""
    clip: float = 0.3
    """longest gradient (global norm); 0: any"""
    epochs: int = 20
    """passes of so many batches"""
    patience: int = 0
    """stop after so many epochs without a new best; 0: never"""


Model = TypeVar("Model")


class AnsweringSettings(msgspec.Struct, Generic[Model], frozen=True, forbid_unknown_fields=True):
    """All settings of a training."""

    memory: TaskConfig
    model: Model
    training: AnsweringTrainingConfig


class Answering(Task):
    """Read a sequence, then answer from memory."""

    command, architectures, default, measure, unit = "memory", tuple(ARCHITECTURES), "ntm", "loss", "bits"

    def settings_type(self, arch):
        return AnsweringSettings[config_type(arch)]          # type: ignore[misc]

    def usual(self, arch: str, layers: Layers) -> dict[str, Any]:
        task = last("task", layers, "copy")
        check_choice("task", task, TASKS)
        shortest, longest = TASKS[task].usual
        return {"shortest": shortest, "longest": longest, "bits": TASKS[task]().bits, "schedule": "hold"}

    def refuse_no_text(self, settings):
        """Nothing is read from files."""


TASK = Answering()


class MemoryRun(RunFolder):
    """An opened run folder of a model that answers from memory.  RunError: it is none, or a part of it is damaged."""

    task = TASK

    def batches(self) -> TaskBatches:
        """The batches of the training."""
        config, training = self.settings.memory, self.settings.training
        return TaskBatches(config.make(), training.batch_size, (config.shortest, config.longest), config.batches, training.seed)

    def held_out(self, length: int = 0, count: int = CHECKED) -> TaskBatches:
        """Batches that nobody trains on, of one ``length`` or of those of the training."""
        config = self.settings.memory
        lengths = (length, length) if length else (config.shortest, config.longest)
        return TaskBatches(config.make(), self.settings.training.batch_size, lengths, count, self.settings.training.seed, HELD_OUT)

    def new_model(self) -> AnsweringModel:
        """The model with the parameters that it starts its training with."""
        task = self.settings.memory.make()
        return make_answering(self.settings.model, task.inputs, task.outputs, np.random.default_rng([self.settings.training.seed, 0]))
