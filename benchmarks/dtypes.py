"""What do float16, float32 and float64 change on the spiral: points on the right side, loss, time?

    python benchmarks/dtypes.py [--seeds 5]
"""
import argparse
from statistics import median

import numpy as np
from report import save

from tsuzuri.array import DTYPES
from tsuzuri.train.spiral import train_spiral


def main():
    """Train the same seeds in each type, in turn."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seeds", type=int, default=5)
    seeds = range(parser.parse_args().seeds)
    train_spiral(np.random.default_rng(0), epochs=1)         # compiles
    results = {dtype: [] for dtype in DTYPES}
    for seed in seeds:
        for dtype in DTYPES:
            results[dtype].append(train_spiral(np.random.default_rng(seed), dtype=dtype))
    rows = []
    for dtype, runs in results.items():
        row = {"dtype": dtype, "percent_right": 100 * median(r.accuracy for r in runs),
               "reach_97": sum(r.accuracy >= 0.97 for r in runs), "seeds": len(runs),
               "worst_percent": 100 * min(r.accuracy for r in runs), "loss": median(r.losses[-1] for r in runs),
               "seconds": median(r.seconds for r in runs)}
        print("{dtype:<8} {percent_right:5.1f} % right (worst {worst_percent:.1f}; {reach_97} of {seeds} seeds reach 97)  loss {loss:.4f}  {seconds:.2f} s".format(**row))
        rows.append(row)
    save("dtypes", rows, 1)


if __name__ == "__main__":
    main()
