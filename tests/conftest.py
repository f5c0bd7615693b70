"""What every test may use: the folder of real data, small runs, and Hypothesis without a deadline (the first call compiles)."""
import os
from pathlib import Path

import pytest
from hypothesis import settings as hypothesis_settings

from small_runs import SMALL, made_up
from tsuzuri.train.language_model import prepare_run, train_run
from tsuzuri.train.run import Run, choose

hypothesis_settings.register_profile("tsuzuri", deadline=None, max_examples=30, derandomize=True, print_blob=False)
hypothesis_settings.load_profile("tsuzuri")


@pytest.fixture
def data_dir() -> Path:
    """The folder of real data; the test is skipped where there is none."""
    named = os.environ.get("TSUZURI_DATA")
    if not named or not Path(named).is_dir():
        pytest.skip("TSUZURI_DATA does not name a folder of real data")
    return Path(named)


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
