"""Layer normalisation over the last axis, as a kernel pair.

    mu = mean x,  s^2 = mean (x - mu)^2,  n = (x - mu) / sqrt(s^2 + eps),  y = n * gain + bias

With dn = dy * gain, and means over the last axis:

    dx = (dn - mean dn - n * mean(dn * n)) / sqrt(s^2 + eps)

Source: Ba, Kiros and Hinton 2016.
"""
from tsuzuri.array import module_of
from tsuzuri.shapes import expect

EPSILON = 1e-5


def layer_norm_forward(x, gain, bias):
    """x (..., D), gain (D), bias (D) -> y (..., D), cache."""
    expect("layer_norm", x=(x, "... D"), gain=(gain, "D"), bias=(bias, "D"))
    centred = x - x.mean(-1, keepdims=True)
    scale = 1 / module_of(x, gain, bias).sqrt((centred * centred).mean(-1, keepdims=True) + EPSILON)
    n = centred * scale
    return n * gain + bias, (n, scale, gain)


def layer_norm_backward(dy, cache):
    """dy (..., D) -> (dx, dgain, dbias)."""
    n, scale, gain = cache
    dn = dy * gain
    dx = (dn - dn.mean(-1, keepdims=True) - n * (dn * n).mean(-1, keepdims=True)) * scale
    over = tuple(range(dy.ndim - 1))
    return dx, (dy * n).sum(over), dy.sum(over)
