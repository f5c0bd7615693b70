"""The step of ``kernels.dynamic``, compiled: one pass over the memory, on all threads."""
import numba

from tsuzuri.kernels.compiled.vector import loop, spread_loop

BLOCK = 8192


@spread_loop
def adapt(w, g, trained, rms, lr, decay, epsilon):
    real = w.dtype.type
    rate, pull, small = real(lr), real(decay), real(epsilon)
    for b in numba.prange(-(-w.size // BLOCK)):
        part = slice(b * BLOCK, (b + 1) * BLOCK)
        if rms.size:
            _scaled(w[part], g[part], trained[part], rms[part], rate, pull, small)
        else:
            _plain(w[part], g[part], trained[part], rate, pull)


@loop
def _scaled(w, g, trained, rms, rate, pull, small):
    one = w.dtype.type(1)
    for k in range(w.size):
        w[k] += min(pull * rms[k], one) * (trained[k] - w[k]) - rate * g[k] / (rms[k] + small)


@loop
def _plain(w, g, trained, rate, pull):
    for k in range(w.size):
        w[k] += pull * (trained[k] - w[k]) - rate * g[k]
