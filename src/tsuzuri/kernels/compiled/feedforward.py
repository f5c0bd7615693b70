"""The passes of ``kernels.feedforward``, compiled.

gelu needs the normal distribution Phi.  In float64 it comes from the C library's erfc, element by element.  In float32
it is a line of arithmetic that LLVM vectorises: with u = 1 / (1 + 0.325 |x| / sqrt 2),

    Phi(-|x|) = e^(-x^2 / 2) P(u),  P of degree 8, fitted to erfcx(|x| / sqrt 2) / 2: off by 8e-8 of its value at most.

This form: Hastings 1955; the coefficients are our own fit.
"""
import math

import numba
import numpy as np
from numba import types
from numba.extending import overload

from tsuzuri.kernels.compiled.dropout import factor, mask_of
from tsuzuri.kernels.compiled.splitmix import GOLDEN
from tsuzuri.kernels.compiled.vector import exp, loop, spread_loop

_SLOPE = np.float32(0.325 * math.sqrt(0.5))
_P = tuple(map(np.float32, (0.09186934541175028, 0.08855713422459183, 0.10891352225707257, -0.00953894807734587, 0.26921407401464953,
                            -0.25122458707893824, 0.27799860475057847, -0.07578910746983486)))
_PER_ROOT = 1 / math.sqrt(2 * math.pi)


def _normal(x):
    """Phi(x) and e^(-x^2 / 2) (compiled code only)."""


@overload(_normal, inline="always")
def _normal_for(x):
    slope, (p1, p2, p3, p4, p5, p6, p7, p8) = _SLOPE, _P
    one, half = np.float32(1), np.float32(0.5)

    def short(x):
        u = one / (one + slope * abs(x))
        bell = exp(-half * x * x)
        tail = (((((((p8 * u + p7) * u + p6) * u + p5) * u + p4) * u + p3) * u + p2) * u + p1) * u * bell
        return tail if x < 0 else one - tail, bell

    def long(x):
        return 0.5 * math.erfc(-x * math.sqrt(0.5)), math.exp(-0.5 * x * x)

    return short if x == types.float32 else long


@spread_loop
def biased_gelu(z, b, y):
    for r in numba.prange(len(z)):
        gelu_row(z[r], b, y[r])


@loop
def gelu_row(z, b, y):
    for j in range(z.size):
        x = z[j] + b[j]
        z[j] = x
        phi, _ = _normal(x)
        y[j] = x * phi


def biased_gelu_back(z, dy, dz):
    sums = np.zeros((numba.get_num_threads(), z.shape[1]), z.dtype)
    _gelu_back(z, dy, dz, sums)
    return sums.sum(0)


@spread_loop
def _gelu_back(z, dy, dz, sums):
    R, parts = len(z), len(sums)
    for part in numba.prange(parts):
        for r in range(R * part // parts, R * (part + 1) // parts):
            _gelu_row_back(z[r], dy[r], dz[r], sums[part])


@loop
def _gelu_row_back(z, dy, dz, db):
    per_root = z.dtype.type(_PER_ROOT)
    for j in range(z.size):
        phi, bell = _normal(z[j])
        d = dy[j] * (phi + z[j] * (bell * per_root))
        dz[j] = d
        db[j] += d


def add_branch(z, b, r, p, key):
    _add_branch(z, b, r, *mask_of(z, p, key))


@spread_loop
def _add_branch(z, b, r, scale, threshold, key):
    for n in numba.prange(len(z)):
        _branch_row(z[n], b, r[n], scale, threshold, key + np.uint64(n * z.shape[1]) * GOLDEN)


@loop
def _branch_row(z, b, r, scale, threshold, key):
    if threshold == np.uint64(0):
        for j in range(z.size):
            z[j] += b[j] + r[j]
        return
    for j in range(z.size):
        z[j] = r[j] + (z[j] + b[j]) * factor(j, scale, threshold, key)


def add_branch_back(dy, p, key, dz):
    sums = np.zeros((numba.get_num_threads(), dy.shape[1]), dy.dtype)
    _branch_back(dy, dz, sums, *mask_of(dy, p, key))
    return sums.sum(0)


@spread_loop
def _branch_back(dy, dz, sums, scale, threshold, key):
    R, parts = len(dy), len(sums)
    for part in numba.prange(parts):
        for r in range(R * part // parts, R * (part + 1) // parts):
            _branch_row_back(dy[r], dz[r], sums[part], scale, threshold, key + np.uint64(r * dy.shape[1]) * GOLDEN)


@loop
def _branch_row_back(dy, dz, db, scale, threshold, key):
    for j in range(dy.size):
        d = dy[j] * factor(j, scale, threshold, key)
        dz[j] = d
        db[j] += d
