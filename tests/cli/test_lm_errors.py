"""What is asked of a language model and does not fit is refused in one sentence, before anything is written."""
import json
import os
import shutil
import subprocess

import numpy as np
import pytest
from command_line import SMALL, call, process, small

from tsuzuri.train.checkpoint import load_arrays, save_arrays
from tsuzuri.train.run import Run, choose

TRANSFORMER = ["--arch", "transformer", "--heads", "2", "--layers", "1"]


@pytest.mark.parametrize(("flags", "sentence"), [
    ([*TRANSFORMER, "--context", "10", "--windows", "varied"], "windows varied does not fit arch transformer, whose windows may not be longer than its context"),
    ([*TRANSFORMER, "--context", "8", "--bptt", "9"], "bptt is 9, but a model of context 8 looks at no more"),
    (["--windows", "varied", "--bptt", "4"], "bptt is 4, but windows varied have at least 5 tokens"),
    (["--dtype", "float16"], "optimizer adam divides by numbers too small for dtype float16"),
    (["--experts", "3"], "experts are the softmaxes of output mixture, not of softmax"),
    (["--connection", "residual", "--tie", "--embedding", "4", "--layers", "2"], "connection residual joins layers of equal length"),
    (["--split-mode", "B"], "split_mode does not fit unit char"),
    (["--minutes", "0"], "minutes is 0.0; it must be above 0."),
])
def test_settings_that_do_not_fit_together_leave_no_folder(flags, sentence, text, tmp_path):
    done = call("lm", "train", text, "--out", tmp_path / "run", *small(*flags))
    assert (done.code, done.err.count("\n")) == (2, 1)
    assert sentence in done.err
    assert not (tmp_path / "run").exists()


def test_a_validation_text_that_is_too_short_is_called_so(text, tmp_path):
    (tmp_path / "short.txt").write_text("a\n")
    done = call("lm", "train", text, "--out", tmp_path / "run", "--valid", tmp_path / "short.txt", *SMALL)
    assert done.code == 2
    assert "the validation text: a corpus of 2 tokens is too short" in done.err


def test_averaging_is_not_stopped_before_it_can_begin():
    settings, origin = choose([("flag", {"data": "a.txt", "optimizer": "nt-asgd"})])
    assert (settings.training.schedule, settings.training.patience) == ("constant", 0)
    assert origin["patience"] == "usual for nt-asgd"


@pytest.fixture
def counted(text, tmp_path, quick):
    assert call("lm", "train", text, "--out", tmp_path / "counted", "--arch", "ngram", "--unit", "char", "--threads", 1).code == 0
    return tmp_path / "counted"


def test_a_dry_run_of_counting(text, tmp_path):
    done = call("lm", "train", text, "--out", tmp_path / "run", "--arch", "ngram", "--unit", "char", "--dry-run")
    assert done.code == 0, done.err
    assert "n-grams     " in done.out


def test_counts_have_no_gradients_and_no_curve(counted):
    assert "has no gradients" in call("check", counted / "config.toml").err
    assert "was counted, not trained" in call("lm", "diagnose", counted).err


@pytest.mark.parametrize("command", [["check", "{run}/config.toml"], ["lm", "forget", "{run}", "--out", "{run}/f.png"]])
def test_a_seed_below_zero(command, counted):
    done = call(*(word.format(run=counted) for word in command), "--seed", "-1")
    assert (done.code, done.err.count("Traceback")) == (2, 0)
    assert "must not be negative" in done.err


def test_an_option_without_its_strategy(counted, text):
    done = call("lm", "evaluate", counted, text, "--option", "weight=0.3")
    assert (done.code, done.err) == (2, "tsuzuri: weight: an option is one of --adapt; add --adapt cache or dynamic, or leave it out.\n")


def test_an_option_that_is_given_twice(counted, text):
    done = call("lm", "evaluate", counted, text, "--adapt", "cache", "--option", "weight=0.3", "--option", "weight=0.2")
    assert (done.code, done.err) == (2, "tsuzuri: option weight is given twice; give it once.\n")


def test_a_line_that_was_being_written_when_all_ended_is_no_obstacle(text, tmp_path, quick):
    assert call("lm", "train", text, "--out", tmp_path / "run", *small("--epochs", 2), "--minutes", "0.0001").code == 0
    run = Run(tmp_path / "run")
    with open(run.clock, "a") as file:
        file.write('{"step": 1, "sec')
    assert call("lm", "train", "--out", run.folder, "--resume").code == 0
    assert all(json.loads(line)["seconds"] > 0 for line in run.clock.read_text().splitlines())


