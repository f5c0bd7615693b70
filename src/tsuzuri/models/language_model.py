"""What every language model can do, and the table of their architectures.

    training    training_loss(ids, targets, state, rng) -> loss, penalty, state
    measuring   losses(ids, targets, state) -> nats of every token, state
    writing     start(rows) -> state;  feed(ids, state) -> logits after the last, state;  step(ids, state) -> logits, state

ids and targets are (N, T), logits (N, V).  A state is a value with ``detach`` and ``take(rows)``.
"""
import importlib
from abc import ABC, abstractmethod
from typing import Any

import numpy as np

from tsuzuri.array import Array
from tsuzuri.errors import check_choice
from tsuzuri.nn import Module
from tsuzuri.tensor import Tensor


class LanguageModel(Module, ABC):
    """p(next token | the tokens before it)."""

    config: Any
    vocabulary: int

    @abstractmethod
    def loss(self, ids: Array, targets: Array, state: Any = None, rng: np.random.Generator | None = None) -> tuple[Tensor, Any]:
        """Mean loss in nats a token, and the state after the last one, cut off from the past; in training with ``rng``."""

    def training_loss(self, ids: Array, targets: Array, state: Any, rng: np.random.Generator
                      ) -> tuple[Tensor, Tensor | None, Any]:
        """The loss, what the model adds to it while it is trained (or None), the state."""
        loss, state = self.loss(ids, targets, state, rng)
        return loss, None, state

    @abstractmethod
    def losses(self, ids: Array, targets: Array, state: Any = None) -> tuple[Array, Any]:
        """The loss of every target in nats (N, T), 0 for one of -1, and the state; nothing is recorded."""

    @abstractmethod
    def log_probabilities(self, ids: Array, state: Any = None) -> tuple[Array, Any]:
        """log p of every next token (N, T, V), and the state; nothing is recorded."""

    @abstractmethod
    def start(self, rows: int = 1) -> Any:
        """The state before the first token."""

    @abstractmethod
    def feed(self, ids: Array, state: Any) -> tuple[Array, Any]:
        """Read tokens at once: ids (N, T), state -> logits (N, V) of the token after them, state."""

    @abstractmethod
    def step(self, ids: Array, state: Any) -> tuple[Array, Any]:
        """Read one token: ids (N,), state -> logits (N, V) of the next, state."""


RECURRENT = ("recurrent", "RecurrentConfig", "RecurrentLanguageModel")
ARCHITECTURES = {"rnn": RECURRENT, "gru": RECURRENT, "lstm": RECURRENT,
                 "transformer": ("transformer", "TransformerConfig", "TransformerLanguageModel"),
                 "ngram": ("ngram", "NgramConfig", "NgramLanguageModel")}
"""arch -> the file in this folder, the class of its settings and of the model."""


def config_type(arch: str) -> type:
    """The settings of an architecture."""
    return _find(arch, 1)


def make_language_model(config: Any, vocabulary: int, rng: np.random.Generator) -> LanguageModel:
    """A new model."""
    return _find(config.arch, 2)(config, vocabulary, rng=rng)


def _find(arch, k):
    check_choice("arch", arch, ARCHITECTURES)
    names = ARCHITECTURES[arch]
    return getattr(importlib.import_module(f"tsuzuri.models.{names[0]}"), names[k])
