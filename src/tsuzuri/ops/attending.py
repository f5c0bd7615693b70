"""Ops of attention and of the Transformer's layers.  The mathematics is in the kernels.

The module is not called ``attention``, because ``ops.attention`` is the function.
"""
from tsuzuri.kernels import additive, attention, dropout, feedforward, source_attention
from tsuzuri.tensor import Op


class CausalAttention(Op):
    """qkv (N, T, 3 K D) -> (N, T, K D), K heads; ``cos`` and ``sin`` (T or more, D/2) turn queries and keys, or have no rows."""

    def __init__(self, heads, cos, sin):
        self.heads, self.cos, self.sin = heads, cos, sin

    def forward(self, qkv):
        out, self.saved = attention.causal_attention_forward(qkv, self.heads, self.cos, self.sin)
        return out

    def backward(self, dout):
        return attention.causal_attention_backward(dout, self.saved)


class Attention(Op):
    """q (N, T, K D), k (N, S, K D), v (N, S, K E) -> context (N, T, K E), weights (N, K, T, S): K heads on a source.

    Row n sees the first ``lengths[n]`` keys, all where ``lengths`` is None.
    """

    def __init__(self, lengths=None, heads=1, scale=1.0):
        self.lengths, self.heads, self.scale = lengths, heads, scale

    def forward(self, q, k, v):
        outs, self.saved = source_attention.source_attention_forward(q, k, v, self.lengths, self.heads, self.scale)
        return outs

    def backward(self, *douts):
        return source_attention.source_attention_backward(douts, self.saved)


class AdditiveScores(Op):
    """q (N, T, A), k (N, S, A), v (A) -> (N, T, S), the sum of v tanh(q + k); 0 beyond the first ``lengths[n]`` keys of row n."""

    def __init__(self, lengths=None):
        self.lengths = lengths

    def forward(self, q, k, v):
        scores, self.saved = additive.additive_forward(q, k, v, self.lengths)
        return scores

    def backward(self, dscores):
        return additive.additive_backward(dscores, self.saved)


class LinearGelu(Op):
    """x (..., D), W (D, H), b (H) -> gelu(x W + b) (..., H)."""

    def forward(self, x, W, b):
        y, self.saved = feedforward.linear_gelu_forward(x, W, b)
        return y

    def backward(self, dy):
        return feedforward.linear_gelu_backward(dy, self.saved)


class BranchEnd(Op):
    """r (..., H), x (..., D), W (D, H), b (H) -> r + dropout(x W + b) (..., H); without a Generator nothing is dropped."""

    def __init__(self, p, rng):
        self.p, self.rng = (0.0 if rng is None else p), rng

    def forward(self, r, x, W, b):
        key = dropout.draw_key(self.rng) if self.p else 0
        y, self.saved = feedforward.branch_end_forward(r, x, W, b, self.p, key)
        return y

    def backward(self, dy):
        return feedforward.branch_end_backward(dy, self.saved)
