"""The products of ``kernels.conv``, compiled: no patches are made, because the register tiles read them where they overlap.

A line of a patch is one run of l C numbers, and that of the next patch begins stride C numbers later.  So for one line of y

    y[i, j] = b + sum_a run(s i + a, j) W[a]                        a product whose rows overlap in memory

and going back dW[a] is the same runs, transposed, times dy.  dx is a convolution of dy, with its numbers ``stride`` places apart,
by the filters turned around.  A picture is copied into a frame of zeros first, so that no place is an exception.  Each thread takes
pictures of its own; the gradients of the filters are added up a thread and then over the threads.
"""
import numba
import numpy as np

from tsuzuri.kernels.compiled.lanes import BYTES
from tsuzuri.kernels.compiled.tiles import add_product
from tsuzuri.kernels.compiled.vector import loop, parallel_loop


def convolve(x, W, b, stride, padding, y):
    wide, filled = _filled(y), _filled(W)
    wide[...] = _filled(b)
    _convolve(x, filled, wide, stride, padding, numba.get_num_threads())
    _empty_into(wide, y)


def convolve_back(x, W, dy, stride, padding, dx, dW, db):
    threads, d = numba.get_num_threads(), _filled(dy)
    sums, more = np.zeros((threads, *W.shape[:3], d.shape[3]), W.dtype), np.zeros((threads, d.shape[3]), W.dtype)
    _filters_back(x, d, stride, padding, sums, more, threads)
    dW[...], db[...] = sums.sum(0)[..., :W.shape[3]], more.sum(0)[:W.shape[3]]
    if dx is not None:
        wide = _filled(dx)
        wide[...] = 0
        turned = _filled(np.ascontiguousarray(W[::-1, ::-1].swapaxes(2, 3)))
        _pictures_back(dy, turned, stride, padding, wide, threads)
        _empty_into(wide, dx)


def _filled(a):
    """The array itself where its last axis fills whole vectors, else one with more numbers there, zeros."""
    lanes = BYTES // a.itemsize
    more = -a.shape[-1] % lanes
    return np.pad(a, [(0, 0)] * (a.ndim - 1) + [(0, more)]) if more else a


def _empty_into(wide, a):
    """What ``_filled`` made of ``a`` back into it."""
    if wide is not a:
        a[...] = wide[..., :a.shape[-1]]


@parallel_loop
def _convolve(x, W, y, stride, padding, threads):
    for part in numba.prange(threads):
        _pictures(x, W, y, stride, padding, len(x) * part // threads, len(x) * (part + 1) // threads)


@loop
def _pictures(x, W, y, stride, padding, first, last):
    """Adds to y, which has the bias."""
    (k, l, C, F), (_, height, width, _) = W.shape, y.shape
    H, across = x.shape[1] + 2 * padding, (x.shape[2] + 2 * padding) * C
    frame, weights, out = np.zeros(H * across, x.dtype), W.reshape(W.size), y.reshape(y.size)
    for n in range(first, last):
        _put(x[n], frame, H, across, 1, padding, padding)
        for i in range(height):
            add_product(frame, i * stride * across, stride * C, across, 1, weights, 0, l * C * F, F, k, l * C,
                        out, (n * height + i) * width * F, F, width, F)


@parallel_loop
def _filters_back(x, dy, stride, padding, dW, db, threads):
    for part in numba.prange(threads):
        _some_filters_back(x, dy, stride, padding, dW[part], db[part], len(x) * part // threads, len(x) * (part + 1) // threads)


@loop
def _some_filters_back(x, dy, stride, padding, dW, db, first, last):
    """Adds to dW and db."""
    (k, l, C, F), (_, height, width, _) = dW.shape, dy.shape
    H, across = x.shape[1] + 2 * padding, (x.shape[2] + 2 * padding) * C
    frame, given, sums = np.zeros(H * across, x.dtype), dy.reshape(dy.size), dW.reshape(dW.size)
    for n in range(first, last):
        _put(x[n], frame, H, across, 1, padding, padding)
        at = n * height * width * F
        for r in range(height * width):
            for f in range(F):
                db[f] += given[at + r * F + f]
        for a in range(k):
            add_product(frame, a * across, 1, stride * across, stride * C, given, at, width * F, F, height, width,
                        sums, a * l * C * F, F, l * C, F)


@parallel_loop
def _pictures_back(dy, W, stride, padding, dx, threads):
    for part in numba.prange(threads):
        _some_pictures_back(dy, W, stride, padding, dx, len(dx) * part // threads, len(dx) * (part + 1) // threads)


@loop
def _some_pictures_back(dy, W, stride, padding, dx, first, last):
    """Adds to dx; W (k, l, F, C) are the filters turned around."""
    (k, l, F, C), (_, height, width, _) = W.shape, dx.shape
    H, across = height + k - 1, (width + l - 1) * F
    frame, weights, out = np.zeros(H * across, dy.dtype), W.reshape(W.size), dx.reshape(dx.size)
    for n in range(first, last):
        _put(dy[n], frame, H, across, stride, k - 1 - padding, l - 1 - padding)
        for h in range(height):
            add_product(frame, h * across, F, across, 1, weights, 0, l * F * C, C, k, l * F, out, (n * height + h) * width * C, C, width, C)


@loop
def _put(x, frame, lines, across, step, top, left):
    """A picture x (H, W, C) into the frame (lines, across): line i at ``step`` i + top, column j at ``step`` j + left, if they are in it."""
    H, W, C = x.shape
    for i in range(H):
        line = step * i + top
        if 0 <= line < lines:
            for j in range(W):
                at = (step * j + left) * C
                if 0 <= at < across:
                    for c in range(C):
                        frame[line * across + at + c] = x[i, j, c]
