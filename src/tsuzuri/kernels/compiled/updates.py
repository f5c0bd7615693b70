"""The optimiser steps of ``kernels.updates``, compiled: one pass over the memory, on all threads.

Each thread hands blocks to a plain loop: LLVM vectorises a loop over slices, but not one that is inlined into a prange.
"""
import numba
import numpy as np

from tsuzuri.kernels.compiled.vector import any_order, loop, spread_loop

BLOCK = 8192


@spread_loop
def sum_of_squares(g):
    sums = np.zeros(-(-g.size // BLOCK))
    for b in numba.prange(sums.size):
        sums[b] = _squares(g[b * BLOCK:(b + 1) * BLOCK])
    return sums.sum()


@any_order
def _squares(g):
    s = 0.0
    for k in range(g.size):
        s += np.float64(g[k]) * np.float64(g[k])
    return s


@spread_loop
def sgd(w, g, lr, scale, decay):
    real = w.dtype.type
    keep, rate = real(1 - lr * decay), real(lr * scale)
    for b in numba.prange(-(-w.size // BLOCK)):
        part = slice(b * BLOCK, (b + 1) * BLOCK)
        _sgd(w[part], g[part], keep, rate)


@loop
def _sgd(w, g, keep, rate):
    for k in range(w.size):
        w[k] = w[k] * keep - rate * g[k]


@spread_loop
def average(a, w, share):
    part_of = a.dtype.type(share)
    for b in numba.prange(-(-a.size // BLOCK)):
        part = slice(b * BLOCK, (b + 1) * BLOCK)
        _average(a[part], w[part], part_of)


@loop
def _average(a, w, share):
    for k in range(a.size):
        a[k] += share * (w[k] - a[k])


@spread_loop
def momentum(w, g, v, lr, scale, decay, mu, nesterov):
    real = w.dtype.type
    keep, rate, factor, mu = real(1 - lr * decay), real(lr), real(scale), real(mu)
    ahead, own = (mu, factor) if nesterov else (real(1), real(0))
    for b in numba.prange(-(-w.size // BLOCK)):
        part = slice(b * BLOCK, (b + 1) * BLOCK)
        _momentum(w[part], g[part], v[part], keep, rate, factor, mu, own, ahead)


@loop
def _momentum(w, g, v, keep, rate, factor, mu, own, ahead):
    for k in range(w.size):
        v[k] = mu * v[k] + factor * g[k]
        w[k] = w[k] * keep - rate * (own * g[k] + ahead * v[k])


@spread_loop
def adagrad(w, g, s, lr, scale, decay, epsilon):
    real = w.dtype.type
    keep, rate, factor, small = real(1 - lr * decay), real(lr), real(scale), real(epsilon)
    for b in numba.prange(-(-w.size // BLOCK)):
        part = slice(b * BLOCK, (b + 1) * BLOCK)
        _scaled_by_squares(w[part], g[part], s[part], keep, rate, factor, real(1), real(1), small)


@spread_loop
def rmsprop(w, g, s, lr, scale, decay, rho, epsilon):
    real = w.dtype.type
    keep, rate, factor, small = real(1 - lr * decay), real(lr), real(scale), real(epsilon)
    for b in numba.prange(-(-w.size // BLOCK)):
        part = slice(b * BLOCK, (b + 1) * BLOCK)
        _scaled_by_squares(w[part], g[part], s[part], keep, rate, factor, real(rho), real(1 - rho), small)


@loop
def _scaled_by_squares(w, g, s, keep, rate, factor, old, new, small):
    for k in range(w.size):
        d = factor * g[k]
        s[k] = old * s[k] + new * d * d
        w[k] = w[k] * keep - rate * d / (np.sqrt(s[k]) + small)


@spread_loop
def adam(w, g, m, s, lr, scale, decay, beta1, beta2, epsilon, step):
    real = w.dtype.type
    keep, factor, small = real(1 - lr * decay), real(scale), real(epsilon)
    rate, per_s = real(lr / (1 - beta1 ** step)), real(1 / (1 - beta2 ** step))
    old1, new1, old2, new2 = real(beta1), real(1 - beta1), real(beta2), real(1 - beta2)
    for b in numba.prange(-(-w.size // BLOCK)):
        part = slice(b * BLOCK, (b + 1) * BLOCK)
        _adam(w[part], g[part], m[part], s[part], keep, rate, factor, old1, new1, old2, new2, per_s, small)


@loop
def _adam(w, g, m, s, keep, rate, factor, old1, new1, old2, new2, per_s, small):
    for k in range(w.size):
        d = factor * g[k]
        m[k] = old1 * m[k] + new1 * d
        s[k] = old2 * s[k] + new2 * d * d
        w[k] = w[k] * keep - rate * m[k] / (np.sqrt(s[k] * per_s) + small)
