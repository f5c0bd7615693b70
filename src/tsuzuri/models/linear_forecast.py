"""The linear model that every forecaster is measured by: ridge regression from a window to all steps ahead, fitted at once.

    Y ~ Z W + b        W = (Z^T Z / N + lambda)^{-1} Z^T Y / N,   Z and Y without their means        Z^T Z / N = V diag(e) V^T

With the eigenvalues e every penalty lambda costs one product, W = V (V^T Z^T Y / N) / (e + lambda).  What is taken off a window before
(models.windows) and lambda are those with the smallest squared error on the validation rows; so it is a strong one.

Source: Hoerl and Kennard 1970; that such a model is hard to beat: Zeng et al. 2023.
"""
from collections.abc import Iterator
from itertools import product
from typing import Any

import numpy as np

from tsuzuri.array import Array
from tsuzuri.models.windows import NORMALS, Sizes, View, view

PENALTIES = 10.0 ** np.arange(-6, 3)
JUDGES = 5                                                   # without validation rows one in so many windows, the last ones, judges

Pairs = tuple[Array, Array]
"""x (N, W, I + F) and y (N, K, C)."""


class LinearForecaster:
    """x (N, W, I + F), scaled -> (N, K, C), float64.  The weights W (D, K C) and b (K C) are of what a base and normalise leave of x."""

    def __init__(self, sizes: Sizes, W: Array, b: Array, base: str, normalise: str, penalty: float):
        self.sizes, self.W, self.b, self.base, self.normalise, self.penalty = sizes, W, b, base, normalise, penalty

    def __call__(self, x: Array) -> Array:
        Z, seen = _features(x, self.sizes, self.base, self.normalise)
        return seen.back((Z @ self.W + self.b).reshape(seen.base.shape))

    @classmethod
    def fit(cls, sizes: Sizes, train: Pairs, valid: Pairs) -> "LinearForecaster":
        """The best of all views and penalties for ``valid``, or for the last windows of ``train`` where that has none."""
        if not len(valid[0]):
            cut = len(train[0]) - max(1, len(train[0]) // JUDGES) if len(train[0]) > 1 else 0
            train, valid = (train[0][:cut or 1], train[1][:cut or 1]), (train[0][cut:], train[1][cut:])
        errors = ((((model(valid[0]) - valid[1]) ** 2).mean(), k, model) for k, model in enumerate(_candidates(sizes, train)))
        return min(errors, key=lambda found: found[:2])[2]

    def arrays(self) -> dict[str, Array]:
        """The weights, as they are saved."""
        return {"W": self.W, "b": self.b}

    def notes(self) -> dict[str, Any]:
        """The rest of what is saved."""
        return {"base": self.base, "normalise": self.normalise, "penalty": self.penalty}

    def sentence(self) -> str:
        """How it was made, in a few words."""
        window = {"none": "the window", "window": "the normalised window"}[self.normalise]
        return f"ridge regression of {'' if self.base == 'none' else f'the change from base {self.base} on '}{window}, penalty {self.penalty:g}"


def _candidates(sizes: Sizes, train: Pairs) -> Iterator[LinearForecaster]:
    bases = ["none", *(["last"] if sizes.forecast else []), *(["season"] if sizes.forecast and 1 < sizes.season <= sizes.window else [])]
    for base, normalise in product(bases, NORMALS):
        Z, seen = _features(train[0], sizes, base, normalise)
        Y = seen.off(train[1].astype(np.float64)).reshape(len(Z), -1)
        for penalty, W in _ridge(Z - Z.mean(0), Y - Y.mean(0)):
            yield LinearForecaster(sizes, W, Y.mean(0) - Z.mean(0) @ W, base, normalise, penalty)


def _features(x: Array, sizes: Sizes, base: str, normalise: str) -> tuple[Array, View]:
    """Z (N, T I + F), every number of the window and the phases of its last row, and the view."""
    x = x.astype(np.float64)
    seen = view(x, sizes, base, normalise)
    return np.concatenate([seen.z[:, sizes.difference:].reshape(len(x), -1), x[:, -1, sizes.inputs:]], axis=1), seen


def _ridge(Z: Array, Y: Array) -> Iterator[tuple[float, Array]]:
    values, V = np.linalg.eigh(Z.T @ Z / len(Z))
    turned = V.T @ (Z.T @ Y / len(Z))
    for penalty in PENALTIES:
        yield float(penalty), V @ (turned / (np.maximum(values, 0) + penalty)[:, None])
