"""Ops that work element by element: arithmetic with broadcasting, and activations."""
from tsuzuri.array import module_of
from tsuzuri.kernels import activation
from tsuzuri.tensor import Op


def sum_to(d, shape):
    """Undo broadcasting: sum ``d`` down to ``shape``."""
    if d.shape == shape:
        return d
    d = d.sum(axis=tuple(range(d.ndim - len(shape))))
    return d.sum(axis=tuple(k for k, size in enumerate(shape) if size == 1), keepdims=True).reshape(shape)


class Add(Op):
    """y = a + b."""

    def forward(self, a, b):
        module_of(a, b)
        self.saved = a.shape, b.shape
        return a + b

    def backward(self, dy):
        a, b = self.saved
        return sum_to(dy, a), sum_to(dy, b)


class Sub(Op):
    """y = a - b."""

    def forward(self, a, b):
        module_of(a, b)
        self.saved = a.shape, b.shape
        return a - b

    def backward(self, dy):
        a, b = self.saved
        return sum_to(dy, a), sum_to(-dy, b)


class Mul(Op):
    """y = a b.    da = dy b,  db = dy a"""

    def forward(self, a, b):
        module_of(a, b)
        self.saved = a, b
        return a * b

    def backward(self, dy):
        a, b = self.saved
        return sum_to(dy * b, a.shape), sum_to(dy * a, b.shape)


class Div(Op):
    """y = a / b.    da = dy / b,  db = - dy y / b"""

    def forward(self, a, b):
        module_of(a, b)
        y = a / b
        self.saved = a.shape, b, y
        return y

    def backward(self, dy):
        a_shape, b, y = self.saved
        da = dy / b
        return sum_to(da, a_shape), sum_to(-da * y, b.shape)


class Minimum(Op):
    """y = min(a, b).    da = dy where a <= b,  db = dy elsewhere"""

    def forward(self, a, b):
        xp = module_of(a, b)
        first = (a <= b) | (a != a)                          # a NaN on either side is passed on
        self.saved = a.shape, b.shape, first
        return xp.where(first, a, b)

    def backward(self, dy):
        a, b, first = self.saved
        return sum_to(dy * first, a), sum_to(dy * ~first, b)


class Neg(Op):
    """y = -x."""

    def forward(self, x):
        return -x

    def backward(self, dy):
        return -dy


class Pow(Op):
    """y = x^p for a constant p.    dx = dy p x^(p-1)"""

    def __init__(self, power):
        self.power = power

    def forward(self, x):
        self.saved = x
        return x ** self.power

    def backward(self, dy):
        return dy * self.power * self.saved ** (self.power - 1)


class Exp(Op):
    """y = e^x.    dx = dy y"""

    def forward(self, x):
        self.saved = y = module_of(x).exp(x)
        return y

    def backward(self, dy):
        return dy * self.saved


class Log(Op):
    """y = ln x.    dx = dy / x"""

    def forward(self, x):
        self.saved = x
        return module_of(x).log(x)

    def backward(self, dy):
        return dy / self.saved


class Sigmoid(Op):
    """y = 1 / (1 + e^-x).    dx = dy y (1 - y)"""

    def forward(self, x):
        self.saved = y = activation.sigmoid(x)
        return y

    def backward(self, dy):
        y = self.saved
        return dy * y * (1 - y)


class Tanh(Op):
    """y = tanh x.    dx = dy (1 - y^2)"""

    def forward(self, x):
        self.saved = y = module_of(x).tanh(x)
        return y

    def backward(self, dy):
        y = self.saved
        return dy * (1 - y * y)


class Relu(Op):
    """y = max(x, 0).    dx = dy where x > 0"""

    def forward(self, x):
        y = module_of(x).maximum(x, 0)
        self.saved = y > 0
        return y

    def backward(self, dy):
        return dy * self.saved


class Gelu(Op):
    """y = x Phi(x); the mathematics is in kernels.activation."""

    def forward(self, x):
        y, self.saved = activation.gelu_forward(x)
        return y

    def backward(self, dy):
        return activation.gelu_backward(dy, self.saved)
