"""A small text and a run trained on it."""
import os
from pathlib import Path

import pytest
from command_line import SMALL, made_up, process


@pytest.fixture(autouse=True)
def clean_environment(monkeypatch):
    """No setting from outside."""
    for name in list(os.environ):
        if name.startswith("TSUZURI_") and name not in ("TSUZURI_DATA", "TSUZURI_COMPILED"):
            monkeypatch.delenv(name)


@pytest.fixture(scope="session")
def text(tmp_path_factory) -> Path:
    path = tmp_path_factory.mktemp("text") / "text.txt"
    path.write_text(made_up(60))
    return path


@pytest.fixture
def quick(monkeypatch):
    """Runs end without a picture, which would load matplotlib."""
    monkeypatch.setattr("tsuzuri.train.language_model.draw_run", lambda run, model: None)


@pytest.fixture(scope="session")
def trained(text, tmp_path_factory) -> Path:
    """A finished run, trained by a process of its own."""
    out = tmp_path_factory.mktemp("runs") / "run"
    done = process("lm", "train", text, "--out", out, *SMALL)
    assert done.code == 0, done.err
    assert done.out == f"{out}\n"
    return out
