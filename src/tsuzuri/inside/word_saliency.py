"""What a label hangs on: how much its log probability owes to the vector of each word of the sentence.

    gradient     sum(g_t * x_t),  g_t = d log p(label) / d x_t       to first order, how much log p would fall if x_t were zero
    occlusion    log p(label) - log p(label with x_t = 0)            how much it does fall

Above 0 the word speaks for the label, below 0 against it.  Where words act together, as in "not good", the two may differ: the first
is a slope, the second a step.

Source: Simonyan, Vedaldi and Zisserman 2014; for text: Li, Chen, Hovy and Jurafsky 2016; occlusion: Zeiler and Fergus 2014.
"""
import copy
from typing import NamedTuple

import numpy as np

from tsuzuri.array import to_host
from tsuzuri.errors import check_choice
from tsuzuri.models.tagging import Labeller
from tsuzuri.tensor import Tensor

WAYS = ("gradient", "occlusion")


class WordSaliency(NamedTuple):
    """For label number ``label``: ``log_p`` in nats; ``effect`` (T,), what speaks for it; ``size`` (T,), how much hangs on each word."""

    label: int
    log_p: float
    effect: np.ndarray
    size: np.ndarray


def word_saliency(model: Labeller, ids: np.ndarray, label: int | None = None, word: int | None = None, by: str = "gradient") -> WordSaliency:
    """What the probability of a label hangs on in the sentence ids (T,); without a label that of the most probable one.

    ``word`` is the place whose label is asked for, from 0, where every word has one.  ConfigError: a way that there is not.
    """
    check_choice("by", by, WAYS)
    source, lengths = np.asarray(ids, np.int64)[None], np.array([len(ids)])
    if label is None:
        found = model.probabilities(source, lengths)[0]
        label = int((found if word is None else found[word]).argmax())
    log_p, gradient, x = _slope(model, source, lengths, label, word)
    if by == "gradient":
        products = gradient * x
        return WordSaliency(label, log_p, products.sum(1), np.linalg.norm(products, axis=1))
    effect = log_p - _without_each(model, x, lengths, label, word)
    return WordSaliency(label, log_p, effect, np.abs(effect))


def _slope(model, source, lengths, label, word):
    """log p, its gradient by the vectors, and these, both (T, D)."""
    x = Tensor(model.embed(source).data, requires_grad=True)
    loss, *_ = _reading(model, x).training_loss(source, lengths, _target(source, label, word))
    loss.backward()
    model.zero_grad()
    return -loss.item(), -to_host(x.grad)[0], to_host(x.data)[0]


def _without_each(model, x, lengths, label, word):
    """log p with one vector after the other at zero (T,)."""
    T = len(x)
    xs = np.where(np.eye(T, dtype=bool)[:, :, None], 0, x)
    source = np.zeros((T, T), np.int64)
    losses, _ = _reading(model, Tensor(xs.astype(x.dtype))).losses(source, np.repeat(lengths, T), _target(source, label, word))
    return -to_host(losses).reshape(T, -1).sum(1)


def _reading(model, x):
    """The model with these vectors in place of those of the words."""
    probe = copy.copy(model)
    probe.embed = lambda ids: x
    probe.config = _without_smoothing(model.config)
    return probe


def _without_smoothing(config):
    from msgspec.structs import replace
    return replace(config, smoothing=0.0) if getattr(config, "smoothing", 0) else config


def _target(source, label, word):
    if word is None:
        return np.full(len(source), label)
    targets = np.full(source.shape, -1)
    targets[:, word] = label
    return targets
