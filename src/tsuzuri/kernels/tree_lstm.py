"""Tree-LSTMs over a forest: a node's state from those of its children, each of which has a forget gate of its own.

As in kernels.tree, nodes lie sorted by height and those of one height are one block.  x is the vector of a node's word; a node
without one has x = 0.  Binary, with p = [h_1; h_2] the children's outputs side by side:

    a = x Wx + b, with gates i, f, g, o            i, f_1, f_2, g, o = sigma, sigma, sigma, tanh, sigma of
    c = i * g + f_1 * c_1 + f_2 * c_2              (a_i, a_f, a_f, a_g, a_o) + p Wh,  in the order i, f_1, f_2, g, o
    h = o * tanh(c)

Both forget gates share x's part and the bias.  Child-sum, for any number of children k, with s the sum of their h:

    i, g, o = sigma, tanh, sigma of a + s Wh       f_k = sigma(a_f + h_k Wh_f)
    c = i * g + sum over k of f_k * c_k            h = o * tanh(c)

At a leaf the sums over children are 0.  Going back, with dh and dc of a node complete once all above it is done:

    dc += dh * o * (1 - tanh(c)^2)
    da_i = dc * g * i (1 - i)         df_k = dc * c_k * f_k (1 - f_k)        (before the sigmoid)
    da_g = dc * i * (1 - g^2)         da_o = dh * tanh(c) * o (1 - o)
    dc_k = dc * f_k                   da_f = sum over k of df_k

    binary:     dp = (da_i, df_1, df_2, da_g, da_o) Wh^T
    child-sum:  dh_k = (da_i, da_g, da_o) Wh^T + df_k Wh_f^T

The weights' gradients are one product each, after the last height.  Source: Tai, Socher and Manning 2015 (equations 2 to 14).
"""
from itertools import pairwise

import numpy as np

from tsuzuri.array import empty, module_of, to_host
from tsuzuri.errors import ShapeError
from tsuzuri.kernels.activation import sigmoid
from tsuzuri.kernels.inner import inner
from tsuzuri.kernels.product import column_sums, matmul
from tsuzuri.kernels.tree import blocks
from tsuzuri.shapes import expect


def tree_lstm_forward(x, Wx, Wh, b, at, levels, children):
    """x (n, D), the vectors of nodes ``at`` (n,), Wx (D, 4H), Wh (2H, 5H), b (4H), levels (L + 1,), children (2 inner nodes,)
    -> hs (M, H), cache."""
    H = expect("tree LSTM", x=(x, "N D"), Wx=(Wx, "D 4H"), Wh=(Wh, "2H 5H"), b=(b, "4H"))["H"]
    module_of(x, Wx, Wh, b, at, levels, children)
    levels = to_host(levels)                                 # they say what is done in which order, which the host does
    count, leaves = int(levels[-1]), int(levels[min(1, len(levels) - 1)])
    check_nodes(x, at, count, len(children) == 2 * (count - leaves), "two")
    hs, cs, tanh_c, gates = (empty(x, (count, width)) for width in (H, H, H, 5 * H))
    pairs, worded = empty(x, (count - leaves, 2 * H)), _by_level(at, levels)
    from_x = _doubled(matmul(x, Wx), H)
    b = _doubled(b[None], H)
    for (nodes, pair), (low, high) in zip(_with_leaves(levels), worded, strict=True):
        below = children[2 * pair.start:2 * pair.stop]
        if len(below):
            pairs[pair] = hs[below].reshape(-1, 2 * H)
            gates[nodes] = matmul(pairs[pair], Wh) + b
        else:
            gates[nodes] = b
        gates[at[low:high]] += from_x[low:high]
        tree_lstm_cells(gates, hs, cs, tanh_c, below, nodes.start, nodes.stop)
    return hs, (x, Wx, Wh, at, levels, children, cs, tanh_c, gates, pairs)


def tree_lstm_backward(dhs, cache):
    """dhs (M, H) -> (dx, dWx, dWh, db)."""
    x, Wx, Wh, at, levels, children, cs, tanh_c, gates, pairs = cache
    H = cs.shape[1]
    dh, dc, da = dhs.copy(order="C"), module_of(cs).zeros_like(cs), empty(gates, gates.shape)
    for nodes, pair in reversed(_with_leaves(levels)):
        below = children[2 * pair.start:2 * pair.stop]
        tree_lstm_cells_back(gates, cs, tanh_c, below, dh, dc, da, nodes.start, nodes.stop)
        if len(below):
            dh[below] += matmul(da[nodes], Wh.T).reshape(-1, H)
    single = _undoubled(da, H)
    return *_of_words(x, Wx, single[at]), matmul(pairs.T, da[len(da) - len(pairs):]), column_sums(single)


