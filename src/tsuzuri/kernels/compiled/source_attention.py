"""The loops of ``kernels.source_attention``, compiled: each thread takes heads of rows, and BLAS multiplies inside.

Queries, keys, values and their gradients are handed to BLAS where they lie, by address and by the steps from row to row, so
that heads side by side or arrays laid out by time need no copy, and one machine code serves all layouts.  Every product ends
at the row's own length.  Where NumPy brought another BLAS the plain loops run.
"""
import numba
import numpy as np
from numba import types
from numba.core import cgutils
from numba.extending import intrinsic

from tsuzuri.kernels import source_attention as plain
from tsuzuri.kernels.compiled import blas
from tsuzuri.kernels.compiled.blas import AS_IT_IS, ROW_MAJOR, TURNED, call_blas, one_blas_thread
from tsuzuri.kernels.compiled.softmax import softmax_in_place
from tsuzuri.kernels.compiled.vector import dot, loop, parallel_loop

SMALL = 1 << 18                                              # multiplications, 20 to 60 us of work, that one thread does sooner than two


def source_attention(q, k, v, lengths, scale, out, weights):
    if not blas.available():
        plain.source_attention.plain(q, k, v, lengths, scale, out, weights)
        return
    dtype, D = out.dtype, q.shape[2] // weights.shape[1]
    (q, at_q), (k, at_k), (v, at_v) = (placed(x, dtype) for x in (q, k, v))
    given = (out, weights, lengths.astype(np.int64, copy=False), at_q, at_k, at_v, D, dtype.type(scale), blas.GEMM[dtype], blas.GEMV[dtype])
    with one_blas_thread():
        if weights.size * D < SMALL:
            look(*given, 0, 1)
        else:
            _look_all(*given, numba.get_num_threads())


def source_attention_back(q, k, v, lengths, scale, weights, dout, dweights, dq, dk, dv):
    if not blas.available():
        plain.source_attention_back.plain(q, k, v, lengths, scale, weights, dout, dweights, dq, dk, dv)
        return
    dtype, D, E = weights.dtype, q.shape[2] // weights.shape[1], v.shape[2] // weights.shape[1]
    (q, at_q), (k, at_k), (v, at_v) = (placed(x, dtype) for x in (q, k, v))
    dout, at_do = placed(dout, dtype)
    dweights = weights[:0] if dweights is None else np.ascontiguousarray(dweights, dtype)
    grads = tuple(placed(d, dtype)[1] for d in (dq, dk, dv))
    given = (weights, lengths.astype(np.int64, copy=False), at_q, at_k, at_v, at_do, dweights, *grads,
             D, E, dtype.type(scale), blas.GEMM[dtype])
    with one_blas_thread():
        if weights.size * D < SMALL:
            _look_back(*given, 0, 1)
        else:
            _look_all_back(*given, numba.get_num_threads())


