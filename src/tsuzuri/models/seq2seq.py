"""What every model from sequence to sequence can do, the table of their architectures, and the settings that they share.

    training    training_loss(source, lengths, inputs, targets, rng=) -> loss, penalty, None
    measuring   losses(source, lengths, inputs, targets) -> nats of every token, None
    decoding    start(source, lengths) -> state;  step(ids, state) -> logits, state
    seeing      attention(source, lengths, inputs) -> weights (layers, heads, N, T, S)

source (N, S) is padded at the end, lengths (N,) says how long each row is; inputs and targets are (N, T), the inputs shifted
by one, with targets of -1 where a row has ended.  A state is a value with ``take(rows)`` and ``attention`` (N, S): where the
last step looked, None where a model has no attention or before the first step.
"""
import importlib
from abc import ABC, abstractmethod
from typing import Any

import msgspec
import numpy as np

from tsuzuri.array import Array, float_type
from tsuzuri.errors import ConfigError, check_choice, check_range, check_share
from tsuzuri.kernels.sequence import turned
from tsuzuri.nn import CELLS, Module, SoftmaxOutput
from tsuzuri.tensor import Tensor, no_grad

LARGEST = 1_000_000                                          # units or layers; more is a slip of the finger


class Seq2SeqConfig(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What all models from sequence to sequence are made of."""

    arch: str = "attention"
    """encoder-decoder, attention, gnmt or transformer"""
    size: int = 256
    """units in a layer"""
    layers: int = 1
    """layers of the encoder, and of the decoder"""
    dropout: float = 0.0
    """probability of dropping an element of the embeddings, between layers and before the output"""
    smoothing: float = 0.0
    """share of the probability that training gives to all other tokens"""
    tie: bool = False
    """use the embedding of the targets, transposed, as output weights"""
    dtype: str = "float32"
    """float32 or float64"""

    def __post_init__(self):
        check_choice("arch", self.arch, ARCHITECTURES)
        for name in ("size", "layers"):
            check_range(name, getattr(self, name), 1, LARGEST)
        for name in ("dropout", "smoothing"):
            check_share(name, getattr(self, name))
        float_type(self.dtype)
        if self.dtype == "float16":
            raise ConfigError("dtype float16 is too short for models from sequence to sequence; take float32.")


class RecurrentSeq2SeqConfig(Seq2SeqConfig, frozen=True, forbid_unknown_fields=True):
    """What the recurrent ones are made of."""

    cell: str = "lstm"
    """rnn, gru or lstm"""
    embedding: int = 0
    """length of a token's vector; 0: as ``size``"""
    reverse: bool = False
    """read the source from its end to its beginning"""

    def __post_init__(self):
        super().__post_init__()
        check_choice("cell", self.cell, CELLS)
        check_range("embedding", self.embedding, 0, LARGEST)
        if self.tie and self.embedding not in (0, self.size):
            raise ConfigError(f"tie shares one table between embedding ({self.embedding}) and output ({self.size}); leave embedding out, or make the two equal.")

    def need_even(self, reason: str) -> None:
        """ConfigError where the units cannot be shared out to two directions."""
        if self.size % 2:
            raise ConfigError(f"size is {self.size}, and {reason} reads with half of the units in each direction; make it even.")


class Seq2SeqModel(Module, ABC):
    """p(target | source), token by token.  ``vocabulary`` is that of the targets."""

    config: Any
    vocabulary: int
    out: SoftmaxOutput

    @abstractmethod
    def _seen(self, source: Array, lengths: Array, inputs: Array, rng: np.random.Generator | None) -> Tensor:
        """What the output layer sees (N, T, H); in training with ``rng``."""

    def training_loss(self, source: Array, lengths: Array, inputs: Array, targets: Array, state: None = None,
                      rng: np.random.Generator | None = None) -> tuple[Tensor, Tensor | None, None]:
        """Mean loss in nats a token; what the model adds to it while it is trained, or None; no state."""
        return self.out.loss(self._seen(source, lengths, inputs, rng), targets, rng, self.config.smoothing), None, None

    def losses(self, source: Array, lengths: Array, inputs: Array, targets: Array, state: None = None) -> tuple[Array, None]:
        """The loss of every target in nats (N, T), 0 for one of -1; nothing is recorded."""
        with no_grad():
            return self._token_losses(self._seen(source, lengths, inputs, None), targets), None

    @abstractmethod
    def start(self, source: Array, lengths: Array) -> Any:
        """The source read; the state before the first token.  Nothing is recorded."""

    @abstractmethod
    def step(self, ids: Array, state: Any) -> tuple[Array, Any]:
        """Read one token of the target: ids (N,), state -> logits (N, V) of the next, state.  Nothing is recorded."""

    def attention(self, source: Array, lengths: Array, inputs: Array) -> Array | None:
        """Where each step looks: (layers, heads, N, T, S); None for a model that has no attention."""
        return None


    def _token_losses(self, hs: Tensor, targets: Array) -> Array:
        """The loss (N, T) of targets from what the output layer ``out`` sees, hs (N, T, H)."""
        return self.out.losses(hs.data.reshape(-1, hs.shape[-1]), targets.reshape(-1)).reshape(targets.shape)


class RecurrentSeq2SeqModel(Seq2SeqModel):
    """One whose encoder may read the source from its end."""

    def _as_read(self, source: Array, lengths: Array) -> Array:
        """The source (N, S) in the order in which it is read."""
        return turned(source, lengths) if self.config.reverse else source

    def _as_written(self, weights: Array, lengths: Array) -> Array:
        """weights (N, T, S) in the order in which the source is written."""
        if not self.config.reverse:
            return weights
        if len(weights) == 1 and lengths[0] == weights.shape[2]:                    # one sentence has no padding, and is waited for
            return weights[:, :, ::-1]
        return turned(weights.swapaxes(1, 2), lengths).swapaxes(1, 2)


ARCHITECTURES = {"encoder-decoder": ("encoder_decoder", "EncoderDecoderConfig", "EncoderDecoder"),
                 "attention": ("attention", "AttentionConfig", "AttentionModel"),
                 "gnmt": ("gnmt", "GNMTConfig", "GNMT"),
                 "transformer": ("encoder_decoder_transformer", "EncoderDecoderTransformerConfig", "EncoderDecoderTransformer")}
"""arch -> the file in this folder, the class of its settings and of the model."""


def config_type(arch: str) -> type:
    """The settings of an architecture."""
    return _find(arch, 1)


def make_seq2seq(config: Any, source: int, target: int, rng: np.random.Generator, *, joint: bool = False, longest: int = 100) -> Seq2SeqModel:
    """A new model for so many tokens of source and target.

    ``joint``: they are the same tokens, and may share one table.  ``longest``: tokens of the longest source.
    """
    return _find(config.arch, 2)(config, source, target, joint=joint, longest=longest, rng=rng)


def _find(arch, k):
    check_choice("arch", arch, ARCHITECTURES)
    names = ARCHITECTURES[arch]
    return getattr(importlib.import_module(f"tsuzuri.models.{names[0]}"), names[k])
