"""Sums down the columns, compiled: each thread takes a strip of columns and walks the rows."""
import numba
import numpy as np

from tsuzuri.kernels.compiled.vector import parallel_loop

STRIP = 512                                                  # columns whose sums stay in the first-level cache


@parallel_loop
def column_sums(a):
    M, N = a.shape
    sums = np.zeros(N, a.dtype)
    for strip in numba.prange(-(-N // STRIP)):
        low, high = strip * STRIP, min(N, (strip + 1) * STRIP)
        for m in range(M):
            for j in range(low, high):
                sums[j] += a[m, j]
    return sums
