"""Every flag of `lm train` is kept in config.toml, and does something: to the bytes of the model, or to what is seen."""
import inspect

import pytest
from command_line import SMALL, call, made_up, small

from tsuzuri.cli.lm import train as lm
from tsuzuri.settings import fields, read
from tsuzuri.train.run import Run, Settings

# Each flag with a value that is not the one of SMALL; "model": the trained bytes differ.
FLAGS = {
    "valid": ("none", "model"), "unit": ("word", "model"), "vocabulary": (12, "model"), "min_count": (40, "model"),
    "lowercase": (True, "model"), "digits": ("zero", "model"), "punctuation": ("drop", "model"), "encoding_errors": ("replace", "other"),
    "arch": ("gru", "model"), "size": (9, "model"), "embedding": (5, "model"), "layers": (2, "model"), "dropout": (0.5, "model"),
    "tie": (True, "model"), "dtype": ("float64", "model"), "batch_size": (5, "model"), "bptt": (11, "model"),
    "accumulate": (3, "model"), "optimizer": ("sgd", "model"), "lr": (0.02, "model"), "weight_decay": (0.5, "model"),
    "schedule": ("constant", "model"), "clip": (0.001, "model"), "epochs": (2, "model"), "patience": (1, "other"),
    "seed": (2, "model"), "threads": (2, "other"), "save_every": (0.0, "other"),
}


@pytest.fixture(scope="module")
def usual(text, tmp_path_factory):
    """The run that the others are compared with."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("tsuzuri.train.language_model.draw_run", lambda *run: None)
        out = tmp_path_factory.mktemp("flags") / "usual"
        assert call("lm", "train", text, "--out", out, *SMALL).code == 0
        return Run(out)


def words(name, value):
    flag = f"--{name.replace('_', '-')}"
    return [flag] if value is True else [flag, str(value)]


def values(run):
    return {name: getattr(getattr(run.settings, section), name) for name, (section, _) in fields(Settings).items()}


def test_the_table_has_every_setting_and_every_flag():
    flags = set(inspect.signature(lm.train).parameters) - {"data", "out", "config", "resume", "dry_run"}
    assert set(FLAGS) == flags == set(fields(Settings)) - {"data"}


@pytest.mark.parametrize("name", FLAGS)
def test_a_flag_is_kept_and_has_an_effect(name, text, tmp_path, usual, quick):
    value, effect = FLAGS[name]
    done = call("lm", "train", text, "--out", tmp_path / "run", *small(*words(name, value)))
    assert done.code == 0, done.err
    run = Run(tmp_path / "run")
    assert values(run) == values(usual) | {name: value}
    assert (run.final.read_bytes() != usual.final.read_bytes()) == (effect == "model")


def test_encoding_errors(tmp_path, quick):
    """strict refuses (test_errors), replace keeps a mark, ignore drops the byte."""
    path = tmp_path / "latin.txt"
    path.write_bytes(made_up(60).encode() + b"caf\xe9\n" * 3 + made_up(5).encode())
    sizes = {}
    for errors in ("replace", "ignore"):
        assert call("lm", "train", path, "--out", tmp_path / errors, *SMALL, "--encoding-errors", errors).code == 0
        sizes[errors] = Run(tmp_path / errors).corpus().characters
        assert ("\ufffd" in Run(tmp_path / errors).tokenizer.decode(Run(tmp_path / errors).corpus().ids)) == (errors == "replace")
    assert sizes["replace"] - sizes["ignore"] == 3


def test_patience(text, tmp_path, quick):
    """A rate so small that nothing moves: no epoch after the first is a new best."""
    slow = ["--lr", "1e-30", "--optimizer", "sgd", "--epochs", "5"]
    count = {}
    for patience in (0, 1):
        done = call("lm", "train", text, "--out", tmp_path / str(patience), *small(*slow, "--patience", patience))
        assert done.code == 0, done.err
        count[patience] = sum("valid_loss" in r for r in Run(tmp_path / str(patience)).logged())
    assert count == {0: 5, 1: 2}


def test_threads(text, tmp_path, quick, monkeypatch):
    import numba

    from tsuzuri.optim import Adam
    seen = []
    monkeypatch.setattr(Adam, "step", lambda self, lr, scale=1.0: seen.append(numba.get_num_threads()))
    for count in (1, 2):
        seen.clear()
        assert call("lm", "train", text, "--out", tmp_path / str(count), *small("--threads", count)).code == 0
        assert set(seen) == {min(count, numba.config.NUMBA_NUM_THREADS)}


@pytest.mark.parametrize(("seconds", "expected"), [(0.0, "each step"), (3600.0, "each epoch")])
def test_save_every(text, tmp_path, quick, monkeypatch, seconds, expected):
    from tsuzuri.train import language_model
    saved, save = [], language_model.save_checkpoint
    monkeypatch.setattr(language_model, "save_checkpoint", lambda *a, **k: (saved.append(1), save(*a, **k)))
    assert call("lm", "train", text, "--out", tmp_path / "run", *SMALL, "--save-every", seconds).code == 0
    steps = Run(tmp_path / "run").logged()[-1]["step"]
    assert len(saved) == (steps + 1 if expected == "each step" else 1)


@pytest.mark.parametrize("optimizer", ["sgd", "momentum", "nesterov", "adagrad", "rmsprop", "adam", "adamw"])
def test_each_optimiser_brings_its_usual_rate_and_decay(text, tmp_path, quick, optimizer):
    from tsuzuri.optim import USUAL_DECAY, USUAL_RATE
    flags = ["--unit", "char", "--size", "8", "--batch-size", "4", "--bptt", "10", "--epochs", "1", "--threads", "1"]
    assert call("lm", "train", text, "--out", tmp_path / "run", *flags, "--optimizer", optimizer).code == 0
    training = read(tmp_path / "run" / "config.toml", Settings).training
    assert (training.lr, training.weight_decay) == (USUAL_RATE[optimizer], USUAL_DECAY[optimizer])


def test_the_config_of_a_run_trains_it_again_to_the_byte(usual, tmp_path, quick):
    assert call("lm", "train", "--config", usual.folder / "config.toml", "--out", tmp_path / "again").code == 0
    again = Run(tmp_path / "again")
    for name in ("config.toml", "model.safetensors", "best/model.safetensors", "last/checkpoint.safetensors", "metrics.jsonl",
                 "tokenizer/tokenizer.toml", "tokenizer/vocab.txt", "corpus/train/ids.bin"):
        assert (again.folder / name).read_bytes() == (usual.folder / name).read_bytes(), name


def test_flags_win_over_the_environment_and_that_over_a_file(text, tmp_path, quick, monkeypatch):
    (tmp_path / "settings.toml").write_text("size = 5\nlayers = 2\nseed = 7\n")
    monkeypatch.setenv("TSUZURI_LAYERS", "1")
    monkeypatch.setenv("TSUZURI_SEED", "8")
    flags = [word for word in SMALL if word not in ("--size", "8")]
    assert call("lm", "train", text, "--out", tmp_path / "run", *flags, "--config", tmp_path / "settings.toml", "--seed", 9).code == 0
    settings = read(tmp_path / "run" / "config.toml", Settings)
    assert (settings.model.size, settings.model.layers, settings.training.seed) == (5, 1, 9)
