"""Sigmoid with cross entropy, for yes-or-no targets, as a kernel pair.

    loss = mean( max(z, 0) - z t + log(1 + e^{-|z|}) )           dz = (sigma(z) - t) / count

The form with |z| neither overflows nor takes the logarithm of zero.  Targets t are 0 or 1, or between.
"""
from tsuzuri.array import module_of
from tsuzuri.errors import ShapeError
from tsuzuri.kernels.activation import sigmoid


def sigmoid_cross_entropy_forward(z, targets):
    """z (N), targets (N) of 0..1 (any equal shapes) -> mean loss in nats, cache."""
    xp = module_of(z, targets)
    if z.shape != targets.shape:
        raise ShapeError(f"sigmoid_cross_entropy: z is {z.shape} and targets {targets.shape}; they must have one shape.")
    targets = targets.astype(z.dtype, copy=False)
    losses = xp.maximum(z, 0) - z * targets + xp.log1p(xp.exp(-xp.abs(z)))
    return xp.asarray(losses.sum(dtype=xp.float64) / max(z.size, 1), dtype=z.dtype), (z, targets)


def sigmoid_cross_entropy_backward(dy, cache):
    """dy () -> dz."""
    z, targets = cache
    return (sigmoid(z) - targets) * (dy / max(z.size, 1))
