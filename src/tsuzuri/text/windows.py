"""Windows at every place of a text, each with the token after it.

    ids       0 1 2 3 4 5                 width 3: 3 windows

    inputs    0 1 2    1 2 3    2 3 4     targets   3   4   5
"""
import operator

import numpy as np

from tsuzuri.errors import ConfigError, DataError


class SlidingWindows:
    """Batches (inputs (N, width), targets (N,)), int64, of the windows in another order in every pass.

    The order follows from the seed and the number of the pass, so any batch of any pass can be asked for.  The last batch
    may be smaller.  DataError: fewer than ``width`` + 1 tokens.  ConfigError: a size below 1.
    """

    goes_on = False

    def __init__(self, ids: np.ndarray, width: int, batch_size: int, seed: int = 0, number: int = 1):
        for name, size in (("width", width), ("batch size", batch_size)):
            if size < 1:
                raise ConfigError(f"{name} {size} does not fit; it is a number from 1")
        if len(ids) <= width:
            raise DataError(f"a text of {len(ids)} tokens is too short for windows of {width} and the token after them; take a "
                            "smaller width or give more text")
        self.ids, self.width, self.batch_size, self.seed = ids, width, batch_size, seed
        self.order = np.random.default_rng([seed, number]).permutation(len(ids) - width)

    def __len__(self) -> int:
        return -(-len(self.order) // self.batch_size)

    def epoch(self, number: int) -> "SlidingWindows":
        """The batches of pass ``number``, from 1."""
        return SlidingWindows(self.ids, self.width, self.batch_size, self.seed, number)

    def rate(self, k: int) -> float:
        """What the learning rate is multiplied by at batch k."""
        return 1.0

    def __getitem__(self, k: int) -> tuple[np.ndarray, np.ndarray]:
        if not 0 <= operator.index(k) < len(self):
            raise IndexError(f"batch {k} of {len(self)}")
        starts = self.order[k * self.batch_size:(k + 1) * self.batch_size]
        windows = self.ids[starts[:, None] + np.arange(self.width + 1)].astype(np.int64)
        return windows[:, :-1].copy(), windows[:, -1].copy()
