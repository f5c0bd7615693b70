"""Ops that put a kernel pair on the tape.  The mathematics is in the kernels."""
from collections.abc import Callable

from tsuzuri.kernels import dropout, gru, lstm, norm, penalty, rnn, sigmoid_loss, softmax
from tsuzuri.ops import index
from tsuzuri.sparse import RowSparse
from tsuzuri.tensor import Op


class Softmax(Op):
    """Softmax over the last axis."""

    def forward(self, x):
        y, self.saved = softmax.softmax_forward(x)
        return y

    def backward(self, dy):
        return softmax.softmax_backward(dy, self.saved)


class MaskedSoftmax(Op):
    """Softmax over the first ``lengths[n]`` numbers of the last axis of x (N, T, S), 0 beyond; over all where lengths is None."""

    def __init__(self, lengths=None):
        self.lengths = lengths

    def forward(self, x):
        y, self.saved = softmax.masked_softmax_forward(x, self.lengths)
        return y

    def backward(self, dy):
        return softmax.masked_softmax_backward(dy, self.saved)


class LogSoftmax(Op):
    """The logarithm of softmax over the last axis."""

    def forward(self, x):
        y, self.saved = softmax.log_softmax_forward(x)
        return y

    def backward(self, dy):
        return softmax.log_softmax_backward(dy, self.saved)


class CrossEntropy(Op):
    """logits (..., V) -> mean cross entropy with ``targets`` (...), in nats; targets of -1 do not count."""

    def __init__(self, targets, smoothing=0.0):
        self.targets, self.smoothing = targets, smoothing

    def forward(self, logits):
        loss, self.saved = softmax.cross_entropy_forward(logits, self.targets, self.smoothing)
        return loss

    def backward(self, dy):
        return softmax.cross_entropy_backward(dy, self.saved)


class LinearCrossEntropy(Op):
    """x (..., H), W (H, V), b (V) -> mean cross entropy of x W + b with ``targets`` (...), in nats."""

    def __init__(self, targets, smoothing=0.0):
        self.targets, self.smoothing = targets, smoothing

    def forward(self, x, W, b):
        loss, self.saved = softmax.linear_cross_entropy_forward(x, W, b, self.targets, self.smoothing)
        return loss

    def backward(self, dy):
        return softmax.linear_cross_entropy_backward(dy, self.saved)


class SigmoidCrossEntropy(Op):
    """logits -> mean cross entropy of their sigmoid with ``targets`` of 0..1, in nats."""

    def __init__(self, targets):
        self.targets = targets

    def forward(self, z):
        loss, self.saved = sigmoid_loss.sigmoid_cross_entropy_forward(z, self.targets)
        return loss

    def backward(self, dy):
        return sigmoid_loss.sigmoid_cross_entropy_backward(dy, self.saved)


class Dropout(Op):
    """Each element dropped with probability p, the rest scaled up; the mask is drawn from ``rng``."""

    def __init__(self, p, rng):
        self.p, self.rng = p, rng

    def forward(self, x):
        self.saved = dropout.draw_key(self.rng)
        return dropout.dropout(x, self.p, self.saved)

    def backward(self, dy):
        return dropout.dropout(dy, self.p, self.saved)


class VariationalDropout(Op):
    """x (N, T, D): as Dropout with one mask for all time steps of a row."""

    def __init__(self, p, rng):
        self.p, self.rng = p, rng

    def forward(self, x):
        self.saved = dropout.draw_key(self.rng)
        return dropout.variational_dropout(x, self.p, self.saved)

    def backward(self, dy):
        return dropout.variational_dropout(dy, self.p, self.saved)


class EmbeddingDropout(index.Embedding):
    """Rows of a table W (V, D), where whole rows are dropped with probability p and the rest scaled up."""

    def __init__(self, ids, p, rng):
        super().__init__(ids)
        self.p, self.rng = p, rng

    def forward(self, W):
        y = super().forward(W)
        self.mask = dropout.dropout_mask(W, (len(W), 1), self.p, dropout.draw_key(self.rng))
        y *= self.mask[self.ids]
        return y

    def backward(self, dy):
        dW = super().backward(dy)
        return RowSparse(dW.ids, dW.rows * self.mask[dW.ids], dW.shape)


class ActivationPenalty(Op):
    """x -> the mean of its squares."""

    def forward(self, x):
        y, self.saved = penalty.activation_penalty_forward(x)
        return y

    def backward(self, dy):
        return penalty.activation_penalty_backward(dy, self.saved)


class TemporalPenalty(Op):
    """x (N, T, H) -> the mean square of its changes from step to step."""

    def forward(self, x):
        y, self.saved = penalty.temporal_penalty_forward(x)
        return y

    def backward(self, dy):
        return penalty.temporal_penalty_backward(dy, self.saved)


class LayerNorm(Op):
    """x (..., D), gain (D), bias (D) -> (..., D)."""

    def forward(self, x, gain, bias):
        y, self.saved = norm.layer_norm_forward(x, gain, bias)
        return y

    def backward(self, dy):
        return norm.layer_norm_backward(dy, self.saved)


class Recurrent(Op):
    """A recurrent layer over a whole sequence.

    ``lengths`` (N,) says where each row ends (None: at T); ``mask`` (N, H) multiplies the state where Wh reads it.
    """

    kernels: tuple[Callable, Callable]

    def __init__(self, lengths=None, mask=None):
        self.lengths, self.mask = lengths, mask

    def forward(self, *arrays):
        outs, self.saved = self.kernels[0](*arrays, self.lengths, self.mask)
        return outs

    def backward(self, *douts):
        return self.kernels[1](douts, self.saved)


class RNN(Recurrent):
    """(x, h0, Wx, Wh, b) -> (hs, hT)."""

    kernels = rnn.rnn_forward, rnn.rnn_backward


class GRU(Recurrent):
    """(x, h0, Wx, Wh, b, bm) -> (hs, hT)."""

    kernels = gru.gru_forward, gru.gru_backward


class LSTM(Recurrent):
    """(x, h0, c0, Wx, Wh, b) -> (hs, hT, cT)."""

    kernels = lstm.lstm_forward, lstm.lstm_backward
