"""What ``kernels.tree_lstm`` does between two products, compiled: one pass over the nodes of a height."""
from tsuzuri.kernels.compiled.vector import exp, loop, sigmoid_and_tanh, tanh, two_sigmoids


@loop
def tree_lstm_cells(gates, hs, cs, tanh_c, below, low, high):
    H, inner = hs.shape[1], len(below) > 0
    for n in range(low, high):
        a, c, tc, h = gates[n], cs[n], tanh_c[n], hs[n]
        for j in range(H):
            i, g = sigmoid_and_tanh(a[j], a[3 * H + j])
            f, o = two_sigmoids(a[H + j], a[4 * H + j])
            a[j], a[H + j], a[3 * H + j], a[4 * H + j] = i, f, g, o
            c[j] = i * g
        if inner:
            left, right = cs[below[2 * (n - low)]], cs[below[2 * (n - low) + 1]]
            for j in range(H):
                f = a.dtype.type(1) / (a.dtype.type(1) + exp(-max(a[2 * H + j], a.dtype.type(-40))))
                a[2 * H + j] = f
                c[j] += a[H + j] * left[j] + f * right[j]
        for j in range(H):
            tc[j] = tanh(c[j])
            h[j] = a[4 * H + j] * tc[j]


@loop
def tree_lstm_cells_back(gates, cs, tanh_c, below, dh, dc, da, low, high):
    H, one, inner = cs.shape[1], gates.dtype.type(1), len(below) > 0
    for n in range(low, high):
        a, d, tc, dhn, dcn = gates[n], da[n], tanh_c[n], dh[n], dc[n]
        for j in range(H):
            i, g, o = a[j], a[3 * H + j], a[4 * H + j]
            dct = dcn[j] + dhn[j] * o * (one - tc[j] * tc[j])
            dcn[j] = dct
            d[j] = dct * g * i * (one - i)
            d[H + j] = 0
            d[2 * H + j] = 0
            d[3 * H + j] = dct * i * (one - g * g)
            d[4 * H + j] = dhn[j] * tc[j] * o * (one - o)
        if inner:
            l, r = below[2 * (n - low)], below[2 * (n - low) + 1]
            _forget_back(a[H:2 * H], cs[l], dcn, dc[l], d[H:2 * H])
            _forget_back(a[2 * H:3 * H], cs[r], dcn, dc[r], d[2 * H:3 * H])


@loop
def _forget_back(f, c, dct, dc, df):
    """From dct of a node: df of one forget gate, and dc of that child, whose state is c."""
    one = f.dtype.type(1)
    for j in range(f.size):
        df[j] = dct[j] * c[j] * f[j] * (one - f[j])
        dc[j] = dct[j] * f[j]


@loop
def sum_children(hs, first, children, low, high, sums):
    for n in range(low, high):
        s = sums[n - low]
        s[:] = 0
        for e in range(first[n], first[n + 1]):
            h = hs[children[e]]
            for j in range(s.size):
                s[j] += h[j]


@loop
def child_sum_cells(gates, hs, cs, tanh_c, forget, first, children, low, high):
    H, one = hs.shape[1], gates.dtype.type(1)
    for n in range(low, high):
        a, c, tc, h = gates[n], cs[n], tanh_c[n], hs[n]
        for j in range(H):
            i, g = sigmoid_and_tanh(a[j], a[2 * H + j])
            a[j], a[2 * H + j] = i, g
            c[j] = i * g
        for e in range(first[n], first[n + 1]):
            fe, ce = forget[e], cs[children[e]]
            for j in range(H):
                f = one / (one + exp(-max(fe[j] + a[H + j], gates.dtype.type(-40))))
                fe[j] = f
                c[j] += f * ce[j]
        for j in range(H):
            o = one / (one + exp(-max(a[3 * H + j], gates.dtype.type(-40))))
            a[3 * H + j] = o
            tc[j] = tanh(c[j])
            h[j] = o * tc[j]


@loop
def child_sum_cells_back(gates, cs, tanh_c, forget, first, children, dh, dc, da, df, low, high):
    H, one = cs.shape[1], gates.dtype.type(1)
    for n in range(low, high):
        a, d, tc, dhn, dcn = gates[n], da[n], tanh_c[n], dh[n], dc[n]
        for j in range(H):
            i, g, o = a[j], a[2 * H + j], a[3 * H + j]
            dct = dcn[j] + dhn[j] * o * (one - tc[j] * tc[j])
            dcn[j] = dct
            d[j] = dct * g * i * (one - i)
            d[H + j] = 0
            d[2 * H + j] = dct * i * (one - g * g)
            d[3 * H + j] = dhn[j] * tc[j] * o * (one - o)
        for e in range(first[n], first[n + 1]):
            _forget_back(forget[e], cs[children[e]], dcn, dc[children[e]], df[e])
            for j in range(H):
                d[H + j] += df[e, j]
