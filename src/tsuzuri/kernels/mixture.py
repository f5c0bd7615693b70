"""Mixture of softmaxes with cross entropy: K experts see the same vocabulary, each through a vector of its own.

    z_k = x_k W + b      p(y) = sum_k pi_k softmax(z_k)_y      pi = softmax(a)      loss = -log p(y)

Of a softmax only log q_k = z_{k,y} - log sum_j e^{z_kj} enters the loss, so no mixture over the vocabulary is formed:

    loss = -log sum_k e^{log pi_k + log q_k}        r_k = pi_k q_k / p(y),      the share of expert k in what came

    d loss / d log q_k = -r_k       hence      dz_k = r_k (softmax(z_k) - onehot(y)),      da = pi - r

that is, the gradient of K ordinary softmaxes, each weighted by its share.  Everything is in logarithms: an expert that
is certain and wrong has r_k = 0, not 0 / 0.

The logits of all experts would be K arrays of (R, V).  They are made for a block of tokens at a time, and because a
token's shares depend on that token alone, the block's gradients are taken at once, while its logits are at hand:
three products in all.  To make the logits again in the backward pass would be a fourth, and to keep them K times the
memory of a softmax.  The backward pass only scales.

Source: Yang, Dai, Salakhutdinov and Cohen 2018, "Breaking the softmax bottleneck".
"""
from tsuzuri.array import empty, module_of
from tsuzuri.errors import ShapeError
from tsuzuri.kernels.product import column_sums, matmul, matmul_like
from tsuzuri.kernels.sequence import in_order
from tsuzuri.kernels.softmax import log_softmax_forward
from tsuzuri.kernels.token_losses import IGNORE, blocks, expect_ids, row_losses, weighted_gradient
from tsuzuri.shapes import expect

ROWS = 1024                                                  # logits of so many experts of tokens at a time


def mixture_cross_entropy_forward(x, a, W, b, targets):
    """x (..., K, E), a (..., K), W (E, V), b (V), targets (...) of ids or IGNORE -> mean loss in nats, cache."""
    xp = module_of(x, a, W, b, targets)
    rows, scores, b, targets = _checked(x, a, W, b, targets)
    counts = targets != IGNORE
    share = 1 / max(int(counts.sum()), 1)
    losses, dx, da = xp.zeros(len(rows), x.dtype), empty(rows, rows.shape), empty(scores, scores.shape)
    dW, db = xp.zeros_like(W), xp.zeros_like(b)
    for block in blocks(len(rows), _tokens(x)):
        losses[block], dx[block], da[block], dW_part, db_part = _block(
            rows[block], scores[block], W, b, targets[block], (counts[block] * share).astype(x.dtype))
        dW += dW_part
        db += db_part
    loss = xp.asarray(losses.sum(dtype=xp.float64) * share, dtype=x.dtype)
    return loss, (dx.reshape(x.shape), da.reshape(a.shape), dW, db)


def mixture_cross_entropy_backward(dy, grads):
    """dy () -> (dx, da, dW, db)."""
    return grads if float(dy) == 1.0 else tuple(d * dy for d in grads)


def mixture_losses(x, a, W, b, targets):
    """x (R, K, E), a (R, K), targets (R) -> losses (R) in nats, 0 for IGNORE."""
    rows, scores, b, targets = _checked(x, a, W, b, targets)
    losses = empty(x, targets.shape)
    for block in blocks(len(rows), _tokens(x)):
        losses[block] = _join(rows[block], scores[block], W, b, targets[block])[0]
    return losses * (targets != IGNORE)


def mixture_log_probabilities(x, a, W, b):
    """x (R, K, E), a (R, K) -> log p of every token (R, V)."""
    xp = module_of(x, a, W, b)
    R, K, E = x.shape
    log_p = empty(x, (R, W.shape[1]))
    for block in blocks(R, _tokens(x)):
        z = (matmul(x[block].reshape(-1, E), W) + b).reshape(-1, K, W.shape[1])
        log_q = log_softmax_forward(z)[0]
        log_q += log_softmax_forward(a[block])[0][:, :, None]
        top = log_q.max(1)
        log_p[block] = top + xp.log(xp.exp(log_q - top[:, None]).sum(1))
    return log_p


def _block(rows, scores, W, b, targets, weights):
    """The losses of a block of tokens, and what they add to each gradient, token r counting ``weights[r]``."""
    xp = module_of(rows)
    T, K, E = rows.shape
    losses, log_pi, joint, z, totals = _join(rows, scores, W, b, targets)
    shares = xp.exp(joint + losses[:, None]) * weights[:, None]
    weighted_gradient(z, b, totals, _each(targets, K), shares.reshape(-1))
    dx = matmul(z, W.T).reshape(T, K, E)
    da = xp.exp(log_pi) * weights[:, None] - shares
    return losses * (weights != 0), dx, da, matmul_like(rows.reshape(-1, E).T, z, W), column_sums(z)


def _join(rows, scores, W, b, targets):
    """-> losses (T), log pi (T, K), log pi_k q_k (T, K), the logits without bias (T K, V), their log sums (T K)."""
    xp = module_of(rows)
    T, K, E = rows.shape
    z = matmul(rows.reshape(-1, E), W)
    negative_log_q, totals = row_losses(z, b, _each(targets, K))
    log_pi = log_softmax_forward(scores)[0]
    joint = log_pi - negative_log_q.reshape(T, K)
    top = joint.max(1)
    losses = -(top + xp.log(xp.exp(joint - top[:, None]).sum(1)))
    return losses, log_pi, joint, z, totals


def _each(targets, K):
    """targets (T) once for every expert (T K)."""
    return (targets[:, None] + module_of(targets).zeros((1, K), targets.dtype)).reshape(-1)


def _checked(x, a, W, b, targets):
    expect("mixture of softmaxes", x=(x, "... K E"), a=(a, "... K"), W=(W, "E V"), b=(b, "V"))
    if a.shape != x.shape[:-1] or targets.shape != x.shape[:-2]:
        raise ShapeError(f"mixture of softmaxes: x is {x.shape}, a {a.shape} and targets {targets.shape}; "
                         f"they should be (..., K, E), (..., K) and (...).")
    x, a, b, targets = in_order(x, a, b, targets)
    expect_ids(targets, W.shape[1])
    return x.reshape(-1, *x.shape[-2:]), a.reshape(-1, a.shape[-1]), b, targets.reshape(-1)


def _tokens(x):
    return max(ROWS // x.shape[-2], 1)
