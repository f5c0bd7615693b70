"""Does the time of a training step grow in proportion to its length?

    python benchmarks/sequence_length.py [--rounds 9]
"""
import argparse

from models import THREADS
from report import save, summary
from worker import Worker

LENGTHS = (35, 100, 350, 1000)
SIZE = "V65-128x2"
WITHIN = 0.15


def main():
    """Measure the time per time step at several lengths."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=9)
    options = parser.parse_args()
    workers = {length: Worker("tsuzuri", SIZE, "lstm", length) for length in LENGTHS}
    times = {length: [] for length in LENGTHS}
    for _ in range(options.rounds):
        for length, worker in workers.items():
            count = 3 * max(LENGTHS) // length               # turns of about the same time, so that no length starts colder
            times[length].append(worker.seconds("steps", count) / count)
    for worker in workers.values():
        worker.close()
    a_step = {length: summary(seconds[1:])["median_ms"] / length for length, seconds in times.items()}
    middle = sorted(a_step.values())[len(a_step) // 2]
    rows = []
    for length, ms in a_step.items():
        off = ms / middle - 1
        print(f"T {length:>5}  {ms * 1e3:7.1f} us a time step  {off:+.1%} {'ok' if abs(off) <= WITHIN else 'NOT within 15 %'}")
        rows.append({"T": length, "us_a_step": ms * 1e3, "off": off})
    save("sequence_length", rows, THREADS)


if __name__ == "__main__":
    main()
