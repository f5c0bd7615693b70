"""One row times a large matrix, compiled: each thread takes a strip of the columns.

Every weight is read for a single multiplication, so the time is that of reading the matrix, and two cores read faster
than one.
"""
import numba

from tsuzuri.kernels.compiled.vector import any_order, loop, parallel_loop


def one_row(out, x, W):
    """out (N) = x (K) @ W (K, N); W may be a transposed view."""
    if W.flags.f_contiguous and not W.flags.c_contiguous:
        _dots(out, x, W.T, numba.get_num_threads())
    else:
        _strips(out, x, W, numba.get_num_threads())


@parallel_loop
def _strips(out, x, W, threads):
    N = out.size
    for k in numba.prange(threads):
        low, high = N * k // threads, N * (k + 1) // threads
        _strip(out[low:high], x, W, low, high)


@loop
def _strip(out, x, W, low, high):
    out[:] = 0
    paired = x.size // 4 * 4
    for k in range(0, paired, 4):
        a, b, c, d = W[k, low:high], W[k + 1, low:high], W[k + 2, low:high], W[k + 3, low:high]
        for j in range(out.size):
            out[j] += (x[k] * a[j] + x[k + 1] * b[j]) + (x[k + 2] * c[j] + x[k + 3] * d[j])
    for k in range(paired, x.size):
        a = W[k, low:high]
        for j in range(out.size):
            out[j] += x[k] * a[j]


@parallel_loop
def _dots(out, x, rows, threads):
    N = out.size
    for k in numba.prange(threads):
        for j in range(N * k // threads, N * (k + 1) // threads):
            out[j] = _dot(x, rows[j])


@any_order
def _dot(x, y):
    s = x.dtype.type(0)
    for k in range(x.size):
        s += x[k] * y[k]
    return s
