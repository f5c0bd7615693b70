"""Sigmoid with cross entropy, for yes-or-no targets, as a kernel pair.

    loss = mean( max(z, 0) - z t + log(1 + e^{-|z|}) )           dz = (sigma(z) - t) / count

The form with |z| neither overflows nor takes the logarithm of zero.  Targets t are 0 or 1, or between; those of NaN do not count.
"""
from tsuzuri.array import module_of
from tsuzuri.errors import ShapeError
from tsuzuri.kernels.activation import sigmoid


def sigmoid_cross_entropy_forward(z, targets):
    """z (N), targets (N) of 0..1 (any equal shapes) -> mean loss in nats of those that count, cache."""
    xp = module_of(z, targets)
    if z.shape != targets.shape:
        raise ShapeError(f"sigmoid_cross_entropy: z is {z.shape} and targets {targets.shape}; they must have one shape.")
    targets = targets.astype(z.dtype, copy=False)
    count = max(int((targets == targets).sum()), 1)
    return xp.asarray(sigmoid_losses(z, targets).sum(dtype=xp.float64) / count, dtype=z.dtype), (z, targets, count)


def sigmoid_cross_entropy_backward(dy, cache):
    """dy () -> dz."""
    z, targets, count = cache
    return module_of(z).where(targets == targets, (sigmoid(z) - targets) * (dy / count), 0)


def sigmoid_losses(z, targets):
    """The loss of every target in nats, 0 for one of NaN; z and targets of one shape and type."""
    xp = module_of(z, targets)
    return xp.where(targets == targets, xp.maximum(z, 0) - z * targets + xp.log1p(xp.exp(-xp.abs(z))), 0)
