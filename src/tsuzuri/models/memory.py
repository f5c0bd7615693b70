"""Models that answer after they have read: a Neural Turing Machine, and the LSTM beside which it is seen what a memory is worth.

    training    training_loss(inputs, targets, rng=) -> loss, penalty, None
    measuring   losses(inputs, targets) -> nats of every bit, None
    answering   answer(inputs) -> logits
    seeing      weights(inputs) -> logits, where the heads were (N, T, K, S)

inputs (N, T, D), targets (N, T, B) of 0 and 1, NaN where nothing is asked.  All rows of a batch have one length, so nothing is padded.

Source: Graves, Wayne and Danihelka 2014.
"""
from abc import ABC, abstractmethod
from itertools import pairwise
from typing import Any

import msgspec
import numpy as np

from tsuzuri import ops
from tsuzuri.array import Array, float_type
from tsuzuri.errors import ConfigError, check_choice, check_range
from tsuzuri.kernels.sigmoid_loss import sigmoid_losses
from tsuzuri.nn import LSTM, Linear, Module, Stacked
from tsuzuri.nn.memory import CONTROLLERS
from tsuzuri.tensor import Tensor, no_grad

LARGEST = 100_000                                            # units, slots ...; more is a slip of the finger
FARTHEST = 100                                               # slots that a head can move in a step


class AnsweringConfig(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What both models are made of."""

    arch: str = "ntm"
    """ntm or lstm"""
    size: int = 100
    """units of the controller, or of a layer"""
    dtype: str = "float32"
    """float32 or float64"""

    def __post_init__(self):
        check_choice("arch", self.arch, ARCHITECTURES)
        check_range("size", self.size, 1, LARGEST)
        float_type(self.dtype)
        if self.dtype == "float16":
            raise ConfigError("dtype float16 is too short for these models; take float32.")


class NTMConfig(AnsweringConfig, frozen=True, forbid_unknown_fields=True):
    """What a Neural Turing Machine is made of."""

    controller: str = "lstm"
    """lstm or feedforward"""
    slots: int = 128
    """slots of the memory"""
    width: int = 20
    """numbers in a slot"""
    read_heads: int = 1
    """heads that read"""
    write_heads: int = 1
    """heads that write"""
    shift: int = 1
    """slots that a head can move in a step, to either side"""

    def __post_init__(self):
        super().__post_init__()
        check_choice("controller", self.controller, CONTROLLERS)
        for name, least, most in (("slots", 1, LARGEST), ("width", 1, LARGEST), ("read_heads", 1, 1000), ("write_heads", 1, 1000), ("shift", 0, FARTHEST)):
            check_range(name, getattr(self, name), least, most)


class AnsweringLSTMConfig(AnsweringConfig, frozen=True, forbid_unknown_fields=True):
    """What the LSTM is made of."""

    arch: str = "lstm"
    """ntm or lstm"""
    layers: int = 1
    """layers of units"""

    def __post_init__(self):
        super().__post_init__()
        check_range("layers", self.layers, 1, LARGEST)


class AnsweringModel(Module, ABC):
    """p(bit) at every step, after what was read so far."""

    config: Any
    out: Linear

    @abstractmethod
    def _seen(self, x: Tensor) -> Tensor:
        """What the output layer sees (N, T, Z)."""

    def training_loss(self, inputs: Array, targets: Array, state: None = None,
                      rng: np.random.Generator | None = None) -> tuple[Tensor, None, None]:
        """Mean loss in nats a bit that is asked for; no penalty, no state."""
        return ops.sigmoid_cross_entropy(self.out(self._seen(self._tensor(inputs))), targets), None, None

    def losses(self, inputs: Array, targets: Array, state: None = None) -> tuple[Array, None]:
        """The loss of every bit in nats (N, T, B), 0 for one that is not asked for; nothing is recorded."""
        return sigmoid_losses(self.answer(inputs), targets), None

    def answer(self, inputs: Array) -> Array:
        """The logits (N, T, B) of all bits; above 0 a bit is more probably 1.  Nothing is recorded."""
        with no_grad():
            return self.out(self._seen(self._tensor(inputs))).data

    def _tensor(self, inputs):
        return Tensor(inputs.astype(self.out.b.dtype, copy=False))


class NTM(AnsweringModel):
    """inputs (N, T, D) -> bits, by a memory."""

    def __init__(self, config: NTMConfig, inputs: int, outputs: int, *, rng: np.random.Generator):
        self.config = config
        dtype, read = float_type(config.dtype), config.read_heads * config.width
        self.machine = CONTROLLERS[config.controller](inputs, config.size, config.slots, config.width, config.read_heads, config.write_heads,
                                                      config.shift, rng=rng, dtype=dtype)
        self.out = Linear(config.size + read, outputs, rng=rng, dtype=dtype)

    def _seen(self, x):
        return self.machine(x)[0]

    def weights(self, inputs: Array) -> tuple[Array, Array]:
        """(logits (N, T, B), where the heads were (N, T, K, S)); nothing is recorded."""
        with no_grad():
            zs, weights, _ = self.machine(self._tensor(inputs))
            return self.out(zs).data, weights.data


class AnsweringLSTM(AnsweringModel):
    """inputs (N, T, D) -> bits, by layers of LSTM cells alone."""

    def __init__(self, config: AnsweringLSTMConfig, inputs: int, outputs: int, *, rng: np.random.Generator):
        self.config = config
        dtype, sizes = float_type(config.dtype), [inputs, *[config.size] * config.layers]
        self.layers = Stacked([LSTM(below, size, rng=rng, dtype=dtype) for below, size in pairwise(sizes)])
        self.out = Linear(config.size, outputs, rng=rng, dtype=dtype)

    def _seen(self, x):
        return self.layers(x)[0]


ARCHITECTURES = {"ntm": (NTMConfig, NTM), "lstm": (AnsweringLSTMConfig, AnsweringLSTM)}
"""arch -> the class of its settings and of the model."""


def config_type(arch: str) -> type:
    """The settings of an architecture."""
    check_choice("arch", arch, ARCHITECTURES)
    return ARCHITECTURES[arch][0]


def make_answering(config: Any, inputs: int, outputs: int, rng: np.random.Generator) -> AnsweringModel:
    """A new model for so many numbers in a step and so many bits out."""
    return ARCHITECTURES[config.arch][1](config, inputs, outputs, rng=rng)
