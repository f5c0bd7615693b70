"""Attention on a source and additive scores: by hand, blind to padding, the same in any batch, layout and number of queries."""
import tracemalloc

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tsuzuri import ops
from tsuzuri.errors import ShapeError
from tsuzuri.kernels.additive import additive_backward, additive_forward
from tsuzuri.kernels.inner import compiled
from tsuzuri.kernels.softmax import masked_softmax_backward, masked_softmax_forward
from tsuzuri.kernels.source_attention import source_attention_backward, source_attention_forward
from tsuzuri.tensor import Tensor

K, D, E, A = 2, 3, 4, 5
LENGTHS = st.lists(st.integers(1, 6), min_size=1, max_size=5)


@pytest.fixture(params=[False, True], ids=["plain", "compiled"], scope="module")
def either(request):
    with compiled(request.param):
        yield


def normal(*shapes, seed=0, dtype=np.float64):
    rng = np.random.default_rng(seed)
    return [rng.standard_normal(shape).astype(dtype) for shape in shapes]


def look(q, k, v, dout, dweights, lengths=None, heads=K, scale=0.7):
    """(context, weights, dq, dk, dv)."""
    outs, cache = source_attention_forward(q, k, v, lengths, heads, scale)
    return *outs, *source_attention_backward((dout, dweights), cache)


def problem(N, T, S, seed=0, dtype=np.float64):
    """q, k, v, and a gradient for context and weights."""
    return normal((N, T, K * D), (N, S, K * D), (N, S, K * E), (N, T, K * E), (N, K, T, S), seed=seed, dtype=dtype)


def equal(got, want, tolerance=1e-13):
    for a, b in zip(got, want, strict=True):
        np.testing.assert_allclose(a, b, rtol=0, atol=tolerance)


def test_two_keys_by_hand(either):
    """Scores 0 and ln 3 are weights of 1/4 and 3/4; the third key, which would win, is padding."""
    q, k, v = np.array([[[2.0]]]), np.array([[[0.0], [np.log(3)], [99.0]]]), np.array([[[5.0], [9.0], [1000.0]]])
    (out, weights), _ = source_attention_forward(q, k, v, np.array([2]), 1, 0.5)
    np.testing.assert_allclose(weights, [[[[0.25, 0.75, 0]]]], rtol=1e-15)
    np.testing.assert_allclose(out, [[[8]]], rtol=1e-15)


def test_one_additive_score_by_hand(either):
    q, k, v = np.array([[[1.0, 0.0]]]), np.array([[[0.0, 2.0], [-1.0, 0.0]]]), np.array([3.0, 10.0])
    scores, _ = additive_forward(q, k, v)
    np.testing.assert_allclose(scores, [[[3 * np.tanh(1) + 10 * np.tanh(2), 0]]], rtol=1e-15)


def test_masked_softmax_by_hand(either):
    x = np.log(np.array([[[1.0, 3.0, 1e9]], [[5.0, 2.0, 3.0]]]))
    p, _ = masked_softmax_forward(x, np.array([2, 3]))
    np.testing.assert_allclose(p, [[[0.25, 0.75, 0]], [[0.5, 0.2, 0.3]]], rtol=1e-14)


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("T", [1, 7])
def test_equals_pytorch_where_it_lies_inside_larger_arrays(either, dtype, T):
    """Keys and values side by side, laid out by time; queries and gradients with gaps between them."""
    torch = pytest.importorskip("torch")
    N, S, H, lengths = 3, 9, 32, np.array([9, 1, 5])
    packed, wide, dout = normal((S, N, 2 * H), (N, 2 * T, 3 * H), (T, N, H), dtype=dtype)
    q, k, v, dout = wide[:, ::2, H:2 * H], packed[..., :H].swapaxes(0, 1), packed[..., H:].swapaxes(0, 1), dout.swapaxes(0, 1)
    out, _, *grads = look(q, k, v, dout, None, lengths, 4, 8 ** -0.5)
    theirs = [torch.from_numpy(x.copy()).requires_grad_() for x in (q, k, v)]
    mask = (torch.arange(S) < torch.from_numpy(lengths)[:, None])[:, None, None]
    their_out = torch.nn.functional.scaled_dot_product_attention(
        *(x.unflatten(-1, (4, 8)).transpose(1, 2) for x in theirs), attn_mask=mask).transpose(1, 2).flatten(2)
    their_out.backward(torch.from_numpy(dout.copy()))
    equal([out, *grads], [their_out.detach().numpy(), *(x.grad.numpy() for x in theirs)], 5e-6 if dtype is np.float32 else 1e-14)


