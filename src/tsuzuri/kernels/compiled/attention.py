"""The blocks of ``kernels.attention``, compiled: each thread takes heads of rows, and BLAS multiplies inside.

A head's queries and keys are laid out side by side first, turned on the way and the queries scaled; values, outputs and
their gradients are handed to BLAS where they lie.  Where NumPy brought another BLAS the plain loops run.
"""
import math

import numba
import numpy as np

from tsuzuri.kernels import attention
from tsuzuri.kernels.compiled import blas
from tsuzuri.kernels.compiled.blas import AS_IT_IS, ROW_MAJOR, TURNED, call_blas, one_blas_thread
from tsuzuri.kernels.compiled.softmax import exp_in_place, highest, total
from tsuzuri.kernels.compiled.vector import dot, loop, parallel_loop, spread_loop

BLOCK = attention.BLOCK


def causal_attention(qkv, cos, sin, out, lse):
    if not blas.available():
        attention.causal_attention.plain(qkv, cos, sin, out, lse)
        return
    with one_blas_thread():
        _forward(qkv, cos, sin, out, lse, blas.GEMM[qkv.dtype], numba.get_num_threads())


def causal_attention_back(qkv, cos, sin, out, lse, dout, dqkv):
    if not blas.available():
        attention.causal_attention_back.plain(qkv, cos, sin, out, lse, dout, dqkv)
        return
    with one_blas_thread():
        _backward(qkv, cos, sin, out, lse, dout, dqkv, blas.GEMM[qkv.dtype], numba.get_num_threads())


def cached_attention(qkv, cos, sin, keys, values, first, out):
    if not blas.available():
        attention.cached_attention.plain(qkv, cos, sin, keys, values, first, out)
        return
    now = slice(first, first + qkv.shape[1])
    with one_blas_thread():
        _cached(qkv, cos[now], sin[now], keys, values, first, out, blas.GEMM[qkv.dtype], numba.get_num_threads())


@spread_loop
def _forward(qkv, cos, sin, out, lse, address, threads):
    N, T, width = qkv.shape
    K, H, size, real = lse.shape[1], width // 3, qkv.itemsize, qkv.dtype.type
    D = H // K
    for part in numba.prange(threads):
        q, k = np.empty((T, D), qkv.dtype), np.empty((T, D), qkv.dtype)
        scores = np.empty((min(BLOCK, T), T), qkv.dtype)
        for head in range(part, N * K, threads):
            n, column = head // K, head % K * D
            lay_out(qkv[n], column, cos, sin, real(1 / math.sqrt(D)), q)
            lay_out(qkv[n], H + column, cos, sin, real(1), k)
            attend(q, k, 0, qkv.ctypes.data + size * (n * T * width + 2 * H + column), width,
                    out.ctypes.data + size * (n * T * H + column), H, scores, lse[n, head % K], address)


@parallel_loop
def _cached(qkv, cos, sin, keys, values, first, out, address, threads):
    N, M, width = qkv.shape
    K, D, size, real = keys.shape[1], keys.shape[3], qkv.itemsize, qkv.dtype.type
    H, context = width // 3, keys.shape[2]
    for part in numba.prange(threads):
        q, lse = np.empty((M, D), qkv.dtype), np.empty(M, qkv.dtype)
        scores = np.empty((min(BLOCK, M), first + M), qkv.dtype)
        for head in range(part, N * K, threads):
            n, h = head // K, head % K
            lay_out(qkv[n], h * D, cos, sin, real(1 / math.sqrt(D)), q)
            lay_out(qkv[n], H + h * D, cos, sin, real(1), keys[n, h, first:first + M])
            lay_out(qkv[n], 2 * H + h * D, cos[:0], sin[:0], real(1), values[n, h, first:first + M])
            attend(q, keys[n, h], first, values.ctypes.data + size * head * context * D, D,
                    out.ctypes.data + size * (n * M * H + h * D), H, scores, lse, address)


@loop
def lay_out(x, column, cos, sin, factor, to):
    """to (T, D) = the columns of x (T, 3H) that begin at ``column``, times ``factor`` and turned."""
    T, D = to.shape
    half = D // 2
    for t in range(T):
        row, y = x[t, column:column + D], to[t]
        if cos.shape[0] == 0:
            for j in range(D):
                y[j] = row[j] * factor
            continue
        a, b, c, s, low, high = row[:half], row[half:], cos[t], sin[t], y[:half], y[half:]
        for j in range(half):
            low[j] = (a[j] * c[j] - b[j] * s[j]) * factor
            high[j] = (a[j] * s[j] + b[j] * c[j]) * factor


@loop
def _put_back(dx, column, cos, sin, factor, to):
    """The columns of to (T, 3H) that begin at ``column`` = dx (T, D) times ``factor``, turned back."""
    T, D = dx.shape
    half = D // 2
    for t in range(T):
        d, y = dx[t], to[t, column:column + D]
        if cos.shape[0] == 0:
            for j in range(D):
                y[j] = d[j] * factor
            continue
        a, b, c, s, low, high = d[:half], d[half:], cos[t], sin[t], y[:half], y[half:]
        for j in range(half):
            low[j] = (a[j] * c[j] + b[j] * s[j]) * factor
            high[j] = (b[j] * c[j] - a[j] * s[j]) * factor


