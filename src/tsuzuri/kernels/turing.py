"""A Neural Turing Machine over a whole sequence: a controller, its heads and its memory, step by step in one pair of functions.

    a_t = x_t Wx + [h_{t-1}; r_{t-1}] U + b        h_t = LSTM cell of a_t and c_{t-1}  (kernels.lstm), or tanh(a_t)
    p_t = h_t Wp + bp                              what the heads are told, each part in its range:
        key, add       tanh            erase, gate    sigma
        strength       softplus        sharpness      1 + softplus        shift     softmax over its J numbers
    w_t = addressing(m_{t-1}, p_t, w_{t-1})        r_t = what the reading heads take from m_{t-1}        m_t = what the writing ones leave
    z_t = [h_t; r_t]                               the output, with w_t beside it

All heads find their places in the memory as it was before the step, and what is read is read from it.  Going back, dz, dw and dm hold
what came from step t + 1; the pairs of kernels.memory give the gradients of the heads, and softplus, whose derivative is 1 - e^-y for
y = softplus(x), and the other ranges give dp_t.  Then

    dh_t += dp_t Wp^T        da_t through the cell        dz_{t-1} = da_t U^T

The weights' gradients are one matrix product each after the loop, as in kernels.lstm, and x Wx one before it.  A feed-forward controller
does not see its own h: its U has zeros where h would enter.  All that the way back needs of a memory is the memory itself at every step,
T N S M numbers: an erase of one cannot be undone.

Sizes: D input, H controller, S slots of M numbers, K heads of which the first R read and the last E write, J numbers of a shift,
P = (K + E) M + E M + K + 2 K + K J, Z = H + R M.  Inside, time is the first axis and the memory lies turned (N, M, S).
Source: Graves, Wayne and Danihelka 2014; tanh of key and add: Collier and Beel 2018.
"""
from typing import NamedTuple

from tsuzuri.array import Array, empty, module_of
from tsuzuri.errors import ShapeError
from tsuzuri.kernels import memory as one_step
from tsuzuri.kernels.activation import sigmoid
from tsuzuri.kernels.inner import inner
from tsuzuri.kernels.memory import Heads, Steps
from tsuzuri.kernels.product import matmul
from tsuzuri.kernels.sequence import batch_major, in_order, recurrent_grads, steps_of, time_major
from tsuzuri.shapes import expect


def turing_lstm_forward(x, z0, c0, w0, m0, Wx, U, b, Wp, bp):
    """x (N, T, D), z0 (N, Z), c0 (N, H), w0 (N, K, S), m0 (N, S, M), Wx (D, 4H), U (Z, 4H), b (4H), Wp (H, P), bp (P)
    -> (zs (N, T, Z), ws (N, T, K, S), cT (N, H), mT (N, S, M)), cache."""
    expect("turing machine", x=(x, "N T D"), z0=(z0, "N Z"), c0=(c0, "N H"), w0=(w0, "N K S"), m0=(m0, "N S M"), Wx=(Wx, "D 4H"),
           U=(U, "Z 4H"), b=(b, "4H"), Wp=(Wp, "H P"), bp=(bp, "P"))
    cs = empty(x, (x.shape[1] + 1, *c0.shape))
    cs[0] = c0
    (zs, ws, mT), cache = _forward(x, z0, cs, w0, m0, Wx, U, b, Wp, bp)
    return (zs, ws, cs[-1], mT), cache


def turing_lstm_backward(douts, cache):
    """(dzs, dws, dcT, dmT), any of them None -> the gradients of all ten arguments."""
    dzs, dws, dcT, dmT = douts
    dx, dz0, dc0, *rest = _backward(dzs, dws, dcT, dmT, cache)
    return dx, dz0, dc0, *rest


def turing_feedforward_forward(x, r0, w0, m0, Wx, Wr, b, Wp, bp):
    """x (N, T, D), r0 (N, R M), w0 (N, K, S), m0 (N, S, M), Wx (D, H), Wr (R M, H), b (H), Wp (H, P), bp (P)
    -> (zs (N, T, Z), ws (N, T, K, S), mT (N, S, M)), cache."""
    expect("turing machine", x=(x, "N T D"), r0=(r0, "N Y"), w0=(w0, "N K S"), m0=(m0, "N S M"), Wx=(Wx, "D H"), Wr=(Wr, "Y H"),
           b=(b, "H"), Wp=(Wp, "H P"), bp=(bp, "P"))
    xp, H = module_of(x, Wr), len(b)
    z0 = xp.concatenate([xp.zeros((len(r0), H), r0.dtype), r0], axis=1)
    U = xp.concatenate([xp.zeros((H, H), Wr.dtype), Wr])
    return _forward(x, z0, empty(x, (0, len(x), H)), w0, m0, Wx, U, b, Wp, bp)


def turing_feedforward_backward(douts, cache):
    """(dzs, dws, dmT), any of them None -> the gradients of all nine arguments."""
    dzs, dws, dmT = douts
    dx, dz0, _, dw0, dm0, dWx, dU, db, dWp, dbp = _backward(dzs, dws, None, dmT, cache)
    H = len(db)
    return dx, dz0[:, H:], dw0, dm0, dWx, dU[H:], db, dWp, dbp


