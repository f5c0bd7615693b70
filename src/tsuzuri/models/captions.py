"""Images to sentences: a convolutional encoder reads a picture, an LSTM writes what is to be seen on it.

    init         the picture, one vector, is the first input of the LSTM, before the first word      Vinyals et al. 2015
    attention    each step looks at the grid of the encoder, and takes from there what it needs      Xu et al. 2015

    training    training_loss(pictures, inputs, targets, rng=) -> loss, penalty, None
    measuring   losses(pictures, inputs, targets) -> nats of every token, None
    decoding    start(pictures) -> state;  step(ids, state) -> logits, state
    seeing      attention(pictures, inputs) -> weights (N, T, h, w)

pictures are bytes (N, pixels, pixels, channels), inputs and targets (N, T) as in models.seq2seq, whose search and state they share.
"""
from abc import ABC, abstractmethod
from typing import Any, NamedTuple

import msgspec
import numpy as np

from tsuzuri import ops
from tsuzuri.array import Array, float_type
from tsuzuri.errors import ConfigError, check_choice, check_range, check_share
from tsuzuri.models.attention import CONTEXTS, cost_of_choices
from tsuzuri.models.seq2seq import LARGEST
from tsuzuri.nn import Dropout, Linear, LSTMState, MeanPool2D, Module, SoftmaxOutput, starts
from tsuzuri.nn.picture_encoder import PictureEncoder
from tsuzuri.nn.scores import SCORES
from tsuzuri.nn.source_attention import CHOICES, Memory, SourceAttention
from tsuzuri.tensor import Tensor, no_grad


