"""GloVe: word vectors fitted to the logarithms of counts (Pennington, Socher and Manning 2014).

Training is a generator, one event an epoch.  The counts are dealt into 16 x 16 blocks by the remainders of their row and
column, once, in a random order within each block.  A round takes 16 blocks that share no row and no column; the 16
rounds of an epoch come in a random order.  How many threads share a round changes nothing in the result.
"""
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from tsuzuri.errors import ConfigError, DataError, TrainingError
from tsuzuri.kernels.glove import glove_blocks

SIDE = 16                                                    # blocks along a side: the most threads that help


@dataclass(frozen=True)
class Epoch:
    """After an epoch: its number from 1, the mean of f e^2 / 2 over the counts, and the vectors (V, D) so far."""

    epoch: int
    loss: float
    vectors: np.ndarray


def train_glove(counts, size: int = 100, epochs: int = 25, *, rng: np.random.Generator, x_max: float = 10.0,
                alpha: float = 0.75, rate: float = 0.05, dtype: str = "float32") -> Iterator[Epoch]:
    """Fit vectors to counts, scipy CSR (V, V), usually of 1/distance weights; yields an Epoch after each pass.

    The vectors are W + C.  x_max is the count from which on all weigh the same; the paper's 100 is for billions of words.
    ConfigError: a setting that does not fit.  DataError: no counts.  TrainingError: the loss is no longer a number.
    """
    _check(counts, size, epochs, x_max, alpha, rate)
    rows, columns, values, bounds = _deal(counts, rng)
    logs, weights = np.log(values).astype(dtype), np.minimum(1, (values / x_max) ** alpha).astype(dtype)
    words, contexts = (_start(len_, size, rng, dtype) for len_ in counts.shape)
    word_squares, context_squares = np.ones_like(words), np.ones_like(contexts)
    for epoch in range(1, epochs + 1):
        loss = 0.0
        for diagonal in rng.permutation(SIDE):
            loss += glove_blocks(words, contexts, word_squares, context_squares, rows, columns, logs, weights,
                                 bounds[diagonal], rate)
        if not np.isfinite(loss):
            raise TrainingError(f"the loss of epoch {epoch} is {loss}; train with a smaller rate (now {rate:g})")
        yield Epoch(epoch, loss / len(values), words[:, :-1] + contexts[:, :-1])


def _check(counts, size, epochs, x_max, alpha, rate):
    for name, value in (("size", size), ("epochs", epochs)):
        if value < 1:
            raise ConfigError(f"{name} {value} does not fit; it is a whole number from 1")
    for name, value in (("x_max", x_max), ("rate", rate)):
        if not value > 0:
            raise ConfigError(f"{name} {value} does not fit; it is a number above 0")
    if not 0 <= alpha <= 1:
        raise ConfigError(f"alpha {alpha} does not fit; it is a power from 0 to 1, 0.75 as usual")
    if not counts.nnz:
        raise DataError("there are no counts to fit vectors to; give more text")


def _start(V, size, rng, dtype):
    """(V, size + 1) small random numbers, biases last."""
    return ((rng.random((V, size + 1)) - 0.5) / size).astype(dtype)


def _deal(counts, rng):
    """rows, columns, values (R,) in the order of blocks; bounds (SIDE, SIDE, 2): start and stop of the blocks of each
    diagonal, which share no row and no column."""
    rows = np.repeat(np.arange(counts.shape[0], dtype=np.int32), np.diff(counts.indptr))
    block = (counts.indices - rows) % SIDE * SIDE + rows % SIDE
    order = rng.permutation(len(rows)).astype(np.int32 if len(rows) < 1 << 31 else np.int64)
    order = order[np.argsort(block[order].astype(np.uint8), kind="stable")]
    starts = np.concatenate([[0], np.cumsum(np.bincount(block, minlength=SIDE * SIDE))])
    bounds = np.stack([starts[:-1], starts[1:]], axis=1).reshape(SIDE, SIDE, 2)
    return rows[order], counts.indices[order], counts.data[order], bounds
