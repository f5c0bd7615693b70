"""``kernels.block``, compiled for one token: two parallel loops a block, one for each branch.

A branch is cut so that no thread waits for another inside it (Shoeybi et al. 2019 cut it so between machines): a thread
takes some heads, or some hidden units, from the first product to the second, whose rows for them it multiplies; what
the threads get is added up.
"""
import math

import numba
import numpy as np

from tsuzuri.kernels import block
from tsuzuri.kernels.compiled import blas
from tsuzuri.kernels.compiled.attention import attend, lay_out
from tsuzuri.kernels.compiled.blas import one_blas_thread, times_part
from tsuzuri.kernels.compiled.feedforward import gelu_row
from tsuzuri.kernels.compiled.norm import norm_row
from tsuzuri.kernels.compiled.vector import loop, parallel_loop


def read_block(x, weights, cos, sin, keys, values, first):
    if len(x) > 1 or not blas.available():
        return block.read_block.plain(x, weights, cos, sin, keys, values, first)
    now = slice(first, first + 1)
    with one_blas_thread():
        return _step(x, weights, cos[now], sin[now], keys, values, first, blas.GEMM[x.dtype], blas.GEMV[x.dtype],
                     numba.get_num_threads())


@loop
def _step(x, weights, cos, sin, keys, values, first, gemm, gemv, threads):
    gain, bias, Wqkv, bqkv, Wo, bo, gain2, bias2, W1, b1, W2, b2 = weights
    h, out, shares = np.empty(x.shape[1], x.dtype), np.empty(x.shape, x.dtype), np.empty((threads, x.shape[1]), x.dtype)
    norm_row(x[0], gain, bias, h)
    _attention(h, Wqkv, bqkv, Wo, cos, sin, keys, values, first, shares, gemm, gemv)
    out[0] = x[0] + shares.sum(0) + bo
    norm_row(out[0], gain2, bias2, h)
    _feedforward(h, W1, b1, W2, shares, gemv)
    out[0] += shares.sum(0) + b2
    return out


@parallel_loop
def _attention(h, Wqkv, bqkv, Wo, cos, sin, keys, values, first, shares, gemm, gemv):
    """shares[k] = attention of thread k's heads, times their rows of Wo."""
    threads, K, D, size = len(shares), keys.shape[1], keys.shape[3], h.itemsize
    H, one, scale = K * D, h.dtype.type(1), h.dtype.type(1 / math.sqrt(D))
    for part in numba.prange(threads):
        low, high = K * part // threads, K * (part + 1) // threads
        qkv, mixed = np.empty((1, 3 * H), h.dtype), np.empty(H, h.dtype)
        q, lse, scores = np.empty((1, D), h.dtype), np.empty(1, h.dtype), np.empty((1, first + 1), h.dtype)
        for begin in (low * D, H + low * D, 2 * H + low * D):
            width = (high - low) * D
            times_part(h, Wqkv, begin, width, qkv[0, begin:begin + width], gemv)
            qkv[0, begin:begin + width] += bqkv[begin:begin + width]
        for head in range(low, high):
            lay_out(qkv, head * D, cos, sin, scale, q)
            lay_out(qkv, H + head * D, cos, sin, one, keys[0, head, first:first + 1])
            values[0, head, first] = qkv[0, 2 * H + head * D:2 * H + (head + 1) * D]
            attend(q, keys[0, head], first, values[0, head].ctypes.data, D, mixed.ctypes.data + size * head * D, H, scores, lse, gemm)
        times_part(mixed[low * D:high * D], Wo[low * D:high * D], 0, H, shares[part], gemv)


@parallel_loop
def _feedforward(h, W1, b1, W2, shares, gemv):
    """shares[k] = gelu(h W1 + b1) of thread k's hidden units, times their rows of W2."""
    threads, units = len(shares), len(b1)
    for part in numba.prange(threads):
        low, high = units * part // threads, units * (part + 1) // threads
        z, hidden = np.empty(high - low, h.dtype), np.empty(high - low, h.dtype)
        times_part(h, W1, low, high - low, z, gemv)
        gelu_row(z, b1[low:high], hidden)
        times_part(hidden, W2[low:high], 0, W2.shape[1], shares[part], gemv)

