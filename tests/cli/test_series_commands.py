"""The commands of series: every setting is a flag that does something, what they print is so, and bad input is one sentence."""
import csv
import io
import json
import re
import shutil
from datetime import date, timedelta

import numpy as np
import pytest
from command_line import Group, call, flag_of, help_of, settings_of, values

from small_runs import results
from tsuzuri.cli.series import train, use
from tsuzuri.measuring.forecasting import evaluate_series
from tsuzuri.models.series import ARCHITECTURES
from tsuzuri.settings import fields
from tsuzuri.train.series_run import TASK, SeriesRun
from tsuzuri.writing.forecasting import Forecaster

COMMANDS = {"train": train.train, "evaluate": use.evaluate, "forecast": use.forecast, "plot": use.plot}
TINY = {"--window": "8", "--horizon": "2", "--size": "4", "--batch-size": "16", "--epochs": "2", "--lr": "0.01", "--threads": "1"}
GROUP = Group("series", TINY)
ok, refused, tiny = GROUP.ok, GROUP.refused, GROUP.tiny


@pytest.fixture(autouse=True)
def quick_series(monkeypatch):
    """Runs end without a picture, which would load matplotlib."""
    monkeypatch.setattr("tsuzuri.train.series.draw_run", lambda run, model: None)


def write(path, rows=120):
    rng, t = np.random.default_rng(0), np.arange(rows)
    a = 20 + 5 * np.sin(2 * np.pi * t / 6) + rng.standard_normal(rows)
    b = 30 + a + rng.standard_normal(rows)
    days = (date(2020, 1, 1) + timedelta(days=int(k)) for k in t)
    path.write_text("day,a,b,k\n" + "".join(f"{day},{x:.6f},{y:.6f},{k}\n" for day, k, x, y in zip(days, t, a, b)))
    return path


@pytest.fixture(scope="module")
def data(tmp_path_factory):
    return write(tmp_path_factory.mktemp("data") / "data.csv")


def base(data, out, *flags):
    ok("train", data, "--out", out, *tiny("--column", "a", *flags) if "--column" not in flags else tiny(*flags))
    return SeriesRun(out)


