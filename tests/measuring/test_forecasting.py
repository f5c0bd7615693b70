"""Forecasts of a run and of the baselines: measures by hand, bands that hold what they should, rows that nobody knows yet."""
from datetime import datetime

import numpy as np
import pytest

from tsuzuri.api import Series, train_series
from tsuzuri.datasets.series import Windows
from tsuzuri.errors import ConfigError, DataError
from tsuzuri.measuring.forecasting import MEASURES, columns_of, evaluate_series
from tsuzuri.plots.series import Chart, forecast_chart
from tsuzuri.writing.charts import chart_of
from tsuzuri.writing.forecasting import Forecast, Forecaster, repeated

SMALL = {"window": 14, "horizon": 5, "size": 6, "epochs": 2, "lr": 0.01, "threads": 1, "season": 7, "batch_size": 32}
RUNS = {"two": {}, "squared": {"loss": "squared", "base": "linear"}, "beside": {"column": "a", "beside": "b"}, "log": {"transform": "log", "calendar": True},
        "estimate": {"task": "estimate", "column": "b", "beside": "a", "horizon": 1, "base": "linear"}, "one step": {"horizon": 1, "column": "a"},
        "no test": {"split": "0.9,0.1,0"}}


def write(path, rows, dates=True):
    rng, t = np.random.default_rng(0), np.arange(rows)
    a = 20 + 5 * np.sin(2 * np.pi * t / 7) + rng.standard_normal(rows)
    b = 30 + a + 0.1 * rng.standard_normal(rows)
    days = (datetime(2020, 1, 1).toordinal() + t) if dates else t
    path.write_text("date,a,b\n" + "".join(f"{datetime.fromordinal(int(day)):%Y-%m-%d},{x:.6f},{y:.6f}\n" for day, x, y in zip(days, a, b)))
    return path


@pytest.fixture(scope="module")
def run(tmp_path_factory):
    """run(name) -> the Forecaster of a run of RUNS, trained once."""
    folder, made = tmp_path_factory.mktemp("series"), {}
    data = write(folder / "days.csv", 300)

    def of(name):
        if name not in made:
            with pytest.MonkeyPatch.context() as patch:
                patch.setattr("tsuzuri.train.series.draw_run", lambda run, model: None)
                train_series(str(data), folder / name, **(SMALL | RUNS[name]))
            made[name] = Forecaster(folder / name)
        return made[name]
    return of


# Baselines and measures by hand

def test_the_last_value_and_the_last_season_by_hand():
    scaled = np.arange(20, dtype=np.float32)[:, None]
    windows = Windows(scaled, scaled, np.array([10, 12]), 8, 5)
    np.testing.assert_array_equal(repeated(windows, 1)[..., 0], [[9] * 5, [11] * 5])
    np.testing.assert_array_equal(repeated(windows, 3)[..., 0], [[7, 8, 9, 7, 8], [9, 10, 11, 9, 10]])
    np.testing.assert_array_equal(repeated(windows, 7)[..., 0], [[3, 4, 5, 6, 7], [5, 6, 7, 8, 9]])
    np.testing.assert_array_equal(repeated(windows, 11)[..., 0], [[9] * 5, [1, 2, 3, 4, 5]])      # the first has no season before it


def test_measures_by_hand():
    truth = np.array([[[10.0], [20.0]], [[30.0], [40.0]]])
    point = np.array([[[12.0], [20.0]], [[27.0], [36.0]]])
    said = Forecast(point, np.stack([point - 3, point, point + 2], axis=-1))
    trained = np.array([[0.0], [2.0], [6.0], [4.0]])
    found = {name: float(value[0]) for name, value in columns_of(said, truth, np.array([0.1, 0.5, 0.9]), trained, 2).items()}
    assert set(found) == set(MEASURES)
    assert found["mae"] == pytest.approx((2 + 0 + 3 + 4) / 4)
    assert found["rmse"] == pytest.approx(np.sqrt((4 + 0 + 9 + 16) / 4))
    assert found["mase"] == pytest.approx(2.25 / ((6 + 2) / 2))
    assert found["coverage"] == 0.5                          # 9 to 14, 17 to 22; 24 to 29 and 33 to 38 miss
    assert found["scaled_mse"] == pytest.approx(7.25 / trained.var())
    assert found["scaled_mae"] == pytest.approx(2.25 / trained.std())
    losses = [[0.1 * 1, 0.5 * 2, 0.1 * 4], [0.1 * 3, 0, 0.1 * 2], [0.1 * 6, 0.5 * 3, 0.9 * 1], [0.1 * 7, 0.5 * 4, 0.9 * 2]]
    assert found["pinball"] == pytest.approx(np.mean(losses))


