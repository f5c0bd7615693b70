"""Series: parts in the order of time, windows that do not leak, a scale of the training rows alone, seasons that are found."""
from datetime import datetime, timedelta

import numpy as np
import pytest

from tsuzuri.datasets.dates import Step
from tsuzuri.datasets.series import Scale, Series, WindowBatches, cut_parts, find_season
from tsuzuri.datasets.tables import Table, read_table
from tsuzuri.errors import ConfigError, DataError


def table_of(rows=40, columns=1, seed=0, **more):
    values = 5 + np.random.default_rng(seed).standard_normal((rows, columns)).cumsum(0)
    return Table("made", tuple("abcdef"[:columns]), values, **more)


def numbered(rows=16):
    """A table whose numbers are those of its rows."""
    return Table("made", ("a",), np.arange(rows, dtype=np.float64)[:, None])


def rows_of(series, part):
    """x and y of a part of a numbered table, as numbers of rows."""
    return [np.rint(series.scale.back(a.astype(np.float64))[..., 0]).astype(int).tolist() for a in series.windows(part).arrays()]


def test_the_windows_of_the_picture_in_the_docstring():
    series = Series(numbered(17), 1, window=4, horizon=2, split="10,3,4")
    x, y = rows_of(series, "train")
    assert (x[0], y[0], x[-1], y[-1], len(x)) == ([0, 1, 2, 3], [4, 5], [4, 5, 6, 7], [8, 9], 5)
    assert rows_of(series, "valid") == [[[6, 7, 8, 9], [7, 8, 9, 10]], [[10, 11], [11, 12]]]
    x, y = rows_of(series, "test")
    assert (x[0], y[0], x[-1], y[-1], len(x)) == ([9, 10, 11, 12], [13, 14], [11, 12, 13, 14], [15, 16], 3)


@pytest.mark.parametrize(("window", "horizon", "forecast"), [(1, 1, True), (5, 3, True), (7, 1, False), (1, 1, False)])
def test_no_row_is_predicted_in_two_parts_and_none_is_read_too_early(window, horizon, forecast):
    series = Series(table_of(60, 2), 1, window=window, horizon=horizon, forecast=forecast)
    seen = {}
    for part, rows in series.parts.items():
        windows = series.windows(part)
        assert len(windows)
        seen[part] = {row for start in windows.starts for row in range(start, start + horizon)}
        assert min(windows.starts) - (window if forecast else window - 1) >= 0
        assert seen[part] <= {*rows}
        if part != "train":
            assert seen[part] == {*rows}
    assert not seen["train"] & seen["valid"]
    assert not seen["valid"] & seen["test"]


def test_what_comes_later_changes_nothing_of_the_training():
    """Neither the scale, nor the season, nor a window."""
    one = table_of(80, 2)
    other = Table("made", one.columns, np.concatenate([one.values[:56], 1e6 * np.random.default_rng(9).random((24, 2))]))
    a, b = (Series(table, 2, window=6, horizon=2) for table in (one, other))
    assert a.parts["train"] == range(56)
    for x, y in zip((*a.windows("train").arrays(), a.scale.mean, a.scale.deviation, a.season), (*b.windows("train").arrays(), b.scale.mean, b.scale.deviation, b.season)):
        np.testing.assert_array_equal(x, y)
    np.testing.assert_allclose(a.scaled[:56].mean(0), 0, atol=1e-6)
    np.testing.assert_allclose(a.scaled[:56].std(0), 1, atol=1e-6)


@pytest.mark.parametrize("transform", ["none", "log", "sqrt"])
def test_a_scale_and_back(transform):
    table = table_of(30, 3)
    table = Table("made", table.columns, np.abs(table.values) + 0.1)
    scale = Scale.fit(table, range(20), transform)
    np.testing.assert_allclose(scale.back(scale.of(table)), table.values, rtol=1e-12)
    np.testing.assert_allclose(scale.back(scale.of(table)[:, :2]), table.values[:, :2], rtol=1e-12)
    np.testing.assert_allclose(scale.back_each(scale.of(table)[..., None].repeat(4, -1)), table.values[..., None].repeat(4, -1), rtol=1e-12)
    constant = Table("made", ("a",), np.full((9, 1), 3.0))
    np.testing.assert_allclose(Scale.fit(constant, range(5), transform).of(constant), 0, atol=1e-12)


def test_an_estimate_reads_the_other_columns_up_to_its_row():
    table = Table("made", ("y", "u", "v"), np.arange(60, dtype=np.float64).reshape(20, 3))
    series = Series(table, 1, window=3, horizon=1, forecast=False, dtype="float64")
    x, y = series.windows("train").take(np.array([0]))
    assert (series.inputs, x.shape, y.shape) == (2, (1, 3, 2), (1, 1, 1))
    scaled = series.scale.of(table)
    np.testing.assert_array_equal(x[0], scaled[:3, 1:])
    np.testing.assert_array_equal(y[0, 0], scaled[2, :1])


def test_a_calendar_is_read_beside():
    dates = tuple(datetime(2020, 1, 6) + k * timedelta(hours=1) for k in range(60))
    series = Series(table_of(60, 2, dates=dates, step=Step(seconds=3600)), 1, window=5, horizon=1, calendar=True)
    assert (series.inputs, series.features.shape) == (2, (60, 8))
    np.testing.assert_allclose(series.features[:, 2:], series.table.phases(), atol=1e-6)
    with pytest.raises(ConfigError, match=r"made has no dates to take a calendar from"):
        Series(table_of(60), 1, window=5, horizon=1, calendar=True)


