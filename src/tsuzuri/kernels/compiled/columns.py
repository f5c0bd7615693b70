"""Sums down the columns, compiled: each thread takes a strip of columns and walks the rows."""
import numba
import numpy as np

from tsuzuri.kernels.compiled.vector import loop, spread_loop

STRIP = 2048                                                 # columns whose sums stay in the first-level cache


@spread_loop
def column_sums(a):
    N = a.shape[1]
    sums = np.zeros(N, a.dtype)
    for strip in numba.prange(-(-N // STRIP)):
        low, high = strip * STRIP, min(N, (strip + 1) * STRIP)
        _walk(a, low, high, sums[low:high])
    return sums


@loop
def _walk(a, low, high, sums):
    for m in range(len(a)):
        row = a[m, low:high]
        for j in range(sums.size):
            sums[j] += row[j]