@pytest.mark.parametrize("name", [name for name in RUNS if name != "no test"])
def test_an_evaluation_is_that_of_the_forecasts_one_by_one(name, run):
    forecaster = run(name)
    found, series = evaluate_series(forecaster), forecaster.series
    windows = series.windows("test")
    assert list(found["models"]) == ["lstm", "last value", "seasonal-naive", "linear"]
    assert (found["windows"], found["season"], found["band"]) == (len(windows), 7, pytest.approx(0.8))
    values = series.table.values[:, :series.outputs]
    truth = np.stack([values[start:start + series.horizon] for start in windows.starts])
    naive = np.stack([[values[start - 7 + k % 7] for k in range(series.horizon)] for start in windows.starts])
    last = np.stack([[values[start - 1]] * series.horizon for start in windows.starts])
    for model, said in (("seasonal-naive", naive), ("last value", last), ("lstm", forecaster(windows).point)):
        for c, column in enumerate(series.columns):
            off = (said - truth)[..., c]
            assert found["columns"][column][model]["mae"] == pytest.approx(np.abs(off).mean(), rel=1e-5)
            assert found["columns"][column][model]["rmse"] == pytest.approx(np.sqrt((off ** 2).mean()), rel=1e-5)
        assert found["models"][model]["mase"] == pytest.approx(np.mean([found["columns"][column][model]["mase"] for column in series.columns]))
    low, high = (forecaster(windows).quantiles[..., q] for q in (0, -1))
    inside = ((low <= truth) & (truth <= high)).mean((0, 1))
    np.testing.assert_allclose([found["columns"][column]["lstm"]["coverage"] for column in series.columns], inside, atol=2 / inside.size / len(windows))


@pytest.mark.parametrize("name", ["two", "squared"])
def test_the_band_of_one_number_holds_its_share_of_the_validation_rows(name, run):
    forecaster = run(name)
    windows = forecaster.series.windows("valid")
    truth = forecaster.series.scale.back(windows.arrays()[1].astype(float))
    for model in [*forecaster.baselines(), *([forecaster] if name == "squared" else [])]:
        said = model(windows)
        inside = ((said.quantiles[..., 0] <= truth) & (truth <= said.quantiles[..., -1])).mean((0, 1))
        np.testing.assert_allclose(inside, 0.8, atol=2 / len(windows))
        assert (np.diff(said.quantiles, axis=-1) >= 0).all()


def test_quantiles_are_in_order_and_the_point_is_the_median(run):
    said = run("two")(run("two").series.windows("test"))
    assert (np.diff(said.quantiles, axis=-1) >= 0).all()
    np.testing.assert_array_equal(said.point, said.quantiles[..., 1])


def test_a_part_without_rows_is_told(run):
    with pytest.raises(DataError, match=r"split 0.9,0.1,0 leaves no rows for test; name another part"):
        evaluate_series(run("no test"))
    with pytest.raises(ConfigError, match=r'part "tset" is unknown .did you mean "test"'):
        evaluate_series(run("two"), "tset")
    assert evaluate_series(run("no test"), "valid")["part"] == "valid"


# What comes next

def test_the_rows_behind_the_end(run, tmp_path):
    forecaster = run("two")
    ahead = forecaster.ahead()
    assert ahead.labels == ["2020-10-27", "2020-10-28", "2020-10-29", "2020-10-30", "2020-10-31"]
    table = forecaster.series.table
    x = forecaster.series.scale.of(table)[-14:].astype(np.float32)[None]
    np.testing.assert_allclose(ahead.point, forecaster.series.scale.back(forecaster.model.predict(x)[0, ..., 1].astype(float)), rtol=1e-6)
    same = forecaster.ahead(str(write(tmp_path / "again.csv", 300)))
    np.testing.assert_allclose(same.quantiles, ahead.quantiles, rtol=1e-5)
    assert forecaster.ahead(str(write(tmp_path / "more.csv", 310))).labels[0] == "2020-11-06"
    np.testing.assert_array_equal(forecaster.ahead(steps=2).point, ahead.point[:2])


