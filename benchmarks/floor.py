"""The matrix products of one training step, timed alone."""
import time
from itertools import pairwise

import numpy as np
from models import THREADS
from threadpoolctl import threadpool_limits


def products_ms(size, cell, rounds=7):
    """The median time of all products of a step through NumPy's BLAS with ``THREADS`` threads, in milliseconds."""
    return stack_products_ms([size.H] * (size.L + 1), cell, size.V, size.N, size.T, rounds)


def stack_products_ms(sizes, cell, V, N, T, rounds=7):
    """The same for layers of any sizes, the length of a token's vector before them."""
    with threadpool_limits(THREADS, user_api="blas"):
        return sum(count * _median_ms(m, k, n, rounds) for count, m, k, n in _products(sizes, cell, V, N, T))


def _products(sizes, cell, V, N, T):
    """(how often, M, K, N) of every product."""
    rows, gates = N * T, {"rnn": 1, "gru": 3, "lstm": 4}[cell]
    found = [(1, rows, sizes[-1], V), (1, rows, V, sizes[-1]), (1, sizes[-1], rows, V)]       # output layer
    for D, H in pairwise(sizes):
        found += [(1, rows, D, gates * H), (1, rows, gates * H, D), (1, D, rows, gates * H), (1, H, rows, gates * H),
                  (T, N, H, gates * H), (T, N, gates * H, H)]                                # the last two step by step
    return found


def _median_ms(m, k, n, rounds):
    rng = np.random.default_rng(0)
    a, b, out = rng.random((m, k), "f"), rng.random((k, n), "f"), np.empty((m, n), "f")
    times = []
    for _ in range(rounds):
        start = time.perf_counter()
        np.matmul(a, b, out=out)
        times.append(time.perf_counter() - start)
    return sorted(times)[rounds // 2] * 1e3
