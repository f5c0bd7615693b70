"""A linear-chain conditional random field: the labels of a sequence scored as a whole, as a kernel pair, and the best of them.

Labels y_1 ... y_L have the score of their emissions, of each step from one label to the next, and of both ends.  Their probability
is their share among all K^L sequences:

    S(y) = start_{y_1} + sum_t e_{t, y_t} + sum_{t > 1} A_{y_{t-1}, y_t} + end_{y_L}        p(y) = e^{S(y)} / Z,   Z = sum_y e^{S(y)}

With a_t(j) the logarithm of the sum over all beginnings whose label t is j, this takes L K^2 steps.  The largest of each step, m_t, is
taken off and kept, so that float32 is enough for long sequences:

    b_1(j) = start_j        b_{t+1}(j) = log sum_i e^{a_t(i) - m_t + A_ij}        a_t(j) = b_t(j) + e_{tj}        m_t = max_j a_t(j)
    log Z = sum_{t < L} m_t + log sum_j e^{a_L(j) + end_j}

Going back, with d_t(j) the gradient of log Z by a_t(j):

    d_L(j) = e^{a_L(j) + end_j} / sum_k e^{a_L(k) + end_k}        w_t(i, j) = d_{t+1}(j) e^{a_t(i) - m_t + A_ij - b_{t+1}(j)}
    d_t(i) = sum_j w_t(i, j)        de_{tj} = d_t(j)        dA_ij = sum_t w_t(i, j)        dstart_j = d_1(j)        dend_j = d_L(j)

So d_t(j) is the probability that label t is j, and w_t(i, j) that of the labels i, j at t and t + 1: what forward-backward finds.
A target of -1 is a label that is not known.  Z' is the sum over the sequences that have all known labels, which is the same sum
with the emissions of other labels far below; where all are known it is e^{S(y)}.  M labels are known in all rows together:

    loss = 1/M sum_n (log Z_n - log Z'_n)

The best sequence is found as Z is, with the maximum in the place of the sum (Viterbi 1967), and read off from its end.

Source: Lafferty, McCallum and Pereira 2001; on top of a recurrent net: Huang, Xu and Yu 2015; unknown labels: Tsuboi et al. 2008.
"""
import numpy as np

from tsuzuri.array import empty, module_of
from tsuzuri.kernels.inner import inner
from tsuzuri.kernels.sequence import all_lengths, in_order
from tsuzuri.kernels.token_losses import expect_ids
from tsuzuri.shapes import expect


def crf_forward(e, A, start, end, targets, lengths=None):
    """e (N, T, K), A (K, K), start and end (K), targets (N, T), -1 where no label is known, lengths (N,) -> mean loss in nats, cache.

    What stands behind a row's length does not count.
    """
    xp = module_of(e, A, start, end, targets, lengths)
    sums, count = crf_losses(e, A, start, end, targets, lengths)
    (free, log_z), (known, log_known) = sums
    scale = 1 / max(count, 1)
    return xp.asarray((log_z - log_known).sum() * scale, e.dtype), (free, known, scale)


def crf_backward(dy, cache):
    """dy () -> (de, dA, dstart, dend)."""
    free, known, scale = cache
    scale = (dy * scale).astype(dy.dtype)
    return tuple((a - b) * scale for a, b in zip(_gradients(*free), _gradients(*known), strict=True))


def crf_losses(e, A, start, end, targets, lengths=None):
    """((what ``_gradients`` needs, log Z (N,)) of all sequences, and of those with the known labels), how many labels are known."""
    N, T, K = expect("crf", e=(e, "N T K"), A=(A, "K K"), start=(start, "K"), end=(end, "K"), targets=(targets, "N T"))["NTK"]
    xp = module_of(e, targets)
    e, A, start, end = in_order(e, A, start, end)
    lengths = all_lengths(lengths, N, T, xp)
    targets = xp.where(xp.arange(T) < lengths[:, None], targets, -1)
    expect_ids(targets, K)
    away = (targets[:, :, None] >= 0) & (targets[:, :, None] != xp.arange(K))
    return [_sums(x, A, start, end, lengths) for x in (e, xp.where(away, _far_below(e), e))], int((targets >= 0).sum())


