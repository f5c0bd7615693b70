"""Texts that are made up, and runs small enough to be trained in a fraction of a second."""
from pathlib import Path

import numpy as np
import pytest

from tsuzuri.settings import resolve
from tsuzuri.train.language_model import prepare_run, train_run
from tsuzuri.train.run import Run, Settings

WORDS = ["the", "cat", "sat", "on", "a", "mat", "and", "low", "dogs", "ran", "far", "from", "home", "in", "Rain"]
SMALL = {"unit": "char", "size": 8, "layers": 2, "dropout": 0.3, "batch_size": 4, "bptt": 10, "accumulate": 2, "lr": 0.01,
         "schedule": "plateau", "epochs": 3, "patience": 2, "save_every": 0.0}


def made_up(lines: int, seed: int = 0) -> str:
    rng = np.random.default_rng(seed)
    return "".join(" ".join(rng.choice(WORDS, 6)) + ".\n" for _ in range(lines))


@pytest.fixture(scope="session")
def text(tmp_path_factory) -> Path:
    path = tmp_path_factory.mktemp("text") / "text.txt"
    path.write_text(made_up(60))
    return path


@pytest.fixture
def no_curves(monkeypatch):
    """Runs end without a picture, which would load matplotlib."""
    monkeypatch.setattr("tsuzuri.train.language_model.draw_run", lambda run, model: None)


@pytest.fixture
def prepare(text, tmp_path, no_curves):
    """prepare(name, **settings) -> a run folder that is ready to be trained."""
    def prepared(name: str, **settings) -> Run:
        chosen, _ = resolve(Settings, [("test", SMALL | {"data": str(text)} | settings)])
        return prepare_run(chosen, tmp_path / name)
    return prepared


@pytest.fixture
def train(prepare):
    """train(name, **settings) -> a finished run."""
    def trained(name: str, **settings) -> Run:
        run = prepare(name, **settings)
        for _ in train_run(run):
            pass
        return run
    return trained


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
