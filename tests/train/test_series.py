"""Trainings of forecasters: killed and resumed to the same bytes, what stands in a run, and series that are learnt."""
import math
from functools import partial

import numpy as np
import pytest
from killing import check_every_write, check_resumes

from small_runs import same
from tsuzuri.errors import ConfigError, DataError, RunError
from tsuzuri.train.checkpoint import load_arrays
from tsuzuri.train.estimate import estimate
from tsuzuri.train.events import Finished
from tsuzuri.train.series import TRAINING, prepare_series, train_series
from tsuzuri.train.series_run import TASK, USUAL_OF, SeriesRun

SMALL = {"window": 8, "horizon": 3, "size": 6, "batch_size": 16, "epochs": 3, "patience": 0, "lr": 0.01, "save_every": 3600.0, "threads": 1}
EVERY_PART = {
    "lstm": {"dropout": 0.3, "layers": 2, "normalise": "window"},
    "gru, linear": {"arch": "gru", "base": "linear", "beside": "b", "column": "a", "transform": "sqrt", "schedule": "plateau"},
    "rnn, season": {"arch": "rnn", "base": "season", "season": 7, "difference": 2, "loss": "squared", "accumulate": 2},
    "attention, calendar": {"arch": "attention", "cell": "gru", "calendar": True, "quantiles": "0.25,0.5,0.75", "dropout": 0.2},
    "estimate": {"task": "estimate", "column": "a", "beside": "b", "horizon": 1},
}


@pytest.fixture(autouse=True)
def no_curves(monkeypatch):
    monkeypatch.setattr("tsuzuri.train.series.draw_run", lambda run, model: None)


@pytest.fixture
def data(tmp_path):
    """Two columns of waves, hour by hour."""
    rng, t = np.random.default_rng(0), np.arange(150)
    a = 20 + 5 * np.sin(2 * np.pi * t / 7) + 0.3 * rng.standard_normal(150)
    rows = (f"2020-01-{1 + k // 24:02} {k % 24:02}:00,{a[k]!r},{10 + a[k] * 0.5 + 0.1 * rng.standard_normal():.6f}\n" for k in t)
    (tmp_path / "waves.csv").write_text("date,a,b\n" + "".join(rows).replace("np.float64(", "").replace(")", ""))
    return tmp_path / "waves.csv"


@pytest.fixture
def prepare(data, tmp_path):
    """prepare(name, **settings) -> a run folder that is ready to be trained."""
    return lambda name, **settings: prepare_series(TASK.choose([("test", SMALL | {"data": str(data)} | settings)])[0], tmp_path / name)


@pytest.fixture
def train(prepare):
    """train(name, **settings) -> a finished run."""
    def trained(name, **settings):
        run = prepare(name, **settings)
        for _ in train_series(run):
            pass
        return run
    return trained


@pytest.mark.parametrize("name", EVERY_PART)
def test_every_part_of_a_training_goes_on_where_it_stopped(name, train, prepare):
    """With a checkpoint at every step, and with one at the end of each epoch alone, behind which all is done again."""
    whole = train("whole", **EVERY_PART[name])
    check_resumes(train_series, whole, partial(prepare, **EVERY_PART[name]))
    assert len(whole.logged()) > 5


def test_stopped_at_every_write(train, prepare, monkeypatch):
    """Killed before and after each rename that a training makes, one after the other."""
    settings = {"epochs": 2, "batch_size": 80}
    whole, fresh = train("whole", **settings), prepare("fresh", **settings)
    check_every_write(train_series, whole, fresh, 4, monkeypatch)


def test_the_same_settings_give_the_same_bytes_and_another_seed_others(train):
    one, two, other = train("one"), train("two"), train("other", seed=7)
    same(one.folder, two.folder)
    assert one.final.read_bytes() != other.final.read_bytes()
    assert [type(event) for event in train_series(SeriesRun(one.folder))] == [Finished]


def test_a_run_keeps_what_it_learnt_from(train, data):
    """To the last digit, and the linear model too; the file may be gone."""
    run = train("run", base="linear", column="b", beside="a")
    table, outputs = run.settings.series.read()
    assert (outputs, table.columns) == (1, ("b", "a"))
    data.unlink()
    again = SeriesRun(run.folder)
    np.testing.assert_array_equal(again.series.table.values, table.values)
    assert (again.series.table.dates, again.series.table.step, again.series.columns) == (table.dates, table.step, ("b",))
    x, _ = again.series.windows("test").arrays()
    np.testing.assert_array_equal(again.linear(x), run.linear(x))
    np.testing.assert_array_equal(again.load_model().predict(x), run.load_model().predict(x))


def test_which_columns_are_read(data):
    def read(**settings):
        table, outputs = TASK.choose([("test", {"data": str(data)} | settings)])[0].series.read()
        return table.columns, outputs
    assert read() == (("a", "b"), 2)
    assert read(column="b") == (("b",), 1)
    assert read(column="b,a") == (("b", "a"), 2)
    assert read(column="b", beside="all") == read(column="b", beside="a") == (("b", "a"), 1)
    assert read(column="a", beside="b", task="estimate") == (("a", "b"), 1)