def test_batches_follow_from_the_seed_and_the_pass():
    series = Series(table_of(60), 1, window=4, horizon=2)
    batches = WindowBatches(series.windows("train"), 8, seed=3)
    assert len(batches) == -(-len(series.windows("train")) // 8)
    first, again, second = ([y for _, y in batches.epoch(k)] for k in (1, 1, 2))
    np.testing.assert_array_equal(np.concatenate(first), np.concatenate(again))
    assert not np.array_equal(np.concatenate(first), np.concatenate(second))
    whole = series.windows("train").arrays()[1]
    for order in (first, second):
        np.testing.assert_array_equal(np.sort(np.concatenate(order), 0), np.sort(whole, 0))
    np.testing.assert_array_equal(np.concatenate([y for _, y in WindowBatches(series.windows("train"), 8, shuffled=False).epoch(5)]), whole)


def test_what_a_table_lacks_at_its_end_is_not_a_number():
    series = Series(table_of(40), 1, window=4, horizon=3)
    x, y = series.windows_of(series.table, range(38, 41)).arrays()
    np.testing.assert_array_equal(np.isnan(y[..., 0]), [[False, False, True], [False, True, True], [True, True, True]])
    np.testing.assert_array_equal(x[2], series.features[36:])


# Seasons

@pytest.mark.parametrize("season", [4, 7, 12, 50])
def test_the_season_of_a_wave_is_found(season):
    rng, t = np.random.default_rng(season), np.arange(600)
    wave = np.sin(2 * np.pi * t / season) + 0.3 * np.cos(4 * np.pi * t / season)
    assert find_season(wave + 0.3 * rng.standard_normal(600)) == season
    assert find_season(wave + 0.02 * t) == season            # on a line
    assert find_season(wave + 0.05 * rng.standard_normal(600).cumsum()) == season


def test_where_there_is_none_none_is_found():
    rng = np.random.default_rng(0)
    for values in (rng.standard_normal(900), np.arange(50.0), np.full(40, 2.0), np.zeros(1), np.zeros(0)):
        assert find_season(values) == 1
    walks = [find_season(rng.standard_normal(900).cumsum()) for _ in range(40)]
    assert walks.count(1) > 30                               # a walk may look like a wave


@pytest.mark.parametrize(("name", "season", "settings"), [("airline", 12, {"split": "96,24,24", "transform": "log"}), ("sunspots", 128, {"transform": "sqrt"}),
                                                          ("vix", 1, {"transform": "log"}), ("etth1", 24, {"split": "8640,2880,2880"})])
def test_the_seasons_of_the_data_sets(name, season, settings, data_dir):
    column = {"vix": ["CLOSE"], "etth1": ["OT"]}.get(name, ())
    assert Series(read_table(name, column), 1, window=9, horizon=1, **settings).season == season


# Refusals

@pytest.mark.parametrize("split", ["", "1,2", "a,b,c", "0,0.5,0.5", "-1,1,1", "0.5,0.5,0.5", "10.5,2,2", "nan,0,0", "inf,1,1"])
def test_splits_that_are_none(split):
    with pytest.raises(ConfigError, match=r"it must be three shares of the rows"):
        cut_parts(numbered(), split)


@pytest.mark.parametrize(("split", "ends"), [("0.7,0.1,0.2", [14, 16, 20]), ("1,0,0", [20, 20, 20]), ("10,4,2", [10, 14, 16]), ("0.5,0.25,0", [10, 15, 15])])
def test_splits_by_shares_and_by_numbers(split, ends):
    assert [rows.stop for rows in cut_parts(numbered(20), split).values()] == ends


def test_series_that_are_too_short_are_told_with_their_last_line(tmp_path):
    path = tmp_path / "short.csv"
    path.write_text("a\n" + "1\n2\n" * 10)
    table = read_table(path)
    for settings, said in (({"window": 14, "horizon": 2}, "line 21 is the last of 20 rows, of which 14 are to train on, fewer than a window of 14 and the 2 to predict"),
                           ({"window": 3, "horizon": 3}, "of which 2 validate, fewer than the 3 to predict"),
                           ({"window": 3, "horizon": 3, "split": "0.8,0.15,0.05"}, "of which 1 test, fewer than the 3 to predict"),
                           ({"window": 3, "horizon": 1, "split": "30,1,1"}, "line 21 is the last of 20 rows, and split asks for 32")):
        with pytest.raises(DataError) as refused:
            Series(table, 1, **settings)
        assert said in str(refused.value)
        assert str(path) in str(refused.value)
    with pytest.raises(ConfigError, match=r"season is 14; it must be below the 14 rows to train on"):
        Series(table, 1, window=3, horizon=1, season=14)


@pytest.mark.parametrize(("transform", "number"), [("log", 0.0), ("log", -1.0), ("sqrt", -0.5)])
def test_numbers_that_cannot_be_transformed_are_told_with_their_line(tmp_path, transform, number):
    path = tmp_path / "low.csv"
    path.write_text("a,b\n" + "1,1\n" * 9 + f"1,{number}\n" + "1,1\n" * 9)
    with pytest.raises(DataError, match=rf'low.csv: line 11 has {number:g} in column "b", which transform {transform} does not fit; take transform none'):
        Series(read_table(path), 1, window=2, horizon=1, transform=transform)
