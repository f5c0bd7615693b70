"""What a trained forecaster says, and what the models say that it is measured by: last value, seasonal-naive, linear.

All of them predict in the numbers that a network reads; a ``Forecast`` is in those that were written.  A model that says one number
gets its quantiles from the errors that it made on the validation rows, each step ahead and each column by itself.
"""
import os
from collections.abc import Callable, Sequence
from dataclasses import replace
from functools import cached_property
from typing import NamedTuple

import numpy as np

from tsuzuri.array import threads
from tsuzuri.datasets.dates import shown
from tsuzuri.datasets.series import Series, Windows
from tsuzuri.datasets.tables import Table, read_table
from tsuzuri.errors import ConfigError, DataError, check_least
from tsuzuri.train.series_run import SeriesRun

ROWS = 512                                                   # windows at a time

Point = Callable[[Windows], np.ndarray]
"""Windows -> what is said of them (N, K, C), scaled."""


class Forecast(NamedTuple):
    """point (N, K, C), the median or the mean; quantiles (N, K, C, Q), from the lowest."""

    point: np.ndarray
    quantiles: np.ndarray


class Ahead(NamedTuple):
    """What comes behind a table: a date for each row (or +1, +2 ... where rows do not step evenly), point (K, C), quantiles (K, C, Q)."""

    labels: list[str]
    point: np.ndarray
    quantiles: np.ndarray


class PointForecaster:
    """A model that says one number, with a band of the errors that it made on the validation rows (the training rows where there are none)."""

    def __init__(self, name: str, series: Series, point: Point, levels: np.ndarray):
        self.name, self.series, self.point, self.levels = name, series, point, levels

    def __call__(self, windows: Windows) -> Forecast:
        point = self.point(windows)
        return Forecast(self.series.scale.back(point), self.series.scale.back_each(point[..., None] + self.offsets))

    @cached_property
    def offsets(self) -> np.ndarray:
        """(K, C, Q): the quantiles of the errors."""
        judged = self.series.windows("valid")
        judged = judged if len(judged) else self.series.windows("train")
        errors = judged.arrays()[1].astype(np.float64) - self.point(judged)
        return np.moveaxis(np.quantile(errors, self.levels, axis=0), 0, -1)


class Forecaster:
    """A run folder in use, called as the baselines are: Windows -> Forecast.  RunError: the folder is no such run."""

    def __init__(self, folder: str | os.PathLike):
        self.run = SeriesRun(folder)
        self.series, self.model = self.run.series, self.run.load_model()
        config = self.run.settings.model
        self.name, self.levels = config.arch, config.levels()
        self._pointed = PointForecaster(self.name, self.series, lambda windows: self._scaled(windows)[..., 0], self.levels) if config.loss == "squared" else None

    def __call__(self, windows: Windows) -> Forecast:
        if self._pointed:
            return self._pointed(windows)
        quantiles = self.series.scale.back_each(self._scaled(windows))
        return Forecast(quantiles[..., int(np.searchsorted(self.levels, 0.5))], quantiles)

    def baselines(self) -> list[PointForecaster]:
        """Last value, seasonal-naive and linear, in this order."""
        series = self.series
        return [PointForecaster(name, series, point, self.levels) for name, point in (
            ("last value", lambda windows: repeated(windows, 1)), ("seasonal-naive", lambda windows: repeated(windows, series.season)),
            ("linear", lambda windows: self.run.linear(windows.arrays()[0])))]

    def models(self) -> list["Forecaster | PointForecaster"]:
        """The run and its baselines."""
        return [self, *self.baselines()]

    def ahead(self, data: str = "", steps: int = 0) -> Ahead:
        """The rows behind the end of a file of the same columns, or of the table that was learnt from; 0: as many as the horizon.

        More than the horizon are made by reading what was said, the point, as if it had come.  Of a run that estimates, the last rows
        of the file, whose columns to predict may be missing.  ConfigError: more than the horizon, where columns are read that
        nobody predicts.  DataError, with file and line: the table is shorter than a window.
        """
        series = self.series
        table, steps = self.table(data), steps or series.horizon
        check_least("steps", steps, 1)
        need = series.window + (0 if series.forecast else steps - 1)
        if len(table) < need:
            raise DataError(f"{table.name}: line {table.line(-1)} is the last of {len(table):,} rows, fewer than the {need:,} that are read; give a longer series.")
        if not series.forecast:
            said = self(series.windows_of(table, range(len(table) - steps, len(table))))
            labels = [shown(date) for date in table.dates] or [str(k + 1) for k in range(len(table))]
            return Ahead(labels[-steps:], said.point[:, 0], said.quantiles[:, 0])
        self._refuse_far(table, steps)
        found: list[Forecast] = []
        while sum(len(said.point[0]) for said in found) < steps:
            longer = _longer(table, found)
            found.append(self(series.windows_of(longer, range(len(longer), len(longer) + 1))))
        point, quantiles = (np.concatenate([part[0] for part in parts])[:steps] for parts in zip(*found, strict=True))
        return Ahead(_labels(table, steps), point, quantiles)

    def table(self, data: str) -> Table:
        """The columns of a file that the run reads; those that it estimates are not looked for there."""
        series = self.series
        if not data:
            return series.table
        date, columns = self.run.settings.series.date, series.table.columns
        if series.forecast:
            return read_table(data, columns, date)
        table = read_table(data, columns[series.outputs:], date)
        return replace(table, columns=columns, values=np.concatenate([np.full((len(table), series.outputs), np.nan), table.values], axis=1))

    def _scaled(self, windows):
        """(N, K, C, Q)."""
        with threads(self.run.settings.training.threads):
            parts = [self.model.predict(windows[k:k + ROWS].arrays()[0]) for k in range(0, len(windows), ROWS)]
        return np.concatenate(parts).astype(np.float64)

    def _refuse_far(self, table, steps):
        if steps <= self.series.horizon:
            return
        if self.series.inputs > self.series.outputs:
            raise ConfigError(f"steps is {steps}, but the run predicts {self.series.horizon} and reads columns beside that nobody predicts; take at most "
                              f"{self.series.horizon}, or train with a larger horizon.")
        if self.series.calendar and not table.step:
            raise ConfigError(f"steps is {steps}, but the run predicts {self.series.horizon} and reads a calendar, and the next dates are not known; take at most "
                              f"{self.series.horizon}, or train with a larger horizon.")


def repeated(windows: Windows, season: int) -> np.ndarray:
    """Every row as the one of the same phase in the last season before the rows to predict (N, K, C); a season of 1 is the last value.

    Where the table begins less than a season before, it is the last value too.
    """
    starts = windows.starts[:, None]
    return windows.scaled[np.where(starts < season, np.maximum(starts - 1, 0), starts - season + np.arange(windows.horizon) % season)].astype(np.float64)


def _longer(table: Table, found: Sequence[Forecast]) -> Table:
    """The table with what was said behind it."""
    if not found:
        return table
    rows = np.concatenate([said.point[0] for said in found])
    dates = tuple(table.step.after(table.dates[-1], k + 1) for k in range(len(rows))) if table.dates and table.step else ()
    return replace(table, values=np.concatenate([table.values, rows]), dates=(*table.dates, *dates) if dates else (), lines=())


def _labels(table, steps):
    if table.dates and table.step:
        return [shown(table.step.after(table.dates[-1], k + 1)) for k in range(steps)]
    return [f"+{k + 1}" for k in range(steps)]