def test_more_than_the_horizon_is_forecast_from_forecasts(run, tmp_path):
    forecaster = run("log")
    ahead = forecaster.ahead(steps=13)
    assert (len(ahead.labels), ahead.labels[12]) == (13, "2020-11-08")
    first = forecaster.ahead()
    np.testing.assert_array_equal(ahead.point[:5], first.point)
    lines = write(tmp_path / "longer.csv", 300).read_text() + "".join(f"{label},{row[0]!r},{row[1]!r}\n" for label, row in zip(first.labels, first.point.tolist()))
    (tmp_path / "longer.csv").write_text(lines)
    np.testing.assert_allclose(forecaster.ahead(str(tmp_path / "longer.csv")).point, ahead.point[5:10], rtol=1e-5)
    with pytest.raises(ConfigError, match=r"steps is 6, but the run predicts 5 and reads columns beside that nobody predicts; take at most 5"):
        run("beside").ahead(steps=6)
    with pytest.raises(ConfigError, match=r"steps is -1"):
        forecaster.ahead(steps=-1)


def test_an_estimate_needs_the_other_columns_alone(run, tmp_path):
    forecaster = run("estimate")
    lines = write(tmp_path / "known.csv", 300).read_text().splitlines()
    (tmp_path / "unknown.csv").write_text("\n".join(line.rpartition(",")[0] for line in lines) + "\n")
    known, unknown = forecaster.ahead(str(tmp_path / "known.csv"), 20), forecaster.ahead(str(tmp_path / "unknown.csv"), 20)
    np.testing.assert_allclose(known.point, unknown.point, rtol=1e-6)
    assert unknown.labels == [line.partition(",")[0] for line in lines[-20:]]
    truth = np.array([float(line.rpartition(",")[2]) for line in lines[-20:]])
    assert np.abs(unknown.point[:, 0] - truth).mean() < 0.3  # b is a and 30, but for 0.1


def test_a_file_that_is_too_short_or_lacks_a_column(run, tmp_path):
    short = write(tmp_path / "short.csv", 9)
    with pytest.raises(DataError, match=r"short.csv: line 10 is the last of 9 rows, fewer than the 14 that are read"):
        run("two").ahead(str(short))
    (tmp_path / "other.csv").write_text("date,a\n" + "".join(f"2020-01-{k:02},1\n" for k in range(1, 20)))
    with pytest.raises(ConfigError, match=r'no column "b"'):
        run("two").ahead(str(tmp_path / "other.csv"))


def test_the_python_api(run):
    model = Series.from_pretrained(run("two").run.folder)
    assert model.evaluate()["models"] == evaluate_series(run("two"))["models"]
    said = model.predict(steps=3)
    assert list(said) == ["a", "b"]
    np.testing.assert_array_equal(said["a"], run("two").ahead(steps=3).quantiles[:, 0])


# Pictures

@pytest.mark.parametrize("name", ["two", "one step", "estimate"])
def test_a_chart_shows_what_came_and_what_was_said(name, run):
    forecaster = run(name)
    chart, series = chart_of(forecaster, rows=20), forecaster.series
    assert len(chart.truth) - chart.first == 20
    np.testing.assert_array_equal(chart.truth, series.table.values[-len(chart.truth):, :series.outputs])
    assert chart.dates == series.table.dates[-len(chart.truth):]
    K = series.horizon
    for k in range(20 // K):
        one = forecaster(series.windows_of(series.table, range(280 + k * K, 281 + k * K)))
        np.testing.assert_allclose(chart.points["lstm"][k], one.point[0], rtol=1e-5)
        np.testing.assert_allclose(chart.quantiles[k], one.quantiles[0], rtol=1e-5)
    with pytest.raises(ConfigError, match=rf"rows is 400; it must be {K} to"):
        chart_of(forecaster, rows=400)


def test_pictures_are_drawn_with_and_without_dates(run, tmp_path):
    chart = chart_of(run("two"))
    for name, drawn in {"dates": chart, "numbers": chart._replace(dates=()), "one": chart_of(run("one step"))}.items():
        forecast_chart(drawn, tmp_path / f"{name}.svg", title="mine" if name == "one" else "")
        text = (tmp_path / f"{name}.svg").read_text()
        assert "<svg" in text
    assert len({(tmp_path / f"{name}.svg").read_text() for name in ("dates", "numbers", "one")}) == 3
    many = Chart(tuple("abcdefghi"), (), 0, 1, 1, np.zeros((3, 9)), {"lstm": np.zeros((2, 1, 9))}, np.zeros((2, 1, 9, 3)), 0.8)
    with pytest.raises(ConfigError, match=r"predicts 9 columns; a picture has room for 8"):
        forecast_chart(many, tmp_path / "many.png")
