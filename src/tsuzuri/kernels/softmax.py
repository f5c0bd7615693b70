"""Softmax over the last axis, and the cross entropy of softmax with a target, as kernel pairs.

    p = softmax(z),  p_j = e^{z_j - m} / sum_k e^{z_k - m},  m = max z        dz = p * (dy - <p, dy>)
    log p_j = z_j - m - log sum_k e^{z_k - m}                                 dz = dy - p * sum dy

Masked, p and the sums are over the first L numbers of a row and p_j = 0 for j >= L; dz is as above, so it is 0 there too.

Cross entropy with a target y and label smoothing s, mean over the rows that count (target is not ``ignore``):

    q = (1 - s) onehot(y) + s / V           loss = - <q, log p>               dz = (p - q) / rows

Source of label smoothing: Szegedy et al. 2016.
"""
from tsuzuri.array import empty, module_of
from tsuzuri.errors import ShapeError
from tsuzuri.kernels.inner import inner
from tsuzuri.kernels.product import column_sums, matmul, matmul_like
from tsuzuri.kernels.token_losses import IGNORE, expect_ids
from tsuzuri.shapes import expect


def softmax_forward(x):
    """x (..., V) -> p (..., V), cache."""
    p = softmax_rows(x.reshape(-1, x.shape[-1])).reshape(x.shape)
    return p, p


def softmax_backward(dy, p):
    """dy (..., V) -> dx."""
    return p * (dy - (p * dy).sum(-1, keepdims=True))


def masked_softmax_forward(x, lengths=None):
    """x (N, T, S), lengths (N,) or None -> p (N, T, S): the softmax of the first ``lengths[n]`` numbers, 0 beyond; cache."""
    if lengths is None:
        return softmax_forward(x)
    module_of(x, lengths)
    expect("masked softmax", x=(x, "N T S"), lengths=(lengths, "N"))
    p = masked_softmax_rows(x, lengths)
    return p, p


def masked_softmax_backward(dy, p):
    """dy (N, T, S) -> dx."""
    return softmax_backward(dy, p)


def within(lengths, S):
    """lengths (N,) -> (N, S): is this one of the first ``lengths[n]``?"""
    return module_of(lengths).arange(S) < lengths[:, None]


def log_softmax_forward(x):
    """x (..., V) -> log p (..., V), cache."""
    xp = module_of(x)
    z = x - x.max(-1, keepdims=True)
    y = z - xp.log(xp.exp(z).sum(-1, keepdims=True))
    return y, y


def log_softmax_backward(dy, y):
    """dy (..., V) -> dx."""
    return dy - module_of(y).exp(y) * dy.sum(-1, keepdims=True)


def cross_entropy_forward(logits, targets, smoothing=0.0):
    """logits (..., V), targets (...) of ids or IGNORE -> mean loss in nats over the targets that count, cache."""
    _expect_targets(targets, logits)
    d = empty(logits, logits.shape)
    d[...] = logits
    loss = _mean_loss(d.reshape(-1, logits.shape[-1]), targets, smoothing)
    return loss, d


def cross_entropy_backward(dy, d):
    """dy () -> dlogits."""
    return d * dy


def linear_cross_entropy_forward(x, W, b, targets, smoothing=0.0):
    """The cross entropy of x W + b, for a vocabulary so large that the logits are the largest array of the model.

    x (..., H), W (H, V), b (V) -> mean loss in nats, cache.  One (rows, V) array is kept: the logits are turned into
    their own gradient in place.
    """
    expect("linear_cross_entropy", x=(x, "... H"), W=(W, "H V"), b=(b, "V"))
    _expect_targets(targets, x)
    module_of(x, W, b, targets)
    rows, order = _in_memory_order(x)
    d = matmul(rows, W)
    loss = _mean_loss(d, targets.transpose(order), smoothing, b)
    return loss, (rows, W, d, x.shape, order)


def linear_cross_entropy_backward(dy, cache):
    """dy () -> (dx, dW, db)."""
    rows, W, d, shape, order = cache
    dx = matmul(d, W.T)
    dx, dW, db = dx * dy, matmul_like(rows.T, d, W), column_sums(d) * dy
    if float(dy) != 1.0:
        dW *= dy
    swapped = tuple(shape[axis] for axis in order)
    return dx.reshape(*swapped, W.shape[0]).transpose(*_inverse(order), len(order)), dW, db


def _in_memory_order(x):
    """x (..., H) as rows (R, H) in the order in which they lie in memory, and the order of the leading axes.

    A recurrent layer leaves (N, T, H) as a view of (T, N, H); taking its rows by time saves a copy.
    """
    axes = tuple(range(x.ndim - 1))
    order = tuple(reversed(axes)) if x.ndim == 3 and not x.flags.c_contiguous else axes
    return x.transpose(*order, x.ndim - 1).reshape(-1, x.shape[-1]), order


def _inverse(order):
    return tuple(order.index(axis) for axis in range(len(order)))


def _expect_targets(targets, x):
    if targets.shape != x.shape[:-1]:
        raise ShapeError(f"cross entropy: targets is {targets.shape}, should be {x.shape[:-1]}, "
                         f"one for each row of {x.shape}.")


def _mean_loss(z, targets, smoothing, bias=None):
    """Turn the logits z (R, V), to which bias (V) is still to be added, into the gradient of the mean loss by them."""
    xp = module_of(z, targets)
    targets = xp.ascontiguousarray(targets).reshape(-1)
    expect_ids(targets, z.shape[1])
    counted = max(int((targets != IGNORE).sum()), 1)
    losses = xp.empty(len(z), z.dtype)
    bias = xp.zeros(0, z.dtype) if bias is None else bias
    cross_entropy_rows(z, bias, targets, smoothing, 1.0 / counted, losses)
    return xp.asarray(losses.sum(dtype=xp.float64) / counted, dtype=z.dtype)


@inner
def softmax_rows(x):
    """x (R, V) -> softmax of each row."""
    e = module_of(x).exp(x - x.max(1, keepdims=True))
    e /= e.sum(1, keepdims=True)
    return e


@inner
def masked_softmax_rows(x, lengths):
    """x (N, T, S) -> softmax of the first ``lengths[n]`` numbers of each row, then zeros."""
    xp, seen = module_of(x), within(lengths, x.shape[2])[:, None]
    top = xp.where(seen, x, float("-inf")).max(2, keepdims=True)
    e = xp.exp(xp.where(seen, x - top, float("-inf")))
    return e / xp.maximum(e.sum(2, keepdims=True), 1)        # the highest adds 1 to the sum; it is 0 where nothing is seen


@inner
def cross_entropy_rows(z, bias, targets, smoothing, scale, losses):
    """For each row of z + bias: its loss, and z becomes scale * (softmax - q), or zeros where the target is IGNORE.

    A bias of length 0 is none.
    """
    xp = module_of(z)
    counts = targets != IGNORE
    rows, columns = xp.nonzero(counts)[0], targets[counts]
    if len(bias):
        z += bias
    z -= z.max(1, keepdims=True)
    log_p = z - xp.log(xp.exp(z).sum(1, keepdims=True))
    losses[:] = 0
    losses[rows] = -(1 - smoothing) * log_p[rows, columns] - smoothing * log_p[rows].mean(1)
    z[:] = (xp.exp(log_p) - smoothing / z.shape[1]) * counts[:, None]
    z[rows, columns] -= 1 - smoothing
    z *= scale
