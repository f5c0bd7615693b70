"""Output layers that give every word of a sentence a label.

hs is (N, T, H); targets are (N, T), -1 where no label is known; lengths (N,), None where no row ends early; losses are in nats.
"""
import numpy as np

from tsuzuri import ops
from tsuzuri.array import Array
from tsuzuri.errors import check_choice
from tsuzuri.kernels.crf import crf_best, crf_losses, crf_marginals
from tsuzuri.kernels.softmax import softmax_forward, within
from tsuzuri.nn.layers import Linear
from tsuzuri.nn.module import zeros
from tsuzuri.nn.outputs import SoftmaxOutput
from tsuzuri.tensor import Tensor


class SoftmaxLabels(SoftmaxOutput):
    """A softmax for each word by itself."""

    def __init__(self, size: int, labels: int, *, rng: np.random.Generator, dtype=np.float32):
        super().__init__(size, labels, bound=size ** -0.5, rng=rng, dtype=dtype)

    def training_loss(self, hs: Tensor, targets: Array, lengths: Array | None) -> Tensor:
        """The mean loss of the labels that are known."""
        return self.loss(hs, targets)

    def label_losses(self, hs: Array, targets: Array, lengths: Array | None) -> Array:
        """The loss of each label (N, T), 0 where none is known; nothing is recorded."""
        return self.losses(hs.reshape(-1, hs.shape[-1]), targets.reshape(-1)).reshape(targets.shape)

    def probabilities(self, hs: Array, lengths: Array | None) -> Array:
        """The probability of each label at each place (N, T, K); nothing is recorded."""
        return softmax_forward(self._scores(hs))[0]

    def best(self, hs: Array, lengths: Array | None) -> Array:
        """The most probable labels (N, T), -1 behind a row's length; nothing is recorded."""
        found = self._scores(hs).argmax(-1)
        return found if lengths is None else np.where(within(lengths, hs.shape[1]), found, -1)

    def _scores(self, hs):
        return self.logits(hs.reshape(-1, hs.shape[-1])).reshape(*hs.shape[:2], -1)


class CRFLabels(Linear):
    """A linear chain on top of the scores of the words: each step from a label to the next has a score too (see kernels.crf).

    Source: Lafferty, McCallum and Pereira 2001; Huang, Xu and Yu 2015.
    """

    def __init__(self, size: int, labels: int, *, rng: np.random.Generator, dtype=np.float32):
        super().__init__(size, labels, rng=rng, dtype=dtype)
        self.A, self.start, self.end = zeros((labels, labels), dtype), zeros(labels, dtype), zeros(labels, dtype)

    def training_loss(self, hs: Tensor, targets: Array, lengths: Array | None) -> Tensor:
        """The mean loss of the labels that are known: that of their sequences, shared out."""
        return ops.crf(self(hs), self.A, self.start, self.end, targets, lengths)

    def label_losses(self, hs: Array, targets: Array, lengths: Array | None) -> Array:
        """The loss of each row's labels together (N,); nothing is recorded."""
        ((_, log_z), (_, log_known)), _ = crf_losses(*self._chain(hs), targets, lengths)
        return log_z - log_known

    def probabilities(self, hs: Array, lengths: Array | None) -> Array:
        """The probability of each label at each place (N, T, K), whatever the others are; nothing is recorded."""
        return crf_marginals(*self._chain(hs), lengths)

    def best(self, hs: Array, lengths: Array | None) -> Array:
        """The labels that are most probable together (N, T), -1 behind a row's length; nothing is recorded."""
        return crf_best(*self._chain(hs), lengths)

    def _chain(self, hs) -> tuple[Array, Array, Array, Array]:
        """Emissions, steps, start and end, as arrays."""
        e = self.apply(hs.reshape(-1, hs.shape[-1])).reshape(*hs.shape[:2], -1)
        return e, self.A.data, self.start.data, self.end.data


LABELS: dict[str, type[SoftmaxLabels] | type[CRFLabels]] = {"softmax": SoftmaxLabels, "crf": CRFLabels}


def make_labels(name: str, size: int, labels: int, *, rng: np.random.Generator, dtype=np.float32) -> SoftmaxLabels | CRFLabels:
    """The output layer called ``name`` for states of length ``size`` and so many labels.  ConfigError: there is no such."""
    check_choice("output", name, LABELS)
    return LABELS[name](size, labels, rng=rng, dtype=dtype)
