"""Batch normalisation of ``kernels.batch_norm``, compiled.

Sums over hundreds of thousands of rows are taken block by block and the blocks' in float64, so that they are exact to float32.  A
block is small enough to be read from the cache the second time, for its squares around its own mean:

    sum (x - mu)^2 = sum over the blocks of (sum (x - mu_b)^2 + R_b (mu_b - mu)^2)          Chan, Golub and LeVeque 1979
"""
import numba
import numpy as np

from tsuzuri.kernels.compiled.vector import loop, spread_loop

BLOCK = 512                                                  # rows


def channel_moments(x):
    R, C = x.shape
    blocks = max(1, -(-R // BLOCK))
    means, squares = np.zeros((blocks, C), x.dtype), np.zeros((blocks, C), x.dtype)
    _moments(x, means, squares)
    counts = np.minimum(BLOCK, R - BLOCK * np.arange(blocks)).clip(0)[:, None]
    mean = (means * counts).sum(0, dtype=np.float64) / max(R, 1)
    variance = (squares + counts * (means - mean) ** 2).sum(0, dtype=np.float64) / max(R, 1)
    return mean.astype(x.dtype), variance.astype(x.dtype)


@spread_loop
def _moments(x, means, squares):
    for b in numba.prange(len(means)):
        _block_moments(x[b * BLOCK:min(len(x), (b + 1) * BLOCK)], means[b], squares[b])


@loop
def _block_moments(x, mean, squares):
    R, C = x.shape
    for r in range(R):
        for c in range(C):
            mean[c] += x[r, c]
    for c in range(C):
        mean[c] /= x.dtype.type(max(R, 1))
    for r in range(R):
        for c in range(C):
            squares[c] += (x[r, c] - mean[c]) * (x[r, c] - mean[c])


@spread_loop
def scale_channels(x, mean, factor, bias, y):
    for r in numba.prange(len(x)):
        _scale_row(x[r], mean, factor, bias, y[r])


@loop
def _scale_row(x, mean, factor, bias, y):
    for c in range(x.size):
        y[c] = (x[c] - mean[c]) * factor[c] + bias[c]


def scale_channels_back(x, dy, mean, scale, factor, moved, dx):
    R, C = x.shape
    sums = np.zeros((max(1, -(-R // BLOCK)), 2, C), x.dtype)
    _sums_back(x, dy, mean, scale, sums)
    dgain, dbias = sums.sum(0, dtype=np.float64).astype(x.dtype)
    R = x.dtype.type(max(R, 1))
    if moved:
        _back(x, dy, mean, scale, factor, dgain / R, dbias / R, dx)
    else:
        np.multiply(dy, factor, out=dx)
    return dgain, dbias


@spread_loop
def _sums_back(x, dy, mean, scale, sums):
    for b in numba.prange(len(sums)):
        _block_sums_back(x[b * BLOCK:min(len(x), (b + 1) * BLOCK)], dy[b * BLOCK:min(len(x), (b + 1) * BLOCK)], mean, scale, sums[b, 0], sums[b, 1])


@loop
def _block_sums_back(x, dy, mean, scale, dgain, dbias):
    R, C = x.shape
    for r in range(R):
        for c in range(C):
            dgain[c] += dy[r, c] * ((x[r, c] - mean[c]) * scale[c])
            dbias[c] += dy[r, c]


@spread_loop
def _back(x, dy, mean, scale, factor, across, along, dx):
    for r in numba.prange(len(x)):
        _row_back(x[r], dy[r], mean, scale, factor, across, along, dx[r])


@loop
def _row_back(x, dy, mean, scale, factor, across, along, dx):
    for c in range(x.size):
        dx[c] = (dy[c] - along[c] - (x[c] - mean[c]) * scale[c] * across[c]) * factor[c]
