"""The time loops of ``kernels.gru``, compiled.  Each thread takes some rows of the batch through all steps alone."""
import numba
import numpy as np

from tsuzuri.kernels.compiled.product import empty, pack, pack_transposed, product, scratch_for
from tsuzuri.kernels.compiled.sequence import by_rows, look, look_back
from tsuzuri.kernels.compiled.vector import loop, parallel_loop, tanh, two_sigmoids
from tsuzuri.kernels.product import matmul


def gru_sweep(gates, Wh, b, bm, hs, m, lengths, seen, mask):
    if by_rows(*gates.shape[:2], Wh):
        return _sweep(gates, Wh, b, bm, hs, m, lengths, seen, mask, numba.get_num_threads())
    for t in range(len(gates)):
        _step(gates, matmul(seen[t], Wh), b, bm, hs, m, lengths, t, 0, gates.shape[1])
        look(hs, mask, seen, t + 1, 0, gates.shape[1])


def gru_cell(a, hidden, b, bm, h):
    after = np.empty_like(h)
    _cell(a, hidden, b, bm, h, after)
    return after


@loop
def _cell(a, hidden, b, bm, h, after):
    N, H = h.shape
    one = a.dtype.type(1)
    for row in range(N):
        ar, p, before, hr = a[row], hidden[row], h[row], after[row]
        for j in range(H):
            r, z = two_sigmoids(ar[j] + p[j] + b[j], ar[H + j] + p[H + j] + b[H + j])
            n = tanh(ar[2 * H + j] + b[2 * H + j] + r * (p[2 * H + j] + bm[j]))
            hr[j] = (one - z) * n + z * before[j]


@parallel_loop
def _sweep(gates, Wh, b, bm, hs, m, lengths, seen, mask, threads):
    T, N, _ = gates.shape
    panels = pack(Wh)
    hidden = scratch_for(panels, N)
    threads = min(threads, N)
    for k in numba.prange(threads):
        low, high = N * k // threads, N * (k + 1) // threads
        for t in range(T):
            product(seen, t, low, high, panels, hidden)
            _step(gates, hidden, b, bm, hs, m, lengths, t, low, high)
            look(hs, mask, seen, t + 1, low, high)


@loop
def _step(gates, hidden, b, bm, hs, m, lengths, t, low, high):
    H = hs.shape[2]
    one = gates.dtype.type(1)
    for row in range(low, high):
        if t >= lengths[row]:
            gates[t, row] = 0
            m[t, row] = 0
            hs[t + 1, row] = hs[t, row]
            continue
        a, p, mt, before, h = gates[t, row], hidden[row], m[t, row], hs[t, row], hs[t + 1, row]
        for j in range(H):
            r, z = two_sigmoids(a[j] + p[j] + b[j], a[H + j] + p[H + j] + b[H + j])
            mt[j] = p[2 * H + j] + bm[j]
            n = tanh(a[2 * H + j] + b[2 * H + j] + r * mt[j])
            a[j], a[H + j], a[2 * H + j] = r, z, n
            h[j] = (one - z) * n + z * before[j]


def gru_sweep_back(gates, Wh, dhs, dh, hs, m, lengths, da, dm, mask):
    _sweep_back(gates, Wh, dhs, dh, hs, m, lengths, da, dm, mask, numba.get_num_threads())


@parallel_loop
def _sweep_back(gates, Wh, dhs, dh, hs, m, lengths, da, dm, mask, threads):
    T, N, G = gates.shape
    panels = pack_transposed(Wh)
    hidden = scratch_for(panels, N)
    dhidden = empty(gates, (1, N, G))                        # [da_r, da_z, dm] of the step at hand
    threads = min(threads, N)
    for k in numba.prange(threads):
        low, high = N * k // threads, N * (k + 1) // threads
        for back in range(T):
            t = T - 1 - back
            _step_back(gates, dhs, dh, hs, m, lengths, da, dm, dhidden, t, low, high)
            product(dhidden, 0, low, high, panels, hidden)
            look_back(hidden, mask, low, high)
            _carry(hidden, dh, lengths, t, low, high)


@loop
def _step_back(gates, dhs, dh, hs, m, lengths, da, dm, dhidden, t, low, high):
    H = dh.shape[1]
    one = gates.dtype.type(1)
    for row in range(low, high):
        if t >= lengths[row]:
            da[t, row] = 0
            dm[t, row] = 0
            dhidden[0, row] = 0
            continue
        a, d, dmt, e, dhn, before, mt = (gates[t, row], da[t, row], dm[t, row], dhidden[0, row], dh[row], hs[t, row],
                                         m[t, row])
        if len(dhs):
            for j in range(H):
                dhn[j] += dhs[t, row, j]
        for j in range(H):
            r, z, n = a[j], a[H + j], a[2 * H + j]
            dan = dhn[j] * (one - z) * (one - n * n)
            dar, daz = dan * mt[j] * r * (one - r), dhn[j] * (before[j] - n) * z * (one - z)
            d[j], d[H + j], d[2 * H + j] = dar, daz, dan
            dmt[j] = dan * r
            e[j], e[H + j], e[2 * H + j] = dar, daz, dan * r
            dhn[j] *= z


@loop
def _carry(hidden, dh, lengths, t, low, high):
    for n in range(low, high):
        if t < lengths[n]:
            for j in range(dh.shape[1]):
                dh[n, j] += hidden[n, j]
