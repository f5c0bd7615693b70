"""Two-dimensional convolution of pictures, as a kernel pair: every patch of a picture becomes a row, and one product does the rest.

Pictures lie as (N, H, W, C), their channels side by side, so that a line of a patch is one run of memory, and what the product
gives lies as a picture again.  With a filter of k x k, a stride s and p zeros around each picture, xp (H + 2 p, W + 2 p, C):

    X[(i, j), (a, b, c)] = xp[s i + a, s j + b, c]                  y[i, j] = X[i, j] W + bias          W (k k C, F)

    i = 0 ... H' - 1,  H' = (H + 2 p - k) // s + 1                  j and W' likewise

Going back from dy (N, H', W', F):

    dbias = sum dy        dW = X^T dy        dX = dy W^T        dxp[s i + a, s j + b, c] += dX[(i, j), (a, b, c)]

The last line gives back to every number what the patches that have it got from it; what falls on the zeros around goes.
The patches (X, "im2col") take k k / s^2 times the memory of the pictures.  They are not kept but made again; the compiled loops make
none, because they read the runs where they overlap (docs/derivations/convolution.md).

Source: LeCun et al. 1989; as one product: Chellapilla, Puri and Simard 2006.
"""
from tsuzuri.array import empty, module_of
from tsuzuri.errors import ShapeError
from tsuzuri.kernels.inner import inner
from tsuzuri.shapes import expect


def conv2d_forward(x, W, b, stride=1, padding=0):
    """x (N, H, W, C), W (k, l, C, F), b (F) -> y (N, H', W', F), cache."""
    expect("conv2d", x=(x, "N I J C"), W=(W, "K L C F"), b=(b, "F"))
    xp = module_of(x, W, b)
    height, width = (places(size, k, stride, padding) for size, k in zip(x.shape[1:3], W.shape[:2], strict=True))
    x, W, b = xp.ascontiguousarray(x), xp.ascontiguousarray(W), xp.ascontiguousarray(b)
    y = empty(x, (len(x), height, width, W.shape[3]))
    convolve(x, W, b, stride, padding, y)
    return y, (x, W, stride, padding)


def conv2d_backward(dy, cache, wanted=True):
    """dy (N, H', W', F) -> (dx, dW, db); dx is None where it is not ``wanted``, as for the pictures themselves."""
    x, W, stride, padding = cache
    xp = module_of(dy)
    dx, dW, db = empty(x, x.shape) if wanted else None, empty(W, W.shape), empty(W, (W.shape[3],))
    convolve_back(x, W, xp.ascontiguousarray(dy), stride, padding, dx, dW, db)
    return dx, dW, db


def places(size, k, stride, padding=0):
    """How many filters of size k fit beside each other.  ShapeError: none."""
    if stride < 1 or padding < 0 or size + 2 * padding < k:
        raise ShapeError(f"conv2d: a filter of {k} with stride {stride} does not fit into {size} places with {padding} zeros at either end; "
                         "take a smaller filter, or larger pictures.")
    return (size + 2 * padding - k) // stride + 1


def patches(x, k, l, stride, padding):
    """x (N, H, W, C) -> X (N H' W', k l C), "im2col"."""
    N, H, W, C = x.shape
    height, width = places(H, k, stride, padding), places(W, l, stride, padding)
    around = module_of(x).zeros((N, H + 2 * padding, W + 2 * padding, C), x.dtype)
    around[:, padding:padding + H, padding:padding + W] = x
    X = empty(x, (N, height, width, k, l, C))
    for a, b, lines, columns in _offsets(k, l, height, width, stride):
        X[:, :, :, a, b] = around[:, lines, columns]
    return X.reshape(N * height * width, k * l * C)


def added_patches(dX, shape, k, l, stride, padding):
    """dX (N H' W', k l C) -> dx of ``shape`` (N, H, W, C), "col2im"."""
    N, H, W, C = shape
    height, width = places(H, k, stride, padding), places(W, l, stride, padding)
    dX = dX.reshape(N, height, width, k, l, C)
    around = module_of(dX).zeros((N, H + 2 * padding, W + 2 * padding, C), dX.dtype)
    for a, b, lines, columns in _offsets(k, l, height, width, stride):
        around[:, lines, columns] += dX[:, :, :, a, b]
    return around[:, padding:padding + H, padding:padding + W]


def _offsets(k, l, height, width, stride):
    """For each place in a filter, which lines and columns it meets."""
    for a in range(k):
        for b in range(l):
            yield a, b, slice(a, a + stride * height, stride), slice(b, b + stride * width, stride)


@inner
def convolve(x, W, b, stride, padding, y):
    """Fill y (N, H', W', F)."""
    X = patches(x, *W.shape[:2], stride, padding)
    y[...] = (X @ W.reshape(-1, W.shape[3])).reshape(y.shape) + b


@inner
def convolve_back(x, W, dy, stride, padding, dx, dW, db):
    """Fill dx (N, H, W, C), or nothing where it is None, dW and db from dy (N, H', W', F)."""
    k, l, _, F = W.shape
    rows = dy.reshape(-1, F)
    db[...] = rows.sum(0)
    dW[...] = (patches(x, k, l, stride, padding).T @ rows).reshape(W.shape)
    if dx is not None:
        dx[...] = added_patches(rows @ W.reshape(-1, F).T, x.shape, k, l, stride, padding)
