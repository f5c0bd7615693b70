"""How far an attention spreads: does it look at one word of the source, as an alignment does, or everywhere at once?

A step's weights a_1 ... a_S sum to 1.  Their entropy H = -sum_s a_s ln a_s is 0 where all the weight lies on one word and
ln S where every word has the same; exp(H) is the number of words that, with equal weights, would have that entropy.
"""
import numpy as np
from numpy.typing import ArrayLike

from tsuzuri.errors import ShapeError


def alignment_entropy(weights: np.ndarray, lengths: ArrayLike | None = None) -> np.ndarray:
    """The mean of H / ln S over the steps of weights (..., T, S), a number for each leading place: from 0 (one word) to 1 (all).

    ``lengths`` (one number, or one for each place of the first axes, as (N,) for weights (N, K, T, S)) are the sizes S of sources
    that are padded; a source of one word counts 0.  Steps whose weights are all 0 are the padding of an output and do not count;
    where no step is left the answer is nan.  ShapeError: lengths that do not fit.
    """
    weights = np.asarray(weights, np.float64)
    if weights.ndim < 2:
        raise ShapeError(f"attention weights have the shape (..., T, S), a row for each step, not {weights.shape}.")
    *leading, _, longest = weights.shape
    sizes = np.asarray(longest if lengths is None else lengths)
    if sizes.shape != tuple(leading[:sizes.ndim]) or (sizes.size and not 1 <= sizes.min() <= sizes.max() <= longest):
        raise ShapeError(f"lengths {_told(sizes)} do not fit weights of the shape {weights.shape}; give a number from 1 to "
                         f"{longest} for each place of the first axes.")
    sizes = sizes.reshape(sizes.shape + (1,) * (len(leading) - sizes.ndim))
    taken = weights.any(axis=-1)
    weights = weights / np.where(taken, weights.sum(axis=-1), 1)[..., None]      # those of a local span add up to less
    logs = np.log(weights, where=weights > 0, out=np.zeros_like(weights))
    total, count = -(weights * logs).sum(axis=(-1, -2)), taken.sum(axis=-1)
    scale = count * np.log(np.maximum(sizes, 2))             # of one word the entropy is 0 whatever it is divided by
    return np.divide(total, scale, where=count > 0, out=np.full(total.shape, np.nan)).clip(0, 1)[()]


def alignment_sentence(entropy: ArrayLike, weights: np.ndarray, unit: str = "words") -> str:
    """In plain words what ``alignment_entropy`` found in the weights (..., T, S) of one sentence, which are not padded.

    The number of words is exp of the mean entropy in nats; of several heads the least and the most are told.
    """
    entropy, size = np.asarray(entropy, np.float64), np.shape(weights)[-1]
    if not np.isfinite(entropy).any():
        return "it took no step, so it looks at nothing"
    if size == 1:
        return "it has nothing to choose from: the source has only one of them"
    looked = np.exp(entropy[np.isfinite(entropy)] * np.log(size))
    least, most = f"{looked.min():.1f}", f"{looked.max():.1f}"
    if least == most:
        return f"it looks at {least} of {size} {unit} on average"
    return f"its heads look at {least} to {most} of {size} {unit} on average (mean {looked.mean():.1f})"


def _told(sizes: np.ndarray) -> str:
    return f"{sizes.tolist()}" if sizes.size <= 8 else f"of the shape {sizes.shape}"
