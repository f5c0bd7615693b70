"""One block of a Transformer for tokens that go on from a cache, nothing kept for a way back.

    x += attention(norm(x)) Wo + bo        x += gelu(norm(x) W1 + b1) W2 + b2

For a single token every weight is read once for one multiplication, so that reading them is all the time there is; the
compiled version of that case goes from one product to the next without coming back to Python.
"""
from tsuzuri.array import empty
from tsuzuri.kernels.attention import cached_attention
from tsuzuri.kernels.feedforward import branch_rows, gelu_rows
from tsuzuri.kernels.inner import inner
from tsuzuri.kernels.norm import normalised_rows
from tsuzuri.kernels.product import matmul


@inner
def read_block(x, weights, cos, sin, keys, values, first):
    """x (N M, H), M positions from ``first`` on -> (N M, H); keys and values (N, K, context, D) get theirs.

    weights: gain and bias of the norm, then W and b of queries, keys and values and of the attention's end; gain and bias
    of the second norm, then W and b of the feed-forward layer's two products.
    """
    gain, bias, Wqkv, bqkv, Wo, bo, gain2, bias2, W1, b1, W2, b2 = weights
    qkv = matmul(normalised_rows(x, gain, bias)[0], Wqkv)
    qkv += bqkv
    mixed = empty(x, x.shape)
    N, M = len(keys), len(x) // len(keys)
    cached_attention(qkv.reshape(N, M, -1), cos, sin, keys, values, first, mixed.reshape(N, M, -1))
    x = branch_rows(x, mixed, Wo, bo)
    hidden, _ = gelu_rows(normalised_rows(x, gain2, bias2)[0], W1, b1)
    return branch_rows(x, hidden, W2, b2)
