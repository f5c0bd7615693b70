"""Recurrent layers.  The state is a value: a layer takes one and returns one, and keeps none.

Call: x (N, T, in_size), state or None, lengths (N,) or None, rng while training -> hs (N, T, size), state.
"""
from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np

from tsuzuri import ops
from tsuzuri.array import Array, module_of
from tsuzuri.errors import ConfigError
from tsuzuri.kernels.dropout import draw_key, dropout_mask
from tsuzuri.kernels.gru import gru_step
from tsuzuri.kernels.lstm import lstm_step
from tsuzuri.kernels.rnn import rnn_step
from tsuzuri.nn.connections import Plain
from tsuzuri.nn.layers import Dropout, probability
from tsuzuri.nn.module import Module, uniform
from tsuzuri.ops import fused
from tsuzuri.tensor import Tensor


class State(NamedTuple):
    """The state of an RNN or GRU: h (N, H)."""

    h: Tensor

    def detach(self) -> "State":
        """The same values, cut off from the steps that made them."""
        return State(self.h.detach())

    def take(self, rows: Array) -> "State":
        """The state of some rows of the batch, in that order."""
        return State(Tensor(self.h.data[rows]))


class LSTMState(NamedTuple):
    """The state of an LSTM: h and c, both (N, H)."""

    h: Tensor
    c: Tensor

    def detach(self) -> "LSTMState":
        """The same values, cut off from the steps that made them."""
        return LSTMState(self.h.detach(), self.c.detach())

    def take(self, rows: Array) -> "LSTMState":
        """The state of some rows of the batch, in that order."""
        return LSTMState(Tensor(self.h.data[rows]), Tensor(self.c.data[rows]))


class States(tuple):
    """The states of several layers."""

    def detach(self) -> "States":
        """The same values, cut off from the steps that made them."""
        return States(state.detach() for state in self)

    def take(self, rows: Array) -> "States":
        """The states of some rows of the batch, in that order."""
        return States(state.take(rows) for state in self)


class Recurrent(Module):
    """What RNN, GRU and LSTM share: weights Wx (D, G H), Wh (H, G H), b (G H), evenly in +-``spread``/sqrt(H) at the start.

    While training the elements of the state that Wh reads are dropped with probability ``state_dropout``, by one mask
    for all steps of a call.  Source: Gal and Ghahramani 2016.
    """

    spread = 1.0
    gates: int
    op: type[fused.Recurrent]
    state: type[State] | type[LSTMState]
    kernel: staticmethod

    def __init__(self, in_size: int, size: int, *, rng: np.random.Generator, dtype=np.float32, state_dropout: float = 0.0):
        bound = self.spread * size ** -0.5
        self.Wx = uniform(rng, bound, (in_size, self.gates * size), dtype)
        self.Wh = uniform(rng, bound, (size, self.gates * size), dtype)
        self.b = uniform(rng, bound, (self.gates * size,), dtype)
        self.size, self.state_dropout = size, probability(state_dropout)

    def weights(self) -> tuple[Tensor, ...]:
        """The parameters in the order in which the op takes them."""
        return self.Wx, self.Wh, self.b

    def initial_state(self, rows: int):
        """Zeros for ``rows`` rows."""
        zeros = module_of(self.b.data).zeros((rows, self.size), self.b.dtype)
        return self.state(*(Tensor(zeros) for _ in self.state._fields))

    def step(self, x: Array, state):
        """One step, nothing recorded: x (N, in_size), state -> h (N, H), state."""
        after = self.state(*map(Tensor, self.kernel(x, *(part.data for part in state), *(w.data for w in self.weights()))))
        return after.h.data, after

    def __call__(self, x: Tensor, state=None, lengths: Array | None = None, rng: np.random.Generator | None = None,
                 weights: tuple[Tensor, ...] | None = None):
        """``weights`` stand in for the layer's own."""
        state = self.initial_state(len(x)) if state is None else state
        weights = self.weights() if weights is None else weights
        hs, *last = self.op(lengths, self._mask(len(x), rng))(x, *state, *weights)
        return hs, self.state(*last)

    def _mask(self, rows, rng):
        if rng is None or not self.state_dropout:
            return None
        return dropout_mask(self.b.data, (rows, self.size), self.state_dropout, draw_key(rng))


class RNN(Recurrent):
    """The plain recurrent layer with tanh.  Source: Elman 1990."""

    gates, op, state, kernel = 1, fused.RNN, State, staticmethod(rnn_step)
    spread = 2.0                                             # variance 4/3H: tanh shrinks what passes, and no gate keeps it


