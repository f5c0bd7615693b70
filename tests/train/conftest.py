"""Runs small enough to be trained in a fraction of a second."""
from pathlib import Path

import pytest
from small_runs import SMALL, made_up

from tsuzuri.train.language_model import prepare_run, train_run
from tsuzuri.train.run import Run, choose


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
        chosen, _ = choose([("test", SMALL | {"data": str(text), "threads": 1} | settings)])
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
