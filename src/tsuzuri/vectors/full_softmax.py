"""CBOW and skip-gram with the whole softmax: word2vec before its shortcuts, for a text of a few lines.

An example is a word w and the 2m words around it.  CBOW has them as inputs x_1 .. x_I and w as its one output; skip-gram
has w as input and them as outputs y_1 .. y_O.  The rest is the same.  With W and C (V, D), a row of each for a word:

    h = mean of the rows W[x_i]              z = C h              p = softmax(z)
    J = -(mean of the ln p[y_o])             in nats a predicted word

From the output back, with q_v the share of the outputs that are word v:

    dz = p - q         dC = dz h^T         dh = C^T dz         dW[x_i] = dh / I, added up where a word occurs twice

p needs all V words for each example; kernels/word2vec.py is what is done about that.  Source: Mikolov et al. 2013
(arXiv:1301.3781).
"""
from collections.abc import Iterator, Sequence
from typing import NamedTuple

import numpy as np

from tsuzuri.errors import ConfigError, DataError, check_choice
from tsuzuri.kernels.softmax import softmax_forward
from tsuzuri.kernels.updates import adam, sgd
from tsuzuri.vectors.word_vectors import WordVectors

MODELS, OPTIMIZERS = ("cbow", "skipgram"), ("adam", "sgd")
RATES = {"adam": 0.01, "sgd": 1.0}


class Epoch(NamedTuple):
    """After an epoch: its number from 1, the mean J of its examples before each step, and the vectors W so far."""

    epoch: int
    loss: float
    vectors: WordVectors


def train_full_softmax(words: Sequence[str], *, model: str = "cbow", window: int = 1, size: int = 5, epochs: int = 1000,
                       batch_size: int = 3, optimizer: str = "adam", rate: float | None = None,
                       rng: np.random.Generator) -> Iterator[Epoch]:
    """Fit vectors to a text, its words in order; yields an Epoch after each pass over its examples in a random order.

    Only words with ``window`` words on both sides are examples.  rate: 0.01 for adam, 1 for sgd.
    ConfigError: a setting that does not fit.  DataError: the text is shorter than one window.

    >>> text = "you say goodbye and i say hello .".split()
    >>> *_, last = train_full_softmax(text, rng=np.random.default_rng(1))
    >>> last.loss < 0.7
    True
    """
    _check(model, optimizer, rate, window=window, size=size, epochs=epochs, batch_size=batch_size)
    names = list(dict.fromkeys(words))
    inputs, outputs = make_examples(np.array([names.index(word) for word in words]), window, model)
    W, C = (0.1 * rng.standard_normal((len(names), size)) for _ in range(2))
    update = _Update((W, C), optimizer, rate or RATES[optimizer])
    for epoch in range(1, epochs + 1):
        losses = 0.0
        order = rng.permutation(len(inputs))
        for start in range(0, len(order), batch_size):
            batch = order[start:start + batch_size]
            loss, *gradients = loss_and_gradients(W, C, inputs[batch], outputs[batch])
            update(gradients)
            losses += loss * len(batch)
        yield Epoch(epoch, losses / len(order), WordVectors(names, W.copy()))


def make_examples(ids: np.ndarray, window: int, model: str) -> tuple[np.ndarray, np.ndarray]:
    """ids (T) -> inputs (N, I), outputs (N, O): the words around and the word itself, or the other way round."""
    if len(ids) <= 2 * window:
        raise DataError(f"{len(ids)} words are no whole window of {window} on both sides of a word; give at least {2 * window + 1}")
    windows = np.lib.stride_tricks.sliding_window_view(ids, 2 * window + 1)
    middle, around = windows[:, [window]], np.delete(windows, window, axis=1)
    return (around, middle) if model == "cbow" else (middle, around)


def loss_and_gradients(W: np.ndarray, C: np.ndarray, inputs: np.ndarray, outputs: np.ndarray) -> tuple[float, np.ndarray, np.ndarray]:
    """The mean of J over N examples, dW and dC.  W and C (V, D), inputs (N, I), outputs (N, O)."""
    N, examples = len(inputs), np.arange(len(inputs))[:, None]
    h = W[inputs].mean(axis=1)
    p, _ = softmax_forward(h @ C.T)
    loss = -np.log(p[examples, outputs]).mean()

    dz = p
    np.subtract.at(dz, (examples, outputs), 1 / outputs.shape[1])
    dz /= N
    dC = dz.T @ h
    dh = dz @ C
    dW = np.zeros_like(W)
    np.add.at(dW, inputs, dh[:, None] / inputs.shape[1])
    return float(loss), dW, dC


class _Update:
    """One step for each of some parameters, in place."""

    def __init__(self, parameters, optimizer, rate):
        self.parameters, self.optimizer, self.rate, self.steps = parameters, optimizer, rate, 0
        self.memory = [(np.zeros(w.size), np.zeros(w.size)) for w in parameters]

    def __call__(self, gradients):
        self.steps += 1
        for w, g, (mean, squares) in zip(self.parameters, gradients, self.memory, strict=True):
            if self.optimizer == "adam":
                adam(w.reshape(-1), g.reshape(-1), mean, squares, self.rate, 1.0, 0.0, 0.9, 0.999, 1e-8, self.steps)
            else:
                sgd(w.reshape(-1), g.reshape(-1), self.rate, 1.0, 0.0)


def _check(model, optimizer, rate, **numbers):
    check_choice("model", model, MODELS)
    check_choice("optimizer", optimizer, OPTIMIZERS)
    for name, value in numbers.items():
        if value < 1:
            raise ConfigError(f"{name} {value} does not fit; it is a whole number from 1")
    if rate is not None and not 0 < rate < np.inf:
        raise ConfigError(f"rate {rate} does not fit; it is a number above 0")