@given(lengths=LENGTHS, T=st.integers(1, 3), extra=st.integers(0, 3), seed=st.integers(0, 99))
def test_a_padded_row_equals_the_row_alone(either, lengths, T, extra, seed):
    """Whatever stands in the padding, even NaN, is never read, and its gradient is exactly 0."""
    q, k, v, dout, dweights = problem(len(lengths), T, max(lengths) + extra, seed)
    for n, length in enumerate(lengths):
        k[n, length:] = v[n, length:] = np.nan
    got = look(q, k, v, dout, dweights, np.array(lengths))
    for n, length in enumerate(lengths):
        row = slice(n, n + 1)
        alone = look(q[row], k[row, :length], v[row, :length], dout[row], dweights[row, ..., :length])
        out, weights, dq, dk, dv = (x[row] for x in got)
        equal([out, weights[..., :length], dq, dk[:, :length], dv[:, :length]], alone)
        assert not weights[..., length:].any()
        assert not dk[:, length:].any()
        assert not dv[:, length:].any()


@given(lengths=LENGTHS, T=st.integers(1, 3), extra=st.integers(0, 3), seed=st.integers(0, 99))
def test_scores_of_a_padded_row_are_those_of_the_row_alone(either, lengths, T, extra, seed):
    N, S = len(lengths), max(lengths) + extra
    q, k, v, dscores = normal((N, T, A), (N, S, A), (A,), (N, T, S), seed=seed)
    for n, length in enumerate(lengths):
        k[n, length:] = np.nan
    scores, cache = additive_forward(q, k, v, np.array(lengths))
    p, kept = masked_softmax_forward(scores, np.array(lengths))
    (dq, dk, dv), dx = additive_backward(dscores, cache), masked_softmax_backward(dscores, kept)
    for n, length in enumerate(lengths):
        row, d = slice(n, n + 1), dscores[n:n + 1, :, :length]
        alone, its_cache = additive_forward(q[row], k[row, :length], v)
        its_p, its_kept = masked_softmax_forward(alone)
        its_dq, its_dk, its_dv = additive_backward(d, its_cache)
        equal([scores[row, :, :length], p[row, :, :length], dq[row], dk[row, :length], dx[row, :, :length]],
              [alone, its_p, its_dq, its_dk, masked_softmax_backward(d, its_kept)])
        dv = dv - its_dv
        for padding in (scores[row, :, length:], p[row, :, length:], dk[row, length:], dx[row, :, length:]):
            assert not padding.any()
    np.testing.assert_allclose(dv, 0, atol=1e-13)


@pytest.mark.parametrize("T", [1, 4])
def test_heads_are_attentions_side_by_side(either, T):
    q, k, v, dout, dweights = problem(3, T, 5)
    out, weights, *grads = look(q, k, v, dout, dweights)
    for h in range(K):
        keys, values = slice(h * D, (h + 1) * D), slice(h * E, (h + 1) * E)
        alone = look(q[..., keys], k[..., keys], v[..., values], dout[..., values], dweights[:, h:h + 1], heads=1)
        equal([out[..., values], weights[:, h:h + 1], *(d[..., part] for d, part in zip(grads, (keys, keys, values)))], alone)


def test_queries_together_are_queries_one_by_one(either):
    """A decoder that asks step by step gets what it gets when all steps are known."""
    q, k, v, dout, dweights = problem(3, 6, 5)
    lengths = np.array([5, 2, 4])
    out, weights, dq, dk, dv = look(q, k, v, dout, dweights, lengths)
    for t in range(6):
        now = slice(t, t + 1)
        step = look(q[:, now], k, v, dout[:, now], dweights[:, :, now], lengths)
        equal(step[:3], [out[:, now], weights[:, :, now], dq[:, now]])
        dk, dv = dk - step[3], dv - step[4]
    equal([dk, dv], [0 * dk, 0 * dv])


def test_lengths_of_all_or_more_are_none(either):
    q, k, v, dout, dweights = problem(2, 3, 5)
    scores, va = dweights[:, 0], normal((K * D,))[0]
    for lengths in (np.array([5, 5]), np.array([5, 99]), np.array([5, 5], np.int32)):
        equal(look(q, k, v, dout, dweights, lengths), look(q, k, v, dout, dweights), 0)
        np.testing.assert_array_equal(additive_forward(q, k, va, lengths)[0], additive_forward(q, k, va)[0])
        equal([masked_softmax_forward(scores, lengths)[0]], [masked_softmax_forward(scores)[0]], 1e-16)


@pytest.mark.parametrize("length", [0, -1])
@pytest.mark.parametrize("T", [1, 3])
def test_a_row_of_no_length_sees_nothing(either, length, T):
    """Not NaN, which would spread over the batch."""
    q, k, v, dout, dweights = problem(2, T, 4)
    lengths = np.array([length, 4])
    for x in look(q, k, v, dout, dweights, lengths):
        assert not x[0].any()
        assert x[1].all()
    p, _ = masked_softmax_forward(dweights[:, 0], lengths)
    assert not p[0].any()
    np.testing.assert_allclose(p[1].sum(-1), 1)


