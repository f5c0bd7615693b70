"""Ops of models that label sentences.  The mathematics is in the kernels."""
from tsuzuri.kernels import crf, over_time
from tsuzuri.tensor import Op


class CRF(Op):
    """e (N, T, K), A (K, K), start (K), end (K) -> mean loss of the labels ``targets`` (N, T) in nats; -1 is a label not known."""

    def __init__(self, targets, lengths=None):
        self.targets, self.lengths = targets, lengths

    def forward(self, e, A, start, end):
        loss, self.saved = crf.crf_forward(e, A, start, end, self.targets, self.lengths)
        return loss

    def backward(self, dy):
        return crf.crf_backward(dy, self.saved)


class MeanOverTime(Op):
    """hs (N, T, H) -> the mean (N, H) of the first ``lengths[n]`` steps of each row."""

    def __init__(self, lengths=None):
        self.lengths = lengths

    def forward(self, hs):
        y, self.saved = over_time.mean_over_time_forward(hs, self.lengths)
        return y

    def backward(self, dy):
        return over_time.mean_over_time_backward(dy, self.saved)


class MaxOverTime(Op):
    """hs (N, T, H) -> the maximum (N, H) of the first ``lengths[n]`` steps of each row."""

    def __init__(self, lengths=None):
        self.lengths = lengths

    def forward(self, hs):
        y, self.saved = over_time.max_over_time_forward(hs, self.lengths)
        return y

    def backward(self, dy):
        return over_time.max_over_time_backward(dy, self.saved)
