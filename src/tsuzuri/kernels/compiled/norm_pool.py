"""The passes of ``kernels.norm_pool``, compiled.  The largest z comes from the largest x, or from the smallest where the gain is below 0.

The channels are few, so that a loop over them is short: where they fill whole vectors these are taken by hand, which is five times as
quick.  Sums are taken picture by picture, and the pictures' in float64.
"""
import numba
import numpy as np

from tsuzuri.kernels.compiled.lanes import BYTES, larger_than, load, magnitude, spread, store, where_negative
from tsuzuri.kernels.compiled.vector import loop, spread_loop


def largest_normalised(x, size, mean, scale, gain, bias, y, n, first):
    sign = np.where(gain < 0, -1, 1).astype(x.dtype)
    _largest(x, size, mean, scale, gain, bias, sign, y, n, first)


@spread_loop
def _largest(x, size, mean, scale, gain, bias, sign, y, n, first):
    for k in numba.prange(len(y)):
        _picture(x[k], size, mean, scale, gain, bias, sign, y[k], n[k], first[k])


@loop
def _picture(x, size, mean, scale, gain, bias, sign, y, n, first):
    height, width, C = y.shape
    lanes = BYTES // x.itemsize
    flat, out, out_n, place = x.reshape(x.size), y.reshape(y.size), n.reshape(n.size), first.reshape(first.size)
    for i in range(height):
        for j in range(width):
            left, at = (size * i * x.shape[1] + size * j) * C, (i * width + j) * C
            c = 0
            while c + lanes <= C:
                _window(flat, left + c, x.shape[1] * C, C, size, mean, scale, gain, bias, sign, c, out, out_n, place, at + c)
                c += lanes
            while c < C:
                _one_window(flat, left + c, x.shape[1] * C, C, size, mean[c], scale[c], gain[c], bias[c], sign[c], out, out_n, place, at + c)
                c += 1


@loop
def _window(x, left, line, C, size, mean, scale, gain, bias, sign, c, y, n, place, at):
    """One window of as many channels as a vector has."""
    sign_c = load(sign, c)
    best, which = load(x, left) * sign_c, spread(x.dtype.type(0))
    for m in range(1, size * size):
        value = load(x, left + m // size * line + m % size * C) * sign_c
        which = where_negative(best - value, spread(x.dtype.type(m)), which)
        best = where_negative(best - value, value, best)
    normal = (best * sign_c - load(mean, c)) * load(scale, c)
    store(n, at, normal)
    store(y, at, larger_than(normal * load(gain, c) + load(bias, c), x.dtype.type(0)))
    store(place, at, which)


@loop
def _one_window(x, left, line, C, size, mean, scale, gain, bias, sign, y, n, place, at):
    """One window of one channel."""
    best, which = x[left] * sign, 0
    for m in range(1, size * size):
        value = x[left + m // size * line + m % size * C] * sign
        if value > best:
            best, which = value, m
    n[at] = (best * sign - mean) * scale
    y[at] = max(n[at] * gain + bias, x.dtype.type(0))
    place[at] = which


def largest_normalised_back(x, dy, size, mean, scale, factor, y, n, first, moved, dx):
    sums = np.zeros((len(x), 2, x.shape[3]), x.dtype)
    _sums(y, n, dy, sums)
    dgain, dbias = sums.sum(0, dtype=np.float64).astype(x.dtype)
    R = x.dtype.type(max(x.size // max(x.shape[3], 1), 1) if moved else np.inf)
    _back(x, dy, size, mean, scale, factor, y, first, dgain / R, dbias / R, dx)
    return dgain, dbias


@spread_loop
def _sums(y, n, dy, sums):
    for k in numba.prange(len(y)):
        _picture_sums(y[k], n[k], dy[k], sums[k, 0], sums[k, 1])


@loop
def _picture_sums(y, n, dy, dgain, dbias):
    height, width, C = y.shape
    for i in range(height):
        for j in range(width):
            for c in range(C):
                d = dy[i, j, c] if y[i, j, c] > 0 else 0
                dgain[c] += d * n[i, j, c]
                dbias[c] += d


@spread_loop
def _back(x, dy, size, mean, scale, factor, y, first, across, along, dx):
    for k in numba.prange(len(x)):
        _picture_back(x[k], dy[k], size, mean, scale, factor, y[k], first[k], across, along, dx[k])


@loop
def _picture_back(x, dy, size, mean, scale, factor, y, first, across, along, dx):
    (H, W, C), (height, width, _) = x.shape, dy.shape
    lanes = BYTES // x.itemsize
    flat, out, given, kept, place = x.reshape(x.size), dx.reshape(dx.size), dy.reshape(dy.size), y.reshape(y.size), first.reshape(first.size)
    for h in range(H):
        for w in range(W):
            i, j, to = h // size, w // size, (h * W + w) * C
            at = (i * width + j) * C if i < height and j < width else -1                  # -1: in no window, it moves the moments alone
            m, c = x.dtype.type(h % size * size + w % size), 0
            while c + lanes <= C:
                d = spread(x.dtype.type(0))
                if at >= 0:
                    d = where_negative(magnitude(load(place, at + c) - m) - x.dtype.type(0.5), load(given, at + c), d)
                    d = where_negative(spread(x.dtype.type(0)) - load(kept, at + c), d, spread(x.dtype.type(0)))
                rest = load(along, c) + (load(flat, to + c) - load(mean, c)) * load(scale, c) * load(across, c)
                store(out, to + c, (d - rest) * load(factor, c))
                c += lanes
            while c < C:
                one = given[at + c] if at >= 0 and place[at + c] == m and kept[at + c] > 0 else x.dtype.type(0)
                out[to + c] = (one - along[c] - (flat[to + c] - mean[c]) * scale[c] * across[c]) * factor[c]
                c += 1
