"""GloVe's steps, compiled: a block of counts is one thread's."""
import numba
import numpy as np

from tsuzuri.kernels.compiled.vector import dot, loop, parallel_loop


@parallel_loop
def glove_blocks(words, contexts, word_squares, context_squares, rows, columns, logs, weights, bounds, rate):
    losses = np.zeros(len(bounds))
    for b in numba.prange(len(bounds)):
        part = slice(bounds[b, 0], bounds[b, 1])
        losses[b] = _walk(words, contexts, word_squares, context_squares, rows[part], columns[part], logs[part],
                          weights[part], words.dtype.type(rate))
    loss = 0.0
    for b in range(len(bounds)):
        loss += losses[b]
    return loss


@loop
def _walk(words, contexts, word_squares, context_squares, rows, columns, logs, weights, rate):
    D = words.shape[1] - 1
    loss = 0.0
    for k in range(rows.size):
        w, c = words[rows[k]], contexts[columns[k]]
        e = dot(w[:D], c[:D]) + w[D] + c[D] - logs[k]
        g = weights[k] * e
        loss += np.float64(g * e) / 2
        _step(w, c, word_squares[rows[k]], context_squares[columns[k]], rate * g, D)
    return loss


@loop
def _step(w, c, hw, hc, g, D):
    for k in range(D):
        dw, dc = g * c[k], g * w[k]
        w[k] -= dw / np.sqrt(hw[k])
        c[k] -= dc / np.sqrt(hc[k])
        hw[k] += dw * dw
        hc[k] += dc * dc
    w[D] -= g / np.sqrt(hw[D])
    c[D] -= g / np.sqrt(hc[D])
    hw[D] += g * g
    hc[D] += g * g
