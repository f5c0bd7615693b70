"""The dropout mask of ``kernels.dropout``, compiled: the same hash, so the same mask to the bit."""
import numba
import numpy as np

from tsuzuri import memory
from tsuzuri.kernels.compiled.vector import loop, spread_loop

GOLDEN, MIX1, MIX2 = np.uint64(0x9E3779B97F4A7C15), np.uint64(0xBF58476D1CE4E5B9), np.uint64(0x94D049BB133111EB)
BLOCK = 16384


def keep_or_drop(x, p, key):
    y = memory.empty(x.shape, x.dtype)
    _keep_or_drop(x, x.dtype.type(1 / (1 - p)), np.uint64(round(p * 2 ** 24)), np.uint64(key), y)
    return y


@spread_loop
def _keep_or_drop(x, scale, threshold, key, y):
    for block in numba.prange(-(-x.size // BLOCK)):
        part = slice(block * BLOCK, (block + 1) * BLOCK)
        _block(x[part], scale, threshold, key + np.uint64(block * BLOCK) * GOLDEN, y[part])


@loop
def _block(x, scale, threshold, key, y):
    zero = scale - scale
    for k in range(x.size):
        z = np.uint64(k + 1) * GOLDEN + key
        z = (z ^ (z >> np.uint64(30))) * MIX1
        z = (z ^ (z >> np.uint64(27))) * MIX2
        keep = ((z ^ (z >> np.uint64(31))) >> np.uint64(40)) >= threshold
        y[k] = x[k] * (scale if keep else zero)
