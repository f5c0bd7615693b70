"""The same values and gradients as PyTorch's own ops, in float64, for every case that PyTorch can compute."""
import numpy as np
import pytest
from cases import CASES, gradients, outputs, seeds

from tsuzuri.ops import attending as t
from tsuzuri.ops import elementwise as e
from tsuzuri.ops import fused as f
from tsuzuri.ops import index, labelling, linalg, memory, pictures, reduce, regression, shape, trees
from tsuzuri.ops import outputs as o

torch = pytest.importorskip("torch")
torch_turing = pytest.importorskip("torch_turing")
torch_forest = pytest.importorskip("torch_forest")
F = torch.nn.functional
torch.set_num_threads(2)

RANDOM = {f.Dropout, f.VariationalDropout, f.EmbeddingDropout}           # PyTorch draws other masks: tests have their laws


def long(a):
    return torch.from_numpy(np.asarray(a)).long()


def cross_entropy(op, logits):
    loss = F.cross_entropy(logits.reshape(-1, logits.shape[-1]), long(op.targets).reshape(-1), ignore_index=-1,
                           label_smoothing=op.smoothing, reduction="sum")
    return loss / max(int((op.targets != -1).sum()), 1)


def maximum(op, x):
    return x.amax(() if op.axis is None else op.axis, keepdim=op.keepdims)


def gather(op, x):
    ids = long(op.ids)
    sizes = [a if k != op.axis % x.ndim else -1 for k, a in enumerate(np.broadcast_shapes(
        *(tuple(s if k != op.axis % x.ndim else 1 for k, s in enumerate(a.shape)) for a in (ids, x))))]
    return torch.take_along_dim(x.expand(sizes), ids.expand(sizes), op.axis)


def steps(a):
    """A slice's negative steps, which PyTorch does not have, by way of indices."""
    key = a if isinstance(a, tuple) else (a,)
    return any(isinstance(k, slice) and (k.step or 1) < 0 for k in key)


def slice_of(op, x):
    if not steps(op.key):
        return x[op.key]
    for axis, part in enumerate(op.key):
        x = x.index_select(axis, torch.arange(x.shape[axis])[list(range(*part.indices(x.shape[axis])))])
    return x


def recurrent(layer, gates):
    """Our (x, states.., Wx, Wh, b, bm) through PyTorch's layer: weights transposed, and a second bias."""
    def forward(op, x, *rest):
        states, (Wx, Wh, b, *bm) = rest[:layer.states], rest[layer.states:]
        H, D = Wh.shape[0], x.shape[2]
        net = layer.kind(D, H, batch_first=True).double()
        second = torch.zeros_like(b)
        if bm:                                               # the GRU's b_hn, inside the reset gate
            second = torch.cat([second[:2 * H], bm[0]])
        names = ("weight_ih_l0", "weight_hh_l0", "bias_ih_l0", "bias_hh_l0")
        start = states[0][None] if layer.states == 1 else tuple(s[None] for s in states)
        given = x if op.lengths is None else torch.nn.utils.rnn.pack_padded_sequence(
            x, long(op.lengths), batch_first=True, enforce_sorted=False)
        weights = dict(zip(names, (Wx.T, Wh.T, b, second), strict=True))
        hs, last = torch.func.functional_call(net, weights, (given, start))
        if op.lengths is not None:
            hs = torch.nn.utils.rnn.pad_packed_sequence(hs, batch_first=True, total_length=x.shape[1])[0]
        return (hs, last[0]) if layer.states == 1 else (hs, last[0][0], last[1][0])
    return forward


def mean_of(losses, targets):
    """The mean of those that count."""
    return (losses * (targets != -1)).sum() / max(int((targets != -1).sum()), 1)


def mixture(op, x, a, W, b):
    targets = long(op.targets)
    p = (a.softmax(-1)[..., None] * (x @ W + b).softmax(-1)).sum(-2)
    return mean_of(-p.log().gather(-1, targets.clamp(min=0)[..., None])[..., 0], targets)


