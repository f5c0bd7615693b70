"""Causal attention: worked by hand, blind to the future, the same in any batch and from a cache; turning; gelu in float32."""
import itertools
import tracemalloc

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tsuzuri.errors import ShapeError
from tsuzuri.kernels import feedforward
from tsuzuri.kernels.attention import BLOCK, cached_attention, causal_attention_backward, causal_attention_forward
from tsuzuri.kernels.inner import compiled
from tsuzuri.kernels.rotary import rotary_angles, rotary_backward, rotary_forward

NONE = np.zeros((0, 0))
LONG = BLOCK + 21                                            # more than one block of queries


@pytest.fixture(params=[False, True], ids=["plain", "compiled"], scope="module")
def either(request):
    with compiled(request.param):
        yield


def packed(N, T, heads, D, seed=0, dtype=np.float64):
    return np.random.default_rng(seed).standard_normal((N, T, 3 * heads * D)).astype(dtype)


def test_two_positions_by_hand(either):
    """One head of length 1: q = 1, 2; k = 0, ln 3 / 2; v = 5, 9.  Scores of the second: 0 and ln 3, so 1/4 and 3/4."""
    qkv = np.array([[[1.0, 0.0, 5.0], [2.0, np.log(3) / 2, 9.0]]])
    out, (*_, lse) = causal_attention_forward(qkv, 1, NONE, NONE)
    np.testing.assert_allclose(out[0, :, 0], [5, 8], rtol=1e-15)
    np.testing.assert_allclose(lse[0, 0], [0, np.log(4)], atol=1e-15)


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_equals_pytorch_where_it_lies_inside_a_larger_array(either, dtype):
    torch = pytest.importorskip("torch")
    wide = packed(3, LONG, 2, 16, dtype=dtype)
    qkv, dout = wide[::2, :, 24:72], packed(2, LONG, 2, 12, 1, dtype)[..., 10:26]
    out, cache = causal_attention_forward(qkv, 2, NONE, NONE)
    given = torch.from_numpy(qkv.copy()).requires_grad_()
    q, k, v = given.unflatten(-1, (3, 2, 8)).permute(2, 0, 3, 1, 4)
    theirs = torch.nn.functional.scaled_dot_product_attention(q, k, v, is_causal=True).transpose(1, 2).flatten(2)
    theirs.backward(torch.from_numpy(dout.copy()))
    tolerance = 3e-5 if dtype is np.float32 else 1e-12       # sums of some 80 terms of size 1
    np.testing.assert_allclose(out, theirs.detach().numpy(), atol=tolerance)
    np.testing.assert_allclose(causal_attention_backward(dout, cache), given.grad.numpy(), atol=tolerance)


@pytest.mark.parametrize("cut", [1, BLOCK - 1, BLOCK, BLOCK + 5])
def test_the_future_changes_nothing(either, cut):
    """To the bit: not the outputs before it, nor, going back, the gradient behind them."""
    angles = rotary_angles(LONG, 4)
    qkv, other = packed(2, LONG, 2, 4), packed(2, LONG, 2, 4)
    other[:, cut:] = 1e30
    out, cache = causal_attention_forward(qkv, 2, *angles)
    with np.errstate(over="ignore", invalid="ignore"):
        np.testing.assert_array_equal(causal_attention_forward(other, 2, *angles)[0][:, :cut], out[:, :cut])
    dout = np.ones_like(out)
    dout[:, cut:] = 0
    dqkv = causal_attention_backward(dout, cache)
    assert not dqkv[:, cut:].any()
    assert dqkv[:, :cut].any()


def test_a_batch_is_its_rows(either):
    qkv, dout, angles = packed(3, LONG, 2, 4), packed(3, LONG, 2, 4, 1)[..., :8], rotary_angles(LONG, 4)
    out, cache = causal_attention_forward(qkv, 2, *angles)
    dqkv = causal_attention_backward(dout, cache)
    for n in range(3):
        alone, its = causal_attention_forward(qkv[n:n + 1], 2, *angles)
        np.testing.assert_allclose(alone[0], out[n], rtol=0, atol=1e-14)
        np.testing.assert_allclose(causal_attention_backward(dout[n:n + 1], its)[0], dqkv[n], rtol=0, atol=1e-13)


