"""One vector for a sequence of states, as kernel pairs: their mean and their maximum, over the L states a row has before its padding.

    mean   y_j = 1/L sum_{t < L} h_tj                     dh_tj = dy_j / L for t < L,  0 behind
    max    y_j = max_{t < L} h_tj                         dh_tj = dy_j at the first t that has the maximum,  0 elsewhere

A row of length 0 gives 0.  Source of the maximum over time: Collobert et al. 2011.
"""
from tsuzuri.array import module_of
from tsuzuri.kernels.sequence import all_lengths
from tsuzuri.kernels.softmax import within
from tsuzuri.shapes import expect


def mean_over_time_forward(hs, lengths=None):
    """hs (N, T, H), lengths (N,) -> y (N, H), cache."""
    xp = module_of(hs, lengths)
    inside, lengths = _inside(hs, lengths)
    per = (inside / xp.maximum(lengths, 1)[:, None]).astype(hs.dtype)[:, :, None]
    return (xp.where(inside[:, :, None], hs, 0) * per).sum(1), (per, hs.shape)


def mean_over_time_backward(dy, cache):
    """dy (N, H) -> dhs (N, T, H)."""
    per, shape = cache
    return module_of(dy).broadcast_to(dy[:, None], shape) * per


def max_over_time_forward(hs, lengths=None):
    """hs (N, T, H), lengths (N,) -> y (N, H), cache."""
    xp = module_of(hs, lengths)
    inside, lengths = _inside(hs, lengths)
    if not hs.shape[1]:
        return hs.sum(1), (inside[:, :, None] * hs, hs.shape)
    y = xp.where((lengths > 0)[:, None], xp.where(inside[:, :, None], hs, -float("inf")).max(1), 0)
    return y, (_first((hs == y[:, None]) & inside[:, :, None], xp), hs.shape)


def max_over_time_backward(dy, cache):
    """dy (N, H) -> dhs (N, T, H)."""
    found, shape = cache
    return module_of(dy).broadcast_to(dy[:, None], shape) * found


def _first(found, xp):
    """found (N, T, H) with only the first True over T left."""
    T = found.shape[1]
    steps = xp.arange(T)[:, None]
    return steps == xp.where(found, steps, T).min(1)[:, None]


def _inside(hs, lengths):
    """(N, T): is this one of the row's states?  And the lengths."""
    N, T = expect("pooling", hs=(hs, "N T H"))["NT"]
    lengths = all_lengths(lengths, N, T, module_of(hs, lengths))
    return within(lengths, T), lengths
