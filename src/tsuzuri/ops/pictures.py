"""Ops on pictures (N, H, W, C).  The mathematics is in kernels.conv, pooling, batch_norm and norm_pool."""
from tsuzuri.kernels import batch_norm, conv, norm_pool, pooling
from tsuzuri.tensor import Op


class Conv2D(Op):
    """x (N, H, W, C), W (k, l, C, F), b (F) -> (N, H', W', F).  A picture that is a constant is given no gradient."""

    def __init__(self, stride=1, padding=0):
        self.stride, self.padding = stride, padding

    def forward(self, x, W, b):
        y, self.saved = conv.conv2d_forward(x, W, b, self.stride, self.padding)
        return y

    def backward(self, dy):
        inputs = getattr(self, "inputs", None)               # called without tensors it has none
        return conv.conv2d_backward(dy, self.saved, wanted=inputs is None or inputs[0].requires_grad)


class MaxPool2D(Op):
    """x (N, H, W, C) -> (N, H // size, W // size, C), the largest of each window."""

    def __init__(self, size):
        self.size = size

    def forward(self, x):
        y, self.saved = pooling.max_pool_forward(x, self.size)
        return y

    def backward(self, dy):
        return pooling.max_pool_backward(dy, self.saved)


class MeanPool2D(Op):
    """x (N, H, W, C) -> (N, H // size, W // size, C), the mean of each window."""

    def __init__(self, size):
        self.size = size

    def forward(self, x):
        y, self.saved = pooling.mean_pool_forward(x, self.size)
        return y

    def backward(self, dy):
        return pooling.mean_pool_backward(dy, self.saved)


class BatchNorm(Op):
    """x (..., C), gain (C), bias (C) -> (..., C), each channel brought to mean 0 and variance 1, then scaled and shifted.

    ``known`` (mean, variance) stand in for those of x; else ``moments`` has them afterwards.
    """

    def __init__(self, known=None):
        self.known = self.moments = known

    def forward(self, x, gain, bias):
        (y, *self.moments), self.saved = batch_norm.batch_norm_forward(x, gain, bias, self.known)
        return y

    def backward(self, dy):
        return batch_norm.batch_norm_backward(dy, self.saved)


class NormPoolRelu(Op):
    """x (N, H, W, C), gain (C), bias (C) -> (N, H // size, W // size, C): BatchNorm, MaxPool2D and relu as one.  ``known``, ``moments``: as BatchNorm."""

    def __init__(self, size=1, known=None):
        self.size, self.known, self.moments = size, known, known

    def forward(self, x, gain, bias):
        (y, *self.moments), self.saved = norm_pool.norm_pool_forward(x, gain, bias, self.size, self.known)
        return y

    def backward(self, dy):
        return norm_pool.norm_pool_backward(dy, self.saved)
