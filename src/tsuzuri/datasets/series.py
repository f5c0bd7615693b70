"""A table as a series to learn from: parts in the order of time, a scale fitted on the first, and windows that do not leak.

    rows       0 1 2 3 4 5 6 7 8 9 | 10 11 12 | 13 14 15 16         training, validation, test

    window 4, horizon 2                a window (x) and what is to be predicted (y)
    training     x 0-3  y 4 5    ...   x 4-7  y 8 9
    validation   x 6-9  y 10 11  ,     x 7-10  y 11 12              it may look back, but predicts its own rows only
    test         x 9-12 y 13 14  ...   x 11-14 y 15 16

The scale (mean and deviation of every column) is that of the training rows alone.
"""
from collections.abc import Callable, Sequence
from typing import NamedTuple

import numpy as np

from tsuzuri.array import float_type
from tsuzuri.datasets.tables import Table
from tsuzuri.errors import ConfigError, DataError, check_choice

PARTS = ("train", "valid", "test")
FRACTIONS = "0.7,0.1,0.2"
TRANSFORMS: dict[str, tuple[Callable, Callable]] = {"none": (lambda x: x, lambda x: x), "log": (np.log, np.exp), "sqrt": (np.sqrt, lambda x: np.maximum(x, 0) ** 2)}
"""What is done to a number before it is scaled, and how it is undone."""
LEAST, NEARLY = 0.1, 0.9                                     # autocorrelation below which a peak is no season; two seasons may look better by so much


def cut_parts(table: Table, split: str) -> dict[str, range]:
    """The rows of train, valid and test, by shares of all rows ("0.7,0.1,0.2") or by numbers of rows ("8640,2880,2880").

    ConfigError: these are not three such numbers, or there is nothing to train on.  DataError: the table has fewer rows.
    """
    try:
        sizes = [float(size) for size in split.split(",")]
        good = len(sizes) == 3 and sizes[0] > 0 and min(sizes) >= 0 and (sum(sizes) <= 1 + 1e-9 or all(size == int(size) for size in sizes))
    except (ValueError, OverflowError):
        good = False
    if not good:
        raise ConfigError(f'split is "{split}"; it must be three shares of the rows for train, valid and test, such as {FRACTIONS}, or three numbers of rows.')
    ends = np.cumsum([0, *sizes])
    ends = np.floor(ends * len(table) + 1e-6) if ends[-1] <= 1 + 1e-9 else ends
    if ends[-1] > len(table):
        raise DataError(f"{table.name}: line {table.line(-1)} is the last of {len(table):,} rows, and split asks for {int(ends[-1]):,}; take shares, such as {FRACTIONS}.")
    return {part: range(int(a), int(b)) for part, a, b in zip(PARTS, ends, ends[1:])}


class Scale(NamedTuple):
    """From numbers as they were written to those that a network reads: transformed, then brought to mean 0 and deviation 1."""

    mean: np.ndarray
    deviation: np.ndarray
    transform: str

    @classmethod
    def fit(cls, table: Table, rows: range, transform: str = "none") -> "Scale":
        """The scale of some rows.  DataError, with file and line: a number that has no logarithm or square root."""
        check_choice("transform", transform, TRANSFORMS)
        seen = transformed(table, transform)[rows.start:rows.stop]
        deviation = seen.std(0)
        return cls(seen.mean(0), np.where(deviation > 0, deviation, 1.0), transform)

    def of(self, table: Table) -> np.ndarray:
        """The values (R, C) of a table as they are read."""
        return (transformed(table, self.transform) - self.mean) / self.deviation

    def back(self, scaled: np.ndarray) -> np.ndarray:
        """scaled (..., M) of the first M columns as they are written."""
        M = scaled.shape[-1]
        return TRANSFORMS[self.transform][1](scaled * self.deviation[:M] + self.mean[:M])

    def back_each(self, scaled: np.ndarray) -> np.ndarray:
        """The same of scaled (..., M, Q)."""
        return self.back(scaled.swapaxes(-1, -2)).swapaxes(-1, -2)


