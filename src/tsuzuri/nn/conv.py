"""Layers for pictures (N, H, W, C): convolution, pooling, batch norm."""
import numpy as np

from tsuzuri import ops
from tsuzuri.array import Array
from tsuzuri.nn.module import Buffer, Module, Parameter, zeros
from tsuzuri.tensor import Tensor

MOMENTUM = 0.1                                               # share of the last batch in the running moments


class Conv2D(Module):
    """x (N, H, W, channels) through ``filters`` of size x size, with ``padding`` zeros around each picture -> (N, H', W', filters).

    W starts normally distributed with variance 2 / (size^2 channels), made for the relu behind it, b at zero.  Source: He et al. 2015.
    """

    def __init__(self, channels: int, filters: int, size: int = 3, stride: int = 1, padding: int = 0, *, rng: np.random.Generator, dtype=np.float32):
        scale = (2 / (size * size * channels)) ** 0.5
        self.W = Parameter((scale * rng.standard_normal((size, size, channels, filters))).astype(dtype))
        self.b = zeros(filters, dtype)
        self.stride, self.padding = stride, padding

    def __call__(self, x: Tensor | Array) -> Tensor:
        return ops.conv2d(x, self.W, self.b, self.stride, self.padding)


class MaxPool2D(Module):
    """The largest number of each window of size x size places, channel by channel."""

    def __init__(self, size: int = 2):
        self.size = size

    def __call__(self, x: Tensor) -> Tensor:
        return ops.max_pool(x, self.size)


class MeanPool2D(MaxPool2D):
    """The mean of each window of size x size places, channel by channel."""

    def __call__(self, x: Tensor) -> Tensor:
        return ops.mean_pool(x, self.size)


class BatchNorm2D(Module):
    """Each channel brought to mean 0 and variance 1, then scaled and shifted.    x (..., channels)

    While training, that is where a Generator is given, by the moments of the batch, which move the running ones (the variance as
    that of a sample, over one place less); afterwards by the running ones.  These are buffers: saved, and not trained.
    Source: Ioffe and Szegedy 2015.
    """

    def __init__(self, channels: int, *, dtype=np.float32):
        self.gain, self.bias = Parameter(np.ones(channels, dtype)), zeros(channels, dtype)
        self.mean, self.variance = Buffer(np.zeros(channels, dtype)), Buffer(np.ones(channels, dtype))

    def __call__(self, x: Tensor, rng: np.random.Generator | None = None) -> Tensor:
        y, *moments = ops.batch_norm(x, self.gain, self.bias, self._known(rng))
        self._count(x, moments, rng)
        return y

    def relu_of_largest(self, x: Tensor, size: int, rng: np.random.Generator | None = None) -> Tensor:
        """relu of the largest of each window of what the layer gives, in one pass: x (N, H, W, channels) -> (N, H // size, W // size, channels)."""
        y, *moments = ops.norm_pool_relu(x, self.gain, self.bias, size, self._known(rng))
        self._count(x, moments, rng)
        return y

    def _known(self, rng):
        return (self.mean.data, self.variance.data) if rng is None else None

    def _count(self, x, moments, rng):
        if rng is None:
            return
        places = x.data.size // max(x.shape[-1], 1)
        mean, variance = moments
        for running, moment in ((self.mean, mean), (self.variance, variance * (places / max(places - 1, 1)))):
            running.data += (MOMENTUM * (moment - running.data)).astype(running.data.dtype)
