"""Pictures of a beam search: what was tried at each step, what ended, and what was given up."""
import math
import os
from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

import numpy as np

from tsuzuri.errors import ConfigError
from tsuzuri.plots.axes import head
from tsuzuri.plots.figure import COLOURS, one_figure
from tsuzuri.plots.translation import resize, text_widths, visible

BEST, ENDED, REACHED, DEAD, GREY = COLOURS[0], COLOURS[2], "#444444", "#aaaaaa", "#555555"
FILL = "#d9f0e8"                                             # of a node that ended
STEPS = 40                                                   # that are drawn
ROW, GAP = 0.44, 0.42                                        # inches from one row to the next, and between two steps
LEGEND = 7.6                                                 # inches it takes, and so a picture at least
LETTERS = 16                                                 # of a token that are written


def beam_tree(tree: Mapping[str, Any], tokens: Callable[[int], str], path: str | os.PathLike, *, title: str = "") -> None:
    """A beam search as a tree from left to right: what was kept at each step, what ended, and the way to the best hypothesis.

    ``tree`` is BeamTree's dict; ``tokens`` gives the text of an id.  Under each token stands its probability, at an end also the
    score of the whole hypothesis.  Branches that led to no end are thin.  At most STEPS steps are drawn.
    """
    nodes = _grown(tree["nodes"])
    if not nodes:
        raise ConfigError("there is nothing to draw: the beam has no nodes.")
    last = max(node.level for node in nodes.values())
    drawn = {name: node for name, node in nodes.items() if node.level <= STEPS}
    rows = _rows(drawn)
    words = {name: _Word(visible(tokens(node.token), LETTERS), _told(node)) for name, node in drawn.items()}
    with one_figure(path, (4, 4)) as figure:
        sizes = _box_widths(figure, words)
        columns = [0.3, *(max(sizes[name] for name in drawn if drawn[name].level == level) for level in range(1, min(last, STEPS) + 1))]
        middles = np.cumsum(np.array(columns) + GAP) - np.array(columns) / 2 - GAP
        across, down = max(LEGEND, middles[-1] + columns[-1] / 2), ROW * (1 + max(rows.values()))
        resize(figure, across + 0.35, down + 0.6 + 0.2 * (last > STEPS), title)
        axes = figure.add_subplot()
        axes.set(xlim=(0, across), ylim=(down - ROW / 2, -ROW / 2), aspect="equal", anchor="NW", xticks=middles)
        axes.set_xticklabels(["step", *map(str, range(1, len(middles)))])
        for name, node in drawn.items():
            begin = drawn[node.parent].level if node.parent in drawn else 0
            end = middles[node.level], ROW * rows[name], columns[node.level]
            _edge(axes, node, (middles[begin], ROW * rows.get(node.parent, 0), columns[begin]), end)
            _box(axes, node, words[name], end[:2], sizes[name])
        axes.plot(middles[0], 0, "o", color=BEST, markersize=7, zorder=3)
        _finish(figure, axes, last)
        head(figure, title)


class _Node(NamedTuple):
    """One expansion of a hypothesis."""

    parent: Any                                              # None where it goes out from the beginning
    level: int                                               # 1, 2, ...
    token: int
    probability: float
    score: float
    ended: bool
    best: bool                                               # on the way to the best hypothesis
    reached: bool                                            # on the way to one that ended


class _Word(NamedTuple):
    token: str
    below: str


def _grown(nodes) -> dict[Any, _Node]:
    """The nodes by their id, parents first, with what they lead to."""
    given = {node["id"]: node for node in sorted(nodes, key=lambda node: node["step"])}
    levels = {step: level for level, step in enumerate(sorted({node["step"] for node in nodes}), 1)}
    best = _ancestors(given, [name for name, node in given.items() if node["state"] == "best"])
    reached = best | _ancestors(given, [name for name, node in given.items() if node["state"] == "ended"])
    parents = {node["parent"] for node in nodes}
    grown = {}
    for name, node in given.items():
        before = given[node["parent"]]["log_p"] if node["parent"] in given else 0.0
        ended = node["state"] == "ended" or (node["state"] == "best" and name not in parents)
        grown[name] = _Node(node["parent"] if node["parent"] in given else None, levels[node["step"]], node["token"],
                            math.exp(min(0.0, node["log_p"] - before)), node["score"], ended, name in best, name in reached)
    return grown


def _ancestors(given, names) -> set:
    """Those nodes and all on the ways to them."""
    found: set = set()
    for name in names:
        while name in given and name not in found:
            found.add(name)
            name = given[name]["parent"]
    return found


