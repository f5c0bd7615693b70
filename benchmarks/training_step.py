"""How fast is a training step, and how much memory does it take, beside PyTorch on the same machine in the same run?

Each row also says what share of tsuzuri's time the step's matrix products alone take: the floor that no code around
them can pass.  They are timed through NumPy's BLAS, as large as the step has them.

    python benchmarks/training_step.py [--rounds 9] [--size V65-128x2]
"""
import argparse

from floor import products_ms
from models import SIZES, THREADS
from report import interleave, save, summary
from worker import Worker

TURN = 10                                                    # steps a library takes before the other has its turn
AT_LEAST = {("lstm", "V10000-100x1"): 1.15, ("lstm", "V10000-650x2-tied"): 1.05, ("lstm", "V65-128x2"): 1.0}


def main():
    """Measure every size and cell."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=9)
    parser.add_argument("--size", choices=SIZES, action="append")
    options = parser.parse_args()
    rows = [_row(cell, size, options.rounds) for cell in ("lstm", "gru") for size in options.size or SIZES]
    save("training_step", rows, THREADS)


def _row(cell, size, rounds):
    workers = {library: Worker(library, size, cell) for library in ("tsuzuri", "torch")}
    times = interleave(workers, lambda worker: worker.seconds("steps", TURN) / TURN, rounds)
    memory = {name: worker.peak_megabytes() for name, worker in workers.items()}
    for worker in workers.values():
        worker.close()
    results = {name: summary(seconds[1:]) for name, seconds in times.items()}
    ours, peer = results["tsuzuri"], results["torch"]
    ratio, wanted = peer["median_ms"] / ours["median_ms"], AT_LEAST.get((cell, size), 1.2)
    floor = products_ms(SIZES[size], cell)
    tokens = SIZES[size].N * SIZES[size].T / ours["median_ms"] * 1e3
    print(f"{cell:<5}{size:<19} tsuzuri {ours['median_ms']:7.1f} ms (best {ours['best_ms']:.1f})  torch {peer['median_ms']:7.1f} ms "
          f"(best {peer['best_ms']:.1f})  {tokens:8,.0f} tokens/s  ratio {ratio:.2f} (best {peer['best_ms'] / ours['best_ms']:.2f}) "
          f"{_verdict(ratio, wanted)}  products {floor:.1f} ms = {floor / ours['median_ms']:.0%}  "
          f"memory {memory['tsuzuri']:.0f} / {memory['torch']:.0f} MB", flush=True)
    return {"cell": cell, "size": size, **results, "ratio": ratio, "at_least": wanted, "floor_ms": floor, "memory_mb": memory}


def _verdict(ratio, wanted):
    return f">= {wanted}" if ratio >= wanted else f"MISSES {wanted} by {wanted - ratio:.2f}"


if __name__ == "__main__":
    main()
