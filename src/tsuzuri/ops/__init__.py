"""Functions of tensors, under the names the field gives them, and the operators of ``Tensor``.

A number or an array beside a tensor is taken as a constant of the tensor's dtype.
"""
from tsuzuri.array import module_of
from tsuzuri.ops import (
    attending,
    elementwise,
    fused,
    index,
    labelling,
    linalg,
    memory,
    outputs,
    pictures,
    reduce,
    regression,
    shape,
)
from tsuzuri.tensor import Tensor


def as_tensor(x, like: Tensor) -> Tensor:
    """``x`` itself if it is a tensor, else a constant of the dtype and on the device of ``like``."""
    if isinstance(x, Tensor):
        return x
    return Tensor(module_of(like.data, x).asarray(x, dtype=like.dtype))


def exp(x): return elementwise.Exp()(x)
def log(x): return elementwise.Log()(x)
def sigmoid(x): return elementwise.Sigmoid()(x)
def tanh(x): return elementwise.Tanh()(x)
def relu(x): return elementwise.Relu()(x)
def gelu(x): return elementwise.Gelu()(x)
def softmax(x): return fused.Softmax()(x)
def masked_softmax(scores, lengths=None): return fused.MaskedSoftmax(lengths)(scores)
def log_softmax(x): return fused.LogSoftmax()(x)
def minimum(a, b): return elementwise.Minimum()(a, as_tensor(b, a))
def reshape(x, *to): return shape.Reshape(to)(x)
def transpose(x, *axes): return shape.Transpose(axes or None)(x)
def concatenate(tensors, axis=0): return shape.Concatenate(axis)(*tensors)
def stack(tensors, axis=0): return shape.Stack(axis)(*tensors)
def split(x): return shape.Split()(x)
def gather(x, ids, axis=-1): return index.Gather(ids, axis)(x)
def turn(x, lengths=None): return index.Turn(lengths)(x)
def embedding(W, ids): return index.Embedding(ids)(W)
def linear(x, W, b): return linalg.Linear()(x, W, b)
def linear_gelu(x, W, b): return attending.LinearGelu()(x, W, b)
def activation_penalty(x): return fused.ActivationPenalty()(x)
def temporal_penalty(x): return fused.TemporalPenalty()(x)
def layer_norm(x, gain, bias): return fused.LayerNorm()(x, gain, bias)
def cross_entropy(logits, targets, smoothing=0.0): return fused.CrossEntropy(targets, smoothing)(logits)
def sigmoid_cross_entropy(logits, targets): return fused.SigmoidCrossEntropy(targets)(logits)
def squared_error(y, targets): return regression.SquaredError(targets)(y)
def pinball(y, targets, quantiles): return regression.Pinball(targets, quantiles)(y)


def linear_cross_entropy(x, W, b, targets, smoothing=0.0):
    """cross_entropy(linear(x, W, b), targets) that keeps one array of the size of the logits."""
    return fused.LinearCrossEntropy(targets, smoothing)(x, W, b)


def mixture_cross_entropy(x, a, W, b, targets):
    """Cross entropy of p = sum_k softmax(a)_k softmax(x_k W + b) that never holds p."""
    return outputs.MixtureCrossEntropy(targets)(x, a, W, b)


def adaptive_cross_entropy(x, head, tails, cutoffs, targets):
    """Cross entropy of an adaptive softmax; ``tails`` holds (P, W) of each cluster."""
    return outputs.AdaptiveCrossEntropy(targets, cutoffs)(x, head, *(m for tail in tails for m in tail))


def causal_attention(qkv, heads, cos, sin):
    """Self-attention of packed queries, keys and values (N, T, 3 K D), turned by rotary angles where ``cos`` has rows."""
    return attending.CausalAttention(heads, cos, sin)(qkv)


def attention(q, k, v, lengths=None, heads=1, scale=1.0):
    """The context (N, T, K E) that each query takes from a source, and its weights (N, K, T, S); row n has ``lengths[n]`` keys."""
    return attending.Attention(lengths, heads, scale)(q, k, v)


def additive_scores(q, k, v, lengths=None):
    """Sum of v tanh(q + k) (N, T, S) for each query and key that there is, 0 for the others."""
    return attending.AdditiveScores(lengths)(q, k, v)


