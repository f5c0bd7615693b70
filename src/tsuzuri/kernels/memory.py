"""The memory of a Neural Turing Machine as kernel pairs: where a head looks, what it reads, what it writes.

A memory has S slots of M numbers.  It lies turned, m (N, M, S), so that the inner loops run over its slots.  A head's place is a
weighting w (S) that adds up to one; a head makes it of the one before, w', in four steps (each row and head by itself):

    content      cos_s = <k, m_s> / (|k| |m_s|)         c = softmax(beta cos)              key k, strength beta >= 0
    interpolate  q = g c + (1 - g) w'                                                      gate g in 0..1: 0 keeps the place
    shift        v_s = sum_j f_j q_{s - o_j mod S}      o_j = j - (J - 1) / 2              f over J steps left and right adds up to one
    sharpen      w_s = v_s^gamma / sum v^gamma = softmax(gamma log v)_s                    sharpness gamma >= 1

Going back from dw, in the other order, with dy = y (d - sum y d) as the way through a softmax y (kernels.softmax):

    sharpen      dt = w (dw - sum w dw)                 dgamma = sum dt log v              dv = gamma dt / v
    shift        df_j = sum_s dv_s q_{s - o_j}          dq_s = sum_j f_j dv_{s + o_j}
    interpolate  dg = sum dq (c - w')                   dc = g dq                          dw' = (1 - g) dq
    content      du = c (dc - sum c dc)                 dbeta = sum du cos                 dcos = beta du
                 dk = sum_s dcos_s (m_s / (|k| |m_s|) - cos_s k / |k|^2)
                 dm_s = dcos_s (k / (|k| |m_s|) - cos_s m_s / |m_s|^2)

|x| is sqrt(<x, x> + FLOOR) and log v is log(v + tiny), so that a blank memory and a weight of zero have derivatives.  Reading takes a
mean of the slots, writing erases first and then adds, all heads at once:

    r = sum_s w_s m_s                    dw_s = <dr, m_s>                                  dm_s = w_s dr
    m'_s = m_s * prod_e (1 - w_es x_e) + sum_e w_es a_e                                    erase x in 0..1, add a
    dm_s = dm'_s * prod_e (1 - w_es x_e)                da_e = sum_s w_es dm'_s
    u_es = -dm'_s m_s prod_{f != e} (1 - w_fs x_f)      dx_e = sum_s w_es u_es             dw_es = <u_es, x_e> + <dm'_s, a_e>

Source: Graves, Wayne and Danihelka 2014.
"""
from typing import NamedTuple

import numpy as np

from tsuzuri.array import Array, empty, module_of
from tsuzuri.kernels.softmax import softmax_rows

FLOOR = 1e-12                                                # of a squared length: a slot of zeros has no direction, and cosine 0


class Heads(NamedTuple):
    """What K heads are told: key (N, K, M), strength, gate and sharpness (N, K), shift (N, K, J)."""

    key: Array
    strength: Array
    gate: Array
    shift: Array
    sharpness: Array


class Steps(NamedTuple):
    """What is kept of an addressing: cosine, content and shifted weights, all (N, K, S)."""

    cosine: Array
    content: Array
    shifted: Array


def addressing_forward(memory, heads, before):
    """memory (N, M, S), Heads, the weights before (N, K, S) -> weights (N, K, S), cache."""
    xp = module_of(memory, *heads, before)
    key, strength, gate, shift, sharpness = heads
    cosine = (key @ memory) / (_length(key, 2, xp)[:, :, None] * _length(memory, 1, xp)[:, None])
    content = softmax_rows_of(strength[:, :, None] * cosine)
    mixed = _mixed(content, gate, before)
    shifted = sum(shift[:, :, j, None] * xp.roll(mixed, offset, 2) for j, offset in enumerate(offsets(shift)))
    weights = softmax_rows_of(sharpness[:, :, None] * _log(shifted, xp))
    return weights, (memory, heads, before, Steps(cosine, content, shifted), weights)


