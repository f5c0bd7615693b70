"""Pooling by the largest number, compiled: a line of channels at a time, so that the compiler has vectors to compare."""
import numba

from tsuzuri.kernels.compiled.vector import loop, spread_loop


@spread_loop
def largest(x, size, y, first):
    for n in numba.prange(len(y)):
        _picture(x[n], size, y[n], first[n])


@loop
def _picture(x, size, y, first):
    height, width, C = y.shape
    for i in range(height):
        for j in range(width):
            for c in range(C):
                y[i, j, c] = x[size * i, size * j, c]
                first[i, j, c] = 0
            for m in range(1, size * size):
                _compare(x[size * i + m // size, size * j + m % size], y[i, j], first[i, j], m)


@loop
def _compare(row, best, first, m):
    for c in range(row.size):
        larger = row[c] > best[c]
        best[c] = row[c] if larger else best[c]
        first[c] = m if larger else first[c]


@spread_loop
def largest_back(dy, size, first, dx):
    for n in numba.prange(len(dx)):
        _picture_back(dy[n], size, first[n], dx[n])


@loop
def _picture_back(dy, size, first, dx):
    height, width, _ = dy.shape
    if dx.shape[0] > height * size or dx.shape[1] > width * size:
        dx[:] = 0
    for i in range(height):
        for j in range(width):
            for m in range(size * size):
                _give(dy[i, j], first[i, j], m, dx[size * i + m // size, size * j + m % size])


@loop
def _give(d, first, m, dx):
    for c in range(d.size):
        dx[c] = d[c] if first[c] == m else 0
