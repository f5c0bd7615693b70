"""Layer normalisation over the last axis, as a kernel pair.

    mu = mean x,  s^2 = mean (x - mu)^2,  n = (x - mu) / sqrt(s^2 + eps),  y = n * gain + bias

With dn = dy * gain, and means over the last axis:

    dx = (dn - mean dn - n * mean(dn * n)) / sqrt(s^2 + eps)

n is not kept: it is made again from x and two numbers a row.

Source: Ba, Kiros and Hinton 2016.
"""
from tsuzuri.array import empty, module_of
from tsuzuri.kernels.inner import inner
from tsuzuri.shapes import expect

EPSILON = 1e-5


def layer_norm_forward(x, gain, bias):
    """x (..., D), gain (D), bias (D) -> y (..., D), cache."""
    expect("layer_norm", x=(x, "... D"), gain=(gain, "D"), bias=(bias, "D"))
    xp = module_of(x, gain, bias)
    rows, gain, bias = (xp.ascontiguousarray(a) for a in (x.reshape(-1, x.shape[-1]), gain, bias))
    y, mean, scale = normalised_rows(rows, gain, bias)
    return y.reshape(x.shape), (rows, gain, mean, scale)


def layer_norm_backward(dy, cache):
    """dy (..., D) -> (dx, dgain, dbias)."""
    rows, gain, mean, scale = cache
    dx = empty(rows, rows.shape)
    dgain, dbias = normalise_back(rows, gain, mean, scale, module_of(dy).ascontiguousarray(dy.reshape(rows.shape)), dx)
    return dx.reshape(dy.shape), dgain, dbias


def normalised_rows(x, gain, bias):
    """x (R, D), gain (D), bias (D) -> y (R, D), and mean and 1 / sqrt(s^2 + eps) of each row (R)."""
    y, mean, scale = empty(x, x.shape), empty(x, (len(x),)), empty(x, (len(x),))
    normalise(x, gain, bias, y, mean, scale)
    return y, mean, scale


@inner
def normalise(x, gain, bias, y, mean, scale):
    """Fill y (R, D), and mean and 1 / sqrt(s^2 + eps) of each row (R), from x (R, D)."""
    mean[...] = x.mean(1)
    centred = x - mean[:, None]
    scale[...] = 1 / module_of(x).sqrt((centred * centred).mean(1) + EPSILON)
    y[...] = centred * scale[:, None] * gain + bias


@inner
def normalise_back(x, gain, mean, scale, dy, dx):
    """Fill dx (R, D) from dy (R, D); returns dgain and dbias (D)."""
    n, dn = (x - mean[:, None]) * scale[:, None], dy * gain
    dx[...] = (dn - dn.mean(1, keepdims=True) - n * (dn * n).mean(1, keepdims=True)) * scale[:, None]
    return (dy * n).sum(0), dy.sum(0)