def test_unknown_words_are_spelled_as_the_tokenizer_folds_them(text, tmp_path, quick):
    assert call("lm", "train", text, "--out", tmp_path / "run", *small("--unit", "word", "--lowercase", "--batch-size", 2)).code == 0
    bits = []
    for word in ("zebra", "ZEBRA"):
        (tmp_path / "other.txt").write_text(f"the cat sat\n{word} ran\n" * 5)
        bits.append(json.loads(call("lm", "evaluate", tmp_path / "run", tmp_path / "other.txt", "--json").out)["spelling_bits"])
    assert bits[0] == bits[1] > 0


def test_scores_of_a_text_that_is_no_utf8_are_refused_or_not_as_the_training_was_told(text, tmp_path, quick, counted):
    (tmp_path / "latin.txt").write_bytes(b"caf\xe9\n")
    assert "0xe9 is not UTF-8" in call("lm", "score", counted, tmp_path / "latin.txt").err
    assert call("lm", "train", text, "--out", tmp_path / "run", *SMALL, "--encoding-errors", "ignore").code == 0
    done = call("lm", "score", tmp_path / "run", tmp_path / "latin.txt", "--json")
    assert [json.loads(line)["token"] for line in done.out.splitlines()] == ["c", "a", "f", "\n"]


@pytest.mark.parametrize("given", [("suggest",), ("generate", "--tokens", "2", "--prompt", "caf\udce9")])
def test_what_is_typed_and_is_no_utf8_is_told(given, trained):
    command, *flags = given
    done = process("lm", command, trained, *flags, given=b"caf\xe9\n", PYTHONIOENCODING="utf-8:strict")
    assert done.code == 2
    assert "is not UTF-8" in done.err
    assert "Traceback" not in done.err


def test_how_many_to_explain_with_nothing_to_explain(counted, text):
    done = call("lm", "score", counted, text, "--top", 2)
    assert (done.code, done.err) == (2, "tsuzuri: --top 2 says how many tokens --explain shows; add --explain, or leave it out.\n")
    shown = [len(json.loads(call("lm", "score", counted, text, "--explain", *more, "--json").out.splitlines()[0])["expected"])
             for more in ((), ("--top", 2))]
    assert shown == [3, 2]


def test_the_working_folder_is_not_made_a_run(text, tmp_path, monkeypatch):
    (tmp_path / "empty").mkdir()
    monkeypatch.chdir(tmp_path / "empty")
    done = call("lm", "train", text, "--out", ".", *SMALL)
    assert (done.code, done.err.splitlines()[-1]) == (2, "tsuzuri: . is the working folder; choose another --out, such as a folder in it.")
    assert [*(tmp_path / "empty").iterdir()] == []
    monkeypatch.chdir(tmp_path)
    (tmp_path / "empty" / "file").touch()
    assert "empty exists; go on with --resume" in call("lm", "train", text, "--out", "empty", *SMALL).err


def test_what_killed_preparations_left_is_removed(text, tmp_path, quick):
    """Of this name, and of processes that are no more."""
    gone = subprocess.Popen(["true"])
    gone.wait()
    names = {f".run.{gone.pid}.tmp": False, f".run.{os.getppid()}.tmp": True, f".other.{gone.pid}.tmp": True, ".run.x.tmp": True}
    for name in names:
        (tmp_path / name / "corpus").mkdir(parents=True)
    assert call("lm", "train", text, "--out", tmp_path / "run", *SMALL).code == 0
    assert {name: (tmp_path / name).exists() for name in names} == names


def test_a_corpus_that_was_changed_is_not_trained_on(text, tmp_path, quick):
    """Its size is as it was."""
    assert call("lm", "train", text, "--out", tmp_path / "run", *small("--epochs", 2), "--minutes", "0.0001").code == 0
    ids = Run(tmp_path / "run").folder / "corpus" / "train" / "ids.bin"
    raw = bytearray(ids.read_bytes())
    raw[0] ^= 1
    ids.write_bytes(raw)
    done = call("lm", "train", "--out", tmp_path / "run", "--resume")
    assert done.code == 2
    assert f"{ids}: the ids are not those that corpus.toml speaks of" in done.err


@pytest.mark.parametrize("change", [{"more": 1}, {"rng": {}}, {"rng": 3}, {"optimizer": []}, {"strange.array": np.zeros(3)}], ids=lambda c: str(*c))
def test_a_checkpoint_of_another_make_is_refused(change, trained, tmp_path):
    """The parameters are those of the run; what stands beside them is not."""
    shutil.copytree(trained, tmp_path / "run")
    path = tmp_path / "run" / "last" / "checkpoint.safetensors"
    arrays, record = load_arrays(path)
    for name, value in change.items():
        (arrays if isinstance(value, np.ndarray) else record)[name] = value
    save_arrays(path, arrays, record)
    done = call("lm", "train", "--resume", "--out", tmp_path / "run")
    assert (done.code, done.err.count("Traceback")) == (2, 0)
    assert "checkpoint.safetensors is no checkpoint of this run (" in done.err
