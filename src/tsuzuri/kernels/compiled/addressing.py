"""What the heads of a Neural Turing Machine do with one row's memory in one step, and back; all inner loops run along the slots.

The formulas stand in ``kernels.memory``.
"""
import numpy as np

from tsuzuri.kernels.compiled.softmax import softmax_in_place
from tsuzuri.kernels.compiled.vector import any_order, dot, exp, log, loop, tanh


@loop
def use_memory(m, p, before, w, cosine, content, shifted, r, after, scratch, constants):
    """One row and step: find the heads' weights w (K, S), read r (R M) from m (M, S), and write ``after``."""
    (M, _), K = m.shape, len(w)
    R = r.size // M
    _inverse_lengths(m, scratch[0], constants[0])
    for k in range(K):
        _look(m, p, k, K, K - R, scratch[0], before[k], cosine[k], content[k], scratch[1], shifted[k], w[k], constants)
    for k in range(R):
        _read(m, w[k], r[k * M:(k + 1) * M])
    _write(m, w[R:], p[K * M:(2 * K - R) * M], p[(2 * K - R) * M:], after)


@loop
def into_range(p, x, b, K, E, M):
    """p (P) from the product x and the bias b, each part in its range."""
    one, bent, above, shift = p.dtype.type(1), (K + E) * M, (K + 2 * E) * M + K, (K + 2 * E) * M + 3 * K
    for j in range(bent):
        p[j] = tanh(x[j] + b[j])
    for j in range(bent, above):
        p[j] = one / (one + exp(-(x[j] + b[j])))
    for j in range(above, shift):
        y = x[j] + b[j]
        p[j] = max(y, p.dtype.type(0)) + np.log1p(np.exp(-abs(y)))
    for j in range(shift - K, shift):
        p[j] += one
    J = (p.size - shift) // K
    for j in range(shift, p.size):
        p[j] = x[j] + b[j]
    for k in range(K):
        softmax_in_place(p[shift + k * J:shift + (k + 1) * J], J)


@loop
def _inverse_lengths(m, inverse, floor):
    one = m.dtype.type(1)
    inverse[:] = floor
    for i in range(len(m)):
        slot = m[i]
        for s in range(inverse.size):
            inverse[s] += slot[s] * slot[s]
    for s in range(inverse.size):
        inverse[s] = one / np.sqrt(inverse[s])


