"""Drawing a token from logits, and what is done to the logits before (on the host; rows of logits (..., V)).

``draw`` is the inverse of the cumulative distribution: with u even in [0, 1), the first k whose p_0 + ... + p_k exceeds u.

The others leave a part of the tokens and put the rest at -inf, or move the logits of some:

    top-k     the k most probable                                                     Fan et al. 2018
    top-p     the fewest most probable whose probabilities reach p                    Holtzman et al. 2020
    min-p     those with at least p times the probability of the most probable        Nguyen et al. 2024
    typical   the fewest whose surprise -log p is nearest to the mean surprise
              H = -sum p log p, and whose probabilities reach the mass                Meister et al. 2023
    penalty   a logit of a token seen before: z / penalty where z > 0, z * penalty
              where not                                                               Keskar et al. 2019
    repeats   a token that would end an n-gram seen before goes to -inf               Paulus et al. 2018
"""
import numpy as np

from tsuzuri.kernels.inner import inner


@inner
def draw(logits, temperature, u):
    """logits (V,), temperature > 0, u in [0, 1) -> the id drawn."""
    with np.errstate(over="ignore"):                        # -inf is right
        p = np.exp((logits - logits.max()) / temperature, dtype=np.float64)
    sums = np.cumsum(p)
    return min(int(np.searchsorted(sums, u * sums[-1], side="right")), len(p) - 1)


def keep_top_k(logits, k):
    """logits (..., V) with all but the ``k`` highest, and equals of the last of them, at -inf."""
    if k >= logits.shape[-1]:
        return logits
    return _keep(logits, logits >= np.partition(logits, -k, axis=-1)[..., -k, None])


def keep_top_p(logits, p):
    """logits (..., V) with only the fewest most probable left whose probabilities reach ``p``, and equals of the last."""
    ordered = -np.sort(-logits, axis=-1)
    q = np.exp(ordered - ordered[..., :1], dtype=np.float64)
    sums = np.cumsum(q, axis=-1)
    inside = sums - q < p * sums[..., -1:]                   # the first always is
    return _keep(logits, logits >= ordered.min(-1, keepdims=True, where=inside, initial=np.inf))


def keep_min_p(logits, p):
    """logits (..., V) with only those left that have at least ``p`` times the highest probability."""
    return _keep(logits, logits >= logits.max(-1, keepdims=True) + np.log(p))


def keep_typical(logits, mass):
    """logits (..., V) with only the tokens of nearly the mean surprise left, the fewest that reach ``mass``."""
    surprise = -log_probabilities(logits)
    p = np.exp(-surprise)
    mean = (p * np.where(p > 0, surprise, 0)).sum(-1, keepdims=True)
    order = np.argsort(np.abs(surprise - mean), axis=-1, kind="stable")
    p = np.take_along_axis(p, order, -1)
    inside = np.empty(logits.shape, bool)
    np.put_along_axis(inside, order, np.cumsum(p, axis=-1) - p < mass, -1)
    return _keep(logits, inside)


def discount_repeated(logits, history, penalty):
    """logits (N, V), history (N, T) of ids -> logits with those of the ids in a row's history made less probable."""
    seen = np.take_along_axis(logits, history, -1)
    out = logits.copy()
    np.put_along_axis(out, history, np.where(seen > 0, seen / penalty, seen * penalty), -1)
    return out


def forbid_repeats(logits, history, n):
    """logits (N, V), history (N, T) -> logits with -inf where the token would make an n-gram of the history again."""
    start = history.shape[1] - n + 1
    if start < 1:
        return logits
    grams = np.lib.stride_tricks.sliding_window_view(history, n, axis=1)
    rows, places = np.nonzero((grams[:, :, :-1] == history[:, None, start:]).all(-1))
    out = logits.copy()
    out[rows, grams[rows, places, -1]] = -np.inf
    return out


def log_probabilities(logits):
    """logits (..., V) -> log p (..., V) in float64: sums over thousands of tokens keep their digits."""
    z = (logits - logits.max(-1, keepdims=True)).astype(np.float64)
    return z - np.log(np.exp(z).sum(-1, keepdims=True))


def _keep(logits, kept):
    return np.where(kept, logits, logits.dtype.type(-np.inf))
