"""The loops of ``kernels.crf``, compiled: a row at a time, and a step's sums as a product with e^A.

    sum_i e^{a(i) - m + A_ij} = e^{c_j} v_j,    v_j = sum_i u_i E_ij,    u_i = e^{a(i) - m},    E_ij = e^{A_ij - c_j},  c_j = max_i A_ij

So K exponentials are taken a step and not K^2.  Where v_j is so small that terms of it may have been lost, because A and the
sums before differ by dozens, that label's sum is taken term by term.
"""
import math

import numpy as np

from tsuzuri.kernels.compiled.softmax import highest, total
from tsuzuri.kernels.compiled.vector import dot, exp, loop

LEAST = 1e-25                                                # of v: below a term of float32's smallest numbers might count
LOG_LEAST = math.log(LEAST)


def sum_paths(e, A, start, end, lengths, sums, log_z):
    _sum_paths(e, A, start, end, lengths.astype(np.int64, copy=False), sums, log_z, *_scaled(A))


def sum_paths_back(e, A, end, lengths, sums, de, dA, dend):
    _sum_paths_back(e, A, end, lengths.astype(np.int64, copy=False), sums, de, dA, dend, *_scaled(A))


def best_paths(e, A, start, end, lengths, paths):
    _best_paths(e, np.ascontiguousarray(A.T), start, end, lengths.astype(np.int64, copy=False), paths)


def _scaled(A):
    """E (K, K) and c (K)."""
    c = A.max(0, initial=A.dtype.type(-np.inf))
    return np.exp(A - c), c


@loop
def _sum_paths(e, A, start, end, lengths, sums, log_z, E, c):
    N, T, K = e.shape
    a, u, v = np.empty(K, e.dtype), np.empty(K, e.dtype), np.empty(K, e.dtype)
    for n in range(N):
        L, taken = min(lengths[n], T), 0.0
        log_z[n] = 0
        if L < 1:
            continue
        sums[n, 0] = start
        for t in range(1, L):
            _plus(sums[n, t - 1], e[n, t - 1], a)
            taken += _weights(a, u)
            v[:] = 0
            for i in range(K):
                _add(v, u[i], E[i])
            for j in range(K):
                sums[n, t, j] = c[j] + math.log(v[j]) if v[j] > LEAST else _exactly(a, A, j)
        _plus(sums[n, L - 1], e[n, L - 1], a)
        _plus(a, end, a)
        top = _weights(a, u)
        log_z[n] = taken + top + math.log(total(u))


@loop
def _sum_paths_back(e, A, end, lengths, sums, de, dA, dend, E, c):
    N, T, K = e.shape
    a, u, r, G = np.empty(K, e.dtype), np.empty(K, e.dtype), np.empty(K, e.dtype), np.zeros((K, K), e.dtype)
    dA[:] = 0
    dend[:] = 0
    for n in range(N):
        L = min(lengths[n], T)
        de[n, max(L, 0):] = 0
        if L < 1:
            continue
        _plus(sums[n, L - 1], e[n, L - 1], a)
        _plus(a, end, a)
        _weights(a, u)
        de[n, L - 1] = u / total(u)
        dend += de[n, L - 1]
        for t in range(L - 2, -1, -1):
            b, after, d = sums[n, t + 1], de[n, t + 1], de[n, t]
            _plus(sums[n, t], e[n, t], a)
            top = _weights(a, u)
            d[:] = 0
            for j in range(K):
                r[j] = after[j] * exp(c[j] - b[j]) if b[j] - c[j] > LOG_LEAST else 0
                if after[j] > 0 and b[j] - c[j] <= LOG_LEAST:
                    for i in range(K):
                        w = after[j] * exp(a[i] - top + A[i, j] - b[j])
                        dA[i, j] += w
                        d[i] += w
            for i in range(K):
                d[i] += u[i] * dot(E[i], r)
                _add(G[i], u[i], r)
    for i in range(K):
        for j in range(K):
            dA[i, j] += E[i, j] * G[i, j]


@loop
def _best_paths(e, turned, start, end, lengths, paths):
    """``turned`` is A^T: the steps into a label side by side."""
    N, T, K = e.shape
    came = np.empty((T, K), np.int64)
    best, after = np.empty(K, e.dtype), np.empty(K, e.dtype)
    for n in range(N):
        L = min(lengths[n], T)
        if L < 1:
            continue
        for j in range(K):
            best[j] = start[j] + e[n, 0, j]
        for t in range(1, L):
            for j in range(K):
                came[t, j] = _best_step(best, turned[j])
                after[j] = best[came[t, j]] + turned[j, came[t, j]] + e[n, t, j]
            best, after = after, best
        label = _best_step(best, end)
        for t in range(L - 1, -1, -1):
            paths[n, t] = label
            label = came[t, label] if t else label


@loop
def _best_step(best, step):
    """The first i with the largest best_i + step_i."""
    found = 0
    for i in range(1, best.size):
        if best[i] + step[i] > best[found] + step[found]:
            found = i
    return found


@loop
def _weights(a, u):
    """u becomes e^{a - max a}; the maximum."""
    m = highest(a)
    for i in range(a.size):
        u[i] = exp(a[i] - m)
    return m


@loop
def _exactly(a, A, j):
    """log sum_i e^{a_i - max a + A_ij}, term by term."""
    m, top, s = highest(a), a[0] + A[0, j], a.dtype.type(0)
    for i in range(1, a.size):
        top = max(top, a[i] + A[i, j])
    for i in range(a.size):
        s += exp(a[i] + A[i, j] - top)
    return top - m + math.log(s)


@loop
def _plus(x, y, into):
    for j in range(x.size):
        into[j] = x[j] + y[j]


@loop
def _add(into, factor, row):
    for j in range(row.size):
        into[j] += factor * row[j]
