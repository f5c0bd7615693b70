"""A training that is killed at any moment and resumed ends with the bytes of one that never was."""
import os
import random
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest
from killing import Killed, check_every_write, stopped

from small_runs import litter, made_up, same
from tsuzuri.train.checkpoint import load_arrays
from tsuzuri.train.events import Finished, Stepped, Validated
from tsuzuri.train.language_model import prepare_run, train_run
from tsuzuri.train.run import Run, choose

FLAGS = ["--unit", "char", "--size", "16", "--layers", "2", "--dropout", "0.3", "--batch-size", "4", "--bptt", "12", "--accumulate", "2", "--optimizer", "adam", "--lr", "0.02", "--schedule", "plateau", "--patience", "2", "--epochs", "4", "--save-every", "0", "--threads", "1"]


def train_in_pieces(run: Run, steps: int) -> int:
    """Train to the end, breaking off and starting again; returns how often.  Without checkpoints at every step each attempt
    goes on for longer, or it would never come as far as an epoch."""
    stops, limit = 0, steps
    while stopped(train_run, run, limit):
        stops += 1
        limit += steps if run.settings.training.save_every else 0
    return stops


# In one process: the training is stopped at every point where it could be, by count.

@pytest.mark.parametrize("save_every", [0.0, 3600.0], ids=["saving at each step", "saving at each epoch"])
@pytest.mark.parametrize("steps", [1, 2, 7, 11])
def test_stopped_after_every_few_steps(train, prepare, steps, save_every, tmp_path):
    """Where checkpoints are an epoch apart, what came after the last one is done again.

    What validates is characters that are never learnt, so it gets worse: the rate falls, and the training ends early.
    """
    (tmp_path / "other.txt").write_text("?!?!?!?!?!\n" * 10)
    rough = {"valid": str(tmp_path / "other.txt"), "epochs": 7, "bptt": 20, "patience": 3}
    whole, broken = train("whole", **rough), prepare("broken", save_every=save_every, **rough)
    records = whole.logged()
    assert len({r["lr"] for r in records if "lr" in r}) == 3
    assert len([r for r in records if "valid_loss" in r]) == 4
    assert train_in_pieces(broken, steps) >= 2
    same(whole.folder, broken.folder)


def test_stopped_at_every_write(train, prepare, monkeypatch):
    """Killed before and after each rename that a training makes, one after the other."""
    whole = train("whole", save_every=3600.0, epochs=2)
    fresh = prepare("fresh", save_every=3600.0, epochs=2)
    check_every_write(train_run, whole, fresh, 3, monkeypatch)           # at least: best, checkpoint, final


def test_a_finished_run_that_is_resumed_stays_as_it_is(train):
    run = train("whole")
    before = {path: path.read_bytes() for path in run.folder.rglob("*") if path.is_file()}
    events = list(train_run(Run(run.folder)))
    assert [type(event) for event in events] == [Finished]
    assert before == {path: path.read_bytes() for path in run.folder.rglob("*") if path.is_file()}


def test_leftovers_of_a_kill_are_removed(prepare):
    run = prepare("run")
    for name in ("last/.checkpoint.safetensors.7.tmp", "best/.tmpA1b2", ".model.safetensors.7.tmp"):
        path = run.folder / name
        path.parent.mkdir(exist_ok=True)
        path.write_bytes(b"half")
    list(train_run(run))
    assert litter(run.folder) == []


def test_a_folder_left_by_a_killed_process_of_the_same_number_is_no_obstacle(prepare, tmp_path):
    """In a container every process may be number 7."""
    (tmp_path / f".run.{os.getpid()}.tmp").mkdir()
    assert prepare("run").folder.exists()
    assert litter(tmp_path / "run") == []


# The same with every part of a training switched on.

SHORT = {"bptt": 15, "accumulate": 2, "patience": 0}
REGULARISED = {"dropout": 0.1, "input_dropout": 0.1, "output_dropout": 0.2, "embedding_dropout": 0.05, "state_dropout": 0.1,
               "weight_drop": 0.1, "activation_penalty": 0.5, "temporal_penalty": 0.5}
