"""GRU over a whole sequence, forward and back-propagation through time.

    r, z = sigma(a_r), sigma(a_z)       a = x_t Wx + h_{t-1} Wh + b     (the columns of Wh for r and z)
    n = tanh(x_t Wx_n + b_n + r * m)    m = h_{t-1} Wh_n + b_m
    h_t = (1 - z) * n + z * h_{t-1}

Going back, with dh the gradient of the loss by h_t (it already holds what came from step t + 1):

    da_n = dh (1 - z) (1 - n^2)         dm = da_n * r
    da_z = dh (h_{t-1} - n) z (1 - z)   da_r = da_n * m * r (1 - r)
    dh_{t-1} = dh * z + [da_r, da_z, dm] Wh^T

The reset gate acts after the recurrent product, so that one product a step serves all three gates; this is the form of
cuDNN and PyTorch.  Cho et al. reset h before the product.  Gates lie in the order r, z, n; b is (3H), b_m is (H).
Dropout of the state puts mask * h_{t-1} where Wh reads h_{t-1}, with one mask for all steps, and leaves z * h_{t-1}
whole; then dh_{t-1} = dh * z + mask * ([da_r, da_z, dm] Wh^T).  A row that has ended (t >= its length) carries its state on unchanged and its output is zero.
Source: Cho et al. 2014; reset after the product: the first version of the same paper, arXiv 1406.1078v1;
dropout of the state: Gal and Ghahramani 2016.
"""
from tsuzuri.array import empty, module_of
from tsuzuri.kernels.activation import sigmoid
from tsuzuri.kernels.inner import inner
from tsuzuri.kernels.product import column_sums, matmul
from tsuzuri.kernels.sequence import (
    alive,
    all_lengths,
    batch_major,
    in_order,
    masked,
    recurrent_grads,
    seen_through,
    steps_of,
    time_major,
)
from tsuzuri.shapes import expect


def gru_forward(x, h0, Wx, Wh, b, bm, lengths=None, mask=None):
    """x (N, T, D), h0 (N, H), lengths (N,) or None, mask (N, H) or None -> (hs (N, T, H), hT (N, H)), cache."""
    N, T, H = expect("gru", x=(x, "N T D"), h0=(h0, "N H"), Wx=(Wx, "D 3H"), Wh=(Wh, "H 3H"), b=(b, "3H"),
                     bm=(bm, "H"))["NTH"]
    xp = module_of(x, h0, Wx, Wh, b, bm, lengths, mask)
    Wh, b, bm = in_order(Wh, b, bm)
    xs = time_major(x)
    gates = matmul(xs, Wx).reshape(T, N, 3 * H)
    m = empty(x, (T, N, H))
    hs = empty(x, (T + 1, N, H))
    hs[0] = h0
    seen, mask = seen_through(mask, hs)
    gru_sweep(gates, Wh, b, bm, hs, m, all_lengths(lengths, N, T, xp), seen, mask)
    outs = hs[1:] if lengths is None else hs[1:] * alive(lengths, T, x.dtype)
    return (batch_major(outs), hs[T]), (xs, Wx, Wh, gates, hs, m, lengths, seen, mask)


def gru_backward(douts, cache):
    """(dhs, dhT), any of them None -> (dx, dh0, dWx, dWh, db, dbm), shaped as the arguments of the forward."""
    dhs, dhT = douts
    xs, Wx, Wh, gates, hs, m, lengths, seen, mask = cache
    T, N, H = m.shape
    xp = module_of(gates)
    dhs = steps_of(dhs, hs)
    dh = xp.zeros_like(hs[0]) if dhT is None else dhT.copy()
    da, dm = empty(gates, gates.shape), empty(m, m.shape)
    gru_sweep_back(gates, Wh, dhs, dh, hs, m, all_lengths(lengths, N, T, xp), da, dm, mask)
    da, dm = da.reshape(T * N, 3 * H), dm.reshape(T * N, H)
    dx, dWx, db = recurrent_grads(xs, Wx, da, T, N)
    before = seen[:-1].reshape(T * N, H).T
    dWh = empty(Wh, Wh.shape)
    dWh[:, :2 * H], dWh[:, 2 * H:] = matmul(before, da[:, :2 * H]), matmul(before, dm)
    return dx, dh, dWx, dWh, db, column_sums(dm)


def gru_step(x, h, Wx, Wh, b, bm):
    """One step that keeps nothing for a way back.    x (N, D), h (N, H) -> (h,), (N, H)."""
    return (gru_cell(matmul(x, Wx), matmul(h, Wh), b, bm, h),)


@inner
def gru_cell(a, hidden, b, bm, h):
    """a = x Wx and hidden = h Wh (N, 3H), h (N, H) -> the next h."""
    xp = module_of(a, hidden, b, bm, h)
    H = h.shape[1]
    a = a + b
    rz = sigmoid(a[:, :2 * H] + hidden[:, :2 * H])
    n = xp.tanh(a[:, 2 * H:] + rz[:, :H] * (hidden[:, 2 * H:] + bm))
    return (1 - rz[:, H:]) * n + rz[:, H:] * h


@inner
def gru_sweep(gates, Wh, b, bm, hs, m, lengths, seen, mask):
    """Fill hs, m, and seen = hs * mask where there is a mask, step by step; gates holds x Wx and is activated in place."""
    xp = module_of(gates)
    T, _, H = m.shape
    for t in range(T):
        on = (t < lengths)[:, None]
        hidden = seen[t] @ Wh
        gates[t] += b
        rz, n = gates[t, :, :2 * H], gates[t, :, 2 * H:]
        m[t] = (hidden[:, 2 * H:] + bm) * on
        rz[:] = sigmoid(rz + hidden[:, :2 * H]) * on
        r, z = rz[:, :H], rz[:, H:]
        n[:] = xp.tanh(n + r * m[t]) * on
        hs[t + 1] = xp.where(on, (1 - z) * n + z * hs[t], hs[t])
        if len(mask):
            seen[t + 1] = hs[t + 1] * mask


@inner
def gru_sweep_back(gates, Wh, dhs, dh, hs, m, lengths, da, dm, mask):
    """Fill da and dm from the last step to the first; dh enters with the last state's gradient and leaves with the first's."""
    xp = module_of(gates)
    T, _, H = m.shape
    for t in reversed(range(T)):
        on = (t < lengths)[:, None]
        r, z, n = (gates[t, :, k * H:(k + 1) * H] for k in range(3))
        if len(dhs):
            dh += dhs[t] * on
        dan = dh * (1 - z) * (1 - n ** 2) * on
        dm[t] = dan * r
        da[t] = xp.concatenate([dan * m[t] * r * (1 - r), dh * (hs[t] - n) * z * (1 - z), dan], axis=1)
        dhidden = xp.concatenate([da[t, :, :2 * H], dm[t]], axis=1)
        dh[:] = xp.where(on, dh * z + masked(dhidden @ Wh.T, mask), dh)
