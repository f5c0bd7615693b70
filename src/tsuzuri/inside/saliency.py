"""What a prediction hangs on: the gradient of its log probability by the vector of each token before it.

    g_t = d log p(next) / d x_t         x_t: the vector of token t

    size    | g_t * x_t |               how much the prediction hangs on token t
    effect  sum(g_t * x_t)              to first order, how much log p would fall if x_t were zero: above 0 the token speaks
                                        for the prediction, below 0 against it

Source: Simonyan, Vedaldi and Zisserman 2014; for text: Li, Chen, Hovy and Jurafsky 2016.
"""
import copy
from typing import NamedTuple

import numpy as np

from tsuzuri.array import to_host
from tsuzuri.errors import ConfigError
from tsuzuri.tensor import Tensor


class Saliency(NamedTuple):
    """For the token ``target`` after ids (T,): ``log_p`` in nats, ``gradient`` and ``inputs`` (T, D)."""

    target: int
    log_p: float
    gradient: np.ndarray
    inputs: np.ndarray

    @property
    def size(self) -> np.ndarray:
        """(T,): how much the prediction hangs on each token."""
        return np.linalg.norm(self.gradient * self.inputs, axis=1)

    @property
    def effect(self) -> np.ndarray:
        """(T,): above 0 where a token speaks for the prediction, below 0 where it speaks against it."""
        return (self.gradient * self.inputs).sum(axis=1)


def saliency(model, ids: np.ndarray, target: int | None = None) -> Saliency:
    """What the prediction of ``target`` after ids (T,) hangs on; without a target, that of the likeliest next token.

    ConfigError: there is no token to hang on, more of them than the model sees at once, or the model has no token vectors.
    """
    if not hasattr(model, "embed"):
        raise ConfigError(f"a model of arch {model.config.arch} has no token vectors that a gradient could reach; take one that "
                          "is trained by gradients, such as an lstm.")
    if not len(ids):
        raise ConfigError("there is no token that the prediction could hang on; give a text.")
    if len(ids) > (context := getattr(model.config, "context", len(ids))):
        raise ConfigError(f"the text has {len(ids)} tokens, and the model sees at most {context} of them at once; give a shorter text.")
    ids = np.asarray(ids, np.int64)[None]
    if target is None:
        target = int(np.argmax(to_host(model.feed(ids, model.start(1))[0])))
    targets = np.full(ids.shape, -1)                         # only the last position counts
    targets[0, -1] = target
    probe, x = copy.copy(model), Tensor(model.embed(ids).data, requires_grad=True)
    probe.embed = lambda *_: x
    loss, _ = probe.loss(ids, targets)
    loss.backward()
    model.zero_grad()
    return Saliency(target, -loss.item(), -to_host(x.grad)[0], to_host(x.data)[0])