def addressing_backward(dweights, cache):
    """dweights (N, K, S) -> dmemory, dHeads, dbefore."""
    memory, (key, strength, gate, shift, sharpness), before, (cosine, content, shifted), weights = cache
    xp = module_of(memory)
    dt = through_softmax(dweights, weights)
    dsharpness = (dt * _log(shifted, xp)).sum(2)
    dshifted = sharpness[:, :, None] * dt / (shifted + _tiny(shifted))
    mixed = _mixed(content, gate, before)
    dshift = xp.stack([(dshifted * xp.roll(mixed, offset, 2)).sum(2) for offset in offsets(shift)], axis=2)
    dmixed = sum(shift[:, :, j, None] * xp.roll(dshifted, -offset, 2) for j, offset in enumerate(offsets(shift)))
    dgate = (dmixed * (content - before)).sum(2)
    du = through_softmax(gate[:, :, None] * dmixed, content)
    dkey, dmemory = _cosine_back(strength[:, :, None] * du, key, memory, cosine, xp)
    dheads = Heads(dkey, (du * cosine).sum(2), dgate, dshift, dsharpness)
    return dmemory, dheads, (1 - gate[:, :, None]) * dmixed


def read_forward(memory, weights):
    """memory (N, M, S), weights (N, R, S) -> what R heads read (N, R, M), cache."""
    return weights @ memory.swapaxes(1, 2), (memory, weights)


def read_backward(dread, cache):
    """dread (N, R, M) -> dmemory, dweights."""
    memory, weights = cache
    return dread.swapaxes(1, 2) @ weights, dread @ memory


def write_forward(memory, weights, erase, add):
    """memory (N, M, S), weights (N, E, S), erase and add (N, E, M) of E heads -> the memory afterwards (N, M, S), cache."""
    after = memory * _kept(weights, erase).prod(1) + add.swapaxes(1, 2) @ weights
    return after, (memory, weights, erase, add)


def write_backward(dafter, cache):
    """dafter (N, M, S) -> dmemory, dweights, derase, dadd."""
    memory, weights, erase, add = cache
    kept = _kept(weights, erase)
    u, writers = empty(kept, kept.shape), range(kept.shape[1])
    for e in writers:
        u[:, e] = -dafter * memory * kept[:, [f for f in writers if f != e]].prod(1)
    dweights = (u * erase[:, :, :, None]).sum(2) + add @ dafter
    return dafter * kept.prod(1), dweights, (u * weights[:, :, None]).sum(3), weights @ dafter.swapaxes(1, 2)


def offsets(shift):
    """How many slots each of the J numbers of a shift (N, K, J) moves: -1, 0, 1 where J is 3."""
    J = shift.shape[2]
    return range(-(J // 2), J - J // 2)


def softmax_rows_of(x):
    """The softmax of the last axis of x (N, K, S)."""
    return softmax_rows(x.reshape(-1, x.shape[2])).reshape(x.shape)


def through_softmax(d, y):
    """The gradient d by a softmax y, both (..., S), as that by what the softmax was taken of."""
    return y * (d - (y * d).sum(-1, keepdims=True))


def _cosine_back(dcosine, key, memory, cosine, xp):
    """dkey (N, K, M), dmemory (N, M, S)."""
    keys, slots = _length(key, 2, xp)[:, :, None], _length(memory, 1, xp)[:, None]
    d, own = dcosine / (keys * slots), dcosine * cosine
    dkey = d @ memory.swapaxes(1, 2) - key * own.sum(2, keepdims=True) / keys ** 2
    return dkey, key.swapaxes(1, 2) @ d - memory * own.sum(1, keepdims=True) / slots ** 2


def _length(x, axis, xp):
    return xp.sqrt((x * x).sum(axis) + FLOOR)


def _mixed(content, gate, before):
    return gate[:, :, None] * content + (1 - gate[:, :, None]) * before


def _tiny(x):
    return np.finfo(x.dtype).tiny


def _log(x, xp):
    return xp.log(x + _tiny(x))


def _kept(weights, erase):
    """(N, E, M, S): what each writing head leaves of every number."""
    return 1 - weights[:, :, None] * erase[:, :, :, None]
