"""Every flag of `lm train` is kept in config.toml, and does something: to the bytes of the model, or to what is seen."""

import pytest
from command_line import SMALL, call, made_up, settings_of, small

from tsuzuri.cli.lm import train as lm
from tsuzuri.settings import fields
from tsuzuri.train.run import Run, all_settings, read_settings, settings_type

# Each flag with a value that is not the one of the base run; "model": the trained bytes differ.
TEXT = {
    "valid": ("none", "model"), "unit": ("word", "model"), "vocabulary": (12, "model"), "min_count": (40, "model"),
    "lowercase": (True, "model"), "digits": ("zero", "model"), "punctuation": ("drop", "model"),
    "encoding_errors": ("replace", "other"),
}
RECURRENT = TEXT | {
    "arch": ("gru", "model"), "size": (9, "model"), "embedding": (5, "model"), "start": ("even", "model"), "layers": (2, "model"), "dropout": (0.5, "model"),
    "input_dropout": (0.5, "model"), "output_dropout": (0.5, "model"), "embedding_dropout": (0.5, "model"),
    "state_dropout": (0.5, "model"), "weight_drop": (0.5, "model"), "activation_penalty": (2.0, "model"),
    "temporal_penalty": (2.0, "model"), "output": ("mixture", "model"),
    "tie": (True, "model"), "dtype": ("float64", "model"), "batch_size": (5, "model"), "bptt": (11, "model"),
    "windows": ("varied", "model"), "accumulate": (3, "model"), "optimizer": ("sgd", "model"), "lr": (0.02, "model"),
    "weight_decay": (0.5, "model"), "schedule": ("constant", "model"), "clip": (0.001, "model"), "epochs": (2, "model"),
    "patience": (1, "other"), "seed": (2, "model"), "threads": (2, "other"), "save_every": (0.0, "other"),
}
# Flags that do something only beside another: the base is the small run with that other.
BESIDE = {
    "dropout_kind": (["--dropout", "0.5"], "variational"), "connection": (["--layers", "2"], "highway"),
    "experts": (["--output", "mixture"], 2),
}
TRANSFORMER = {"heads": 4, "context": 12, "positions": "rotary", "layers": 2, "dropout": 0.0, "size": 12, "tie": False}
NGRAM = {"order": 2, "smoothing": "kneser-ney"}
BASES = {"transformer": ["--arch", "transformer", "--heads", "2", "--context", "10", "--layers", "1", "--dropout", "0.3", "--positions", "learnt"],
         "ngram": ["--arch", "ngram", "--unit", "char"]}
ELSEWHERE = {"nfkc", "aozora", "split_mode"}                 # below, on Japanese


def base(text, out, *flags):
    """A run with the small settings and ``flags``."""
    chosen = flags if "ngram" in flags else small(*flags)
    done = call("lm", "train", text, "--out", out, *chosen)
    assert done.code == 0, done.err
    return Run(out)


