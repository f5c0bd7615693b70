"""The row loops of ``kernels.token_losses``, compiled: a row is read once, a block of it at a time."""
import math

import numba
import numpy as np

from tsuzuri.kernels.compiled.softmax import BLOCK, exp_in_place, highest, total
from tsuzuri.kernels.compiled.vector import exp, loop, spread_loop


def log_sum_exp(z, bias):
    totals = np.empty(len(z), z.dtype)
    _log_sum_exp(z, bias, totals)
    return totals


@spread_loop
def _log_sum_exp(z, bias, totals):
    for r in numba.prange(len(z)):
        totals[r] = _row(z[r], bias)


@loop
def _row(z, bias):
    """When a block has a higher top than those before it, their sum is scaled down to the new one."""
    top, s = z.dtype.type(-np.inf), z.dtype.type(0)
    scratch = np.empty(min(BLOCK, z.size), z.dtype)
    for start in range(0, z.size, BLOCK):
        stop = min(start + BLOCK, z.size)
        block = scratch[:stop - start]
        _load(z[start:stop], bias[start:stop], block)
        higher = max(top, highest(block))
        exp_in_place(block, higher)
        s = s * exp(top - higher) + total(block)
        top = higher
    return top + math.log(s)


@loop
def _load(z, bias, into):
    if bias.size:
        for j in range(into.size):
            into[j] = z[j] + bias[j]
    else:
        for j in range(into.size):
            into[j] = z[j]


@spread_loop
def weighted_gradient(z, bias, totals, targets, weights):
    for r in numba.prange(len(z)):
        if bias.size:
            _load(z[r], bias, z[r])
        exp_in_place(z[r], totals[r])
        z[r] *= weights[r]
        z[r, targets[r]] -= weights[r]
