"""The time loops of ``kernels.rnn``, compiled.  Each thread takes some rows of the batch through all steps alone."""
import numba

from tsuzuri.kernels.compiled.product import pack, pack_transposed, product, scratch_for
from tsuzuri.kernels.compiled.sequence import by_rows, look, look_back
from tsuzuri.kernels.compiled.vector import loop, parallel_loop, tanh
from tsuzuri.kernels.product import matmul


def rnn_sweep(a, Wh, b, hs, lengths, seen, mask):
    if by_rows(*a.shape[:2], Wh):
        return _sweep(a, Wh, b, hs, lengths, seen, mask, numba.get_num_threads())
    for t in range(len(a)):
        _step(a, matmul(seen[t], Wh), b, hs, lengths, t, 0, a.shape[1])
        look(hs, mask, seen, t + 1, 0, a.shape[1])


@parallel_loop
def _sweep(a, Wh, b, hs, lengths, seen, mask, threads):
    T, N, _ = a.shape
    panels = pack(Wh)
    hidden = scratch_for(panels, N)
    threads = min(threads, N)
    for k in numba.prange(threads):
        low, high = N * k // threads, N * (k + 1) // threads
        for t in range(T):
            product(seen, t, low, high, panels, hidden)
            _step(a, hidden, b, hs, lengths, t, low, high)
            look(hs, mask, seen, t + 1, low, high)


@loop
def _step(a, hidden, b, hs, lengths, t, low, high):
    for n in range(low, high):
        if t >= lengths[n]:
            hs[t + 1, n] = hs[t, n]
            continue
        an, r, h = a[t, n], hidden[n], hs[t + 1, n]
        for j in range(h.size):
            h[j] = tanh(an[j] + r[j] + b[j])


def rnn_sweep_back(hs, Wh, dhs, dh, lengths, da, mask):
    _sweep_back(hs, Wh, dhs, dh, lengths, da, mask, numba.get_num_threads())


@parallel_loop
def _sweep_back(hs, Wh, dhs, dh, lengths, da, mask, threads):
    T, N, _ = da.shape
    panels = pack_transposed(Wh)
    hidden = scratch_for(panels, N)
    threads = min(threads, N)
    for k in numba.prange(threads):
        low, high = N * k // threads, N * (k + 1) // threads
        for back in range(T):
            t = T - 1 - back
            _step_back(hs, dhs, dh, lengths, da, t, low, high)
            product(da, t, low, high, panels, hidden)
            look_back(hidden, mask, low, high)
            for n in range(low, high):
                if t < lengths[n]:
                    dh[n] = hidden[n, :dh.shape[1]]


@loop
def _step_back(hs, dhs, dh, lengths, da, t, low, high):
    one = hs.dtype.type(1)
    for n in range(low, high):
        if t >= lengths[n]:
            da[t, n] = 0
            continue
        h, d, dhn = hs[t + 1, n], da[t, n], dh[n]
        if len(dhs):
            for j in range(h.size):
                dhn[j] += dhs[t, n, j]
        for j in range(h.size):
            d[j] = dhn[j] * (one - h[j] * h[j])
