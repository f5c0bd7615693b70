"""The time loops of ``kernels.lstm``, compiled.  Each thread takes some rows of the batch through all steps alone.

Rows never meet inside a layer, so the threads need not wait for one another between steps.
"""
import numba
import numpy as np

from tsuzuri.kernels.compiled import blas
from tsuzuri.kernels.compiled.blas import one_blas_thread, times_part
from tsuzuri.kernels.compiled.product import pack, pack_transposed, product, scratch_for
from tsuzuri.kernels.compiled.sequence import by_rows, look, look_back
from tsuzuri.kernels.compiled.vector import loop, parallel_loop, sigmoid_and_tanh, tanh, two_sigmoids
from tsuzuri.kernels.product import SMALL_ROW, matmul


def lstm_sweep(gates, Wh, b, hs, cs, tanh_c, lengths, seen, mask):
    threads = numba.get_num_threads()
    if gates.shape[1] == 1 and blas.available():
        given = gates, Wh, b, hs, cs, tanh_c, lengths, seen, mask, blas.GEMV[Wh.dtype]
        with one_blas_thread():
            return _sweep_of_one(*given) if threads == 1 or Wh.size < SMALL_ROW else _shared_sweep_of_one(*given, threads)
    if by_rows(*gates.shape[:2], Wh):
        return _sweep(gates, Wh, b, hs, cs, tanh_c, lengths, seen, mask, threads)
    for t in range(len(gates)):
        _step(gates, matmul(seen[t], Wh), b, hs, cs, tanh_c, lengths, t, 0, gates.shape[1])
        look(hs, mask, seen, t + 1, 0, gates.shape[1])


def lstm_cell(a, b, c):
    h, after = np.empty_like(c), np.empty_like(c)
    _cell(a, b, c, h, after)
    return h, after


@loop
def _cell(a, b, c, h, after):
    for n in range(len(c)):
        cell_row(a[n], b, c[n], h[n], after[n])


@loop
def cell_row(a, b, before, h, after):
    """h and ``after``, the cell, of one row from its gates a (4H) without their bias, and from the cell ``before``."""
    H = h.size
    for j in range(H):
        i, g = sigmoid_and_tanh(a[j] + b[j], a[2 * H + j] + b[2 * H + j])
        f, o = two_sigmoids(a[H + j] + b[H + j], a[3 * H + j] + b[3 * H + j])
        after[j] = f * before[j] + i * g
        h[j] = o * tanh(after[j])


@parallel_loop
def _sweep(gates, Wh, b, hs, cs, tanh_c, lengths, seen, mask, threads):
    T, N, _ = gates.shape
    panels = pack(Wh)
    hidden = scratch_for(panels, N)
    threads = min(threads, N)
    for k in numba.prange(threads):
        low, high = N * k // threads, N * (k + 1) // threads
        for t in range(T):
            product(seen, t, low, high, panels, hidden)
            _step(gates, hidden, b, hs, cs, tanh_c, lengths, t, low, high)
            look(hs, mask, seen, t + 1, low, high)


@loop
def _sweep_of_one(gates, Wh, b, hs, cs, tanh_c, lengths, seen, mask, gemv):
    """One row: Wh is read as it lies, once for each step."""
    hidden = np.empty((1, Wh.shape[1]), Wh.dtype)
    for t in range(len(gates)):
        times_part(seen[t, 0], Wh, 0, Wh.shape[1], hidden[0], gemv)
        _step(gates, hidden, b, hs, cs, tanh_c, lengths, t, 0, 1)
        look(hs, mask, seen, t + 1, 0, 1)


@parallel_loop
def _shared_sweep_of_one(gates, Wh, b, hs, cs, tanh_c, lengths, seen, mask, gemv, threads):
    """One row, and a Wh that two cores read faster than one: they share out its columns."""
    hidden, columns = np.empty((1, Wh.shape[1]), Wh.dtype), Wh.shape[1]
    for t in range(len(gates)):
        for k in numba.prange(threads):
            low, high = columns * k // threads, columns * (k + 1) // threads
            times_part(seen[t, 0], Wh, low, high - low, hidden[0, low:high], gemv)
        _step(gates, hidden, b, hs, cs, tanh_c, lengths, t, 0, 1)
        look(hs, mask, seen, t + 1, 0, 1)


@loop
def _step(gates, hidden, b, hs, cs, tanh_c, lengths, t, low, high):
    H = hs.shape[2]
    for n in range(low, high):
        if t >= lengths[n]:
            gates[t, n] = 0
            tanh_c[t, n] = 0
            hs[t + 1, n] = hs[t, n]
            cs[t + 1, n] = cs[t, n]
            continue
        a, r = gates[t, n], hidden[n]
        before, c, tc, h = cs[t, n], cs[t + 1, n], tanh_c[t, n], hs[t + 1, n]
        for j in range(H):
            i, g = sigmoid_and_tanh(a[j] + r[j] + b[j], a[2 * H + j] + r[2 * H + j] + b[2 * H + j])
            f, o = two_sigmoids(a[H + j] + r[H + j] + b[H + j], a[3 * H + j] + r[3 * H + j] + b[3 * H + j])
            a[j], a[H + j], a[2 * H + j], a[3 * H + j] = i, f, g, o
            c[j] = f * before[j] + i * g
            tc[j] = tanh(c[j])
            h[j] = o * tc[j]


def lstm_sweep_back(gates, Wh, dhs, dh, dc, cs, tanh_c, lengths, da, mask):
    _sweep_back(gates, Wh, dhs, dh, dc, cs, tanh_c, lengths, da, mask, numba.get_num_threads())


@parallel_loop
def _sweep_back(gates, Wh, dhs, dh, dc, cs, tanh_c, lengths, da, mask, threads):
    T, N, _ = gates.shape
    panels = pack_transposed(Wh)
    hidden = scratch_for(panels, N)
    threads = min(threads, N)
    for k in numba.prange(threads):
        low, high = N * k // threads, N * (k + 1) // threads
        for back in range(T):
            t = T - 1 - back
            _step_back(gates, dhs, dh, dc, cs, tanh_c, lengths, da, t, low, high)
            product(da, t, low, high, panels, hidden)
            look_back(hidden, mask, low, high)
            _carry(hidden, dh, lengths, t, low, high)


@loop
def _step_back(gates, dhs, dh, dc, cs, tanh_c, lengths, da, t, low, high):
    H = dh.shape[1]
    one = gates.dtype.type(1)
    for n in range(low, high):
        if t >= lengths[n]:
            da[t, n] = 0
            continue
        a, d, before, tc, dhn, dcn = gates[t, n], da[t, n], cs[t, n], tanh_c[t, n], dh[n], dc[n]
        if len(dhs):
            for j in range(H):
                dhn[j] += dhs[t, n, j]
        for j in range(H):
            i, f, g, o = a[j], a[H + j], a[2 * H + j], a[3 * H + j]
            dct = dcn[j] + dhn[j] * o * (one - tc[j] * tc[j])
            d[j] = dct * g * i * (one - i)
            d[H + j] = dct * before[j] * f * (one - f)
            d[2 * H + j] = dct * i * (one - g * g)
            d[3 * H + j] = dhn[j] * tc[j] * o * (one - o)
            dcn[j] = dct * f


@loop
def _carry(hidden, dh, lengths, t, low, high):
    for n in range(low, high):
        if t < lengths[n]:
            dh[n] = hidden[n, :dh.shape[1]]
