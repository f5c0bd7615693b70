"""Pictures of the inside of a model: activations over a text, the gradient back in time, what a prediction hangs on."""
import os
import unicodedata
from collections.abc import Mapping, Sequence
from itertools import cycle

import numpy as np

from tsuzuri.errors import ConfigError
from tsuzuri.plots.axes import head, log_scale, name_ends
from tsuzuri.plots.figure import COLOURS, one_figure

SHARES = "ifroz"                                             # gates from 0 to 1; the others are around 0
LETTERS_A_LINE, LINES = 80, 40                               # of a text in colours
NAMED = 110                                                  # tokens up to which each has its name under the map
ROWS_NAMED = 44                                              # units that have their number beside the map
FOR, AGAINST, GREY = COLOURS[1], COLOURS[0], "#555555"
STYLES = ("-", "--", ":", "-.")


def activation_map(values: np.ndarray, tokens: Sequence[str], order: Sequence[int], path: str | os.PathLike, *,
                   part: str = "h", title: str = "") -> None:
    """A heat map of values (T, H): a row for each unit, in the given order, a column for each token.

    Cells (part c) have no bounds: each unit's are divided by its own largest, for else a few would hide the others.
    """
    steps, units = values.shape
    own_scale, values = part == "c", values.astype(np.float64)
    if own_scale:
        values = values / np.maximum(np.abs(values).max(axis=0), 1e-9)
    width = min(max(6.0, 1.6 + 0.125 * steps), 15.0)
    with one_figure(path, (width, min(max(2.6, 1.4 + 0.075 * units), 9.0))) as figure:
        axes = figure.add_subplot()
        shown = axes.pcolormesh(values.T[list(order)], rasterized=True, **_colours(values, part))
        axes.invert_yaxis()
        every = -(-units // ROWS_NAMED)
        axes.set_yticks(np.arange(0, units, every) + 0.5, [str(unit) for unit in order[::every]], fontsize=6)
        axes.set_ylabel("unit (neighbours go together)")
        if steps <= NAMED:
            short = max(len(token) for token in tokens) <= 2
            axes.set_xticks(np.arange(steps) + 0.5, [_visible(token) for token in tokens], fontsize=8, rotation=0 if short else 90)
            axes.tick_params(axis="x", length=0)
        axes.set_xlabel("the text" if steps <= NAMED else "token of the text")
        axes.grid(False)
        head(figure, title)
        figure.colorbar(shown, ax=axes, pad=0.01, fraction=0.03, label=f"{part} / the unit's largest" if own_scale else part)


def coloured_text(tokens: Sequence[str], values: np.ndarray, path: str | os.PathLike, *, part: str = "h",
                  title: str = "") -> int:
    """The text itself on the colour of one unit's value (T,) at each token -> how many tokens found room.

    Source: Karpathy, Johnson and Fei-Fei 2015.
    """
    cells, shown = _set_out(tokens)
    if not cells:
        raise ConfigError("there is nothing to draw: the text has no letters.")
    columns, lines = max(cell[1] + cell[3] for cell in cells), cells[-1][0] + 1
    wide = max(columns, 48)
    size = (0.4 + 0.092 * wide, 1.0 + 0.2 * lines)
    with one_figure(path, size) as figure:
        from matplotlib import rcParams
        from matplotlib.collections import PatchCollection
        from matplotlib.patches import Rectangle
        axes = figure.add_subplot()
        axes.set(xlim=(0, wide), ylim=(lines, 0))
        axes.set_axis_off()
        boxes = PatchCollection([Rectangle((column, line), width, 1) for line, column, _, width, _ in cells], linewidth=0)
        drawn = values[[token for *_, token in cells]]
        boxes.set(array=drawn, **_limits(values, part))
        axes.add_collection(boxes)
        scale = figure.colorbar(boxes, ax=axes, location="bottom", pad=0.15 / size[1], fraction=0.4 / size[1], aspect=40, shrink=0.5)
        scale.set_label(f"{part} of the unit", fontsize=9)
        colours = boxes.to_rgba(drawn)
        fonts = ["DejaVu Sans Mono", *rcParams["font.family"][1:]]
        for (line, column, letter, width, _), colour in zip(cells, colours, strict=True):
            axes.text(column + width / 2, line + 0.52, letter, ha="center", va="center", fontsize=8.5, family=fonts,
                      color="black" if colour[:3] @ (0.30, 0.59, 0.11) > 0.5 else "white", clip_on=True)
        head(figure, title)
    return shown


def reach_curves(norms: Mapping[str, np.ndarray], path: str | os.PathLike, *, clip: float = 0.0, title: str = "",
                 note: str = "") -> None:
    """The gradient 1, 2, ... steps back on a logarithmic scale, a curve for each name; ``clip`` > 0 is drawn as a line.

    ``note``, what was measured, stands below.  A curve of zeros has no place on such a scale and is left out.
    """
    norms = {name: curve for name, curve in norms.items() if (np.isfinite(curve) & (curve > 0)).any()}
    if not norms:
        raise ConfigError("there is nothing to draw: no gradient reaches any step.")
    with one_figure(path, (8.4, 4.8)) as figure:
        axes = figure.add_subplot()
        ends = []
        for k, (colour, (name, curve)) in enumerate(zip(cycle(COLOURS), norms.items())):
            seen = np.where(curve > 0, curve, np.nan)
            axes.plot(np.arange(1, len(curve) + 1), seen, color=colour, linewidth=2, linestyle=STYLES[k // len(COLOURS) % len(STYLES)])
            ends.append((name, colour, seen[np.isfinite(seen)][-1]))
        log_scale(axes)
        steps = max(map(len, norms.values()))
        axes.set(xlim=(1, steps), xlabel="\n".join(filter(None, ["steps back from the loss", note])), ylabel="length of the gradient by the state")
        if clip:
            axes.axhline(clip, color=GREY, linewidth=1.2, linestyle=(0, (6, 3)))
            axes.text(1 + 0.01 * steps, clip * 1.25, f"clipping threshold {clip:g}", color=GREY, fontsize=9, va="bottom")
        head(figure, title)
        name_ends(figure, axes, ends)


def saliency_bars(tokens: Sequence[str], size: np.ndarray, effect: np.ndarray, path: str | os.PathLike, *,
                  title: str = "", measured: str = "|gradient × vector|") -> None:
    """A bar for each token, as high as the prediction hangs on it, in one colour where it speaks for the prediction and in
    another where it speaks against it.  ``measured`` says what the height is."""
    letters = max(map(len, tokens)) <= 2
    with one_figure(path, (min(max(5.0, (0.16 if letters else 0.55) * len(tokens) + 1.2), 18.0), 3.6)) as figure:
        axes = figure.add_subplot()
        places = np.arange(len(tokens))
        for name, colour, hatch, chosen in (("speaks for it", FOR, "", effect >= 0), ("speaks against it", AGAINST, "///", effect < 0)):
            axes.bar(places[chosen], size[chosen], color=colour, hatch=hatch, edgecolor="white", linewidth=0.5, width=0.85, label=name)
        axes.set_xticks(places, [_visible(token) for token in tokens], rotation=0 if letters or len(tokens) <= 12 else 60,
                        ha="center" if letters or len(tokens) <= 12 else "right")
        axes.tick_params(axis="x", length=0)
        axes.set_ylabel(measured)
        axes.set_xlim(-0.7, len(tokens) - 0.3)
        axes.grid(False, axis="x")
        head(figure, title)
        axes.legend(frameon=False, loc="lower left", bbox_to_anchor=(0, 1), ncols=2, borderaxespad=0.2, fontsize=9)


def _visible(token: str) -> str:
    """A token for a label: white space that is all of it gets a sign."""
    return token.replace("\n", "↵") if token.strip(" ") else token.replace(" ", "␣")


def _set_out(tokens) -> tuple[list[tuple[int, int, str, int, int]], int]:
    """(line, column, letter, columns it takes, its token) for each letter that has room, and how many tokens were set."""
    cells: list[tuple[int, int, str, int, int]] = []
    line = column = 0
    for k, token in enumerate(tokens):
        for letter in token:
            wide = 2 if unicodedata.east_asian_width(letter) in "WF" else 1
            if column + wide > LETTERS_A_LINE:
                line, column = line + 1, 0
            if line >= LINES:
                return cells, k
            cells.append((line, column, "↵" if letter == "\n" else letter, wide, k))
            line, column = (line + 1, 0) if letter == "\n" else (line, column + wide)
    return cells, len(tokens)


def _limits(values, part) -> dict:
    """The colours of a part: white to blue for a gate from 0 to 1, blue over white to red for what is around 0."""
    if part in SHARES:
        return {"cmap": "Blues", "clim": (0, 1)}
    far = max(float(np.quantile(np.abs(values), 0.995)), 1e-9)
    return {"cmap": "RdBu_r", "clim": (-far, far)}


def _colours(values, part) -> dict:
    limits = _limits(values, part)
    return {"cmap": limits["cmap"], "vmin": limits["clim"][0], "vmax": limits["clim"][1]}
