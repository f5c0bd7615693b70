"""One step of each optimiser on one parameter, in place.  Every array is flat; g is scaled by ``scale`` (clipping).

    SGD         w -= lr g
    momentum    v = mu v + g;  w -= lr v               Nesterov: w -= lr (g + mu v)
    AdaGrad     s += g^2;  w -= lr g / (sqrt(s) + eps)
    RMSprop     s = rho s + (1 - rho) g^2;  w -= lr g / (sqrt(s) + eps)
    Adam        m = b1 m + (1 - b1) g;  s = b2 s + (1 - b2) g^2;  w -= lr (m / (1 - b1^t)) / (sqrt(s / (1 - b2^t)) + eps)
    average     a += share (w - a)
    decay       w is first multiplied by (1 - lr decay) (decoupled, as in AdamW)

Sources: Polyak 1964; Nesterov 1983 in the form of Sutskever et al. 2013; Duchi et al. 2011; Hinton 2012 (lecture 6e);
Kingma and Ba 2015; Loshchilov and Hutter 2019.
"""
from tsuzuri.array import module_of
from tsuzuri.kernels.inner import inner


@inner
def sum_of_squares(g):
    """g (K,) -> the sum of its squares, added up in float64."""
    xp = module_of(g)
    return float(xp.square(g, dtype=xp.float64).sum())


@inner
def sgd(w, g, lr, scale, decay):
    """w, g (K,)."""
    w *= 1 - lr * decay
    w -= (lr * scale) * g


@inner
def average(a, w, share):
    """a, w (K,): move a towards w by ``share``."""
    a += share * (w - a)


@inner
def momentum(w, g, v, lr, scale, decay, mu, nesterov):
    """w, g, v (K,)."""
    w *= 1 - lr * decay
    g = g * scale
    v *= mu
    v += g
    w -= lr * (g + mu * v if nesterov else v)


@inner
def adagrad(w, g, s, lr, scale, decay, epsilon):
    """w, g, s (K,)."""
    w *= 1 - lr * decay
    g = g * scale
    s += g * g
    w -= lr * g / (module_of(w).sqrt(s) + epsilon)


@inner
def rmsprop(w, g, s, lr, scale, decay, rho, epsilon):
    """w, g, s (K,)."""
    w *= 1 - lr * decay
    g = g * scale
    s *= rho
    s += (1 - rho) * g * g
    w -= lr * g / (module_of(w).sqrt(s) + epsilon)


@inner
def adam(w, g, m, s, lr, scale, decay, beta1, beta2, epsilon, step):
    """w, g, m, s (K,); step counts from 1."""
    w *= 1 - lr * decay
    g = g * scale
    m *= beta1
    m += (1 - beta1) * g
    s *= beta2
    s += (1 - beta2) * g * g
    root = module_of(w).sqrt(s / (1 - beta2 ** step)) + epsilon
    w -= lr / (1 - beta1 ** step) * m / root
