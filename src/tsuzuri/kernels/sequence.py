"""What the recurrent kernels share: batch-first arrays seen time-first, rows that end early, the input's gradients."""
from tsuzuri.array import module_of
from tsuzuri.kernels.product import matmul


def time_major(x):
    """x (N, T, D) -> (T * N, D), rows in the order (t, n).  No copy where ``x`` came from ``batch_major``."""
    N, T, D = x.shape
    return x.transpose(1, 0, 2).reshape(T * N, D)


def batch_major(xs):
    """xs (T, N, D) -> a view (N, T, D)."""
    return xs.transpose(1, 0, 2)


def all_lengths(lengths, N, T, xp):
    """lengths (N,), or T for every row where there are none."""
    return xp.full(N, T) if lengths is None else lengths


def alive(lengths, T, dtype):
    """(T, N, 1): one where a row goes on at that step, zero where it has ended."""
    xp = module_of(lengths)
    return (xp.arange(T)[:, None] < lengths)[:, :, None].astype(dtype)


def affine(xs, Wx, b):
    """xs Wx + b without a second array of its size."""
    y = matmul(xs, Wx)
    y += b
    return y


def recurrent_grads(xs, Wx, da, N):
    """From da (T * N, G), the gradient of xs Wx + b: dx (N, T, D), dWx, db."""
    dx = matmul(da, Wx.T)
    return batch_major(dx.reshape(-1, N, Wx.shape[0])), matmul(xs.T, da), da.sum(0)