def test_a_mixture_of_precisions_takes_that_of_the_queries(either):
    """Compiled, a float64 read as float32 would be nonsense, or beyond the end of the array."""
    q, k, v, dout, dweights = problem(2, 3, 4)
    short = q.astype(np.float32)
    got = look(short, k, v, dout, dweights)
    assert {x.dtype for x in got} == {np.dtype(np.float32)}
    equal(got, look(short.astype(float), k, v, dout, dweights), 1e-5)


def test_keys_laid_out_by_time_are_not_copied_and_get_such_a_gradient():
    """As a recurrent layer leaves its outputs and takes their gradient."""
    by_time = np.zeros((30, 8, 64), np.float32)
    hs = by_time.swapaxes(0, 1)
    with compiled(True):
        look(hs[:, :2], hs, hs, hs[:, :2], None, heads=1)
        tracemalloc.start()
        try:
            outs, cache = source_attention_forward(hs[:, :2], hs, hs)
            peak = tracemalloc.get_traced_memory()[1]
        finally:
            tracemalloc.stop()
        _, dk, dv = source_attention_backward(outs, cache)
    assert peak < by_time.nbytes / 2
    assert dk.swapaxes(0, 1).flags.c_contiguous
    assert dv.swapaxes(0, 1).flags.c_contiguous


def test_tanh_of_all_pairs_never_exist_together():
    """The plain version, whose memory can be seen: (N, T, S, A) float64 is 23 MB here."""
    q, k, v = normal((4, 60, 100), (4, 120, 100), (100,))
    with compiled(False):
        tracemalloc.start()
        try:
            scores, cache = additive_forward(q, k, v)
            additive_backward(scores, cache)
            peak = tracemalloc.get_traced_memory()[1]
        finally:
            tracemalloc.stop()
    assert peak < 4 * 60 * 120 * 100 * 8 / 4


def test_not_a_number_is_passed_on(either):
    """A NaN in one row's query, key or value is seen in that row's context, and in no other's."""
    for k in range(3):
        arrays = problem(2, 3, 4)[:3]
        arrays[k][1, 2, 1] = np.nan
        (out, _), _ = source_attention_forward(*arrays, None, K)
        assert np.isnan(out[1, 2]).any()
        assert not np.isnan(out[0]).any()
    q, k, v = normal((2, 3, A), (2, 4, A), (A,))
    q[1, 0, 1] = np.nan
    scores, _ = additive_forward(q, k, v)
    assert np.isnan(scores[1, 0]).all()
    assert not np.isnan(scores[0]).any()


def test_far_out_scores_do_not_overflow(either):
    for dtype in (np.float32, np.float64):
        q, k, v = np.full((1, 2, 1), 1e4, dtype), np.array([[[1e4], [-1e4], [0]]], dtype), np.array([[[3], [5], [7]]], dtype)
        (out, weights), _ = source_attention_forward(q, k, v)
        np.testing.assert_array_equal(out, np.full((1, 2, 1), 3))
        np.testing.assert_array_equal(weights[0, 0], [[1, 0, 0], [1, 0, 0]])
        scores, _ = additive_forward(q, k, np.ones(1, dtype))
        np.testing.assert_allclose(scores, [[[1, 0, 1]] * 2], atol=1e-7)


def test_the_smaller_of_two_takes_the_gradient_and_the_first_of_equals():
    a, b = Tensor(np.array([1.0, 2, 3, np.nan, 0]), requires_grad=True), Tensor(np.array([2.0, 2, 1, 0, np.nan]), requires_grad=True)
    y = ops.minimum(a, b)
    np.testing.assert_array_equal(y.data, [1, 2, 1, np.nan, np.nan])
    y[:3].sum().backward()
    np.testing.assert_array_equal(a.grad[:3], [1, 1, 0])
    np.testing.assert_array_equal(b.grad[:3], [0, 0, 1])
    np.testing.assert_array_equal(ops.minimum(Tensor(np.array([1.0, -1.0])), 0.5).data, [0.5, -1])


def test_shapes_that_do_not_fit_are_said():
    q, k, v = np.zeros((2, 3, 6)), np.zeros((2, 4, 6)), np.zeros((2, 4, 8))
    with pytest.raises(ShapeError, match=r"axis 2 \(H\) is 5, should be 6, because H is 6 in q"):
        source_attention_forward(q, k[..., :5], v)
    with pytest.raises(ShapeError, match="keys of 6 and values of 8 numbers cannot be cut into 3 heads"):
        source_attention_forward(q, k, v, None, 3)
    for wrong in (lambda n: source_attention_forward(q, k, v, n), lambda n: additive_forward(q, k, np.zeros(6), n)):
        with pytest.raises(ShapeError, match=r"one length for each of the 2 rows"):
            wrong(np.array([1, 2, 3]))
    with pytest.raises(ShapeError, match=r"lengths +\(N\) = \(3,\)"):
        masked_softmax_forward(q, np.array([1, 2, 3]))
    with pytest.raises(ShapeError, match=r"v +\(A\) = \(5,\)"):
        additive_forward(q, k, np.zeros(5))
