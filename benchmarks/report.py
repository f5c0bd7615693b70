"""Best and median of interleaved measurements, what they ran on, and a JSON file of them."""
import json
import platform
import subprocess
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from statistics import median


def interleave(subjects, measure, rounds):
    """{name: [seconds]}: in each round every subject is measured once, in turn."""
    times = {name: [] for name in subjects}
    for _ in range(rounds):
        for name, subject in subjects.items():
            times[name].append(measure(subject))
    return times


def summary(seconds):
    """Best and median, in milliseconds."""
    return {"best_ms": min(seconds) * 1e3, "median_ms": median(seconds) * 1e3}


def surroundings(threads):
    """What the figures depend on."""
    def have(package):
        try:
            return version(package)
        except PackageNotFoundError:
            return None

    commit = subprocess.run(["git", "rev-parse", "--short", "HEAD"], capture_output=True, text=True, check=False).stdout.strip()
    cpu = next((line.split(":")[1].strip() for line in Path("/proc/cpuinfo").read_text().splitlines()
                if line.startswith("model name")), platform.processor())
    return {"threads": threads, "commit": commit, "python": platform.python_version(), "cpu": cpu,
            **{package: have(package) for package in ("tsuzuri", "numpy", "numba", "torch", "gensim")}}


def save(name, rows, threads):
    """Write ``benchmarks/results/NAME.json``."""
    path = Path(__file__).parent / "results" / f"{name}.json"
    path.parent.mkdir(exist_ok=True)
    path.write_text(json.dumps({"on": surroundings(threads), "rows": rows}, indent=1) + "\n")
    print(f"\n{surroundings(threads)}\nwritten to {path}")
