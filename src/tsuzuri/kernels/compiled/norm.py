"""Layer normalisation of ``kernels.norm``, compiled: each row is read once from memory."""
import math

import numba
import numpy as np

from tsuzuri.kernels import norm
from tsuzuri.kernels.compiled.softmax import total
from tsuzuri.kernels.compiled.vector import any_order, loop, spread_loop

EPSILON = norm.EPSILON


@spread_loop
def normalise(x, gain, bias, y, mean, scale):
    for r in numba.prange(len(x)):
        mean[r], scale[r] = norm_row(x[r], gain, bias, y[r])


@loop
def norm_row(x, gain, bias, y):
    mean = total(x) / x.size
    scale = x.dtype.type(1 / math.sqrt(_squares(x, x.dtype.type(mean)) / x.size + EPSILON))
    mean = x.dtype.type(mean)
    for j in range(x.size):
        y[j] = (x[j] - mean) * scale * gain[j] + bias[j]
    return mean, scale


@any_order
def _squares(x, mean):
    s = x.dtype.type(0)
    for j in range(x.size):
        s += (x[j] - mean) * (x[j] - mean)
    return s


def normalise_back(x, gain, mean, scale, dy, dx):
    sums = np.zeros((numba.get_num_threads(), 2, x.shape[1]), x.dtype)
    _back(x, gain, mean, scale, dy, dx, sums)
    return tuple(sums.sum(0))


@spread_loop
def _back(x, gain, mean, scale, dy, dx, sums):
    R, parts = len(x), len(sums)
    for part in numba.prange(parts):
        for r in range(R * part // parts, R * (part + 1) // parts):
            _row_back(x[r], gain, mean[r], scale[r], dy[r], dx[r], sums[part, 0], sums[part, 1])


@loop
def _row_back(x, gain, mean, scale, dy, dx, dgain, dbias):
    for j in range(x.size):
        dx[j] = dy[j] * gain[j]                              # dn, rounded once: the same in the means and in what they are taken from
        dgain[j] += dy[j] * ((x[j] - mean) * scale)
        dbias[j] += dy[j]
    along, across = total(dx) / x.dtype.type(x.size), _product_with_n(dx, x, mean, scale) / x.dtype.type(x.size)
    for j in range(x.size):
        dx[j] = (dx[j] - along - (x[j] - mean) * scale * across) * scale


@any_order
def _product_with_n(dn, x, mean, scale):
    s = x.dtype.type(0)
    for j in range(x.size):
        s += dn[j] * ((x[j] - mean) * scale)
    return s
