"""Neural Turing Machines as PyTorch would write them, step by step from its own functions: what our ops are compared with."""
import torch
from torch.nn import functional as F


def turing_lstm(op, x, z, c, w, m, Wx, U, b, Wp, bp):
    """The ten arguments of TuringLSTM -> its four outputs."""
    size = c.shape[1]

    def control(x, z, c):
        i, f, g, o = (x @ Wx + z @ U + b).chunk(4, dim=1)
        c = f.sigmoid() * c + i.sigmoid() * g.tanh()
        return o.sigmoid() * c.tanh(), c

    zs, ws, c, m = run(control, x, z, c, w, m, size, Wp, bp)
    return zs, ws, c, m


def turing_feedforward(op, x, r, w, m, Wx, Wr, b, Wp, bp):
    """The nine arguments of TuringFeedforward -> its three outputs."""
    size = len(b)
    z = torch.cat([torch.zeros(len(r), size, dtype=r.dtype), r], dim=1)
    zs, ws, _, m = run(lambda x, z, c: ((x @ Wx + z[:, size:] @ Wr + b).tanh(), c), x, z, None, w, m, size, Wp, bp)
    return zs, ws, m


def run(control, x, z, c, w, m, size, Wp, bp):
    """Step by step."""
    reads, zs, ws = (z.shape[1] - size) // m.shape[2], [], []
    for t in range(x.shape[1]):
        h, c = control(x[:, t], z, c)
        before = m
        w, erase, add = look(h @ Wp + bp, w, m, reads)
        for e in range(w.shape[1] - reads):
            m = m * (1 - w[:, reads + e, :, None] * erase[:, e, None])
        m = m + w[:, reads:].transpose(1, 2) @ add
        z = torch.cat([h, (w[:, :reads] @ before).flatten(1)], dim=1)
        zs.append(z)
        ws.append(w)
    return torch.stack(zs, 1), torch.stack(ws, 1), c, m


def look(p, w, m, reads):
    """Where the heads are, and what they write."""
    K, M = w.shape[1], m.shape[2]
    E = K - reads
    key, add, erase, gate, strength, sharpness, shift = p.split([K * M, E * M, E * M, K, K, K, p.shape[1] - (K + 2 * E) * M - 3 * K], dim=1)
    key, add, erase = key.tanh().view(len(p), K, M), add.tanh().view(len(p), E, M), erase.sigmoid().view(len(p), E, M)
    shift, gate = shift.view(len(p), K, -1).softmax(2), gate.sigmoid()[:, :, None]
    content = (F.softplus(strength)[:, :, None] * F.cosine_similarity(key[:, :, None], m[:, None], dim=3)).softmax(2)
    mixed = gate * content + (1 - gate) * w
    J = shift.shape[2]
    moved = sum(shift[:, :, j, None] * mixed.roll(j - J // 2, 2) for j in range(J))
    powers = moved ** (1 + F.softplus(sharpness))[:, :, None]
    return powers / powers.sum(2, keepdim=True), erase, add
