"""Tables of numbers: what a CSV file may look like, dates and their steps, and every refusal word by word."""
import gzip
from datetime import datetime, timedelta
from itertools import pairwise

import numpy as np
import pytest

from tsuzuri.datasets import DATASETS, open_source
from tsuzuri.datasets.dates import Step, from_microseconds, parse_date, phases, step_of, to_microseconds
from tsuzuri.datasets.tables import read_table
from tsuzuri.errors import ConfigError, DataError

SMALL = "date,a,b\n2020-01-01,1,2.5\n2020-01-02,-3,4e2\n2020-01-03,5, 6 \n"


def write(path, text):
    path.write_text(text, "utf-8")
    return str(path)


def test_columns_by_name_and_the_dates(tmp_path):
    path = write(tmp_path / "a.csv", SMALL)
    table = read_table(path)
    assert (table.name, table.columns) == (path, ("a", "b"))
    np.testing.assert_array_equal(table.values, [[1, 2.5], [-3, 400], [5, 6]])
    assert table.dates == (datetime(2020, 1, 1), datetime(2020, 1, 2), datetime(2020, 1, 3))
    assert (str(table.step), table.lines) == ("1 day", (2, 3, 4))
    some = read_table(path, ["b"])
    assert some.columns == ("b",)
    np.testing.assert_array_equal(some.values, table.values[:, 1:])
    turned = read_table(path, ["b", "a"])
    np.testing.assert_array_equal(turned.values, table.values[:, ::-1])


@pytest.mark.parametrize("text", [SMALL, "\ufeff" + SMALL, SMALL.replace("\n", "\r\n"), SMALL.replace(",", ";"), SMALL.replace(",", "\t"), SMALL + "\n\n",
                                  SMALL.replace("date,a,b", '"date","a","b"').replace("-3", '"-3"')])
def test_the_same_table_in_any_form(tmp_path, text):
    wanted = read_table(write(tmp_path / "a.csv", SMALL))
    (tmp_path / "b.csv.gz").write_bytes(gzip.compress(text.encode()))
    for path in (write(tmp_path / "b.csv", text), str(tmp_path / "b.csv.gz")):
        found = read_table(path)
        assert (found.columns, found.dates, found.step) == (wanted.columns, wanted.dates, wanted.step)
        np.testing.assert_array_equal(found.values, wanted.values)


def test_which_column_holds_the_dates(tmp_path):
    plain = write(tmp_path / "plain.csv", "year,a\n1949,1\n1950,2\n")
    assert read_table(plain).columns == ("year", "a")        # numbers are numbers, unless one says so
    assert read_table(plain, date="year").dates == (datetime(1949, 1, 1), datetime(1950, 1, 1))
    behind = write(tmp_path / "behind.csv", "a,when\n1,2020-01\n2,2020-02\n")
    assert str(read_table(behind, date="when").step) == "1 month"
    with pytest.raises(DataError, match=r'line 2 has "2020-01" in column "when", which is no number'):
        read_table(behind)
    uneven = write(tmp_path / "gap.csv", SMALL.replace("2020-01-02", "2020-01-09"))
    assert read_table(uneven, ["a"], date="none").dates == ()


REFUSED = {
    "": "there is no text in it", "\n\n": "there is no table in it", "date,a\n": "line 1 is the only one; below the header",
    "1,2\n3,4\n": "line 1 has numbers only, where the names of the columns should be",
    "a,b\n1,2\n3\n": "line 3 has 1 cells, but the header 2; mend the line", "a,b\n1,2\n\n3,4\n": "line 3 is empty; fill the gap",
    "a,b\n1,2\n3,\n": 'line 3 has nothing in column "b"; fill the gap', 'a,b\n1,2\n3,"4\n': "is not CSV",
    "a,b\n1,2\nx,4\n": 'line 3 has "x" in column "a", which is no number', "a,b\n1,nan\n": 'has "nan" in column "b"', "a,b\n1,inf\n": 'has "inf"',
    "a,b\n1,1_000\n": 'has "1_000"', 'a,b\n1,"1,000"\n': 'has "1,000" in column "b"',
    "date,a\n2020-01-01,1\nsoon,2\n": 'line 3 has "soon" in column "date", which is no date',
    "date,a\n2020-01-02,1\n2020-01-01,2\n": "line 3 has 2020-01-01 after 2020-01-02; put the rows in the order of their dates",
    "date,a\n2020-01-01,1\n2020-01-01,2\n": "line 3 has 2020-01-01 after 2020-01-01",
}


@pytest.mark.parametrize("text", REFUSED)
def test_what_is_no_table_is_told_with_its_line(tmp_path, text):
    path = write(tmp_path / "bad.csv", text)
    with pytest.raises(DataError) as refused:
        read_table(path)
    assert REFUSED[text] in str(refused.value)
    assert path in str(refused.value)


