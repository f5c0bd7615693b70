"""Trainings of models that answer from memory: killed and resumed to the same bytes, what is usual, and a task that is learnt."""
from functools import cache
from tempfile import TemporaryDirectory

import numpy as np
import pytest

from small_runs import litter, same
from tsuzuri.errors import ConfigError, RunError
from tsuzuri.measuring.answering import evaluate_answers
from tsuzuri.train.events import Finished, Stepped
from tsuzuri.train.memory import TRAINING, described, prepare_memory, train_memory, wrong_bits
from tsuzuri.train.memory_run import TASK, MemoryRun
from tsuzuri.train.seq2seq_run import Seq2SeqRun
from tsuzuri.writing.answering import Answerer

TINY = {"bits": 2, "longest": 3, "batches": 5, "batch_size": 4, "epochs": 3, "lr": 0.01, "size": 6, "threads": 1, "save_every": 3600.0}
MACHINE = {"slots": 7, "width": 3}
EVERY_PART = {"lstm controller": MACHINE | {"write_heads": 2, "accumulate": 2}, "feedforward controller": MACHINE | {"controller": "feedforward", "optimizer": "rmsprop"},
              "lstm": {"arch": "lstm", "layers": 2}}
LEARNT = {"bits": 2, "longest": 4, "batches": 100, "batch_size": 16, "epochs": 7, "lr": 0.01, "size": 24, "slots": 12, "width": 6, "threads": 1,
          "controller": "feedforward", "save_every": 3600.0}
_FOLDER: list[TemporaryDirectory] = []


@pytest.fixture(autouse=True)
def no_curves(monkeypatch):
    monkeypatch.setattr("tsuzuri.train.memory.draw_run", lambda run, model: None)


def prepared(folder, **settings):
    return prepare_memory(TASK.choose([("test", TINY | settings)])[0], folder)


def trained(folder, **settings):
    run = prepared(folder, **settings)
    for _ in train_memory(run):
        pass
    return run


@pytest.mark.parametrize("name", EVERY_PART)
def test_a_training_that_is_killed_ends_with_the_same_bytes(name, tmp_path):
    whole = trained(tmp_path / "whole", **EVERY_PART[name])
    for kind, save_every in (("steps", 0.0), ("epochs", 3600.0)):
        broken, limit, over = prepared(tmp_path / kind, **EVERY_PART[name], save_every=save_every), 2, False
        while not over:
            left, events = limit, train_memory(MemoryRun(broken.folder))
            for event in events:
                left -= isinstance(event, Stepped)
                over = isinstance(event, Finished)
                if left < 1 or over:
                    break
            events.close()
            limit += 3 if save_every else 0
        same(whole.folder, broken.folder)
        assert litter(broken.folder) == []
    other = trained(tmp_path / "other", **EVERY_PART[name], seed=2)
    assert other.final.read_bytes() != whole.final.read_bytes()


@cache
def learnt():
    """A machine that copies up to four vectors of two bits, trained once a session."""
    _FOLDER.append(TemporaryDirectory())
    return trained(f"{_FOLDER[0].name}/run", **LEARNT)


def test_a_task_is_learnt():
    """By a controller that sees only this step and what it reads: without its memory half of the bits would be wrong."""
    run = learnt()
    told = [r for r in run.logged() if "wrong_bits" in r]
    assert told[0]["wrong_bits"] > 1
    assert told[-1]["wrong_bits"] < 0.8
    assert told[-1]["valid_loss"] < 0.2


def test_what_is_logged_is_so():
    """The bits that are wrong and the loss, counted anew one by one; on sequences that are none of the training's."""
    run = learnt()
    model = run.load_model()
    best = min((r for r in run.logged() if "wrong_bits" in r), key=lambda r: r["valid_loss"])
    wrong, held_out = [], run.held_out(4)
    for k in range(len(held_out)):
        inputs, targets = held_out[k]
        for row, target in zip(inputs, targets, strict=True):
            p = model.answer(row[None])[0]
            wrong.append(sum((p[t, b] > 0) != target[t, b] for t in range(5, 9) for b in range(2)))
    assert best["wrong_bits"] == pytest.approx(np.mean(wrong))
    assert wrong == wrong_bits(model, held_out).tolist()
    nats = [model.losses(*run.held_out()[k])[0].sum() for k in range(10)]
    bits = [np.isfinite(run.held_out()[k].targets).sum() for k in range(10)]
    assert best["valid_loss"] == pytest.approx(sum(nats) / sum(bits), rel=1e-5)
    seen = {run.batches().epoch(e)[k].inputs.tobytes() for e in (1, 2) for k in range(100)}
    assert not seen & {held_out[k].inputs.tobytes() for k in range(10)}


