"""The commands of memory: every setting is a flag that does something, what they print is so, and bad input is one sentence."""
import json
import re

import numpy as np
import pytest
from command_line import Group, help_of, settings_of, values

from small_runs import results
from tsuzuri.cli.memory import train, use
from tsuzuri.measuring.answering import evaluate_answers
from tsuzuri.models.memory import ARCHITECTURES
from tsuzuri.settings import fields
from tsuzuri.train.memory_run import TASK, MemoryRun
from tsuzuri.writing.answering import Answerer

COMMANDS = {"train": train.train, "evaluate": use.evaluate, "show": use.show}
TINY = {"--bits": "2", "--longest": "3", "--batches": "4", "--batch-size": "4", "--size": "6", "--slots": "7", "--width": "3", "--epochs": "1", "--lr": "0.01",
        "--threads": "1"}
GROUP = Group("memory", TINY)
ok, refused, tiny = GROUP.ok, GROUP.refused, GROUP.tiny


@pytest.fixture(autouse=True)
def quick_memory(monkeypatch):
    """Runs end without a picture, which would load matplotlib."""
    monkeypatch.setattr("tsuzuri.train.memory.draw_run", lambda run, model: None)


def base(out, *flags, task="copy", without=()):
    ok("train", task, "--out", out, *tiny(*flags, without=without))
    return MemoryRun(out)


