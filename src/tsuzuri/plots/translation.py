"""Pictures of a translation: where in the source the attention looked for each word of the output."""
import math
import os
import textwrap
from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from tsuzuri.errors import ConfigError
from tsuzuri.plots.axes import LETTERS_AN_INCH, head
from tsuzuri.plots.figure import COLOURS, one_figure

LARGEST, SMALLEST = 0.40, 0.125                              # inches a cell of a map takes, as there are few or many words
MAP, WALL = 9.0, 24.0                                        # inches of a map whose words have room, and of all small maps together
SMALL = 2.0                                                  # inches of a small map without words
NAMED = 200                                                  # words up to which each is written at its row or column
LETTERS = 24                                                 # of a word that are written; the rest is "..."
CHOSEN = COLOURS[1]
SIGNS = str.maketrans({"\n": "↵", "\t": "⇥", " ": "␣"})


def attention_map(weights: np.ndarray, source: Sequence[str], output: Sequence[str], path: str | os.PathLike, *,
                  title: str = "", chosen: np.ndarray | None = None) -> None:
    """A heat map of attention weights (T, S): the words of the output downwards, those of the source across the top.

    ``chosen`` (T,) outlines the place in the source that hard attention took for each word of the output; below 0 is none.
    Weights spread evenly are at most a third of the scale dark, so that nothing is mistaken for a choice.
    """
    weights = _checked(weights, source, output, 2)
    if chosen is not None and (np.shape(chosen) != (len(output),) or np.max(chosen) >= len(source)):
        raise ConfigError(f"chosen is {np.shape(chosen)} places up to {np.max(chosen, initial=-1)}; give one of the {len(source)} "
                          f"words of the source for each of the {len(output)} words of the output.")
    with one_figure(path, (4, 4)) as figure:
        names = _Names.of(figure, source, output, _cell(max(len(source), len(output)), MAP))
        width, height = max(1.6, names.cell * len(source)), max(1.1, names.cell * len(output))
        resize(figure, width + names.left + max(0.85, names.overhang) + 0.3, height + names.top + 0.5 + 0.25 * (chosen is not None), title)
        axes = figure.add_subplot()
        shown = _panel(axes, weights, _limit(weights))
        _name([[axes]], names, source, output)
        if chosen is not None:
            _outline(axes, chosen, min(width / len(source), height / len(output)))
        bar = axes.inset_axes((1 + 0.12 / width, 0, 0.13 / width, 1))
        _scale(figure.colorbar(shown, cax=bar), height)
        _head(figure, title, names, source, output)


def attention_maps(weights: np.ndarray, source: Sequence[str], output: Sequence[str], path: str | os.PathLike, *,
                   title: str = "", entropies: np.ndarray | None = None) -> None:
    """Attention weights (L, K, T, S) as small maps on one scale: layers downwards, heads across, the words beside the outer ones.

    ``entropies`` (L, K), as of measuring/alignment.py, stand under the maps.
    """
    weights = _checked(weights, source, output, 4)
    layers, heads = weights.shape[:2]
    if entropies is not None and np.shape(entropies) != (layers, heads):
        raise ConfigError(f"entropies have the shape {np.shape(entropies)}; give one for each of {layers} layers of {heads} heads.")
    with one_figure(path, (4, 4)) as figure:
        room, longest = min(MAP / 2, WALL / max(layers, heads)), max(len(source), len(output))
        names = _Names.of(figure, source, output, min(0.3, room / longest))
        cell = names.cell if names.fontsize else SMALL / longest
        width, height = max(1.5, cell * len(source)), max(0.9, cell * len(output))
        resize(figure, heads * (width + 0.15) + names.left + max(0.9, names.overhang), layers * (height + 0.4 + 0.15 * (entropies is not None)) + names.top + 0.2, title)
        grid = figure.subplots(layers, heads, squeeze=False, sharex=True, sharey=True)
        limit = _limit(weights)
        for place in np.ndindex(layers, heads):
            shown = _panel(grid[place], weights[place], limit)
            told = "" if entropies is None else f"\nentropy {entropies[place]:.2f}"
            grid[place].set_xlabel(f"layer {place[0] + 1}, head {place[1] + 1}{told}", fontsize=9)
        _name(grid, names, source, output)
        _scale(figure.colorbar(shown, ax=grid, aspect=layers * height / 0.13, fraction=0.2 / (heads * width), pad=0.02), layers * height)
        _head(figure, title, names, source, output)


class _Names(NamedTuple):
    """How the words are written beside a map, and the inches they take."""

    cell: float
    fontsize: float                                          # 0: the words are too many to be written
    turned: float                                            # degrees, of the words across the top
    left: float
    top: float
    overhang: float                                          # of the last turned word beyond the map

    @classmethod
    def of(cls, figure, source, output, cell) -> "_Names":
        if max(len(source), len(output)) > NAMED or cell < 0.08:
            return cls(cell, 0, 0, 0.2, 0.2, 0)
        fontsize = min(10.0, 72 * 0.8 * cell)
        across = max(text_widths(figure, [visible(word) for word in source], fontsize))
        left = max(text_widths(figure, [visible(word) for word in output], fontsize)) + 0.1
        if across < 0.92 * cell:
            return cls(cell, fontsize, 0, left, 0.25, 0)
        turned = 45 if 72 * cell > 1.6 * fontsize else 90    # side by side the letters must not touch
        lean = math.cos(math.radians(turned)) * across
        return cls(cell, fontsize, turned, left, 0.1 + math.sin(math.radians(turned)) * across + fontsize / 72, lean)


