"""NumPy's own BLAS for compiled code: one matrix product, cut into a part for each thread.

NumPy's wheels bring OpenBLAS.  Its ``cblas_?gemm`` is called here with the leading dimensions spelled out, so a part of
a matrix or of its transpose is passed as it lies, without a copy, and with one thread of its own a part, so that its
workers never compete with those of the compiled loops.  Where NumPy came with another BLAS, NumPy multiplies.
"""
import ctypes

import llvmlite.ir as ir
import numba
import numpy as np
from numba import types
from numba.extending import intrinsic
from threadpoolctl import ThreadpoolController

from tsuzuri.kernels.compiled.row import one_row
from tsuzuri.kernels.compiled.vector import parallel_loop

_ROW_MAJOR, _NO_TRANS, _TRANS = 101, 111, 112                # CBLAS's own numbers


def _find_openblas():
    """The library that NumPy loaded, and what its names begin with; None where it is not an OpenBLAS with 64-bit sizes."""
    for found in ThreadpoolController().lib_controllers:
        if found.internal_api == "openblas" and "numpy" in found.filepath:
            for prefix in ("scipy_", ""):
                if hasattr(found.dynlib, f"{prefix}cblas_sgemm64_"):
                    return found.dynlib, prefix
    return None, ""


_library, _prefix = _find_openblas()
if _library:
    _get_threads = getattr(_library, f"{_prefix}openblas_get_num_threads64_")
    _set_threads = getattr(_library, f"{_prefix}openblas_set_num_threads64_")
    _ADDRESS = {np.dtype(dtype): ctypes.cast(getattr(_library, f"{_prefix}cblas_{name}64_"), ctypes.c_void_p).value
                for dtype, name in ((np.float32, "sgemm"), (np.float64, "dgemm"))}


def available() -> bool:
    """Was NumPy's OpenBLAS found?"""
    return _library is not None


def product_into(out, a, b):
    """out (M, N) = a (M, K) @ b (K, N)."""
    if len(a) == 1:
        one_row(out[0], np.ascontiguousarray(a[0]), b)
        return
    if not _library:
        np.matmul(a, b, out=out)
        return
    a, a_turned, a_step = _as_blas(a)
    b, b_turned, b_step = _as_blas(b)
    before = _get_threads()
    _set_threads(1)
    try:
        _parts(_ADDRESS[out.dtype], out, a.ctypes.data, b.ctypes.data, a.shape[1], a_turned, b_turned, a_step, b_step,
               numba.get_num_threads())
    finally:
        _set_threads(before)


def _as_blas(m):
    """A matrix as BLAS takes it: (the array, does it lie transposed?, elements from one line to the next)."""
    item = m.itemsize
    if m.strides[1] == item and m.strides[0] % item == 0 and m.strides[0] >= m.shape[1] * item:
        return m, False, m.strides[0] // item
    if m.strides[0] == item and m.strides[1] % item == 0 and m.strides[1] >= m.shape[0] * item:
        return m, True, m.strides[1] // item
    m = np.ascontiguousarray(m)
    return m, False, max(m.shape[1], 1)


@parallel_loop
def _parts(address, out, at_a, at_b, K, a_turned, b_turned, a_step, b_step, threads):
    """Addresses, not arrays: this is compiled once, not once for every pair of layouts."""
    M, N = out.shape
    size, by_rows = out.itemsize, M >= N
    for k in numba.prange(threads):
        low, high = (M if by_rows else N) * k // threads, (M if by_rows else N) * (k + 1) // threads
        if high > low:
            row, column = (low, 0) if by_rows else (0, low)
            _gemm(address, a_turned, b_turned, high - low if by_rows else M, N if by_rows else high - low, K,
                  out.dtype.type(1), at_a + size * row * (1 if a_turned else a_step), a_step,
                  at_b + size * column * (b_step if b_turned else 1), b_step,
                  out.dtype.type(0), out.ctypes.data + size * (row * N + column), N)


@intrinsic
def _gemm(typingctx, address, a_turned, b_turned, m, n, k, alpha, a, lda, b, ldb, beta, c, ldc):
    """Call the cblas_?gemm at ``address`` in row-major order; a, b and c are addresses."""
    def codegen(context, builder, signature, args):
        enum, size, real = ir.IntType(32), ir.IntType(64), context.get_value_type(alpha)
        whole = [context.cast(builder, value, kind, types.int64) if isinstance(kind, types.Integer) else value
                 for value, kind in zip(args, signature.args, strict=True)]
        turned = [builder.select(builder.trunc(flag, ir.IntType(1)), enum(_TRANS), enum(_NO_TRANS)) for flag in args[1:3]]
        kinds = [enum] * 3 + [size] * 3 + [real] + [size] * 4 + [real] + [size] * 2
        function = builder.inttoptr(whole[0], ir.FunctionType(ir.VoidType(), kinds).as_pointer())
        builder.call(function, [enum(_ROW_MAJOR), *turned, *whole[3:]])
        return context.get_dummy_value()

    return types.void(address, a_turned, b_turned, m, n, k, alpha, a, lda, b, ldb, beta, c, ldc), codegen
