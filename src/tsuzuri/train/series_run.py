"""The run folder of a forecaster: its settings, and what stands in it.

    series.safetensors    the columns that are read, as they were written, and the dates
    linear.safetensors    the linear model that it is measured by, and begins at with base linear

and what every run folder has (train.folder).
"""
import os
from datetime import datetime
from functools import cached_property
from pathlib import Path
from typing import Any, Generic, TypeVar

import msgspec
import numpy as np

from tsuzuri.datasets.dates import from_microseconds, refuse_gaps, to_microseconds
from tsuzuri.datasets.series import FRACTIONS, TRANSFORMS, Series, WindowBatches
from tsuzuri.datasets.tables import Table, read_table
from tsuzuri.errors import ConfigError, check_choice, check_least
from tsuzuri.models.linear_forecast import LinearForecaster
from tsuzuri.models.series import ARCHITECTURES, SeriesConfig, SeriesModel
from tsuzuri.models.windows import Sizes
from tsuzuri.train.checkpoint import load_arrays, save_arrays
from tsuzuri.train.config import LoopConfig
from tsuzuri.train.folder import RunFolder
from tsuzuri.train.task import Layers, Task, last

TASKS = ("forecast", "estimate")
ALL = "all"


class SeriesDataConfig(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Which columns are learnt from, and how they are cut into windows."""

    data: str = ""
    """a data set's name or a CSV file with a header"""
    column: str = ALL
    """the columns to predict, with a comma between them; all: every column of numbers"""
    beside: str = ""
    """columns that are read beside those; all: every other one"""
    date: str = ""
    """the column of the dates; none: there is none; empty: the first, if it holds dates"""
    task: str = "forecast"
    """forecast the rows behind a window, or estimate the columns of its last row from those beside"""
    window: int = 48
    """rows that are read"""
    horizon: int = 1
    """rows that are predicted"""
    split: str = FRACTIONS
    """shares, or numbers, of the rows to train on, to validate and to test, in the order of time"""
    season: int = 0
    """rows of a season; 0: found by the autocorrelation of the training rows; 1: none"""
    transform: str = "none"
    """none, log or sqrt: what is done to the numbers before they are scaled"""
    calendar: bool = False
    """read the hour, weekday and month beside, as sines and cosines"""

    def __post_init__(self):
        for name, choices in (("task", TASKS), ("transform", TRANSFORMS)):
            check_choice(name, getattr(self, name), choices)
        for name, least in (("window", 1), ("horizon", 1), ("season", 0)):
            check_least(name, getattr(self, name), least)
        if not self.outputs():
            raise ConfigError("column names nothing to predict; name columns, or all.")
        if len({*self.outputs(), *names(self.beside)}) < len(self.outputs()) + len(names(self.beside)):
            raise ConfigError(f"a column stands twice in column ({self.column}) and beside ({self.beside}); name each once.")
        if self.task == "estimate" and (self.horizon != 1 or not self.beside or self.column == ALL):
            raise ConfigError("task estimate is of some columns of one row from others; name them in column and beside, and leave horizon at 1.")
        if self.column == ALL and self.beside:
            raise ConfigError(f"column is all, which leaves none beside ({self.beside}); name the columns to predict.")

    def outputs(self) -> list[str]:
        """The names of the columns to predict; "all" alone where it is every one."""
        return names(self.column)

    def read(self) -> tuple[Table, int]:
        """The columns to predict and then those beside, and how many are predicted."""
        outputs, beside = self.outputs(), names(self.beside)
        table = read_table(self.data, () if ALL in (self.column, self.beside) else [*outputs, *beside], self.date)
        if self.column == ALL:
            return table, len(table.columns)
        if self.beside == ALL:
            table = read_table(self.data, [*outputs, *(name for name in table.columns if name not in outputs)], self.date)
        return table, len(outputs)


def names(text: str) -> list[str]:
    """The parts of a text between commas."""
    return [part.strip() for part in text.split(",") if part.strip()]


class SeriesTrainingConfig(LoopConfig, frozen=True, forbid_unknown_fields=True):
    """How a forecaster is trained: a row of a batch is a window."""

    batch_size: int = 64
    """windows in a batch"""
    epochs: int = 30
    """passes over the windows"""


Model = TypeVar("Model", bound=SeriesConfig)


class SeriesSettings(msgspec.Struct, Generic[Model], frozen=True, forbid_unknown_fields=True):
    """All settings of a training on a series."""

    series: SeriesDataConfig
    model: Model
    training: SeriesTrainingConfig

    def __post_init__(self):
        if self.series.task == "estimate" and self.model.base in ("last", "season"):
            raise ConfigError(f"base is {self.model.base}, but a column that is estimated from others is not read itself; take base none or linear.")


USUAL_OF: dict[str, dict[str, Any]] = {"airline": {"horizon": 12, "window": 36, "split": "96,24,24", "transform": "log"}, "sunspots": {"horizon": 12, "window": 132, "transform": "sqrt"},
            "etth1": {"column": "OT", "horizon": 24, "window": 96, "split": "8640,2880,2880"}, "vix": {"column": "CLOSE", "horizon": 5, "window": 22, "transform": "log"},
            "exchange": {"transform": "log"}}
"""What a data set is read with where nothing else is said; the split of etth1 is the published one of 12, 4 and 4 months of 30 days."""


class Forecasting(Task):
    """Forecasting, and regression, on the columns of a table."""

    command, architectures, default, measure, unit = "series", tuple(ARCHITECTURES), "lstm", "loss", "numbers"

    def settings_type(self, arch):
        check_choice("arch", arch, ARCHITECTURES)
        return SeriesSettings[ARCHITECTURES[arch][0]]        # type: ignore[misc]

    def usual(self, arch: str, layers: Layers) -> dict[str, Any]:
        estimating = last("task", layers, "forecast") == "estimate"
        return {"schedule": "cosine", "patience": 8, "base": "linear"} | USUAL_OF.get(last("data", layers, ""), {}) | ({"horizon": 1} if estimating else {})

    def refuse_no_text(self, settings):
        if not settings.series.data:
            raise ConfigError("no series was given; name a data set (`tsuzuri data list`) or a CSV file with a header.")


TASK = Forecasting()


class SeriesRun(RunFolder):
    """An opened run folder of a forecaster.  RunError: it is none, or a part of it is damaged."""

    task = TASK
    settings: SeriesSettings

    def __init__(self, folder: str | os.PathLike):
        super().__init__(folder)
        arrays, notes = load_arrays(self.folder / "series.safetensors")
        dates: tuple[datetime, ...] = tuple(from_microseconds(arrays["dates"]))
        step = refuse_gaps(notes["name"], dates, range(len(dates)))
        self.series = open_series(self.settings, Table(notes["name"], tuple(notes["columns"]), arrays["values"], dates, step), notes["outputs"])

    @property
    def measure(self) -> str:
        """What is drawn of a loss."""
        return "deviations"

    @cached_property
    def linear(self) -> LinearForecaster:
        """The linear model of the same windows."""
        arrays, notes = load_arrays(self.folder / "linear.safetensors")
        return LinearForecaster(sizes_of(self.settings, self.series), arrays["W"], arrays["b"], **notes)

    def batches(self) -> WindowBatches:
        """The batches of the training."""
        training = self.settings.training
        return WindowBatches(self.series.windows("train"), training.batch_size, training.seed)

    def held_out(self) -> WindowBatches | None:
        """The windows that validate; None where no rows are left for them."""
        windows = self.series.windows("valid")
        return WindowBatches(windows, 256, shuffled=False) if len(windows) else None

    def new_model(self) -> SeriesModel:
        """The model with the parameters that it starts its training with."""
        model = self.settings.model
        return SeriesModel(model, sizes_of(self.settings, self.series), self.linear if model.base == "linear" else None,
                           rng=np.random.default_rng([self.settings.training.seed, 0]))


def open_series(settings: SeriesSettings, table: Table, outputs: int) -> Series:
    """A table as the settings cut it."""
    data, model = settings.series, settings.model
    return Series(table, outputs, window=data.window + model.difference, horizon=data.horizon, split=data.split, forecast=data.task == "forecast",
                  transform=data.transform, calendar=data.calendar, season=data.season, dtype=model.dtype)


def sizes_of(settings: SeriesSettings, series: Series) -> Sizes:
    """What a model of a series has to know of it."""
    data = settings.series
    return Sizes(series.inputs, series.outputs, data.window, data.horizon, series.features.shape[1] - series.inputs, series.season, series.forecast,
                 settings.model.difference)


def save_series(folder: Path, table: Table, outputs: int) -> None:
    """Write what ``SeriesRun`` reads."""
    save_arrays(folder / "series.safetensors", {"values": table.values, "dates": to_microseconds(table.dates)},
                {"name": table.name, "columns": list(table.columns), "outputs": outputs})
