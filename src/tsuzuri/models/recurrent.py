"""The recurrent language model: embed, stacked RNN | GRU | LSTM, project to the vocabulary.

Source: Mikolov et al. 2010; with LSTM and dropout: Zaremba, Sutskever and Vinyals 2014; tied weights: Press and Wolf 2017;
what regularises it: Gal and Ghahramani 2016; Merity, McCann and Socher 2017; Merity, Keskar and Socher 2018 (AWD-LSTM).
"""
from itertools import pairwise

import msgspec
import numpy as np

from tsuzuri import ops
from tsuzuri.array import Array, float_type
from tsuzuri.errors import ConfigError, check_choice, check_range, check_share
from tsuzuri.kernels.embedding import embedding_forward
from tsuzuri.kernels.softmax import log_softmax_forward
from tsuzuri.models.language_model import LanguageModel
from tsuzuri.nn import CELLS, Embedding, EmbeddingDropout, Stacked, States, WeightDrop
from tsuzuri.nn.connections import CONNECTIONS
from tsuzuri.nn.layers import Dropout, VariationalDropout
from tsuzuri.nn.outputs import OUTPUTS, make_output
from tsuzuri.nn.starts import start_evenly
from tsuzuri.tensor import Tensor, no_grad

LARGEST = 1_000_000                                          # units or layers; more is a slip of the finger
DROPOUTS = {"element": Dropout, "variational": VariationalDropout}
STARTS = ("usual", "even")
CHOICES = {"arch": CELLS, "dropout_kind": DROPOUTS, "connection": CONNECTIONS, "output": OUTPUTS, "start": STARTS}


