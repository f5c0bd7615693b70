"""Several models that predict one text together: p = sum_k w_k p_k, each with the trust that held-out text gives it.

A model of counts remembers what a neural one smooths away, so the two together are better than either.
Source: interpolation with weights by expectation maximisation, Jelinek and Mercer 1980; of a network and n-grams, Mikolov et al. 2010.
"""
from collections.abc import Sequence
from typing import Any

import numpy as np

from tsuzuri.array import Array, to_host
from tsuzuri.errors import ConfigError
from tsuzuri.text import BPTTBatches, Corpus
from tsuzuri.train.language_model import WINDOW
from tsuzuri.train.run import Run

ROUNDS = 100                                                 # of expectation maximisation; the weights of two models need about 20


class Interpolated:
    """Models of one vocabulary, mixed with fixed weights (K,) that sum to one."""

    def __init__(self, models: Sequence[Any], weights: np.ndarray):
        self.models, self.weights = models, weights

    def losses(self, ids: Array, targets: Array, state: Sequence[Any] | None = None) -> tuple[Array, tuple]:
        """The loss of every target in nats (N, T), 0 for one of -1, and the states."""
        found, states = _losses(self.models, ids, targets, state)
        with np.errstate(divide="ignore"):                   # the logarithm of no trust at all is -inf, as it should be
            trust = np.log(self.weights)[:, None, None]
        return np.where(targets < 0, 0.0, -np.logaddexp.reduce(trust - found)), states


def mix_runs(runs: Sequence[Run], models: Sequence[Any]) -> Interpolated:
    """The models of some runs with the weights that suit the first run's validation text best.

    ConfigError: the runs do not cut text in the same way, or the first has no validation text.
    """
    first, held_out = runs[0], runs[0].held_out()
    for run in runs[1:]:
        if run.tokenizer.token_bytes() != first.tokenizer.token_bytes():
            raise ConfigError(f"{run.folder} and {first.folder} have different vocabularies; mix runs that were trained on one text with one unit.")
    if held_out is None:
        raise ConfigError(f"{first.folder} has no validation text by which models could be weighed; train it with --valid.")
    return Interpolated(models, fit_weights(models, held_out))


def fit_weights(models: Sequence[Any], held_out: Corpus) -> np.ndarray:
    """The weights (K,) under which the mixture gives ``held_out`` the highest probability."""
    parts, state = [], None
    windows = BPTTBatches(held_out.ids, 1, WINDOW)
    for ids, targets in (windows[k] for k in range(len(windows))):
        found, state = _losses(models, ids, targets, state)
        parts.append(found.reshape(len(models), -1))
    losses = np.concatenate(parts, axis=1)
    p = np.exp(losses.min(0) - losses)                       # what is common to all models does not matter
    weights = np.full(len(models), 1 / len(models))
    for _ in range(ROUNDS):
        shares = weights[:, None] * p
        weights = (shares / shares.sum(0)).mean(1)
    return weights


def _losses(models, ids, targets, state):
    found = [model.losses(ids, targets, before) for model, before in zip(models, state or [None] * len(models), strict=True)]
    return np.stack([to_host(losses).astype(np.float64) for losses, _ in found]), tuple(after for _, after in found)
