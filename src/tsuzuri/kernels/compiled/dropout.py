"""The dropout mask of ``kernels.dropout``, compiled: the same hash, so the same mask to the bit."""
import numba
import numpy as np

from tsuzuri import memory
from tsuzuri.kernels.compiled.vector import spread_loop

_GOLDEN, _MIX1, _MIX2 = np.uint64(0x9E3779B97F4A7C15), np.uint64(0xBF58476D1CE4E5B9), np.uint64(0x94D049BB133111EB)
BLOCK = 16384


def keep_or_drop(x, p, key):
    y = memory.empty(x.shape, x.dtype)
    _keep_or_drop(x, x.dtype.type(1 / (1 - p)), np.uint64(round(p * 2 ** 24)), np.uint64(key), y)
    return y


@spread_loop
def _keep_or_drop(x, scale, threshold, key, y):
    zero = scale - scale
    for block in numba.prange(-(-x.size // BLOCK)):
        for k in range(block * BLOCK, min(x.size, (block + 1) * BLOCK)):
            z = np.uint64(k + 1) * _GOLDEN + key
            z = (z ^ (z >> np.uint64(30))) * _MIX1
            z = (z ^ (z >> np.uint64(27))) * _MIX2
            keep = ((z ^ (z >> np.uint64(31))) >> np.uint64(40)) >= threshold
            y[k] = x[k] * (scale if keep else zero)
