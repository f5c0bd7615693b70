"""Pictures of words: a map of labelled points, and nearest neighbours as bars."""
import math
import os
from collections.abc import Mapping, Sequence
from itertools import cycle
from typing import NamedTuple

import numpy as np

from tsuzuri.errors import ConfigError
from tsuzuri.plots.figure import COLOURS, MARKS, one_figure

AROUND = [np.array([math.cos(turn), math.sin(turn)]) for turn in np.arange(16) * math.pi / 8]
"""Directions in which a label may lie from its point: right first, then around."""
RADII = (3, 6, 10, 15, 21, 28, 36)                           # points; a label farther away would not be read as its point's
GREY = "#555555"
MANY = 100                                                   # words above which the map is larger


def word_map(words: Sequence[str], points: np.ndarray, path: str | os.PathLike, *, groups: Sequence[str] | None = None,
             title: str = "") -> None:
    """A map of words at points (N, 2); words of one group share a colour and a mark.

    Each label is laid where it covers no other label and no point, near its point; the first words choose first.
    Words that find no free place keep their point, and a note below says how many.
    """
    points = np.asarray(points, float)
    if len(words) != len(points) or not len(words):
        raise ConfigError(f"a map takes at least one word and a point for each; here are {len(words)} words and "
                          f"{len(points)} points.")
    groups = groups or [""] * len(words)
    looks = dict(zip(dict.fromkeys(groups), zip(cycle(COLOURS), cycle(MARKS))))
    with one_figure(path, (10.0, 8.0) if len(words) <= MANY else (13.0, 10.0)) as figure:
        axes = figure.add_subplot()
        _mark_points(axes, points, groups, looks)
        axes.set_title(title, loc="left")
        note = axes.set_title(" ", loc="right", fontsize=8, fontweight="normal", color=GREY)
        labels = [_Label(word, looks[group][0] if len(looks) > 1 else "black", word == group)
                  for word, group in zip(words, groups)]
        if hidden := _lay_labels(figure, axes, labels, points):
            note.set_text(f"{hidden} of {len(words)} labels found no free place")


def neighbour_bars(neighbours: Mapping[str, Sequence[tuple[str, float]]], path: str | os.PathLike, *,
                   title: str = "") -> None:
    """The nearest neighbours of several words side by side: a table whose cosines are bars on one scale."""
    if not any(neighbours.values()):
        raise ConfigError("there is nothing to draw: no word has neighbours.")
    across = min(len(neighbours), 4)
    down = math.ceil(len(neighbours) / across)
    longest = max(len(rows) for rows in neighbours.values())
    low = min(0.0, *(cosine for rows in neighbours.values() for _, cosine in rows), 0.0)
    with one_figure(path, (max(3.1 * across, 4.0), 0.6 + down * (0.5 + 0.27 * longest))) as figure:
        grid = list(figure.subplots(down, across, squeeze=False).flat)
        for axes, (word, rows), colour in zip(grid, neighbours.items(), cycle(COLOURS)):
            _bars(axes, word, rows, colour, low, longest)
        for axes in grid[len(neighbours):]:                  # places that were not used
            axes.set_axis_off()
        figure.suptitle(title or "Nearest neighbours by cosine", x=0.01, ha="left", fontweight="bold", fontsize=11)


def _bars(axes, word, rows, colour, low, longest):
    """One word's neighbours; every panel has room for ``longest`` rows, so that equal bars are equally high."""
    places = np.arange(len(rows))
    axes.barh(places, [cosine for _, cosine in rows], color=colour, alpha=0.35, height=0.78)
    for place, (_, cosine) in zip(places, rows):
        axes.text(0.02 if cosine >= 0 else cosine, place, f"{cosine:.3f}", va="center", fontsize=9)
    axes.set_yticks(places, [name for name, _ in rows])
    axes.set(ylim=(longest - 0.4, -0.6), xlim=(1.05 * low, 1.0), xticks=[])
    axes.set_title(word, loc="left", color=colour)
    axes.grid(False)
    axes.tick_params(axis="y", length=0)
    axes.spines["bottom"].set_visible(False)


def _mark_points(axes, points, groups, looks):
    """A point for each word, and where there is more than one group the names of the groups beside the map."""
    for name, (colour, mark) in looks.items():
        own = points[[group == name for group in groups]]
        axes.scatter(*own.T, s=16, color=colour, marker=mark, linewidth=0, label=name)
    axes.set(xticks=[], yticks=[])
    axes.margins(0.06)
    if len(looks) > 1:
        axes.legend(loc="upper left", bbox_to_anchor=(1, 1), frameon=False, borderaxespad=0.2, handletextpad=0.2)


class _Label(NamedTuple):
    word: str
    colour: str
    bold: bool


class _Box(NamedTuple):
    left: float
    bottom: float
    right: float
    top: float


def _lay_labels(figure, axes, labels, points) -> int:
    """Write each word near its point -> how many found no free place.

    Greedy: of the places around the point, by growing distance, the first that is free of labels laid before and of points.
    """
    figure.draw_without_rendering()                          # fixes where the axes lie
    figure.set_layout_engine("none")
    scale = 72 / figure.dpi
    at = axes.transData.transform(points) * scale
    frame = _Box(*(axes.get_window_extent().extents * scale))
    fontsize = 9 if len(labels) <= 2 * MANY else 8
    taken = np.concatenate([at - 2.2, at + 2.2], axis=1)
    hidden = 0
    for label, point, place, half in zip(labels, at, points, _half_sizes(figure, labels, fontsize)):
        spot = _free_place(point, half, taken, frame)
        if spot is None:
            hidden += 1
            continue
        taken = np.vstack([taken, [*(spot - half), *(spot + half)]])
        _write(axes, label, place, spot - point, half, fontsize)
    return hidden


def _half_sizes(figure, labels, fontsize) -> list[np.ndarray]:
    """Half the width and half the height of each label in points, with a little air."""
    sample, sizes = figure.text(0, 0, "", fontsize=fontsize), []
    for label in labels:
        sample.set(text=label.word, fontweight="bold" if label.bold else "normal")
        extent = sample.get_window_extent()
        sizes.append(np.array([extent.width + 2, extent.height + 1]) * 36 / figure.dpi)
    sample.remove()
    return sizes


def _free_place(point, half, taken, frame) -> np.ndarray | None:
    """The middle of the nearest free box around ``point``; None where there is none."""
    for radius in RADII:
        for direction in AROUND:
            middle = point + radius * direction + half * np.round(direction)
            low, high = middle - half, middle + half
            inside = np.all(low >= frame[:2]) and np.all(high <= frame[2:])
            if inside and not np.any(np.all((taken[:, :2] < high) & (taken[:, 2:] > low), axis=1)):
                return middle
    return None


def _write(axes, label, place, offset, half, fontsize):
    """The label at ``offset`` points from its place, with a thin line to a place that is not right beside it."""
    from matplotlib.patheffects import withStroke
    far = (np.abs(offset) - half).max() > RADII[1]
    line = {"arrowstyle": "-", "color": "#bbbbbb", "linewidth": 0.6, "shrinkA": 0, "shrinkB": 2} if far else None
    axes.annotate(label.word, place, xytext=tuple(offset), textcoords="offset points", ha="center", va="center",
                  arrowprops=line, color=label.colour, fontsize=fontsize, fontweight="bold" if label.bold else "normal",
                  path_effects=[withStroke(linewidth=2, foreground="white")])
