"""Attention on a source with several heads: each query takes a mean of values, weighted by how well its key fits, as a kernel pair.

For each head, with a query q_i (D), keys k_j (D), values v_j (E), a scale c, and the L keys that a row has before its padding:

    s_ij = c <q_i, k_j> for j < L        p_ij = e^{s_ij} / sum_{l < L} e^{s_il},  0 for j >= L        o_i = sum_j p_ij v_j

The outputs are both o and p: what was seen and where it was looked.  Going back from do and dp', the gradient of the loss by p
itself, by the derivative of softmax (kernels.softmax):

    dp_ij = <do_i, v_j> + dp'_ij         ds_ij = p_ij (dp_ij - sum_l p_il dp_il)
    dv_j = sum_i p_ij do_i               dq_i = c sum_j ds_ij k_j         dk_j = c sum_i ds_ij q_i

dv_j and dk_j are 0 from L on, because p_ij is.  The weights p are an output, so they are there for the backward pass: kept as
they are, (N, K, T, S), which is little where a row is a sentence.  Where T and S are thousands and nobody wants to see the
weights, kernels.attention keeps one number a query instead.  A row of length 0 sees nothing: its weights and contexts are 0.

Source: Luong, Pham and Manning 2015 (one head, the products as they are); Vaswani et al. 2017 (heads, c = 1 / sqrt(D)).
"""
from tsuzuri.array import empty, module_of
from tsuzuri.errors import ShapeError
from tsuzuri.kernels.inner import inner
from tsuzuri.kernels.sequence import all_lengths, batch_major
from tsuzuri.kernels.softmax import masked_softmax_rows, softmax_backward, within
from tsuzuri.shapes import expect


def source_attention_forward(q, k, v, lengths=None, heads=1, scale=1.0):
    """q (N, T, K D), k (N, S, K D), v (N, S, K E), K heads, lengths (N,) or None -> (out (N, T, K E), weights (N, K, T, S)), cache."""
    xp = module_of(q, k, v, lengths)
    N, T, S, E = _sizes(q, k, v, heads)
    lengths = all_lengths(lengths, N, S, xp)
    out, weights = empty(q, (N, T, E)), empty(q, (N, heads, T, S))
    source_attention(q, k, v, lengths, scale, out, weights)
    return (out, weights), (q, k, v, lengths, scale, weights)


def source_attention_backward(douts, cache):
    """(dout (N, T, K E), dweights (N, K, T, S)), one of them possibly None -> (dq, dk, dv)."""
    (q, k, v, lengths, scale, weights), (dout, dweights) = cache, douts
    if dout is None:
        dout = module_of(q).zeros((*q.shape[:2], v.shape[2]), weights.dtype)
    dq, dk, dv = (_empty_as(x, weights.dtype) for x in (q, k, v))
    source_attention_back(q, k, v, lengths, scale, weights, dout, dweights, dq, dk, dv)
    return dq, dk, dv


def known(x, lengths):
    """x (N, S, D) with zeros in the padding: 0 times whatever stands there is then 0."""
    return module_of(x).where(within(lengths, x.shape[1])[:, :, None], x, 0)


@inner
def source_attention(q, k, v, lengths, scale, out, weights):
    """Fill out (N, T, K E) and weights (N, K, T, S)."""
    N, K, T, S = weights.shape
    q, k, v = _heads(q, K), _heads(known(k, lengths), K), _heads(known(v, lengths), K)
    scores = (q @ k.swapaxes(2, 3)) * scale
    weights[...] = masked_softmax_rows(scores.reshape(N, K * T, S), lengths).reshape(N, K, T, S)
    _heads(out, K)[...] = weights @ v


@inner
def source_attention_back(q, k, v, lengths, scale, weights, dout, dweights, dq, dk, dv):
    """Fill dq, dk and dv from dout (N, T, K E) and dweights (N, K, T, S) or None."""
    K = weights.shape[1]
    q, k, v, do = _heads(q, K), _heads(known(k, lengths), K), _heads(known(v, lengths), K), _heads(dout, K)
    dp = do @ v.swapaxes(2, 3)
    if dweights is not None:
        dp += dweights
    ds = softmax_backward(dp, weights) * scale
    _heads(dv, K)[...] = weights.swapaxes(2, 3) @ do
    _heads(dq, K)[...] = ds @ k
    _heads(dk, K)[...] = ds.swapaxes(2, 3) @ q


def _sizes(q, k, v, heads):
    if not (q.ndim == k.ndim == v.ndim == 3 and q.shape[::2] == k.shape[::2] and k.shape[:2] == v.shape[:2]):
        expect("attention", q=(q, "N T H"), k=(k, "N S H"), v=(v, "N S E"))   # always asked, it would cost a step of decoding half its time
    (N, T, H), (_, S, E) = q.shape, v.shape
    if H % heads or E % heads:
        raise ShapeError(f"attention: keys of {H} and values of {E} numbers cannot be cut into {heads} heads of one size; "
                         f"both sizes must be multiples of {heads}.")
    return N, T, S, E


def _heads(x, heads):
    """x (N, T, K D) -> a view (N, K, T, D)."""
    N, T, width = x.shape
    return x.reshape(N, T, heads, width // heads).swapaxes(1, 2)


def _empty_as(x, dtype):
    """An array of the shape of x (N, T, D), laid out by time where x is: a recurrent layer's output is, and so takes its gradient."""
    by_time = batch_major(x)
    if by_time.flags.c_contiguous and not x.flags.c_contiguous:
        return batch_major(empty(x, by_time.shape, dtype))
    return empty(x, x.shape, dtype)
