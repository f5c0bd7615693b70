"""The most probable token at each step, for many sentences side by side."""
from typing import Any

import numpy as np

from tsuzuri.array import to_host
from tsuzuri.decode.search import Hypothesis
from tsuzuri.decode.steps import as_limits, attention_of, begin, token_log_p


def greedy(model, state, first: np.ndarray, end: int | None, most: int | np.ndarray, measured: bool = False) -> list[Hypothesis]:
    """Write on from ``state`` and the tokens ``first`` (N,) or (N, T), at most ``most`` tokens (one number, or one a sentence; the
    end token counts), until ``end``.  ``measured``: with log p, which costs a pass over the logits.
    """
    count = len(first)
    limits = as_limits(most, count)
    lengths, finished = limits.copy(), np.zeros(count, bool)
    log_p = np.zeros(count)
    rows, logits, state = begin(model, state, first, limits)
    going = np.ones(len(rows), bool)
    steps: list[tuple[Any, Any, Any]] = []
    while going.any():
        logits = to_host(logits)
        tokens = logits.argmax(-1)
        if measured:
            log_p[rows[going]] += token_log_p(logits, tokens[:, None])[going, 0]
        steps.append((rows, tokens, attention_of(state)))
        ended = going & (tokens == end)
        finished[rows[ended]], lengths[rows[ended]] = True, len(steps) - 1
        going = going & ~ended & (limits[rows] > len(steps))
        if not going.any():
            break
        if 4 * np.count_nonzero(going) <= 3 * len(going):    # taking rows out copies the others' states
            left = np.flatnonzero(going)
            rows, tokens, state, going = rows[left], tokens[left], state.take(left), going[left]
        logits, state = model.step(tokens, state)
    ids, attention = _gather(steps, count)
    measures = log_p.tolist() if measured else [None] * count
    return [Hypothesis(ids[n, :T].tolist(), measures[n], measures[n], None if attention is None else attention[n, :T], bool(finished[n]))
            for n, T in enumerate(lengths.tolist())]


def _gather(steps, count):
    """The tokens (N, T) and the weights (N, T, S) of every step, at the places of the sentences."""
    ids = np.zeros((count, len(steps)), np.int64)
    weights = steps[0][2] if steps else None
    attention = None if weights is None else np.zeros((count, len(steps), weights.shape[1]), weights.dtype)
    for t, (rows, tokens, weights) in enumerate(steps):
        ids[rows, t] = tokens
        if attention is not None:
            attention[rows, t] = weights
    return ids, attention
