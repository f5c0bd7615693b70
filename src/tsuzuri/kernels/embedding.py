"""Rows of a table, and the row-sparse gradient of taking them.

    y[...] = W[ids[...]]            dW[v] = the sum of dy over the places where ids is v; the other rows are zero

The gradient is kept as (distinct ids, their rows): its cost follows the tokens of the batch, not the vocabulary.
"""
from tsuzuri.array import module_of
from tsuzuri.errors import DataError
from tsuzuri.kernels.inner import inner


def embedding_forward(W, ids):
    """W (V, D), ids (...) -> (..., D).  (N, T) ids give a view of (T, N, D): the order in which recurrent layers read."""
    if ids.size:
        low, high = (int(ids.min()), int(ids.max())) if ids.size > 1 else (ids.item(), ids.item())  # quicker, for a step of one row
        if low < 0 or high >= len(W):
            raise DataError(f"id {high if high >= len(W) else low} is not a row of a table of {len(W)} rows.")
    return W[ids.T].swapaxes(0, 1) if ids.ndim == 2 else W[ids]


def sum_rows(ids, rows):
    """ids (R,), rows (R, ...) -> the distinct ids in order, and the sum of the rows of each."""
    xp = module_of(ids, rows)
    distinct, place = xp.unique(ids, return_inverse=True)
    sums = xp.zeros((len(distinct), *rows.shape[1:]), rows.dtype)
    add_rows(sums, place.reshape(-1), rows)
    return distinct, sums


@inner
def add_rows(table, ids, rows):
    """table[ids[r]] += rows[r] for every r, ids that come twice included."""
    module_of(table).add.at(table, ids, rows)
