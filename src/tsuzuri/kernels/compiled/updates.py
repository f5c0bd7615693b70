"""The optimiser steps of ``kernels.updates``, compiled: one pass over the memory, on all threads."""
import numba
import numpy as np

from tsuzuri.kernels.compiled.vector import spread_loop

BLOCK = 8192


@spread_loop
def sum_of_squares(g):
    blocks = -(-g.size // BLOCK)
    sums = np.zeros(blocks)
    for b in numba.prange(blocks):
        lanes = np.zeros(16)                                 # sixteen running sums: a fixed order that is still SIMD
        for k in range(b * BLOCK, min(g.size, (b + 1) * BLOCK) - 15, 16):
            for j in range(16):
                lanes[j] += np.float64(g[k + j]) * np.float64(g[k + j])
        for k in range(min(g.size, (b + 1) * BLOCK) // 16 * 16, min(g.size, (b + 1) * BLOCK)):
            lanes[0] += np.float64(g[k]) * np.float64(g[k])
        sums[b] = lanes.sum()
    return sums.sum()


@spread_loop
def sgd(w, g, lr, scale, decay):
    real = w.dtype.type
    keep, rate = real(1 - lr * decay), real(lr * scale)
    for b in numba.prange(-(-w.size // BLOCK)):
        for k in range(b * BLOCK, min(w.size, (b + 1) * BLOCK)):
            w[k] = w[k] * keep - rate * g[k]


@spread_loop
def momentum(w, g, v, lr, scale, decay, mu, nesterov):
    real = w.dtype.type
    keep, rate, factor, mu = real(1 - lr * decay), real(lr), real(scale), real(mu)
    ahead, own = (mu, factor) if nesterov else (real(1), real(0))
    for b in numba.prange(-(-w.size // BLOCK)):
        for k in range(b * BLOCK, min(w.size, (b + 1) * BLOCK)):
            v[k] = mu * v[k] + factor * g[k]
            w[k] = w[k] * keep - rate * (own * g[k] + ahead * v[k])


@spread_loop
def adagrad(w, g, s, lr, scale, decay, epsilon):
    real = w.dtype.type
    keep, rate, factor, epsilon = real(1 - lr * decay), real(lr), real(scale), real(epsilon)
    for b in numba.prange(-(-w.size // BLOCK)):
        for k in range(b * BLOCK, min(w.size, (b + 1) * BLOCK)):
            d = factor * g[k]
            s[k] += d * d
            w[k] = w[k] * keep - rate * d / (np.sqrt(s[k]) + epsilon)


@spread_loop
def rmsprop(w, g, s, lr, scale, decay, rho, epsilon):
    real = w.dtype.type
    keep, rate, factor, epsilon = real(1 - lr * decay), real(lr), real(scale), real(epsilon)
    old, new = real(rho), real(1 - rho)
    for b in numba.prange(-(-w.size // BLOCK)):
        for k in range(b * BLOCK, min(w.size, (b + 1) * BLOCK)):
            d = factor * g[k]
            s[k] = old * s[k] + new * d * d
            w[k] = w[k] * keep - rate * d / (np.sqrt(s[k]) + epsilon)


@spread_loop
def adam(w, g, m, s, lr, scale, decay, beta1, beta2, epsilon, step):
    real = w.dtype.type
    keep, factor, epsilon = real(1 - lr * decay), real(scale), real(epsilon)
    rate, per_s = real(lr / (1 - beta1 ** step)), real(1 / (1 - beta2 ** step))
    old1, new1, old2, new2 = real(beta1), real(1 - beta1), real(beta2), real(1 - beta2)
    for b in numba.prange(-(-w.size // BLOCK)):
        for k in range(b * BLOCK, min(w.size, (b + 1) * BLOCK)):
            d = factor * g[k]
            m[k] = old1 * m[k] + new1 * d
            s[k] = old2 * s[k] + new2 * d * d
            w[k] = w[k] * keep - rate * m[k] / (np.sqrt(s[k] * per_s) + epsilon)
