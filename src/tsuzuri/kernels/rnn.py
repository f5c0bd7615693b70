"""The plain recurrent layer (Elman) over a whole sequence, forward and back-propagation through time.

    h_t = tanh(a_t)                     a = x_t Wx + h_{t-1} Wh + b

Going back, with dh the gradient of the loss by h_t (it already holds what came from step t + 1):

    da = dh * (1 - h_t^2)               dh_{t-1} = da Wh^T

Dropout of the state puts mask * h_{t-1} where Wh reads h_{t-1}, with one mask for all steps; then
dh_{t-1} = mask * (da Wh^T).  A row that has ended (t >= its length) carries its state on unchanged and its output is zero.
Source: Elman 1990; back-propagation through time: Werbos 1990; dropout of the state: Gal and Ghahramani 2016.
"""
from tsuzuri.array import empty, module_of
from tsuzuri.kernels.inner import inner
from tsuzuri.kernels.product import matmul
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


def rnn_forward(x, h0, Wx, Wh, b, lengths=None, mask=None):
    """x (N, T, D), h0 (N, H), lengths (N,) or None, mask (N, H) or None -> (hs (N, T, H), hT (N, H)), cache."""
    N, T, H = expect("rnn", x=(x, "N T D"), h0=(h0, "N H"), Wx=(Wx, "D H"), Wh=(Wh, "H H"), b=(b, "H"))["NTH"]
    xp = module_of(x, h0, Wx, Wh, b, lengths, mask)
    Wh, b = in_order(Wh, b)
    xs = time_major(x)
    a = matmul(xs, Wx).reshape(T, N, H)
    hs = empty(x, (T + 1, N, H))
    hs[0] = h0
    seen, mask = seen_through(mask, hs)
    rnn_sweep(a, Wh, b, hs, all_lengths(lengths, N, T, xp), seen, mask)
    outs = hs[1:] if lengths is None else hs[1:] * alive(lengths, T, x.dtype)
    return (batch_major(outs), hs[T]), (xs, Wx, Wh, hs, lengths, seen, mask)


def rnn_backward(douts, cache):
    """(dhs, dhT), any of them None -> (dx, dh0, dWx, dWh, db), shaped as the arguments of the forward."""
    dhs, dhT = douts
    xs, Wx, Wh, hs, lengths, seen, mask = cache
    steps, N, H = hs.shape
    T = steps - 1
    xp = module_of(hs)
    dhs = steps_of(dhs, hs)
    dh = xp.zeros_like(hs[0]) if dhT is None else dhT.copy()
    da = empty(hs, (T, N, H))
    rnn_sweep_back(hs, Wh, dhs, dh, all_lengths(lengths, N, T, xp), da, mask)
    da = da.reshape(T * N, H)
    dx, dWx, db = recurrent_grads(xs, Wx, da, T, N)
    dWh = matmul(seen[:-1].reshape(T * N, H).T, da)
    return dx, dh, dWx, dWh, db


def rnn_step(x, h, Wx, Wh, b):
    """One step that keeps nothing for a way back.    x (N, D), h (N, H) -> (h,), (N, H)."""
    return (module_of(x, h).tanh(matmul(x, Wx) + matmul(h, Wh) + b),)


@inner
def rnn_sweep(a, Wh, b, hs, lengths, seen, mask):
    """Fill hs, and seen = hs * mask where there is a mask, step by step from the first; a holds x Wx."""
    xp = module_of(a)
    for t in range(len(a)):
        on = (t < lengths)[:, None]
        hs[t + 1] = xp.where(on, xp.tanh(a[t] + seen[t] @ Wh + b), hs[t])
        if len(mask):
            seen[t + 1] = hs[t + 1] * mask


@inner
def rnn_sweep_back(hs, Wh, dhs, dh, lengths, da, mask):
    """Fill da from the last step to the first; dh enters with the last state's gradient and leaves with the first's."""
    xp = module_of(hs)
    for t in reversed(range(len(da))):
        on = (t < lengths)[:, None]
        if len(dhs):
            dh += dhs[t] * on
        da[t] = dh * (1 - hs[t + 1] ** 2) * on
        dh[:] = xp.where(on, masked(da[t] @ Wh.T, mask), dh)
