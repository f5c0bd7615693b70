"""What the recurrent kernels share: batch-first arrays seen time-first, rows that end early, the input's gradients."""
from tsuzuri.array import empty, module_of
from tsuzuri.errors import ShapeError
from tsuzuri.kernels.product import column_sums, matmul


def time_major(x):
    """x (N, T, D) -> (T * N, D), rows in the order (t, n).  No copy where ``x`` came from ``batch_major``."""
    N, T, D = x.shape
    return x.transpose(1, 0, 2).reshape(T * N, D)


def batch_major(xs):
    """xs (T, N, D) -> a view (N, T, D), or the other way round."""
    return xs.transpose(1, 0, 2)


def all_lengths(lengths, N, T, xp):
    """lengths (N,), or T for every row where there are none."""
    if lengths is None:
        return xp.full(N, T)
    if lengths.shape != (N,):
        raise ShapeError(f"lengths has shape {lengths.shape}; it needs one length for each of the {N} rows: ({N},).")
    return lengths


def in_order(*arrays):
    """The arrays in C order, each copied only if it is not: a compiled loop is compiled anew for every other layout."""
    xp = module_of(*arrays)
    return tuple(xp.ascontiguousarray(a) for a in arrays)


def seen_through(mask, hs):
    """The states as the recurrent product reads them, and the mask (N, H) by which each is multiplied.

    hs (T + 1, N, H) itself, and a mask without rows, where ``mask`` is None; else a new array of which the first is set.
    """
    if mask is None:
        return hs, hs[0, :0]
    if mask.shape != hs.shape[1:]:
        raise ShapeError(f"mask has shape {mask.shape}; it needs one number for each element of the state: {hs.shape[1:]}.")
    seen = empty(hs, hs.shape)
    seen[0] = hs[0] * mask
    return seen, in_order(mask.astype(hs.dtype, copy=False))[0]


def masked(h, mask):
    """h (N, H) * mask; h itself where the mask has no rows."""
    return h * mask if len(mask) else h


def steps_of(dhs, hs):
    """dhs (N, T, H) as (T, N, H) in C order; (0, N, H) where there are none."""
    return hs[:0] if dhs is None else in_order(batch_major(dhs))[0]


def alive(lengths, T, dtype):
    """(T, N, 1): one where a row goes on at that step, zero where it has ended."""
    xp = module_of(lengths)
    return (xp.arange(T)[:, None] < lengths)[:, :, None].astype(dtype)


def recurrent_grads(xs, Wx, da, T, N):
    """From da (T * N, G), the gradient of xs Wx + b: dx (N, T, D), dWx, db."""
    dx = matmul(da, Wx.T)
    return batch_major(dx.reshape(T, N, Wx.shape[0])), matmul(xs.T, da), column_sums(da)


def turned(x, lengths=None):
    """x (N, T, ...) with the first ``lengths`` (N,) steps of each row in reverse order, the rest in place; None: all steps."""
    if lengths is None:
        return x[:, ::-1]
    xp = module_of(x, lengths)
    step, ends = xp.arange(x.shape[1])[None, :], lengths[:, None]
    return x[xp.arange(len(x))[:, None], xp.where(step < ends, ends - 1 - step, step)]
