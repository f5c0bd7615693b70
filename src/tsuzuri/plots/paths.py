"""The way between two words of a thesaurus over their common ancestor, as a picture."""
import os
import textwrap
import unicodedata
from collections.abc import Sequence
from itertools import pairwise

from tsuzuri.errors import ConfigError
from tsuzuri.plots.figure import COLOURS, one_figure

WIDTH, HEIGHT, GAP = 3.1, 0.74, 0.34                         # of a box, and between two of them, in inches
WORDS, LETTERS, LINES = 38, 50, 2                            # letters of the words; letters and lines of the definition
MARGIN = 0.3                                                 # inches, below; the note on the arrows stands there


def thesaurus_path(steps: Sequence[tuple[Sequence[str], str]], top: int, path: str | os.PathLike, *,
                   title: str = "") -> None:
    """Boxes of (words, definition): up the first ``top`` steps to the common ancestor, and down the rest.

    An arrow points from a meaning to the wider one that it is a kind of.
    """
    if not 0 <= top < len(steps):
        raise ConfigError(f"the common ancestor is step {top}, but there are {len(steps)} steps; count from 0.")
    left, right = list(range(top - 1, -1, -1)), list(range(top + 1, len(steps)))
    both = bool(left and right)
    width = (2 * WIDTH + 0.5 if both else WIDTH + 1.7) + 0.3
    height = (1 + max(len(left), len(right))) * (HEIGHT + GAP) - GAP + MARGIN + 0.05
    places = {top: (width / 2, height - 0.05 - HEIGHT / 2)}
    for side, steps_down in ((-1, left), (1, right)):
        for depth, step in enumerate(steps_down, 1):
            places[step] = width / 2 + both * side * (WIDTH / 2 + 0.25), places[top][1] - depth * (HEIGHT + GAP)
    with one_figure(path, (width, height + 0.35)) as figure:
        axes = figure.add_subplot()
        axes.set(xlim=(0, width), ylim=(0, height), aspect="equal")
        axes.set_axis_off()
        axes.set_title(title, loc="left", fontsize=10)
        axes.text(0.15, 0.08, "an arrow leads to what it is a kind of", fontsize=7, color="#777777")
        for chain in ([top, *left], [top, *right]):
            for upper, lower in pairwise(chain):
                _arrow(axes, places[lower], places[upper])
        for step, place in places.items():
            ends = step in (0, len(steps) - 1)
            _box(axes, place, *steps[step], COLOURS[1] if step == top and not ends else COLOURS[0] if ends else "#444444")


def _box(axes, place, words, definition, colour):
    from matplotlib.patches import FancyBboxPatch
    x, y = place
    axes.add_patch(FancyBboxPatch((x - WIDTH / 2, y - HEIGHT / 2), WIDTH, HEIGHT, facecolor="white", edgecolor=colour,
                                  boxstyle="round,pad=0,rounding_size=0.08", linewidth=1.5, zorder=2))
    middle = {"ha": "center", "va": "center"}
    axes.text(x, y + 0.20, _wrapped(_fitting(words), WORDS, 1), color=colour, fontweight="bold", fontsize=9, **middle)
    axes.text(x, y - 0.12, _wrapped(definition, LETTERS, LINES), color="#333333", fontsize=7, linespacing=1.15, **middle)


def _fitting(words) -> str:
    """As many of the words as a line holds, at least one."""
    count = max([1, *(n for n in range(1, len(words) + 1) if len(", ".join(words[:n])) <= WORDS)])
    return ", ".join(words[:count])


def _wrapped(text, letters, lines) -> str:
    """At most so many lines of so many letters; those of Chinese and Japanese are twice as wide."""
    if any(unicodedata.east_asian_width(letter) in "WF" for letter in text):
        letters //= 2
    return "\n".join(textwrap.wrap(text, letters, max_lines=lines, placeholder=" ..."))


def _arrow(axes, lower, upper):
    """From the top of the lower box to the bottom of the upper one."""
    x = upper[0] + (0.3 if lower[0] > upper[0] else -0.3 if lower[0] < upper[0] else 0)
    axes.annotate("", (x, upper[1] - HEIGHT / 2), (lower[0], lower[1] + HEIGHT / 2),
                  arrowprops={"arrowstyle": "-|>", "color": "#999999", "linewidth": 1.1, "shrinkA": 0, "shrinkB": 0})