@pytest.fixture(scope="module")
def usual(data, tmp_path_factory):
    """The run that the others are compared with."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("tsuzuri.train.series.draw_run", lambda run, model: None)
        return base(data, tmp_path_factory.mktemp("flags") / "usual")


# --help

@pytest.mark.parametrize("name", COMMANDS)
def test_help_has_examples_and_every_parameter(name):
    GROUP.check_help(name, COMMANDS[name])


def test_every_setting_of_every_architecture_is_a_flag():
    flags = settings_of(train.train)
    assert flags == set(TASK.all_settings())


def test_the_defaults_in_the_help_are_the_defaults():
    text, plain, checked = help_of(train.train), {"yes": True, "no": False, "none of them": ""}, 0
    for name, said in re.findall(r"^(\w+)\n    (?:.*\n    )*?.*\[default: (.*?)\]", text, re.M):
        if name in ("date", "lr", "threads", "arch"):
            continue
        for arch in ARCHITECTURES:
            settings, _ = TASK.choose([("test", {"data": "x", "arch": arch})])
            known = fields(TASK.settings_type(arch))
            if name in known:
                value, wanted = getattr(getattr(settings, known[name][0]), name), said.split("; ")[0]
                wanted = {"the first, if it holds dates": "", "linear (ridge regression of the window)": "linear"}.get(wanted, wanted)
                assert value == plain.get(wanted, wanted) or str(value) == wanted or float(value) == float(wanted), (name, arch, value)
                checked += 1
    assert checked > 80


# Every flag does something

FLAGS = {
    "column": ("b", "model"), "beside": ("b", "model"), "date": ("none", "other"), "window": (9, "model"), "horizon": (3, "model"), "split": ("0.6,0.2,0.2", "model"),
    "season": (9, "other"), "transform": ("log", "model"), "calendar": (True, "model"), "arch": ("gru", "model"), "size": (5, "model"), "layers": (2, "model"),
    "dropout": (0.5, "model"), "base": ("last", "model"), "normalise": ("window", "model"), "difference": (1, "model"), "loss": ("squared", "model"),
    "quantiles": ("0.2,0.5", "model"), "dtype": ("float64", "model"), "batch_size": (11, "model"), "accumulate": (2, "model"), "optimizer": ("sgd", "model"),
    "lr": (0.02, "model"), "weight_decay": (0.5, "model"), "schedule": ("constant", "model"), "clip": (0.001, "model"), "epochs": (1, "model"), "patience": (1, "other"),
    "seed": (2, "model"), "threads": (2, "other"), "save_every": (0.0, "other"),
}
BESIDE = {"cell": (["--arch", "attention"], "gru"), "season": (["--base", "season"], 4),
          "task": (["--beside", "b", "--base", "none", "--horizon", "1"], "estimate")}


def test_the_tables_have_every_setting():
    assert set(FLAGS) | set(BESIDE) | {"data"} == set(TASK.all_settings())


@pytest.mark.parametrize("name", FLAGS)
def test_a_flag_is_kept_and_has_an_effect(name, data, tmp_path, usual):
    value, effect = FLAGS[name]
    run = base(data, tmp_path / "run", *flag_of(name, value))
    assert values(run)[name] == value
    if name != "arch":
        assert values(run) == values(usual) | {name: value}
    assert (run.final.read_bytes() != usual.final.read_bytes()) == (effect == "model")


@pytest.mark.parametrize("name", BESIDE)
def test_a_flag_has_an_effect_beside_another(name, data, tmp_path):
    flags, value = BESIDE[name]
    one, other = base(data, tmp_path / "one", *flags), base(data, tmp_path / "other", *flags, *flag_of(name, value))
    assert values(other) == values(one) | {name: value}
    assert one.final.read_bytes() != other.final.read_bytes()


def test_flags_that_show_elsewhere(data, tmp_path, usual):
    """The season in the seasonal-naive model, the dates in the forecast, patience in how long it takes."""
    nine = base(data, tmp_path / "nine", "--season", 9)
    assert evaluate_series(Forecaster(nine.folder))["models"]["seasonal-naive"] != evaluate_series(Forecaster(usual.folder))["models"]["seasonal-naive"]
    undated = base(data, tmp_path / "undated", "--date", "none")
    assert ok("forecast", undated.folder).out.splitlines()[1].startswith("+1,")
    assert ok("forecast", usual.folder).out.splitlines()[1].startswith("2020-04-30,")
    for patience, count in ((0, 4), (1, 2)):
        run = base(data, tmp_path / f"patience-{patience}", "--lr", "1e-30", "--optimizer", "sgd", "--epochs", "4", "--patience", patience)
        assert sum("valid_loss" in record for record in run.logged()) == count


def test_settings_of_a_file_the_environment_and_flags(data, tmp_path, monkeypatch, usual):
    (tmp_path / "settings.toml").write_text('arch = "gru"\nlayers = 2\nseed = 7\n')
    monkeypatch.setenv("TSUZURI_LAYERS", "1")
    monkeypatch.setenv("TSUZURI_SEED", "8")
    run = base(data, tmp_path / "run", "--config", tmp_path / "settings.toml", "--seed", 9)
    assert (run.settings.model.arch, run.settings.model.layers, run.settings.training.seed) == ("gru", 1, 9)
    monkeypatch.delenv("TSUZURI_LAYERS")
    monkeypatch.delenv("TSUZURI_SEED")
    ok("train", "--config", usual.folder / "config.toml", "--out", tmp_path / "again")
    assert results(tmp_path / "again") == results(usual.folder)


def test_a_dry_run_tells_and_writes_nothing(data, tmp_path):
    done = ok("train", data, "--out", tmp_path / "run", *tiny("--arch", "attention"), "--dry-run")
    assert not (tmp_path / "run").exists()
    rows = {line.split()[0]: line.split()[1:] for line in done.out.splitlines() if line.split()}
    assert rows["size"] == ["4", "flag"]
    assert rows["schedule"] == ["cosine", "usual", "for", "attention"]
    assert {"data", "parameters", "steps", "memory", "time"} <= rows.keys()


def test_minutes_and_resume(data, tmp_path, usual):
    done = ok("train", data, "--out", tmp_path / "run", *tiny("--column", "a"), "--minutes", "1e-9")
    assert "left after 1e-09 minutes; go on with `tsuzuri series train --resume --out" in done.err
    assert "lr was 0.01 when the run began, but is 0.5 now (flag)" in refused("train", "--resume", "--out", tmp_path / "run", "--lr", "0.5")
    assert ok("train", "--resume", "--out", tmp_path / "run").out == f"{tmp_path / 'run'}\n"
    assert results(tmp_path / "run") == results(usual.folder)


# What is asked of a run

def test_training_tells_what_it_reads(data, tmp_path):
    done = ok("train", data, "--out", tmp_path / "run", *tiny("--column", "a", "--beside", "b"))
    assert "120 rows (84 train, 12 valid, 24 test), a from 2 columns; a season of 6 rows, found by the autocorrelation" in done.err
    assert "linear model: ridge regression of" in done.err
    assert "perplexity" not in done.err
    assert re.search(r"epoch 1/2  train 0\.\d+  valid 0\.\d+  best so far", done.err)


def test_evaluate_prints_what_the_measures_are(usual):
    wanted = evaluate_series(Forecaster(usual.folder))
    assert json.loads(ok("evaluate", usual.folder, "--json").out) == wanted
    shown = ok("evaluate", usual.folder).out
    assert f"{usual.series.table.name}, test: 23 windows of 2 ahead; season 6; band 80%" in shown
    for name, measures in wanted["models"].items():
        (line,) = [line for line in shown.splitlines() if line.strip().startswith(f"{name} ")]
        assert line.split()[len(name.split()):] == [f"{number:.4g}" for number in measures.values()]
    assert json.loads(ok("evaluate", usual.folder, "--part", "valid", "--json").out)["part"] == "valid"


def test_evaluate_of_several_columns(data, tmp_path):
    run = base(data, tmp_path / "run", "--column", "all")
    rows = [line.split() for line in ok("evaluate", run.folder).out.splitlines()]
    assert [row[0] for row in rows if len(row) > 1 and row[1] == "lstm"] == ["a", "b", "k", "mean"]


def test_forecast_prints_csv(usual, tmp_path):
    ahead = Forecaster(usual.folder).ahead()
    rows = list(csv.DictReader(io.StringIO(ok("forecast", usual.folder).out)))
    assert list(rows[0]) == ["date", "a", "a 0.1", "a 0.5", "a 0.9"]
    assert [row["date"] for row in rows] == ahead.labels
    np.testing.assert_allclose([[float(row[f"a {q}"]) for q in (0.1, 0.5, 0.9)] for row in rows], ahead.quantiles[:, 0], rtol=1e-5)
    far = ok("forecast", usual.folder, "--steps", 5)
    assert len(far.out.splitlines()) == 6
    assert "forecast from forecasts" in far.err
    assert ok("forecast", usual.folder, "--out", tmp_path / "ahead.csv").out == ""
    assert (tmp_path / "ahead.csv").read_text() == ok("forecast", usual.folder).out
    longer = write(tmp_path / "longer.csv", 130)
    assert ok("forecast", usual.folder, longer).out.splitlines()[1].startswith("2020-05-10,")


def test_plot_draws(usual, tmp_path):
    pictures = {}
    for name, flags in {"usual": [], "rows": ["--rows", "6"], "part": ["--part", "valid"], "title": ["--title", "mine"]}.items():
        done = ok("plot", usual.folder, "--out", tmp_path / f"{name}.svg", *flags)
        assert "drawn: " in done.err
        pictures[name] = (tmp_path / f"{name}.svg").read_text()
    assert len(set(pictures.values())) == 4
    ok("plot", usual.folder, "--out", tmp_path / "a.png")
    assert (tmp_path / "a.png").read_bytes().startswith(b"\x89PNG")


# Bad input

@pytest.fixture
def room(tmp_path, monkeypatch, usual):
    """A folder with all sorts of bad things to name, as the working folder."""
    monkeypatch.chdir(tmp_path)
    good = write(tmp_path / "good.csv").read_text().splitlines(keepends=True)
    (tmp_path / "empty.csv").write_text("")
    (tmp_path / "hole.csv").write_text("".join(good).replace(good[5], good[5].split(",")[0] + ",,1,4\n"))
    (tmp_path / "text.csv").write_text("".join(good).replace(good[7], good[7].split(",")[0] + ",lots,1,4\n"))
    (tmp_path / "gap.csv").write_text("".join(good[:9] + good[11:28]))
    (tmp_path / "short.csv").write_text("".join(good[:8]))
    (tmp_path / "zero.csv").write_text("a\n" + "1\n" * 40 + "0\n")
    (tmp_path / "typo.toml").write_text("siez = 3\n")
    (tmp_path / "folder").mkdir()
    (tmp_path / "full").mkdir()
    (tmp_path / "full" / "something").write_text("kept")
    (tmp_path / "usual").symlink_to(usual.folder)
    return tmp_path


def tree(folder):
    return {str(path.relative_to(folder)): path.lstat().st_mtime_ns for path in folder.rglob("*")}


REFUSED = [                                                  # (arguments after `series`, words of the sentence)
    ("train --out new", ["no series was given"]), ("train missing.csv --out new", ["missing.csv", "neither a series", "nor a file"]),
    ("train airlines --out new", ['did you mean "airline"']), ("train ptb --out new", ["ptb is not a series of numbers"]), ("train folder --out new", ["folder is neither"]),
    ("train empty.csv --out new", ["empty.csv", "no text in it"]), ("train hole.csv --out new", ["hole.csv: line 6 has nothing in column \"a\"; fill the gap"]),
    ("train text.csv --out new", ['text.csv: line 8 has "lots" in column "a", which is no number']),
    ("train gap.csv --out new", ["gap.csv: line 10 has 2020-01-11 after 2020-01-08, but rows step by 1 day (2 rows missing)"]),
    ("train short.csv --out new", ["short.csv: line 8 is the last of 7 rows", "fewer than a window of 8 and the 2 to predict"]),
    ("train zero.csv --out new --transform log", ['zero.csv: line 42 has 0 in column "a"', "take transform none"]),
    ("train zero.csv --out new --calendar", ["zero.csv has no dates to take a calendar from"]), ("train good.csv --out new --column c", ['no column "c"', "line 1 has day, a, b, k"]),
    ("train good.csv --out new --column day", ["is the column of the dates"]), ("train good.csv --out new --date a --column b", ['line 2 has "2', 'in column "a", which is no date']),
    ("train good.csv --out new --split 1,2", ["three shares"]), ("train good.csv --out new --base season --season 20", ["base season repeats the last 20 rows"]),
    ("train good.csv --out new --task estimate", ["task estimate is of some columns"]), ("train good.csv --out new --arch lstn", ['did you mean "lstm"']),
    ("train good.csv --out new --cell gru", ["take arch attention"]), ("train good.csv --out new --quantiles 0.9", ["0.5 among them"]),
    ("train good.csv --out new --window 1.5", ['"1.5" is no whole number']), ("train good.csv --out full", ["full exists"]), ("train good.csv", ["out"]),
    ("train good.csv --out new --config typo.toml", ["typo.toml", "siez"]), ("train good.csv --out new --colour red", ["--colour"]),
    ("train good.csv --out new --lr 0", ["lr is 0.0"]), ("train good.csv --out new --minutes 0", ["minutes is 0.0"]),
    ("evaluate folder", ["folder is no run folder"]), ("evaluate usual --part tset", ['did you mean "test"']), ("evaluate", ["RUN"]),
    ("forecast folder", ["is no run folder"]), ("forecast usual missing.csv", ["missing.csv"]), ("forecast usual short.csv", ["short.csv: line 8 is the last of 7 rows, fewer than the 8"]),
    ("forecast usual hole.csv --out ahead.csv", ["line 6 has nothing"]), ("forecast usual --steps -1", ["steps is -1"]),
    ("plot usual --out a.gif", ["no name for a picture"]), ("plot usual", ["out"]), ("plot usual --rows 1 --out a.png", ["rows is 1"]),
    ("plot usual --part tset --out a.png", ['did you mean "test"']),
]


@pytest.mark.parametrize(("arguments", "sentence"), REFUSED, ids=[arguments for arguments, _ in REFUSED])
def test_bad_input_is_one_sentence_and_writes_nothing(arguments, sentence, room):
    before, given = tree(room), arguments.split()
    more = [word for flag, value in (TINY | {"--horizon": "2"}).items() if flag not in given and not ("estimate" in given and flag == "--horizon") for word in (flag, value)]
    said = refused(*given, *(more if given[0] == "train" else []))
    assert all(word in said for word in sentence), said
    assert tree(room) == before


def test_a_run_of_another_task_is_told(tmp_path, usual):
    for arguments in (["lm", "generate", usual.folder], ["seq2seq", "predict", usual.folder]):
        done = call(*arguments)
        assert done.code == 2
        assert "is a run of `tsuzuri series`" in done.err


def test_a_run_whose_files_are_damaged(tmp_path, usual):
    for name, damage in (("config.toml", b"size = = 3\n"), ("series.safetensors", b"half"), ("model.safetensors", b"half")):
        copy = tmp_path / name
        shutil.copytree(usual.folder, copy)
        (copy / name).write_bytes(damage)
        assert str(copy) in refused("evaluate", copy)


def test_data_list_has_the_series():
    assert {"airline", "sunspots", "etth1", "exchange", "vix"} <= {row["name"] for row in json.loads(call("data", "list", "--json").out)["datasets"]}
