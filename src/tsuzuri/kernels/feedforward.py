"""The two products of a Transformer's branches, each with what follows it, as kernel pairs.

The wide layer, a product with gelu after it (kernels.activation):

    z = x W + b,  y = gelu(z)                dz = dy gelu'(z)

The end of a branch, a product that is dropped out (kernels.dropout; m is 0 or 1 / (1 - p)) and added to the stream r:

    y = r + m (x W + b)                      dr = dy,  dz = m dy

and for both, as for every linear layer,     dx = dz W^T,  dW = x^T dz,  db = sum dz.

What lies between two products moves more memory than it computes: here bias, gelu, mask and sum are one pass, and so
are dz and db.
"""
from tsuzuri.array import empty, module_of
from tsuzuri.kernels.activation import gelu_backward, gelu_forward
from tsuzuri.kernels.dropout import keep_or_drop
from tsuzuri.kernels.inner import inner
from tsuzuri.kernels.product import matmul, matmul_like
from tsuzuri.shapes import expect


def linear_gelu_forward(x, W, b):
    """x (..., D), W (D, H), b (H) -> y (..., H), cache."""
    expect("linear_gelu", x=(x, "... D"), W=(W, "D H"), b=(b, "H"))
    xp = module_of(x, W, b)
    rows = x.reshape(-1, x.shape[-1])
    y, z = gelu_rows(rows, W, xp.ascontiguousarray(b))
    return y.reshape(*x.shape[:-1], W.shape[1]), (rows, W, z, x.shape)


def linear_gelu_backward(dy, cache):
    """dy (..., H) -> (dx, dW, db)."""
    rows, W, z, shape = cache
    dz = empty(z, z.shape)
    db = biased_gelu_back(z, module_of(dy).ascontiguousarray(dy).reshape(z.shape), dz)
    return matmul(dz, W.T).reshape(shape), matmul_like(rows.T, dz, W), db


def branch_end_forward(r, x, W, b, p, key):
    """r (..., H), x (..., D), W (D, H), b (H), dropped with probability p by ``key`` -> y (..., H), cache."""
    expect("branch_end", r=(r, "... H"), x=(x, "... D"), W=(W, "D H"), b=(b, "H"))
    xp = module_of(r, x, W, b)
    rows = x.reshape(-1, x.shape[-1])
    y = branch_rows(xp.ascontiguousarray(r).reshape(len(rows), W.shape[1]), rows, W, xp.ascontiguousarray(b), p, key)
    return y.reshape(r.shape), (rows, W, x.shape, p, key)


def branch_end_backward(dy, cache):
    """dy (..., H) -> (dr, dx, dW, db)."""
    rows, W, shape, p, key = cache
    dz = empty(dy, (len(rows), W.shape[1]))
    db = add_branch_back(module_of(dy).ascontiguousarray(dy).reshape(dz.shape), p, key, dz)
    return dy, matmul(dz, W.T).reshape(shape), matmul_like(rows.T, dz, W), db


def gelu_rows(x, W, b):
    """x (R, D) -> gelu(z) (R, H), z = x W + b."""
    z = matmul(x, W)
    y = empty(z, z.shape)
    biased_gelu(z, b, y)
    return y, z


def branch_rows(r, x, W, b, p=0.0, key=0):
    """r (R, H), x (R, D) -> r + dropout(x W + b)."""
    y = matmul(x, W)
    add_branch(y, b, r, p, key)
    return y


@inner
def biased_gelu(z, b, y):
    """Add b (H) to z (R, H) in place and fill y (R, H) with gelu of that."""
    z += b
    y[...] = gelu_forward(z)[0]


@inner
def biased_gelu_back(z, dy, dz):
    """Fill dz (R, H) from z with its bias and dy; returns the sum of dz over the rows (H)."""
    dz[...] = gelu_backward(dy, gelu_forward(z)[1])
    return dz.sum(0)


@inner
def add_branch(z, b, r, p, key):
    """z (R, H) becomes r + dropout(z + b), in place."""
    z[...] = r + keep_or_drop((z + b).reshape(-1), p, key).reshape(z.shape)


@inner
def add_branch_back(dy, p, key, dz):
    """Fill dz (R, H), dy with the mask of the way there; returns its sum over the rows (H)."""
    dz[...] = keep_or_drop(dy.reshape(-1), p, key).reshape(dz.shape)
    return dz.sum(0)