def _checked(weights, source, output, axes) -> np.ndarray:
    """Weights (..., T, S) that fit the words, on a scale that matplotlib can draw."""
    weights = np.asarray(weights, np.float64)
    if weights.ndim != axes or weights.shape[-2:] != (len(output), len(source)) or not weights.size:
        raise ConfigError(f"the weights have the shape {weights.shape}, but there are {len(output)} words of the output and {len(source)} "
                          f"of the source; give at least one of each and weights of the shape {'(L, K, T, S)' if axes == 4 else '(T, S)'}.")
    return weights


def _cell(words: int, room: float) -> float:
    """Inches of a cell, when so many of them share ``room``."""
    return min(LARGEST, max(SMALLEST, room / words)) if words <= NAMED else room / words


def _limit(weights) -> float:
    """The weight that is darkest: the largest there is, but so that an even spread stays pale."""
    return min(1.0, max(float(weights.max()), 3 / weights.shape[-1]))


def _panel(axes, weights, limit):
    """One map; cells are divided by white lines as long as they are few."""
    lines = {"edgecolors": "white", "linewidth": 0.6} if max(weights.shape) <= 40 else {}
    shown = axes.pcolormesh(weights, cmap="Blues", vmin=0, vmax=limit, rasterized=True, **lines)
    axes.set_ylim(weights.shape[0], 0)                       # the first word is at the top
    axes.grid(False)
    axes.spines[:].set_visible(False)
    return shown


def _name(grid, names, source, output) -> None:
    """The words across the top of the first row of maps and down the left side of the first column."""
    first, written = grid[0][0], bool(names.fontsize)        # the others, if any, share its axes
    first.set_xticks(np.arange(len(source) * written) + 0.5, [visible(word) for word in source[:len(source) * written]])
    first.set_yticks(np.arange(len(output) * written) + 0.5, [visible(word) for word in output[:len(output) * written]])
    for row, maps in enumerate(grid):
        for column, axes in enumerate(maps):
            axes.tick_params(left=False, bottom=False, labelbottom=False, labelleft=written and not column, labeltop=written and not row,
                             labelsize=names.fontsize or 10, pad=2)
    for axes in grid[0]:
        for label in axes.get_xticklabels():
            label.set(rotation=names.turned, rotation_mode="anchor", ha="left" if names.turned else "center",
                      va="center" if names.turned == 90 else "baseline")


def _head(figure, title, names, source, output) -> None:
    """The title above, and below how many words there are where there are too many to be written."""
    head(figure, title)
    if not names.fontsize:
        figure.supxlabel(f"{len(source)} tokens of the source across, {len(output)} of the output down", fontsize=9)


def _outline(axes, chosen, cell) -> None:
    """A frame around each cell that was chosen, and what it means."""
    from matplotlib.patches import Rectangle
    for row, column in enumerate(chosen):
        if column >= 0:
            axes.add_patch(Rectangle((column, row), 1, 1, fill=False, edgecolor=CHOSEN, linewidth=min(2.2, 9 * cell), clip_on=False))
    axes.annotate("framed: what was chosen", (0, 0), xytext=(0, -6), xycoords="axes fraction", textcoords="offset points",
                  ha="left", va="top", color=CHOSEN, fontsize=9, annotation_clip=False)


def _scale(bar, height) -> None:
    """The colour bar: few numbers, as high as the maps are."""
    from matplotlib.ticker import MaxNLocator
    ticks = MaxNLocator(min(5, max(1, int(2.5 * height)))).tick_values(0, bar.vmax)
    bar.set_ticks(ticks[ticks <= bar.vmax])
    bar.outline.set_visible(False)
    bar.ax.tick_params(length=2, labelsize=8)
    bar.set_label("attention weight", fontsize=9)


def visible(token: str, letters: int = LETTERS) -> str:
    """A token for a label: not too long, and white space or nothing as a sign."""
    token = (token.translate(SIGNS) if not token.strip() else token.replace("\n", "↵")) or "∅"
    return token if len(token) <= letters else f"{token[:letters - 1]}…"


def text_widths(figure, texts, fontsize, weight="normal") -> list[float]:
    """Inches that each text takes in a line."""
    sample, known = figure.text(0, 0, "", fontsize=fontsize, fontweight=weight), {}
    for text in dict.fromkeys(texts):
        sample.set_text(text)
        known[text] = sample.get_window_extent().width / figure.dpi
    sample.remove()
    return [known[text] for text in texts]


def resize(figure, width, height, title) -> None:
    """A figure of that size, with room for the title above."""
    width = max(width, 3.2)
    lines = len(textwrap.wrap(title, max(20, int(LETTERS_AN_INCH * width))))
    figure.set_size_inches(width, height + 0.22 * lines + 0.1)