class RecurrentConfig(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What a recurrent language model is made of."""

    arch: str = "lstm"
    """rnn, gru or lstm"""
    size: int = 256
    """units in a recurrent layer"""
    embedding: int = 0
    """length of a token's vector; 0: as ``size``"""
    layers: int = 1
    """recurrent layers"""
    connection: str = "plain"
    """from layer to layer: plain, residual or highway"""
    dropout: float = 0.0
    """probability of dropping an element before, between and after the recurrent layers"""
    dropout_kind: str = "element"
    """element (each on its own) or variational (the same ones at every step of a window)"""
    input_dropout: float = -1.0
    """the same before the first layer; -1: as ``dropout``"""
    output_dropout: float = -1.0
    """the same after the last layer; -1: as ``dropout``"""
    embedding_dropout: float = 0.0
    """probability of dropping a word, everywhere in a window"""
    state_dropout: float = 0.0
    """probability of dropping an element of the state where it enters the next step, the same ones at every step"""
    weight_drop: float = 0.0
    """probability of dropping a recurrent weight for a window"""
    activation_penalty: float = 0.0
    """times the mean square of what the last layer gives out, added to the loss while training"""
    temporal_penalty: float = 0.0
    """times the mean square of how that changes from step to step, added to the loss while training"""
    output: str = "softmax"
    """softmax, mixture (of softmaxes) or adaptive (softmax for a large vocabulary)"""
    experts: int = 0
    """softmaxes of a mixture; 0: five"""
    tie: bool = False
    """use the embedding table, transposed, as output weights"""
    start: str = "usual"
    """how weights start: usual, or even (as AWD-LSTM's: embedding in +-0.1, layers in +-1/sqrt(size), no forget bias of 1)"""
    dtype: str = "float32"
    """float16, float32 or float64"""

    def __post_init__(self):
        for name, choices in CHOICES.items():
            check_choice(name, getattr(self, name), choices)
        for name, least in (("size", 1), ("layers", 1), ("embedding", 0), ("experts", 0)):
            check_range(name, getattr(self, name), least, LARGEST)
        for name in ("dropout", "input_dropout", "output_dropout", "embedding_dropout", "state_dropout", "weight_drop"):
            if getattr(self, name) != -1 or name not in ("input_dropout", "output_dropout"):
                check_share(name, getattr(self, name))
        for name in ("activation_penalty", "temporal_penalty"):
            if not 0 <= getattr(self, name) < float("inf"):
                raise ConfigError(f"{name} is {getattr(self, name)}; it must not be negative.")
        if self.experts and self.output != "mixture":
            raise ConfigError(f"experts are the softmaxes of output mixture, not of {self.output}; leave them out, or take output mixture.")
        if self.tie and self.output == "adaptive":
            raise ConfigError("tie does not fit output adaptive, which has a matrix for each cluster of words; leave one of them out.")
        if self.tie and self.output == "softmax" and self.layers == 1 and self.embedding not in (0, self.size):
            raise ConfigError(f"tie shares one table between embedding ({self.embedding}) and output ({self.size}); "
                              "leave embedding out, make the two equal, or take two layers, of which the last is as long as it.")
        if CONNECTIONS[self.connection].equal_sizes and len(set(self.sizes()[1:])) > 1:
            raise ConfigError(f"connection {self.connection} joins layers of equal length, and the last layer of this tied model is as "
                              f"long as its embedding ({self.embedding}), not {self.size}; make them equal, or the connection plain.")
        float_type(self.dtype)

    def sizes(self) -> list[int]:
        """The lengths of the embedding and of each layer's output.  The last layer of a tied model is as long as the embedding."""
        embedding = self.embedding or self.size
        last = embedding if self.tie and self.output == "softmax" else self.size
        return [embedding, *[self.size] * (self.layers - 1), last]


class RecurrentLanguageModel(LanguageModel):
    """p(next token | the tokens before it).    ids (N, T) -> logits (N, T, V), state

    Dropout acts where a Generator is given, that is in training.
    """

    def __init__(self, config: RecurrentConfig, vocabulary: int, *, rng: np.random.Generator):
        self.config, self.vocabulary = config, vocabulary
        dtype, drop = float_type(config.dtype), DROPOUTS[config.dropout_kind]
        self.embed = Embedding(vocabulary, config.sizes()[0], rng=rng, dtype=dtype)
        self.recurrent = Stacked(_layers(config, rng, dtype), drop(config.dropout), _connections(config, rng, dtype))
        options = {"experts": config.experts or 5, "dropout": config.dropout} if config.output == "mixture" else {}
        self.out = make_output(config.output, config.sizes()[-1], vocabulary, rng=rng, dtype=dtype,
                               table=self.embed.W if config.tie else None, **options)
        if config.start == "even":
            start_evenly(self.embed, self.recurrent.layers, rng)
        self.word_dropout = EmbeddingDropout(config.embedding_dropout)
        self.input_dropout = drop(_either(config.input_dropout, config.dropout))
        self.output_dropout = drop(_either(config.output_dropout, config.dropout))

    def features(self, ids: Array, state: States | None = None,
                 rng: np.random.Generator | None = None) -> tuple[Tensor, States]:
        """ids (N, T) -> what the output layer sees (N, T, H), state."""
        hs, state = self._read(ids, state, rng)
        return self.output_dropout(hs, rng), state

    def _read(self, ids, state, rng):
        """What leaves the last layer, nothing of it dropped."""
        return self.recurrent(self.input_dropout(self.word_dropout(self.embed, ids, rng), rng), state, rng=rng)

    def __call__(self, ids: Array, state: States | None = None) -> tuple[Tensor, States]:
        """Logits, nothing recorded of the output layer."""
        hs, state = self.features(ids, state)
        return Tensor(self.out.logits(_rows(hs.data)).reshape(*ids.shape, -1)), state

    def loss(self, ids: Array, targets: Array, state: States | None = None,
             rng: np.random.Generator | None = None) -> tuple[Tensor, States]:
        """Mean loss in nats a token, and the state after the last one, cut off from the past."""
        hs, state = self.features(ids, state, rng)
        return self.out.loss(hs, targets, rng), state.detach()

    def training_loss(self, ids: Array, targets: Array, state: States | None,
                      rng: np.random.Generator) -> tuple[Tensor, Tensor | None, States]:
        """The loss, the penalty on activations (None: there is none), the state."""
        hs, state = self._read(ids, state, rng)
        seen = self.output_dropout(hs, rng)
        return self.out.loss(seen, targets, rng), self._penalty(seen, hs), state.detach()

    def _penalty(self, seen, hs):
        parts = [weight * penalty(x) for weight, penalty, x in
                 ((self.config.activation_penalty, ops.activation_penalty, seen),
                  (self.config.temporal_penalty, ops.temporal_penalty, hs)) if weight]
        return sum(parts[1:], parts[0]) if parts else None

    def losses(self, ids: Array, targets: Array, state: States | None = None) -> tuple[Array, States]:
        """The loss of every target in nats (N, T), 0 for one of -1, and the state; nothing is recorded."""
        hs, state = self._features_only(ids, state)
        return self.out.losses(_rows(hs), targets.reshape(-1)).reshape(targets.shape), state

    def log_probabilities(self, ids: Array, state: States | None = None) -> tuple[Array, States]:
        """log p of every next token (N, T, V), and the state; nothing is recorded."""
        hs, state = self._features_only(ids, state)
        return log_softmax_forward(self.out.logits(_rows(hs)))[0].reshape(*ids.shape, -1), state

    def start(self, rows: int = 1) -> States:
        """The state before the first token."""
        return self.recurrent.initial_state(rows)

    def feed(self, ids: Array, state: States) -> tuple[Array, States]:
        """Read tokens at once: ids (N, T), state -> logits (N, V) of the token after them, state."""
        hs, state = self._features_only(ids, state)
        return self.out.logits(hs[:, -1]), state

    def step(self, ids: Array, state: States) -> tuple[Array, States]:
        """ids (N,), state -> logits (N, V) of the next token, state."""
        h, state = self.recurrent.step(embedding_forward(self.embed.W.data, ids), state)
        return self.out.logits(h), state

    def _features_only(self, ids, state):
        with no_grad():
            hs, state = self.features(ids, state)
        return hs.data, state.detach()


def _layers(config, rng, dtype):
    sizes, cell = config.sizes(), CELLS[config.arch]
    layers = [cell(below, size, rng=rng, dtype=dtype, state_dropout=config.state_dropout)
              for below, size in pairwise(sizes)]
    return [WeightDrop(layer, config.weight_drop) for layer in layers] if config.weight_drop else layers


def _connections(config, rng, dtype):
    return [CONNECTIONS[config.connection](size, rng=rng, dtype=dtype) for size in config.sizes()[2:]]


def _either(own, general):
    return general if own < 0 else own


def _rows(hs):
    return hs.reshape(-1, hs.shape[-1])
