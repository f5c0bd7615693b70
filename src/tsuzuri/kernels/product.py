"""Matrix products of any size on all threads: a @ b.

The plain version is the array module's own product.  The compiled twin cuts a large product into one part a thread
and leaves each part to BLAS, so that products and compiled loops share one pool of threads
(docs/decisions/0004-threads.md).
"""
from tsuzuri.array import empty
from tsuzuri.kernels.inner import inner

SMALL = 2_000_000                                            # multiplications below which cutting up costs more than it saves
SMALL_ROW = 300_000                                          # the same for one row, which reads each weight for one multiplication
ALONE, ALONE_ROW = 1 << 18, 9216                             # multiplications up to which OpenBLAS wakes no threads of its own


def matmul(a, b):
    """a (M, K), b (K, N), either of them possibly a transposed view -> (M, N) in C order.

    BLAS reads both as numbers of one float type; where they are not, the array module's own product converts them.
    """
    rows, depth = a.shape
    if rows * depth * b.shape[1] < (ALONE_ROW if rows == 1 else ALONE) or a.dtype != b.dtype or a.dtype.kind != "f":
        return a @ b
    out = empty(a, (a.shape[0], b.shape[1]))
    product_into(out, a, b)
    return out


def matmul_like(a, b, layout):
    """a @ b laid out in memory as the matrix ``layout`` is: an optimiser then walks both in the same order."""
    if layout.flags.c_contiguous or not layout.flags.f_contiguous:
        return matmul(a, b)
    return matmul(b.T, a.T).T


@inner
def product_into(out, a, b):
    """out (M, N) = a (M, K) @ b (K, N)."""
    out[:] = a @ b


@inner
def column_sums(a):
    """a (M, N) -> the sum of each column (N)."""
    return a.sum(0)
