"""Rotary positions: what stands at position t is turned by an angle that grows with t, as a kernel pair.

A head's vector of length D is taken as D/2 points of a plane, (x_i, x_{i + D/2}).  At position t point i turns by

    a_{t,i} = t B^(-2i/D),  B = 10000             y_i          =  x_i cos a - x_{i + D/2} sin a
                                                  y_{i + D/2}  =  x_i sin a + x_{i + D/2} cos a

Turning keeps lengths, and the product of a query turned by s with a key turned by t depends on s - t alone: attention
sees distances.  A rotation's transpose is the rotation back, so dx is dy turned by -a.

Source: Su et al. 2021 (there neighbours x_2i, x_2i+1 are the point: the same up to the order of the weights' columns).
"""
import numpy as np

from tsuzuri.array import module_of

BASE = 10_000.0


def rotary_angles(T, D, base=BASE):
    """The cosines and sines (T, D/2) of positions 0 to T - 1 for heads of an even length D, on the host in float64."""
    angles = np.arange(T)[:, None] * base ** (-np.arange(0, D, 2) / D)
    return np.cos(angles), np.sin(angles)


def rotary_forward(x, cos, sin):
    """x (..., T, D), cos and sin (T, D/2) -> y (..., T, D), cache."""
    return _turn(x, cos, sin), (cos, sin)


def rotary_backward(dy, cache):
    """dy (..., T, D) -> dx."""
    cos, sin = cache
    return _turn(dy, cos, -sin)


def _turn(x, cos, sin):
    cos, sin, half = cos.astype(x.dtype, copy=False), sin.astype(x.dtype, copy=False), x.shape[-1] // 2
    a, b = x[..., :half], x[..., half:]
    return module_of(x, cos, sin).concatenate([a * cos - b * sin, a * sin + b * cos], axis=-1)
