"""Exact search for the nearest rows, block by block, without a normalised copy of the vectors.

cos(q, x) = q.x / (|q| |x|): the product is taken with the rows as they are and then multiplied by 1/|x|, of which one
number a row is kept.  A row of zeros has the cosine 0 with everything.
"""
from collections.abc import Iterator, Sequence

import numpy as np

from tsuzuri.errors import DataError

BLOCK = 1 << 22                                              # elements of which a copy is made at a time
WIDE = 1 << 26                                               # elements that are multiplied at a time: BLAS is slower on fewer


def blocks(vectors: np.ndarray, elements: int | None = None) -> Iterator[slice]:
    """The rows in runs of about so many elements (None: ``BLOCK``)."""
    step = max(1, (elements or BLOCK) // max(vectors.shape[1], 1))
    return (slice(start, start + step) for start in range(0, len(vectors), step))


def working(block: np.ndarray) -> np.ndarray:
    """``block`` in a type that BLAS multiplies: float16 becomes float32."""
    return block.astype(np.float32) if block.dtype == np.float16 else block


def inverse_norms(vectors: np.ndarray) -> np.ndarray:
    """1/|x| of every row x (V), 0 for a row of zeros.  DataError: a row has a NaN or an infinite number."""
    scales = np.empty(len(vectors), np.float64 if vectors.dtype == np.float64 else np.float32)
    for rows in blocks(vectors):
        block = working(vectors[rows])
        with np.errstate(over="ignore", under="ignore", invalid="ignore"):
            squares = np.einsum("ij,ij->i", block, block).astype(np.float64)
            odd = ~((squares > 1e-30) & (squares < 1e30))    # beyond them float32 has lost digits, or everything
            squares[odd] = np.square(block[odd].astype(np.float64)).sum(axis=1)
        if not np.isfinite(squares).all():
            row = rows.start + int(np.isfinite(squares).argmin())
            raise DataError(f"row {row + 1:,} of the vectors has a number that is NaN or infinite; train again or get a whole "
                            "copy")
        scales[rows] = invert(np.sqrt(squares))
    return scales


def invert(norms: np.ndarray) -> np.ndarray:
    """1/n, and 0 for 0."""
    return np.divide(1.0, norms, out=np.zeros_like(norms), where=norms > 0)


def unit(vector: np.ndarray) -> np.ndarray:
    """``vector`` at length 1, in float64; zeros stay zeros."""
    wide = np.asarray(vector, np.float64)
    largest = np.abs(wide).max(initial=0)
    if not np.isfinite(largest):
        raise DataError("the vector has a number that is NaN or infinite; give one of finite numbers")
    if largest == 0:
        return wide
    wide = wide / largest                                    # so that no square overflows
    return wide / np.sqrt((wide * wide).sum())


def score_blocks(vectors: np.ndarray, scales: np.ndarray | None, query: np.ndarray) -> Iterator[tuple[int, np.ndarray]]:
    """(first row, x.query * scale for the rows x of a block), block by block; ``query`` (D) or (D, Q)."""
    query = query.astype(np.float32 if vectors.dtype == np.float16 else vectors.dtype)
    for rows in blocks(vectors, None if vectors.dtype == np.float16 else WIDE):
        scores = working(vectors[rows]) @ query
        if scales is not None:
            scores *= scales[rows] if query.ndim == 1 else scales[rows, None]
        yield rows.start, scores


def top_rows(scored: Iterator[tuple[int, np.ndarray]], topn: int, without: Sequence[int] = ()) -> list[tuple[int, float]]:
    """The ``topn`` rows with the highest scores, highest first, equals in the order of rows; never those in ``without``."""
    rows, best = np.empty(0, np.int64), np.empty(0)
    floor = -np.inf
    left_out = np.asarray(without, np.int64)
    for start, scores in scored:
        here = left_out[(left_out >= start) & (left_out < start + len(scores))]
        scores[here - start] = -np.inf
        found = np.flatnonzero(scores > floor)
        if not len(found):
            continue
        found = found[highest(scores[found], topn)]
        rows, best = np.append(rows, start + found), np.append(best, scores[found])
        keep = highest(best, topn)
        rows, best = rows[keep], best[keep]
        floor = best[-1] if len(best) == topn else -np.inf
    return list(zip(rows.tolist(), best.tolist(), strict=True))


def highest(scores: np.ndarray, count: int) -> np.ndarray:
    """Where the ``count`` highest scores stand, highest first, equals in their order."""
    if len(scores) > count:
        found = np.flatnonzero(scores >= np.partition(scores, -count)[-count])
    else:
        found = np.arange(len(scores))
    return found[np.argsort(-scores[found], kind="stable")][:count]
