"""The matrix products of one training step, timed alone."""
import time

import numpy as np
from models import THREADS
from threadpoolctl import threadpool_limits


def products_ms(size, cell, rounds=7):
    """The median time of all products of a step through NumPy's BLAS with ``THREADS`` threads, in milliseconds."""
    with threadpool_limits(THREADS, user_api="blas"):
        return sum(count * _median_ms(m, k, n, rounds) for count, m, k, n in _products(size, cell))


def _products(size, cell):
    """(how often, M, K, N) of every product; a layer's input is as wide as the layer."""
    rows, gates = size.N * size.T, {"rnn": 1, "gru": 3, "lstm": 4}[cell] * size.H
    return [(1, rows, size.H, size.V), (1, rows, size.V, size.H), (1, size.H, rows, size.V),          # output layer
            (size.L, rows, size.H, gates), (size.L, rows, gates, size.H), (2 * size.L, size.H, rows, gates),
            (size.L * size.T, size.N, size.H, gates), (size.L * size.T, size.N, gates, size.H)]       # step by step


def _median_ms(m, k, n, rounds):
    rng = np.random.default_rng(0)
    a, b, out = rng.random((m, k), "f"), rng.random((k, n), "f"), np.empty((m, n), "f")
    times = []
    for _ in range(rounds):
        start = time.perf_counter()
        np.matmul(a, b, out=out)
        times.append(time.perf_counter() - start)
    return sorted(times)[rounds // 2] * 1e3
