"""NumPy's own BLAS for compiled code: one matrix product, cut into a part for each thread.

NumPy's wheels bring OpenBLAS.  Its ``cblas_?gemm`` is called here with the leading dimensions spelled out, so a part of
a matrix or of its transpose is passed as it lies, without a copy, and with one thread of its own a part, so that its
workers never compete with those of the compiled loops.  Where NumPy came with another BLAS, NumPy multiplies.
"""
import ctypes
import threading

import llvmlite.ir as ir
import numba
import numpy as np
from numba import types
from numba.core import cgutils
from numba.extending import intrinsic
from threadpoolctl import ThreadpoolController

from tsuzuri.kernels.compiled.vector import loop, parallel_loop
from tsuzuri.kernels.product import SMALL, SMALL_ROW

ROW_MAJOR, AS_IT_IS, TURNED = np.int32(101), np.int32(111), np.int32(112)       # CBLAS's own numbers


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
    get_blas_threads = getattr(_library, f"{_prefix}openblas_get_num_threads64_")
    set_blas_threads = getattr(_library, f"{_prefix}openblas_set_num_threads64_")
    GEMM, GEMV = ({np.dtype(dtype): ctypes.cast(getattr(_library, f"{_prefix}cblas_{letter}{name}64_"), ctypes.c_void_p).value
                     for dtype, letter in ((np.float32, "s"), (np.float64, "d"))} for name in ("gemm", "gemv"))


def available() -> bool:
    """Was NumPy's OpenBLAS found?"""
    return _library is not None


class _OneThread:
    """Counts the blocks that are open, in all threads of ours: BLAS has one number of threads for the whole process."""

    def __init__(self):
        self.lock, self.open, self.before = threading.Lock(), 0, 0

    def __enter__(self):
        with self.lock:
            if not self.open:
                self.before = get_blas_threads()
                set_blas_threads(1)
            self.open += 1

    def __exit__(self, *error):
        with self.lock:
            self.open -= 1
            if not self.open:
                set_blas_threads(self.before)


_one_thread = _OneThread()


def one_blas_thread():
    """Within the block BLAS works on the thread that calls it; of several blocks at a time the last to end sets that back."""
    return _one_thread


def product_into(out, a, b):
    """out (M, N) = a (M, K) @ b (K, N)."""
    if not _library:
        np.matmul(a, b, out=out)
        return
    if out.size * a.shape[1] < (SMALL_ROW if len(out) == 1 else SMALL):
        with one_blas_thread():
            np.matmul(a, b, out=out)
        return
    a, a_turned, a_step = as_blas(a)
    b, b_turned, b_step = as_blas(b)
    with one_blas_thread():
        if len(out) == 1 and not a_turned:
            _one_row(GEMV[out.dtype], out, a.ctypes.data, b.ctypes.data, len(b), b_turned, b_step, numba.get_num_threads())
        else:
            _parts(GEMM[out.dtype], out, a.ctypes.data, b.ctypes.data, len(b), a_turned, b_turned, a_step, b_step,
                   numba.get_num_threads())


def as_blas(m):
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
    one, zero = out.dtype.type(1), out.dtype.type(0)
    for k in numba.prange(threads):
        low, high = (M if by_rows else N) * k // threads, (M if by_rows else N) * (k + 1) // threads
        if high > low:
            row, column = (low, 0) if by_rows else (0, low)
            rows, columns = (high - low, N) if by_rows else (M, high - low)
            call_blas(address, (ROW_MAJOR, TURNED if a_turned else AS_IT_IS, TURNED if b_turned else AS_IT_IS, rows, columns, K,
                            one, at_a + size * row * (1 if a_turned else a_step), a_step,
                            at_b + size * column * (b_step if b_turned else 1), b_step,
                            zero, out.ctypes.data + size * (row * N + column), N))


@parallel_loop
def _one_row(address, out, at_a, at_b, K, b_turned, b_step, threads):
    """A matrix is read once for one row, and two cores read faster than one."""
    N, size = out.size, out.itemsize
    one, zero = out.dtype.type(1), out.dtype.type(0)
    for k in numba.prange(threads):
        low, high = N * k // threads, N * (k + 1) // threads
        if high > low:
            part, rows, columns = (b_step, high - low, K) if b_turned else (1, K, high - low)
            call_blas(address, (ROW_MAJOR, AS_IT_IS if b_turned else TURNED, rows, columns, one, at_b + size * low * part, b_step,
                            at_a, 1, zero, out.ctypes.data + size * low, 1))


@intrinsic
def call_blas(typingctx, address, arguments):
    """Call the C function at ``address``.  int32 goes as an enumeration, int64 as a size or an address, a real by value."""
    def codegen(context, builder, signature, args):
        values = [context.cast(builder, value, kind, types.int64) if isinstance(kind, types.Integer) and kind.bitwidth != 32
                  else value for value, kind in zip(cgutils.unpack_tuple(builder, args[1]), arguments.types, strict=True)]
        kind = ir.FunctionType(ir.VoidType(), [value.type for value in values])
        builder.call(builder.inttoptr(args[0], kind.as_pointer()), values)
        return context.get_dummy_value()

    return types.void(address, arguments), codegen


@loop
def times_part(x, W, column, columns, y, gemv):
    """y (columns) = x (R) @ W (R, ...) from ``column`` on."""
    one, zero = x.dtype.type(1), x.dtype.type(0)
    if x.size == 0 or columns == 0:
        y[:] = zero
        return
    call_blas(gemv, (ROW_MAJOR, TURNED, x.size, columns, one, W.ctypes.data + W.itemsize * column, W.shape[1],
                 x.ctypes.data, 1, zero, y.ctypes.data, 1))
