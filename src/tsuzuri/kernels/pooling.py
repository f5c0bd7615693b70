"""Pooling of pictures (N, H, W, C): every window of k x k places becomes one, by its largest number or by the mean, as kernel pairs.

    largest   y = max_m x_m          dx_m = dy where m is the first place of the window with the largest number, 0 elsewhere
    mean      y = 1 / k^2 sum x_m    dx_m = dy / k^2

for each channel by itself.  The windows lie side by side; what does not fill one at the end of a line or column is left out, and
gets no gradient.

Source: LeCun et al. 1989 (mean); Riesenhuber and Poggio 1999 (largest).
"""
import numpy as np

from tsuzuri.array import empty, module_of
from tsuzuri.errors import ShapeError
from tsuzuri.kernels.inner import inner
from tsuzuri.shapes import expect

LARGEST_WINDOW = 15                                          # its places are numbered in bytes


def max_pool_forward(x, size):
    """x (N, H, W, C) -> y (N, H // size, W // size, C), cache."""
    x, shape = checked(x, size)
    y, first = empty(x, shape), empty(x, shape, np.uint8)
    largest(x, size, y, first)
    return y, (x.shape, size, first)


def max_pool_backward(dy, cache):
    """dy (N, H // size, W // size, C) -> dx (N, H, W, C)."""
    shape, size, first = cache
    dx = empty(dy, shape)
    largest_back(module_of(dy).ascontiguousarray(dy), size, first, dx)
    return dx


def mean_pool_forward(x, size):
    """x (N, H, W, C) -> y (N, H // size, W // size, C), cache."""
    x, shape = checked(x, size)
    return windows(x, size).reshape(*shape[:3], size * size, shape[3]).mean(3), (x.shape, size)


def mean_pool_backward(dy, cache):
    """dy (N, H // size, W // size, C) -> dx (N, H, W, C)."""
    shape, size = cache
    dx = module_of(dy).zeros(shape, dy.dtype)
    inside(dx, size)[...] = (dy / (size * size))[:, :, None, :, None]
    return dx


def windows(x, size):
    """x (N, H, W, C) -> a copy (N, H // size, W // size, size, size, C)."""
    return module_of(x).ascontiguousarray(inside(x, size).swapaxes(2, 3))


def inside(x, size):
    """A view (N, H // size, size, W // size, size, C) on what lies in windows."""
    N, H, W, C = x.shape
    height, width = H // size, W // size
    return x[:, :height * size, :width * size].reshape(N, height, size, width, size, C)


@inner
def largest(x, size, y, first):
    """Fill y (N, H // size, W // size, C) and ``first``, which place of each window it came from."""
    xp, rows = module_of(x), windows(x, size).reshape(*y.shape[:3], size * size, y.shape[3])
    y[...] = rows.max(3)
    places = xp.arange(size * size, dtype=first.dtype)[:, None]
    first[...] = xp.where(rows == y[:, :, :, None], places, first.dtype.type(size * size)).min(3)


@inner
def largest_back(dy, size, first, dx):
    """Fill dx (N, H, W, C)."""
    dx[...] = 0
    places = module_of(dy).arange(size * size, dtype=first.dtype).reshape(1, 1, size, 1, size, 1)
    inside(dx, size)[...] = (first[:, :, None, :, None] == places) * dy[:, :, None, :, None]


def checked(x, size):
    """The pictures, contiguous, and the shape of the pooled ones.  ShapeError: no window fits."""
    N, H, W, C = expect("pool", x=(x, "N H W C"))["NHWC"]
    if not 1 <= size <= min(H, W, LARGEST_WINDOW):
        raise ShapeError(f"pool: windows of {size} x {size} do not fit into pictures of {H} x {W}; take 1 to {min(H, W, LARGEST_WINDOW)}.")
    return module_of(x).ascontiguousarray(x), (N, H // size, W // size, C)