def test_evaluation_counts_the_sequences_that_were_asked_for():
    answerer = Answerer(learnt().folder)
    whole = evaluate_answers(answerer, 3, 45)
    model, wrong = answerer.model, []
    batches = answerer.drawn(3, rows=20, count=3)
    for k in range(3):
        wrong += wrong_bits(model, batches)[20 * k:20 * (k + 1)].tolist()
    wrong = wrong[:45]
    assert (whole["length"], whole["sequences"], whole["bits"]) == (3, 45, 6.0)
    assert whole["wrong_bits"] == pytest.approx(np.mean(wrong))
    assert whole["wrong"] == pytest.approx(np.mean(wrong) / 6)
    assert whole["right"] == pytest.approx(np.mean(np.array(wrong) == 0))
    assert evaluate_answers(answerer, 3, 45) == whole != evaluate_answers(answerer, 3, 45, seed=2)
    assert evaluate_answers(answerer, sequences=5)["length"] == 4
    with pytest.raises(ConfigError, match="sequences is 0; it must be at least 1"):
        evaluate_answers(answerer, sequences=0)


def test_what_is_watched_is_what_the_model_does():
    seen = Answerer(learnt().folder).watch(4, seed=3)
    assert seen.weights.shape == (9, 2, 12)
    assert seen.reads == 1
    np.testing.assert_allclose(seen.weights.sum(2), 1, rtol=1e-5)
    assert seen.wrong == int(((seen.p[5:] > 0.5) != seen.targets[5:]).sum())
    np.testing.assert_allclose(Answerer(learnt().folder).answer(seen.inputs[None])[0], seen.p, rtol=1e-5)


def test_repetitions_can_be_asked_for(tmp_path):
    run = trained(tmp_path / "run", task="repeat-copy", repeats=2, epochs=1)
    answerer = Answerer(run.folder)
    assert answerer.watch(2, repeats=5).inputs.shape[0] == 2 + 2 + 2 * 5
    assert evaluate_answers(answerer, 2, 3, repeats=5)["bits"] == 3 * (2 * 5 + 1)
    with pytest.raises(ConfigError, match="repeats does not fit task copy; leave it out, or name a run of task repeat-copy"):
        Answerer(learnt().folder).drawn(2, repeats=5)


# Settings

def test_what_is_usual_follows_from_the_task():
    found = {}
    for task in ("copy", "repeat-copy", "recall", "sort"):
        memory = TASK.choose([("test", {"task": task})])[0].memory
        found[task] = memory.shortest, memory.longest, memory.bits
    assert found == {"copy": (1, 20, 8), "repeat-copy": (1, 10, 8), "recall": (2, 6, 6), "sort": (20, 20, 8)}
    assert TASK.choose([("test", {"task": "recall", "longest": 9})])[0].memory.longest == 9


@pytest.mark.parametrize(("given", "message"), [
    ({"task": "copi"}, 'task "copi" is unknown (did you mean "copy"?); choose one of copy, repeat-copy, recall, sort.'),
    ({"repeats": 3}, "repeats does not fit task copy; leave it out, or take task repeat-copy."),
    ({"task": "sort", "item": 2}, "item does not fit task sort; leave it out, or take task recall."),
    ({"bits": 0}, "bits is 0; it must be at least 1."), ({"batches": 0}, "batches is 0; it must be at least 1."),
    ({"longest": 0}, "lengths from 1 to 0 vectors were asked for; the shortest must be at least 1, and the longest at least the shortest."),
    ({"task": "recall", "shortest": 1}, "lengths from 1 to 6 items were asked for; the shortest must be at least 2, and the longest at least the shortest."),
    ({"arch": "lstm", "slots": 9}, "test: slots does not fit arch lstm; leave it out, or take arch ntm."),
    ({"layers": 2}, "test: layers does not fit arch ntm; leave it out, or take arch lstm.")])
def test_settings_that_do_not_fit(given, message):
    with pytest.raises(ConfigError) as error:
        TASK.choose([("test", given)])
    assert str(error.value) == message


def test_a_run_says_what_it_learns_from(tmp_path):
    run = prepared(tmp_path / "run", task="recall", shortest=2, longest=4)
    assert described(run) == "recall of 2 to 4 items of 2 bits, drawn anew for every epoch: 20 sequences"
    assert TRAINING.described(prepared(tmp_path / "one", task="sort", shortest=3)) == "sort of 3 vectors of 2 bits, drawn anew for every epoch: 20 sequences"


def test_a_run_of_another_task_is_refused(tmp_path):
    run = prepared(tmp_path / "run")
    with pytest.raises(RunError, match="is a run of `tsuzuri memory`; use it with the commands of that group"):
        Seq2SeqRun(run.folder)
