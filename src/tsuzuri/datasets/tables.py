"""Tables of numbers: a CSV file with a header, of which some columns are read, and dates where there are any.

    "Month","Passengers"
    "1949-01",112
    "1949-02",118

A comma, a semicolon or a tab parts the cells, whichever the header has.  The library ``csv`` cuts the lines; what is checked here
is that no cell is empty, no number is text and no row is missing.
"""
import csv
import math
import os
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from itertools import chain
from typing import NamedTuple

import numpy as np

from tsuzuri.datasets.cache import fetch_file, find_dataset
from tsuzuri.datasets.dates import UNEVEN, Step, parse_date, phases, refuse_gaps
from tsuzuri.datasets.registry import DATASETS
from tsuzuri.errors import ConfigError, DataError, suggest
from tsuzuri.text.reading import read_lines

NO_DATE = "none"


@dataclass(frozen=True)
class Table:
    """``values`` (R, C) under the names of ``columns``; ``dates`` of the rows, or none; ``lines``, where each row stands in its file."""

    name: str
    columns: tuple[str, ...]
    values: np.ndarray
    dates: tuple[datetime, ...] = ()
    step: Step = UNEVEN
    lines: tuple[int, ...] = ()

    def __len__(self) -> int:
        return len(self.values)

    def line(self, row: int) -> int:
        """The line of a row in its file; of a table that was made otherwise its number from 1."""
        return self.lines[row] if self.lines else row + 1

    def phases(self) -> np.ndarray:
        """What a calendar tells of each row (R, F).  ConfigError: there are no dates."""
        if not self.dates:
            raise ConfigError(f"{self.name} has no dates to take a calendar from; leave calendar out, or name the column of the dates with --date.")
        return phases(self.dates, self.step)


def read_table(data: str | os.PathLike, columns: Sequence[str] = (), date: str = "") -> Table:
    """The columns of those names, in that order, of a data set or file; all but that of the dates where no names are given.

    ``date`` names the column of the dates; empty: the first column, if it holds dates; "none": there are none.
    DataError, with file and line: a cell that is empty or no number, a row that is cut short, dates out of order or missing.
    """
    name, rows = _rows(os.fspath(data))
    head = next(rows)
    first = next(rows, None)
    if first is None:
        raise DataError(f"{name}: line {head.line} is the only one; below the header there must be rows of numbers.")
    if all(map(_is_number, head.cells)):
        raise DataError(f"{name}: line {head.line} has numbers only, where the names of the columns should be; write a header above them.")
    place = _date_column(name, head, first, date)
    wanted = [_place(name, head, column) for column in columns] or [k for k in range(len(head.cells)) if k != place]
    if place is not None and place in wanted:
        raise ConfigError(f'"{head.cells[place]}" is the column of the dates of {name}; name a column of numbers.')
    lines, values, dates = [], [], []
    for row in chain([first], rows):
        _refuse_cut(name, head, row)
        values.append([_number(name, head, row, k) for k in wanted])
        lines.append(row.line)
        if place is not None:
            dates.append(_date(name, head, row, place))
    step = refuse_gaps(name, dates, lines) if dates else UNEVEN
    return Table(name, tuple(head.cells[k] for k in wanted), np.array(values, np.float64), tuple(dates), step, tuple(lines))


class _Row(NamedTuple):
    cells: list[str]
    line: int


def _rows(data: str) -> tuple[str, Iterator[_Row]]:
    if data in DATASETS:
        dataset = find_dataset(data)
        if dataset.kind != "series":
            known = [d.name for d in DATASETS.values() if d.kind == "series"]
            raise DataError(f"{data} is not a series of numbers; series are {', '.join(known)}")
        lines = read_lines(fetch_file(dataset, "all"))
        return data, _cut(data, lines if dataset.written is None else dataset.written(lines))
    if not os.path.isfile(data):
        known = [d.name for d in DATASETS.values() if d.kind == "series"]
        raise DataError(f"{data} is neither a series{suggest(data, known)} nor a file; series are {', '.join(known)}.")
    return data, _cut(data, read_lines(data))


def _cut(name: str, lines: Iterator[str]) -> Iterator[_Row]:
    """The header and the rows below it; empty lines at the end are none."""
    head = next(lines, "")
    delimiter = next((mark for mark in ",;\t" if mark in head), ",")
    reader = csv.reader(chain([head], lines), delimiter=delimiter, strict=True)
    empty = found = 0
    try:
        for cells in reader:
            if not any(cell.strip() for cell in cells) and len(cells) < 2:
                empty = empty or reader.line_num
                continue
            if empty:
                raise DataError(f"{name}: line {empty} is empty; fill the gap, or remove the line.")
            found += 1
            yield _Row([cell.strip() for cell in cells], reader.line_num)
    except csv.Error as error:
        raise DataError(f"{name}: line {reader.line_num} is not CSV ({error}); save the table as CSV again.") from None
    if not found:
        raise DataError(f"{name}: there is no table in it; give a CSV file with a header and rows of numbers.")


def _date_column(name, head, first, date) -> int | None:
    if date == NO_DATE:
        return None
    if date:
        return _place(name, head, date)
    cell = first.cells[0]
    return 0 if parse_date(cell) and not _is_number(cell) else None


def _place(name, head, column):
    if column not in head.cells:
        raise ConfigError(f'{name} has no column "{column}"{suggest(column, head.cells)}; line {head.line} has {", ".join(head.cells)}.')
    return head.cells.index(column)


def _refuse_cut(name, head, row):
    if len(row.cells) != len(head.cells):
        raise DataError(f"{name}: line {row.line} has {len(row.cells)} cells, but the header {len(head.cells)}; mend the line.")


def _number(name, head, row, place) -> float:
    cell = row.cells[place]
    if not cell:
        raise DataError(f'{name}: line {row.line} has nothing in column "{head.cells[place]}"; fill the gap, or choose other columns.')
    if not _is_number(cell):
        raise DataError(f'{name}: line {row.line} has "{cell}" in column "{head.cells[place]}", which is no number; write one there, or choose other columns.')
    return float(cell)


def _is_number(cell):
    try:
        return math.isfinite(float(cell)) and "_" not in cell
    except ValueError:
        return False


def _date(name, head, row, place) -> datetime:
    found = parse_date(row.cells[place])
    if found is None:
        raise DataError(f'{name}: line {row.line} has "{row.cells[place]}" in column "{head.cells[place]}", which is no date such as 2016-07-01 00:00:00; '
                        "write one there, or read the rows without their dates (--date none).")
    return found
