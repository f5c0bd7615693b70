"""How many tokens a second does one stream of sampling give, beside PyTorch's eager mode?

    python benchmarks/generation.py [--rounds 7]
"""
import argparse

from models import SIZES, THREADS
from report import interleave, save, summary
from worker import Worker

COUNT = 1000
AT_LEAST = 5.0


def main():
    """Measure the three models with an LSTM."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=7)
    options = parser.parse_args()
    save("generation", [_row(size, options.rounds) for size in SIZES], THREADS)


def _row(size, rounds):
    workers = {library: Worker(library, size) for library in ("tsuzuri", "torch")}
    times = interleave(workers, lambda worker: worker.seconds("sample", COUNT), rounds)
    for worker in workers.values():
        worker.close()
    results = {name: summary(seconds[1:]) for name, seconds in times.items()}
    pace = {name: COUNT / result["median_ms"] * 1e3 for name, result in results.items()}
    ratio = pace["tsuzuri"] / pace["torch"]
    print(f"{size:<19} tsuzuri {pace['tsuzuri']:8,.0f} tokens/s  torch {pace['torch']:8,.0f} tokens/s  ratio {ratio:.2f} "
          + (f">= {AT_LEAST}" if ratio >= AT_LEAST else f"MISSES {AT_LEAST} by {AT_LEAST - ratio:.2f}"), flush=True)
    return {"size": size, **results, "tokens_per_second": pace, "ratio": ratio, "at_least": AT_LEAST}


if __name__ == "__main__":
    main()
