"""``kernels.attention_step``, compiled for one sentence whose weights one thread reads sooner than it wakes another."""
import numpy as np

from tsuzuri.kernels import attention_step as plain
from tsuzuri.kernels.compiled import blas
from tsuzuri.kernels.compiled.blas import AS_IT_IS, ROW_MAJOR, TURNED, call_blas, one_blas_thread
from tsuzuri.kernels.compiled.lstm import cell_row
from tsuzuri.kernels.compiled.source_attention import look, placed
from tsuzuri.kernels.compiled.vector import loop, tanh
from tsuzuri.kernels.product import SMALL_ROW


def attention_step(x, h, c, cell, memory, join, out):
    (keys, values, lengths, scale), dtype = memory, x.dtype
    weights = (*cell, *join, *out)
    if len(x) > 1 or max(w.size for w in weights) >= SMALL_ROW or any(a.dtype != dtype for a in (h, *weights)) or not blas.available():
        return plain.attention_step.plain(x, h, c, cell, memory, join, out)
    (keys, at_k), (values, at_v), (Wo, turned, step) = placed(keys, dtype), placed(values, dtype), blas.as_blas(out[0])
    with one_blas_thread():
        return _step(x, h, c, cell, at_k, at_v, keys.shape[1], lengths.astype(np.int64, copy=False), dtype.type(scale), join,
                     Wo.ctypes.data, turned, step, out[1], blas.GEMM[dtype], blas.GEMV[dtype])


@loop
def _step(x, h, c, cell, at_k, at_v, S, lengths, scale, join, at_o, turned, step, bo, gemm, gemv):
    (Wx, Wh, b), (Wj, bj), H = cell, join, h.shape[1]
    a, joined, logits = np.empty(4 * H, x.dtype), np.empty(len(bj), x.dtype), np.empty((1, len(bo)), x.dtype)
    hidden, after, context, weights = np.empty((1, H), x.dtype), np.empty((1, H), x.dtype), np.empty((1, 1, H), x.dtype), np.empty((1, 1, 1, S), x.dtype)
    _times(x, Wx.ctypes.data, False, 4 * H, a, 0, gemv)
    _times(h, Wh.ctypes.data, False, 4 * H, a, 1, gemv)
    cell_row(a, b, c[0], hidden[0], after[0])
    look(context, weights, lengths, (hidden.ctypes.data, H, H), at_k, at_v, H, scale, gemm, gemv, 0, 1)
    _times(context[0], Wj.ctypes.data, False, len(bj), joined, 0, gemv)
    _times(hidden, Wj[H:].ctypes.data, False, len(bj), joined, 1, gemv)
    for j in range(len(bj)):
        joined[j] = tanh(joined[j] + bj[j])
    _times(joined.reshape(1, -1), at_o, turned, step, logits[0], 0, gemv)
    logits[0] += bo
    return logits, weights[0, 0], hidden, after


@loop
def _times(x, at_w, turned, step, y, kept, gemv):
    """y = x (1, K) W + ``kept`` y, where W lies at an address, ``step`` numbers from line to line, possibly ``turned``."""
    rows, columns = (y.size, x.size) if turned else (x.size, y.size)
    call_blas(gemv, (ROW_MAJOR, AS_IT_IS if turned else TURNED, rows, columns, x.dtype.type(1), at_w, step,
                     x.ctypes.data, 1, x.dtype.type(kept), y.ctypes.data, 1))
