"""BLAS for compiled code: one matrix product, cut into a part for each thread.

SciPy hands out the addresses of its BLAS functions.  They are called here with the leading dimensions spelled out, so
that a part of a matrix or its transpose is passed as it lies, without a copy.  BLAS itself is held to one thread.
"""
import llvmlite.ir as ir
import numba
import numpy as np
import scipy.linalg.cython_blas                              # loads SciPy's BLAS  # noqa: F401
from numba import types
from numba.core import cgutils
from numba.extending import get_cython_function_address, intrinsic
from threadpoolctl import ThreadpoolController

from tsuzuri.kernels.compiled.vector import parallel_loop

_ADDRESS = {np.dtype(np.float32): get_cython_function_address("scipy.linalg.cython_blas", "sgemm"),
            np.dtype(np.float64): get_cython_function_address("scipy.linalg.cython_blas", "dgemm")}

for _library in ThreadpoolController().lib_controllers:
    if _library.user_api == "blas" and "scipy" in (_library.filepath or "").rsplit("/", 2)[-2]:
        _library.set_num_threads(1)


def product_into(out, a, b):
    """out (M, N) = a (M, K) @ b (K, N).  BLAS counts in columns, so it is given out^T = b^T a^T."""
    a, a_flag, a_step = _as_blas(a)
    b, b_flag, b_step = _as_blas(b)
    _parts(_ADDRESS[out.dtype], out, a, b, a_flag, b_flag, a_step, b_step, numba.get_num_threads())


def _as_blas(m):
    """A matrix as BLAS takes it: (array in memory, is it transposed?, elements from one line to the next)."""
    item = m.itemsize
    if m.strides[1] == item and m.strides[0] % item == 0 and m.strides[0] >= m.shape[1] * item:
        return m, False, m.strides[0] // item
    if m.strides[0] == item and m.strides[1] % item == 0 and m.strides[1] >= m.shape[0] * item:
        return m, True, m.strides[1] // item
    m = np.ascontiguousarray(m)
    return m, False, max(m.shape[1], 1)


@parallel_loop
def _parts(address, out, a, b, a_transposed, b_transposed, a_step, b_step, threads):
    M, N = out.shape
    K, size = a.shape[1], out.itemsize
    by_rows = M >= N
    for k in numba.prange(threads):
        low, high = (M if by_rows else N) * k // threads, (M if by_rows else N) * (k + 1) // threads
        if high > low:
            r, c = (low, 0) if by_rows else (0, low)
            rows, columns = (high - low, N) if by_rows else (M, high - low)
            at_a = a.ctypes.data + size * r * (1 if a_transposed else a_step)
            at_b = b.ctypes.data + size * c * (b_step if b_transposed else 1)
            _gemm(address, ord("T") if b_transposed else ord("N"), ord("T") if a_transposed else ord("N"),
                  columns, rows, K, out.dtype.type(1), at_b, b_step, at_a, a_step,
                  out.dtype.type(0), out.ctypes.data + size * (r * N + c), N)


@intrinsic
def _gemm(typingctx, address, ta, tb, m, n, k, alpha, a, lda, b, ldb, beta, c, ldc):
    """Call the Fortran ?gemm at ``address``; every argument goes by reference, a, b and c are addresses already."""
    def codegen(context, builder, signature, args):
        char, integer, word = ir.IntType(8), ir.IntType(32), ir.IntType(64)
        real = context.get_value_type(alpha)
        kinds = [char, char, integer, integer, integer, real, None, integer, None, integer, real, None, integer]
        pointers = []
        for kind, value, source in zip(kinds, args[1:], signature.args[1:], strict=True):
            if kind is None:
                pointers.append(builder.inttoptr(value, char.as_pointer()))
                continue
            if kind is not real:
                value = builder.trunc(context.cast(builder, value, source, types.int64), kind)
            pointers.append(builder.bitcast(cgutils.alloca_once_value(builder, value), char.as_pointer()))
        kind = ir.FunctionType(ir.VoidType(), [char.as_pointer()] * len(pointers))
        builder.call(builder.inttoptr(context.cast(builder, args[0], signature.args[0], types.int64),
                                      kind.as_pointer()), pointers)
        return context.get_dummy_value()

    return types.void(address, ta, tb, m, n, k, alpha, a, lda, b, ldb, beta, c, ldc), codegen
