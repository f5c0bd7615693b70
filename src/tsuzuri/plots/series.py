"""Pictures of forecasts: what came, what had been forecast with its band, and what simpler models had said."""
import os
from collections.abc import Mapping
from datetime import datetime
from typing import NamedTuple

import numpy as np

from tsuzuri.errors import ConfigError
from tsuzuri.plots.axes import head, name_ends
from tsuzuri.plots.figure import COLOURS, one_figure

MOST = 8                                                     # columns in a picture
TRUTH = "#333333"
STYLES = ("-", (0, (1, 1.5)), (0, (4, 2)), (0, (5, 1.5, 1, 1.5)))
"""The run's line, then those of the baselines."""


class Chart(NamedTuple):
    """truth (R, C) of rows from number ``start`` on, with their ``dates`` or none; from row ``first`` on, one horizon after the other,
    what each model said, points (N, K, C), and the first one's quantiles (N, K, C, Q), which span ``band``."""

    columns: tuple[str, ...]
    dates: tuple[datetime, ...]
    start: int
    first: int
    horizon: int
    truth: np.ndarray
    points: Mapping[str, np.ndarray]
    quantiles: np.ndarray
    band: float


def forecast_chart(chart: Chart, path: str | os.PathLike, *, title: str = "") -> None:
    """A panel for each column: the rows as they came, the forecasts in their band, the baselines thinner, a line where each forecast was made.

    ConfigError: more columns than a picture has room for.
    """
    if len(chart.columns) > MOST:
        raise ConfigError(f"the run predicts {len(chart.columns)} columns; a picture has room for {MOST}, so train on fewer.")
    with one_figure(path, (9.0, 1.2 + 2.7 * len(chart.columns))) as figure:
        grid = figure.subplots(len(chart.columns), 1, squeeze=False, sharex=True)[:, 0]
        x = np.array(chart.dates) if chart.dates else np.arange(chart.start, chart.start + len(chart.truth)) + 1
        for c, axes in enumerate(grid):
            _panel(axes, chart, x, c)
        grid[-1].set_xlabel("" if chart.dates else "row")
        head(figure, title or f"{_count(chart)}; shaded: the band that is to hold {chart.band:.0%}")
        for c, axes in enumerate(grid):
            name_ends(figure, axes, _ends(chart, c), fontsize=9)


def _panel(axes, chart, x, c):
    ahead, names = x[chart.first:], list(chart.points)
    if chart.horizon > 1:
        for k in range(chart.first, len(x), chart.horizon):
            axes.axvline(x[k - 1] if k else x[k], color="#bbbbbb", linewidth=0.8)
    low, high = (chart.quantiles[:, :, c, q].reshape(-1) for q in (0, -1))
    for k in _pieces(chart):
        axes.fill_between(ahead[k], low[k], high[k], color=COLOURS[0], alpha=0.18, linewidth=0)
    for place in reversed(range(len(names))):
        said = chart.points[names[place]][:, :, c].reshape(-1)
        for k in _pieces(chart):
            axes.plot(ahead[k], said[k], color=COLOURS[place], linestyle=STYLES[place % len(STYLES)], linewidth=1.0 if place else 2.0,
                      marker=("o" if place == 0 and chart.horizon == 1 and len(ahead) < 40 else None), markersize=3)
    axes.plot(x, chart.truth[:, c], color=TRUTH, linewidth=1.4)
    axes.set_ylabel(chart.columns[c])
    axes.margins(x=0.01)
    if chart.dates:
        from matplotlib.dates import AutoDateLocator, ConciseDateFormatter
        axes.xaxis.set_major_locator(locator := AutoDateLocator())
        axes.xaxis.set_major_formatter(ConciseDateFormatter(locator))


def _pieces(chart):
    """Each forecast by itself; those of one row are joined."""
    rows = len(chart.truth) - chart.first
    return [slice(k, k + chart.horizon) for k in range(0, rows, chart.horizon)] if chart.horizon > 1 else [slice(0, rows)]


def _ends(chart, c):
    lines = [("what came", TRUTH, chart.truth[-1, c])]
    return lines + [(name, COLOURS[place], points[-1, -1, c]) for place, (name, points) in enumerate(chart.points.items())]


def _count(chart):
    count = len(next(iter(chart.points.values())))
    rows = f"{chart.horizon} rows" if chart.horizon > 1 else "one row"
    return f"{count} forecasts of {rows} each, made at the grey lines" if chart.horizon > 1 else f"{count} forecasts, each of the next row"
