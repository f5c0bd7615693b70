"""A picture of what was taken for what."""
import os
from collections.abc import Sequence

import numpy as np

from tsuzuri.errors import ConfigError
from tsuzuri.plots.axes import head
from tsuzuri.plots.figure import one_figure

NUMBERED = 16                                                # labels up to which each field has its number in it
DARK = 0.55                                                  # share from which on a number is white


def confusion_map(counts: Sequence[Sequence[int]], labels: Sequence[str], path: str | os.PathLike, *, title: str = "") -> None:
    """A heat map of counts (K, K): the right labels downwards, ours across, each row in shares of its label.

    Labels that neither are right nor were found have no row.  ConfigError: there is nothing to draw.
    """
    table = np.asarray(counts)
    some = np.flatnonzero(table.any(0) | table.any(1))
    if not len(some):
        raise ConfigError("there is nothing to draw: no sentence has a label.")
    table, names = table[np.ix_(some, some)], [labels[k] for k in some.tolist()]
    shares = table / np.maximum(table.sum(1, keepdims=True), 1)
    side = min(max(3.0, 1.6 + 0.42 * len(names)), 15.0)
    with one_figure(path, (side + 1.2, side)) as figure:
        axes = figure.add_subplot()
        shown = axes.pcolormesh(shares, cmap="Blues", vmin=0, vmax=1, rasterized=True)
        axes.invert_yaxis()
        places = np.arange(len(names)) + 0.5
        axes.set_xticks(places, names, rotation=60, ha="right")
        axes.set_yticks(places, names)
        axes.set(xlabel="taken for", ylabel="right")
        axes.grid(False)
        if len(names) <= NUMBERED:
            for (row, column), count in np.ndenumerate(table):
                axes.text(column + 0.5, row + 0.5, f"{count:,}", ha="center", va="center", fontsize=8,
                          color="white" if shares[row, column] > DARK else "black")
        head(figure, title)
        figure.colorbar(shown, ax=axes, pad=0.02, fraction=0.04, label="share of the label")
