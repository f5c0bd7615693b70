"""The time loops of ``kernels.turing``, compiled.  Each thread takes some rows of the batch through all steps alone.

Of a step the products with the weights are done for all of a thread's rows at once; then each row has its turn with its memory
(``addressing``), a few kilobytes that stay in the first-level cache while every head goes over them.
"""
import numba
import numpy as np

from tsuzuri.kernels.compiled.addressing import add_share, copy_into, into_range, use_memory, use_memory_back
from tsuzuri.kernels.compiled.product import pack, pack_transposed, product, scratch_for
from tsuzuri.kernels.compiled.vector import loop, parallel_loop, sigmoid_and_tanh, tanh, two_sigmoids
from tsuzuri.kernels.memory import FLOOR


def turing_sweep(gates, U, Wp, bp, zs, cs, tanh_c, ws, mems, told, cosines, contents, shifted):
    threads = min(numba.get_num_threads(), gates.shape[1])
    given = gates, pack(U), pack(Wp), bp, zs, cs, tanh_c, ws, mems, told, cosines, contents, shifted, _constants(gates)
    _ahead_all(*given, threads) if threads > 1 else _ahead(*given, 0, gates.shape[1])


def turing_sweep_back(gates, U, Wp, cs, tanh_c, ws, mems, told, cosines, contents, shifted, dzs, dws, dz, dc, dw, dm, da, dtold):
    threads = min(numba.get_num_threads(), gates.shape[1])
    given = (gates, pack_transposed(U), pack_transposed(Wp), cs, tanh_c, ws, mems, told, cosines, contents, shifted, dzs, dws, dz, dc, dw, dm, da, dtold,
             _constants(gates))
    _back_all(*given, threads) if threads > 1 else _back(*given, 0, gates.shape[1])


def _constants(like):
    """What is added to squared lengths, and to weights before their logarithm."""
    return like.dtype.type(FLOOR), np.finfo(like.dtype).tiny


@parallel_loop
def _ahead_all(gates, control, tell, bp, zs, cs, tanh_c, ws, mems, told, cosines, contents, shifted, constants, threads):
    N = gates.shape[1]
    for part in numba.prange(threads):
        _ahead(gates, control, tell, bp, zs, cs, tanh_c, ws, mems, told, cosines, contents, shifted, constants, N * part // threads, N * (part + 1) // threads)


@loop
def _ahead(gates, control, tell, bp, zs, cs, tanh_c, ws, mems, told, cosines, contents, shifted, constants, low, high):
    """The rows low to high through all steps."""
    N, (M, S), K, H = zs.shape[1], mems.shape[2:], ws.shape[2], tell.shape[1]
    hidden, said, hs = scratch_for(control, N), scratch_for(tell, N), np.empty((1, N, H), zs.dtype)
    scratch = np.empty((2, S), zs.dtype)
    for t in range(len(told)):
        product(zs, t, low, high, control, hidden)
        for n in range(low, high):
            if len(cs):
                _lstm(gates[t, n], hidden[n], cs[t, n], cs[t + 1, n], tanh_c[t, n], hs[0, n])
            else:
                _tanh(gates[t, n], hidden[n], hs[0, n])
            zs[t + 1, n, :H] = hs[0, n]
        product(hs, 0, low, high, tell, said)
        for n in range(low, high):
            into_range(told[t, n], said[n], bp, K, K - (zs.shape[2] - H) // M, M)
            use_memory(mems[t, n], told[t, n], ws[t, n], ws[t + 1, n], cosines[t, n], contents[t, n], shifted[t, n], zs[t + 1, n, H:], mems[t + 1, n],
                       scratch, constants)


@loop
def _lstm(a, r, before, c, tanh_c, h):
    H = h.size
    for j in range(H):
        i, g = sigmoid_and_tanh(a[j] + r[j], a[2 * H + j] + r[2 * H + j])
        f, o = two_sigmoids(a[H + j] + r[H + j], a[3 * H + j] + r[3 * H + j])
        a[j], a[H + j], a[2 * H + j], a[3 * H + j] = i, f, g, o
        c[j] = f * before[j] + i * g
        tanh_c[j] = tanh(c[j])
        h[j] = o * tanh_c[j]


@loop
def _tanh(a, r, h):
    for j in range(h.size):
        a[j] = h[j] = tanh(a[j] + r[j])


@parallel_loop
def _back_all(gates, control, tell, cs, tanh_c, ws, mems, told, cosines, contents, shifted, dzs, dws, dz, dc, dw, dm, da, dtold, constants, threads):
    N = gates.shape[1]
    for part in numba.prange(threads):
        _back(gates, control, tell, cs, tanh_c, ws, mems, told, cosines, contents, shifted, dzs, dws, dz, dc, dw, dm, da, dtold, constants,
              N * part // threads, N * (part + 1) // threads)


@loop
def _back(gates, control, tell, cs, tanh_c, ws, mems, told, cosines, contents, shifted, dzs, dws, dz, dc, dw, dm, da, dtold, constants, low, high):
    """The rows low to high from the last step to the first."""
    (N, Z), (_, K, S), H = dz.shape, dw.shape, dc.shape[1]
    one, hidden, said, scratch, dcosine = dz.dtype.type(1), scratch_for(control, N), scratch_for(tell, N), np.empty((3, S), dz.dtype), np.empty((K, S), dz.dtype)
    for back in range(len(told)):
        t = len(told) - 1 - back
        for n in range(low, high):
            if len(dzs):
                add_share(dz[n], dzs[t, n], one)
            if len(dws):
                for k in range(K):
                    add_share(dw[n, k], dws[t, n, k], one)
            use_memory_back(mems[t, n], told[t, n], dtold[t, n], ws[t, n], ws[t + 1, n], cosines[t, n], contents[t, n], shifted[t, n], dz[n, H:], dw[n], dm[n],
                            dcosine, scratch, constants)
        product(dtold, t, low, high, tell, said)
        for n in range(low, high):
            add_share(dz[n, :H], said[n], one)
            if len(cs):
                _lstm_back(gates[t, n], cs[t, n], tanh_c[t, n], dz[n, :H], dc[n], da[t, n])
            else:
                _tanh_back(gates[t, n], dz[n, :H], da[t, n])
        product(da, t, low, high, control, hidden)
        for n in range(low, high):
            copy_into(hidden[n, :Z], dz[n])


@loop
def _lstm_back(a, before, tanh_c, dh, dc, da):
    H, one = dh.size, a.dtype.type(1)
    for j in range(H):
        i, f, g, o = a[j], a[H + j], a[2 * H + j], a[3 * H + j]
        d = dc[j] + dh[j] * o * (one - tanh_c[j] * tanh_c[j])
        da[j] = d * g * i * (one - i)
        da[H + j] = d * before[j] * f * (one - f)
        da[2 * H + j] = d * i * (one - g * g)
        da[3 * H + j] = dh[j] * tanh_c[j] * o * (one - o)
        dc[j] = d * f


@loop
def _tanh_back(h, dh, da):
    for j in range(h.size):
        da[j] = dh[j] * (1 - h[j] * h[j])
