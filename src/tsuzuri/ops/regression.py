"""Ops of losses of numbers.  The mathematics is in the kernel."""
from tsuzuri.kernels import regression
from tsuzuri.tensor import Op


class SquaredError(Op):
    """y (...) -> the mean squared error of ``targets`` (...); those that are NaN do not count."""

    def __init__(self, targets):
        self.targets = targets

    def forward(self, y):
        loss, self.saved = regression.squared_error_forward(y, self.targets)
        return loss

    def backward(self, dy):
        return regression.squared_error_backward(dy, self.saved)


class Pinball(Op):
    """y (..., Q) -> the mean pinball loss of ``quantiles`` (Q,) of ``targets`` (...); those that are NaN do not count."""

    def __init__(self, targets, quantiles):
        self.targets, self.quantiles = targets, quantiles

    def forward(self, y):
        loss, self.saved = regression.pinball_forward(y, self.targets, self.quantiles)
        return loss

    def backward(self, dy):
        return regression.pinball_backward(dy, self.saved)
