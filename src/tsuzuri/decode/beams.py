"""Beam search: the most probable continuation, as far as a few hypotheses side by side can see.

A hypothesis Y of |Y| new tokens scores log p(Y) / lp(Y) with lp(Y) = ((5 + |Y|) / 6)^a: every token makes a text less
probable, and the length penalty a pays longer ones back.  Source: Graves 2012; the penalty: Wu et al. 2016, who take 0.6 to 0.7.
"""
from collections.abc import Callable, Sequence
from typing import NamedTuple

import numpy as np

from tsuzuri.array import to_host
from tsuzuri.decode.generation import feed
from tsuzuri.errors import ConfigError
from tsuzuri.kernels.sampling import log_probabilities


class Hypothesis(NamedTuple):
    """New ids, and log p of them all in nats divided by the length penalty."""

    ids: list[int]
    score: float


def beam_search(model, prompt: Sequence[int], count: int, beams: int, length_penalty: float = 0.0,
                ends: Callable[[list[int]], bool] = lambda ids: False) -> list[Hypothesis]:
    """The best ``beams`` hypotheses found, best first: each of ``count`` tokens, or fewer where ``ends(ids)`` says so.

    With one beam this is greedy; with as many as there are texts it is exact.  ConfigError: no beams, or a penalty below 0.
    """
    if beams < 1:
        raise ConfigError(f"beams is {beams}; it must be at least 1.")
    if not 0 <= length_penalty < float("inf"):
        raise ConfigError(f"length_penalty is {length_penalty}; it must be 0 or above.")
    logits, state = feed(model, prompt, 1)
    live = [Hypothesis([], 0.0)]                            # with their plain log p
    done: list[Hypothesis] = []
    for k in range(count):
        live, rows, ended = _extend(live, log_probabilities(to_host(logits)), beams, ends)
        done = _best(done + [Hypothesis(y.ids, y.score / _penalty(k + 1, length_penalty)) for y in ended], beams)
        if not live or k + 1 == count or _decided(live, done, beams, _penalty(count, length_penalty)):
            break
        logits, state = model.step(np.array([y.ids[-1] for y in live]), state.take(rows))
    left = [Hypothesis(y.ids, y.score / _penalty(len(y.ids), length_penalty)) for y in live]
    return _best(done + left, beams)


def _extend(live, log_p, beams, ends):
    """The best ``beams`` that go on, the rows they come from, and the better ones that end; log_p (N, V).

    Twice the beams are looked at, so that endings do not crowd out those that go on.
    """
    scores = (np.array([y.score for y in live])[:, None] + log_p).ravel()
    kept, rows, ended = [], [], []
    for place in _highest(scores, 2 * beams):
        row, token = divmod(int(place), log_p.shape[1])
        y = Hypothesis([*live[row].ids, token], float(scores[place]))
        if ends(y.ids):
            ended.append(y)
        else:
            kept.append(y)
            rows.append(row)
        if len(kept) == beams:
            break
    return kept, np.array(rows, np.int64), ended


def _highest(scores, count):
    """Places of the ``count`` highest, best first."""
    places = np.arange(scores.size) if count >= scores.size else np.sort(np.argpartition(scores, -count)[-count:])
    return places[np.argsort(-scores[places], kind="stable")]


def _decided(live, done, beams, largest_penalty):
    """No live hypothesis can still get among the best: log p only falls, and no penalty is larger than at the end."""
    return len(done) == beams and max(y.score for y in live) / largest_penalty <= done[-1].score


def _best(hypotheses, beams):
    return sorted(hypotheses, key=lambda y: -y.score)[:beams]


def _penalty(length, exponent):
    return ((5 + length) / 6) ** exponent
