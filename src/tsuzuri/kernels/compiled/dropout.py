"""The dropout mask of ``kernels.dropout``, compiled: the same hash, so the same mask to the bit."""
import numba
import numpy as np

from tsuzuri import memory
from tsuzuri.kernels.compiled.splitmix import GOLDEN, mix
from tsuzuri.kernels.compiled.vector import loop, small, spread_loop

BLOCK = 16384


def keep_or_drop(x, p, key):
    y = memory.empty(x.shape, x.dtype)
    _keep_or_drop(x, *mask_of(x, p, key), y)
    return y


@spread_loop
def _keep_or_drop(x, scale, threshold, key, y):
    for block in numba.prange(-(-x.size // BLOCK)):
        part = slice(block * BLOCK, (block + 1) * BLOCK)
        _block(x[part], scale, threshold, key + np.uint64(block * BLOCK) * GOLDEN, y[part])


@loop
def _block(x, scale, threshold, key, y):
    for k in range(x.size):
        y[k] = x[k] * factor(k, scale, threshold, key)


def mask_of(x, p, key):
    """What ``factor`` needs, in the types it needs them."""
    return x.dtype.type(1 / (1 - p)), np.uint64(round(p * 2 ** 24)), np.uint64(key)


@small
def factor(k, scale, threshold, key):
    """The mask at element k after ``key``: ``scale`` or zero."""
    return scale if mix(np.uint64(k + 1) * GOLDEN + key) >> np.uint64(40) >= threshold else scale - scale