def _forward(x, z0, cs, w0, m0, Wx, U, b, Wp, bp):
    """``cs`` (T + 1, N, H), the first of them set, or (0, N, H) for a controller without cells."""
    (N, T, _), (_, Z), (_, K, S), M = x.shape, z0.shape, w0.shape, m0.shape[2]
    check_sizes(Z - len(Wp), K, M, len(bp))
    U, Wp, bp = in_order(U, Wp, bp)
    xs = time_major(x)
    gates = matmul(xs, Wx).reshape(T, N, len(b))
    gates += b
    zs, ws, mems = empty(x, (T + 1, N, Z)), empty(x, (T + 1, N, K, S)), empty(x, (T + 1, N, M, S))
    zs[0], ws[0], mems[0] = z0, w0, m0.swapaxes(1, 2)
    tanh_c, told = empty(x, (max(len(cs) - 1, 0), *cs.shape[1:])), empty(x, (T, N, len(bp)))
    cosines, contents, shifted = (empty(x, (T, N, K, S)) for _ in range(3))
    turing_sweep(gates, U, Wp, bp, zs, cs, tanh_c, ws, mems, told, cosines, contents, shifted)
    outs = batch_major(zs[1:]), ws[1:].swapaxes(0, 1), mems[T].swapaxes(1, 2)
    return outs, (xs, Wx, U, Wp, gates, zs, cs, tanh_c, ws, mems, told, cosines, contents, shifted)


def _backward(dzs, dws, dcT, dmT, cache):
    xs, Wx, U, Wp, gates, zs, cs, tanh_c, ws, mems, told, cosines, contents, shifted = cache
    xp, (T, N, P), H = module_of(gates), told.shape, len(Wp)
    dzs = steps_of(dzs, zs)
    dws = ws[:0] if dws is None else in_order(dws.swapaxes(0, 1))[0]
    dz, dw = xp.zeros_like(zs[0]), xp.zeros_like(ws[0])
    dc = xp.zeros((N, H), gates.dtype) if dcT is None else dcT.copy()
    dm = xp.zeros_like(mems[0]) if dmT is None else dmT.swapaxes(1, 2).copy()
    da, dtold = empty(gates, gates.shape), empty(told, told.shape)
    turing_sweep_back(gates, U, Wp, cs, tanh_c, ws, mems, told, cosines, contents, shifted, dzs, dws, dz, dc, dw, dm, da, dtold)
    da, dtold = da.reshape(T * N, da.shape[2]), dtold.reshape(T * N, P)
    dx, dWx, db = recurrent_grads(xs, Wx, da, T, N)
    dU = matmul(zs[:-1].reshape(T * N, zs.shape[2]).T, da)
    dWp = matmul(zs[1:, :, :H].reshape(T * N, H).T, dtold)
    return dx, dz, dc, dw, dm.swapaxes(1, 2), dWx, dU, db, dWp, dtold.sum(0)


def check_sizes(read, K, M, P):
    """ShapeError where heads that read ``read`` numbers and are told P do not fit K weightings and slots of M numbers."""
    R = read // M if M else 0
    E = K - R
    rest = P - 2 * E * M - K * (M + 3)
    if read < 0 or (M and read % M) or E < 0 or rest < K or rest % K:
        raise ShapeError(f"turing machine: the heads are told {P} numbers and read {read}, which does not fit {K} weightings and slots of {M} numbers; "
                         "a reading head takes a slot's numbers, and every head is told M + 3 numbers, its shift, and 2 M more where it writes.")


