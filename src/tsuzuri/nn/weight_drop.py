"""Dropout of recurrent weights (DropConnect)."""
import numpy as np

from tsuzuri.array import Array
from tsuzuri.nn.layers import Dropout
from tsuzuri.nn.module import Module
from tsuzuri.nn.recurrent import Recurrent
from tsuzuri.tensor import Tensor


class WeightDrop(Module):
    """A recurrent layer whose Wh loses elements with probability p while training, by one mask a call; the rest grow.

    The layer is called as before, and its parameters are trained: what is dropped gets no gradient.
    Source: Wan et al. 2013; of recurrent weights: Merity, Keskar and Socher 2018.
    """

    def __init__(self, layer: Recurrent, p: float):
        self.layer, self.dropout, self.size = layer, Dropout(p), layer.size

    def weights(self) -> tuple[Tensor, ...]:
        """The parameters of the layer, nothing dropped."""
        return self.layer.weights()

    def initial_state(self, rows: int):
        """Zeros for ``rows`` rows."""
        return self.layer.initial_state(rows)

    def step(self, x: Array, state):
        """One step, nothing dropped or recorded: x (N, in_size), state -> h (N, H), state."""
        return self.layer.step(x, state)

    def __call__(self, x: Tensor, state=None, lengths: Array | None = None, rng: np.random.Generator | None = None):
        Wx, Wh, *biases = self.weights()
        return self.layer(x, state, lengths, rng, (Wx, self.dropout(Wh, rng), *biases))