AVERAGED = {"optimizer": "nt-asgd", "lr": 8.0, "clip": 0.5, "schedule": "constant", "windows": "varied", "epochs": 12}
LSTM = {"arch": "lstm", "connection": "highway", "dropout_kind": "variational", "output": "mixture", "experts": 2} | REGULARISED | AVERAGED
TRANSFORMER = {"arch": "transformer", "heads": 2, "context": 16, "windows": "random", "optimizer": "adamw", "schedule": "cosine"}
EVERY_PART = {
    "lstm, highway, mixture, varied, averaged": LSTM,
    "gru, tied, element dropout": LSTM | {"arch": "gru", "dropout_kind": "element", "output": "softmax", "experts": 0, "tie": True},
    "gru, residual, adaptive": {"arch": "gru", "connection": "residual", "output": "adaptive", "windows": "varied", "optimizer": "momentum",
                                "embedding": 6} | REGULARISED,
    "transformer, rotary": TRANSFORMER | {"positions": "rotary"},
    "transformer, learnt, free": TRANSFORMER | {"positions": "learnt", "tie": False},
}


@pytest.fixture
def short_text(tmp_path):
    path = tmp_path / "short.txt"
    path.write_text(made_up(30))
    return {"data": str(path)} | SHORT


@pytest.mark.parametrize(("name", "steps", "save_every"), [
    *((name, 3, 0.0) for name in EVERY_PART), ("lstm, highway, mixture, varied, averaged", 1, 0.0),
    ("lstm, highway, mixture, varied, averaged", 11, 3600.0), ("transformer, rotary", 4, 3600.0)])
def test_every_part_of_a_training_goes_on_where_it_stopped(name, steps, save_every, train, prepare, short_text):
    settings = short_text | EVERY_PART[name]
    whole, broken = train("whole", **settings), prepare("broken", **settings, save_every=save_every)
    assert train_in_pieces(broken, steps) >= 3
    same(whole.folder, broken.folder)
    if name.startswith("lstm"):
        averaging_has_begun(whole)


def averaging_has_begun(run: Run) -> None:
    """In good time, and the weights that are kept are an average: not those with which the training would go on."""
    arrays, notes = load_arrays(run.checkpoint)
    last = [r for r in run.logged() if "valid_loss" in r][-1]
    a_step = last["step"] / last["epoch"]
    assert 2 * a_step < notes["optimizer"]["averaged"] < last["step"] - 4 * a_step
    assert last["best"]
    kept = load_arrays(run.final)[0]
    for key, a in kept.items():
        np.testing.assert_array_equal(a, arrays[f"optimizer.average.{key}"])
        assert (a != arrays[f"model.{key}"]).any()


@pytest.mark.parametrize("name", ["lstm, highway, mixture, varied, averaged", "transformer, learnt, free"])
def test_a_training_of_some_moments_at_a_time_ends_with_the_same_bytes(name, train, prepare, short_text):
    """Whatever the minutes, each time brings it at least one step on and leaves a checkpoint; the last one finishes it."""
    settings = short_text | EVERY_PART[name] | {"epochs": 8}
    whole, broken = train("whole", **settings), prepare("broken", **settings, save_every=3600.0)
    reached, over = [0], False
    while not over:
        events = list(train_run(Run(broken.folder), minutes=1e-9))
        over = isinstance(events[-1], Finished)
        reached.append(load_arrays(broken.checkpoint)[1]["step"])
        assert reached[-1] - reached[-2] == sum(isinstance(event, Stepped) for event in events)
        assert reached[-1] > reached[-2] or isinstance(events[0], Validated)
    assert len(reached) > 30
    same(whole.folder, broken.folder)


# Counts, which are there at once or not at all: without a checkpoint.

@pytest.fixture
def count(text, tmp_path):
    """count(name) -> a run folder that is ready to be counted."""
    settings, _ = choose([("test", {"data": str(text), "arch": "ngram", "order": 3, "unit": "char", "threads": 1})])
    return lambda name: prepare_run(settings, tmp_path / name)


def same_counts(a: Path, b: Path) -> None:
    for name in ("model.safetensors", "metrics.jsonl"):
        assert (a / name).read_bytes() == (b / name).read_bytes(), name
    assert len(Run(b).logged()) == 1


@pytest.fixture
def counted(count):
    run = count("whole")
    list(train_run(run))
    return run


def test_counts_stopped_at_every_write(counted, count, monkeypatch):
    check_every_write(train_run, counted, count("fresh"), 1, monkeypatch, same_counts)


@pytest.mark.parametrize("method", ["log", "clocked"])
def test_counts_stopped_behind_a_line(method, counted, count, monkeypatch):
    """That is appended, not renamed, before the model is there."""
    broken, append = count("broken"), getattr(Run, method)

    def killed(self, *given):
        append(self, *given)
        raise Killed

    monkeypatch.setattr(Run, method, killed)
    with pytest.raises(Killed):
        list(train_run(broken))
    assert not broken.final.exists()
    monkeypatch.undo()
    list(train_run(Run(broken.folder)))
    same_counts(counted.folder, broken.folder)


