"""From counts to association: how much likelier two words stand together than if they knew nothing of each other.

    PMI(r, c)  = ln  P(r, c) / (P(r) Pa(c)),     P(r, c) = n(r, c) / n,   P(r) = n(r) / n,   Pa(c) = n(c)^a / sum n(c)^a
    PPMI(r, c) = max(0, PMI(r, c) - ln k)

n(r, c) are the counts, n(r) and n(c) the sums of their rows and columns.  Values are in nats.  A pair that never
stands together has a PMI of minus infinity: it is simply not stored, and nothing is added to counts to avoid it.

Sources: Church and Hanks 1990 (PMI); Bullinaria and Levy 2007 (PPMI); Levy, Goldberg and Dagan 2015 (the shift k, which
stands for k negative samples, and the smoothing a = 0.75, which lifts rare contexts and so takes from their PMI).
"""
import math

import numpy as np

from tsuzuri.errors import ConfigError


def pmi(counts, smoothing: float = 1.0):
    """counts, scipy CSR (V, V) of non-negative numbers -> CSR of the pointwise mutual information of the counted pairs.

    ``smoothing`` is the power a of the contexts' counts, 1 for none.
    """
    if not 0 <= smoothing <= 1:
        raise ConfigError(f"smoothing {smoothing} does not fit; it is a power from 0 to 1, 1 for none, 0.75 as usual")
    row_sums, column_sums = (np.asarray(counts.sum(axis)).reshape(-1) for axis in (1, 0))
    contexts = np.zeros(len(column_sums))
    np.power(column_sums, smoothing, out=contexts, where=column_sums > 0)
    with np.errstate(divide="ignore"):                       # a word without a count has no entry that reads its -inf
        row_logs, column_logs = np.log(row_sums), np.log(contexts / contexts.sum())
    values = np.log(counts.data)
    values -= np.repeat(row_logs, np.diff(counts.indptr))
    values -= column_logs[counts.indices]
    return type(counts)((values, counts.indices, counts.indptr), counts.shape)


def ppmi(counts, shift: float = 1.0, smoothing: float = 1.0):
    """The positive part of ``pmi - ln shift``, as float64 CSR that stores no zeros.

    ``shift`` is the number k of negative samples whose effect it has, from 1 for none.
    """
    if not shift >= 1:
        raise ConfigError(f"shift {shift} does not fit; it stands for a number of negative samples, from 1 (none)")
    values = pmi(counts, smoothing)
    values.data -= math.log(shift)
    return _positive(values)


def _positive(matrix):
    """The entries above zero, in arrays of their own."""
    kept = matrix.data > 0
    before = np.concatenate([[0], np.cumsum(kept)])
    return type(matrix)((matrix.data[kept], matrix.indices[kept], before[matrix.indptr]), matrix.shape)
