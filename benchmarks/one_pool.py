"""What a small matrix product costs the large one before it: `kernels.product.matmul` against NumPy's own `a @ b`.

NumPy's wakes the threads of OpenBLAS, and the last of them spins on a core that the next large product's threads need
(docs/decisions/0004-threads.md).

    python benchmarks/one_pool.py [--rounds 20]
"""
import argparse
import time

import numpy as np
from models import THREADS
from report import interleave, save, summary

from tsuzuri.array import threads
from tsuzuri.kernels.product import matmul

LARGE = (1120, 512, 2048)
SMALL = ((256, 256, 14), (128, 128, 64), (2, 512, 1000), (1, 256, 1000), (1, 512, 2000))


def main():
    """Time a large product alone, and with each small one behind it."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=20)
    options = parser.parse_args()
    rng, rows = np.random.default_rng(0), []
    large = _matrices(rng, *LARGE)
    with threads(THREADS):
        for shape in SMALL:
            small = _matrices(rng, *shape)
            ways = {"alone": (), "matmul": (lambda s=small: matmul(*s),), "a @ b": (lambda s=small: np.matmul(*s),)}
            times = interleave(ways, lambda more: _seconds(large, more), options.rounds)
            row = {"shape": shape, **{way: summary(seconds[1:])["median_ms"] for way, seconds in times.items()}}
            rows.append(row)
            print(f"{shape!s:<17} " + "  ".join(f"{way} {row[way]:6.2f} ms" for way in ways), flush=True)
    save("one_pool", rows, THREADS)


def _matrices(rng, m, k, n):
    return rng.random((m, k), "f"), rng.random((k, n), "f")


def _seconds(large, more, turns=10):
    """The seconds of a large product and what follows it, begun when nobody spins any more."""
    time.sleep(0.1)
    began = time.perf_counter()
    for _ in range(turns):
        matmul(*large)
        for small in more:
            small()
    return (time.perf_counter() - began) / turns


if __name__ == "__main__":
    main()
