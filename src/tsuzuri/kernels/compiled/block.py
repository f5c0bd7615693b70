"""``kernels.block``, compiled for one token: five parallel loops a block, four of them products with one row."""
import numba
import numpy as np

from tsuzuri.kernels import block
from tsuzuri.kernels.compiled import blas
from tsuzuri.kernels.compiled.attention import _cached, _one_blas_thread
from tsuzuri.kernels.compiled.blas import _one_row
from tsuzuri.kernels.compiled.feedforward import _gelu_row
from tsuzuri.kernels.compiled.norm import _row
from tsuzuri.kernels.compiled.vector import loop


def read_block(x, weights, cos, sin, keys, values, first):
    if len(x) > 1 or not blas.available():
        return block.read_block.plain(x, weights, cos, sin, keys, values, first)
    now = slice(first, first + 1)
    with _one_blas_thread():
        return _step(x, weights, cos[now], sin[now], keys, values, first, blas._GEMM[x.dtype], blas._GEMV[x.dtype],
                     numba.get_num_threads())


@loop
def _step(x, weights, cos, sin, keys, values, first, gemm, gemv, threads):
    gain, bias, Wqkv, bqkv, Wo, bo, gain2, bias2, W1, b1, W2, b2 = weights
    H = x.shape[1]
    h, y, out = np.empty((1, H), x.dtype), np.empty((1, H), x.dtype), np.empty((1, H), x.dtype)
    qkv, z, hidden = np.empty((1, 3 * H), x.dtype), np.empty((1, len(b1)), x.dtype), np.empty((1, len(b1)), x.dtype)
    _row(x[0], gain, bias, h[0])
    _one_row(gemv, qkv, h.ctypes.data, Wqkv.ctypes.data, H, False, 3 * H, threads)
    qkv += bqkv
    _cached(qkv.reshape((1, 1, 3 * H)), cos, sin, keys, values, first, h.reshape((1, 1, H)), gemm, threads)
    _one_row(gemv, y, h.ctypes.data, Wo.ctypes.data, H, False, H, threads)
    out[0] = x[0] + y[0] + bo
    _row(out[0], gain2, bias2, h[0])
    _one_row(gemv, z, h.ctypes.data, W1.ctypes.data, H, False, len(b1), threads)
    _gelu_row(z[0], b1, hidden[0])
    _one_row(gemv, y, hidden.ctypes.data, W2.ctypes.data, len(b1), False, H, threads)
    out[0] += y[0] + b2
    return out