def test_what_a_kill_left_of_counting_is_no_obstacle(count):
    run = count("left")
    (run.folder / ".model.safetensors.7.tmp").write_bytes(b"half")
    run.clock.write_text('{"step": 1, "sec')
    list(train_run(run))
    assert not list(run.folder.rglob("*.tmp"))
    assert Run(run.folder).seconds() >= 0


def test_counts_that_are_there_are_not_counted_again(counted, count):
    run = count("again")
    list(train_run(run))
    before = {path: path.read_bytes() for path in run.folder.rglob("*") if path.is_file()}
    assert [type(event) for event in train_run(Run(run.folder))] == [Finished]
    assert {path: path.read_bytes() for path in run.folder.rglob("*") if path.is_file()} == before


# In processes of their own, with SIGKILL.

def command(text: Path, out: Path, *more: str) -> list[str]:
    return [sys.executable, "-c", "from tsuzuri.cli import main; main()", "lm", "train", str(text), "--out", str(out), *FLAGS, *more]


def start(text: Path, out: Path) -> subprocess.Popen:
    return subprocess.Popen(command(text, out, "--resume"), stdout=subprocess.DEVNULL, stderr=subprocess.PIPE)


def finish(process: subprocess.Popen) -> None:
    error = process.communicate(timeout=60)[1].decode()
    assert process.returncode in (0, -signal.SIGKILL), error


def kill_when(process: subprocess.Popen, reached, limit: float = 30) -> bool:
    """Kill as soon as ``reached()``; False where the process ended before that."""
    end = time.monotonic() + limit
    while process.poll() is None and time.monotonic() < end:
        if reached():
            process.send_signal(signal.SIGKILL)
            finish(process)
            return True
    finish(process)
    return False


def entries(folder: Path) -> list[str]:
    try:
        return os.listdir(folder)
    except FileNotFoundError:
        return []


def test_sigkill_again_and_again(tmp_path):
    """While it prepares, in the middle of saves, and at random moments: nine kills."""
    text, whole, run = tmp_path / "text.txt", tmp_path / "whole" / "run", tmp_path / "killed" / "run"
    text.write_text(made_up(150))
    finish(subprocess.Popen(command(text, whole), stdout=subprocess.DEVNULL, stderr=subprocess.PIPE))
    rng = random.Random(0)

    assert kill_when(start(text, run), lambda: entries(run.parent))                     # the preparation has begun
    assert not run.exists()
    corpus = lambda: [p for p in entries(run.parent) if (run.parent / p / "corpus").exists()]  # noqa: E731
    assert kill_when(start(text, run), corpus)                                          # ... has its tokenizer
    shutil.rmtree(run.parent)

    assert kill_when(start(text, run), lambda: "checkpoint.safetensors" in entries(run / "last"))
    saves = kills = 0
    for k in range(6):
        before = (run / "last" / "checkpoint.safetensors").stat().st_mtime_ns
        moved = lambda old=before: (run / "last" / "checkpoint.safetensors").stat().st_mtime_ns != old  # noqa: E731
        if k % 2:                                            # at some moment after the first new checkpoint
            at = None
            def reached(moved=moved):
                nonlocal at
                at = at or (moved() and time.monotonic() + rng.uniform(0, 0.3))
                return at and time.monotonic() >= at
        else:                                                # in the middle of a save
            def reached(moved=moved):
                return moved() and any("tmp" in name for name in entries(run / "last"))
        kills += kill_when(start(text, run), reached)
        saves += any("tmp" in name for name in entries(run / "last"))
    finish(start(text, run))
    assert kills >= 4
    assert saves >= 1
    same(whole, run)
    assert litter(run) == []


def test_resume_needs_no_flags_but_the_folder(train, prepare, text):
    """The settings are the run's own; and they cannot be changed on the way."""
    whole, run = train("whole"), prepare("run")
    events = train_run(run)
    for event in events:
        if isinstance(event, Validated):
            break
    events.close()
    main = [sys.executable, "-c", "from tsuzuri.cli import main; main()", "lm", "train", "--resume", "--out", str(run.folder)]
    refused = subprocess.run([*main, "--lr", "0.5"], capture_output=True, text=True)
    assert refused.returncode == 2
    assert "lr" in refused.stderr
    assert subprocess.run(main, capture_output=True).returncode == 0
    same(whole.folder, run.folder)


def test_a_run_that_another_process_trains_is_refused(tmp_path):
    from tsuzuri.files import held_alone
    with held_alone(tmp_path / "metrics.jsonl") as first, held_alone(tmp_path / "metrics.jsonl") as second:
        assert (first, second) == (True, False)