class CaptionConfig(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What both models are made of."""

    arch: str = "init"
    """init or attention"""
    size: int = 128
    """units of the LSTM"""
    embedding: int = 0
    """length of a word's vector; 0: as ``size``"""
    filters: int = 16
    """filters of the encoder's first convolution; each further one has twice as many"""
    blocks: int = 3
    """convolutions of the encoder; between them the picture is halved"""
    dropout: float = 0.0
    """probability of dropping an element of the embeddings and before the output"""
    smoothing: float = 0.0
    """share of the probability that training gives to all other tokens"""
    dtype: str = "float32"
    """float32 or float64"""

    def __post_init__(self):
        check_choice("arch", self.arch, ARCHITECTURES)
        for name, least, most in (("size", 1, LARGEST), ("embedding", 0, LARGEST), ("filters", 1, LARGEST), ("blocks", 1, 8)):
            check_range(name, getattr(self, name), least, most)
        for name in ("dropout", "smoothing"):
            check_share(name, getattr(self, name))
        if float_type(self.dtype) == np.float16:
            raise ConfigError("dtype float16 is too short for models of pictures; take float32.")


class AttentionCaptionConfig(CaptionConfig, frozen=True, forbid_unknown_fields=True):
    """What the one with attention is made of."""

    arch: str = "attention"
    """attention"""
    score: str = "general"
    """how a place is compared with the query: dot, general, additive or scaled"""
    choice: str = "soft"
    """what is taken of the places: soft (their mean), hard (one that is drawn, REINFORCE) or straight-through (one, trained as soft)"""
    context: str = "before"
    """before: the state before a step asks, and what is seen enters the step; after: the step's own state asks; fed: so, and what is seen enters the next"""

    def __post_init__(self):
        super().__post_init__()
        check_range("size", self.size, 3, LARGEST)           # two of them are a place's coordinates
        for name, choices in (("score", [name for name in SCORES if name != "location"]), ("choice", CHOICES), ("context", (*CONTEXTS, "fed"))):
            check_choice(name, getattr(self, name), choices)

    @property
    def one_by_one(self) -> bool:
        """Whether a step has to wait for what the one before saw."""
        return self.context != "after"


class CaptionModel(Module, ABC):
    """p(caption | picture), token by token.  ``shape`` is that of a picture (pixels, pixels, channels), ``vocabulary`` the number of tokens."""

    def __init__(self, config: Any, shape: tuple[int, int, int], vocabulary: int, more: int, *, rng: np.random.Generator):
        """``more`` numbers enter each step of the LSTM beside the word."""
        self.config, self.vocabulary = config, vocabulary
        dtype, size, embedding = float_type(config.dtype), config.size, config.embedding or config.size
        self.encoder = PictureEncoder(shape[2], config.filters, config.blocks, rng=rng, dtype=dtype)
        self.grid = self.encoder.places(shape[0])
        if not self.grid:
            raise ConfigError(f"blocks is {config.blocks}, and pictures of {shape[0]} pixels cannot be halved {config.blocks - 1} times; "
                              "take fewer blocks, or more pixels.")
        self.embed = starts.embedding(vocabulary, embedding, rng=rng, dtype=dtype)
        self.decoder = starts.recurrent_layer("lstm", embedding + more, size, rng=rng, dtype=dtype)
        self.dropout = Dropout(config.dropout)
        self.out: SoftmaxOutput = starts.output(size, vocabulary, rng=rng, dtype=dtype)

    @abstractmethod
    def _read(self, pictures: Array, inputs: Array, rng: np.random.Generator | None) -> "Steps":
        """What was made of a caption; in training with ``rng``."""

    def training_loss(self, pictures: Array, inputs: Array, targets: Array, state: None = None,
                      rng: np.random.Generator | None = None) -> tuple[Tensor, Tensor | None, None]:
        """Mean loss in nats a token; what hard choices add to it while the model is trained, or None; no state."""
        steps = self._read(pictures, inputs, rng)
        loss = self.out.loss(steps.hs, targets, rng, self.config.smoothing)
        if steps.log_p is None:
            return loss, None, None
        counts = (targets >= 0).astype(steps.hs.dtype)
        return loss, cost_of_choices(steps.log_p, self._token_losses(steps.hs, targets), counts, self.config.one_by_one), None

    def losses(self, pictures: Array, inputs: Array, targets: Array, state: None = None) -> tuple[Array, None]:
        """The loss of every target in nats (N, T), 0 for one of -1; nothing is recorded."""
        with no_grad():
            return self._token_losses(self._read(pictures, inputs, None).hs, targets), None

    def attention(self, pictures: Array, inputs: Array) -> Array | None:
        """Where each step looks: (N, T, h, w); None for a model that looks once."""
        with no_grad():
            weights = self._read(pictures, inputs, None).weights
        return None if weights is None else weights.data.reshape(*inputs.shape, self.grid, self.grid)

    @abstractmethod
    def start(self, pictures: Array) -> Any:
        """The pictures read; the state before the first token.  Nothing is recorded."""

    @abstractmethod
    def step(self, ids: Array, state: Any) -> tuple[Array, Any]:
        """Read one token: ids (N,), state -> logits (N, V) of the next, state.  Nothing is recorded."""

    def _token_losses(self, hs, targets):
        return self.out.losses(hs.data.reshape(-1, hs.shape[-1]), targets.reshape(-1)).reshape(targets.shape)


class Steps(NamedTuple):
    """What was made of a caption: hs (N, T, H) for the output layer, weights (N, T, S), log p (N, T) of hard choices."""

    hs: Tensor
    weights: Tensor | None = None
    log_p: Tensor | None = None


class CaptionState(NamedTuple):
    """The LSTM's state; the picture as it is looked at, and where the last step looked (N, S), of a model that does; what it made
    of that (N, H), where the next step reads it."""

    layer: LSTMState
    memory: Memory | None = None
    attention: Array | None = None
    fed: Array | None = None

    def take(self, rows: Array) -> "CaptionState":
        """The state of some rows of the batch, in that order."""
        layer, memory, *arrays = self
        return CaptionState(layer.take(rows), memory and memory.take(rows), *(None if a is None else a[rows] for a in arrays))


class InitCaptions(CaptionModel):
    """All that the LSTM knows of the picture is its first input: the grid, halved by its mean, through one layer."""

    def __init__(self, config: CaptionConfig, shape: tuple[int, int, int], vocabulary: int, *, rng: np.random.Generator):
        super().__init__(config, shape, vocabulary, 0, rng=rng)
        self.halve = MeanPool2D(min(2, self.grid))
        places = (self.grid // self.halve.size) ** 2
        self.picture = Linear(places * self.encoder.width, self.embed.W.shape[1], rng=rng, dtype=self.embed.W.dtype)

    def _first(self, pictures, rng):
        """What stands in a word's place before the first word (N, 1, E)."""
        halved = self.halve(self.encoder(pictures, rng))
        return self.picture(halved.reshape(len(pictures), 1, -1))

    def _read(self, pictures, inputs, rng):
        x = ops.concatenate([self._first(pictures, rng), self.dropout(self.embed(inputs), rng)], axis=1)
        hs, _ = self.decoder(x)
        return Steps(self.dropout(hs[:, 1:], rng))

    def start(self, pictures):
        with no_grad():
            _, state = self.decoder(self._first(pictures, None))
        return CaptionState(state)

    def step(self, ids, state):
        h, layer = self.decoder.step(self.embed.W.data[ids], state.layer)
        return self.out.logits(h), CaptionState(layer)


class AttentionCaptions(CaptionModel):
    """Each step looks at the grid: a layer of the encoder's vector of each place, and beside it the place's two coordinates.

    A convolution knows what lies beside what, but not where; with coordinates, what lies left of what is a difference (Liu et al. 2018).
    The first state is a layer of the mean of the grid.
    """

    def __init__(self, config: AttentionCaptionConfig, shape: tuple[int, int, int], vocabulary: int, *, rng: np.random.Generator):
        super().__init__(config, shape, vocabulary, config.size if config.one_by_one else 0, rng=rng)
        size, options = config.size, {"rng": rng, "dtype": self.embed.W.dtype}
        self.look = Linear(self.encoder.width, size - 2, **options)
        self.places = coordinates(self.grid).astype(self.embed.W.dtype)
        self.first = Linear(size, 2 * size, **options)
        self.attend = SourceAttention(size, config.score, "global", config.choice, **options)
        self.join = Linear(2 * size, size, **options)

    def _memory(self, pictures, rng) -> tuple[Memory, LSTMState]:
        N, size = len(pictures), self.config.size
        seen = ops.relu(self.look(self.encoder(pictures, rng).reshape(N, -1, self.encoder.width)))
        values = ops.concatenate([seen, Tensor(np.broadcast_to(self.places, (N, *self.places.shape)))], axis=2)
        first = ops.tanh(self.first(values.mean(axis=1)))
        return self.attend.memory(values, np.full(N, self.grid ** 2)), LSTMState(first[:, :size], first[:, size:])

    def _read(self, pictures, inputs, rng):
        memory, state = self._memory(pictures, rng)
        x = self.dropout(self.embed(inputs), rng)
        if self.config.one_by_one:
            steps = self._step_by_step(x, state, memory, rng)
        else:
            hs, _ = self.decoder(x, state)
            seen = self.attend(hs, memory, rng)
            steps = Steps(self._joined(seen.context, hs), seen.weights, seen.log_p)
        return steps._replace(hs=self.dropout(steps.hs, rng))

    def _step_by_step(self, x, state, memory, rng):
        """As ``step``, recorded, for all inputs x (N, T, E)."""
        N, found = len(x), []
        fed = Tensor(np.zeros((N, 1, self.config.size), x.dtype))
        for word in ops.split(x):
            if self.config.context == "before":
                seen = self.attend(state.h.reshape(N, 1, -1), memory, rng)
            h, state = self.decoder(ops.concatenate([word, seen.context if self.config.context == "before" else fed], axis=2), state)
            if self.config.context == "fed":
                seen = self.attend(h, memory, rng)
            fed = self._joined(seen.context, h)
            found.append((fed, seen.weights, seen.log_p))
        return Steps(*(None if parts[0] is None else ops.concatenate(parts, axis=1) for parts in zip(*found, strict=True)))

    def _joined(self, context, hs):
        return ops.tanh(self.join(ops.concatenate([context, hs], axis=2)))

    def start(self, pictures):
        with no_grad():
            memory, state = self._memory(pictures, None)
        return CaptionState(state, memory, None, np.zeros((len(pictures), self.config.size), self.embed.W.dtype) if self.config.context == "fed" else None)

    def step(self, ids, state):
        x, layer, before = self.embed.W.data[ids], state.layer, self.config.context == "before"
        with no_grad():
            if before:
                seen = self.attend(layer.h.reshape(len(ids), 1, -1), state.memory)
                x = np.concatenate([x, seen.context.data[:, 0]], axis=1)
            if state.fed is not None:
                x = np.concatenate([x, state.fed], axis=1)
            h, layer = self.decoder.step(x, layer)
            if not before:
                seen = self.attend(Tensor(h[:, None]), state.memory)
        a = np.tanh(self.join.apply(np.concatenate([seen.context.data[:, 0], h], axis=1)))
        return self.out.logits(a), CaptionState(layer, state.memory, seen.weights.data[:, 0], None if state.fed is None else a)


def coordinates(grid: int) -> Array:
    """Line and column of every place (grid^2, 2), from -1 to 1."""
    steps = np.linspace(-1, 1, grid) if grid > 1 else np.zeros(1)
    return np.stack(np.meshgrid(steps, steps, indexing="ij"), axis=-1).reshape(-1, 2)


ARCHITECTURES: dict[str, tuple[type, type]] = {"init": (CaptionConfig, InitCaptions), "attention": (AttentionCaptionConfig, AttentionCaptions)}
"""arch -> the class of its settings and of the model"""


def config_type(arch: str) -> type:
    """The settings of an architecture."""
    check_choice("arch", arch, ARCHITECTURES)
    return ARCHITECTURES[arch][0]


def make_captions(config: Any, shape: tuple[int, int, int], vocabulary: int, rng: np.random.Generator) -> CaptionModel:
    """A new model for pictures of that shape (pixels, pixels, channels) and so many tokens."""
    return ARCHITECTURES[config.arch][1](config, shape, vocabulary, rng=rng)
