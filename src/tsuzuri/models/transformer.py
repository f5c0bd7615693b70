"""The Transformer language model: embed, blocks of causal self-attention, project to the vocabulary.

In training each window of the text stands alone.  Reading a text of any length, as evaluation and writing do, the model
holds a window of at most 2 S tokens, S = context // 2.  When it is full, its second half is read again as the first half
of the next one.  So from the S-th token of a text on, each token is predicted from S to 2 S tokens, and from which ones depends on its
place in the text alone, not on how the text was cut up to be read.  Within a window every layer's keys and values are
kept: a token is read once, and its window's earlier tokens are not computed again.

Source: Vaswani et al. 2017; as a language model: Radford et al. 2018 and 2019.
"""
from typing import NamedTuple

import msgspec
import numpy as np

from tsuzuri.array import Array, empty, float_type, module_of
from tsuzuri.errors import ConfigError, check_choice, check_range, check_share
from tsuzuri.kernels.embedding import embedding_forward
from tsuzuri.kernels.softmax import log_softmax_forward
from tsuzuri.models.language_model import LanguageModel
from tsuzuri.nn import Dropout, Embedding, LayerNorm
from tsuzuri.nn.attention import POSITIONS, STD
from tsuzuri.nn.cache import Cache
from tsuzuri.nn.outputs import make_output
from tsuzuri.nn.transformer import TransformerBlock, normed
from tsuzuri.tensor import Tensor

LARGEST = 1_000_000                                          # units, layers or positions; more is a slip of the finger


