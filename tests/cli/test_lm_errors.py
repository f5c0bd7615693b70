"""What is asked of a language model and does not fit is refused in one sentence, before anything is written."""
import json

import pytest
from command_line import SMALL, call, small

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
