"""The row loops of ``kernels.softmax``, compiled: three passes over a row while it is in the cache."""
import math

import numba
import numpy as np

from tsuzuri.kernels.compiled.vector import exp, loop, spread_loop

any_order = numba.njit(nogil=True, fastmath=True)            # a sum or maximum in any order is one LLVM can vectorise


@any_order
def highest(row):
    top = row[0]
    for j in range(row.size):
        top = max(top, row[j])
    return top


@any_order
def total(row):
    s = row.dtype.type(0)
    for j in range(row.size):
        s += row[j]
    return s


def softmax_rows(x):
    return _softmax_rows(x, np.empty(x.shape, x.dtype))


@spread_loop
def _softmax_rows(x, y):
    for r in numba.prange(len(x)):
        _exp_row(x[r], highest(x[r]), y[r])
        y[r] *= 1 / total(y[r])
    return y


@loop
def _exp_row(z, top, e):
    for j in range(z.size):
        e[j] = exp(z[j] - top)


@spread_loop
def cross_entropy_rows(z, bias, targets, smoothing, scale, losses):
    for r in numba.prange(len(z)):
        losses[r] = _row(z[r], bias, targets[r], smoothing, scale)


@loop
def _row(z, bias, target, smoothing, scale):
    if target < 0:
        z[:] = 0
        return 0.0
    real = z.dtype.type
    if bias.size:
        for j in range(z.size):
            z[j] += bias[j]
    top, at_target = highest(z), z[target]
    mean = total(z) / z.size if smoothing else at_target
    for j in range(z.size):                                  # one array in and out: two that overlap are not vectorised
        z[j] = exp(z[j] - top)
    s = total(z)
    factor, offset = real(scale) / s, real(scale * smoothing / z.size)
    for j in range(z.size):
        z[j] = z[j] * factor - offset
    z[target] -= real(scale * (1 - smoothing))
    return math.log(s) + top - (1 - smoothing) * at_target - smoothing * mean
