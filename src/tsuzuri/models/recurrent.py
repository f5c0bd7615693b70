"""The recurrent language model: embed, stacked RNN | GRU | LSTM, project to the vocabulary.

Source: Mikolov et al. 2010; with LSTM and dropout: Zaremba, Sutskever and Vinyals 2014; tied weights: Press and Wolf 2017.
"""
import msgspec
import numpy as np

from tsuzuri import ops
from tsuzuri.array import Array, float_type
from tsuzuri.errors import ConfigError, suggest
from tsuzuri.nn import CELLS, Dropout, Embedding, Linear, Module, Stacked, States, TiedLinear
from tsuzuri.tensor import Tensor

LARGEST = 1_000_000                                          # units or layers; more is a slip of the finger


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
    dropout: float = 0.0
    """probability of dropping an element before, between and after the recurrent layers"""
    tie: bool = False
    """use the embedding table, transposed, as output weights"""
    dtype: str = "float32"
    """float16, float32 or float64"""

    def __post_init__(self):
        if self.arch not in CELLS:
            raise ConfigError(f'arch "{self.arch}" is unknown{suggest(self.arch, CELLS)}; choose one of {", ".join(CELLS)}.')
        for name, least in (("size", 1), ("layers", 1), ("embedding", 0)):
            if not least <= getattr(self, name) <= LARGEST:
                raise ConfigError(f"{name} is {getattr(self, name)}; it must be {least} to {LARGEST:,}.")
        if not 0 <= self.dropout < 1:
            raise ConfigError(f"dropout is {self.dropout}; it must be at least 0 and below 1.")
        if self.tie and self.embedding not in (0, self.size):
            raise ConfigError(f"tie shares one table between embedding ({self.embedding}) and output ({self.size}); "
                              "leave embedding out, or make the two equal.")
        float_type(self.dtype)


class RecurrentLanguageModel(Module):
    """p(next token | the tokens before it).    ids (N, T) -> logits (N, T, V), state

    Dropout acts where a Generator is given, that is in training.
    """

    def __init__(self, config: RecurrentConfig, vocabulary: int, *, rng: np.random.Generator):
        self.config, self.vocabulary = config, vocabulary
        dtype, embedding = float_type(config.dtype), config.embedding or config.size
        cell = CELLS[config.arch]
        self.embed = Embedding(vocabulary, embedding, rng=rng, dtype=dtype)
        self.recurrent = Stacked([cell(config.size if k else embedding, config.size, rng=rng, dtype=dtype)
                                  for k in range(config.layers)], config.dropout)
        self.out = (TiedLinear(self.embed.W) if config.tie               # near zero: every token is as likely at first
                    else Linear(config.size, vocabulary, rng=rng, bound=0.02, dtype=dtype))
        self.dropout = Dropout(config.dropout)

    def features(self, ids: Array, state: States | None = None,
                 rng: np.random.Generator | None = None) -> tuple[Tensor, States]:
        """ids (N, T) -> what the output layer sees (N, T, H), state."""
        x = self.dropout(self.embed(ids), rng)
        hs, state = self.recurrent(x, state, rng=rng)
        return self.dropout(hs, rng), state

    def __call__(self, ids: Array, state: States | None = None) -> tuple[Tensor, States]:
        hs, state = self.features(ids, state)
        return self.out(hs), state

    def loss(self, ids: Array, targets: Array, state: States | None = None,
             rng: np.random.Generator | None = None) -> tuple[Tensor, States]:
        """Mean loss in nats a token, and the state after the last one, cut off from the past."""
        hs, state = self.features(ids, state, rng)
        return ops.linear_cross_entropy(hs, *self.out.weights(), targets), state.detach()

    def start(self, rows: int = 1) -> States:
        """The state before the first token."""
        return self.recurrent.initial_state(rows)

    def step(self, ids: Array, state: States) -> tuple[Array, States]:
        """ids (N,), state -> logits (N, V) of the next token, state."""
        h, state = self.recurrent.step(self.embed.W.data[ids], state)
        return self.out.apply(h), state