def child_sum_forward(x, Wx, Wh, b, at, levels, first, children):
    """x (n, D), the vectors of nodes ``at`` (n,), Wx (D, 4H), Wh (H, 4H), b (4H), levels (L + 1,), first (M + 1,), children (E,)
    -> hs (M, H), cache."""
    H = expect("child-sum LSTM", x=(x, "N D"), Wx=(Wx, "D 4H"), Wh=(Wh, "H 4H"), b=(b, "4H"))["H"]
    module_of(x, Wx, Wh, b, at, levels, first, children)
    levels, first = to_host(levels), to_host(first)
    count, leaves = int(levels[-1]), int(levels[min(1, len(levels) - 1)])
    check_nodes(x, at, count, len(first) == count + 1 and len(children) == int(first[-1]), "some")
    hs, cs, tanh_c, gates = (empty(x, (count, width)) for width in (H, H, H, 4 * H))
    sums, forget, worded = empty(x, (count - leaves, H)), empty(x, (len(children), H)), _by_level(at, levels)
    (others, own), from_x = _apart(Wh, H), matmul(x, Wx)
    for (nodes, few), (low, high) in zip(_with_leaves(levels), worded, strict=True):
        gates[nodes] = b
        gates[at[low:high]] += from_x[low:high]
        if few.stop > few.start:
            below = slice(int(first[nodes.start]), int(first[nodes.stop]))
            sum_children(hs, first, children, nodes.start, nodes.stop, sums[few])
            forget[below] = matmul(hs[children[below]], own)
            _add_apart(gates[nodes], matmul(sums[few], others), H)
        child_sum_cells(gates, hs, cs, tanh_c, forget, first, children, nodes.start, nodes.stop)
    return hs, (x, Wx, Wh, at, levels, first, children, hs, cs, tanh_c, gates, sums, forget)


def child_sum_backward(dhs, cache):
    """dhs (M, H) -> (dx, dWx, dWh, db)."""
    x, Wx, Wh, at, levels, first, children, hs, cs, tanh_c, gates, sums, forget = cache
    H, xp = cs.shape[1], module_of(cs)
    (others, own), dh, dc = _apart(Wh, H), dhs.copy(order="C"), xp.zeros_like(cs)
    da, df = empty(gates, gates.shape), empty(forget, forget.shape)
    for nodes, few in reversed(_with_leaves(levels)):
        child_sum_cells_back(gates, cs, tanh_c, forget, first, children, dh, dc, da, df, nodes.start, nodes.stop)
        if few.stop > few.start:
            below = slice(int(first[nodes.start]), int(first[nodes.stop]))
            ds = matmul(_joined(da[nodes], H), others.T)
            dh[children[below]] += matmul(df[below], own.T) + xp.repeat(ds, _counts(first, nodes.start, nodes.stop), axis=0)
    dWh = empty(Wh, Wh.shape)
    dWh[:, H:2 * H] = matmul(hs[children].T, df)
    dWh[:, :H], dWh[:, 2 * H:] = xp.split(matmul(sums.T, _joined(da[len(da) - len(sums):], H)), [H], axis=1)
    return *_of_words(x, Wx, da[at]), dWh, column_sums(da)


def check_nodes(x, at, count, fits, children):
    """ShapeError where words or children are not those of ``count`` nodes."""
    if len(x) != len(at) or not fits:
        raise ShapeError(f"trees: {len(x)} vectors for {len(at)} words of {count} nodes; every word needs a vector, and every node above a "
                         f"leaf {children} children.")


@inner
def tree_lstm_cells(gates, hs, cs, tanh_c, below, low, high):
    """Fill rows low to high of hs, cs and tanh_c; gates (M, 5H) holds what enters the gates, activated in place.

    below (2 (high - low),) are the children of these nodes; leaves have none.
    """
    H, xp = hs.shape[1], module_of(gates)
    i, f1, f2, g, o = (gates[low:high, k * H:(k + 1) * H] for k in range(5))        # views: activated in place
    i[:], f1[:], f2[:], g[:], o[:] = sigmoid(i), sigmoid(f1), sigmoid(f2), xp.tanh(g), sigmoid(o)
    cs[low:high] = i * g
    if len(below):
        cs[low:high] += f1 * cs[below[::2]] + f2 * cs[below[1::2]]
    tanh_c[low:high] = xp.tanh(cs[low:high])
    hs[low:high] = o * tanh_c[low:high]


@inner
def tree_lstm_cells_back(gates, cs, tanh_c, below, dh, dc, da, low, high):
    """Fill rows low to high of da (M, 5H), and the children's rows of dc; dh (M, H) is complete there."""
    H, some = cs.shape[1], slice(low, high)
    i, f1, f2, g, o = (gates[some, k * H:(k + 1) * H] for k in range(5))
    di, df1, df2, dg, do = (da[some, k * H:(k + 1) * H] for k in range(5))
    dct = dc[some] + dh[some] * o * (1 - tanh_c[some] ** 2)
    di[:], dg[:], do[:] = dct * g * i * (1 - i), dct * i * (1 - g ** 2), dh[some] * tanh_c[some] * o * (1 - o)
    df1[:] = df2[:] = 0
    if len(below):
        left, right = below[::2], below[1::2]
        df1[:], df2[:] = dct * cs[left] * f1 * (1 - f1), dct * cs[right] * f2 * (1 - f2)
        dc[left], dc[right] = dct * f1, dct * f2


