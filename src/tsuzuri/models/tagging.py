"""Models that label sentences: one label for all of it, or one for each word, after reading it in both directions.

    classifier    embed, read both ways, pool the states to one vector, softmax
    tagger        embed, read both ways, softmax of each word or a chain of all (CRF)

source (N, T) is padded at the end, lengths (N,) says how long each row is; targets are (N,), or (N, T) with -1 behind the ends.

Source: Schuster and Paliwal 1997 (both ways); Graves and Schmidhuber 2005 (with LSTM); Huang, Xu and Yu 2015 (with a CRF).
"""
from abc import ABC, abstractmethod
from typing import Any

import msgspec
import numpy as np

from tsuzuri.array import Array, float_type
from tsuzuri.errors import ConfigError, check_choice, check_range, check_share
from tsuzuri.kernels.softmax import softmax_forward
from tsuzuri.nn import (
    CELLS,
    Bidirectional,
    Dropout,
    Embedding,
    EmbeddingDropout,
    Module,
    SoftmaxOutput,
    Stacked,
    starts,
)
from tsuzuri.nn.labels import LABELS, make_labels
from tsuzuri.nn.over_time import POOLINGS, make_pooling
from tsuzuri.tensor import Tensor, no_grad

LARGEST = 1_000_000                                          # units or layers; more is a slip of the finger


