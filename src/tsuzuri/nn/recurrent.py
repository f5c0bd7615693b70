"""Recurrent layers.  The state is a value: a layer takes one and returns one, and keeps none.

Call: x (N, T, in_size), state or None, lengths (N,) or None -> hs (N, T, size), state.
"""
from typing import NamedTuple

import numpy as np

from tsuzuri import ops
from tsuzuri.array import Array, module_of
from tsuzuri.errors import ConfigError
from tsuzuri.kernels.gru import gru_step
from tsuzuri.kernels.lstm import lstm_step
from tsuzuri.kernels.rnn import rnn_step
from tsuzuri.nn.layers import Dropout
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
    """What RNN, GRU and LSTM share: weights Wx (D, G H), Wh (H, G H), b (G H), evenly in +-``spread``/sqrt(H) at the start."""

    spread = 1.0
    gates: int
    op: type[fused.Recurrent]
    state: type[State] | type[LSTMState]
    kernel: staticmethod

    def __init__(self, in_size: int, size: int, *, rng: np.random.Generator, dtype=np.float32):
        bound = self.spread * size ** -0.5
        self.Wx = uniform(rng, bound, (in_size, self.gates * size), dtype)
        self.Wh = uniform(rng, bound, (size, self.gates * size), dtype)
        self.b = uniform(rng, bound, (self.gates * size,), dtype)
        self.size = size

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

    def __call__(self, x: Tensor, state=None, lengths: Array | None = None):
        state = self.initial_state(len(x)) if state is None else state
        hs, *last = self.op(lengths)(x, *state, *self.weights())
        return hs, self.state(*last)


class RNN(Recurrent):
    """The plain recurrent layer with tanh.  Source: Elman 1990."""

    gates, op, state, kernel = 1, fused.RNN, State, staticmethod(rnn_step)
    spread = 2.0                                             # variance 4/3H: tanh shrinks what passes, and no gate keeps it


class GRU(Recurrent):
    """Gated recurrent unit, reset after the product.  Source: Cho et al. 2014."""

    gates, op, state, kernel = 3, fused.GRU, State, staticmethod(gru_step)

    def __init__(self, in_size: int, size: int, *, rng: np.random.Generator, dtype=np.float32):
        super().__init__(in_size, size, rng=rng, dtype=dtype)
        self.bm = uniform(rng, size ** -0.5, (size,), dtype)

    def weights(self):
        return self.Wx, self.Wh, self.b, self.bm


class LSTM(Recurrent):
    """Long short-term memory; the forget gate's bias starts at one.

    Source: Hochreiter and Schmidhuber 1997; the bias: Jozefowicz, Zaremba and Sutskever 2015.
    """

    gates, op, state, kernel = 4, fused.LSTM, LSTMState, staticmethod(lstm_step)

    def __init__(self, in_size: int, size: int, *, rng: np.random.Generator, dtype=np.float32):
        super().__init__(in_size, size, rng=rng, dtype=dtype)
        self.b.data[size:2 * size] = 1


CELLS = {"rnn": RNN, "gru": GRU, "lstm": LSTM}


class Stacked(Module):
    """Layers one on the other, with dropout between them."""

    def __init__(self, layers: list[Recurrent], dropout: float = 0.0):
        if not layers:
            raise ConfigError("a stack of no layers was asked for; it needs at least one.")
        self.layers, self.dropout = layers, Dropout(dropout)

    def initial_state(self, rows: int) -> States:
        """Zeros for every layer."""
        return States(layer.initial_state(rows) for layer in self.layers)

    def step(self, x: Array, state: States) -> tuple[Array, States]:
        """One step through all layers, nothing recorded: x (N, in_size), state -> h (N, H), state."""
        after = []
        for layer, before in zip(self.layers, state, strict=True):
            x, last = layer.step(x, before)
            after.append(last)
        return x, States(after)

    def __call__(self, x: Tensor, state: States | None = None, lengths: Array | None = None,
                 rng: np.random.Generator | None = None) -> tuple[Tensor, States]:
        state = self.initial_state(len(x)) if state is None else state
        after = []
        for k, (layer, before) in enumerate(zip(self.layers, state, strict=True)):
            x, last = layer(self.dropout(x, rng) if k else x, before, lengths)
            after.append(last)
        return x, States(after)


class Bidirectional(Module):
    """One layer reads forward, one backward; their outputs stand side by side: (N, T, H1 + H2).

    The backward layer starts at each row's own end, so padding at the end is never read.
    Source: Schuster and Paliwal 1997.
    """

    def __init__(self, ahead: Recurrent, back: Recurrent):
        self.ahead, self.back = ahead, back

    def initial_state(self, rows: int) -> States:
        """Zeros for both directions."""
        return States((self.ahead.initial_state(rows), self.back.initial_state(rows)))

    def __call__(self, x: Tensor, state: States | None = None, lengths: Array | None = None) -> tuple[Tensor, States]:
        first, second = self.initial_state(len(x)) if state is None else state
        hs, first = self.ahead(x, first, lengths)
        turned, second = self.back(_turn(x, lengths), second, lengths)
        return ops.concatenate([hs, _turn(turned, lengths)], axis=2), States((first, second))


def _turn(x: Tensor, lengths: Array | None) -> Tensor:
    """x (N, T, D) with the first ``lengths`` steps of each row in reverse order."""
    if lengths is None:
        return x[:, ::-1]
    xp = module_of(x.data, lengths)
    step = xp.arange(x.shape[1])[None, :]
    ends = lengths[:, None]
    places = xp.where(step < ends, ends - 1 - step, step)[:, :, None]
    return ops.gather(x, xp.broadcast_to(places, x.shape), axis=1)