def _rows(nodes: Mapping[Any, _Node]) -> dict[Any, int]:
    """A row for each node, so that no two lines cross and the way to the best hypothesis is straight along row 0.

    In each level the nodes stand in the order of their parents, siblings by the best score below them.  A node takes the row of
    its parent where that is free and leaves room for those that follow, so that no level needs more rows than the widest.
    """
    value = {name: (node.best, node.score) for name, node in nodes.items()}
    for name, node in reversed([*nodes.items()]):
        if node.parent in value:
            value[node.parent] = max(value[node.parent], value[name])
    levels: dict[int, list] = {}
    for name, node in nodes.items():
        levels.setdefault(node.level, []).append(name)
    most, order = max(map(len, levels.values())), {None: -1}
    rows: dict[Any, int] = {}
    for level in sorted(levels):
        names = sorted(levels[level], key=lambda name: (order[nodes[name].parent], *(-part for part in value[name])))
        order |= {name: place for place, name in enumerate(names)}
        row = -1
        for left, name in zip(range(len(names) - 1, -1, -1), names):
            row = max(row + 1, min(rows.get(nodes[name].parent, 0), most - 1 - left))
            rows[name] = row
    return rows


def _told(node) -> str:
    """The probability of a token, and at an end the score of the whole."""
    share = f"{node.probability:.2f}" if node.probability >= 0.005 else "<0.01"
    return f"{share}  ({node.score:.2f})" if node.ended else share


def _box_widths(figure, words) -> dict[Any, float]:
    tokens = text_widths(figure, [word.token for word in words.values()], 9, "bold")
    below = text_widths(figure, [word.below for word in words.values()], 6.5)
    return {name: max(upper, lower) + 0.12 for name, upper, lower in zip(words, tokens, below)}


def _look(node) -> tuple[str, float]:
    """Colour and width of the line that leads to a node."""
    return (BEST, 2.6) if node.best else (REACHED, 1.3) if node.reached else (DEAD, 0.6)


def _edge(axes, node, begin, end) -> None:
    """A smooth line from the middle of one node to that of the next; it bends between the two columns."""
    from matplotlib.patches import PathPatch
    from matplotlib.path import Path
    (left, upper, wide), (right, lower, wide_end) = begin, end
    out, into = left + wide / 2, right - wide_end / 2
    bend = (out + into) / 2
    points = [(left, upper), (out, upper), (bend, upper), (bend, lower), (into, lower), (right, lower)]
    codes = [Path.MOVETO, Path.LINETO, Path.CURVE4, Path.CURVE4, Path.CURVE4, Path.LINETO]
    colour, width = _look(node)
    axes.add_patch(PathPatch(Path(points, codes), fill=False, edgecolor=colour, linewidth=width, zorder=1.5 if node.best else 1))


def _box(axes, node, word, place, width) -> None:
    from matplotlib.patches import FancyBboxPatch
    (x, y), (colour, line) = place, _look(node)
    face = FILL if node.ended else "white"
    edge = ENDED if node.ended and not node.best else colour
    axes.add_patch(FancyBboxPatch((x - width / 2, y - 0.17), width, 0.34, boxstyle="round,pad=0,rounding_size=0.06", facecolor=face,
                                  edgecolor=edge, linewidth=max(0.6, 0.7 * line), zorder=2, clip_on=False))
    ink = colour if node.best else "black" if node.reached else "#888888"
    middle = {"ha": "center", "va": "center", "zorder": 3}
    axes.text(x, y - 0.055, word.token, color=ink, fontsize=9, fontweight="bold" if node.best else "normal", **middle)
    axes.text(x, y + 0.095, word.below, color=ink if node.best else GREY, fontsize=6.5, **middle)


def _finish(figure, axes, last) -> None:
    """No frame, the steps below, and what the lines and boxes mean."""
    from matplotlib.lines import Line2D
    from matplotlib.patches import Patch
    axes.set_yticks([])
    axes.spines[:].set_visible(False)
    axes.grid(False)
    axes.tick_params(length=0, labelsize=8)
    if last > STEPS:
        axes.set_xlabel(f"the first {STEPS} of {last} steps", loc="left", fontsize=8)
    handles = [Line2D([], [], color=BEST, linewidth=2.6, label="the best"), Line2D([], [], color=REACHED, linewidth=1.3, label="led to an end"),
               Line2D([], [], color=DEAD, linewidth=0.6, label="given up"),
               Patch(facecolor=FILL, edgecolor=ENDED, label="an end"),
               Line2D([], [], linestyle="", label="below: the token's probability (at an end the whole text's score)")]
    figure.legend(handles=handles, loc="outside lower left", ncols=5, frameon=False, fontsize=8, handlelength=1.6, columnspacing=1.2)
