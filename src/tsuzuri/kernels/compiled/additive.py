"""The loops of ``kernels.additive``, compiled: a query and a key at a time, their tanh in a row that stays in the cache."""
import numba
import numpy as np

from tsuzuri.kernels.compiled.softmax import total
from tsuzuri.kernels.compiled.vector import FEW, loop, parallel_loop, tanh


def additive(q, k, v, lengths, scores):
    lengths = lengths.astype(np.int64, copy=False)
    if scores.size * v.size < FEW:
        _score(q, k, v, lengths, scores, 0, 1)
    else:
        _score_all(q, k, v, lengths, scores, numba.get_num_threads())


def additive_back(q, k, v, lengths, dscores, dq, dk, dv):
    lengths = lengths.astype(np.int64, copy=False)
    if dscores.size * v.size < FEW:
        _score_back(q, k, v, lengths, dscores, dq, dk, dv, 0, 1)
    else:
        _score_all_back(q, k, v, lengths, dscores, dq, dk, dv, numba.get_num_threads())


@parallel_loop
def _score_all(q, k, v, lengths, scores, threads):
    for part in numba.prange(threads):
        _score(q, k, v, lengths, scores, part, threads)


@loop
def _score(q, k, v, lengths, scores, first, step):
    """The scores of every ``step``-th query from ``first`` on."""
    N, T, S = scores.shape
    y = np.empty(v.size, v.dtype)
    for r in range(first, N * T, step):
        n, t = r // T, r % T
        seen = min(lengths[n], S)
        for s in range(seen):
            _weighted_tanh(q[n, t], k[n, s], v, y)
            scores[n, t, s] = total(y)
        for s in range(max(seen, 0), S):
            scores[n, t, s] = 0


@loop
def _weighted_tanh(q, k, v, y):
    for a in range(y.size):
        y[a] = v[a] * tanh(q[a] + k[a])


@parallel_loop
def _score_all_back(q, k, v, lengths, dscores, dq, dk, dv, threads):
    for part in numba.prange(threads):
        _score_back(q, k, v, lengths, dscores, dq, dk, dv, part, threads)


@loop
def _score_back(q, k, v, lengths, dscores, dq, dk, dv, first, step):
    """The gradients of every ``step``-th row from ``first`` on."""
    N, T, S = dscores.shape
    y = np.empty(v.size, v.dtype)
    for n in range(first, N, step):
        dq[n] = 0
        dk[n] = 0
        dv[n] = 0
        for t in range(T):
            for s in range(min(lengths[n], S)):
                _tanh_of_sum(q[n, t], k[n, s], y)
                _add_up(dscores[n, t, s], y, dq[n, t], dk[n, s], dv[n])
        dq[n] *= v                                           # once a row, not once a pair
        dk[n] *= v


@loop
def _tanh_of_sum(q, k, y):
    for a in range(y.size):
        y[a] = tanh(q[a] + k[a])


@loop
def _add_up(g, y, dq, dk, dv):
    one = y.dtype.type(1)
    for a in range(y.size):
        u = g * (one - y[a] * y[a])
        dq[a] += u
        dk[a] += u
        dv[a] += g * y[a]
