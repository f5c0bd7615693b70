"""The tape: deep graphs, freed graphs, what adds up, what is recorded, and what each leaf gets."""
import gc
import threading
import weakref

import numpy as np
import pytest

from tsuzuri import ops
from tsuzuri.sparse import RowSparse
from tsuzuri.tensor import Op, Tensor, no_grad


def leaf(*values):
    return Tensor(np.array(values, float), requires_grad=True)


def test_a_graph_200_000_deep():
    """Backward and the freeing of the graph, neither by recursion."""
    x = leaf(1.0)
    y = x
    for _ in range(200_000):
        y = y + 1.0
    y.sum().backward()
    assert x.grad.tolist() == [1]
    del y


def test_a_graph_is_freed_without_the_garbage_collector():
    """The op, its saved arrays and the tensors between die with the last result, before and after backward."""
    gc.collect()
    gc.disable()
    try:
        for walk in (False, True):
            x = leaf(1.0, 2.0)
            middle = ops.exp(x)
            loss = (middle * middle).sum()
            dying = [weakref.ref(o) for o in (middle, middle.data, middle.op, loss, loss.op)]
            if walk:
                loss.backward()
            del middle, loss
            assert [r() for r in dying] == [None] * len(dying)
    finally:
        gc.enable()


def test_two_backward_calls_add_up():
    x = leaf(1.0, 2.0)
    loss = (x * x).sum()
    loss.backward()
    once = x.grad.copy()
    loss.backward()
    np.testing.assert_array_equal(x.grad, 2 * once)
    (3 * x).sum().backward()
    np.testing.assert_array_equal(x.grad, 2 * once + 3)


def test_adding_up_changes_no_gradient_in_place():
    """Add hands one array to both its inputs: what is added to the one may not appear in the other."""
    a, b = leaf(1.0, 2.0), leaf(3.0, 4.0)
    given = np.array([1.0, 10.0])
    (a + b).backward(given)
    (a * 2.0).sum().backward()
    assert a.grad.tolist() == [3, 12]
    assert b.grad.tolist() == [1, 10]
    assert given.tolist() == [1, 10]


def test_a_tensor_used_twice_gets_both():
    x = leaf(3.0)
    y = x * 2.0
    (y * y + y).sum().backward()                             # d(4x^2 + 2x) = 8x + 2
    assert x.grad.tolist() == [26]


def test_a_diamond_is_walked_once():
    """30 doublings make 2^30 paths; each op runs once."""
    x = leaf(1.0)
    y = x
    for _ in range(30):
        y = y + y
    y.sum().backward()
    assert x.grad.tolist() == [2 ** 30]


def test_an_older_root_is_walked_after_a_younger_op():
    """The order is that of time, not of the arguments: an op waits until all gradients of its outputs are there."""
    x = leaf(2.0)
    early = x * x
    late = ops.exp(x) * early
    (early + late).sum().backward()
    assert x.grad[0] == pytest.approx(4 + np.exp(2) * (4 + 4))


def test_no_grad_records_nothing():
    x = leaf(1.0, 2.0)
    with no_grad():
        y = (x * x).sum()
        with no_grad():
            pass
        z = x * 2.0
    assert y.op is None
    assert z.op is None
    assert not y.requires_grad
    y.backward()
    assert x.grad is None
    assert (x * x).op is not None


def test_no_grad_ends_with_an_error_too():
    with pytest.raises(ZeroDivisionError), no_grad():
        1 / 0  # noqa: B018
    assert (leaf(1.0) * 1.0).op is not None


def test_constants_get_no_gradient():
    x, c = leaf(1.0, 2.0), Tensor(np.array([3.0, 4.0]))
    (x * c).sum().backward()
    assert c.grad is None
    assert (c * c).op is None
    assert x.grad.tolist() == [3, 4]


def test_detach_cuts():
    x = leaf(2.0)
    (x * (x * x).detach()).sum().backward()
    assert x.grad.tolist() == [4]


def test_a_tied_table_gets_the_sum_of_rows_and_dense():
    """An embedding's rows and the dense gradient of the same table as output weights, in whichever order they come."""
    rng, ids = np.random.default_rng(0), np.array([1, 1, 3])
    W, dense, sparse = (Tensor(rng.standard_normal((5, 2)), requires_grad=True) for _ in range(3))
    dense.data = sparse.data = W.data
    factor = rng.standard_normal((3, 2))

    def loss(table, weights):
        return (ops.embedding(table, ids) * factor).sum() + (weights.transpose() * 2.0).sum()

    loss(sparse, dense).backward()
    assert isinstance(sparse.grad, RowSparse)
    loss(W, W).backward()
    np.testing.assert_allclose(W.grad, sparse.grad.to_dense() + dense.grad)
    W.grad = None
    ((W * 2.0).sum() + (ops.embedding(W, ids) * factor).sum()).backward()
    np.testing.assert_allclose(W.grad, sparse.grad.to_dense() + dense.grad)


