"""The row-sparse gradient of an embedding: the dense one's rows, at a cost that does not know the vocabulary."""
import tracemalloc

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tsuzuri.errors import DataError
from tsuzuri.kernels import inner
from tsuzuri.ops import index
from tsuzuri.sparse import RowSparse


@given(ids=st.lists(st.integers(0, 5), max_size=12), compiled=st.booleans(), single=st.booleans())
def test_gradient_is_the_dense_one(ids, compiled, single):
    ids, dtype = np.array(ids, int), np.float32 if single else np.float64
    rng = np.random.default_rng(0)
    op = index.Embedding(ids)
    op.forward(rng.standard_normal((6, 3)).astype(dtype))
    dy = rng.standard_normal((len(ids), 3)).astype(dtype)
    with inner.compiled(compiled):
        grad = op.backward(dy)
    dense = np.zeros((6, 3), dtype)
    np.add.at(dense, ids, dy)
    assert isinstance(grad, RowSparse)
    assert grad.ids.tolist() == sorted(set(ids.tolist()))
    assert grad.rows.dtype == dtype
    np.testing.assert_allclose(grad.to_dense(), dense, rtol=1e-6)


def test_cost_follows_the_tokens_not_the_vocabulary():
    """Forward, backward and a sum of two gradients of ten million rows, that no array of that many rows is made for."""
    table = np.broadcast_to(np.float32(1), (10_000_000, 8))
    tracemalloc.start()
    try:
        grads = []
        for ids in (np.array([3, 9_999_999, 3]), np.array([3, 5])):
            op = index.Embedding(ids)
            grads.append(op.backward(op.forward(table)))
        both = grads[0] + grads[1]
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert both.ids.tolist() == [3, 5, 9_999_999]
    assert both.rows[:, 0].tolist() == [3, 1, 1]
    assert peak < 1_000_000


@pytest.mark.parametrize("bad", [6, -1])
def test_an_id_outside_the_table_is_refused(bad):
    with pytest.raises(DataError, match=f"id {bad} is not a row of a table of 6 rows"):
        index.Embedding(np.array([0, bad])).forward(np.zeros((6, 3)))


def test_row_sparse_sums():
    """Sparse + sparse, sparse + dense: both equal the dense arithmetic, and no operand changes."""
    a = RowSparse(np.array([0, 2]), np.array([[1.0, 2], [3, 4]]), (4, 2))
    b = RowSparse(np.array([2, 3]), np.array([[10.0, 20], [30, 40]]), (4, 2))
    dense, kept = np.arange(8.0).reshape(4, 2), np.arange(8.0).reshape(4, 2)
    np.testing.assert_array_equal((a + b).to_dense(), a.to_dense() + b.to_dense())
    np.testing.assert_array_equal(a + dense, a.to_dense() + dense)
    np.testing.assert_array_equal(dense, kept)
    assert a.rows.tolist() == [[1, 2], [3, 4]]