class LabellerConfig(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What classifiers and taggers are made of."""

    arch: str = "classifier"
    """classifier or tagger"""
    cell: str = "lstm"
    """rnn, gru or lstm"""
    size: int = 256
    """units in a layer, of both directions together"""
    embedding: int = 0
    """length of a token's vector; 0: as ``size``"""
    layers: int = 1
    """layers one on the other"""
    bidirectional: bool = True
    """read in both directions, with half of the units in each; else from the beginning to the end alone"""
    dropout: float = 0.0
    """probability of dropping an element of the embeddings, between layers and before the output"""
    embedding_dropout: float = 0.0
    """probability of dropping a word of the vocabulary, wherever it stands in a batch"""
    dtype: str = "float32"
    """float32 or float64"""

    def __post_init__(self):
        check_choice("arch", self.arch, ARCHITECTURES)
        check_choice("cell", self.cell, CELLS)
        for name, least in (("size", 1), ("layers", 1), ("embedding", 0)):
            check_range(name, getattr(self, name), least, LARGEST)
        for name in ("dropout", "embedding_dropout"):
            check_share(name, getattr(self, name))
        if self.bidirectional and self.size % 2:
            raise ConfigError(f"size is {self.size}, and bidirectional reads with half of the units in each direction; make it even.")
        float_type(self.dtype)
        if self.dtype == "float16":
            raise ConfigError("dtype float16 is too short for classifiers and taggers; take float32.")


class ClassifierConfig(LabellerConfig, frozen=True, forbid_unknown_fields=True):
    """What a classifier is made of."""

    pooling: str = "last"
    """how the states become one vector: last, mean, max or attention"""
    smoothing: float = 0.0
    """share of the probability that training gives to all other labels"""

    def __post_init__(self):
        super().__post_init__()
        check_choice("pooling", self.pooling, POOLINGS)
        check_share("smoothing", self.smoothing)


class TaggerConfig(LabellerConfig, frozen=True, forbid_unknown_fields=True):
    """What a tagger is made of."""

    arch: str = "tagger"
    """tagger"""
    output: str = "softmax"
    """softmax (each word by itself) or crf (a chain of all labels)"""

    def __post_init__(self):
        super().__post_init__()
        check_choice("output", self.output, LABELS)


class Labeller(Module, ABC):
    """p(labels | sentence).  ``labels`` is how many there are."""

    def __init__(self, config: Any, vocabulary: int, labels: int, rng: np.random.Generator):
        self.config, self.vocabulary, self.labels = config, vocabulary, labels
        dtype, embedding = float_type(config.dtype), config.embedding or config.size
        self.embed = Embedding(vocabulary, embedding, rng=rng, dtype=dtype)
        self.dropout, self.word_dropout = Dropout(config.dropout), EmbeddingDropout(config.embedding_dropout)
        sizes = [embedding, *[config.size] * config.layers]
        self.layers = Stacked([self._layer(sizes[k], rng, dtype) for k in range(config.layers)], self.dropout)

    def _layer(self, in_size, rng, dtype):
        config = self.config
        if not config.bidirectional:
            return starts.recurrent_layer(config.cell, in_size, config.size, rng=rng, dtype=dtype)
        return Bidirectional(*(starts.recurrent_layer(config.cell, in_size, config.size // 2, rng=rng, dtype=dtype) for _ in range(2)))

    def _read(self, source, lengths, rng):
        """The states of the top layer (N, T, H), its last states, and the lengths or None where no row ends early."""
        lengths = None if (lengths == source.shape[1]).all() else lengths
        x = self.dropout(self.word_dropout(self.embed, source, rng), rng)
        hs, states = self.layers(x, None, lengths, rng)
        return hs, states[-1], lengths

    @abstractmethod
    def training_loss(self, source: Array, lengths: Array, targets: Array, state: None = None,
                      rng: np.random.Generator | None = None) -> tuple[Tensor, None, None]:
        """Mean loss in nats a label; no penalty, no state."""

    @abstractmethod
    def losses(self, source: Array, lengths: Array, targets: Array, state: None = None) -> tuple[Array, None]:
        """Losses in nats, whose sum is that of the batch; nothing is recorded."""

    @abstractmethod
    def probabilities(self, source: Array, lengths: Array) -> Array:
        """The probability of each label: (N, K), or (N, T, K) where every word has one; nothing is recorded."""

    @abstractmethod
    def best(self, source: Array, lengths: Array) -> Array:
        """The most probable label (N,), or labels (N, T) with -1 behind the ends; nothing is recorded."""


class Classifier(Labeller):
    """One label for a sentence."""

    def __init__(self, config: ClassifierConfig, vocabulary: int, labels: int, *, rng: np.random.Generator):
        super().__init__(config, vocabulary, labels, rng)
        given: dict[str, Any] = {"rng": rng, "dtype": float_type(config.dtype)}
        self.pool = make_pooling(config.pooling, config.size, **given)
        self.out = SoftmaxOutput(config.size, labels, bound=config.size ** -0.5, **given)

    def training_loss(self, source, lengths, targets, state=None, rng=None):
        return self.out.loss(self.dropout(self._pooled(source, lengths, rng), rng), targets, rng, self.config.smoothing), None, None

    def losses(self, source, lengths, targets, state=None):
        with no_grad():
            return self.out.losses(self._pooled(source, lengths, None).data, targets), None

    def probabilities(self, source, lengths):
        with no_grad():
            return softmax_forward(self.out.logits(self._pooled(source, lengths, None).data))[0]

    def best(self, source, lengths):
        return self.probabilities(source, lengths).argmax(1)

    def _pooled(self, source, lengths, rng):
        return self.pool(*self._read(source, lengths, rng))


class Tagger(Labeller):
    """A label for every word."""

    def __init__(self, config: TaggerConfig, vocabulary: int, labels: int, *, rng: np.random.Generator):
        super().__init__(config, vocabulary, labels, rng)
        self.out = make_labels(config.output, config.size, labels, rng=rng, dtype=float_type(config.dtype))

    def training_loss(self, source, lengths, targets, state=None, rng=None):
        hs, _, lengths = self._read(source, lengths, rng)
        return self.out.training_loss(self.dropout(hs, rng), targets, lengths), None, None

    def losses(self, source, lengths, targets, state=None):
        with no_grad():
            hs, _, lengths = self._read(source, lengths, None)
        return self.out.label_losses(hs.data, targets, lengths), None

    def probabilities(self, source, lengths):
        with no_grad():
            hs, _, lengths = self._read(source, lengths, None)
        return self.out.probabilities(hs.data, lengths)

    def best(self, source, lengths):
        with no_grad():
            hs, _, lengths = self._read(source, lengths, None)
        return self.out.best(hs.data, lengths)


ARCHITECTURES: dict[str, tuple[type, type]] = {"classifier": (ClassifierConfig, Classifier), "tagger": (TaggerConfig, Tagger)}
"""arch -> the class of its settings and of the model."""


def config_type(arch: str) -> type:
    """The settings of an architecture.  ConfigError: there is no such."""
    check_choice("arch", arch, ARCHITECTURES)
    return ARCHITECTURES[arch][0]


def make_labeller(config: Any, vocabulary: int, labels: int, rng: np.random.Generator) -> Labeller:
    """A new model for so many tokens and labels."""
    return ARCHITECTURES[config.arch][1](config, vocabulary, labels, rng=rng)