def test_names_that_are_not_there(tmp_path):
    path = write(tmp_path / "a.csv", SMALL)
    with pytest.raises(ConfigError, match=r'no column "A".*line 1 has date, a, b'):
        read_table(path, ["A"])
    with pytest.raises(ConfigError, match=r'"date" is the column of the dates'):
        read_table(path, ["date"])
    with pytest.raises(DataError, match=r'neither a series .did you mean "airline"'):
        read_table("airlin")
    with pytest.raises(DataError, match=r"ptb is not a series of numbers; series are airline, sunspots, etth1, exchange, vix"):
        read_table("ptb")
    with pytest.raises(DataError, match=r"airline is a series of numbers, not text; `tsuzuri series train airline`"):
        open_source("airline")


# Dates

def every(start, count, **step):
    return [start + k * timedelta(**step) for k in range(count)]


def months(start, count, by=1):
    return [Step(months=by).after(start, k) for k in range(count)]


@pytest.mark.parametrize(("dates", "step"), [
    (every(datetime(2020, 2, 27), 9, hours=1), "1 hour"), (every(datetime(2020, 2, 27), 9, minutes=15), "15 minutes"), (every(datetime(2020, 1, 1), 9, days=7), "1 week"),
    (months(datetime(2019, 11, 1), 30), "1 month"), (months(datetime(2019, 11, 30), 30), "1 month"), (months(datetime(2020, 1, 15), 9, 3), "3 months"),
    (months(datetime(2020, 2, 29), 20), "1 month"), (months(datetime(2000, 5, 1), 9, 12), "1 year"), (every(datetime(2020, 1, 1), 2, seconds=40), "40 seconds")])
def test_the_step_of_dates_and_those_that_follow(dates, step):
    found = step_of(dates)
    assert str(found) == step
    assert [found.after(dates[0], k) for k in range(len(dates))] == dates
    assert all(found.between(a, b) == 1 for a, b in pairwise(dates))
    assert from_microseconds(to_microseconds(dates)) == dates


def test_dates_are_kept_to_the_microsecond():
    dates = every(datetime(1969, 12, 31), 5, milliseconds=100)
    assert from_microseconds(to_microseconds(dates)) == dates


def test_days_of_an_exchange_step_unevenly_and_are_fine():
    days = [day for day in every(datetime(2020, 1, 1), 60, days=1) if day.weekday() < 5]
    assert not step_of(days)
    assert not step_of(days[:1])


@pytest.mark.parametrize(("missing", "said"), [([5], "line 7 has 2020-01-01 06:00:00 after 2020-01-01 04:00:00, but rows step by 1 hour .1 row missing."),
                                               ([5, 6], "2 rows missing")])
def test_rows_that_are_missing_among_even_steps(tmp_path, missing, said):
    rows = [f"{date},1\n" for k, date in enumerate(every(datetime(2020, 1, 1), 30, hours=1)) if k not in missing]
    with pytest.raises(DataError, match=said):
        read_table(write(tmp_path / "gap.csv", "date,a\n" + "".join(rows)))


def test_a_row_between_two_steps(tmp_path):
    rows = [f"{date},1\n" for date in every(datetime(2020, 1, 1), 30, hours=1)]
    rows.insert(21, "2020-01-01 20:30:00,1\n")
    with pytest.raises(DataError, match=r"line 23 has 2020-01-01 20:30:00 after 2020-01-01 20:00:00, but rows step by 1 hour .this is between two steps.; fill the gap, "):
        read_table(write(tmp_path / "between.csv", "date,a\n" + "".join(rows)))


def test_dates_as_they_are_written():
    assert parse_date("1949-01") == parse_date("1949/01/01") == parse_date(" 1949-01-01 00:00:00") == parse_date("1949-01-01T00:00:00Z") == datetime(1949, 1, 1)
    assert [parse_date(text) for text in ("", "a", "1949-13", "01.02.1949")] == [None] * 4


def test_what_a_calendar_tells():
    hours = every(datetime(2020, 1, 6), 48, hours=1)         # a Monday
    found = phases(hours, step_of(hours))
    assert found.shape == (48, 6)
    np.testing.assert_allclose(found[:24, [0, 3]], found[24:, [0, 3]], atol=1e-12)      # the hour of the day
    np.testing.assert_allclose(found[6, [0, 3]], [1, 0], atol=1e-12)
    np.testing.assert_allclose(found[30, [1, 4]], [np.sin(2 * np.pi / 7), np.cos(2 * np.pi / 7)])
    assert phases(months(datetime(2020, 1, 1), 24), Step(months=1)).shape == (24, 2)
    assert phases(months(datetime(2020, 1, 1), 4, 12), Step(months=12)).shape == (4, 0)
    assert phases(hours[::24], Step(seconds=86400)).shape == (2, 4)
    assert phases(hours[::24], Step()).shape == (2, 4)       # days of an exchange


@pytest.mark.parametrize(("name", "rows", "columns", "last"), [
    ("airline", 144, 1, 432), ("sunspots", 2820, 1, 33.4), ("etth1", 17420, 7, None), ("exchange", 7588, 8, None), ("vix", 9235, 4, None)])
def test_the_data_sets(name, rows, columns, last, data_dir):
    table = read_table(name)
    assert table.values.shape == (rows, columns)
    assert last is None or table.values[-1, -1] == last
    assert DATASETS[name].kind == "series"