class TransformerConfig(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What a Transformer language model is made of."""

    arch: str = "transformer"
    """transformer"""
    size: int = 384
    """length of a token's vector in every layer"""
    layers: int = 6
    """blocks of attention and feed-forward layer"""
    heads: int = 6
    """parts of a vector that attend for themselves; divides ``size``"""
    context: int = 256
    """tokens that the model sees at most"""
    positions: str = "rotary"
    """how a token's place is known: learnt or rotary"""
    dropout: float = 0.1
    """probability of dropping an element of the embedding and of what each branch adds"""
    tie: bool = True
    """use the embedding table, transposed, as output weights"""
    dtype: str = "float32"
    """float16, float32 or float64"""

    def __post_init__(self):
        check_choice("arch", self.arch, ["transformer"])
        check_choice("positions", self.positions, ("learnt", "rotary"))
        for name, least in (("size", 1), ("layers", 1), ("heads", 1), ("context", 2)):
            check_range(name, getattr(self, name), least, LARGEST)
        if self.size % self.heads:
            raise ConfigError(f"size {self.size} cannot be shared out evenly to heads {self.heads}; "
                              "choose a size that is a multiple of heads.")
        if self.positions == "rotary" and self.size // self.heads % 2:
            raise ConfigError(f"rotary positions turn pairs of numbers, and size {self.size} / heads {self.heads} = "
                              f"{self.size // self.heads} is odd; choose another size, or positions learnt.")
        check_share("dropout", self.dropout)
        float_type(self.dtype)


class TransformerState(NamedTuple):
    """What has been read of the present window: its length, and where its keys and values are."""

    length: int
    cache: Cache

    def detach(self) -> "TransformerState":
        """The state itself: nothing in it was recorded."""
        return self

    def take(self, rows: Array) -> "TransformerState":
        """The state of some rows of the batch, in that order."""
        return TransformerState(self.length, self.cache.copy(rows, self.length))


class TransformerLanguageModel(LanguageModel):
    """p(next token | the tokens before it in the window).

    Dropout acts where a Generator is given, that is in training.
    """

    def __init__(self, config: TransformerConfig, vocabulary: int, *, rng: np.random.Generator):
        self.config, self.vocabulary = config, vocabulary
        dtype, size = float_type(config.dtype), config.size
        self.embed = Embedding(vocabulary, size, rng=rng, dtype=dtype)
        self.embed.W.data[...] = STD * rng.standard_normal((vocabulary, size))
        self.positions = POSITIONS[config.positions](config.context, size, config.heads, rng=rng, dtype=dtype)
        self.dropout = Dropout(config.dropout)
        self.blocks = [TransformerBlock(size, config.heads, self.positions, config.dropout, rng=rng, dtype=dtype,
                                        out_std=STD / (2 * config.layers) ** 0.5) for _ in range(config.layers)]
        self.norm = LayerNorm(size, dtype=dtype)
        self.out = make_output("softmax", size, vocabulary, rng=rng, dtype=dtype, table=self.embed.W if config.tie else None)

    def features(self, ids: Array, state: None = None, rng: np.random.Generator | None = None) -> tuple[Tensor, None]:
        """ids (N, T), one window -> what the output layer sees (N, T, H), and no state."""
        if ids.shape[1] > self.config.context:
            raise ConfigError(f"a window has {ids.shape[1]} tokens, and the model sees at most context {self.config.context}; "
                              "train with a larger context or a smaller bptt.")
        x = self.embed(ids.reshape(-1)).reshape(*ids.shape, self.config.size)
        x = self.dropout(self.positions(x), rng)
        for block in self.blocks:
            x = block(x, rng)
        return self.norm(x), None

    def loss(self, ids: Array, targets: Array, state: None = None,
             rng: np.random.Generator | None = None) -> tuple[Tensor, None]:
        """Mean loss in nats a token of windows that stand alone."""
        return self.out.loss(self.features(ids, None, rng)[0], targets, rng), None

    def losses(self, ids: Array, targets: Array, state: TransformerState | None = None) -> tuple[Array, TransformerState]:
        """The loss of every target in nats (N, T), 0 for one of -1, and the state; nothing is recorded."""
        h, state = self._read(ids, state)
        return self.out.losses(h.reshape(-1, h.shape[-1]), targets.reshape(-1)).reshape(targets.shape), state

    def log_probabilities(self, ids: Array, state: TransformerState | None = None) -> tuple[Array, TransformerState]:
        """log p of every next token (N, T, V), and the state; nothing is recorded."""
        h, state = self._read(ids, state)
        return log_softmax_forward(self.out.logits(h.reshape(-1, h.shape[-1])))[0].reshape(*ids.shape, -1), state

    def start(self, rows: int = 1) -> TransformerState:
        """The state before the first token."""
        config = self.config
        return TransformerState(0, Cache.empty(self.embed.W.data, config.layers, rows, config.heads, config.context, config.size // config.heads))

    def step(self, ids: Array, state: TransformerState) -> tuple[Array, TransformerState]:
        """ids (N,), state -> logits (N, V) of the next token, state."""
        return self.feed(ids[:, None], state)

    def feed(self, ids: Array, state: TransformerState) -> tuple[Array, TransformerState]:
        """Read tokens at once: ids (N, T), T at least 1, state -> logits (N, V) of the token after them, state."""
        h, state = self._read(ids, state)
        return self.out.logits(h[:, -1]), state

    def _read(self, ids: Array, state: TransformerState | None) -> tuple[Array, TransformerState]:
        """ids (N, T), through as many windows as they reach into -> what the output layer sees (N, T, H), state."""
        state = self.start(len(ids)) if state is None else state
        hs, half, at = empty(self.embed.W.data, (*ids.shape, self.config.size)), self.config.context // 2, 0
        while at < ids.shape[1]:
            full = state.length == 2 * half
            before = half if full else state.length                      # tokens of the window that stand before these
            end = min(ids.shape[1], at + 2 * half - before)
            tokens = ids[:, at:end]
            if full:
                tokens = module_of(ids).concatenate([state.cache.ids[:, half:2 * half], tokens], axis=1)
                state = TransformerState(0, state.cache.another(len(ids)))
            h, state = self._go_on(tokens, state)
            hs[:, at:end], at = h[:, half if full else 0:], end
        return hs, state

    def _go_on(self, ids, state):
        """Tokens (N, M) that fit into the window: what the output layer sees (N, M, H), state."""
        (N, M), first, cache = ids.shape, state.length, state.cache
        if cache.written != first:
            cache = cache.copy(module_of(ids).arange(N), first)
        cache.ids[:, first:first + M] = ids
        x = embedding_forward(self.embed.W.data, ids.reshape(-1)).reshape(N, M, -1)
        x = self.positions.read(x, first).reshape(N * M, -1)
        for layer, block in enumerate(self.blocks):
            x = block.read(x, cache.keys[layer], cache.values[layer], first)
        cache.written = first + M
        return normed(self.norm, x).reshape(N, M, -1), TransformerState(first + M, cache)