@loop
def _look(m, p, k, K, E, inverse, before, cosine, content, mixed, shifted, w, constants):
    """Fill the weights w (S) of head k, and what its way back needs."""
    M, S = m.shape
    at, J = (K + 2 * E) * M, (p.size - (K + 2 * E) * M - 3 * K) // K
    gate, strength, sharpness = p[at + k], p[at + K + k], p[at + 2 * K + k]
    key, shift = p[k * M:(k + 1) * M], p[at + 3 * K + k * J:at + 3 * K + (k + 1) * J]
    _along(m, key, cosine)
    share = w.dtype.type(1) / np.sqrt(dot(key, key) + constants[0])
    for s in range(S):
        cosine[s] *= share * inverse[s]
        content[s] = strength * cosine[s]
    softmax_in_place(content, S)
    _mix(gate, content, before, mixed)
    shifted[:] = 0
    for j in range(J):
        _add_moved(shifted, shift[j], mixed, (j - J // 2) % S)
    for s in range(S):
        w[s] = sharpness * log(shifted[s] + constants[1])
    softmax_in_place(w, S)


@loop
def _along(m, key, out):
    """out (S) = key (M) @ m (M, S)."""
    out[:] = 0
    for i in range(len(m)):
        slot, y = m[i], key[i]
        for s in range(out.size):
            out[s] += y * slot[s]


@loop
def _mix(gate, content, before, mixed):
    rest = type(gate)(1) - gate
    for s in range(mixed.size):
        mixed[s] = gate * content[s] + rest * before[s]


@loop
def _add_moved(out, share, x, by):
    """out_s += share x_{s - by}, around the end; ``by`` is 0 to S - 1."""
    S = x.size
    for s in range(by, S):
        out[s] += share * x[s - by]
    for s in range(by):
        out[s] += share * x[S - by + s]


@loop
def _read(m, w, r):
    for i in range(len(m)):
        r[i] = dot(m[i], w)


@loop
def _write(m, w, add, erase, after):
    M, one = len(m), m.dtype.type(1)
    for i in range(M):
        x = after[i]
        copy_into(m[i], x)
        for e in range(len(w)):
            _erase(x, w[e], erase[e * M + i], one)
        for e in range(len(w)):
            add_share(x, w[e], add[e * M + i])


@loop
def copy_into(x, y):
    for s in range(x.size):
        y[s] = x[s]


@loop
def _erase(x, w, share, one):
    for s in range(x.size):
        x[s] *= one - w[s] * share


@loop
def add_share(x, w, share):
    for s in range(x.size):
        x[s] += w[s] * share


@loop
def use_memory_back(m, p, d, before, w, cosine, content, shifted, dr, dw, dm, dcosine, scratch, constants):
    """One row and step: sets d (P), the gradient by what the heads are told; dw (K, S) and dm (M, S) become those of the step before."""
    (M, S), K, inverse, own = m.shape, len(w), scratch[0], scratch[1]
    R = dr.size // M
    _write_back(m, w[R:], p[(2 * K - R) * M:], p[K * M:(2 * K - R) * M], dm, dw[R:], d[(2 * K - R) * M:], d[K * M:(2 * K - R) * M], own)
    for i in range(M):
        for k in range(R):
            add_share(dw[k], m[i], dr[k * M + i])
    _inverse_lengths(m, inverse, constants[0])
    own[:] = 0
    for k in range(K):
        _look_back(m, p, d, k, K, K - R, inverse, before[k], cosine[k], content[k], scratch[2], shifted[k], w[k], dw[k], dcosine[k], own, constants)
    for s in range(S):
        own[s] *= inverse[s] * inverse[s]
    for i in range(M):
        _minus(dm[i], own, m[i])
        for k in range(R):
            add_share(dm[i], w[k], dr[k * M + i])
        for k in range(K):
            add_share(dm[i], dcosine[k], p[k * M + i])
            d[k * M + i] += dot(dcosine[k], m[i])
    _out_of_range(p, d, K, K - R, M)


@loop
def _write_back(m, w, erase, add, dm, dw, derase, dadd, u):
    """Through the writing heads: dw gets its share, derase and dadd are set, dm (M, S) becomes that by the memory before."""
    M, one = len(m), m.dtype.type(1)
    for i in range(M):
        d = dm[i]
        for e in range(len(w)):
            _product(d, m[i], u)
            for f in range(len(w)):
                if f != e:
                    _erase(u, w[f], erase[f * M + i], one)
            derase[e * M + i], dadd[e * M + i] = -dot(u, w[e]), dot(d, w[e])
            _add_both(dw[e], d, add[e * M + i], u, -erase[e * M + i])
        for e in range(len(w)):
            _erase(d, w[e], erase[e * M + i], one)


@loop
def _product(x, y, out):
    for s in range(x.size):
        out[s] = x[s] * y[s]


@loop
def _add_both(out, x, a, y, b):
    for s in range(x.size):
        out[s] += x[s] * a + y[s] * b


@loop
def _look_back(m, p, d, k, K, E, inverse, before, cosine, content, mixed, shifted, w, dw, dcosine, own, constants):
    """Through the weights of head k: dw (S) becomes that by the weights before.

    Sets what d (P) has of the head but for the first part of its key; dcosine (S) is that by the cosines, over both lengths; own (S)
    gets dcosine cosine.
    """
    M, S = m.shape
    at, J = (K + 2 * E) * M, (p.size - (K + 2 * E) * M - 3 * K) // K
    gate, strength, sharpness = p[at + k], p[at + K + k], p[at + 2 * K + k]
    key, shift = p[k * M:(k + 1) * M], p[at + 3 * K + k * J:at + 3 * K + (k + 1) * J]
    dkey, dshift = d[k * M:(k + 1) * M], d[at + 3 * K + k * J:at + 3 * K + (k + 1) * J]
    d[at + 2 * K + k] = _sharpen_back(w, shifted, sharpness, dw, dot(w, dw), constants[1], mixed)
    _mix(gate, content, before, mixed)
    dcosine[:] = 0                                           # for a while: the gradient by the mixed
    for j in range(J):
        dshift[j] = _dot_moved(dw, mixed, (j - J // 2) % S)
        _add_moved(dcosine, shift[j], dw, (J // 2 - j) % S)
    d[at + k] = _mix_back(gate, content, before, dcosine, dw)
    share = w.dtype.type(1) / np.sqrt(dot(key, key) + constants[0])
    d[at + K + k], along = _content_back(content, cosine, strength, dcosine, dot(content, dcosine), own, inverse, share)
    for i in range(M):
        dkey[i] = -key[i] * along * share * share


@loop
def _sharpen_back(w, shifted, sharpness, dw, along, tiny, logs):
    """dw becomes the gradient by the shifted weights; that by the sharpness."""
    for s in range(w.size):
        dw[s] = w[s] * (dw[s] - along)
        logs[s] = log(shifted[s] + tiny)
    dsharpness = dot(dw, logs)
    for s in range(w.size):
        dw[s] = sharpness * dw[s] / (shifted[s] + tiny)
    return dsharpness


@any_order
def _dot_moved(d, x, by):
    """The sum of d_s x_{s - by}, around the end."""
    y, S = x.dtype.type(0), x.size
    for s in range(by, S):
        y += d[s] * x[s - by]
    for s in range(by):
        y += d[s] * x[S - by + s]
    return y


@any_order
def _mix_back(gate, content, before, dmixed, dbefore):
    """dmixed becomes the gradient by the content; the gradient by the gate."""
    dgate, rest = gate * 0, 1 - gate
    for s in range(content.size):
        dgate += dmixed[s] * (content[s] - before[s])
        dbefore[s] = rest * dmixed[s]
        dmixed[s] *= gate
    return dgate


@any_order
def _content_back(content, cosine, strength, d, along, own, inverse, share):
    """d, by the content, becomes that by the cosines over both lengths; the gradient by the strength, and the sum of dcosine cosine."""
    dstrength = both = cosine.dtype.type(0)
    for s in range(content.size):
        du = content[s] * (d[s] - along)
        dstrength += du * cosine[s]
        dcosine = strength * du
        own[s] += dcosine * cosine[s]
        both += dcosine * cosine[s]
        d[s] = dcosine * share * inverse[s]
    return dstrength, both


@loop
def _minus(x, a, b):
    for s in range(x.size):
        x[s] -= a[s] * b[s]


@loop
def _out_of_range(p, d, K, E, M):
    one, bent, above, shift = p.dtype.type(1), (K + E) * M, (K + 2 * E) * M + K, (K + 2 * E) * M + 3 * K
    for j in range(bent):
        d[j] *= one - p[j] * p[j]
    for j in range(bent, above):
        d[j] *= p[j] * (one - p[j])
    for j in range(above, shift):
        d[j] *= -np.expm1(-p[j] if j < above + K else one - p[j])
    J = (p.size - shift) // K
    for k in range(K):
        first, last = shift + k * J, shift + (k + 1) * J
        along = dot(p[first:last], d[first:last])
        for j in range(first, last):
            d[j] = p[j] * (d[j] - along)
