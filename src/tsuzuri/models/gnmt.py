"""GNMT: a deep encoder and a deep decoder of LSTM layers with residual connections, joined by one attention.

    encoder    the first layer reads in both directions, those above it forward, with residual connections from the third on
    decoder    the bottom layer's output asks the attention; what it gets enters every layer above, beside what is below it

The bottom layer does not wait for what the top one made of the step before, so whole layers run over all steps at once.
In the paper the attention is asked by the bottom layer's output of the step before, which also enters the bottom layer
itself; here, as in the implementations that followed, by that of the same step.

Source: Wu et al. 2016.
"""
from typing import Any, NamedTuple

import numpy as np

from tsuzuri import ops
from tsuzuri.array import Array, float_type
from tsuzuri.errors import ConfigError, check_choice
from tsuzuri.models.seq2seq import RecurrentSeq2SeqConfig, RecurrentSeq2SeqModel
from tsuzuri.nn import Dropout, States, starts
from tsuzuri.nn.encoder import Encoder
from tsuzuri.nn.scores import SCORES
from tsuzuri.nn.source_attention import Memory, SourceAttention
from tsuzuri.tensor import Tensor, no_grad


class GNMTConfig(RecurrentSeq2SeqConfig, frozen=True, forbid_unknown_fields=True):
    """What a GNMT is made of."""

    arch: str = "gnmt"
    """gnmt"""
    layers: int = 4
    """layers of the encoder, and of the decoder: at least 2"""
    score: str = "additive"
    """how a key is compared with the query: dot, general, additive, scaled or location"""

    def __post_init__(self):
        super().__post_init__()
        check_choice("score", self.score, SCORES)
        self.need_even("the first layer of a gnmt")
        if self.layers < 2:
            raise ConfigError(f"layers is {self.layers}; a gnmt has at least 2, or take arch attention.")


class GNMTState(NamedTuple):
    """The decoder's layers, the memory of the source, and where the last step looked (N, S)."""

    layers: States
    memory: Memory
    attention: Array | None = None

    def take(self, rows: Array) -> "GNMTState":
        """The state of some rows of the batch, in that order."""
        return GNMTState(self.layers.take(rows), self.memory.take(rows), None if self.attention is None else self.attention[rows])


class GNMT(RecurrentSeq2SeqModel):
    """p(target | source) by deep layers."""

    def __init__(self, config: GNMTConfig, source: int, target: int, *, joint: bool = False, longest: int = 100, rng: np.random.Generator):
        self.config, self.vocabulary = config, target
        dtype, size, embedding = float_type(config.dtype), config.size, config.embedding or config.size
        options: dict[str, Any] = {"rng": rng, "dtype": dtype}
        self.source_embed = starts.embedding(source, embedding, joint and config.tie, **options)
        self.encoder = Encoder(self.source_embed, embedding, size, config.layers, config.cell, bidirectional=1, residual=True,
                               dropout=config.dropout, **options)
        self.embed = self.source_embed if joint else starts.embedding(target, embedding, config.tie, **options)
        sizes = [embedding, *[2 * size] * (config.layers - 1)]
        self.decoder = [starts.recurrent_layer(config.cell, in_size, size, **options) for in_size in sizes]
        self.attend = SourceAttention(size, config.score, longest=longest, **options)
        self.dropout = Dropout(config.dropout)
        self.out = starts.output(size, target, self.embed.W if config.tie else None, **options)

    def _seen(self, source, lengths, inputs, rng):
        return self.dropout(self._read(source, lengths, inputs, rng)[0], rng)

    def attention(self, source, lengths, inputs):
        with no_grad():
            _, weights = self._read(source, lengths, inputs, None)
        return self._as_written(weights.data, lengths)[None, None]

    def start(self, source, lengths):
        with no_grad():
            memory, states = self._encode(source, lengths, None)
        return GNMTState(states.detach(), memory)

    def step(self, ids, state):
        h, bottom = self.decoder[0].step(self.embed.W.data[ids], state.layers[0])
        with no_grad():
            seen = self.attend(Tensor(h[:, None]), state.memory)
        context, after = seen.context.data[:, 0], [bottom]
        for k, (layer, before) in enumerate(zip(self.decoder[1:], state.layers[1:], strict=True)):
            above, last = layer.step(np.concatenate([h, context], axis=1), before)
            h = above + h if k else above
            after.append(last)
        shown = self._as_written(seen.weights.data, state.memory.lengths)[:, 0]
        return self.out.logits(h), GNMTState(States(after), state.memory, shown)

    def _encode(self, source, lengths, rng):
        """The memory, and the states that the decoder starts from."""
        read = self.encoder(self._as_read(source, lengths), lengths, rng)
        return self.attend.memory(read.hs, lengths), read.states

    def _read(self, source, lengths, inputs, rng):
        """What leaves the top layer (N, T, H), and the weights (N, T, S)."""
        memory, states = self._encode(source, lengths, rng)
        hs, _ = self.decoder[0](self.dropout(self.embed(inputs), rng), states[0], rng=rng)
        seen = self.attend(hs, memory, rng)
        for k, (layer, before) in enumerate(zip(self.decoder[1:], states[1:], strict=True)):
            above, _ = layer(self.dropout(ops.concatenate([hs, seen.context], axis=2), rng), before, rng=rng)
            hs = above + hs if k else above
        return hs, seen.weights
