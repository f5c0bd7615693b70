"""What large, and what quickly changing, activations of a recurrent layer cost, as kernel pairs.

    activation      L = mean x^2                            dx = 2 x / size
    temporal        L = mean d^2,  d_t = x_{t+1} - x_t      dx_t = 2 (d_{t-1} - d_t) / size of d,  d outside 0..T-2 being 0

Both means are over every row, step and unit; the squares are added up in float64.
Source: Merity, McCann and Socher 2017.
"""
from tsuzuri.array import empty, module_of
from tsuzuri.kernels.sequence import batch_major
from tsuzuri.kernels.updates import sum_of_squares
from tsuzuri.shapes import expect


def activation_penalty_forward(x):
    """x of any shape -> the mean of its squares, cache."""
    by_time = x.ndim == 3 and not x.flags.c_contiguous       # as a recurrent layer leaves it: saves a copy
    return _mean_of_squares(batch_major(x) if by_time else x), x


def activation_penalty_backward(dy, x):
    """dy () -> dx."""
    return x * (dy * (2 / max(x.size, 1)))


def temporal_penalty_forward(x):
    """x (N, T, H) -> the mean square of what changes from a step to the next, 0 where T < 2; cache."""
    expect("temporal_penalty", x=(x, "N T H"))
    steps = batch_major(x)
    d = steps[1:] - steps[:-1]
    return _mean_of_squares(d), (d, steps.shape)


def temporal_penalty_backward(dy, cache):
    """dy () -> dx (N, T, H), a view of (T, N, H)."""
    d, shape = cache
    dx = empty(d, shape)
    dx[:1] = 0
    dx[1:] = d
    dx[:-1] -= d
    dx *= dy * (2 / max(d.size, 1))
    return batch_major(dx)


def _mean_of_squares(x):
    xp = module_of(x)
    return xp.asarray(sum_of_squares(xp.ascontiguousarray(x).reshape(-1)) / max(x.size, 1), dtype=x.dtype)
