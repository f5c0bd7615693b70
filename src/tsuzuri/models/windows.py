"""What is taken off a window of numbers before a model reads it, and put back behind: a base, the window's level and its spread.

    z = (x - mu) / sigma            mu, sigma of the window's own rows where it is normalised, else 0 and 1
    y = sigma (base + model(z)) + mu

Normalising each window by itself is reversible instance normalisation (Kim et al. 2022; here without its trained scale): a level that
was never seen in training is read as any other.  Predicting the change from a base, the last row of the window or the row of a season
before, leaves a model less to learn.
"""
from typing import NamedTuple

import numpy as np

from tsuzuri.array import Array

NORMALS = ("none", "window")
EPSILON = 1e-5                                               # added to the variance of a window


class Sizes(NamedTuple):
    """``inputs`` columns are read, of which the first ``outputs`` are forecast where ``forecast``, and ``phases`` numbers of a calendar.

    A window has ``difference`` rows more in front, from which the changes of its first rows are taken.
    """

    inputs: int
    outputs: int
    window: int
    horizon: int
    phases: int = 0
    season: int = 1
    forecast: bool = True
    difference: int = 0


class View(NamedTuple):
    """A window as a model sees it: z (N, W, I), the base (N, K, C), and what puts it back, centre and spread (N, 1, C)."""

    z: Array
    base: Array
    centre: Array
    spread: Array

    def back(self, y: Array) -> Array:
        """What a model says (N, K, C) of the view, in the numbers of the window."""
        return (y + self.base) * self.spread + self.centre

    def off(self, y: Array) -> Array:
        """What a model should have said of the view: ``back`` undone."""
        return (y - self.centre) / self.spread - self.base


def view(x: Array, sizes: Sizes, base: str = "none", normalise: str = "none") -> View:
    """x (N, W, I + F) -> View.  ``base`` is none, last or season (then a window is no shorter than one)."""
    x, C, K, d = x[:, :, :sizes.inputs], sizes.outputs, sizes.horizon, sizes.difference
    centre, spread = np.zeros_like(x[:, :1, :1], shape=(len(x), 1, C)), np.ones_like(x[:, :1, :1], shape=(len(x), 1, C))
    if normalise == "window":
        mean, deviation = x[:, d:].mean(1, keepdims=True), np.sqrt(x[:, d:].var(1, keepdims=True) + EPSILON)
        x = (x - mean) / deviation
        if sizes.forecast:
            centre, spread = mean[:, :, :C], deviation[:, :, :C]
    if base == "none":
        return View(x, np.zeros_like(centre, shape=(len(x), K, C)), centre, spread)
    rows = sizes.window - sizes.season + np.arange(K) % sizes.season if base == "season" else np.full(K, sizes.window - 1)
    return View(x, x[:, d + rows, :C], centre, spread)