def placed(x, dtype):
    """x (N, T, W), copied where BLAS could not read it, and where it lies: address, elements from row to row and from step to step."""
    (_, T, W), (row, step, one), size = x.shape, x.strides, dtype.itemsize
    if x.dtype != dtype or row % size or (W > 1 and one != size) or (T > 1 and (step % size or step < W * size)):
        x = np.array(x, dtype, order="C")
        row, step, one = x.strides
    return x, (_address(x), row // size, step // size if T > 1 else W)


@loop
def _address(x):
    """A quarter of the time that ``x.ctypes.data`` takes outside compiled code."""
    return x.ctypes.data


@intrinsic
def _pointer(typingctx, address):
    """A number as the address that it is."""
    def codegen(context, builder, signature, args):
        return builder.inttoptr(args[0], cgutils.voidptr_t)

    return types.voidptr(types.int64), codegen


@parallel_loop
def _look_all(out, weights, lengths, at_q, at_k, at_v, D, scale, gemm, gemv, threads):
    for part in numba.prange(threads):
        look(out, weights, lengths, at_q, at_k, at_v, D, scale, gemm, gemv, part, threads)


@loop
def look(out, weights, lengths, at_q, at_k, at_v, D, scale, gemm, gemv, first, step):
    """Every ``step``-th head of a row from ``first`` on."""
    N, K, T, S = weights.shape
    E, size, one, zero = out.shape[2] // K, out.itemsize, out.dtype.type(1), out.dtype.type(0)
    for head in range(first, N * K, step):
        n, h = head // K, head % K
        seen, p, o = max(min(lengths[n], S), 0), weights[n, h], out[n, :, h * E:(h + 1) * E]
        q, k, v = _place(at_q, n, h * D, size), _place(at_k, n, h * D, size), _place(at_v, n, h * E, size)
        at_p, at_o = p.ctypes.data, o.ctypes.data
        if seen == 0 or T == 1:
            p[:] = 0
            o[:] = 0
        if seen > 0 and T == 1:
            call_blas(gemv, (ROW_MAJOR, AS_IT_IS, seen, D, scale, k, at_k[2], q, 1, zero, at_p, 1))
            softmax_in_place(p[0], seen)
            call_blas(gemv, (ROW_MAJOR, TURNED, seen, E, one, v, at_v[2], at_p, 1, zero, at_o, 1))
        elif seen > 0:
            call_blas(gemm, (ROW_MAJOR, AS_IT_IS, TURNED, T, seen, D, scale, q, at_q[2], k, at_k[2], zero, at_p, S))
            for t in range(T):
                softmax_in_place(p[t], seen)
            call_blas(gemm, (ROW_MAJOR, AS_IT_IS, AS_IT_IS, T, E, seen, one, at_p, S, v, at_v[2], zero, at_o, K * E))


@loop
def _place(at, n, column, size):
    """The address of element ``column`` of the first step of row n."""
    return at[0] + size * (n * at[1] + column)


@parallel_loop
def _look_all_back(weights, lengths, at_q, at_k, at_v, at_do, dweights, at_dq, at_dk, at_dv, D, E, scale, gemm, threads):
    for part in numba.prange(threads):
        _look_back(weights, lengths, at_q, at_k, at_v, at_do, dweights, at_dq, at_dk, at_dv, D, E, scale, gemm, part, threads)


@loop
def _look_back(weights, lengths, at_q, at_k, at_v, at_do, dweights, at_dq, at_dk, at_dv, D, E, scale, gemm, first, step):
    """Every ``step``-th head of a row from ``first`` on; ``dweights`` without rows: none."""
    N, K, T, S = weights.shape
    size, one, zero = weights.itemsize, weights.dtype.type(1), weights.dtype.type(0)
    ds = np.empty((T, S), weights.dtype)
    at_ds = ds.ctypes.data
    for head in range(first, N * K, step):
        n, h = head // K, head % K
        seen, p = max(min(lengths[n], S), 0) if T else 0, weights[n, h]
        q, k, v = _place(at_q, n, h * D, size), _place(at_k, n, h * D, size), _place(at_v, n, h * E, size)
        dq, dk, dv = _place(at_dq, n, h * D, size), _place(at_dk, n, h * D, size), _place(at_dv, n, h * E, size)
        do = _place(at_do, n, h * E, size)
        _clear(dk + size * seen * at_dk[2], at_dk[2], S - seen, D, ds)
        _clear(dv + size * seen * at_dv[2], at_dv[2], S - seen, E, ds)
        if seen == 0:
            _clear(dq, at_dq[2], T, D, ds)
            continue
        call_blas(gemm, (ROW_MAJOR, AS_IT_IS, TURNED, T, seen, E, one, do, at_do[2], v, at_v[2], zero, at_ds, S))
        for t in range(T):
            if len(dweights):
                ds[t, :seen] += dweights[n, h, t, :seen]
            _softmax_back(p[t, :seen], ds[t, :seen], scale)
        call_blas(gemm, (ROW_MAJOR, TURNED, AS_IT_IS, seen, E, T, one, p.ctypes.data, S, do, at_do[2], zero, dv, at_dv[2]))
        call_blas(gemm, (ROW_MAJOR, TURNED, AS_IT_IS, seen, D, T, one, at_ds, S, q, at_q[2], zero, dk, at_dk[2]))
        call_blas(gemm, (ROW_MAJOR, AS_IT_IS, AS_IT_IS, T, D, seen, one, at_ds, S, k, at_k[2], zero, dq, at_dq[2]))


@loop
def _clear(at, step, rows, columns, like):
    """Zeros in some rows of a matrix that lies at an address."""
    for r in range(rows):
        numba.carray(_pointer(at + like.itemsize * r * step), (columns,), like.dtype)[:] = 0


@loop
def _softmax_back(p, d, scale):
    """d, the gradient by the weights p, becomes that by the scores before their scale: through softmax, times ``scale``."""
    along = dot(p, d)
    for j in range(p.size):
        d[j] = p[j] * (d[j] - along) * scale
