"""The Transformer from sequence to sequence: no recurrence, all positions at once; several heads look at the source.

    encoder    embed + positions, then blocks of attention of the source on itself and feed-forward layer
    decoder    embed + positions, then blocks of causal attention on itself, attention on the encoder's output, feed-forward layer

The norms come before each part (Xiong et al. 2020), with one more at each end.  Weights start normally distributed with a
variance of 2 / 5 H (Nguyen and Salazar 2019).  Source: Vaswani et al. 2017.
"""
from typing import Any, NamedTuple

import numpy as np

from tsuzuri.array import Array, float_type
from tsuzuri.errors import ConfigError, check_choice, check_range
from tsuzuri.models.seq2seq import LARGEST, Seq2SeqConfig, Seq2SeqModel
from tsuzuri.nn import POSITIONS, Dropout, Embedding, LayerNorm
from tsuzuri.nn.cache import Cache
from tsuzuri.nn.outputs import make_output
from tsuzuri.nn.transformer import DecoderBlock, EncoderBlock, normed
from tsuzuri.tensor import Tensor, no_grad

ROOM = 16                                                    # tokens that a new cache has room for


class EncoderDecoderTransformerConfig(Seq2SeqConfig, frozen=True, forbid_unknown_fields=True):
    """What a Transformer from sequence to sequence is made of."""

    arch: str = "transformer"
    """transformer"""
    layers: int = 3
    """blocks of the encoder, and of the decoder"""
    heads: int = 4
    """parts of a vector that attend for themselves; divides ``size``"""
    positions: str = "sinusoidal"
    """how a token's place is known: sinusoidal or learnt"""
    dropout: float = 0.1
    """probability of dropping an element of the embeddings and of what each branch adds"""
    tie: bool = True
    """use the embedding of the targets, transposed, as output weights"""

    def __post_init__(self):
        super().__post_init__()
        check_choice("positions", self.positions, [name for name in POSITIONS if name != "rotary"])
        check_range("heads", self.heads, 1, LARGEST)
        if self.size % self.heads:
            raise ConfigError(f"size {self.size} cannot be shared out evenly to heads {self.heads}; choose a size that is a multiple of heads.")


class Memory(NamedTuple):
    """A source: each block's keys and values (N, S, H), lengths (N,); ``number`` (N,) says which source it is."""

    blocks: list[tuple[Array, Array]]
    lengths: Array
    number: Array

    def take(self, rows: Array) -> "Memory":
        """The sources of some rows; this memory itself where they are the same, as when a beam's rows change places."""
        number = self.number[rows]
        if np.array_equal(number, self.number):
            return self
        return Memory([(keys[rows], values[rows]) for keys, values in self.blocks], self.lengths[rows], number)


class EncoderDecoderTransformerState(NamedTuple):
    """How many tokens were read, their keys and values, the source, and where the last step looked (N, S)."""

    length: int
    cache: Cache
    memory: Memory
    attention: Array | None = None

    def take(self, rows: Array) -> "EncoderDecoderTransformerState":
        """The state of some rows of the batch, in that order."""
        return EncoderDecoderTransformerState(self.length, self.cache.copy(rows, self.length), self.memory.take(rows),
                                              None if self.attention is None else self.attention[rows])


class EncoderDecoderTransformer(Seq2SeqModel):
    """p(target | source) by attention alone."""

    def __init__(self, config: EncoderDecoderTransformerConfig, source: int, target: int, *, joint: bool = False, longest: int = 100,
                 rng: np.random.Generator):
        self.config, self.vocabulary = config, target
        size, std = config.size, (0.4 / config.size) ** 0.5
        options: dict[str, Any] = {"rng": rng, "dtype": float_type(config.dtype)}
        self.source_embed = _embedding(source, size, **options)
        self.embed = self.source_embed if joint else _embedding(target, size, **options)
        self.source_positions = POSITIONS[config.positions](longest + 1, size, config.heads, **options)
        self.positions = POSITIONS[config.positions](longest + 1, size, config.heads, **options)
        self.dropout = Dropout(config.dropout)
        starts = {"std": std, "out_std": std / (2 * config.layers) ** 0.5, **options}
        self.encoder = [EncoderBlock(size, config.heads, config.dropout, **starts) for _ in range(config.layers)]
        self.decoder = [DecoderBlock(size, config.heads, self.positions, config.dropout, **starts) for _ in range(config.layers)]
        self.source_norm, self.norm = (LayerNorm(size, dtype=options["dtype"]) for _ in range(2))
        self.out = make_output("softmax", size, target, table=self.embed.W if config.tie else None, **options)

    def _seen(self, source, lengths, inputs, rng):
        return self._read(source, lengths, inputs, rng)[0]

    def attention(self, source, lengths, inputs):
        with no_grad():
            _, weights = self._read(source, lengths, inputs, None)
        return np.stack([block.data.swapaxes(0, 1) for block in weights])

    def start(self, source, lengths):
        with no_grad():
            read = self._encode(source, lengths, None)
            blocks = [tuple(part.data for part in block.source_attention.memory(read)) for block in self.decoder]
        config, rows = self.config, len(source)
        cache = Cache.empty(self.embed.W.data, config.layers, rows, config.heads, ROOM, config.size // config.heads)
        return EncoderDecoderTransformerState(0, cache, Memory(blocks, lengths, np.arange(rows)))

    def step(self, ids, state):
        length, cache, memory, _ = state
        if cache.written != length or length == cache.room:
            cache = cache.copy(np.arange(len(ids)), length, max(cache.room, 2 * length))
        cache.ids[:, length], cache.written = ids, length + 1
        x = self.positions.read((self.embed.W.data[ids] * self._scale)[:, None], length)[:, 0]
        for k, (block, source) in enumerate(zip(self.decoder, memory.blocks, strict=True)):
            x, weights = block.read(x, (cache.keys[k], cache.values[k]), length, source, memory.lengths)
        return self.out.logits(normed(self.norm, x)), EncoderDecoderTransformerState(length + 1, cache, memory, weights.mean(1))

    @property
    def _scale(self):
        """What embeddings are multiplied by, so that they are as large as the positions that are added."""
        return self.embed.W.dtype.type(self.config.size ** 0.5)

    def _encode(self, source, lengths, rng):
        """(N, S, H): a vector for each source token."""
        x = self.dropout(self.source_positions(self.source_embed(source) * self._scale), rng)
        for block in self.encoder:
            x = block(x, lengths, rng)
        return self.source_norm(x)

    def _read(self, source, lengths, inputs, rng) -> tuple[Tensor, list[Tensor]]:
        """What the output layer sees (N, T, H), and every block's weights on the source (N, K, T, S)."""
        read = self._encode(source, lengths, rng)
        x, found = self.dropout(self.positions(self.embed(inputs) * self._scale), rng), []
        for block in self.decoder:
            x, weights = block(x, read, lengths, rng)
            found.append(weights)
        return self.norm(x), found


def _embedding(rows, size, *, rng, dtype):
    embed = Embedding(rows, size, rng=rng, dtype=dtype)
    embed.W.data[...] = size ** -0.5 * rng.standard_normal((rows, size))
    return embed
