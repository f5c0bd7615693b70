"""Batches for truncated back-propagation through time: N rows, each with its own contiguous part of a corpus.

    ids       0 1 2 3 4 5 6 7 8 9 10      batch_size 2, bptt 3: rows of (11 - 1) // 2 = 5 tokens, 2 windows

    inputs    0 1 2 | 3 4                 targets   1 2 3 | 4 5
              5 6 7 | 8 9                           6 7 8 | 9 10

The recurrent state after window k is the state before window k + 1, so it is carried over.
"""
import operator

import numpy as np

from tsuzuri.errors import ConfigError, DataError


class BPTTBatches:
    """A sequence of (inputs (N, T), targets (N, T)), int64 and C-contiguous; the last window may be shorter.

    ``ids`` is an array of token ids or a memory map, which is never copied as a whole.  Any window can be
    asked for by its number, so that a resumed training starts where the killed one stood.  A row shorter than
    ``bptt`` is one window; the up to N - 1 tokens that do not fill the rows are left out.
    DataError: fewer than ``batch_size`` + 1 tokens.  ConfigError: a size below 1.
    """

    def __init__(self, ids: np.ndarray, batch_size: int, bptt: int):
        for name, size in (("batch size", batch_size), ("bptt", bptt)):
            if size < 1:
                raise ConfigError(f"{name} {size} does not fit; it is a number of tokens from 1")
        self.row_length = (len(ids) - 1) // batch_size
        if self.row_length < 1:
            raise DataError(_too_short(len(ids), batch_size, bptt))
        self.batch_size, self.bptt = batch_size, bptt
        used = batch_size * self.row_length
        self._inputs = ids[:used].reshape(batch_size, -1)       # a view: a slice reads its own pages only
        self._targets = ids[1:used + 1].reshape(batch_size, -1)

    def __len__(self) -> int:
        return -(-self.row_length // self.bptt)

    @property
    def tokens(self) -> int:
        """How many tokens one pass predicts."""
        return self.batch_size * self.row_length

    def __getitem__(self, k: int) -> tuple[np.ndarray, np.ndarray]:
        k = operator.index(k)
        if not -len(self) <= k < len(self):
            raise IndexError(f"window {k} of {len(self)}")
        start = k % len(self) * self.bptt
        window = slice(start, start + self.bptt)
        return _ids(self._inputs[:, window]), _ids(self._targets[:, window])


def _ids(window: np.ndarray) -> np.ndarray:
    return np.array(window, dtype=np.int64, order="C", subok=False)


def _too_short(tokens: int, batch_size: int, bptt: int) -> str:
    given = f"a corpus of {tokens} tokens is too short for batch size {batch_size} x bptt {bptt}"
    if tokens < 2:
        return f"{given}; it takes at least 2 tokens to predict one, so give more text"
    widest = max(1, (tokens - 1) // bptt)
    return (f"{given}; the largest that fits is batch size {widest} x bptt {min(bptt, tokens - 1)}, "
            "so take that or give more text")