@inner
def sum_children(hs, first, children, low, high, sums):
    """Fill sums (high - low, H) with the sum of hs over the children of each of the nodes low to high."""
    xp = module_of(hs)
    sums[:] = 0
    owners = xp.repeat(xp.arange(high - low), _counts(first, low, high))
    xp.add.at(sums, owners, hs[children[int(first[low]):int(first[high])]])


@inner
def child_sum_cells(gates, hs, cs, tanh_c, forget, first, children, low, high):
    """Fill rows low to high of hs, cs and tanh_c; gates (M, 4H) and forget (E, H) hold what enters the gates, activated in place.

    What enters the gate of a child is its row of forget and the f of its parent's gates, which stays as it is.
    """
    H, xp = hs.shape[1], module_of(gates)
    i, f, g, o = (gates[low:high, k * H:(k + 1) * H] for k in range(4))
    i[:], g[:], o[:] = sigmoid(i), xp.tanh(g), sigmoid(o)
    some, owners = slice(int(first[low]), int(first[high])), xp.repeat(xp.arange(high - low), _counts(first, low, high))
    forget[some] = sigmoid(forget[some] + f[owners])
    cs[low:high] = i * g
    xp.add.at(cs, low + owners, forget[some] * cs[children[some]])
    tanh_c[low:high] = xp.tanh(cs[low:high])
    hs[low:high] = o * tanh_c[low:high]


@inner
def child_sum_cells_back(gates, cs, tanh_c, forget, first, children, dh, dc, da, df, low, high):
    """Fill rows low to high of da (M, 4H), their children's rows of df (E, H) and of dc; dh (M, H) is complete there."""
    H, xp, nodes = cs.shape[1], module_of(gates), slice(low, high)
    i, _, g, o = (gates[nodes, k * H:(k + 1) * H] for k in range(4))
    di, da_f, dg, do = (da[nodes, k * H:(k + 1) * H] for k in range(4))
    dct = dc[nodes] + dh[nodes] * o * (1 - tanh_c[nodes] ** 2)
    di[:], dg[:], do[:] = dct * g * i * (1 - i), dct * i * (1 - g ** 2), dh[nodes] * tanh_c[nodes] * o * (1 - o)
    some, owners = slice(int(first[low]), int(first[high])), xp.repeat(xp.arange(high - low), _counts(first, low, high))
    f, below = forget[some], children[some]
    df[some] = dct[owners] * cs[below] * f * (1 - f)
    dc[below] = dct[owners] * f
    da_f[:] = 0
    xp.add.at(da, (low + owners, slice(H, 2 * H)), df[some])


def _counts(first, low, high):
    """How many children each of the nodes low to high has."""
    return (first[low + 1:high + 1] - first[low:high]).tolist()


def _with_leaves(levels):
    """As ``blocks``, the leaves first: they are no inner nodes."""
    leaves = int(levels[min(1, len(levels) - 1)])
    return [(slice(0, leaves), slice(0, 0)), *blocks(levels)]


def _by_level(at, levels):
    """For each height the rows of ``at``, which is in order, that are of it."""
    bounds = np.searchsorted(to_host(at), levels).tolist()
    return list(pairwise(bounds)) or [(0, 0)]


def _doubled(a, H):
    """(n, 4H) -> (n, 5H), the forget gate twice."""
    return module_of(a).concatenate([a[:, :2 * H], a[:, H:]], axis=1)


def _undoubled(da, H):
    """(n, 5H) -> (n, 4H), the two forget gates added up."""
    single = module_of(da).concatenate([da[:, :2 * H], da[:, 3 * H:]], axis=1)
    single[:, H:2 * H] += da[:, 2 * H:3 * H]
    return single


def _apart(Wh, H):
    """Wh (H, 4H) -> (H, 3H) of the gates i, g and o, (H, H) of f."""
    xp = module_of(Wh)
    return _joined(Wh, H), xp.ascontiguousarray(Wh[:, H:2 * H])


def _joined(a, H):
    """(n, 4H) -> (n, 3H), without the forget gate."""
    return module_of(a).concatenate([a[:, :H], a[:, 2 * H:]], axis=1)


def _add_apart(gates, a, H):
    """Add a (n, 3H) to the gates i, g and o of (n, 4H)."""
    gates[:, :H] += a[:, :H]
    gates[:, 2 * H:] += a[:, H:]


def _of_words(x, Wx, da):
    """dx and dWx from da (n, 4H), the gradient of x Wx."""
    return matmul(da, Wx.T), matmul(x.T, da)