class GRU(Recurrent):
    """Gated recurrent unit, reset after the product.  Source: Cho et al. 2014."""

    gates, op, state, kernel = 3, fused.GRU, State, staticmethod(gru_step)

    def __init__(self, in_size: int, size: int, *, rng: np.random.Generator, dtype=np.float32, state_dropout: float = 0.0):
        super().__init__(in_size, size, rng=rng, dtype=dtype, state_dropout=state_dropout)
        self.bm = uniform(rng, size ** -0.5, (size,), dtype)

    def weights(self):
        return self.Wx, self.Wh, self.b, self.bm


class LSTM(Recurrent):
    """Long short-term memory; the forget gate's bias starts at one.

    Source: Hochreiter and Schmidhuber 1997; the bias: Jozefowicz, Zaremba and Sutskever 2015.
    """

    gates, op, state, kernel = 4, fused.LSTM, LSTMState, staticmethod(lstm_step)

    def __init__(self, in_size: int, size: int, *, rng: np.random.Generator, dtype=np.float32, state_dropout: float = 0.0):
        super().__init__(in_size, size, rng=rng, dtype=dtype, state_dropout=state_dropout)
        self.b.data[size:2 * size] = 1


CELLS = {"rnn": RNN, "gru": GRU, "lstm": LSTM}


class Stacked(Module):
    """Layers one on the other (``Recurrent``, or what wraps one), with dropout between them.

    ``dropout`` is a module, or the probability for one.  ``connections`` has one for each layer but the first: it joins
    what came out of the layer below, nothing of it dropped, to what comes out of this one (None: plain).
    """

    def __init__(self, layers: Sequence[Any], dropout: Dropout | float = 0.0,
                 connections: Sequence[Plain] | None = None):
        if not layers:
            raise ConfigError("a stack of no layers was asked for; it needs at least one.")
        self.layers = layers
        self.dropout = dropout if isinstance(dropout, Dropout) else Dropout(dropout)
        self.connections = [Plain() for _ in layers[1:]] if connections is None else connections
        self._check_connections()

    def _check_connections(self):
        if len(self.connections) != len(self.layers) - 1:
            raise ConfigError(f"{len(self.connections)} connections were given for {len(self.layers)} layers; "
                              "a stack needs one for each layer but the first.")
        for below, layer, connection in zip(self.layers, self.layers[1:], self.connections, strict=False):
            if connection.equal_sizes and below.size != layer.size:
                raise ConfigError(f"a {type(connection).__name__.lower()} connection joins layers of {below.size} and "
                                  f"{layer.size} units; make them equal, or the connection plain.")

    def initial_state(self, rows: int) -> States:
        """Zeros for every layer."""
        return States(layer.initial_state(rows) for layer in self.layers)

    def step(self, x: Array, state: States) -> tuple[Array, States]:
        """One step through all layers, nothing recorded: x (N, in_size), state -> h (N, H), state."""
        after = []
        for k, (layer, before) in enumerate(zip(self.layers, state, strict=True)):
            h, last = layer.step(x, before)
            x = self.connections[k - 1].apply(x, h) if k else h
            after.append(last)
        return x, States(after)

    def __call__(self, x: Tensor, state: States | None = None, lengths: Array | None = None,
                 rng: np.random.Generator | None = None) -> tuple[Tensor, States]:
        state = self.initial_state(len(x)) if state is None else state
        after = []
        for k, (layer, before) in enumerate(zip(self.layers, state, strict=True)):
            hs, last = layer(self.dropout(x, rng) if k else x, before, lengths, rng)
            x = self.connections[k - 1](x, hs) if k else hs
            after.append(last)
        return x, States(after)


class Bidirectional(Module):
    """One layer reads forward, one backward; their outputs stand side by side: (N, T, H1 + H2).

    The backward layer starts at each row's own end, so padding at the end is never read.
    Source: Schuster and Paliwal 1997.
    """

    def __init__(self, ahead: Recurrent, back: Recurrent):
        self.ahead, self.back = ahead, back
        self.size = ahead.size + back.size

    def initial_state(self, rows: int) -> States:
        """Zeros for both directions."""
        return States((self.ahead.initial_state(rows), self.back.initial_state(rows)))

    def __call__(self, x: Tensor, state: States | None = None, lengths: Array | None = None,
                 rng: np.random.Generator | None = None) -> tuple[Tensor, States]:
        first, second = self.initial_state(len(x)) if state is None else state
        hs, first = self.ahead(x, first, lengths, rng)
        turned, second = self.back(ops.turn(x, lengths), second, lengths, rng)
        return ops.concatenate([hs, ops.turn(turned, lengths)], axis=2), States((first, second))
