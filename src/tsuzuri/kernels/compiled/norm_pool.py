"""The passes of ``kernels.norm_pool``, compiled: a line of channels at a time; sums picture by picture, and the pictures' in float64."""
import numba
import numpy as np

from tsuzuri.kernels.compiled.vector import loop, spread_loop


@spread_loop
def largest_normalised(x, size, mean, scale, gain, bias, y, n, first):
    for k in numba.prange(len(y)):
        _picture(x[k], size, mean, scale, gain, bias, y[k], n[k], first[k])


@loop
def _picture(x, size, mean, scale, gain, bias, y, n, first):
    """Which place is largest is held as a number as wide as the others, or the compiler would have no vectors of both."""
    height, width, C = y.shape
    lines, row = x.reshape(x.shape[0], x.shape[1] * C), width * C
    out, out_n, out_first = y.reshape(height, row), n.reshape(height, row), first.reshape(height, row)
    best, best_n, place = np.empty(row, x.dtype), np.empty(row, x.dtype), np.empty(row, x.dtype)
    for i in range(height):
        for m in range(size * size):
            line, left = lines[size * i + m // size], m % size * C
            for at in range(0, row, C):
                if m == 0:
                    _begin(line, left, mean, scale, gain, bias, best, best_n, place, at)
                else:
                    _compare(line, left, mean, scale, gain, bias, best, best_n, place, at, x.dtype.type(m))
                left += size * C
        _end(best, best_n, place, out[i], out_n[i], out_first[i])


@loop
def _begin(line, left, mean, scale, gain, bias, best, best_n, place, at):
    for c in range(mean.size):
        normal = (line[left + c] - mean[c]) * scale[c]
        best_n[at + c] = normal
        best[at + c] = normal * gain[c] + bias[c]
        place[at + c] = 0


@loop
def _compare(line, left, mean, scale, gain, bias, best, best_n, place, at, m):
    for c in range(mean.size):
        normal = (line[left + c] - mean[c]) * scale[c]
        value = normal * gain[c] + bias[c]
        larger = value > best[at + c]
        best[at + c] = value if larger else best[at + c]
        best_n[at + c] = normal if larger else best_n[at + c]
        place[at + c] = m if larger else place[at + c]


@loop
def _end(best, best_n, place, y, n, first):
    for k in range(y.size):
        y[k] = best[k] if best[k] > 0 else best[k] * 0
        n[k] = best_n[k]
        first[k] = np.uint8(place[k])


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
    H, W, _ = x.shape
    height, width, _ = dy.shape
    for h in range(H):
        for w in range(W):
            i, j = h // size, w // size
            if i < height and j < width:
                _row_back(x[h, w], dy[i, j], mean, scale, factor, y[i, j], first[i, j], h % size * size + w % size, across, along, dx[h, w])
            else:
                _rest_back(x[h, w], mean, scale, factor, across, along, dx[h, w])


@loop
def _row_back(x, dy, mean, scale, factor, y, first, m, across, along, dx):
    for c in range(x.size):
        d = dy[c] if y[c] > 0 and first[c] == m else 0
        dx[c] = (d - along[c] - (x[c] - mean[c]) * scale[c] * across[c]) * factor[c]


@loop
def _rest_back(x, mean, scale, factor, across, along, dx):
    """A place in no window: it moves the moments alone."""
    for c in range(x.size):
        dx[c] = (-along[c] - (x[c] - mean[c]) * scale[c] * across[c]) * factor[c]
