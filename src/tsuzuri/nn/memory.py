"""Neural Turing Machines: a controller with heads on a memory.  The state is a value: a machine takes one and returns one.

Call: x (N, T, in_size), state or None -> zs (N, T, size + reads width), weights (N, T, reads + writes, slots), state.
zs has the controller's output and behind it what was read; weights says where each head was, those that read first.
"""
from abc import abstractmethod
from typing import NamedTuple

import numpy as np

from tsuzuri import ops
from tsuzuri.array import Array
from tsuzuri.errors import ConfigError
from tsuzuri.nn.module import Module, Parameter, uniform, zeros
from tsuzuri.tensor import Tensor

BLANK = 1e-6
"""What a memory begins with: a small constant, with which machines learn several times sooner than with a learnt or a random
memory (Collier and Beel 2018)."""
PLACE = 5.0                                                  # how far the first slot's score is above the others' at the start


class TuringState(NamedTuple):
    """Between two steps: the output z (N, Z), the cells (N, H) of an LSTM, the heads' weights (N, K, S), the memory (N, S, M)."""

    z: Tensor
    cells: Tensor | None
    weights: Tensor
    memory: Tensor

    def detach(self) -> "TuringState":
        """The same values, cut off from the steps that made them."""
        z, cells, weights, memory = self
        return TuringState(z.detach(), None if cells is None else cells.detach(), weights.detach(), memory.detach())

    def take(self, rows: Array) -> "TuringState":
        """The state of some rows of the batch, in that order."""
        z, cells, weights, memory = self
        return TuringState(_rows(z, rows), None if cells is None else _rows(cells, rows), _rows(weights, rows), _rows(memory, rows))


class TuringMachine(Module):
    """What both controllers share.  ``shift`` is how many slots a head can move in a step to either side.

    What is read at the start and where the heads are is learnt; every head begins near the first slot, because among slots that are all
    the same nothing but its place could tell one from another.  Source: Graves, Wayne and Danihelka 2014.
    """

    gates: int

    def __init__(self, in_size: int, size: int, slots: int = 128, width: int = 20, reads: int = 1, writes: int = 1, shift: int = 1, *,
                 rng: np.random.Generator, dtype=np.float32):
        heads = reads + writes
        if heads < 1 or reads < 0 or writes < 0:
            raise ConfigError(f"{reads} heads to read and {writes} to write were asked for; a machine needs at least one.")
        self.size, self.slots, self.width, self.heads = size, slots, width, heads
        told = (heads + 2 * writes) * width + (3 + 2 * shift + 1) * heads
        self.Wx = uniform(rng, in_size ** -0.5, (in_size, self.gates * size), dtype)
        self.U = uniform(rng, size ** -0.5, (self._seen(reads * width), self.gates * size), dtype)
        self.b = zeros(self.gates * size, dtype)
        self.Wp, self.bp = uniform(rng, size ** -0.5, (size, told), dtype), zeros(told, dtype)
        self.read = uniform(rng, 0.1, (reads * width,), dtype)
        self.places = Parameter((rng.uniform(-0.1, 0.1, (heads, slots)) + PLACE * (np.arange(slots) == 0)).astype(dtype))

    @abstractmethod
    def _seen(self, read: int) -> int:
        """How many numbers of the step before the controller sees, where the heads read so many."""

    @abstractmethod
    def __call__(self, x: Tensor, state: TuringState | None = None) -> tuple[Tensor, Tensor, TuringState]:
        """Go through all steps."""

    def initial_state(self, rows: int) -> TuringState:
        """The learnt start for ``rows`` rows, with a blank memory."""
        def for_all(start: Tensor) -> Tensor:
            return start.reshape(1, *start.shape) + np.zeros((rows, *[1] * len(start.shape)))
        dtype = self.b.dtype
        nothing = Tensor(np.zeros((rows, self.size), dtype))
        z = ops.concatenate([nothing, for_all(ops.tanh(self.read))], axis=1)
        return TuringState(z, nothing, for_all(ops.softmax(self.places)), Tensor(np.full((rows, self.slots, self.width), BLANK, dtype)))


class LSTMTuringMachine(TuringMachine):
    """One whose controller is an LSTM, which sees its own last output and what was read; the forget gate's bias starts at one."""

    gates = 4

    def __init__(self, in_size: int, size: int, *sizes: int, rng: np.random.Generator, dtype=np.float32, **more: int):
        super().__init__(in_size, size, *sizes, rng=rng, dtype=dtype, **more)
        self.b.data[size:2 * size] = 1

    def _seen(self, read):
        return self.size + read

    def __call__(self, x, state=None):
        z, cells, weights, memory = self.initial_state(len(x)) if state is None else state
        assert cells is not None
        zs, ws, cells, memory = ops.turing_lstm(x, z, cells, weights, memory, self.Wx, self.U, self.b, self.Wp, self.bp)
        return zs, ws, _last(z, cells, weights, memory, zs, ws)


class FeedforwardTuringMachine(TuringMachine):
    """One whose controller is a layer of tanh: all that it knows of the steps before is in the memory."""

    gates = 1

    def _seen(self, read):
        return read

    def __call__(self, x, state=None):
        z, _, weights, memory = self.initial_state(len(x)) if state is None else state
        zs, ws, memory = ops.turing_feedforward(x, z[:, self.size:], weights, memory, self.Wx, self.U, self.b, self.Wp, self.bp)
        return zs, ws, _last(z, None, weights, memory, zs, ws)


def _rows(x, rows):
    return Tensor(x.data[rows])


def _last(z, cells, weights, memory, zs, ws) -> TuringState:
    """The state after the last step; where there was none, that from before."""
    return TuringState(zs[:, -1], cells, ws[:, -1], memory) if zs.shape[1] else TuringState(z, cells, weights, memory)


CONTROLLERS = {"lstm": LSTMTuringMachine, "feedforward": FeedforwardTuringMachine}
