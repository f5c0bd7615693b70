"""How a model is trained: one frozen record, whose fields are the settings of every training command."""
from typing import ClassVar

import msgspec

from tsuzuri.errors import ConfigError
from tsuzuri.optim import OPTIMIZERS
from tsuzuri.schedules import SCHEDULES
from tsuzuri.settings import check_choice
from tsuzuri.text.batches import SHORTEST, WINDOWS


class CountingConfig(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """How a model is counted that has no gradient."""

    seed: ClassVar[int] = 0
    threads: int = 1
    """cores to use"""


class TrainingConfig(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """How long, how fast and with what a model is trained."""

    batch_size: int = 20
    """rows that are read side by side, each its own part of the text"""
    bptt: int = 35
    """steps through which a gradient flows back"""
    windows: str = "even"
    """how the text is cut: even, varied (lengths are drawn about bptt) or random (from anywhere, no state carried)"""
    accumulate: int = 1
    """windows whose gradients are added up before a step"""
    optimizer: str = "adam"
    """sgd, nt-asgd, momentum, nesterov, adagrad, rmsprop, adam or adamw"""
    lr: float = 0.001
    """learning rate"""
    weight_decay: float = 0.0
    """share of a weight, times the learning rate, that is taken off in each step"""
    schedule: str = "cosine"
    """constant, step, cosine (with warm-up), hold (constant, then down to zero over the last 30 %) or plateau (divide by 4 when validation stops improving)"""
    clip: float = 5.0
    """longest gradient (global norm); 0: any"""
    epochs: int = 10
    """passes over the text"""
    patience: int = 5
    """stop after so many validations without a new best; 0: never"""
    seed: int = 1
    """number from which all randomness follows"""
    threads: int = 1
    """cores to use"""
    save_every: float = 60.0
    """seconds between checkpoints within an epoch"""

    def __post_init__(self):
        check_choice("optimizer", self.optimizer, OPTIMIZERS)
        check_choice("windows", self.windows, WINDOWS)
        check_choice("schedule", self.schedule, SCHEDULES)
        for name in ("batch_size", "bptt", "accumulate", "epochs", "threads"):
            if getattr(self, name) < 1:
                raise ConfigError(f"{name} is {getattr(self, name)}; it must be at least 1.")
        if self.windows == "varied" and self.bptt < SHORTEST:
            raise ConfigError(f"bptt is {self.bptt}, but windows varied have at least {SHORTEST} tokens; make it larger, or take windows even.")
        for name in ("weight_decay", "clip", "patience", "save_every", "seed"):
            if not getattr(self, name) >= 0:                 # so, because nan is not less either
                raise ConfigError(f"{name} is {getattr(self, name)}; it must not be negative.")
        if not 0 < self.lr < float("inf"):
            raise ConfigError(f"lr is {self.lr}; it must be above 0.")