class Told(NamedTuple):
    """Views of what the heads are told, told (N, P), or of its gradient.

    The numbers lie in the order key, add | erase, gate | strength, sharpness | shift: those of one range side by side.
    """

    heads: Heads
    erase: Array                                             # (N, E, M)
    add: Array                                               # (N, E, M)
    bent: Array                                              # key and add
    shares: Array                                            # erase and gate
    above: Array                                             # strength and sharpness

    @classmethod
    def of(cls, told: Array, K: int, E: int, M: int) -> "Told":
        """For K heads, E of which write, and slots of M numbers."""
        N, A, B = len(told), (K + E) * M, E * M + K
        bent, shares, above, shift = told[:, :A], told[:, A:A + B], told[:, A + B:A + B + 2 * K], told[:, A + B + 2 * K:]
        heads = Heads(bent[:, :K * M].reshape(N, K, M), above[:, :K], shares[:, E * M:], shift.reshape(N, K, shift.shape[1] // K), above[:, K:])
        return cls(heads, shares[:, :E * M].reshape(N, E, M), bent[:, K * M:].reshape(N, E, M), bent, shares, above)

    def into_range(self) -> None:
        """Bring every part into its range, in place."""
        xp, (_, bent, shares, above) = module_of(self.bent), self[2:]
        bent[...], shares[...] = xp.tanh(bent), sigmoid(shares)
        above[...] = xp.maximum(above, 0) + xp.log1p(xp.exp(-xp.abs(above)))
        self.heads.sharpness[...] += 1
        self.heads.shift[...] = one_step.softmax_rows_of(self.heads.shift)

    def out_of_range(self, y: "Told") -> None:
        """This gradient by the parts ``y`` in their range becomes that by what they were before it, in place."""
        xp = module_of(self.bent)
        self.bent[...] *= 1 - y.bent ** 2
        self.shares[...] *= y.shares * (1 - y.shares)
        self.heads.strength[...] *= -xp.expm1(-y.heads.strength)
        self.heads.sharpness[...] *= -xp.expm1(1 - y.heads.sharpness)
        self.heads.shift[...] = one_step.through_softmax(self.heads.shift, y.heads.shift)


@inner
def turing_sweep(gates, U, Wp, bp, zs, cs, tanh_c, ws, mems, told, cosines, contents, shifted):
    """Fill zs, cs, tanh_c, ws, mems, told, cosines, contents and shifted step by step; gates holds x Wx + b, activated in place."""
    H, (_, _, M, _), K = len(Wp), mems.shape, ws.shape[2]
    R = (len(U) - H) // M
    for t in range(len(told)):
        gates[t] += zs[t] @ U
        h, r = zs[t + 1, :, :H], zs[t + 1, :, H:]
        h[...] = _lstm(gates[t], cs[t], cs[t + 1], tanh_c[t]) if len(cs) else _tanh(gates[t])
        told[t] = h @ Wp + bp
        parts = Told.of(told[t], K, K - R, M)
        parts.into_range()
        ws[t + 1], (_, _, _, steps, _) = one_step.addressing_forward(mems[t], parts.heads, ws[t])
        cosines[t], contents[t], shifted[t] = steps
        r[...] = one_step.read_forward(mems[t], ws[t + 1, :, :R])[0].reshape(r.shape)
        mems[t + 1] = one_step.write_forward(mems[t], ws[t + 1, :, R:], parts.erase, parts.add)[0]


@inner
def turing_sweep_back(gates, U, Wp, cs, tanh_c, ws, mems, told, cosines, contents, shifted, dzs, dws, dz, dc, dw, dm, da, dtold):
    """Fill da and dtold from the last step to the first; dz, dc, dw and dm enter with the last step's gradient and leave with the first's."""
    H, (_, N, M, _), K = len(Wp), mems.shape, ws.shape[2]
    R = (len(U) - H) // M
    for t in reversed(range(len(told))):
        if len(dzs):
            dz += dzs[t]
        if len(dws):
            dw += dws[t]
        parts, dparts = (Told.of(a[t], K, K - R, M) for a in (told, dtold))
        dread_memory, dread_weights = one_step.read_backward(dz[:, H:].reshape(N, R, M), (mems[t], ws[t + 1, :, :R]))
        dm[...], dwrite_weights, dparts.erase[...], dparts.add[...] = one_step.write_backward(
            dm, (mems[t], ws[t + 1, :, R:], parts.erase, parts.add))
        dw[:, :R] += dread_weights
        dw[:, R:] += dwrite_weights
        steps = Steps(cosines[t], contents[t], shifted[t])
        dmemory, dheads, dw[...] = one_step.addressing_backward(dw, (mems[t], parts.heads, ws[t], steps, ws[t + 1]))
        dm += dread_memory + dmemory
        for part, found in zip(dparts.heads, dheads, strict=True):
            part[...] = found
        dparts.out_of_range(parts)
        dh = dz[:, :H] + dtold[t] @ Wp.T
        da[t] = _lstm_back(gates[t], cs[t], tanh_c[t], dh, dc) if len(cs) else dh * (1 - gates[t] ** 2)
        dz[...] = da[t] @ U.T


def _tanh(a):
    a[...] = module_of(a).tanh(a)
    return a


def _lstm(a, before, c, tanh_c):
    """h (N, H) from the gates a (N, 4H), activated in place, and the cells before; fills c and tanh_c."""
    xp, H = module_of(a), before.shape[1]
    i, f, g, o = (a[:, k * H:(k + 1) * H] for k in range(4))
    i[...], f[...], g[...], o[...] = sigmoid(i), sigmoid(f), xp.tanh(g), sigmoid(o)
    c[...] = f * before + i * g
    tanh_c[...] = xp.tanh(c)
    return o * tanh_c


def _lstm_back(a, before, tanh_c, dh, dc):
    """da (N, 4H); dc enters as the gradient by the cells of this step and leaves as that of the step before."""
    xp, H = module_of(a), before.shape[1]
    i, f, g, o = (a[:, k * H:(k + 1) * H] for k in range(4))
    d = dc + dh * o * (1 - tanh_c ** 2)
    dc[...] = d * f
    return xp.concatenate([d * g * i * (1 - i), d * before * f * (1 - f), d * i * (1 - g ** 2), dh * tanh_c * o * (1 - o)], axis=1)