@pytest.fixture(scope="module")
def usual(text, tmp_path_factory):
    """The run that the others are compared with."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("tsuzuri.train.language_model.draw_run", lambda *run: None)
        return base(text, tmp_path_factory.mktemp("flags") / "usual")


def words(name, value):
    flag = f"--{name.replace('_', '-')}"
    return [flag] if value is True else [f"--no-{name}"] if value is False else [flag, str(value)]


def values(run):
    known = fields(settings_type(run.settings.model.arch))
    return {name: getattr(getattr(run.settings, section), name) for name, (section, _) in known.items()}


def test_the_tables_have_every_setting_and_every_flag():
    flags = settings_of(lm.train) - {"data"}
    tables = set(RECURRENT) | set(BESIDE) | set(TRANSFORMER) | set(NGRAM) | ELSEWHERE
    assert tables == flags == set(all_settings()) - {"data"}


@pytest.mark.parametrize("name", RECURRENT)
def test_a_flag_is_kept_and_has_an_effect(name, text, tmp_path, usual, quick):
    value, effect = RECURRENT[name]
    run = base(text, tmp_path / "run", *words(name, value))
    assert values(run) == values(usual) | {name: value}
    assert (run.final.read_bytes() != usual.final.read_bytes()) == (effect == "model")


@pytest.mark.parametrize("name", BESIDE)
def test_a_flag_has_an_effect_beside_another(name, text, tmp_path, quick):
    flags, value = BESIDE[name]
    one, other = base(text, tmp_path / "one", *flags), base(text, tmp_path / "other", *flags, *words(name, value))
    assert values(other) == values(one) | {name: value}
    assert one.final.read_bytes() != other.final.read_bytes()


@pytest.mark.parametrize(("arch", "name", "value"), [(arch, *item) for arch, table in (("transformer", TRANSFORMER), ("ngram", NGRAM))
                                                    for item in table.items()])
def test_a_flag_of_another_architecture_has_an_effect(arch, name, value, text, tmp_path, quick):
    flags = BASES[arch]
    one, other = base(text, tmp_path / "one", *flags), base(text, tmp_path / "other", *_replaced(flags, words(name, value)))
    assert values(other) == values(one) | {name: value}
    assert one.final.read_bytes() != other.final.read_bytes()


def _replaced(flags, more):
    """``flags`` (--flag value ...) without the one that ``more`` gives."""
    pairs = zip(flags[::2], flags[1::2], strict=True)
    return [word for pair in pairs if pair[0] != more[0] for word in pair] + more


def test_a_flag_that_does_not_fit_the_architecture_is_refused(text, tmp_path):
    done = call("lm", "train", text, "--out", tmp_path / "run", "--heads", "4")
    assert (done.code, done.err.strip()) == (
        2, "tsuzuri: flag: heads does not fit arch lstm; leave it out, or take arch transformer.")
    assert not (tmp_path / "run").exists()


def test_japanese_flags(tmp_path, quick):
    """Ruby goes, full-width letters become plain, long words are cut or not."""
    text = tmp_path / "text.txt"
    text.write_text("吾輩《わがはい》はＣａｔである。\n選挙管理委員会と言う。\n" * 40, encoding="utf-8")

    def kinds(name, *flags):
        run = base(text, tmp_path / name, *flags)
        return {run.tokenizer.decode([k]) for k in range(len(run.tokenizer))}

    assert {"《", "Ｃ"} <= kinds("plain")
    assert "《" not in kinds("clean", "--aozora", "clean")
    assert "Ｃ" not in kinds("nfkc", "--nfkc")
    pytest.importorskip("sudachipy")
    assert "選挙管理委員会" not in kinds("short", "--unit", "sudachi")
    assert "選挙管理委員会" in kinds("long", "--unit", "sudachi", "--split-mode", "C")


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
    from tsuzuri.train import recording
    saved, save = [], recording.save_checkpoint
    monkeypatch.setattr(recording, "save_checkpoint", lambda *a, **k: (saved.append(1), save(*a, **k)))
    assert call("lm", "train", text, "--out", tmp_path / "run", *SMALL, "--save-every", seconds).code == 0
    steps = Run(tmp_path / "run").logged()[-1]["step"]
    assert len(saved) == (steps + 1 if expected == "each step" else 1)


@pytest.mark.parametrize("optimizer", ["sgd", "nt-asgd", "momentum", "nesterov", "adagrad", "rmsprop", "adam", "adamw"])
def test_each_optimiser_brings_its_usual_rate_and_decay(text, tmp_path, quick, optimizer):
    from tsuzuri.optim import USUAL_DECAY, USUAL_RATE
    flags = ["--unit", "char", "--size", "8", "--batch-size", "4", "--bptt", "10", "--epochs", "1", "--threads", "1"]
    assert call("lm", "train", text, "--out", tmp_path / "run", *flags, "--optimizer", optimizer).code == 0
    training = read_settings(tmp_path / "run" / "config.toml").training
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
    settings = read_settings(tmp_path / "run" / "config.toml")
    assert (settings.model.size, settings.model.layers, settings.training.seed) == (5, 1, 9)