@given(cuts=st.lists(st.integers(1, LONG - 1), max_size=4), turned=st.booleans())
def test_a_cache_gives_the_same_however_it_is_filled(either, cuts, turned):
    qkv, angles = packed(2, LONG, 3, 4), rotary_angles(LONG + 9, 4) if turned else (NONE, NONE)
    want, _ = causal_attention_forward(qkv, 3, *angles)
    keys, values = np.full((2, 2, 3, LONG + 9, 4), np.nan)
    places = [0, *sorted(set(cuts)), LONG]
    for low, high in itertools.pairwise(places):
        out = np.empty((2, high - low, 12))
        cached_attention(qkv[:, low:high].copy(), *angles, keys, values, low, out)
        np.testing.assert_allclose(out, want[:, low:high], rtol=0, atol=1e-13)
    assert np.isnan(keys[:, :, LONG:]).all()
    assert np.isnan(values[:, :, LONG:]).all()


def test_attention_sees_distances_alone(either):
    """With every position moved on by the same number, rotary attention is what it was."""
    qkv, (cos, sin) = packed(1, LONG, 2, 6), rotary_angles(LONG + 40, 6)
    here, there = (causal_attention_forward(qkv, 2, cos[at:at + LONG], sin[at:at + LONG])[0] for at in (0, 40))
    np.testing.assert_allclose(there, here, rtol=0, atol=1e-12)
    assert np.abs(causal_attention_forward(qkv, 2, NONE, NONE)[0] - here).max() > 0.1


@given(s=st.integers(0, 30), t=st.integers(0, 30), by=st.integers(0, 30))
def test_a_turned_product_depends_on_the_distance(s, t, by):
    (q, k), (cos, sin) = np.random.default_rng(0).standard_normal((2, 8)), rotary_angles(61, 8)

    def at(x, t):
        return rotary_forward(x[None], cos[t:t + 1], sin[t:t + 1])[0][0]

    assert at(q, s) @ at(k, t) == pytest.approx(at(q, s + by) @ at(k, t + by), rel=0, abs=1e-12)
    np.testing.assert_allclose(np.linalg.norm(at(q, s)), np.linalg.norm(q), rtol=1e-14)
    np.testing.assert_allclose(rotary_backward(at(q, s)[None], (cos[s:s + 1], sin[s:s + 1]))[0], q, rtol=0, atol=1e-14)


def test_a_quarter_turn_by_hand():
    """Position 1 turns the first pair by one radian: (1, 0) becomes (cos 1, sin 1); position 0 turns nothing."""
    cos, sin = rotary_angles(2, 4)
    x = np.array([[1.0, 0, 0, 0], [1, 0, 0, 0]])
    np.testing.assert_allclose(rotary_forward(x, cos, sin)[0], [[1, 0, 0, 0], [np.cos(1), 0, np.sin(1), 0]], atol=1e-15)
    np.testing.assert_allclose(np.arctan2(sin, cos)[1], [1, 0.01], rtol=1e-12)


def test_all_scores_never_exist_together():
    """The plain version, whose memory can be seen: T = 1500, where (T, T) float64 scores alone are 18 MB."""
    qkv = packed(1, 1500, 1, 4)
    with compiled(False):
        tracemalloc.start()
        try:
            out, cache = causal_attention_forward(qkv, 1, NONE, NONE)
            causal_attention_backward(out, cache)
            peak = tracemalloc.get_traced_memory()[1]
        finally:
            tracemalloc.stop()
    assert peak < 1500 * 1500 * 8 / 2


def test_shapes_that_do_not_fit_are_said():
    with pytest.raises(ShapeError, match=r"qkv is \(1, 2, 8\), should be \(N, T, 3 x 2 heads x D\)"):
        causal_attention_forward(np.zeros((1, 2, 8)), 2, NONE, NONE)
    with pytest.raises(ShapeError, match=r"cos is \(3, 2\), should be at least \(5, 2\)"):
        causal_attention_forward(np.zeros((1, 5, 12)), 1, *rotary_angles(3, 4))


def test_gelu_of_float32_is_exact_to_rounding():
    """Against the C library's erfc in float64: a few roundings of x Phi(x), and in the left tail of its own size."""
    from scipy.special import ndtr
    x = np.concatenate([np.linspace(-13, 13, 40_001), np.logspace(-30, 0, 301)]).astype(np.float32)[None]
    y, dz, zero = np.empty_like(x), np.empty_like(x), np.zeros(x.shape[1], np.float32)
    with compiled(True):
        feedforward.biased_gelu(x.copy(), zero, y)
        feedforward.biased_gelu_back(x, np.ones_like(x), dz)
    exact = x.astype(float)
    phi, bell = ndtr(exact), np.exp(-exact ** 2 / 2) / np.sqrt(2 * np.pi)
    assert (np.abs(y - exact * phi) <= 4e-7 * np.abs(exact)).all()
    np.testing.assert_allclose(y[exact > -4], (exact * phi)[exact > -4], rtol=2e-6)
    np.testing.assert_allclose(dz, phi + exact * bell, rtol=0, atol=6e-7)