def crf_marginals(e, A, start, end, lengths=None):
    """The probability of each label at each place (N, T, K), 0 behind a row's length."""
    xp = module_of(e, A, start, end, lengths)
    e, A, start, end = in_order(e, A, start, end)
    given, _ = _sums(e, A, start, end, all_lengths(lengths, *e.shape[:2], xp))
    return _gradients(*given)[0]


def crf_best(e, A, start, end, lengths=None):
    """The most probable sequence of labels of each row (N, T), -1 behind its length."""
    xp = module_of(e, A, start, end, lengths)
    paths = xp.full(e.shape[:2], -1)
    best_paths(*in_order(e, A, start, end), all_lengths(lengths, *e.shape[:2], xp), paths)
    return paths


def _sums(e, A, start, end, lengths):
    """What ``_gradients`` needs, and log Z (N,) in float64."""
    sums, log_z = empty(e, e.shape), empty(e, e.shape[:1], np.dtype(np.float64))
    sum_paths(e, A, start, end, lengths, sums, log_z)
    return (e, A, end, lengths, sums), log_z


def _gradients(e, A, end, lengths, sums):
    """The gradient of the sum of log Z by e, A, start and end."""
    de, dA, dend = empty(e, e.shape), empty(e, A.shape), empty(e, end.shape)
    sum_paths_back(e, A, end, lengths, sums, de, dA, dend)
    return de, dA, de[:, :1].sum((0, 1)), dend


def _far_below(e):
    """A score that no sequence can make up for, and that other scores can be added to."""
    return np.finfo(e.dtype).min / 4


@inner
def sum_paths(e, A, start, end, lengths, sums, log_z):
    """Fill sums (N, T, K), the b_t(j), and log_z (N,), 0 for a row of length 0."""
    xp = module_of(e)
    taken, a = xp.zeros_like(log_z), xp.zeros(e.shape[::2], e.dtype)
    log_z[...] = 0
    for t in range(e.shape[1]):
        top = a.max(1, keepdims=True)
        sums[:, t] = _log_sum((a - top)[:, :, None] + A, 1) if t else start
        taken += top[:, 0] if t else 0
        a = sums[:, t] + e[:, t]
        log_z[...] = xp.where(lengths == t + 1, taken + _log_sum(a + end, 1), log_z)


@inner
def sum_paths_back(e, A, end, lengths, sums, de, dA, dend):
    """Fill de (N, T, K), dA and dend from what ``sum_paths`` filled."""
    xp = module_of(e)
    dA[...], dend[...], d = 0, 0, xp.zeros(e.shape[::2], e.dtype)
    for t in reversed(range(e.shape[1])):
        last, a = (lengths == t + 1)[:, None], sums[:, t] + e[:, t]
        if t + 1 < e.shape[1]:
            w = xp.exp((a - a.max(1, keepdims=True))[:, :, None] + A - sums[:, t + 1, None]) * d[:, None]
            dA += w.sum(0)
            d = w.sum(2)
        z = a + end
        d = xp.where(last, xp.exp(z - _log_sum(z, 1)[:, None]), d)
        dend += (d * last).sum(0)
        de[:, t] = d


@inner
def best_paths(e, A, start, end, lengths, paths):
    """Fill paths (N, T) up to each row's length; of sequences as good as each other one with the lower labels."""
    xp = module_of(e)
    N, T, K = e.shape
    best, came = xp.zeros((T, N, K), e.dtype), xp.zeros((T, N, K), xp.int64)
    for t in range(T):
        steps = best[t - 1][:, :, None] + A if t else start[None, None] + xp.zeros((N, 1, 1), e.dtype)
        came[t], best[t] = steps.argmax(1), steps.max(1) + e[:, t]
    label, rows = xp.zeros(N, xp.int64), xp.arange(N)
    for t in reversed(range(T)):
        label = xp.where(lengths == t + 1, (best[t] + end).argmax(1), label)
        paths[:, t] = xp.where(t < lengths, label, -1)
        label = xp.where(t < lengths, came[t][rows, label], label)


def _log_sum(x, axis):
    xp = module_of(x)
    top = x.max(axis, keepdims=True)
    return (top + xp.log(xp.exp(x - top).sum(axis, keepdims=True))).sum(axis)