def adaptive(op, x, head, *tails):
    """PyTorch's own layer, which wants at least one cluster and knows no target to ignore."""
    x, targets = x.reshape(-1, x.shape[-1]), long(op.targets).reshape(-1)
    known = targets.clamp(min=0)
    if not tails:
        return mean_of(F.cross_entropy(x @ head, known, reduction="none"), targets)
    net = torch.nn.AdaptiveLogSoftmaxWithLoss(x.shape[1], op.cutoffs[-1], op.cutoffs[:-1], div_value=1.0).double()
    weights = dict(zip((name for name, _ in net.named_parameters()), (m.T for m in (head, *tails)), strict=True))
    unused = sum(0 * m.sum() for m in tails)                 # a cluster that no target opens has a gradient of zero
    return mean_of(-torch.func.functional_call(net, weights, (x, known)).output, targets) + unused


def attention(op, qkv):
    """PyTorch's own attention of heads; turned by way of complex numbers, as their rotations are usually written."""
    q, k, v = qkv.unflatten(-1, (3, op.heads, -1)).permute(2, 0, 3, 1, 4)
    if len(op.cos):
        turn = torch.complex(torch.from_numpy(op.cos), torch.from_numpy(op.sin))[:qkv.shape[1]]
        q, k = (turn * torch.complex(*x.chunk(2, -1)) for x in (q, k))
        q, k = (torch.cat([x.real, x.imag], -1) for x in (q, k))
    return F.scaled_dot_product_attention(q, k, v, is_causal=True).transpose(1, 2).flatten(2)


def turn(op, x):
    lengths = [x.shape[1]] * len(x) if op.lengths is None else op.lengths
    return torch.stack([torch.cat([row[:length].flip(0), row[length:]]) for row, length in zip(x, lengths, strict=True)])


def within(op, N, S):
    """(N, 1, S): is this a key of the row, and not padding?"""
    lengths = torch.full((N,), S) if op.lengths is None else long(op.lengths)
    return (torch.arange(S) < lengths[:, None])[:, None]


def look(op, q, k, v):
    """PyTorch's own attention of heads, and once more on the keys' numbers in place of values, which gives the weights."""
    seen = within(op, *k.shape[:2])[:, None]
    q, k, v = (x.unflatten(-1, (op.heads, -1)).transpose(1, 2) for x in (q, k, v))
    numbers = torch.eye(k.shape[2], dtype=k.dtype).expand(*k.shape[:2], -1, -1)
    context, weights = (F.scaled_dot_product_attention(q, k, x, attn_mask=seen, scale=op.scale) for x in (v, numbers))
    return context.transpose(1, 2).flatten(2), weights


def additive(op, q, k, v):
    return (q[:, :, None] + k[:, None]).tanh().matmul(v) * within(op, *k.shape[:2])


def chain(op, e, A, start, end):
    """Every sequence of labels by itself, as the definition says: their number is K^T, so the cases are small."""
    loss = 0 * (e.sum() + A.sum() + start.sum() + end.sum())
    lengths = [e.shape[1]] * len(e) if op.lengths is None else op.lengths.tolist()
    for row, targets, L in zip(e, op.targets.tolist(), lengths, strict=True):
        if not L:
            continue
        paths = torch.cartesian_prod(*[torch.arange(e.shape[2])] * L).reshape(-1, L)
        scores = start[paths[:, 0]] + end[paths[:, -1]] + row[torch.arange(L), paths].sum(1) + A[paths[:, :-1], paths[:, 1:]].sum(1)
        known = torch.tensor(targets[:L])
        agree = ((paths == known) | (known < 0)).all(1)
        loss = loss + scores.logsumexp(0) - scores[agree].logsumexp(0)
    return loss / max(sum((np.array(targets[:L]) >= 0).sum() for targets, L in zip(op.targets.tolist(), lengths, strict=True)), 1)


def pool(take, empty):
    """Row by row, without its padding."""
    def forward(op, hs):
        lengths = [hs.shape[1]] * len(hs) if op.lengths is None else op.lengths.tolist()
        return torch.stack([take(row[:length]) if length else empty(row) for row, length in zip(hs, lengths, strict=True)])
    return forward


def nothing(row):
    return 0 * row.sum(0)