def transformed(table: Table, transform: str) -> np.ndarray:
    """The values of a table (R, C), transformed.  DataError, with file and line: one that cannot be."""
    values = table.values
    wrong = {"none": np.zeros_like(values, bool), "log": values <= 0, "sqrt": values < 0}[transform]
    if wrong.any():
        row, column = np.argwhere(wrong)[0]
        raise DataError(f'{table.name}: line {table.line(row)} has {values[row, column]:g} in column "{table.columns[column]}", which transform {transform} '
                        "does not fit; take transform none.")
    return TRANSFORMS[transform][0](values)


class Windows:
    """Windows by their number: number k is (x (W, D), y (K, C)), and ``starts[k]`` the first row that it predicts.

    ``features`` (R, D) are read; with ``forecast`` the W rows before y's first, else those up to it, for it is a row of other columns
    that is to be estimated then.  ``scaled`` (R, C) is what is predicted; where it ends, y is NaN.
    """

    def __init__(self, features: np.ndarray, scaled: np.ndarray, starts: np.ndarray, window: int, horizon: int, forecast: bool = True):
        self.features, self.scaled, self.starts, self.window, self.horizon, self.forecast = features, scaled, starts, window, horizon, forecast

    def __len__(self) -> int:
        return len(self.starts)

    def __getitem__(self, key: slice) -> "Windows":
        """Some of them."""
        return Windows(self.features, self.scaled, self.starts[key], self.window, self.horizon, self.forecast)

    def arrays(self) -> tuple[np.ndarray, np.ndarray]:
        """All of them: x (N, W, D), y (N, K, C)."""
        return self.take(np.arange(len(self)))

    def take(self, numbers: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """x (N, W, D) and y (N, K, C) of some."""
        starts = self.starts[numbers][:, None]
        read = starts - before(self.window, self.forecast) + np.arange(self.window)
        predicted = starts + np.arange(self.horizon)
        known = predicted < len(self.scaled)
        y = self.scaled[np.where(known, predicted, 0)]
        return self.features[read], y if known.all() else np.where(known[..., None], y, np.nan).astype(y.dtype)


def before(window: int, forecast: bool) -> int:
    """How many rows before the first that it predicts a window begins."""
    return window if forecast else window - 1


class WindowBatches:
    """Batches of windows (x (N, W, D), y (N, K, C)), in an order that follows from the seed and the number of the pass."""

    goes_on = False

    def __init__(self, windows: Windows, batch_size: int, seed: int = 0, *, shuffled: bool = True, number: int = 1):
        self.windows, self.batch_size, self.seed, self.shuffled = windows, batch_size, seed, shuffled
        self.order = np.random.default_rng([seed, 2, number]).permutation(len(windows)) if shuffled else np.arange(len(windows))

    def __len__(self) -> int:
        return -(-len(self.windows) // self.batch_size)

    def __getitem__(self, k: int) -> tuple[np.ndarray, np.ndarray]:
        if not 0 <= k < len(self):
            raise IndexError(f"batch {k} of {len(self)}")
        return self.windows.take(self.order[k * self.batch_size:(k + 1) * self.batch_size])

    def epoch(self, number: int) -> "WindowBatches":
        """The batches of pass ``number``, from 1."""
        return WindowBatches(self.windows, self.batch_size, self.seed, shuffled=self.shuffled, number=number)

    def rate(self, k: int) -> float:
        """What the learning rate is multiplied by at batch k."""
        return 1.0


class Series:
    """A table, cut and scaled; the first ``outputs`` of its columns are predicted.

    ``inputs`` columns are read, beside what the calendar tells where ``calendar``: all columns to forecast, and those that are not
    outputs where a row is to be estimated from them.  ``season`` 0 is found by the autocorrelation of the training rows.
    DataError, with file and line: the series is shorter than a window and the rows behind it.
    """

    def __init__(self, table: Table, outputs: int, *, window: int, horizon: int, split: str = FRACTIONS, forecast: bool = True, transform: str = "none",
                 calendar: bool = False, season: int = 0, dtype: str = "float32"):
        self.table, self.outputs, self.window, self.horizon, self.forecast = table, outputs, window, horizon, forecast
        self.parts = cut_parts(table, split)
        self._refuse_short()
        self.scale = Scale.fit(table, self.parts["train"], transform)
        self.calendar = calendar
        self.dtype = float_type(dtype)
        trained = self.parts["train"].stop
        if season >= trained:
            raise ConfigError(f"season is {season}; it must be below the {trained:,} rows to train on.")
        self.season = season or find_season(self.scale.of(table)[:trained, 0])
        self.scaled, self.features = self._read(table)
        self.inputs = len(table.columns) - (0 if forecast else outputs)

    columns = property(lambda self: self.table.columns[:self.outputs])

    def windows(self, part: str) -> Windows:
        """The windows that predict the rows of a part, and none of another; those of the training rows read no others either."""
        rows = self.parts[part]
        return self._windows(self.scaled, self.features, range(max(rows.start, before(self.window, self.forecast)), rows.stop - self.horizon + 1))

    def windows_of(self, table: Table, starts: range) -> Windows:
        """Windows of another table of the same columns, by the first rows that they predict; what the table lacks is NaN."""
        scaled, features = self._read(table)
        return self._windows(scaled, features, starts)

    def _windows(self, scaled, features, starts):
        return Windows(features, scaled[:, :self.outputs], np.array(starts, np.int64), self.window, self.horizon, self.forecast)

    def _read(self, table):
        scaled = self.scale.of(table).astype(self.dtype)
        read = scaled if self.forecast else scaled[:, self.outputs:]
        return scaled, np.concatenate([read, table.phases().astype(self.dtype)], axis=1) if self.calendar else read

    def _refuse_short(self):
        table = self.table
        for part, rows in self.parts.items():
            need = self.horizon + (before(self.window, self.forecast) if part == "train" else 0)
            if len(rows) < need and (part == "train" or len(rows)):
                what = f"the {self.horizon:,} to predict" if part != "train" else f"a window of {self.window:,} and the {self.horizon:,} to predict"
                raise DataError(f"{table.name}: line {table.line(-1)} is the last of {len(table):,} rows, of which {len(rows):,} {_FOR[part]}, fewer than {what}; "
                                "give a longer series, take a smaller window or horizon, or another split.")


_FOR = {"train": "are to train on", "valid": "validate", "test": "test"}


def find_season(values: Sequence[float] | np.ndarray) -> int:
    """The season of values (R,): the first lag whose peak of the autocorrelation is nearly the highest; 1 where there is none.

    A lag is a peak if no other within half of it on either side is higher, and if two seasons on there is a hill again.  A straight
    line is taken off before; where that leaves no peak, the changes from row to row are looked at, whose slow waves are small.
    """
    values = np.asarray(values, np.float64)
    for seen in (_without_line(values), np.diff(values)) if len(values) > 3 else ():
        found = _autocorrelation(seen)
        peaks = [lag for lag in range(2, len(found) // 3) if found[lag] > LEAST and found[lag] == found[lag // 2:lag + lag // 2 + 1].max()
                 and found[2 * lag - lag // 4:2 * lag + lag // 4 + 1].max() > LEAST / 2]
        if peaks:
            return next(lag for lag in peaks if found[lag] >= NEARLY * max(found[peaks]))
    return 1


def _without_line(values):
    at = np.arange(len(values)) - (len(values) - 1) / 2
    return values - values.mean() - at * ((at @ values) / (at @ at))


def _autocorrelation(values):
    values = values - values.mean()
    spectrum = np.fft.rfft(values, 2 * len(values))
    found = np.fft.irfft(spectrum * spectrum.conj())[:len(values)]
    return found / found[0] if found[0] > 1e-12 * len(found) else np.zeros(len(found))
