"""What follows a convolution, as one kernel pair: batch norm, the largest of each window, relu.

    n = (x - mu) / sqrt(s^2 + eps)        z = n gain + bias        y = max(0, max of the window of z)

for each channel by itself; windows of 1 x 1 leave the picture as large as it is.  Only the place m that a window's largest came from
has a gradient, and that only where y > 0.  With d = dy there and 0 everywhere else, and R places of a channel (kernels.batch_norm):

    dbias = sum d        dgain = sum d n        dx = gain / sqrt(s^2 + eps) (d - dbias / R - n dgain / R)

or, where the moments were known before, dx = gain / sqrt(s^2 + eps) d.  Both sums are over the windows alone, of which n is kept.

One by one the three move the picture through memory eight times going forward and ten times going back; so it is three times and twice.
"""
from tsuzuri.array import empty, module_of
from tsuzuri.kernels.batch_norm import EPSILON, channel_moments
from tsuzuri.kernels.inner import inner
from tsuzuri.kernels.pooling import checked, inside, windows
from tsuzuri.shapes import expect


def norm_pool_forward(x, gain, bias, size=1, known=None):
    """x (N, H, W, C), gain (C), bias (C), ``known`` (mean, variance) or None -> (y (N, H // size, W // size, C), mean (C), variance (C)), cache."""
    expect("norm_pool", x=(x, "N H W C"), gain=(gain, "C"), bias=(bias, "C"))
    xp = module_of(x, gain, bias)
    x, shape = checked(x, size)
    mean, variance = channel_moments(x.reshape(-1, x.shape[3])) if known is None else (moment.astype(x.dtype, copy=False) for moment in known)
    scale = 1 / xp.sqrt(variance + EPSILON)
    y, n, first = empty(x, shape), empty(x, shape), empty(x, shape)
    largest_normalised(x, size, mean, scale, xp.ascontiguousarray(gain), xp.ascontiguousarray(bias), y, n, first)
    return (y, mean, variance), (x, size, mean, scale, gain, y, n, first, known is None)


def norm_pool_backward(dy, cache):
    """dy (N, H // size, W // size, C) -> (dx, dgain, dbias)."""
    x, size, mean, scale, gain, y, n, first, moved = cache
    dx = empty(x, x.shape)
    dgain, dbias = largest_normalised_back(x, module_of(dy).ascontiguousarray(dy), size, mean, scale, gain * scale, y, n, first, moved, dx)
    return dx, dgain, dbias


@inner
def largest_normalised(x, size, mean, scale, gain, bias, y, n, first):
    """Fill y, and of each window's largest n and ``first``, which place it came from (as wide as a number, so that loops have vectors of both)."""
    xp, rows = module_of(x), windows((x - mean) * scale, size).reshape(*y.shape[:3], size * size, y.shape[3])
    z = rows * gain + bias
    largest = z.max(3)
    places = xp.arange(size * size, dtype=first.dtype)[:, None]
    first[...] = xp.where(z == largest[:, :, :, None], places, places + (size * size)).min(3)
    y[...] = xp.where(largest > 0, largest, 0)
    n[...] = xp.where(first[:, :, :, None] == places, rows, 0).sum(3)


@inner
def largest_normalised_back(x, dy, size, mean, scale, factor, y, n, first, moved, dx):
    """Fill dx (N, H, W, C); returns dgain and dbias (C).  ``moved``: mean and scale are of x itself."""
    xp, R = module_of(x), x.size // max(x.shape[3], 1)
    d = xp.where(y > 0, dy, 0)
    dgain, dbias = (d * n).sum((0, 1, 2)), d.sum((0, 1, 2))
    dx[...] = 0
    places = xp.arange(size * size, dtype=first.dtype).reshape(1, 1, size, 1, size, 1)
    inside(dx, size)[...] = (first[:, :, None, :, None] == places) * d[:, :, None, :, None]
    if moved and R:
        dx[...] = dx - dbias / R - (x - mean) * scale * (dgain / R)
    dx[...] = dx * factor
    return dgain, dbias
