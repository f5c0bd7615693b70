"""Ops that reduce an array along axes."""
from math import prod

from tsuzuri.array import module_of
from tsuzuri.tensor import Op


class Sum(Op):
    """y = the sum over ``axis`` (None: over all).    dx = dy, spread out"""

    def __init__(self, axis=None, keepdims=False):
        self.axis, self.keepdims = axis, keepdims

    def forward(self, x):
        self.saved = x.shape
        return module_of(x).asarray(x.sum(axis=self.axis, keepdims=self.keepdims))

    def backward(self, dy):
        return spread(dy, self.saved, self.axis, self.keepdims)


class Mean(Op):
    """y = the mean over ``axis`` (None: over all).    dx = dy / count, spread out"""

    def __init__(self, axis=None, keepdims=False):
        self.axis, self.keepdims = axis, keepdims

    def forward(self, x):
        y = module_of(x).asarray(x.mean(axis=self.axis, keepdims=self.keepdims))
        self.saved = x.shape, prod(x.shape) // max(prod(y.shape), 1)
        return y

    def backward(self, dy):
        shape, count = self.saved
        return spread(dy / max(count, 1), shape, self.axis, self.keepdims)


class Max(Op):
    """y = the largest over ``axis`` (None: over all).    dx = dy at the largest, shared where several are equal"""

    def __init__(self, axis=None, keepdims=False):
        self.axis, self.keepdims = axis, keepdims

    def forward(self, x):
        top = x.max(axis=self.axis, keepdims=True)
        at = x == top
        self.saved = x.shape, at, at.sum(axis=self.axis, keepdims=True)
        return module_of(x).asarray(top if self.keepdims else x.max(axis=self.axis))

    def backward(self, dy):
        shape, at, ties = self.saved
        return (spread(dy, shape, self.axis, self.keepdims) * at / ties).astype(dy.dtype, copy=False)


def spread(dy, shape, axis, keepdims):
    """Undo a reduction: ``dy`` broadcast back to ``shape`` (a read-only view)."""
    if axis is not None and not keepdims:
        axes = {a % len(shape) for a in (axis if isinstance(axis, tuple) else (axis,))}
        dy = dy.reshape([1 if k in axes else size for k, size in enumerate(shape)])
    return module_of(dy).broadcast_to(dy, shape)
