"""Activations whose formula is more than one NumPy call.

    gelu(x) = x Phi(x)       gelu'(x) = Phi(x) + x phi(x)       Phi, phi: the normal distribution and its density

Source of gelu: Hendrycks and Gimpel 2016 (the exact form, not the tanh approximation).
"""
import math

from tsuzuri.array import like, module_of, to_host


def sigmoid(x):
    """1 / (1 + e^-x) by way of tanh, which never overflows."""
    return 0.5 * module_of(x).tanh(0.5 * x) + 0.5


def gelu_forward(x):
    """x of any shape -> x Phi(x), cache."""
    phi = _normal_distribution(x)
    return x * phi, (x, phi)


def gelu_backward(dy, cache):
    """dy -> dx."""
    x, phi = cache
    density = module_of(x).exp(-0.5 * x * x) * (1 / math.sqrt(2 * math.pi))
    return dy * (phi + x * density)


def _normal_distribution(x):
    from scipy.special import ndtr  # heavy to import, and only gelu needs it
    return like(x, ndtr(to_host(x)).astype(x.dtype, copy=False))
