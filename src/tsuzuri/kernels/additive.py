"""Additive scores: how well a key fits a query, by a layer of tanh over both, as a kernel pair.

With queries q_t (A) and keys k_s (A), both already multiplied by their weights, a vector v (A), and the L keys that a row has
before its padding:

    y_tsa = tanh(q_ta + k_sa)        s_ts = sum_a v_a y_tsa for s < L, 0 for s >= L

Going back from g = ds, with u_tsa = g_ts (1 - y_tsa^2):

    dq_ta = v_a sum_{s < L} u_tsa        dk_sa = v_a sum_t u_tsa for s < L, 0 for s >= L        dv_a = sum_{t, s < L} g_ts y_tsa

y is as large as N T S A: for 64 sentences of 25 words and A = 512 it is 80 MB.  It is never kept, nor all of it there at any
time: the backward pass makes it again, the plain version one target step at a time, the compiled one a row of A at a time.

Source: Bahdanau, Cho and Bengio 2015.
"""
from tsuzuri.array import empty, module_of
from tsuzuri.kernels.inner import inner
from tsuzuri.kernels.sequence import all_lengths, in_order
from tsuzuri.kernels.softmax import within
from tsuzuri.kernels.source_attention import known
from tsuzuri.shapes import expect


def additive_forward(q, k, v, lengths=None):
    """q (N, T, A), k (N, S, A), v (A), lengths (N,) or None -> scores (N, T, S), 0 where there is no key, cache."""
    xp = module_of(q, k, v, lengths)
    N, T, S = expect("additive scores", q=(q, "N T A"), k=(k, "N S A"), v=(v, "A"))["NTS"]
    lengths = all_lengths(lengths, N, S, xp)
    q, k, v = in_order(q, k, v)
    scores = empty(q, (N, T, S))
    additive(q, k, v, lengths, scores)
    return scores, (q, k, v, lengths)


def additive_backward(dscores, cache):
    """dscores (N, T, S) -> (dq, dk, dv)."""
    q, k, v, lengths = cache
    dq, dk, dv = empty(q, q.shape), empty(k, k.shape), empty(q, (len(q), len(v)))
    additive_back(q, k, v, lengths, *in_order(dscores), dq, dk, dv)
    return dq, dk, dv.sum(0)


@inner
def additive(q, k, v, lengths, scores):
    """Fill scores (N, T, S)."""
    xp, k = module_of(q), known(k, lengths)
    seen = within(lengths, k.shape[1])
    for t in range(q.shape[1]):
        y = xp.tanh(q[:, t, None] + k)
        scores[:, t] = xp.where(seen, y @ v, 0)


@inner
def additive_back(q, k, v, lengths, dscores, dq, dk, dv):
    """Fill dq (N, T, A), dk (N, S, A), and dv (N, A), each row's part of it."""
    xp, k = module_of(q), known(k, lengths)
    seen = within(lengths, k.shape[1])
    dk[...], dv[...] = 0, 0
    for t in range(q.shape[1]):
        y = xp.tanh(q[:, t, None] + k)
        g = xp.where(seen, dscores[:, t], 0)[:, :, None]
        u = g * (1 - y * y) * v
        dq[:, t] = u.sum(1)
        dk += u
        dv += (g * y).sum(1)
