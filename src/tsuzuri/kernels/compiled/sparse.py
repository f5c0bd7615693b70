"""A sparse matrix times a dense one, compiled: a row of the result is one thread's, so their number changes nothing."""
import numba
import numpy as np

from tsuzuri.kernels.compiled.vector import loop, parallel_loop

STRIPS = 256                     # a strip is every 256th row: the rows of frequent words are long and come first


@parallel_loop
def sparse_product(data, columns, indptr, x):
    y = np.zeros((indptr.size - 1, x.shape[1]), x.dtype)
    for strip in numba.prange(STRIPS):
        for r in range(strip, len(y), STRIPS):
            _add_rows(data[indptr[r]:indptr[r + 1]], columns[indptr[r]:indptr[r + 1]], x, y[r])
    return y


@loop
def _add_rows(data, columns, x, y):
    for k in range(data.size):
        factor, row = data[k], x[columns[k]]
        for j in range(y.size):
            y[j] += factor * row[j]