@loop
def attend(q, k, first, at_v, v_step, at_out, out_step, scores, lse, address):
    """One head: q (M, D) scaled, k (at least first + M, D), values and outputs by address and step from row to row."""
    M, D = q.shape
    size, step, one, zero = q.itemsize, scores.shape[1], q.dtype.type(1), q.dtype.type(0)
    for low in range(0, M, BLOCK):
        rows = min(BLOCK, M - low)
        keys = first + low + rows
        call_blas(address, (ROW_MAJOR, AS_IT_IS, TURNED, rows, keys, D, one, q.ctypes.data + size * low * D, D,
                        k.ctypes.data, D, zero, scores.ctypes.data, step))
        for r in range(rows):
            lse[low + r] = _softmax_row(scores[r, :keys], first + low + r + 1)
        call_blas(address, (ROW_MAJOR, AS_IT_IS, AS_IT_IS, rows, D, keys, one, scores.ctypes.data, step, at_v, v_step,
                        zero, at_out + size * low * out_step, out_step))


@loop
def _softmax_row(s, seen):
    """The softmax of the first ``seen`` scores in place, the others zero; returns the logarithm of the sum."""
    s[seen:] = 0
    part = s[:seen]
    top = highest(part)
    exp_in_place(part, top)
    weight = total(part)
    share = 1 / weight
    for j in range(seen):
        part[j] *= share
    return top + math.log(weight)


@spread_loop
def _backward(qkv, cos, sin, out, lse, dout, dqkv, address, threads):
    N, T, width = qkv.shape
    K, H, size, real = lse.shape[1], width // 3, qkv.itemsize, qkv.dtype.type
    D = H // K
    scale = real(1 / math.sqrt(D))
    for part in numba.prange(threads):
        q, k = np.empty((T, D), qkv.dtype), np.empty((T, D), qkv.dtype)
        dq, dk = np.empty((T, D), qkv.dtype), np.empty((T, D), qkv.dtype)
        p, ds = np.empty((min(BLOCK, T), T), qkv.dtype), np.empty((min(BLOCK, T), T), qkv.dtype)
        for head in range(part, N * K, threads):
            n, column = head // K, head % K * D
            lay_out(qkv[n], column, cos, sin, scale, q)
            lay_out(qkv[n], H + column, cos, sin, real(1), k)
            value = size * (n * T * width + 2 * H + column)
            _attend_back(q, k, qkv.ctypes.data + value, width, out[n, :, column:column + D], dout[n, :, column:column + D],
                         dout.ctypes.data + size * (n * T * H + column), H, lse[n, head % K], dq, dk,
                         dqkv.ctypes.data + value, p, ds, address)
            _put_back(dq, column, cos, sin, scale, dqkv[n])
            _put_back(dk, H + column, cos, sin, real(1), dqkv[n])


@loop
def _attend_back(q, k, at_v, v_step, out, dout, at_dout, out_step, lse, dq, dk, at_dv, p, ds, address):
    """One head, from the last block, which sees all keys, to the first: dk and dv are set by it and added to by the rest."""
    T, D = q.shape
    size, step, one, zero = q.itemsize, p.shape[1], q.dtype.type(1), q.dtype.type(0)
    blocks = -(-T // BLOCK)
    for back in range(blocks):
        low = (blocks - 1 - back) * BLOCK
        rows = min(BLOCK, T - low)
        keys, keep = low + rows, one if back else zero
        at_q, at_do = q.ctypes.data + size * low * D, at_dout + size * low * out_step
        at_p, at_ds = p.ctypes.data, ds.ctypes.data
        call_blas(address, (ROW_MAJOR, AS_IT_IS, TURNED, rows, keys, D, one, at_q, D, k.ctypes.data, D, zero, at_p, step))
        call_blas(address, (ROW_MAJOR, AS_IT_IS, TURNED, rows, keys, D, one, at_do, out_step, at_v, v_step, zero, at_ds, step))
        for r in range(rows):
            i = low + r
            _softmax_row_back(p[r, :keys], ds[r, :keys], i + 1, lse[i], dot(out[i], dout[i]))
        call_blas(address, (ROW_MAJOR, TURNED, AS_IT_IS, keys, D, rows, one, at_p, step, at_do, out_step, keep, at_dv, v_step))
        call_blas(address, (ROW_MAJOR, TURNED, AS_IT_IS, keys, D, rows, one, at_ds, step, at_q, D, keep, dk.ctypes.data, D))
        call_blas(address, (ROW_MAJOR, AS_IT_IS, AS_IT_IS, rows, D, keys, one, at_ds, step, k.ctypes.data, D,
                        zero, dq.ctypes.data + size * low * D, D))


@loop
def _softmax_row_back(p, ds, seen, lse, d):
    """p holds the scores and becomes the probabilities, ds holds dp and becomes ds; both zero from ``seen`` on."""
    p[seen:] = 0
    ds[seen:] = 0
    exp_in_place(p[:seen], lse)
    for j in range(seen):
        ds[j] = p[j] * (ds[j] - d)
