"""Batch normalisation over all axes but the last, as a kernel pair: each channel of all pictures of a batch by itself.

    mu = mean x,  s^2 = mean (x - mu)^2,  n = (x - mu) / sqrt(s^2 + eps),  y = n * gain + bias

With dn = dy * gain, and means over the R places of a channel, all pictures and all places of each (derived as for kernels.norm,
where the means are over the other axis):

    dx = (dn - mean dn - n * mean(dn * n)) / sqrt(s^2 + eps)        dgain = sum dy * n        dbias = sum dy

After training mu and s^2 are ``known``, numbers that were collected on the way; then they do not depend on x, and

    dx = dn / sqrt(s^2 + eps)

n is not kept: it is made again from x and two numbers a channel.

Source: Ioffe and Szegedy 2015.
"""
from tsuzuri.array import empty, module_of
from tsuzuri.kernels.inner import inner
from tsuzuri.shapes import expect

EPSILON = 1e-5


def batch_norm_forward(x, gain, bias, known=None):
    """x (..., C), gain (C), bias (C), ``known`` (mean, variance) or None -> (y (..., C), mean (C), variance (C)), cache."""
    expect("batch_norm", x=(x, "... C"), gain=(gain, "C"), bias=(bias, "C"))
    xp = module_of(x, gain, bias)
    rows = xp.ascontiguousarray(x.reshape(-1, x.shape[-1]))
    mean, variance = channel_moments(rows) if known is None else (moment.astype(x.dtype, copy=False) for moment in known)
    scale = 1 / xp.sqrt(variance + EPSILON)
    y = empty(rows, rows.shape)
    factor = gain * scale
    scale_channels(rows, mean, factor, xp.ascontiguousarray(bias), y)
    return (y.reshape(x.shape), mean, variance), (rows, gain, mean, scale, known is None)


def batch_norm_backward(dy, cache):
    """dy (..., C) -> (dx, dgain, dbias)."""
    rows, gain, mean, scale, moved = cache
    dx = empty(rows, rows.shape)
    dy_rows = module_of(dy).ascontiguousarray(dy.reshape(rows.shape))
    dgain, dbias = scale_channels_back(rows, dy_rows, mean, scale, gain * scale, moved, dx)
    return dx.reshape(dy.shape), dgain, dbias


@inner
def channel_moments(x):
    """x (R, C) -> mean and variance of each channel (C); 0 where there are no rows."""
    if not len(x):
        return x.sum(0), x.sum(0)
    mean = x.mean(0)
    centred = x - mean
    return mean, (centred * centred).mean(0)


@inner
def scale_channels(x, mean, factor, bias, y):
    """Fill y (R, C) = (x - mean) factor + bias."""
    y[...] = (x - mean) * factor + bias


@inner
def scale_channels_back(x, dy, mean, scale, factor, moved, dx):
    """Fill dx (R, C); returns dgain and dbias (C).  ``moved``: mean and scale are of x itself."""
    n = (x - mean) * scale
    if moved and len(x):
        dx[...] = (dy - dy.mean(0) - n * (dy * n).mean(0)) * factor
    else:
        dx[...] = dy * factor
    return (dy * n).sum(0), dy.sum(0)
