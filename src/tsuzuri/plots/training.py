"""Pictures of a training: learning curves and decision regions."""
import math
import os
from collections.abc import Callable, Mapping, Sequence
from itertools import cycle

import numpy as np

from tsuzuri.errors import ConfigError, check_choice
from tsuzuri.plots.axes import head, log_scale, name_ends
from tsuzuri.plots.figure import COLOURS, MARKS, one_figure

HIGHEST = 600.0                                              # nats: the margin of an axis above e^600 is still a number
CROWDED = 400                                                # points of a curve above which the mean of neighbours is drawn

MEASURES: dict[str, tuple[str, str, Callable[[float], float]]] = {
    "loss": ("loss", "loss, nats", float),
    "perplexity": ("perplexity", "perplexity", lambda loss: math.exp(min(loss, HIGHEST))),
    "bits": ("loss", "bits per character", lambda loss: loss / math.log(2)),
    "deviations": ("loss", "loss, in deviations of the training rows", float),
}
"""What can be drawn of a loss in nats: its name, the name of its axis, how it follows.  Bits are per character where a
token is a character."""


def curves(series: Mapping[str, Sequence[tuple[float, float]]], path: str | os.PathLike, *, measure: str = "loss",
           x_label: str = "step", y_label: str = "", title: str = "") -> None:
    """Learning curves, each (step or epoch, loss in nats) under its name; the last of them has its best point marked.

    ``measure`` is "loss", "perplexity" or "bits" (bits per character, for a model of characters).
    """
    check_choice("measure", measure, MEASURES)
    name, label, convert = MEASURES[measure]
    drawn = {key: [(x, convert(loss)) for x, loss in points] for key, points in series.items() if len(points)}
    if not drawn:
        raise ConfigError("there is nothing to draw: every curve is empty.")
    with one_figure(path, (7.2, 4.2)) as figure:
        axes = figure.add_subplot()
        for colour, (key, points) in zip(cycle(COLOURS), drawn.items()):
            _curve(axes, np.array(points, float), key, colour)
        judged, best = _mark_best(axes, drawn)
        axes.set(xlabel=x_label, ylabel=y_label or label)
        axes.set_title(title or f"Best {judged} {name}: {best[1]:.4g} at {x_label} {best[0]:,.6g}", loc="left")
        if measure == "perplexity":
            log_scale(axes)
        axes.margins(x=0.02)
        _label_ends(axes, drawn)


def run_curves(runs: Mapping[str, tuple[Sequence[tuple[float, float]], Sequence[tuple[float, float]]]], path: str | os.PathLike, *,
               x_label: str = "epoch", y_label: str = "perplexity", title: str = "") -> None:
    """The learning curves of several runs: name -> (training, validation), each (x, y); training thin, validation thick.

    A run's lowest validation stands beside its name.
    """
    if not any(training or validation for training, validation in runs.values()):
        raise ConfigError("there is nothing to draw: no run has logged anything.")
    with one_figure(path, (8.4, 4.8)) as figure:
        axes = figure.add_subplot()
        ends, looks = [], zip(cycle(COLOURS), cycle(MARKS))
        for (colour, mark), (name, (training, validation)) in zip(looks, runs.items()):
            if training:
                axes.plot(*_means(np.array(training, float)), color=colour, linewidth=0.9, alpha=0.7)
            if validation:
                axes.plot(*np.array(validation, float).T, color=colour, linewidth=2.2, marker=mark, markersize=5)
            if best := min((y for _, y in validation), default=None):
                ends.append((f"{name}  {best:.4g}", colour, validation[-1][1]))
            elif training:
                ends.append((name, colour, training[-1][1]))
        axes.set(xlabel=x_label, ylabel=y_label)
        axes.xaxis.set_major_formatter(lambda x, _: f"{x:,.10g}")
        _see_what_matters(axes, runs)
        head(figure, title)
        axes.plot([], [], color="#555555", linewidth=2.2, label="validation (its lowest beside the name)")
        axes.plot([], [], color="#555555", linewidth=0.9, label="training")
        axes.legend(frameon=False, loc="upper right", fontsize=9)
        name_ends(figure, axes, ends)


