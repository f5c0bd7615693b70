"""Pictures of captions: where in a picture the model looked for each word."""
import math
import os
from collections.abc import Sequence

import numpy as np

from tsuzuri.errors import ConfigError
from tsuzuri.plots.axes import head
from tsuzuri.plots.figure import COLOURS, one_figure
from tsuzuri.plots.translation import visible

ACROSS = 6                                                   # words beside each other
SIDE = 1.5                                                   # inches of one of the pictures
DARKEST = 0.85                                               # of a place that is not looked at at all


def caption_map(picture: np.ndarray, words: Sequence[str], weights: np.ndarray, path: str | os.PathLike, *, title: str = "", chosen: bool = False) -> None:
    """The picture (H, W, 1 or 3), bytes, once for every word, the darker the less is looked at a place: weights (T, h, w).

    ``chosen``: the place of the highest weight, which hard attention takes alone, is framed.
    """
    weights = np.asarray(weights, np.float64)
    if weights.ndim != 3 or len(weights) != len(words) or not weights.size:
        raise ConfigError(f"the weights have the shape {weights.shape}, and there are {len(words)} words; give at least one word and weights (T, h, w).")
    lines = -(-(len(words) + 1) // ACROSS)
    across = min(ACROSS, len(words) + 1)
    with one_figure(path, (SIDE * across, (SIDE + 0.3) * lines + 0.4 * bool(title))) as figure:
        panels = figure.subplots(lines, across, squeeze=False).ravel()
        for axes in panels:
            axes.set_axis_off()
        _show(panels[0], picture)
        for axes, word, seen in zip(panels[1:], words, weights):
            _show(axes, shaded(picture, seen))
            axes.set_title(visible(word), fontsize=10)
            if chosen:
                _frame(axes, seen, picture.shape)
        head(figure, title)


def shaded(picture: np.ndarray, weights: np.ndarray) -> np.ndarray:
    """The picture (H, W, C), bytes, as bright at each place as it is looked at there, the brightest as it is: weights (h, w)."""
    height, width = picture.shape[:2]
    rows, columns = (np.arange(size) * there // size for size, there in ((height, weights.shape[0]), (width, weights.shape[1])))
    share = weights[rows][:, columns] / max(weights.max(), 1e-12)
    light = 1 - DARKEST + DARKEST * share
    return (picture * light[:, :, None]).round().astype(np.uint8)


def _show(axes, picture):
    axes.imshow(picture[:, :, 0] if picture.shape[2] == 1 else picture, cmap="gray", vmin=0, vmax=255, interpolation="nearest")


def _frame(axes, weights, shape):
    from matplotlib.patches import Rectangle
    row, column = np.unravel_index(weights.argmax(), weights.shape)
    height, width = shape[0] / weights.shape[0], shape[1] / weights.shape[1]
    axes.add_patch(Rectangle((column * width - 0.5, row * height - 0.5), width, height, fill=False, edgecolor=COLOURS[1],
                             linewidth=max(1.0, math.sqrt(width) / 2)))
