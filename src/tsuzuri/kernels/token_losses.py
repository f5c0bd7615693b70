"""The loss of every token by itself, from logits that are never kept as a whole.

    loss_r = log sum_j e^{z_rj} - z_{r, y_r}            d loss_r / dz_rj = softmax(z_r)_j - [j = y_r],      z = x W + b

A loss needs two numbers of a row of V, so the product is taken for a block of rows at a time, each row is read once,
and nothing of its size is written.  Where a gradient is wanted the block's logits become it in place, each row with a
weight of its own.
"""
from tsuzuri.array import empty, module_of
from tsuzuri.errors import DataError
from tsuzuri.kernels.inner import inner
from tsuzuri.kernels.product import matmul
from tsuzuri.shapes import expect

IGNORE = -1                                                  # the target of a position that does not count
ROWS = 512                                                   # at a time: with fewer, BLAS spends longer on packing W than on using it


def linear_token_losses(x, W, b, targets):
    """x (R, H), W (H, V), b (V) or of length 0 for none, targets (R) of ids or IGNORE -> losses (R) in nats, 0 for IGNORE."""
    R, V = expect("token losses", x=(x, "R H"), W=(W, "H V"), targets=(targets, "R"))["RV"]
    expect_ids(targets, V)
    losses = empty(x, (R,))
    for block in blocks(R, ROWS):
        losses[block] = row_losses(matmul(x[block], W), b, targets[block])[0]
    return losses


def blocks(rows, size):
    """Slices that cut ``rows`` rows into blocks of at most ``size``."""
    return [slice(start, min(start + size, rows)) for start in range(0, rows, size)]


def row_losses(z, b, targets):
    """z (R, V) that lacks its bias b, targets (R) -> losses (R), log sum_j e^{z_rj + b_j} (R)."""
    xp = module_of(z, b, targets)
    totals = log_sum_exp(z, b)
    rows, columns = xp.arange(len(z)), xp.maximum(targets, 0)
    scores = z[rows, columns]
    if len(b):
        scores = scores + b[columns]
    return (totals - scores) * (targets != IGNORE), totals


def expect_ids(targets, vocabulary):
    """Raise DataError where a target is neither an id nor IGNORE."""
    if targets.size and (int(targets.max()) >= vocabulary or int(targets.min()) < IGNORE):
        wrong = int(targets.max()) if int(targets.max()) >= vocabulary else int(targets.min())
        raise DataError(f"target {wrong} is not an id of a vocabulary of {vocabulary} ({IGNORE} is the one to ignore).")


@inner
def log_sum_exp(z, bias):
    """z (R, V), bias (V) or of length 0 for none -> log sum_j e^{z_rj + bias_j} (R)."""
    xp = module_of(z, bias)
    if len(bias):
        z = z + bias
    top = z.max(1, keepdims=True)
    return (top + xp.log(xp.exp(z - top).sum(1, keepdims=True)))[:, 0]


@inner
def weighted_gradient(z, bias, totals, targets, weights):
    """z becomes weights_r * (e^{z_rj + bias_j - totals_r} - [j = targets_r]); the weight of an IGNORE is to be 0."""
    xp = module_of(z, bias, totals, targets, weights)
    if len(bias):
        z += bias
    z[:] = xp.exp(z - totals[:, None])
    z[xp.arange(len(z)), targets] -= 1
    z *= weights[:, None]