def first(x):
    """Pictures as PyTorch has them, the channels before the places."""
    return x.permute(0, 3, 1, 2)


def batch_norm(op, x, gain, bias):
    mean, variance = (None, None) if op.known is None else map(torch.from_numpy, op.known)
    return F.batch_norm(x.reshape(-1, x.shape[-1]), mean, variance, gain, bias, training=op.known is None).reshape(x.shape)


def sigmoid_cross_entropy(op, z):
    targets = torch.from_numpy(op.targets).double()
    known = ~targets.isnan()
    return F.binary_cross_entropy_with_logits(z[known], targets[known], reduction="sum") / max(int(known.sum()), 1)


def squared_error(op, y):
    known = torch.from_numpy(~np.isnan(op.targets))
    return F.mse_loss(y[known], torch.from_numpy(op.targets)[known], reduction="sum") / max(int(known.sum()), 1)


def pinball(op, y):
    known, q = torch.from_numpy(~np.isnan(op.targets)), torch.from_numpy(op.quantiles)
    off = torch.from_numpy(op.targets)[known][:, None] - y[known]
    return torch.maximum(q * off, (q - 1) * off).sum() / max(off.numel(), 1)


class Layer:
    """A PyTorch layer and its number of states."""

    def __init__(self, kind, states): self.kind, self.states = kind, states


COUNTERPARTS = {
    e.Add: lambda op, a, b: a + b, e.Sub: lambda op, a, b: a - b, e.Mul: lambda op, a, b: a * b,
    e.Div: lambda op, a, b: a / b, e.Neg: lambda op, x: -x, e.Pow: lambda op, x: x ** op.power,
    e.Minimum: lambda op, a, b: torch.minimum(a, b),
    e.Exp: lambda op, x: x.exp(), e.Log: lambda op, x: x.log(), e.Sigmoid: lambda op, x: x.sigmoid(),
    e.Tanh: lambda op, x: x.tanh(), e.Relu: lambda op, x: x.relu(), e.Gelu: lambda op, x: F.gelu(x),
    reduce.Sum: lambda op, x: x.sum(op.axis, keepdim=op.keepdims),
    reduce.Mean: lambda op, x: x.mean(op.axis, keepdim=op.keepdims),
    reduce.Max: maximum,
    shape.Reshape: lambda op, x: x.reshape(op.shape),
    shape.Transpose: lambda op, x: x.permute(op.axes or tuple(reversed(range(x.ndim)))),
    shape.Slice: slice_of,
    shape.Concatenate: lambda op, *xs: torch.cat(xs, op.axis),
    shape.Split: lambda op, x: x.split(1, dim=1),
    shape.Stack: lambda op, *xs: torch.stack(xs, op.axis),
    linalg.MatMul: lambda op, a, b: a @ b,
    linalg.Linear: lambda op, x, W, b: F.linear(x, W.T, b),
    index.Embedding: lambda op, W: F.embedding(long(op.ids), W),
    index.Gather: gather, index.Turn: turn,
    f.Softmax: lambda op, x: x.softmax(-1), f.LogSoftmax: lambda op, x: x.log_softmax(-1),
    f.MaskedSoftmax: lambda op, x: x.masked_fill(~within(op, len(x), x.shape[2]), -torch.inf).softmax(-1),
    f.LayerNorm: lambda op, x, gain, bias: F.layer_norm(x, gain.shape, gain, bias),
    f.CrossEntropy: cross_entropy,
    f.LinearCrossEntropy: lambda op, x, W, b: cross_entropy(op, x @ W + b),
    f.SigmoidCrossEntropy: sigmoid_cross_entropy,
    regression.SquaredError: squared_error, regression.Pinball: pinball,
    o.MixtureCrossEntropy: mixture, o.AdaptiveCrossEntropy: adaptive,
    f.ActivationPenalty: lambda op, x: x.pow(2).sum() / max(x.numel(), 1),
    f.TemporalPenalty: lambda op, x: x.diff(dim=1).pow(2).sum() / max(x.diff(dim=1).numel(), 1),
    pictures.Conv2D: lambda op, x, W, b: F.conv2d(first(x), W.permute(3, 2, 0, 1), b, op.stride, op.padding).permute(0, 2, 3, 1),
    pictures.MaxPool2D: lambda op, x: F.max_pool2d(first(x), op.size).permute(0, 2, 3, 1),
    pictures.MeanPool2D: lambda op, x: F.avg_pool2d(first(x), op.size).permute(0, 2, 3, 1),
    pictures.BatchNorm: batch_norm,
    pictures.NormPoolRelu: lambda op, *given: F.max_pool2d(first(batch_norm(op, *given)).relu(), op.size).permute(0, 2, 3, 1),
    t.CausalAttention: attention, t.Attention: look, t.AdditiveScores: additive,
    t.LinearGelu: lambda op, x, W, b: F.gelu(F.linear(x, W.T, b)),
    t.BranchEnd: lambda op, r, x, W, b: r + F.linear(x, W.T, b),
    labelling.CRF: chain,
    labelling.MeanOverTime: pool(lambda row: row.mean(0), nothing), labelling.MaxOverTime: pool(lambda row: row.amax(0), nothing),
    trees.RecursiveNet: torch_forest.recursive, trees.TensorNet: torch_forest.tensor_net,
    trees.TreeLSTM: torch_forest.tree_lstm, trees.ChildSumLSTM: torch_forest.child_sum,
    memory.TuringLSTM: torch_turing.turing_lstm, memory.TuringFeedforward: torch_turing.turing_feedforward,
    f.RNN: recurrent(Layer(torch.nn.RNN, 1), 1),
    f.GRU: recurrent(Layer(torch.nn.GRU, 1), 3),
    f.LSTM: recurrent(Layer(torch.nn.LSTM, 2), 4),
}


