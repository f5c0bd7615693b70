"""A sparse matrix in compressed rows times a dense one.

    y[r] = the sum of data[k] x[columns[k]] over the entries k of row r, in their order
"""
from tsuzuri.array import module_of
from tsuzuri.kernels.inner import inner


@inner
def sparse_product(data, columns, indptr, x):
    """data, columns (R,), indptr (M + 1,) of an (M, N) matrix, x (N, D) -> y (M, D)."""
    xp = module_of(data, columns, indptr, x)
    y = xp.zeros((len(indptr) - 1, x.shape[1]), x.dtype)
    for r in range(len(y)):
        row = slice(int(indptr[r]), int(indptr[r + 1]))
        y[r] = data[row] @ x[columns[row]]
    return y