@pytest.fixture(scope="module")
def usual(tmp_path_factory):
    """The run that the others are compared with."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("tsuzuri.train.memory.draw_run", lambda run, model: None)
        return base(tmp_path_factory.mktemp("flags") / "usual")


@pytest.mark.parametrize("name", COMMANDS)
def test_help_has_examples_and_every_parameter(name):
    GROUP.check_help(name, COMMANDS[name])


def test_every_setting_of_every_architecture_is_a_flag():
    flags = settings_of(train.train)
    assert flags == set(TASK.all_settings())


def test_the_defaults_in_the_help_are_the_defaults():
    """As they are said of each setting: [default: ...; a task: ...]."""
    text, checked = help_of(train.train), 0
    for arch in ARCHITECTURES:
        for task in ("copy", "repeat-copy", "recall", "sort"):
            settings, _ = TASK.choose([("test", {"task": task, "arch": arch})])
            kinds = fields(TASK.settings_type(arch))
            for name, said in re.findall(r"^(\w+)\n    .*\[default: (.*?)\]", text, re.M):
                if name in kinds and name not in ("lr", "threads", "task", "arch", "weight_decay"):
                    parts = dict(part.split(": ", 1) if ": " in part else ("", part) for part in said.split("; "))
                    value = getattr(getattr(settings, kinds[name][0]), name)
                    wanted = parts.get(task, parts[""])
                    assert str(value) == wanted or float(value) == float(wanted), (name, task)
                    checked += 1
    assert checked > 150


FLAGS = {
    "bits": (3, "model"), "shortest": (2, "model"), "longest": (4, "model"), "batches": (5, "model"),
    "controller": ("feedforward", "model"), "size": (5, "model"), "slots": (5, "model"), "width": (2, "model"), "read_heads": (2, "model"), "write_heads": (2, "model"),
    "shift": (2, "model"), "dtype": ("float64", "model"), "batch_size": (3, "model"), "accumulate": (2, "model"), "optimizer": ("sgd", "model"), "lr": (0.02, "model"),
    "weight_decay": (0.5, "model"), "schedule": ("cosine", "model"), "clip": (0.001, "model"), "epochs": (2, "model"), "patience": (1, "other"), "seed": (2, "model"),
    "threads": (2, "other"), "save_every": (0.0, "other"),
}
BESIDE = {"repeats": ("repeat-copy", [], 3), "item": ("recall", ["--shortest", "2"], 2), "layers": ("copy", ["--arch", "lstm"], 2)}


def test_the_tables_have_every_setting():
    assert set(FLAGS) | set(BESIDE) | {"task", "arch"} == set(TASK.all_settings())


@pytest.mark.parametrize("name", FLAGS)
def test_a_flag_is_kept_and_has_an_effect(name, tmp_path, usual):
    value, effect = FLAGS[name]
    run = base(tmp_path / "run", f"--{name.replace('_', '-')}", value)
    assert values(run) == values(usual) | {name: value} | ({"lr": 0.01} if name == "optimizer" else {})
    assert (run.final.read_bytes() != usual.final.read_bytes()) == (effect == "model")


@pytest.mark.parametrize("name", BESIDE)
def test_a_flag_has_an_effect_beside_another(name, tmp_path):
    task, flags, value = BESIDE[name]
    without = ("--slots", "--width") if name == "layers" else ()
    one = base(tmp_path / "one", *flags, task=task, without=without)
    other = base(tmp_path / "other", *flags, f"--{name}", value, task=task, without=without)
    assert values(other) == values(one) | {name: value}
    assert one.final.read_bytes() != other.final.read_bytes()


def test_the_task_is_what_is_trained_on(tmp_path, usual):
    run = base(tmp_path / "run", "--shortest", 1, task="sort")
    assert values(run) == values(usual) | {"task": "sort"}
    assert run.final.read_bytes() != usual.final.read_bytes()
    assert json.loads(ok("evaluate", run.folder, "--json").out)["task"] == "sort"


def test_patience(tmp_path):
    """A rate so small that nothing moves: no epoch after the first is a new best."""
    for patience, count in ((0, 4), (1, 2)):
        run = base(tmp_path / str(patience), "--lr", "1e-30", "--optimizer", "sgd", "--epochs", "4", "--patience", patience)
        assert sum("valid_loss" in r for r in run.logged()) == count


def test_settings_of_a_file_minutes_and_resume(tmp_path, usual):
    ok("train", "--config", usual.folder / "config.toml", "--out", tmp_path / "again")
    assert results(tmp_path / "again") == results(usual.folder)
    done = ok("train", "copy", "--out", tmp_path / "run", *tiny(), "--minutes", "1e-9")
    assert "left after 1e-09 minutes; go on with `tsuzuri memory train --resume --out" in done.err
    assert "has no finished epoch yet; go on with `tsuzuri memory train --resume --out" in refused("evaluate", tmp_path / "run")
    assert "slots was 7 when the run began, but is 9 now (flag)" in refused("train", "--resume", "--out", tmp_path / "run", "--slots", "9")
    ok("train", "--resume", "--out", tmp_path / "run")
    assert results(tmp_path / "run") == results(usual.folder)


def test_a_dry_run_tells_and_writes_nothing(tmp_path):
    done = ok("train", "recall", "--out", tmp_path / "run", *tiny(), "--dry-run")
    assert not (tmp_path / "run").exists()
    rows = {line.split()[0]: line.split()[1:] for line in done.out.splitlines() if line.split()}
    assert rows["slots"] == ["7", "flag"]
    assert rows["shortest"] == ["2", "usual", "for", "ntm"]
    assert {"data", "parameters", "steps", "memory", "time"} <= rows.keys()


def test_a_finished_run_has_its_pictures(tmp_path, monkeypatch):
    monkeypatch.undo()
    run = base(tmp_path / "run")
    assert (run.folder / "curves.png").read_bytes()[:4] == b"\x89PNG"
    assert "TuringLSTM" in (run.folder / "graph.svg").read_text()


# What is asked of a run

def test_evaluate_prints_what_the_measures_are(usual):
    wanted = evaluate_answers(Answerer(usual.folder), 5, 30, 4)
    assert json.loads(ok("evaluate", usual.folder, "--length", 5, "--sequences", 30, "--seed", 4, "--json").out) == pytest.approx(wanted)
    line = ok("evaluate", usual.folder, "--length", 5, "--sequences", 30, "--seed", 4).out
    assert line.startswith("30 sequences of 5 vectors: ")
    assert f"{wanted['wrong_bits']:.4g} wrong bits of 10 a sequence ({100 * wanted['wrong']:.2f} %)" in line
    assert ok("evaluate", usual.folder).out.startswith("100 sequences of 3 vectors: ")


def test_repetitions_of_evaluate_and_show(tmp_path):
    run = base(tmp_path / "run", task="repeat-copy")
    assert json.loads(ok("evaluate", run.folder, "--length", 2, "--repeats", 7, "--json").out)["bits"] == 3 * (2 * 7 + 1)
    ok("show", run.folder, "--length", 2, "--repeats", 7, "--out", tmp_path / "seven.svg")
    ok("show", run.folder, "--length", 2, "--repeats", 1, "--out", tmp_path / "one.svg")
    assert (tmp_path / "seven.svg").read_text() != (tmp_path / "one.svg").read_text()


def test_show_draws_what_was_asked_for(usual, tmp_path):
    pictures = {}
    for name, flags in {"usual": [], "again": ["--seed", 1, "--length", 3], "longer": ["--length", 6], "other": ["--seed", 2], "titled": ["--title", "A memory"]}.items():
        done = ok("show", usual.folder, *flags, "--out", tmp_path / f"{name}.svg")
        pictures[name] = (tmp_path / f"{name}.svg").read_bytes()
        assert re.fullmatch(r"\d+ wrong bits\n", done.out)
        assert done.err.endswith(f"drawn: {tmp_path / name}.svg\n")
    assert pictures["usual"] == pictures["again"]
    assert len(set(pictures.values())) == 4


@pytest.mark.parametrize(("words", "message"), [
    (["evaluate", "RUN", "--length", "0"], "--length is 0; it must be at least 1."), (["show", "RUN", "--out", "a.png", "--length", "-3"], "--length is -3; it must be at least 1."),
    (["evaluate", "RUN", "--sequences", "0"], "sequences is 0; it must be at least 1."), (["evaluate", "RUN", "--repeats", "2"], "repeats does not fit task copy; "),
    (["evaluate", "nowhere"], "nowhere is no run folder (it has no config.toml); name one that `tsuzuri memory train` wrote."),
    (["show", "RUN", "--out", "a.txt"], '"a.txt" is no name for a picture; let it end in .png, .svg, .pdf.'),
    (["train", "copi", "--out", "new"], 'task "copi" is unknown (did you mean "copy"?)'), (["train", "copy", "--out", "new", "--bits", "0"], "bits is 0; it must be at least 1."),
    (["train", "copy", "--out", "new", "--arch", "lstm", "--slots", "5"], "flag: slots does not fit arch lstm; leave it out, or take arch ntm."),
    (["train", "sort", "--out", "new", "--repeats", "5"], "repeats does not fit task sort; leave it out, or take task repeat-copy.")])
def test_bad_input_is_one_sentence_and_writes_nothing(words, message, usual, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert message in refused(*[usual.folder if word == "RUN" else word for word in words])
    assert [*tmp_path.iterdir()] == []


def test_an_lstm_has_no_memory_to_show(tmp_path):
    run = base(tmp_path / "run", "--arch", "lstm", without=("--slots", "--width"))
    assert "is an LSTM, which has no memory to look at; name a run of arch ntm." in refused("show", run.folder, "--out", tmp_path / "a.png")
    assert ok("evaluate", run.folder).code == 0
    assert Answerer(run.folder).watch().weights is None


def test_from_python(tmp_path):
    import tsuzuri
    events = []
    memory = tsuzuri.train_memory("copy", tmp_path / "run", report=events.append, bits=2, longest=3, batches=2, batch_size=2, epochs=1, size=4, slots=5, width=3)
    assert len(events) == 4
    assert memory.evaluate(2, sequences=3)["bits"] == 4
    seen = tsuzuri.Memory.from_pretrained(tmp_path / "run").watch(2)
    np.testing.assert_allclose(memory.predict(seen.inputs[None])[0], seen.p, rtol=1e-5)