@pytest.mark.parametrize(("settings", "said"), [
    ({"column": ""}, "column names nothing to predict"), ({"column": "a,a"}, "a column stands twice"), ({"column": "a", "beside": "a"}, "a column stands twice"),
    ({"beside": "a"}, "column is all, which leaves none beside"), ({"task": "estimate"}, "task estimate is of some columns"), ({"task": "guess"}, 'task "guess" is unknown'),
    ({"task": "estimate", "column": "a", "beside": "b", "horizon": 2}, "leave horizon at 1"), ({"window": 0}, "window is 0; it must be at least 1"),
    ({"task": "estimate", "column": "a", "beside": "b", "base": "last"}, "base is last, but a column that is estimated"), ({"horizon": 0}, "horizon is 0"),
    ({"quantiles": "0.1,0.9"}, "with 0.5 among them"), ({"quantiles": "0.5,1.5"}, "numbers between 0 and 1"), ({"quantiles": "a"}, "numbers between 0 and 1"),
    ({"transform": "cube"}, 'transform "cube" is unknown'), ({"base": "mean"}, 'base "mean" is unknown'), ({"cell": "gru"}, "cell does not fit arch lstm"),
    ({"difference": -1}, "difference is -1"), ({"dtype": "float16"}, "too short for series"), ({"data": ""}, "no series was given"), ({"arch": "lstn"}, 'did you mean "lstm"')])
def test_settings_that_do_not_fit(settings, said, data):
    def chosen():
        TASK.refuse_no_text(TASK.choose([("test", {"data": str(data)} | settings)])[0])
    with pytest.raises(ConfigError, match=said):
        chosen()


def test_a_preparation_that_fails_leaves_nothing(prepare, tmp_path, data):
    before = sorted(tmp_path.iterdir())
    for settings, error in (({"base": "season", "season": 9}, ConfigError), ({"window": 200}, DataError), ({"column": "c"}, ConfigError), ({"calendar": True, "date": "none"}, DataError)):
        with pytest.raises(error):
            prepare("new", **settings)
        assert sorted(tmp_path.iterdir()) == before


def test_a_damaged_run_is_told(train):
    run = train("run")
    (run.folder / "series.safetensors").write_bytes(b"half")
    with pytest.raises(RunError, match=r"series.safetensors is damaged"):
        SeriesRun(run.folder)


def test_a_run_without_validation_is_judged_by_its_training(train):
    run = train("run", split="0.9,0,0.1")
    assert run.held_out() is None
    assert all(record["valid_loss"] is None for record in run.logged() if "train_loss" in record)


def test_what_a_training_will_take(prepare, data):
    settings, _ = TASK.choose([("test", SMALL | {"data": str(data)})])
    facts = {line.split()[0]: line for line in estimate(TRAINING, settings)}
    assert set(facts) == {"data", "parameters", "steps", "memory", "time"}
    windows = 105 - 8 - 3 + 1
    assert f"{windows} windows to train on; 150 rows (105 train, 15 valid, 30 test), a, b from 2 columns" in facts["data"]
    assert facts["steps"].split()[1:] == [str(math.ceil(windows / 16)), "an", "epoch,", str(3 * math.ceil(windows / 16)), "in", "all"]


def test_what_a_data_set_is_usually_read_with():
    settings, origin = TASK.choose([("test", {"data": "etth1", "horizon": 96})])
    assert (settings.series.column, settings.series.horizon, settings.series.split, origin["column"]) == ("OT", 96, "8640,2880,2880", "usual for lstm")
    for name, usual in USUAL_OF.items():
        assert TASK.choose([("test", {"data": name})])[0].series.data == name
        assert set(usual) <= set(TASK.all_settings())


def test_a_wave_is_learnt(train, tmp_path):
    """Beside noise of deviation 0.3: better than the last season, whose errors are of deviation 0.42, and near to the noise alone."""
    t = np.arange(900)
    values = 20 + 5 * np.sin(2 * np.pi * t / 7) + 0.3 * np.random.default_rng(1).standard_normal(900)
    (tmp_path / "long.csv").write_text("a\n" + "".join(f"{value:.6f}\n" for value in values))
    run = train("run", data=str(tmp_path / "long.csv"), arch="gru", size=12, epochs=12, lr=0.01, window=14, horizon=7, base="none", loss="squared")
    model, (x, y) = run.load_model(), run.series.windows("test").arrays()
    deviation = run.series.scale.deviation[0]
    assert run.series.season == 7
    assert (x[:, -7:] - y).std() * deviation == pytest.approx(0.42, abs=0.03)
    assert (model.predict(x)[..., 0] - y).std() * deviation < 0.35
    assert load_arrays(run.final)[0].keys() == model.arrays().keys()
