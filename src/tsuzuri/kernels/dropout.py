"""Dropout: each element is dropped with probability p, the rest divided by 1 - p.

    y = x * m / (1 - p),  m = 0 or 1                dx = dy * m / (1 - p)

No mask is kept.  Whether element k stays is a hash of k and of one key drawn from the Generator, so the backward pass
asks the hash again.  The hash is the output function of SplitMix64 (Steele, Lea and Flood 2014).

Variational dropout is the same with one decision for all time steps of a row.
Source: Srivastava et al. 2014; variational: Gal and Ghahramani 2016.
"""
import math

import numpy as np

from tsuzuri.array import module_of
from tsuzuri.kernels.inner import inner

_GOLDEN, _MIX1, _MIX2 = 0x9E3779B97F4A7C15, 0xBF58476D1CE4E5B9, 0x94D049BB133111EB


def draw_key(rng):
    """A key for one mask."""
    return np.uint64(rng.integers(1 << 63))


def dropout(x, p, key):
    """x of any shape, masked and scaled; the gradient is the same function of dy."""
    return keep_or_drop(module_of(x).ascontiguousarray(x).reshape(-1), p, key).reshape(x.shape)


def variational_dropout(x, p, key):
    """x (N, T, D): one mask (N, 1, D) for all steps; the gradient is the same function of dy."""
    return x * dropout_mask(x, (x.shape[0], 1, x.shape[2]), p, key)


def dropout_mask(like, shape, p, key):
    """Zeros with probability p, the rest 1 / (1 - p), on the device of ``like`` and of its dtype."""
    return keep_or_drop(module_of(like).ones(math.prod(shape), like.dtype), p, key).reshape(shape)


@inner
def keep_or_drop(x, p, key):
    """x (K,) -> x / (1 - p) where the hash of (k, key) keeps element k, else 0."""
    xp = module_of(x)
    z = (xp.arange(1, len(x) + 1, dtype=xp.uint64) * xp.uint64(_GOLDEN)) + xp.uint64(key)
    z = (z ^ (z >> xp.uint64(30))) * xp.uint64(_MIX1)
    z = (z ^ (z >> xp.uint64(27))) * xp.uint64(_MIX2)
    keep = ((z ^ (z >> xp.uint64(31))) >> xp.uint64(40)) >= xp.uint64(round(p * 2 ** 24))
    return x * (keep.astype(x.dtype) * x.dtype.type(1 / (1 - p)))
