"""Pictures of a memory in use: what comes in, what is answered, and where every head is, over time."""
import os

import numpy as np

from tsuzuri.errors import ConfigError
from tsuzuri.plots.axes import head
from tsuzuri.plots.figure import COLOURS, one_figure

USED = 0.1                                                   # a slot whose weight is never so large is not drawn, but between others
LEAST = 8                                                    # slots that are drawn at least
STEP, LARGEST = 0.16, 11.0                                   # inches of a step, and of all steps
BIT, HEAD = 0.13, 1.9                                        # inches of a bit, and of the panel of a head
WRONG, ANSWER = COLOURS[1], "#555555"


def memory_picture(inputs: np.ndarray, targets: np.ndarray, p: np.ndarray, weights: np.ndarray, reads: int, path: str | os.PathLike, *,
                   title: str = "") -> None:
    """inputs (T, D), targets (T, B) with NaN where nothing is asked, p of each bit (T, B), weights (T, K, S) of K heads, ``reads`` of
    which read: panels one below the other on one axis of time.

    Wrong bits have a frame; a dashed line is where the answer begins.  Of the slots those are drawn that a head has been at.
    """
    (T, D), B, (_, K, _) = inputs.shape, targets.shape[1], weights.shape
    if targets.shape != p.shape or len(weights) != T or len(targets) != T or not 0 <= reads <= K:
        raise ConfigError(f"inputs {inputs.shape}, targets {targets.shape}, p {p.shape}, weights {weights.shape} and {reads} reading heads "
                          "do not belong to one sequence.")
    first, last = slots_used(weights)
    slots = np.arange(first, last) % weights.shape[2]
    heights = [BIT * D + 0.25, BIT * B + 0.25, *[HEAD] * K]
    with one_figure(path, (min(max(5.0, STEP * T), LARGEST) + 1.4, sum(heights) + 0.9)) as figure:
        panels = figure.subplots(2 + K, sharex=True, height_ratios=heights)
        shown = _panel(panels[0], inputs.T, "in")
        answered = np.isfinite(targets)
        _panel(panels[1], np.where(answered, p, np.nan).T, "answered")
        _frame(panels[1], ((p > 0.5) != (targets > 0.5)) & answered)
        names = [*(f"read{_number(k, reads)}" for k in range(reads)), *(f"write{_number(k, K - reads)}" for k in range(K - reads))]
        for k, axes in enumerate(panels[2:]):
            _panel(axes, weights[:, k, slots].T, names[k], first)
            axes.yaxis.set_major_formatter(lambda at, _: f"{at % weights.shape[2]:.0f}")
        begin = int(answered.any(1).argmax())
        for axes in panels:
            axes.axvline(begin, color=ANSWER, linewidth=1, linestyle="--")
        panels[-1].set_xlabel("step (the answer begins at the dashed line; a framed bit is wrong)")
        figure.colorbar(shown, ax=panels, pad=0.01, aspect=40, fraction=0.03).outline.set_visible(False)
        head(figure, title)


def slots_used(weights: np.ndarray) -> tuple[int, int]:
    """From which slot up to, but without, which one a head has been at, of weights (T, K, S): the shortest way around the end, so that the
    first may be below 0.
    """
    S = weights.shape[2]
    used = np.flatnonzero(weights.max((0, 1)) >= USED)
    if not len(used) or S <= LEAST:
        return 0, S
    gaps = np.diff(used, append=used[0] + S)                 # behind each of them
    widest = int(gaps.argmax())
    last = int(used[widest]) + 1
    first = last - (S - int(gaps[widest]) + 1)
    if last - first >= LEAST:
        return first, last
    first = max(first - (LEAST - (last - first)) // 2, 0) if first >= 0 else first
    return first, first + LEAST


def _number(k, of):
    return f" {k + 1}" if of > 1 else ""


def _panel(axes, values, name, first=0):
    """values (rows, T), 0 to 1 from white to blue; rows are numbered from ``first``."""
    shown = axes.pcolormesh(np.arange(values.shape[1] + 1), np.arange(first, first + len(values) + 1), values, cmap="Blues", vmin=0, vmax=1,
                            rasterized=True)
    axes.invert_yaxis()
    axes.set_ylabel(name)
    axes.grid(False)
    axes.set_facecolor("#f4f4f4")
    axes.tick_params(length=2, labelsize=8)
    axes.yaxis.get_major_locator().set_params(integer=True)
    return shown


def _frame(axes, wrong):
    from matplotlib.patches import Rectangle
    for t, bit in np.argwhere(wrong):
        axes.add_patch(Rectangle((t, bit), 1, 1, fill=False, edgecolor=WRONG, linewidth=1.2))
