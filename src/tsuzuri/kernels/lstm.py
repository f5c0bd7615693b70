"""LSTM over a whole sequence, forward and back-propagation through time, as two functions of arrays.

    i, f, g, o = sigma(a_i), sigma(a_f), tanh(a_g), sigma(a_o)      a = x_t Wx + h_{t-1} Wh + b
    c_t = f * c_{t-1} + i * g
    h_t = o * tanh(c_t)

Going back, with dh and dc the gradients of the loss by h_t and c_t (both already hold what came from step t + 1):

    dc += dh * o * (1 - tanh(c_t)^2)
    da_i = dc * g * i (1 - i)         da_f = dc * c_{t-1} * f (1 - f)
    da_g = dc * i * (1 - g^2)         da_o = dh * tanh(c_t) * o (1 - o)
    dh_{t-1} = da Wh^T                dc_{t-1} = dc * f

The weights' gradients need every da, so they are one matrix product after the loop, not T of them inside it; so is
x Wx before it.  Dropout of the state puts mask * h_{t-1} where Wh reads h_{t-1}, with one mask for all steps; then
dh_{t-1} = mask * (da Wh^T).  A row that has ended (t >= its length) carries its state on unchanged and its output is zero.

Inside, time is the first axis: a step is then one block of memory.  Gates lie in the order i, f, g, o.
Source: Hochreiter and Schmidhuber 1997; forget gate: Gers, Schmidhuber and Cummins 2000; dropout of the state: Gal and
Ghahramani 2016.
"""
from tsuzuri.array import empty, module_of
from tsuzuri.kernels.activation import sigmoid
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


def lstm_forward(x, h0, c0, Wx, Wh, b, lengths=None, mask=None):
    """x (N, T, D), h0, c0 and mask (N, H), lengths (N,) -> (hs (N, T, H), hT (N, H), cT (N, H)), cache.

    Without ``lengths`` every row goes on to T; without ``mask`` nothing of the state is dropped.
    """
    N, T, H = expect("lstm", x=(x, "N T D"), h0=(h0, "N H"), c0=(c0, "N H"),
                     Wx=(Wx, "D 4H"), Wh=(Wh, "H 4H"), b=(b, "4H"))["NTH"]
    xp = module_of(x, h0, c0, Wx, Wh, b, lengths, mask)
    Wh, b = in_order(Wh, b)
    xs = time_major(x)
    gates = matmul(xs, Wx).reshape(T, N, 4 * H)
    hs, cs = empty(x, (T + 1, N, H)), empty(x, (T + 1, N, H))
    tanh_c = empty(x, (T, N, H))
    hs[0], cs[0] = h0, c0
    seen, mask = seen_through(mask, hs)
    lstm_sweep(gates, Wh, b, hs, cs, tanh_c, all_lengths(lengths, N, T, xp), seen, mask)
    outs = hs[1:] if lengths is None else hs[1:] * alive(lengths, T, x.dtype)
    return (batch_major(outs), hs[T], cs[T]), (xs, Wx, Wh, gates, hs, cs, tanh_c, lengths, seen, mask)


def lstm_backward(douts, cache):
    """(dhs, dhT, dcT), any of them None -> (dx, dh0, dc0, dWx, dWh, db), shaped as the arguments of the forward."""
    dhs, dhT, dcT = douts
    xs, Wx, Wh, gates, hs, cs, tanh_c, lengths, seen, mask = cache
    T, N, H = tanh_c.shape
    xp = module_of(gates)
    dhs = steps_of(dhs, hs)
    dh = xp.zeros_like(hs[0]) if dhT is None else dhT.copy()
    dc = xp.zeros_like(cs[0]) if dcT is None else dcT.copy()
    da = empty(gates, gates.shape)
    lstm_sweep_back(gates, Wh, dhs, dh, dc, cs, tanh_c, all_lengths(lengths, N, T, xp), da, mask)
    da = da.reshape(T * N, 4 * H)
    dx, dWx, db = recurrent_grads(xs, Wx, da, T, N)
    dWh = matmul(seen[:-1].reshape(T * N, H).T, da)
    return dx, dh, dc, dWx, dWh, db


def lstm_step(x, h, c, Wx, Wh, b):
    """One step that keeps nothing for a way back.    x (N, D), h and c (N, H) -> (h, c), both (N, H)."""
    a = matmul(x, Wx)
    a += matmul(h, Wh)
    return lstm_cell(a, b, c)


@inner
def lstm_cell(a, b, c):
    """a (N, 4H) without the bias b (4H), c (N, H) -> (h, c) of the next step."""
    xp = module_of(a, b, c)
    i, f, g, o = xp.split(a + b, 4, axis=1)
    c = sigmoid(f) * c + sigmoid(i) * xp.tanh(g)
    return sigmoid(o) * xp.tanh(c), c


@inner
def lstm_sweep(gates, Wh, b, hs, cs, tanh_c, lengths, seen, mask):
    """Fill hs, cs, tanh_c, and seen = hs * mask where there is a mask, step by step; gates holds x Wx, activated in place."""
    xp = module_of(gates)
    T, _, H = tanh_c.shape
    for t in range(T):
        gates[t] += seen[t] @ Wh + b
        on = (t < lengths)[:, None]
        i, f, g, o = (gates[t, :, k * H:(k + 1) * H] for k in range(4))             # views: activated in place
        i[:], f[:], g[:], o[:] = sigmoid(i) * on, sigmoid(f) * on, xp.tanh(g) * on, sigmoid(o) * on
        cs[t + 1] = xp.where(on, f * cs[t] + i * g, cs[t])
        tanh_c[t] = xp.tanh(cs[t + 1]) * on
        hs[t + 1] = xp.where(on, o * tanh_c[t], hs[t])
        if len(mask):
            seen[t + 1] = hs[t + 1] * mask


@inner
def lstm_sweep_back(gates, Wh, dhs, dh, dc, cs, tanh_c, lengths, da, mask):
    """Fill da from the last step to the first; dh and dc enter with the last state's gradient and leave with the first's."""
    xp = module_of(gates)
    T, _, H = tanh_c.shape
    for t in reversed(range(T)):
        on = (t < lengths)[:, None]
        i, f, g, o = (gates[t, :, k * H:(k + 1) * H] for k in range(4))
        if len(dhs):
            dh += dhs[t] * on
        dct = dc + dh * o * (1 - tanh_c[t] ** 2)
        da[t] = xp.concatenate([dct * g * i * (1 - i), dct * cs[t] * f * (1 - f),
                                dct * i * (1 - g ** 2), dh * tanh_c[t] * o * (1 - o)], axis=1)
        dh[:] = xp.where(on, masked(da[t] @ Wh.T, mask), dh)
        dc[:] = xp.where(on, dct * f, dc)
