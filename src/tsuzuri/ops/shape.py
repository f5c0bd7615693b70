"""Ops that move elements and compute nothing."""
from tsuzuri.array import module_of
from tsuzuri.errors import ConfigError
from tsuzuri.tensor import Op


class Reshape(Op):
    """The same elements in another shape."""

    def __init__(self, shape):
        self.shape = shape

    def forward(self, x):
        self.saved = x.shape
        return x.reshape(self.shape)

    def backward(self, dy):
        return dy.reshape(self.saved)


class Transpose(Op):
    """Axes in another order (None: reversed)."""

    def __init__(self, axes=None):
        self.axes = axes

    def forward(self, x):
        return x.transpose(self.axes)

    def backward(self, dy):
        if self.axes is None:
            return dy.transpose()
        back = [axis % dy.ndim for axis in self.axes]
        return dy.transpose([back.index(k) for k in range(dy.ndim)])


class Slice(Op):
    """y = x[key] for numbers and slices (for arrays of indices see Gather and Embedding).    dx = dy there, else zero"""

    def __init__(self, key):
        for part in key if isinstance(key, tuple) else (key,):
            if not (part is None or part is Ellipsis or isinstance(part, slice) or hasattr(part, "__index__"))\
                    or getattr(part, "ndim", 0):
                raise ConfigError(f"a tensor is indexed by numbers and slices, not by a {type(part).__name__}; "
                                  "use embedding or gather for indices in an array.")
        self.key = key

    def forward(self, x):
        self.saved = x.shape
        return module_of(x).asarray(x[self.key])

    def backward(self, dy):
        dx = module_of(dy).zeros(self.saved, dy.dtype)
        dx[self.key] = dy
        return dx


class Concatenate(Op):
    """Arrays one after the other along ``axis``."""

    def __init__(self, axis=0):
        self.axis = axis

    def forward(self, *arrays):
        self.saved = [a.shape[self.axis] for a in arrays]
        return module_of(*arrays).concatenate(arrays, axis=self.axis)

    def backward(self, dy):
        parts, start = [], 0
        for size in self.saved:
            key = [slice(None)] * dy.ndim
            key[self.axis] = slice(start, start + size)
            parts.append(dy[tuple(key)])
            start += size
        return tuple(parts)


class Stack(Op):
    """Arrays of one shape, side by side along a new ``axis``."""

    def __init__(self, axis=0):
        self.axis = axis

    def forward(self, *arrays):
        return module_of(*arrays).stack(arrays, axis=self.axis)

    def backward(self, dy):
        axis = self.axis % dy.ndim
        return tuple(dy[(slice(None),) * axis + (k,)] for k in range(dy.shape[axis]))


class Split(Op):
    """x (N, T, ...) -> T arrays (N, 1, ...).    dx is the douts side by side, zero where one was not used"""

    def forward(self, x):
        self.saved = x.shape
        return tuple(x[:, t:t + 1] for t in range(x.shape[1]))

    def backward(self, *douts):
        given = next(d for d in douts if d is not None)
        dx = module_of(given).zeros(self.saved, given.dtype)
        for t, d in enumerate(douts):
            if d is not None:
                dx[:, t:t + 1] = d
        return dx
