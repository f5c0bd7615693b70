"""The dates of a table's rows: reading them, whether they step evenly, those that follow, and their phases.

Rows step evenly where 85 % of the steps or more are the same number of months (the day being the same, or the month's last) or of
seconds; then every other step is a gap.  Where fewer are, as on the days of a stock exchange, rows only have to be in order.
"""
import calendar
import math
from collections import Counter
from collections.abc import Sequence
from datetime import datetime, timedelta
from itertools import pairwise
from typing import NamedTuple

import numpy as np

from tsuzuri.errors import DataError

EVEN = 0.85
EPOCH = datetime(1970, 1, 1)
DAY = 86400
UNITS = ((7 * DAY, "week"), (DAY, "day"), (3600, "hour"), (60, "minute"), (1, "second"))


class Step(NamedTuple):
    """From each row to the next: so many months, or so many seconds; both 0 where rows do not step evenly."""

    months: int = 0
    seconds: int = 0

    def __bool__(self) -> bool:
        return bool(self.months or self.seconds)

    def __str__(self) -> str:
        if self.months:
            return _count(self.months // 12, "year") if self.months % 12 == 0 else _count(self.months, "month")
        size, name = next((size, name) for size, name in UNITS if self.seconds % size == 0)
        return _count(self.seconds // size, name)

    def after(self, date: datetime, count: int) -> datetime:
        """The date ``count`` steps after one."""
        if not self.months:
            return date + timedelta(seconds=count * self.seconds)
        last = _is_last(date)
        year, month = divmod(_month(date) + count * self.months, 12)
        days = calendar.monthrange(year, month + 1)[1]
        return date.replace(year=year, month=month + 1, day=days if last and date.day > 27 else min(date.day, days))

    def between(self, first: datetime, second: datetime) -> float:
        """How many steps lie from one date to another."""
        return (_month(second) - _month(first)) / self.months if self.months else (second - first).total_seconds() / self.seconds


UNEVEN = Step()


def parse_date(text: str) -> datetime | None:
    """A date as ISO 8601 writes it, a month such as 1949-01, a year, or the same with slashes; None where it is none."""
    text = text.strip().replace("/", "-")
    for written in (text, f"{text}-01", f"{text}-01-01"):
        try:
            return datetime.fromisoformat(written).replace(tzinfo=None)
        except ValueError:
            continue
    return None


def step_of(dates: Sequence[datetime]) -> Step:
    """The step from row to row; an empty Step where rows do not step evenly."""
    pairs = list(pairwise(dates))
    if not pairs:
        return Step()
    if len({date.day for date in dates}) == 1 or all(map(_is_last, dates)):
        months, count = Counter(_month(b) - _month(a) for a, b in pairs).most_common(1)[0]
        if months > 0 and count >= EVEN * len(pairs):
            return Step(months=months)
    seconds, count = Counter(round((b - a).total_seconds()) for a, b in pairs).most_common(1)[0]
    return Step(seconds=seconds) if seconds > 0 and count >= EVEN * len(pairs) else Step()


def refuse_gaps(name: str, dates: Sequence[datetime], lines: Sequence[int]) -> Step:
    """The step from row to row.  DataError, with file and line: a row that is not after the one before, or rows that are missing."""
    for k in range(1, len(dates)):
        if dates[k] <= dates[k - 1]:
            raise DataError(f"{name}: line {lines[k]} has {shown(dates[k])} after {shown(dates[k - 1])}; put the rows in the order of their dates, each once.")
    step = step_of(dates)
    for k in range(1, len(dates) if step else 0):
        count = step.between(dates[k - 1], dates[k])
        if count != 1:
            missing = f"{_count(round(count) - 1, 'row')} missing" if count == int(count) else "this is between two steps"
            raise DataError(f"{name}: line {lines[k]} has {shown(dates[k])} after {shown(dates[k - 1])}, but rows step by {step} ({missing}); "
                            "fill the gap, or read the rows without their dates (--date none).")
    return step


def phases(dates: Sequence[datetime], step: Step) -> np.ndarray:
    """(R, F): sine and cosine of the hour of the day, the day of the week and the month of the year, of each that varies from row to row."""
    seconds = step.seconds or (0 if step.months else DAY)
    turns = []
    if seconds and seconds < DAY:
        turns.append([(date.hour + date.minute / 60) / 24 for date in dates])
    if seconds and seconds < 7 * DAY:
        turns.append([date.weekday() / 7 for date in dates])
    if step.months % 12 or seconds:
        turns.append([(date.month - 1) / 12 for date in dates])
    angles = 2 * math.pi * np.array(turns, np.float64).reshape(len(turns), len(dates))
    return np.concatenate([np.sin(angles), np.cos(angles)]).T


def shown(date: datetime) -> str:
    """A date without a time of midnight."""
    return date.isoformat(sep=" ").removesuffix(" 00:00:00")


def to_microseconds(dates: Sequence[datetime]) -> np.ndarray:
    """Microseconds since 1970, as they are kept in a run."""
    return np.array([(date - EPOCH) // timedelta(microseconds=1) for date in dates], np.int64)


def from_microseconds(numbers: np.ndarray) -> list[datetime]:
    """The dates that ``to_microseconds`` was given."""
    return [EPOCH + timedelta(microseconds=int(one)) for one in numbers]


def _count(number, name):
    return f"{number:,} {name}{'' if number == 1 else 's'}"


def _month(date):
    return 12 * date.year + date.month - 1


def _is_last(date):
    return date.day == calendar.monthrange(date.year, date.month)[1]
