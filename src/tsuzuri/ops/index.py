"""Ops that pick elements by index."""
from tsuzuri.array import module_of
from tsuzuri.kernels.embedding import embedding_forward
from tsuzuri.kernels.sequence import turned
from tsuzuri.sparse import RowSparse
from tsuzuri.tensor import Op


class Embedding(Op):
    """Rows of a table: y[..., :] = W[ids].    dW is row-sparse: only the rows that were taken"""

    def __init__(self, ids):
        self.ids = ids

    def forward(self, W):
        module_of(W, self.ids)
        self.saved = W.shape
        return embedding_forward(W, self.ids)

    def backward(self, dy):
        if self.ids.ndim == 2 and not dy.flags.c_contiguous:             # rows as they lie, by time: saves a copy
            return RowSparse.gather(self.ids.T, dy.swapaxes(0, 1), self.saved)
        return RowSparse.gather(self.ids, dy, self.saved)


class Gather(Op):
    """y = x with ``ids`` taken along ``axis``, as ``take_along_axis``.    dx adds dy up, repeats included"""

    def __init__(self, ids, axis=-1):
        self.ids, self.axis = ids, axis

    def forward(self, x):
        xp = module_of(x, self.ids)
        self.saved = x.shape
        return xp.take_along_axis(x, self.ids, axis=self.axis)

    def backward(self, dy):
        xp = module_of(dy)
        dx = xp.zeros(self.saved, dy.dtype)
        where = [xp.arange(size).reshape([-1 if k == axis else 1 for k in range(dy.ndim)])
                 for axis, size in enumerate(self.saved)]
        where[self.axis] = self.ids
        xp.add.at(dx, tuple(where), dy)
        return dx


class Turn(Op):
    """x (N, T, ...) with the first ``lengths`` (N,) steps of each row in reverse order.    dx is dy turned in the same way"""

    def __init__(self, lengths=None):
        self.lengths = lengths

    def forward(self, x):
        return turned(x, self.lengths)

    def backward(self, dy):
        return turned(dy, self.lengths)
