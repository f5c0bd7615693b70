"""Batches for truncated back-propagation through time: N rows, each with its own contiguous part of a corpus.

    ids       0 1 2 3 4 5 6 7 8 9 10      batch_size 2, bptt 3: rows of (11 - 1) // 2 = 5 tokens, 2 windows

    inputs    0 1 2 | 3 4                 targets   1 2 3 | 4 5
              5 6 7 | 8 9                           6 7 8 | 9 10

The recurrent state after window k is the state before window k + 1, so it is carried over.

WINDOWS names three ways to cut a corpus.  ``epoch(number)`` gives the windows of one pass; those that are drawn follow
from the seed and the number of the pass, so any window of any pass can be asked for, and a resumed training goes on.
"""
import operator

import numpy as np

from tsuzuri.errors import ConfigError, DataError

SHORTEST = 5                                                    # tokens of a window whose length is drawn


class BPTTBatches:
    """A sequence of (inputs (N, T), targets (N, T)), int64 and C-contiguous; the last window may be shorter.

    ``ids`` is an array of token ids or a memory map, which is never copied as a whole.  A row shorter than
    ``bptt`` is one window; the up to N - 1 tokens that do not fill the rows are left out.
    DataError: fewer than ``batch_size`` + 1 tokens.  ConfigError: a size below 1.
    """

    goes_on = True                                              # a window begins where the one before it ended

    def __init__(self, ids: np.ndarray, batch_size: int, bptt: int, seed: int = 0):
        for name, size in (("batch size", batch_size), ("bptt", bptt)):
            if size < 1:
                raise ConfigError(f"{name} {size} does not fit; it is a number of tokens from 1")
        self.row_length = (len(ids) - 1) // batch_size
        if self.row_length < 1:
            raise DataError(_too_short(len(ids), batch_size, bptt))
        self.ids, self.batch_size, self.bptt, self.seed = ids, batch_size, bptt, seed
        used = batch_size * self.row_length
        self._inputs = ids[:used].reshape(batch_size, -1)       # a view: a slice reads its own pages only
        self._targets = ids[1:used + 1].reshape(batch_size, -1)

    def __len__(self) -> int:
        return -(-self.row_length // self.bptt)

    def epoch(self, number: int) -> "BPTTBatches":
        """The windows of pass ``number``, from 1."""
        return self

    def rate(self, k: int) -> float:
        """What the learning rate is multiplied by at window k."""
        return 1.0

    @property
    def tokens(self) -> int:
        """How many tokens one pass predicts."""
        return self.batch_size * self.row_length

    def __getitem__(self, k: int) -> tuple[np.ndarray, np.ndarray]:
        window = self._window(self._number(k))
        return _ids(self._inputs[:, window]), _ids(self._targets[:, window])

    def _number(self, k):
        """The window's number from 0; k may be below 0, to count from the end."""
        k = operator.index(k)
        if not -len(self) <= k < len(self):
            raise IndexError(f"window {k} of {len(self)}")
        return k % len(self)

    def _window(self, k):
        return slice(k * self.bptt, (k + 1) * self.bptt)


class VariedBPTT(BPTTBatches):
    """Windows of drawn lengths: about ``bptt``, in one case of twenty about half of it, with a deviation of 5 and 5 at least.

    So a token does not stand at the same place of a window in every pass.  The learning rate of a window is in proportion to
    its length.  Source: Merity, Keskar and Socher 2018.
    """

    def __init__(self, ids: np.ndarray, batch_size: int, bptt: int, seed: int = 0, number: int = 1):
        super().__init__(ids, batch_size, bptt, seed)
        self.cuts = self._draw(np.random.default_rng([seed, 2, number]))

    def _draw(self, rng):
        most = self.row_length // SHORTEST + 1
        about = np.where(rng.random(most) < 0.95, self.bptt, self.bptt / 2)
        ends = np.maximum(SHORTEST, rng.normal(about, 5).astype(np.int64)).cumsum()
        return np.concatenate([[0], ends[ends < self.row_length], [self.row_length]])

    def epoch(self, number):
        return VariedBPTT(self.ids, self.batch_size, self.bptt, self.seed, number)

    def rate(self, k):
        return float(self.cuts[k + 1] - self.cuts[k]) / self.bptt

    def __len__(self):
        return len(self.cuts) - 1

    def _window(self, k):
        return slice(self.cuts[k], self.cuts[k + 1])


class RandomWindows(BPTTBatches):
    """Windows of ``bptt`` tokens from anywhere, each row on its own, for models that carry no state; a pass has as many as fill
    the corpus."""

    goes_on = False

    def __init__(self, ids: np.ndarray, batch_size: int, bptt: int, seed: int = 0, number: int = 1):
        super().__init__(ids, batch_size, min(bptt, max(len(ids) - 1, 1)), seed)
        self.number = number

    @property
    def tokens(self):
        return len(self) * self.batch_size * self.bptt

    def epoch(self, number):
        return RandomWindows(self.ids, self.batch_size, self.bptt, self.seed, number)

    def __getitem__(self, k):
        k = self._number(k)
        starts = np.random.default_rng([self.seed, 3, self.number, k]).integers(len(self.ids) - self.bptt, size=self.batch_size)
        window = _ids(self.ids[starts[:, None] + np.arange(self.bptt + 1)])
        return window[:, :-1].copy(), window[:, 1:].copy()


WINDOWS = {"even": BPTTBatches, "varied": VariedBPTT, "random": RandomWindows}


def _ids(window: np.ndarray) -> np.ndarray:
    return np.array(window, dtype=np.int64, order="C", subok=False)


def _too_short(tokens: int, batch_size: int, bptt: int) -> str:
    given = f"a corpus of {tokens} tokens is too short for batch size {batch_size} x bptt {bptt}"
    if tokens < 2:
        return f"{given}; it takes at least 2 tokens to predict one, so give more text"
    widest = max(1, (tokens - 1) // bptt)
    return (f"{given}; the largest that fits is batch size {widest} x bptt {min(bptt, tokens - 1)}, "
            "so take that or give more text")
