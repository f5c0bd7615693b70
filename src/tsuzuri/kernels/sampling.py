"""Drawing a token from logits.

The inverse of the cumulative distribution: with u even in [0, 1), the first k whose p_0 + ... + p_k exceeds u.
Temperature divides the logits first; top-k and top-p (Holtzman et al. 2020) leave only the most probable.
"""
import numpy as np

from tsuzuri.kernels.inner import inner


@inner
def draw(logits, temperature, u):
    """logits (V,), temperature > 0, u in [0, 1) -> the id drawn."""
    p = np.exp((logits - logits.max()) / temperature, dtype=np.float64)
    sums = np.cumsum(p)
    return min(int(np.searchsorted(sums, u * sums[-1], side="right")), len(p) - 1)


def keep_top_k(logits, k):
    """logits (V,) with all but the ``k`` highest at -inf."""
    if k >= len(logits):
        return logits
    kept = np.full_like(logits, -np.inf)
    best = np.argpartition(logits, -k)[-k:]
    kept[best] = logits[best]
    return kept


def keep_top_p(logits, p):
    """logits (V,) with only the fewest most probable left whose probabilities reach ``p``; the others at -inf."""
    order = np.argsort(-logits, kind="stable")
    probabilities = np.exp(logits[order] - logits[order[0]])
    before = np.cumsum(probabilities) - probabilities
    best = order[before < p * probabilities.sum()]
    kept = np.full_like(logits, -np.inf)
    kept[best] = logits[best]
    return kept
