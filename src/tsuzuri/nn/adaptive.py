"""Adaptive softmax: an output layer for large vocabularies, whose cost follows how often words are used."""
from collections.abc import Sequence
from itertools import pairwise

import numpy as np

from tsuzuri import ops
from tsuzuri.array import Array
from tsuzuri.errors import ConfigError
from tsuzuri.kernels.adaptive import adaptive_log_probabilities, adaptive_losses
from tsuzuri.nn.module import Module, uniform
from tsuzuri.tensor import Tensor

NARROWER = 4                                                 # a cluster sees a quarter of the width of the one before it
SHARES = 0.8, 0.9                                            # of the tokens: in the head, in the head and the first cluster


def default_cutoffs(vocabulary: int) -> list[int]:
    """Where the head and the first of two clusters end.

    By Zipf's law the n most frequent of V words make up ln n / ln V of a text, so V^0.8 of them cover 80 % of it and
    V^0.9 cover 90 %: (1584, 3981) of 10,000, (21986, 76724) of 267,735.  Few tokens pay for the many rare words,
    and the words that most predictions are about keep the full width.
    """
    return sorted({int(vocabulary ** share) for share in SHARES} - {vocabulary})


class AdaptiveSoftmax(Module):
    """Frequent words in a head at full width H, rare ones in clusters behind it that see H/4, H/16, ... numbers.

    Ids are to be sorted by falling frequency, as those of a vocabulary are.  ``cutoffs``: where the head and each
    cluster but the last end; by default ``default_cutoffs``.  Probabilities are exact.  There is no bias.

    Source: Grave, Joulin, Cisse, Grangier and Jegou 2017.
    """

    def __init__(self, size: int, vocabulary: int, *, rng: np.random.Generator, dtype=np.float32,
                 cutoffs: Sequence[int] | None = None):
        ends = [*(default_cutoffs(vocabulary) if cutoffs is None else cutoffs), vocabulary]
        if ends[0] < 1 or any(low >= high for low, high in pairwise(ends)):
            raise ConfigError(f"cutoffs are {', '.join(map(str, ends[:-1]))}; they must rise, "
                              f"from at least 1 to less than the {vocabulary} words of the vocabulary.")
        self.cutoffs = ends
        self.head = uniform(rng, 0.02, (size, ends[0] + len(ends) - 1), dtype)
        self.tails = []
        for i, (low, high) in enumerate(pairwise(ends), 1):
            width = max(size // NARROWER ** i, 1)
            self.tails.append((uniform(rng, size ** -0.5, (size, width), dtype), uniform(rng, 0.02, (width, high - low), dtype)))

    def loss(self, hs: Tensor, targets: Array, rng: np.random.Generator | None = None) -> Tensor:
        """hs (N, T, H), targets (N, T) -> mean loss of the targets that count."""
        return ops.adaptive_cross_entropy(hs, self.head, self.tails, self.cutoffs, targets)

    def losses(self, h: Array, targets: Array) -> Array:
        """h (R, H), targets (R) -> the loss of every token (R,), nothing recorded."""
        return adaptive_losses(h, self.head.data, self._tails(), self.cutoffs, targets)

    def logits(self, h: Array) -> Array:
        """h (R, H) -> log p (R, V)."""
        return adaptive_log_probabilities(h, self.head.data, self._tails(), self.cutoffs)

    def _tails(self):
        return [(P.data, W.data) for P, W in self.tails]
