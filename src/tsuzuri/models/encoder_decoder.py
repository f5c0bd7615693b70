"""The plain encoder-decoder: all that the decoder knows of the source is the encoder's last state.

    reverse    the source is read from its end, so that its first words are the nearest to the target's first
    peeky      the last state of the encoder's top layer reaches every step of the decoder and of the output layer

Source: Sutskever, Vinyals and Le 2014 (with reverse); Cho et al. 2014 (with the encoding at every step).
"""
from typing import NamedTuple

import numpy as np

from tsuzuri import ops
from tsuzuri.array import Array, float_type
from tsuzuri.errors import ConfigError
from tsuzuri.models.seq2seq import RecurrentSeq2SeqConfig, RecurrentSeq2SeqModel
from tsuzuri.nn import Dropout, Stacked, States, starts
from tsuzuri.nn.encoder import Encoder
from tsuzuri.tensor import no_grad


class EncoderDecoderConfig(RecurrentSeq2SeqConfig, frozen=True, forbid_unknown_fields=True):
    """What an encoder-decoder is made of."""

    arch: str = "encoder-decoder"
    """encoder-decoder"""
    peeky: bool = False
    """let the encoding reach every step of the decoder and of the output layer"""

    def __post_init__(self):
        super().__post_init__()
        if self.peeky and self.tie:
            raise ConfigError("peeky makes the output layer wider than the embedding that tie would share with it; leave one of them out.")


class EncoderDecoderState(NamedTuple):
    """The layers' states, and the encoding (N, H) where the decoder peeks at it."""

    layers: States
    encoding: Array | None

    @property
    def attention(self) -> None:
        """There is none."""

    def take(self, rows: Array) -> "EncoderDecoderState":
        """The state of some rows of the batch, in that order."""
        return EncoderDecoderState(self.layers.take(rows), None if self.encoding is None else self.encoding[rows])


class EncoderDecoder(RecurrentSeq2SeqModel):
    """p(target | source) through one vector."""

    def __init__(self, config: EncoderDecoderConfig, source: int, target: int, *, joint: bool = False, longest: int = 100,
                 rng: np.random.Generator):
        self.config, self.vocabulary = config, target
        dtype, size, embedding = float_type(config.dtype), config.size, config.embedding or config.size
        self.source_embed = starts.embedding(source, embedding, joint and config.tie, rng=rng, dtype=dtype)
        self.encoder = Encoder(self.source_embed, embedding, size, config.layers, config.cell, dropout=config.dropout, rng=rng, dtype=dtype)
        self.embed = self.source_embed if joint else starts.embedding(target, embedding, config.tie, rng=rng, dtype=dtype)
        more = size if config.peeky else 0
        sizes = [embedding + more, *[size] * config.layers]
        self.decoder = Stacked([starts.recurrent_layer(config.cell, sizes[k], size, rng=rng, dtype=dtype) for k in range(config.layers)], config.dropout)
        self.dropout = Dropout(config.dropout)
        self.out = starts.output(size + more, target, self.embed.W if config.tie else None, rng=rng, dtype=dtype)

    def _seen(self, source, lengths, inputs, rng):
        return self.dropout(self._read(source, lengths, inputs, rng), rng)

    def start(self, source, lengths):
        with no_grad():
            encoding, states = self._encode(source, lengths, None)
        return EncoderDecoderState(states.detach(), encoding.data if self.config.peeky else None)

    def step(self, ids, state):
        x = self.embed.W.data[ids]
        peek = () if state.encoding is None else (state.encoding,)
        h, layers = self.decoder.step(np.concatenate([*peek, x], axis=1), state.layers)
        return self.out.logits(np.concatenate([*peek, h], axis=1)), EncoderDecoderState(layers, state.encoding)

    def _encode(self, source, lengths, rng):
        """The encoding (N, H) and the states that the decoder starts from."""
        read = self.encoder(self._as_read(source, lengths), lengths, rng)
        return read.states[-1].h, read.states

    def _read(self, source, lengths, inputs, rng):
        """What the output layer sees (N, T, H)."""
        encoding, states = self._encode(source, lengths, rng)
        x = self.dropout(self.embed(inputs), rng)
        if not self.config.peeky:
            return self.decoder(x, states, rng=rng)[0]
        everywhere = encoding.reshape(len(source), 1, -1) + np.zeros((1, inputs.shape[1], 1), encoding.dtype)
        hs, _ = self.decoder(ops.concatenate([everywhere, x], axis=2), states, rng=rng)
        return ops.concatenate([everywhere, hs], axis=2)
