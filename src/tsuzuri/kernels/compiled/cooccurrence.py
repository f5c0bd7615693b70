"""Counts of pairs of neighbours, compiled, without a hash table and without sorting.

The places of each word are listed (a counting sort), and the words are walked as *columns*, in rising order.  A column
is then only ever appended to the rows of the words behind it, and a row's last entry is the one to add to when the
same pair comes again: rows come out sorted.  Each row has room for as many entries as it can get.
"""
import numpy as np

from tsuzuri.kernels.compiled.vector import loop


@loop
def count_before(ids, first, weights, V):
    starts, places = _places(ids, V)
    ends = _room(ids, first, weights.size, V)
    row_starts = ends.copy()
    columns = np.empty(ends[V], np.int32)
    sums = np.empty(ends[V], np.int64)
    for c in range(V):
        for k in range(starts[c], starts[c + 1]):
            _add_behind(ids, first, weights, c, places[k], row_starts, ends, columns, sums)
    return _close_up(row_starts, ends, columns, sums)


@loop
def _places(ids, V):
    """Where each word stands: places[starts[v]:starts[v + 1]]."""
    starts = np.zeros(V + 2, np.int64)
    for t in range(ids.size):
        if ids[t] >= 0:
            starts[ids[t] + 2] += 1
    starts = np.cumsum(starts)
    places = np.empty(starts[V + 1], np.int32)
    for t in range(ids.size):
        if ids[t] >= 0:
            places[starts[ids[t] + 1]] = t
            starts[ids[t] + 1] += 1
    return starts, places


@loop
def _room(ids, first, w, V):
    """Starts of the rows when each has room for w entries a place, at most V."""
    starts = np.zeros(V + 1, np.int64)
    for t in range(first, ids.size):
        if ids[t] >= 0:
            starts[ids[t] + 1] += w
    for v in range(1, V + 1):
        starts[v] = starts[v - 1] + min(starts[v], V)
    return starts


@loop
def _add_behind(ids, first, weights, c, t, row_starts, ends, columns, sums):
    """Add the word c at place t to the rows of the words behind it in its line."""
    for d in range(1, min(weights.size, ids.size - 1 - t) + 1):
        r = ids[t + d]
        if r < 0:
            break
        if t + d < first:
            continue
        end = ends[r]
        if end > row_starts[r] and columns[end - 1] == c:
            sums[end - 1] += weights[d - 1]
        else:
            columns[end], sums[end] = c, weights[d - 1]
            ends[r] = end + 1


@loop
def _close_up(row_starts, ends, columns, sums):
    V = row_starts.size - 1
    indptr = np.zeros(V + 1, np.int64)
    for v in range(V):
        indptr[v + 1] = indptr[v] + ends[v] - row_starts[v]
    close_columns, close_sums = np.empty(indptr[V], np.int32), np.empty(indptr[V], np.int64)
    for v in range(V):
        close_columns[indptr[v]:indptr[v + 1]] = columns[row_starts[v]:ends[v]]
        close_sums[indptr[v]:indptr[v + 1]] = sums[row_starts[v]:ends[v]]
    return indptr, close_columns, close_sums
