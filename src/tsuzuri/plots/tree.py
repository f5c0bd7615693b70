"""A picture of a tree: a circle with its label for every node, a row for each step from the root, the words under the leaves."""
import os
from collections.abc import Sequence
from typing import Any

import numpy as np

from tsuzuri.errors import ConfigError
from tsuzuri.plots.axes import head
from tsuzuri.plots.figure import one_figure
from tsuzuri.plots.translation import resize, text_widths, visible

LOW, MIDDLE, HIGH = "#D55E00", "#f2f2f2", "#0072B2"          # of the lowest label, of the middle, of the highest
ROW, COLUMN = 0.44, 0.34                                     # inches from a node to its children, and of a word at least
SIZE = 0.15                                                  # inches, half a circle
LEGEND = 4.4                                                 # inches that it takes, and so a picture at least
MOST = 400                                                   # nodes that are drawn
WORD = 9                                                     # points


def labelled_tree(words: Sequence[str | None], children: Sequence[Sequence[int]], labels: Sequence[int], path: str | os.PathLike, *,
                  classes: int, given: Sequence[int] = (), title: str = "") -> None:
    """A tree whose nodes are coloured by their labels, 0 to ``classes`` - 1.

    Children come before their parents, the root last.  ``given`` are other labels of the nodes (-1: none): where they differ, the node
    has a ring of the colour of that label.  ConfigError: more than MOST nodes.
    """
    if len(words) > MOST:
        raise ConfigError(f"the tree has {len(words):,} nodes, and a picture shows {MOST} at most; write .json, or draw a part of it.")
    with one_figure(path, (4, 4)) as figure:
        said = [visible(word) if word is not None else "" for word in words]
        widths = [max(COLUMN, width + 0.12) for width in text_widths(figure, said, WORD)]
        across, columns, total = _columns(words, children, widths)
        depths = _depths(children)
        deepest = ROW * (max(depths) + 1)
        resize(figure, max(total + 0.3, LEGEND), deepest + 0.75, title)
        axes = figure.add_subplot()
        axes.set(xlim=(0, total), ylim=(deepest, -SIZE - 0.05), aspect="equal", anchor="N")
        axes.set_axis_off()
        for k, below in enumerate(children):
            for child in below:
                axes.plot([across[k], across[child]], [ROW * depths[k], ROW * depths[child]], color="#999999", linewidth=1, zorder=1)
            if words[k] is not None:
                _say(axes, said[k], columns[k], across[k], ROW * depths[k], bool(below))
        colours = _colours(classes)
        for k, label in enumerate(labels):
            _circle(axes, across[k], ROW * depths[k], label, colours, given[k] if len(given) else -1)
        _legend(figure, colours, any(0 <= other != label for other, label in zip(given, labels, strict=False)))
        head(figure, title)


def _columns(words, children, widths) -> tuple[list[float], list[float], float]:
    """Where each node stands, where its word does, and the whole width; words stand in the order in which they are read."""
    order, waiting = [], [len(words) - 1]
    while waiting:
        k = waiting.pop()
        order.append(k)
        waiting += reversed(children[k])
    columns, at = [0.0] * len(words), 0.0
    for k in order:
        if words[k] is not None:
            columns[k] = at + widths[k] / 2
            at += widths[k]
    across: list[float] = []
    for k, below in enumerate(children):
        places = [across[child] for child in below] + [columns[k]] * (words[k] is not None)
        across.append((min(places) + max(places)) / 2)
    return across, columns, at


def _depths(children) -> list[int]:
    """How far each node is from the root."""
    depths = [0] * len(children)
    for k in reversed(range(len(children))):
        for child in children[k]:
            depths[child] = depths[k] + 1
    return depths


def _colours(classes) -> list[Any]:
    """A colour for each label, from LOW over MIDDLE to HIGH."""
    from matplotlib.colors import LinearSegmentedColormap
    scale = LinearSegmentedColormap.from_list("labels", [LOW, MIDDLE, HIGH])
    return [scale(share) for share in np.linspace(0, 1, classes)]


def _say(axes, word, column, x, y, above) -> None:
    """The word under a leaf; that of a node with children hangs beside them on a dotted line."""
    below = y + SIZE + 0.06 + above * (ROW - SIZE)
    if above:
        axes.plot([x, column], [y, below], color="#999999", linewidth=1, linestyle=":", zorder=1)
    axes.text(column, below, word, ha="center", va="top", fontsize=WORD)


def _circle(axes, x, y, label, colours, given) -> None:
    from matplotlib.patches import Circle
    differs = 0 <= given != label
    if differs:
        axes.add_patch(Circle((x, y), SIZE + 0.045, facecolor=colours[given], edgecolor="black", linewidth=0.8, zorder=2))
    axes.add_patch(Circle((x, y), SIZE, facecolor=colours[label], edgecolor="black" if differs else "#666666", linewidth=0.8, zorder=3))
    red, green, blue, _ = colours[label]
    dark = 0.3 * red + 0.59 * green + 0.11 * blue < 0.55
    axes.text(x, y, str(label), ha="center", va="center_baseline", fontsize=8, color="white" if dark else "black", zorder=4)


def _legend(figure, colours, rings) -> None:
    from matplotlib.lines import Line2D
    shown = [0, len(colours) - 1] if len(colours) > 7 else range(len(colours))
    handles = [Line2D([], [], linestyle="", marker="o", markersize=9, markerfacecolor=colours[label], markeredgecolor="#666666", label=str(label))
               for label in shown]
    if rings:
        handles.append(Line2D([], [], linestyle="", marker="o", markersize=9, markerfacecolor="none", markeredgecolor="black", markeredgewidth=2,
                              label="ring: the label given"))
    figure.legend(handles=handles, loc="outside lower left", ncols=len(handles), frameon=False, fontsize=8, handletextpad=0.2, columnspacing=1)
