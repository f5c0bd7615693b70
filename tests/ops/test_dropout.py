"""Dropout: how much is dropped, which elements, and that the compiled mask is the plain one to the bit."""
import numpy as np
import pytest

from tsuzuri.kernels import dropout as kernels
from tsuzuri.kernels import inner
from tsuzuri.ops import fused

ONES = np.ones((200, 300), np.float32)


def mask(kind, x, p, seed=0):
    op = kind(p, np.random.default_rng(seed))
    return op.forward(x), op


@pytest.mark.parametrize("p", [0.1, 0.5, 0.9])
def test_share_scale_and_mean(p):
    """Of 60,000 elements the dropped share is within five standard errors of p; the rest are 1 / (1 - p) exactly."""
    y, _ = mask(fused.Dropout, ONES, p)
    assert abs((y == 0).mean() - p) < 5 * np.sqrt(p * (1 - p) / y.size)
    assert set(np.unique(y)) == {np.float32(0), np.float32(1 / (1 - p))}


def test_neighbours_are_independent():
    """Along either axis, and under the next key, two elements are dropped together as often as chance has it."""
    first, _ = mask(fused.Dropout, ONES, 0.5)
    again = kernels.dropout(ONES, 0.5, np.uint64(1)), kernels.dropout(ONES, 0.5, np.uint64(2))
    for a, b in ((first[:, 1:], first[:, :-1]), (first[1:], first[:-1]), again):
        assert abs(np.corrcoef(a.ravel() > 0, b.ravel() > 0)[0, 1]) < 5 / np.sqrt(a.size)


def test_the_generator_decides():
    a, b, c = (mask(fused.Dropout, ONES, 0.5, seed)[0] for seed in (1, 1, 2))
    np.testing.assert_array_equal(a, b)
    assert (a != c).mean() == pytest.approx(0.5, abs=0.02)
    rng = np.random.default_rng(1)
    assert (fused.Dropout(0.5, rng).forward(ONES) != fused.Dropout(0.5, rng).forward(ONES)).any()


@pytest.mark.parametrize("kind", [fused.Dropout, fused.VariationalDropout])
def test_the_gradient_meets_the_same_mask(kind):
    x = np.ones((7, 5, 30))
    y, op = mask(kind, x, 0.3)
    np.testing.assert_array_equal(op.backward(x), y)


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("p", [0.0, 0.3, 0.999])
def test_compiled_mask_is_the_plain_one(dtype, p):
    """Past the size at which the compiled loop cuts the work into blocks, and in a layout that is not contiguous."""
    x = np.random.default_rng(0).standard_normal((2, 333, 61)).astype(dtype).transpose(2, 0, 1)
    with inner.compiled(False):
        plain = kernels.dropout(x, p, np.uint64(2 ** 63 - 5))
    with inner.compiled(True):
        np.testing.assert_array_equal(kernels.dropout(x, p, np.uint64(2 ** 63 - 5)), plain)


def test_variational_mask_is_one_for_all_steps():
    y, _ = mask(fused.VariationalDropout, np.ones((40, 9, 50)), 0.5)
    assert (y == y[:, :1]).all()
    assert len({row.tobytes() for row in y[:, 0]}) == 40
    assert (y[:, 0] == 0).mean() == pytest.approx(0.5, abs=0.06)
