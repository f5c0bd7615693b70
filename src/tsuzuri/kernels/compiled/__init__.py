"""Numba versions of the inner loops.  Nothing here is imported, and Numba not loaded, before the first one runs.

The loops run on OpenMP's threads.  A worker that spins while it waits for work takes the core that another pool's worker
needs, such as one of NumPy's BLAS: alternating the two cost 6 ms a turn on two cores before the spinning was cut to about
1 ms here (docs/decisions/0004-threads.md).  libgomp reads the setting when it is loaded.
"""
import os
import sys

os.environ.setdefault("GOMP_SPINCOUNT", "20000")

_threads = 0


def set_threads(count: int) -> int:
    """Let the compiled loops use ``count`` threads from now on (0: all that Numba was started with); returns the count before."""
    global _threads
    before, _threads = _threads, count
    if "numba" in sys.modules:
        apply_threads()
    return before


def apply_threads() -> None:
    """Hand the chosen count to Numba, capped at the number it was started with."""
    import numba
    most = numba.config.NUMBA_NUM_THREADS                    # type: ignore[attr-defined]
    numba.set_num_threads(min(_threads or most, most))
