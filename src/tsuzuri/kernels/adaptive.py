"""Adaptive softmax with cross entropy: frequent words at full width, rare ones in clusters that few tokens open.

Ids are sorted by falling frequency and cut at c_0 < c_1 < ... < c_n = V.  The head scores the c_0 most frequent words
and one entry for each of the n clusters behind them; cluster i scores its own words from a narrower vector x P_i.

    log p(y) = log softmax(x W)_y                                                       y < c_0
    log p(y) = log softmax(x W)_{c_0 + i} + log softmax(x P_i W_i)_{y - c_i}            c_i <= y < c_{i + 1}

so the loss is a sum of ordinary cross entropies: one of the head over all rows, with the cluster as target where the
word is in one, and one of each cluster over the rows whose word it holds.  Only these rows are taken through it, packed
one after another; their gradient is added back to the rows they came from.  With d the gradient of a cross entropy
by its logits, as in ``kernels.softmax``:

    dW = x^T d      dx = d W^T      dW_i = (x P_i)^T d_i      u = d_i W_i^T      dP_i = x^T u      dx += u P_i^T

Source: Grave, Joulin, Cisse, Grangier and Jegou 2017, "Efficient softmax approximation for GPUs".
"""
from itertools import pairwise

from tsuzuri.array import empty, module_of
from tsuzuri.errors import ShapeError
from tsuzuri.kernels.product import matmul
from tsuzuri.kernels.softmax import cross_entropy_rows, log_softmax_forward
from tsuzuri.kernels.token_losses import IGNORE, expect_ids, linear_token_losses
from tsuzuri.shapes import expect


def adaptive_cross_entropy_forward(x, head, tails, cutoffs, targets):
    """x (..., H), head (H, c_0 + n), tails [(P (H, D), W (D, size of the cluster))] -> mean loss in nats, cache.

    cutoffs [c_0, ..., V], targets (...) of ids or IGNORE.
    """
    xp = module_of(x, head, *(m for tail in tails for m in tail), targets)
    _check(x, head, tails, cutoffs, targets)
    rows, targets = xp.ascontiguousarray(x).reshape(-1, x.shape[-1]), xp.ascontiguousarray(targets).reshape(-1)
    share = 1 / max(int((targets != IGNORE).sum()), 1)
    d, losses = _loss_and_gradient(matmul(rows, head), head_targets(targets, cutoffs), share)
    total, opened = losses.sum(dtype=xp.float64), []
    for (places, inside), (P, W) in zip(clusters(targets, cutoffs), tails, strict=True):
        picked = rows[places]
        narrow = matmul(picked, P)
        d_tail, losses = _loss_and_gradient(matmul(narrow, W), inside, share)
        total = total + losses.sum(dtype=xp.float64)
        opened.append((places, picked, narrow, d_tail))
    return xp.asarray(total * share, dtype=x.dtype), (x.shape, rows, head, tails, d, opened)


def adaptive_cross_entropy_backward(dy, cache):
    """dy () -> dx, dhead, [(dP, dW)]."""
    shape, rows, head, tails, d, opened = cache
    dx = matmul(d, head.T)
    dtails = []
    for (places, picked, narrow, d_tail), (P, W) in zip(opened, tails, strict=True):
        u = matmul(d_tail, W.T)
        dx[places] += matmul(u, P.T)
        dtails.append((matmul(picked.T, u) * dy, matmul(narrow.T, d_tail) * dy))
    return dx.reshape(shape) * dy, matmul(rows.T, d) * dy, dtails


def adaptive_losses(x, head, tails, cutoffs, targets):
    """x (R, H), targets (R) -> losses (R) in nats, 0 for IGNORE."""
    xp = module_of(x, targets)
    _check(x, head, tails, cutoffs, targets)
    none = xp.zeros(0, x.dtype)
    losses = linear_token_losses(x, head, none, head_targets(targets, cutoffs))
    for (places, inside), (P, W) in zip(clusters(targets, cutoffs), tails, strict=True):
        losses[places] += linear_token_losses(matmul(x[places], P), W, none, inside)
    return losses


def adaptive_log_probabilities(x, head, tails, cutoffs):
    """x (R, H) -> log p of every word (R, V)."""
    log_p = empty(x, (len(x), cutoffs[-1]))
    first = log_softmax_forward(matmul(x, head))[0]
    log_p[:, :cutoffs[0]] = first[:, :cutoffs[0]]
    for i, (P, W) in enumerate(tails):
        inside = log_softmax_forward(matmul(matmul(x, P), W))[0]
        log_p[:, cutoffs[i]:cutoffs[i + 1]] = inside + first[:, cutoffs[0] + i, None]
    return log_p


def head_targets(targets, cutoffs):
    """What the head has to say: the word where it is one of the head's, else c_0 + the number of its cluster."""
    xp = module_of(targets)
    wanted = targets
    for i, low in enumerate(cutoffs[:-1]):
        wanted = xp.where(targets >= low, cutoffs[0] + i, wanted)
    return wanted


def clusters(targets, cutoffs):
    """For each cluster the places of its words among ``targets`` (R), and these words counted from its first."""
    xp = module_of(targets)
    for low, high in pairwise(cutoffs):
        places = xp.nonzero((targets >= low) & (targets < high))[0]
        yield places, targets[places] - low


def _loss_and_gradient(z, targets, share):
    """z becomes the gradient of share * the sum of its rows' losses, which are given too."""
    xp = module_of(z)
    losses = xp.empty(len(z), z.dtype)
    cross_entropy_rows(z, xp.zeros(0, z.dtype), targets, 0.0, share, losses)
    return z, losses


def _check(x, head, tails, cutoffs, targets):
    sizes = [high - low for low, high in pairwise(cutoffs)]
    expect("adaptive softmax", x=(x, "... H"), head=(head, "H C"))
    for i, (P, W) in enumerate(tails):
        expect(f"adaptive softmax, cluster {i}", head=(head, "H C"), P=(P, "H D"), W=(W, "D V"))
    wanted = [cutoffs[0] + len(sizes), *sizes]
    if [head.shape[1], *(W.shape[1] for _, W in tails)] != wanted or targets.shape != x.shape[:-1]:
        raise ShapeError(f"adaptive softmax: cutoffs {list(cutoffs)} need a head and clusters of {wanted} columns and a target "
                         f"for each row of {x.shape}.")
    expect_ids(targets, cutoffs[-1])