def test_a_table_that_is_computed_gets_its_gradient():
    """Rows of a table that is itself a result: the ops below it are given an array."""
    W, ids = leaf([1.0, 2.0], [3.0, 4.0], [5.0, 6.0]), np.array([2, 0, 2])
    (ops.embedding(W.transpose(1, 0).transpose() * W, ids)).sum().backward()
    np.testing.assert_allclose(W.grad, 2 * W.data * np.array([[1], [0], [2]]))


def test_every_op_runs_once_when_all_its_gradients_are_there():
    """A ladder in which each rung feeds the next two: walked in another order, ops would run again and again."""
    calls = []

    class Counted(Op):
        def forward(self, x):
            return x * 1.5

        def backward(self, dy):
            calls.append(self)
            return dy * 1.5

    x = leaf(1.0)
    below, y = x, Counted()(x)
    for _ in range(12):
        below, y = y, Counted()(y) + Counted()(below)
    y.sum().backward()
    assert len(calls) == len(set(map(id, calls))) == 25
    a, b = 1.0, 1.5
    for _ in range(12):
        a, b = b, 1.5 * (a + b)
    assert x.grad[0] == pytest.approx(b)


class Split(Op):
    """(x + 1, 2 x, 3 x), and what it was given on the way back."""

    def forward(self, x):
        return x + 1, 2 * x, 3 * x

    def backward(self, *douts):
        self.saved = douts
        return sum(d * k for k, d in zip((1, 2, 3), douts, strict=True) if d is not None)


def test_outputs_that_nobody_used_are_none():
    x = leaf(1.0, 2.0)
    op = Split()
    _, double, _ = op(x)
    (double * 5.0).sum().backward()
    assert op.saved[0] is None
    assert op.saved[2] is None
    assert op.saved[1].tolist() == [5, 5]
    assert x.grad.tolist() == [10, 10]


def test_a_gradient_can_be_given():
    x = leaf(1.0, 2.0)
    (x * 3.0).backward(np.array([1.0, -1.0]))
    assert x.grad.tolist() == [3, -3]


def test_arithmetic_with_numbers_and_arrays_on_either_side():
    x = leaf(2.0, 4.0)
    for y, slope in ((1.0 + x, [1, 1]), (x - 1, [1, 1]), (1 - x, [-1, -1]), (np.array([3.0, 5.0]) * x, [3, 5]),
                     (8 / x, [-2, -0.5]), (x / 2, [0.5, 0.5]), (-x, [-1, -1]), (x ** 2, [4, 8]), (x[1], [0, 1])):
        x.grad = None
        y.sum().backward()
        assert x.grad.tolist() == slope


def test_a_leaf_gets_its_own_gradient():
    x = leaf(1.0, 2.0)
    x.backward(np.array([3.0, 4.0]))
    x.backward()
    assert x.grad.tolist() == [4, 5]
    constant = Tensor(np.ones(2))
    constant.backward()
    assert constant.grad is None


def test_an_op_takes_arrays_as_constants():
    W, x, b = leaf([1.0, 2.0]), np.array([[3.0], [4.0]]), np.zeros(2)
    y = ops.linear(x, W, b)
    y.backward(np.ones((2, 2)))
    assert y.data.tolist() == [[3, 6], [4, 8]]
    assert W.grad.tolist() == [[7, 7]]
    alone = ops.softmax(b)
    assert alone.data.tolist() == [0.5, 0.5]
    assert alone.op is None


def test_no_grad_is_of_one_thread():
    """One thread measures while another trains."""
    entered, left, recorded = threading.Event(), threading.Event(), []

    def measure():
        with no_grad():
            entered.set()
            left.wait(10)
            recorded.append((leaf(1.0) * 2.0).op is not None)

    thread = threading.Thread(target=measure)
    thread.start()
    assert entered.wait(10)
    recorded.append((leaf(1.0) * 2.0).op is not None)
    left.set()
    thread.join()
    assert recorded == [True, False]


def test_a_number_beside_a_tensor_keeps_its_type():
    x = Tensor(np.ones(3, np.float32), requires_grad=True)
    y = 2 * (x + 0.5) / np.array([1.0, 2.0, 3.0]) - np.float64(1)
    assert y.dtype == np.float32
    y.sum().backward()
    assert x.grad.dtype == np.float32