def crf(e, A, start, end, targets, lengths=None):
    """Mean loss of the labels ``targets`` (N, T) under a linear chain of emissions e (N, T, K) and steps A (K, K), in nats."""
    return labelling.CRF(targets, lengths)(e, A, start, end)


def mean_over_time(hs, lengths=None): return labelling.MeanOverTime(lengths)(hs)
def max_over_time(hs, lengths=None): return labelling.MaxOverTime(lengths)(hs)


def conv2d(x, W, b, stride=1, padding=0):
    """Pictures x (N, H, W, C) through filters W (k, l, C, F) with ``padding`` zeros around -> (N, H', W', F)."""
    return pictures.Conv2D(stride, padding)(x, W, b)


def max_pool(x, size): return pictures.MaxPool2D(size)(x)
def mean_pool(x, size): return pictures.MeanPool2D(size)(x)


def batch_norm(x, gain, bias, known=None):
    """x (..., C) with each channel normalised, and the arrays (C) of the mean and the variance that it had; ``known`` stand in for them."""
    op = pictures.BatchNorm(known)
    return op(x, gain, bias), *op.moments


def norm_pool_relu(x, gain, bias, size=1, known=None):
    """relu(max_pool(batch_norm(x, gain, bias), size)) in one pass, and the mean and variance (C)."""
    op = pictures.NormPoolRelu(size, known)
    return op(x, gain, bias), *op.moments


def turing_lstm(*tensors):
    """zs, ws, cT, mT of a Neural Turing Machine with an LSTM, from (x, z0, c0, w0, m0, Wx, U, b, Wp, bp); see kernels.turing."""
    return memory.TuringLSTM()(*tensors)


def turing_feedforward(*tensors):
    """zs, ws, mT of a Neural Turing Machine without recurrence, from (x, r0, w0, m0, Wx, Wr, b, Wp, bp)."""
    return memory.TuringFeedforward()(*tensors)


def branch_end(r, x, W, b, p, rng):
    """r + dropout(linear(x, W, b)); ``rng`` None: nothing is dropped."""
    return attending.BranchEnd(p, rng)(r, x, W, b)


def dropout(x, p, rng):
    """x with each element dropped with probability p; x itself where p is 0."""
    return fused.Dropout(p, rng)(x) if p else x


def variational_dropout(x, p, rng):
    """x (N, T, D) with one dropout mask for all time steps; x itself where p is 0."""
    return fused.VariationalDropout(p, rng)(x) if p else x


def embedding_dropout(W, ids, p, rng):
    """embedding(W, ids) with each row of W dropped with probability p, wherever it occurs; no dropout where p is 0."""
    return fused.EmbeddingDropout(ids, p, rng)(W) if p else embedding(W, ids)


OPERATORS = {
    "__add__": lambda a, b: elementwise.Add()(a, as_tensor(b, a)),
    "__radd__": lambda a, b: elementwise.Add()(a, as_tensor(b, a)),
    "__sub__": lambda a, b: elementwise.Sub()(a, as_tensor(b, a)),
    "__rsub__": lambda a, b: elementwise.Sub()(as_tensor(b, a), a),
    "__mul__": lambda a, b: elementwise.Mul()(a, as_tensor(b, a)),
    "__rmul__": lambda a, b: elementwise.Mul()(a, as_tensor(b, a)),
    "__truediv__": lambda a, b: elementwise.Div()(a, as_tensor(b, a)),
    "__rtruediv__": lambda a, b: elementwise.Div()(as_tensor(b, a), a),
    "__neg__": lambda a: elementwise.Neg()(a),
    "__pow__": lambda a, power: elementwise.Pow(power)(a),
    "__matmul__": lambda a, b: linalg.MatMul()(a, as_tensor(b, a)),
    "__getitem__": lambda a, key: shape.Slice(key)(a),
    "sum": lambda a, axis=None, keepdims=False: reduce.Sum(axis, keepdims)(a),
    "mean": lambda a, axis=None, keepdims=False: reduce.Mean(axis, keepdims)(a),
    "max": lambda a, axis=None, keepdims=False: reduce.Max(axis, keepdims)(a),
    "reshape": lambda a, *to: shape.Reshape(to)(a),
    "transpose": lambda a, *axes: shape.Transpose(axes or None)(a),
}
for _name, _function in OPERATORS.items():
    setattr(Tensor, _name, _function)
