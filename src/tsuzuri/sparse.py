"""Row-sparse gradients: the gradient of a table of which a step read a few rows."""
from tsuzuri.array import Array, empty, module_of
from tsuzuri.kernels.embedding import sum_rows


class RowSparse:
    """The rows of a (V, ...) gradient that are not zero: ``ids`` (R,) sorted and distinct, ``rows`` (R, ...).

    Adding it to another, to a dense array, or to a table costs what it touches, not what the table holds.
    """

    __slots__ = ("ids", "rows", "shape")

    def __init__(self, ids: Array, rows: Array, shape: tuple[int, ...]):
        self.ids, self.rows, self.shape = ids, rows, shape

    @classmethod
    def gather(cls, ids: Array, rows: Array, shape: tuple[int, ...]) -> "RowSparse":
        """From rows in any order; those with the same id are added up."""
        distinct, sums = sum_rows(ids.reshape(-1), rows.reshape(-1, *shape[1:]))
        return cls(distinct, sums, shape)

    def __add__(self, other):
        if isinstance(other, RowSparse):
            xp = module_of(self.rows, other.rows)
            return RowSparse.gather(xp.concatenate([self.ids, other.ids]),
                                    xp.concatenate([self.rows, other.rows]), self.shape)
        total = empty(other, other.shape)
        total[...] = other
        total[self.ids] += self.rows
        return total

    __radd__ = __add__

    def to_dense(self) -> Array:
        """The whole (V, ...) array."""
        dense = module_of(self.rows).zeros(self.shape, self.rows.dtype)
        dense[self.ids] = self.rows
        return dense
