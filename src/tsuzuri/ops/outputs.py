"""Ops of output layers that are more than one softmax.  The mathematics is in the kernels."""
from tsuzuri.kernels import adaptive, mixture
from tsuzuri.tensor import Op


class MixtureCrossEntropy(Op):
    """x (..., K, E), a (..., K), W (E, V), b (V) -> mean cross entropy of K mixed softmaxes with ``targets`` (...), in nats."""

    def __init__(self, targets):
        self.targets = targets

    def forward(self, x, a, W, b):
        loss, self.saved = mixture.mixture_cross_entropy_forward(x, a, W, b, self.targets)
        return loss

    def backward(self, dy):
        return mixture.mixture_cross_entropy_backward(dy, self.saved)


class AdaptiveCrossEntropy(Op):
    """x (..., H), head, then P and W of each cluster -> mean cross entropy with ``targets`` (...), in nats."""

    def __init__(self, targets, cutoffs):
        self.targets, self.cutoffs = targets, cutoffs

    def forward(self, x, head, *tails):
        pairs = list(zip(tails[::2], tails[1::2], strict=True))
        loss, self.saved = adaptive.adaptive_cross_entropy_forward(x, head, pairs, self.cutoffs, self.targets)
        return loss

    def backward(self, dy):
        dx, dhead, dtails = adaptive.adaptive_cross_entropy_backward(dy, self.saved)
        return dx, dhead, *(d for pair in dtails for d in pair)
