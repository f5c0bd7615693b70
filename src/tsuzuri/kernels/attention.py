"""Causal self-attention with several heads: a position looks at itself and at those before it, as a kernel pair.

For each head, with queries q, keys k and values v (T, D) and the scale c = 1 / sqrt(D):

    s_ij = c <q_i, k_j> for j <= i        p_ij = e^{s_ij - L_i},  L_i = log sum_{j<=i} e^{s_ij}        o_i = sum_j p_ij v_j

Going back from do, by the derivative of softmax (kernels.softmax):

    dv_j = sum_i p_ij do_i        dp_ij = <do_i, v_j>        ds_ij = p_ij (dp_ij - d_i),  d_i = sum_j p_ij dp_ij = <do_i, o_i>
    dq_i = c sum_j ds_ij k_j      dk_j = c sum_i ds_ij q_i

d_i needs the outputs alone: neither p nor dp has to be kept for it.  So the forward pass keeps o and one number L_i a
row, never the (T, T) probabilities; the backward pass makes them again from s and L.  Both go through the queries in
blocks of ``BLOCK``.  A block looks at the keys up to its own end: what lies above the diagonal is never computed, and
at any time (BLOCK, T) scores exist for each thread.  A block sees all its keys at once, so that the running maximum of
the online softmax is not needed.

Queries, keys and values come side by side as one product made them, (N, T, 3 K D), and are read where they lie; the
gradient has the same form.  With ``cos`` and ``sin`` of kernels.rotary queries and keys are turned as they are read
(tables of no rows: they are not).

Source: Vaswani et al. 2017; what is kept and recomputed: Dao et al. 2022; online softmax: Milakov and Gimelshein 2018.
"""
from tsuzuri.array import empty, module_of
from tsuzuri.errors import ShapeError
from tsuzuri.kernels.inner import inner
from tsuzuri.kernels.rotary import rotary_backward, rotary_forward

BLOCK = 64                                                   # queries whose scores exist at one time


def causal_attention_forward(qkv, heads, cos, sin):
    """qkv (N, T, 3 K D), K heads, cos and sin (at least T, D/2) or (0, 0) -> out (N, T, K D), cache."""
    xp = module_of(qkv, cos, sin)
    N, T, width = _sizes(qkv, heads, cos)
    qkv = xp.ascontiguousarray(qkv)
    cos, sin = (a[:T].astype(qkv.dtype, copy=False) for a in (cos, sin))
    out, lse = empty(qkv, (N, T, width)), empty(qkv, (N, heads, T))
    causal_attention(qkv, cos, sin, out, lse)
    return out, (qkv, cos, sin, out, lse)


def causal_attention_backward(dout, cache):
    """dout (N, T, K D) -> dqkv (N, T, 3 K D)."""
    qkv, cos, sin, out, lse = cache
    dqkv = empty(qkv, qkv.shape)
    causal_attention_back(qkv, cos, sin, out, lse, module_of(dout).ascontiguousarray(dout), dqkv)
    return dqkv


