"""Texts that are made up, settings of small runs, and what two runs have in common."""
from pathlib import Path

import numpy as np

WORDS = ["the", "cat", "sat", "on", "a", "mat", "and", "low", "dogs", "ran", "far", "from", "home", "in", "Rain"]
SMALL = {"unit": "char", "size": 8, "layers": 2, "dropout": 0.3, "batch_size": 4, "bptt": 10, "accumulate": 2, "lr": 0.01,
         "schedule": "plateau", "epochs": 3, "patience": 2, "save_every": 0.0}


def made_up(lines: int, seed: int = 0) -> str:
    rng = np.random.default_rng(seed)
    return "".join(" ".join(rng.choice(WORDS, 6)) + ".\n" for _ in range(lines))


def results(folder: Path) -> dict[str, bytes]:
    """What two runs that went the same way have in common, to the byte."""
    names = ("model.safetensors", "best/model.safetensors", "last/checkpoint.safetensors", "metrics.jsonl")
    return {name: (Path(folder) / name).read_bytes() for name in names}


def same(a: Path, b: Path) -> None:
    """Fail with the names of the files that differ."""
    a, b = results(a), results(b)
    assert [name for name in a if a[name] != b[name]] == []


def litter(folder: Path) -> list[str]:
    """Names of temporary files in and beside a run."""
    return [str(p) for p in folder.parent.rglob(".*") if "tmp" in p.name]
