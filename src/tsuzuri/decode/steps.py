"""What every search does: the first step, and reading a step's logits and attention."""
import math
from typing import Any

import numpy as np

from tsuzuri.array import to_host
from tsuzuri.errors import ConfigError
from tsuzuri.kernels.token_losses import log_sum_exp


def begin(model, state, first: np.ndarray, limits: np.ndarray) -> tuple[np.ndarray, Any, Any]:
    """The sentences of which at least one token is wanted, and their logits and state behind ``first``."""
    rows, first = np.flatnonzero(limits > 0), np.asarray(first)
    if not len(rows):
        return rows, None, state
    if len(rows) < len(limits):
        first, state = first[rows], state.take(rows)
    return rows, *(model.step if first.ndim == 1 else model.feed)(first, state)


def as_limits(most: int | np.ndarray, count: int) -> np.ndarray:
    """The most tokens of each sentence (N,).  ConfigError: not one number or one for each, or below 0."""
    limits = np.asarray(most)
    if limits.shape not in ((), (count,)):
        raise ConfigError(f"most has the shape {limits.shape}, and there are {count} sentences; give one number, or one for each.")
    if limits.size and limits.min() < 0:
        raise ConfigError(f"most is {limits.min()}; it must not be negative.")
    return np.array(np.broadcast_to(limits, (count,)))


def attention_of(state) -> np.ndarray | None:
    """The weights (N, S) of a state's last step; None where the model has none."""
    weights = getattr(state, "attention", None)
    return None if weights is None else to_host(weights)


def token_log_p(logits: np.ndarray, tokens: np.ndarray) -> np.ndarray:
    """logits (N, V), tokens (N, C) -> their log p (N, C) in float64, in which a text's are added up."""
    if logits.dtype == np.float16:
        logits = logits.astype(np.float32)
    totals = log_sum_exp(logits, np.zeros(0, logits.dtype))
    return take_each(logits, tokens).astype(np.float64) - totals.astype(np.float64)[:, None]


def most_probable(logits: np.ndarray, count: int) -> np.ndarray:
    """The tokens (N, C) of the ``count`` highest logits (N, V) of each row, in the order of their ids.

    They are in the ``count`` columns with the highest tops, when a row is written below itself in that many lines; so few
    numbers need to be ordered.  With 10 of 8,000 that takes a quarter of the time.
    """
    V = logits.shape[1]
    if count >= V:
        return np.tile(np.arange(V), (len(logits), 1))
    lines = math.isqrt(V // count)
    if lines < 8:
        return np.sort(_highest(logits, count), axis=1)
    columns = V // lines
    tops = logits[:, :lines * columns].reshape(len(logits), lines, columns).max(1)
    tokens = (_highest(tops, count)[:, None] + columns * np.arange(lines)[:, None]).reshape(len(logits), -1)
    rest = np.broadcast_to(np.arange(lines * columns, V), (len(logits), V - lines * columns))
    tokens = np.sort(np.concatenate([tokens, rest], axis=1), axis=1)
    best = _highest(take_each(logits, tokens), count)
    return take_each(tokens, np.sort(best, axis=1))


def take_each(x: np.ndarray, places: np.ndarray) -> np.ndarray:
    """x (N, V), places (N, C) -> x_{n, places_nc}, as np.take_along_axis in a third of its time."""
    return x[np.arange(len(x))[:, None], places]


def _highest(x, count):
    """The places (N, C) of the highest of each row, in any order."""
    return np.argpartition(x, -count, axis=1)[:, -count:]
