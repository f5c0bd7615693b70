"""One step without a cache is the first step of the whole sequence; one row times a matrix is NumPy's product."""
import numpy as np
import pytest

from tsuzuri.kernels.attention_step import attention_step
from tsuzuri.kernels.gru import gru_forward, gru_step
from tsuzuri.kernels.inner import compiled
from tsuzuri.kernels.lstm import lstm_forward, lstm_step
from tsuzuri.kernels.product import SMALL_ROW, matmul
from tsuzuri.kernels.rnn import rnn_forward, rnn_step
from tsuzuri.kernels.source_attention import source_attention_forward

CELLS = {"rnn": (rnn_forward, rnn_step, 1, 1, 0), "gru": (gru_forward, gru_step, 3, 1, 1), "lstm": (lstm_forward, lstm_step, 4, 2, 0)}


@pytest.mark.parametrize("on", [True, False], ids=["compiled", "plain"])
@pytest.mark.parametrize("rows", [1, 3])
@pytest.mark.parametrize("cell", CELLS)
def test_a_step_is_what_the_sequence_does_first(cell, rows, on):
    forward, step, gates, states, extra = CELLS[cell]
    rng = np.random.default_rng(0)
    x, state = rng.normal(size=(rows, 4)), [rng.normal(size=(rows, 5)) for _ in range(states)]
    weights = [rng.normal(size=(4, gates * 5)), rng.normal(size=(5, gates * 5)), rng.normal(size=gates * 5)]
    weights += [rng.normal(size=5)] * extra
    with compiled(on):
        after = step(x, *state, *weights)
        outs, _ = forward(x[:, None], *state, *weights)
    for ours, theirs in zip(after, outs[1:], strict=True):
        np.testing.assert_allclose(ours, theirs, rtol=1e-12, atol=1e-14)


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("transposed", [False, True])
@pytest.mark.parametrize("depth", [101, 64, 3])
def test_one_row_times_a_large_matrix_is_the_product(depth, transposed, dtype):
    rng = np.random.default_rng(1)
    columns = SMALL_ROW // depth + 7
    W = rng.normal(size=(depth, columns)).astype(dtype)
    W = np.ascontiguousarray(W.T).T if transposed else W
    x = rng.normal(size=(1, depth)).astype(dtype)
    expected = x.astype(np.float64) @ W.astype(np.float64)
    np.testing.assert_allclose(matmul(x, W), expected, rtol=0, atol=depth * 8 * np.finfo(dtype).eps * np.abs(expected).max())


@pytest.mark.parametrize("shape", [(1, 3, 5), (7, 1, 9), (130, 257, 190), (300, 64, 300)])
@pytest.mark.parametrize("turned", ["", "a", "b", "ab"])
def test_a_product_that_is_cut_into_parts_is_the_product(shape, turned):
    M, K, N = shape
    rng = np.random.default_rng(2)
    a, b = rng.normal(size=(M, K)), rng.normal(size=(K, N))
    a = np.ascontiguousarray(a.T).T if "a" in turned else a
    b = np.ascontiguousarray(b.T).T if "b" in turned else b
    np.testing.assert_allclose(matmul(a, b), np.einsum("mk,kn->mn", a, b), rtol=0, atol=1e-12 * K)


@pytest.mark.parametrize("kinds", [(np.float64, np.float32), (np.float32, np.float64), (np.int64, np.int64), (np.int64, np.float32), (np.uint8, np.uint8)],
                         ids=lambda kinds: " ".join(np.dtype(kind).name for kind in kinds))
@pytest.mark.parametrize("rows", [1, 200])
def test_a_large_product_of_other_types_is_numpys(rows, kinds):
    """Numbers that BLAS would read as of the first one's type, or has no product of."""
    rng = np.random.default_rng(2)
    a, b = (rng.integers(0, 9, shape).astype(kind) for shape, kind in zip(((rows, 600), (600, 600)), kinds, strict=True))
    found = matmul(a, b)
    assert found.dtype == (a @ b).dtype
    np.testing.assert_array_equal(found, a @ b)


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("tied", [False, True])
@pytest.mark.parametrize(("rows", "H"), [(1, 5), (3, 5), (1, 300)], ids=["one", "three", "one, wide"])
@pytest.mark.parametrize("on", [True, False], ids=["compiled", "plain"])
def test_a_step_with_attention_is_its_parts_one_by_one(on, rows, H, tied, dtype):
    """Keys and values laid out by time as an encoder leaves them; the sources are shorter than the place they have."""
    rng = np.random.default_rng(3)
    def draw(*shape): return rng.normal(size=shape).astype(dtype) * dtype(H ** -0.5)
    x, h, c, cell, join = draw(rows, 4), draw(rows, H), draw(rows, H), (draw(4, 4 * H), draw(H, 4 * H), draw(4 * H)), (draw(2 * H, H), draw(H))
    keys, values, lengths = draw(7, rows, H).swapaxes(0, 1), draw(7, rows, H).swapaxes(0, 1), rng.integers(1, 7, rows)
    out = (draw(11, H).T if tied else draw(H, 11), draw(11))
    given = [a.copy() for a in (x, h, c)]
    with compiled(on):
        logits, weights, after, cell_after = attention_step(x, h, c, cell, (keys, values, lengths, 0.7), join, out)
    with compiled(False):
        hidden, state = lstm_step(x, h, c, *cell)
        (context, looked), _ = source_attention_forward(hidden[:, None], keys, values, lengths, 1, 0.7)
        expected = np.tanh(np.concatenate([context[:, 0], hidden], 1) @ join[0] + join[1]) @ out[0] + out[1]
    for ours, theirs in zip((logits, weights, after, cell_after, x, h, c), (expected, looked[:, 0, 0], hidden, state, *given), strict=True):
        assert ours.dtype == dtype
        np.testing.assert_allclose(ours, theirs, rtol=0, atol=20 * np.finfo(dtype).eps * max(1, np.abs(theirs).max()))
