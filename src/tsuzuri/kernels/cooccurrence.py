"""Which word stands how often before which: counts of pairs of neighbours, as the three arrays of a sparse matrix.

Every pair of words that stand at most ``w`` places apart in a line is met once, at the later of the two; counts to the
other side are the transpose.  A pair at distance d adds a whole number ``weights[d - 1]``: sums of whole numbers are
exact and the same in any order, so neither blocks nor threads can change a result, whatever the weights stand for.
"""
from tsuzuri.array import module_of
from tsuzuri.kernels.inner import inner


@inner
def count_before(ids, first, weights, V):
    """ids (T,) from 0 to V - 1, or -1 at the end of a line; weights (w,) int64 for the distances 1 to w
    -> indptr (V + 1,) int64, columns (R,) int32 and sums (R,) int64 of a (V, V) matrix in compressed rows, sorted.

    Row r, column c: the weights of all places before a word r where c stands; only the words from place ``first`` on
    are looked back from.
    """
    xp = module_of(ids, weights)
    line = xp.cumsum(ids < 0)
    keys, values = [xp.zeros(0, xp.int64)], [xp.zeros(0, xp.int64)]
    for d in range(1, min(len(weights), len(ids) - 1) + 1):
        here, before = ids[d:], ids[:-d]
        met = (line[d:] == line[:-d]) & (here >= 0) & (before >= 0)
        met[:max(first - d, 0)] = False
        keys.append(here[met].astype(xp.int64) * V + before[met])
        values.append(xp.full(len(keys[-1]), weights[d - 1]))
    distinct, place = xp.unique(xp.concatenate(keys), return_inverse=True)
    sums = xp.zeros(len(distinct), xp.int64)
    xp.add.at(sums, place.reshape(-1), xp.concatenate(values))
    indptr = xp.searchsorted(distinct, xp.arange(V + 1) * V)
    return indptr, (distinct % V).astype(xp.int32), sums
