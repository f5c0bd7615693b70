"""Short vectors from a large sparse matrix: its leading singular vectors, by randomised block Krylov iteration.

    A = U S Vt,    W = U S^p (the words),    C = V S^p (the contexts),    p from 0 to 1

A block of random combinations of the columns, X = A R, is multiplied by A At again and again; every block is made
orthogonal to the ones before and kept.  In the space Q that all blocks span, the small matrix Qt A At Q = E L Et gives
U = Q E and S^2 = L.  Keeping the blocks is what makes it exact: the spectrum of a PPMI matrix is so flat that the plain
power iteration, which keeps only the last block, is several percent off at the same cost (docs/counting.md).

Sources: Halko, Martinsson and Tropp 2011; Musco and Musco 2015 (the Krylov form); Levy, Goldberg and Dagan 2015 (p and
W + C).
"""
import numpy as np

from tsuzuri.errors import ConfigError, DataError, check_choice
from tsuzuri.kernels.sparse import sparse_product

BLOCK = 16                                                   # columns multiplied at a time: a row of x fills a cache line
CONTEXTS = ("none", "add")


def svd_vectors(matrix, size: int = 100, *, exponent: float = 0.25, contexts: str = "none",
                rng: np.random.Generator) -> np.ndarray:
    """matrix, scipy CSR (V, V) of associations -> (V, size) float32, a vector for each row.

    exponent: the power p of the singular values.  contexts: "none" for W, "add" for W + C.
    ConfigError: a setting that does not fit.  DataError: the matrix is empty.
    """
    if not 0 <= exponent <= 1:
        raise ConfigError(f"exponent {exponent} does not fit; it is a power of the singular values from 0 to 1")
    check_choice("contexts", contexts, CONTEXTS)
    U, S, Vt = truncated_svd(matrix.astype(np.float32), size, rng)
    scale = np.where(S / S[0] > 1e-5, S ** exponent, 0)      # a direction that the matrix does not have gives zeros
    return np.ascontiguousarray((U + Vt.T if contexts == "add" else U) * scale, np.float32)


def truncated_svd(matrix, size: int, rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """matrix, scipy CSR (M, N) -> U (M, size), S (size,) falling, Vt (size, N), in the dtype of the matrix.

    Of each column of U the entry farthest from zero is positive, so that one seed gives one result.
    """
    M, N = matrix.shape
    if not 1 <= size <= min(M, N):
        raise ConfigError(f"size {size} does not fit; the matrix has {M} rows and {N} columns, so vectors have from 1 to "
                          f"{min(M, N)} numbers")
    if not matrix.nnz:
        raise DataError("the matrix of associations is empty: no two words stand together more often than chance; give "
                        "more text or a smaller shift")
    from threadpoolctl import threadpool_limits
    turned = matrix.T.tocsr()
    # One thread for BLAS: the same bytes on any machine's number of cores.  The sparse products are on all threads.
    with threadpool_limits(1, user_api="blas"):
        U = _left_vectors(matrix, turned, size, rng)
    V = _times(turned, U)
    S = np.linalg.norm(V, axis=0)
    order = np.argsort(-S, kind="stable")
    U, V, S = U[:, order], V[:, order], S[order]
    signs = np.sign(U[np.abs(U).argmax(0), np.arange(size)])
    return U * signs, S, (V * signs / np.where(S > 0, S, 1)).T


def _left_vectors(matrix, turned, size, rng):
    """U (M, size)."""
    M, N = matrix.shape
    width = min(M, 4 * size + 100)                           # of the Krylov space: singular values to about 1e-3
    Q = np.zeros((M, width), matrix.dtype, order="F")
    small = np.zeros((width, width))
    block = _times(matrix, rng.standard_normal((N, BLOCK)).astype(matrix.dtype))
    for start in range(0, width, BLOCK):
        stop = min(start + BLOCK, width)
        Q[:, start:stop] = _orthonormal(block[:, :stop - start], Q[:, :start], rng)
        block = _times(matrix, _times(turned, Q[:, start:stop]))
        small[:stop, start:stop] = Q[:, :stop].T @ block
    E = np.linalg.eigh(small, UPLO="U")[1][:, :-size - 1:-1]
    return Q @ E.astype(matrix.dtype)


def _orthonormal(block, Q, rng):
    """Orthonormal columns, orthogonal to those of Q, that span what ``block`` adds to them.

    Where it adds too little, a trace of noise decides; without it a column of zeros would stay one.
    """
    noise = np.finfo(block.dtype).eps * (np.abs(block).max() or 1)
    block = block + noise * rng.standard_normal(block.shape).astype(block.dtype)
    for _ in range(3):                                       # two rounds leave rounding where only noise was new
        block = block - Q @ (Q.T @ block)
        block = np.linalg.qr(block)[0]
    return block


def _times(matrix, x):
    return sparse_product(matrix.data, matrix.indices, matrix.indptr, np.ascontiguousarray(x))
