"""Losses of numbers: the squared error, and the pinball loss of quantiles, each as a kernel pair.

Squared error, with M targets that count:

    loss = 1/M sum (y - t)^2                                 dy = 2 (y - t) / M

Pinball loss of Q quantiles, of which y_j is to be the one that a share q_j of the targets is below:

    loss = 1/(M Q) sum_j max(q_j (t - y_j), (q_j - 1) (t - y_j))
    dy_j = ([y_j > t] - q_j) / (M Q)                         at y_j = t, where there is no derivative, -q_j / (M Q)

Its mean is smallest where y_j is the quantile q_j of t; of q = 1/2 it is half the absolute error.  A target that is not a number
(NaN) does not count: neither it nor its y is read.

Source: Koenker and Bassett 1978.
"""
from tsuzuri.array import module_of
from tsuzuri.errors import ShapeError


def squared_errors(y, targets):
    """y and targets (...) -> (y - t)^2 of each, 0 where a target does not count."""
    xp, off = _off("squared error", y, targets)
    return xp.where(targets == targets, off * off, 0)


def squared_error_forward(y, targets):
    """y and targets (...) -> the mean of the squared errors that count (), cache."""
    xp, off = _off("squared error", y, targets)
    count = max(int((targets == targets).sum()), 1)
    off = xp.where(targets == targets, off, 0)
    return xp.asarray((off * off).sum(dtype=xp.float64) / count, dtype=y.dtype), (off, count)


def squared_error_backward(dy, cache):
    """dy () -> the gradient of y (...)."""
    off, count = cache
    return off * (2 * dy / count)


def pinball_losses(y, targets, quantiles):
    """y (..., Q), targets (...), quantiles (Q,) -> the mean over the quantiles for each target (...), 0 where one does not count."""
    xp, off = _off("pinball", y, targets, quantiles)
    losses = xp.maximum(-quantiles * off, (1 - quantiles) * off).mean(-1)
    return xp.where(targets == targets, losses, 0)


def pinball_forward(y, targets, quantiles):
    """y (..., Q), targets (...), quantiles (Q,) -> the mean over quantiles and the targets that count (), cache."""
    xp = module_of(y, targets, quantiles)
    quantiles = quantiles.astype(y.dtype, copy=False)
    losses = pinball_losses(y, targets, quantiles)
    count = max(int((targets == targets).sum()), 1)
    return xp.asarray(losses.sum(dtype=xp.float64) / count, dtype=y.dtype), (y, targets, quantiles, count)


def pinball_backward(dy, cache):
    """dy () -> the gradient of y (..., Q)."""
    y, targets, quantiles, count = cache
    xp = module_of(y, targets, quantiles)
    slopes = (y > targets[..., None]) - quantiles
    return xp.where((targets == targets)[..., None], slopes, 0).astype(y.dtype, copy=False) * (dy / (count * max(len(quantiles), 1)))


def _off(where, y, targets, quantiles=None):
    """The array module, and y - t; of quantiles (..., Q)."""
    xp = module_of(y, targets, quantiles)
    want = targets.shape if quantiles is None else (*targets.shape, *quantiles.shape)
    if y.shape != want:
        raise ShapeError(f"{where}: y is {y.shape}, but for targets of {targets.shape}{f' and {len(quantiles)} quantiles' if quantiles is not None else ''} "
                         f"it must be {want}.")
    targets = targets.astype(y.dtype, copy=False)
    return xp, y - (targets if quantiles is None else targets[..., None])
