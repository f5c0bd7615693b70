"""Ops of a memory that is read and written.  The mathematics is in the kernels."""
from tsuzuri.kernels import turing
from tsuzuri.tensor import Op


class TuringLSTM(Op):
    """(x, z0, c0, w0, m0, Wx, U, b, Wp, bp) -> (zs, ws, cT, mT): a Neural Turing Machine whose controller is an LSTM."""

    def forward(self, *arrays):
        outs, self.saved = turing.turing_lstm_forward(*arrays)
        return outs

    def backward(self, *douts):
        return turing.turing_lstm_backward(douts, self.saved)


class TuringFeedforward(Op):
    """(x, r0, w0, m0, Wx, Wr, b, Wp, bp) -> (zs, ws, mT): one whose controller is a layer of tanh."""

    def forward(self, *arrays):
        outs, self.saved = turing.turing_feedforward_forward(*arrays)
        return outs

    def backward(self, *douts):
        return turing.turing_feedforward_backward(douts, self.saved)