def decision_regions(predict: Callable[[np.ndarray], np.ndarray], x: np.ndarray, labels: np.ndarray,
                     path: str | os.PathLike, *, title: str = "", points_a_side: int = 300) -> None:
    """Which class ``predict`` (points (M, 2) -> classes (M,)) gives to every place, with the points x (M, 2) on it.

    A point in the wrong class has a black ring.
    """
    low, high = x.min(0), x.max(0)
    edge = 0.08 * (high - low)
    sides = [np.linspace(a, b, points_a_side) for a, b in zip(low - edge, high + edge, strict=True)]
    plane = np.stack(np.meshgrid(*sides), axis=-1)
    classes = sorted({int(label) for label in labels})
    regions = np.asarray(predict(plane.reshape(-1, 2).astype(x.dtype))).reshape(points_a_side, points_a_side)
    wrong = np.asarray(predict(x)) != labels
    with one_figure(path, (6.0, 6.0)) as figure:
        axes = figure.add_subplot()
        colours = dict(zip(classes, cycle(COLOURS)))
        axes.pcolormesh(*sides, _shades(regions, colours), shading="nearest", rasterized=True)
        for label, mark in zip(classes, cycle(MARKS)):
            own = x[labels == label]
            axes.scatter(*own.T, s=22, marker=mark, color=colours[label], edgecolor="white", linewidth=0.6)
            _name_class(axes, own, x.mean(0), f"class {label}", colours[label])
        axes.scatter(*x[wrong].T, s=70, facecolor="none", edgecolor="black", linewidth=1.2)
        axes.set_title(title or f"{len(x) - wrong.sum()} of {len(x)} points lie in the region of their class "
                                f"({100 * (1 - wrong.mean()):.1f} %)", loc="left")
        axes.set(aspect="equal", xlabel="x₁", ylabel="x₂")


def _curve(axes, points, name, colour):
    x, y = points.T
    if len(points) <= CROWDED:
        axes.plot(x, y, color=colour, linewidth=1.8, label=name, marker="o" if len(points) <= 30 else None, markersize=4)
        return
    axes.plot(x, y, color=colour, linewidth=0.6, alpha=0.3)
    axes.plot(*_means(points), color=colour, linewidth=1.8, label=name)


def _means(points):
    """points (M, 2) -> x and y (2, M'), the means of neighbours where the curve is crowded."""
    width = max(len(points) // (CROWDED // 8), 1)
    return points[:len(points) // width * width].reshape(-1, width, 2).mean(1).T


def _see_what_matters(axes, runs):
    """Cut off the first steps of the training, which are far above everything that is compared."""
    late = [y for training, validation in runs.values() for _, y in (*validation, *training[len(training) // 20:])]
    low, high = min(late), max(late)
    axes.set_ylim(low - 0.05 * (high - low), high + 0.05 * (high - low))


def _mark_best(axes, drawn):
    """A ring around the lowest point of the last curve -> (the curve's name, that point)."""
    name, points = list(drawn.items())[-1]
    best = min(points, key=lambda point: point[1])
    axes.plot(*best, marker="o", markersize=10, markerfacecolor="none", markeredgecolor="black", markeredgewidth=1.3, zorder=5)
    return name, best


def _label_ends(axes, drawn):
    """Each curve's name at its end, the higher above the lower."""
    ends = [(line.get_ydata()[-1], line) for line in axes.get_lines() if line.get_label() in drawn]
    upper = max(ends, key=lambda end: end[0])[1]
    for y, line in ends:
        up = len(ends) < 2 or line is upper
        axes.annotate(line.get_label(), (line.get_xdata()[-1], y), xytext=(0, 9 if up else -9), textcoords="offset points",
                      ha="right", va="bottom" if up else "top", color=line.get_color(), fontweight="bold")


def _name_class(axes, points, middle, name, colour):
    """The name of a class beside its point that is farthest out."""
    far = points[np.argmax(((points - middle) ** 2).sum(1))]
    out = (far - middle) / max(float(np.linalg.norm(far - middle)), 1e-9)
    axes.annotate(name, far, xytext=tuple(14 * out), textcoords="offset points", ha="center", va="center", color=colour,
                  fontweight="bold", bbox={"boxstyle": "round,pad=0.2", "facecolor": "white", "edgecolor": "none"})


def _shades(regions, colours):
    """regions (A, B) of classes -> (A, B, 3), each class in a light shade of its colour."""
    from matplotlib.colors import to_rgb
    shades = np.ones((*regions.shape, 3))
    for label, colour in colours.items():
        shades[regions == label] = 0.72 + 0.28 * np.array(to_rgb(colour))
    return shades
