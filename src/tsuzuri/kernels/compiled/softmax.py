"""The row loops of ``kernels.softmax``, compiled: three passes over a row while it is in the cache."""
import math

import numba
import numpy as np

from tsuzuri.kernels.compiled.vector import any_order, exp, larger, loop, spread_loop

BLOCK = 1024                                                 # elements that stay in the first-level cache


@any_order
def highest(row):
    top = row[0]
    for j in range(row.size):
        top = larger(top, row[j])
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


def masked_softmax_rows(x, lengths):
    y = np.array(x, order="C")
    _masked_softmax_rows(y, lengths.astype(np.int64, copy=False))
    return y


@spread_loop
def _masked_softmax_rows(y, lengths):
    N, T, S = y.shape
    for r in numba.prange(N * T):
        softmax_in_place(y[r // T, r % T], min(lengths[r // T], S))


@loop
def softmax_in_place(row, seen):
    """The softmax of the first ``seen`` numbers, the others zero."""
    row[max(seen, 0):] = 0
    if seen > 0:
        part = row[:seen]
        exp_in_place(part, highest(part))
        share = 1 / total(part)
        for j in range(part.size):
            part[j] *= share


@spread_loop
def cross_entropy_rows(z, bias, targets, smoothing, scale, losses):
    for r in numba.prange(len(z)):
        losses[r] = _row(z[r], bias, targets[r], smoothing, scale)


@any_order
def _add_bias(z, bias):
    """Add the bias; returns the highest sum."""
    top = z[0] + bias[0]
    for j in range(z.size):
        z[j] += bias[j]
        top = larger(top, z[j])
    return top


@loop
def exp_in_place(z, top):
    for j in range(z.size):                                  # one array in and out: two that overlap are not vectorised
        z[j] = exp(z[j] - top)


@loop
def _row(z, bias, target, smoothing, scale):
    if target < 0:
        z[:] = 0
        return 0.0
    real = z.dtype.type
    top = _add_bias(z, bias) if bias.size else highest(z)
    at_target = z[target]
    mean = total(z) / z.size if smoothing else at_target
    s = real(0)
    for start in range(0, z.size, BLOCK):
        block = z[start:start + BLOCK]
        exp_in_place(block, top)
        s += total(block)
    factor, offset = real(scale) / s, real(scale * smoothing / z.size)
    for j in range(z.size):
        z[j] = z[j] * factor - offset
    z[target] -= real(scale * (1 - smoothing))
    return math.log(s) + top - (1 - smoothing) * at_target - smoothing * mean