def possible(case):
    """PyTorch refuses packed rows of length 0, sequences or batches without steps or rows, and knows no mask.

    What a row sees that has nothing to see is NaN there or 0, depending on the version; here it is 0.
    """
    if case.kind in (f.RNN, f.GRU, f.LSTM):
        lengths = case.op().lengths
        return case.op().mask is None and 0 not in case.shapes[0] and (lengths is None or lengths.min() > 0)
    if case.kind in (memory.TuringLSTM, memory.TuringFeedforward):
        return 0 not in case.shapes[0]
    if case.kind is labelling.CRF:
        return case.shapes[0][0] > 0 and case.shapes[0][2] ** case.shapes[0][1] < 1000
    if case.kind in (labelling.MeanOverTime, labelling.MaxOverTime):
        return case.shapes[0][0] > 0
    if case.kind in (f.MaskedSoftmax, t.Attention):
        lengths = case.op().lengths
        return lengths is None or 0 not in lengths
    if case.kind.__module__ == pictures.__name__:            # of nothing, and the variance of one row
        rows = int(np.prod(case.shapes[0][:-1]))
        return rows > 0 and (rows > 1 or case.kind not in (pictures.BatchNorm, pictures.NormPoolRelu))
    return case.kind in COUNTERPARTS and not (case.kind is t.BranchEnd and case.op().p)


def test_every_op_has_a_counterpart_or_is_random():
    assert {case.kind for case in CASES} == COUNTERPARTS.keys() | RANDOM


@pytest.mark.parametrize("case", [c for c in CASES if possible(c)], ids=lambda c: c.label)
def test_equals_pytorch(case):
    arrays, op = case.inputs(), case.op()
    outs = outputs(op, arrays)
    douts = seeds(outs)
    theirs = [torch.tensor(x, requires_grad=True) for x in arrays]
    their_outs = COUNTERPARTS[case.kind](op, *theirs)
    their_outs = their_outs if isinstance(their_outs, tuple) else (their_outs,)
    for a, b in zip(outs, their_outs, strict=True):
        np.testing.assert_allclose(a, b.detach().numpy(), rtol=1e-10, atol=1e-12)
    their_grads = torch.autograd.grad(their_outs, theirs, [torch.tensor(d) for d in douts])
    for a, b in zip(gradients(op, douts), their_grads, strict=True):
        np.testing.assert_allclose(a, b.numpy(), rtol=1e-9, atol=1e-11)
