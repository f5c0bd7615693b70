"""Ops of the Transformer.  The mathematics is in kernels.attention and kernels.feedforward."""
from tsuzuri.kernels import attention, dropout, feedforward
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
