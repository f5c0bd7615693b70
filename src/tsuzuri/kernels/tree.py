"""Recursive networks over a forest: every node's vector from those of its children, up the trees and back down.

Nodes lie sorted by height, leaves first, so the nodes of one height, whichever tree they are of, are one block of rows, and
everything they need is done.  ``levels`` says where each block begins, ``children`` which rows a node is made of.  A node has one
parent, so that going back each row is written to once; the weights' gradients need every da and are one product at the end.

Recursive net, with p = [h_left; h_right] and x the vector of a leaf:

    h = x at a leaf          h = tanh(p W + b)

    da = dh * (1 - h^2)      dp = da W^T                        dW = sum of p^T da         db = sum of da

Recursive neural tensor network: a bilinear form of p is added for each of the H numbers.  It is a product of the outer product
p (x) p, of (2H)^2 numbers, with V ((2H)^2, H):

    h = tanh((p (x) p) V + p W + b)

    dP = da V^T, as a matrix (2H, 2H) for each node            dp = da W^T + (dP + dP^T) p          dV = sum of (p (x) p)^T da

Source: Socher et al. 2011 (recursive net), Socher et al. 2013 (with the tensor).
"""
from itertools import pairwise

from tsuzuri.array import empty, module_of, to_host
from tsuzuri.errors import ShapeError
from tsuzuri.kernels.product import column_sums, matmul
from tsuzuri.shapes import expect

BLOCK = 1 << 21                                              # numbers of outer products that are held at a time


def recursive_forward(x, W, b, levels, children):
    """x (leaves, H), W (2H, H), b (H), levels (L + 1,), children (2 inner nodes,) -> hs (M, H), cache."""
    H = expect("recursive net", x=(x, "N H"), W=(W, "2H H"), b=(b, "H"))["H"]
    module_of(x, W, b, levels, children)
    levels = to_host(levels)                                 # they say what is done in which order, which the host does
    hs, pairs = grown(x, levels, children)
    for nodes, inner in blocks(levels):
        pairs[inner] = hs[children[2 * inner.start:2 * inner.stop]].reshape(-1, 2 * H)
        hs[nodes] = module_of(x).tanh(matmul(pairs[inner], W) + b)
    return hs, (W, levels, children, hs, pairs)


def recursive_backward(dhs, cache):
    """dhs (M, H) -> (dx, dW, db)."""
    W, levels, children, hs, pairs = cache
    H, leaves = hs.shape[1], len(hs) - len(pairs)
    dh, da = dhs.copy(order="C"), empty(hs, (len(pairs), H))
    for nodes, inner in reversed(blocks(levels)):
        da[inner] = dh[nodes] * (1 - hs[nodes] ** 2)
        dh[children[2 * inner.start:2 * inner.stop]] += matmul(da[inner], W.T).reshape(-1, H)
    return dh[:leaves], matmul(pairs.T, da), column_sums(da)


def rntn_forward(x, V, W, b, levels, children):
    """x (leaves, H), V (4HH, H), W (2H, H), b (H), levels (L + 1,), children (2 inner nodes,) -> hs (M, H), cache."""
    H = expect("tensor network", x=(x, "N H"), V=(V, "K H"), W=(W, "2H H"), b=(b, "H"))["H"]
    if len(V) != 4 * H * H:
        raise ShapeError(f"tensor network: V has {len(V)} rows; with vectors of {H} numbers it needs (2 {H})^2 = {4 * H * H}.")
    module_of(x, V, W, b, levels, children)
    levels = to_host(levels)
    hs, pairs = grown(x, levels, children)
    leaves = len(x)
    for _, inner in blocks(levels):
        for few in parts(inner, 4 * H * H):
            pairs[few] = p = hs[children[2 * few.start:2 * few.stop]].reshape(-1, 2 * H)
            hs[leaves + few.start:leaves + few.stop] = module_of(x).tanh(matmul(outer(p), V) + matmul(p, W) + b)
    return hs, (V, W, levels, children, hs, pairs)


def rntn_backward(dhs, cache):
    """dhs (M, H) -> (dx, dV, dW, db)."""
    V, W, levels, children, hs, pairs = cache
    H, leaves = hs.shape[1], len(hs) - len(pairs)
    dh, da, dV = dhs.copy(order="C"), empty(hs, (len(pairs), H)), module_of(hs).zeros(V.shape, V.dtype)
    for nodes, inner in reversed(blocks(levels)):
        da[inner] = dh[nodes] * (1 - hs[nodes] ** 2)
        for few in parts(inner, 4 * H * H):
            p = pairs[few]
            dP = matmul(da[few], V.T).reshape(len(p), 2 * H, 2 * H)
            dp = matmul(da[few], W.T) + ((dP + dP.swapaxes(1, 2)) @ p[:, :, None])[:, :, 0]
            dh[children[2 * few.start:2 * few.stop]] += dp.reshape(-1, H)
    for few in parts(slice(0, len(pairs)), 4 * H * H):
        dV += matmul(outer(pairs[few]).T, da[few])
    return dh[:leaves], dV, matmul(pairs.T, da), column_sums(da)


def grown(x, levels, children):
    """hs (M, H) with the leaves' rows set, and room for what the inner nodes are made of (inner nodes, 2H)."""
    leaves, count = int(levels[min(1, len(levels) - 1)]), int(levels[-1])
    if len(x) != leaves or len(children) != 2 * (count - leaves):
        raise ShapeError(f"trees: {len(x)} vectors for {leaves} leaves, and {len(children)} children of {count - leaves} inner nodes; "
                         "every leaf needs a vector, and every inner node two children.")
    hs = empty(x, (count, x.shape[1]))
    hs[:leaves] = x
    return hs, empty(x, (count - leaves, 2 * x.shape[1]))


def blocks(levels):
    """For each height from 1 on: its nodes, and the same counted from the first inner node."""
    leaves, bounds = int(levels[min(1, len(levels) - 1)]), levels[1:].tolist()
    return [(slice(low, high), slice(low - leaves, high - leaves)) for low, high in pairwise(bounds)]


def parts(rows, width):
    """``rows`` in pieces of which an array with that many columns holds at most BLOCK numbers."""
    step = max(1, BLOCK // width)
    return [slice(low, min(low + step, rows.stop)) for low in range(rows.start, rows.stop, step)]


def outer(p):
    """p (n, K) -> p (x) p (n, K K)."""
    return (p[:, :, None] * p[:, None, :]).reshape(len(p), -1)