def _sizes(qkv, heads, cos):
    if qkv.ndim != 3 or qkv.shape[2] % (3 * heads):
        raise ShapeError(f"attention: qkv is {qkv.shape}, should be (N, T, 3 x {heads} heads x D).")
    N, T, width = qkv.shape[0], qkv.shape[1], qkv.shape[2] // 3
    if len(cos) and (len(cos) < T or 2 * cos.shape[1] != width // heads):
        raise ShapeError(f"attention: cos is {cos.shape}, should be at least ({T}, {width // heads / 2:g}), "
                         f"the positions and half the length of a head.")
    return N, T, width


@inner
def causal_attention(qkv, cos, sin, out, lse):
    """Fill out (N, T, K D) and lse (N, K, T) from qkv (N, T, 3 K D)."""
    q, k, v = _heads(qkv, lse.shape[1])
    q, k = _turned(q, cos, sin), _turned(k, cos, sin)
    _attend(q, k, v, 0, _heads(out, lse.shape[1], 1)[0], lse)


@inner
def causal_attention_back(qkv, cos, sin, out, lse, dout, dqkv):
    """Fill dqkv (N, T, 3 K D) from dout (N, T, K D) and what the forward pass left."""
    K, T = lse.shape[1:]
    q, k, v = _heads(qkv, K)
    q, k, scale = _turned(q, cos, sin), _turned(k, cos, sin), q.shape[3] ** -0.5
    do, dq, dk = _heads(dout, K, 1)[0], module_of(q).zeros_like(q), module_of(q).zeros_like(k)
    places = _heads(dqkv, K)
    places[2][...] = 0
    d = (do * _heads(out, K, 1)[0]).sum(-1, keepdims=True)
    for low in range(0, T, BLOCK):
        high = min(low + BLOCK, T)
        rows, seen = (slice(None), slice(None), slice(low, high)), (slice(None), slice(None), slice(0, high))
        p = module_of(q).exp(_scores(q[rows], k[seen], low) - lse[rows][..., None])
        ds = p * (do[rows] @ v[seen].swapaxes(2, 3) - d[rows]) * scale
        places[2][seen] += p.swapaxes(2, 3) @ do[rows]
        dq[rows] += ds @ k[seen]
        dk[seen] += ds.swapaxes(2, 3) @ q[rows]
    places[0][...], places[1][...] = _turned_back(dq, cos, sin), _turned_back(dk, cos, sin)


@inner
def cached_attention(qkv, cos, sin, keys, values, first, out):
    """Attention of M further positions whose M0 = ``first`` predecessors left their keys and values in a cache.

    qkv (N, M, 3 K D), cos and sin (at least first + M, D/2) or (0, 0), keys and values (N, K, context, D), filled up to
    ``first``: the rows from there to first + M are written.  Fills out (N, M, K D).
    """
    M, K = qkv.shape[1], keys.shape[1]
    q, k, v = _heads(qkv, K)
    now = slice(first, first + M)
    keys[:, :, now], values[:, :, now] = _turned(k, cos[now], sin[now]), v
    seen = slice(0, first + M)
    _attend(_turned(q, cos[now], sin[now]), keys[:, :, seen], values[:, :, seen], first, _heads(out, K, 1)[0], None)


def _attend(q, k, v, first, out, lse):
    """Fill out (N, K, M, D) and, where it is not None, lse (N, K, M); query i sees keys 0 to first + i."""
    xp = module_of(q)
    for low in range(0, q.shape[2], BLOCK):
        high = min(low + BLOCK, q.shape[2])
        s = _scores(q[:, :, low:high], k[:, :, :first + high], first + low)
        top = s.max(-1, keepdims=True)
        p = xp.exp(s - top)
        total = p.sum(-1, keepdims=True)
        out[:, :, low:high] = (p / total) @ v[:, :, :first + high]
        if lse is not None:
            lse[:, :, low:high] = (top + xp.log(total))[..., 0]


def _scores(q, k, first):
    """(N, K, queries, keys), minus infinity where key j comes after query i, which stands at first + i."""
    xp = module_of(q, k)
    s = (q @ k.swapaxes(2, 3)) * q.shape[3] ** -0.5
    after = xp.arange(k.shape[2])[None, :] > first + xp.arange(q.shape[2])[:, None]
    return xp.where(after, float("-inf"), s)


def _heads(x, heads, parts=3):
    """Views (N, K, T, D) of the ``parts`` parts of x (N, T, parts K D)."""
    N, T, width = x.shape
    split = x.reshape(N, T, parts, heads, width // (parts * heads))
    return [split[:, :, part].swapaxes(1, 2) for part in range(parts)]


def _turned(x, cos, sin):
    return rotary_forward(x, cos, sin)[0] if len(cos) else x


def _turned_back(x, cos, sin):
    return rotary_backward(x, (cos, sin)) if len(cos) else x
