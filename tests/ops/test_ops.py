"""Every op in the table against the numeric gradient, itself in other layouts and types, and its compiled twin."""
import itertools

import numpy as np
import pytest
from cases import CASES, gradients, leaf_classes, outputs, seeds

from tsuzuri import array
from tsuzuri.kernels import inner, product
from tsuzuri.tensor import Tensor

SMALLEST = {np.float16: 3e-2, np.float32: 3e-5, np.float64: 1e-12}
RECURRENT = ("RNN", "GRU", "LSTM")
MOVED = ("elementwise", "reduce", "shape")                   # op modules without a kernel that has a compiled twin
PAIRED = [c for c in CASES if c.kind.__module__.rsplit(".", 1)[1] not in MOVED]

every_case = pytest.mark.parametrize("case", CASES, ids=lambda c: c.label)
paired_case = pytest.mark.parametrize("case", PAIRED, ids=lambda c: c.label)
either_way = pytest.mark.parametrize(
    ("case", "either"), [(c, False) for c in CASES] + [(c, True) for c in PAIRED], indirect=["either"],
    ids=lambda v: getattr(v, "label", "compiled" if v else "plain"))


@pytest.fixture
def either(request):
    with inner.compiled(request.param):
        yield


@pytest.fixture
def plain():
    with inner.compiled(False):
        yield


def run(case, arrays, douts=None):
    """(outputs, gradients), made of new arrays."""
    op = case.op()
    outs = outputs(op, arrays)
    return outs, gradients(op, douts or seeds(outs, arrays[0].dtype))


def close(got, want, tolerance):
    """Equal within ``tolerance`` of the largest number in each array."""
    assert len(got) == len(want)
    for a, b in zip(got, want, strict=True):
        assert np.shape(a) == np.shape(b)
        scale = max(np.abs(b).max(initial=0), 1e-3)
        np.testing.assert_allclose(np.asarray(a, float), np.asarray(b, float), rtol=0, atol=tolerance * scale)


def test_every_op_class_is_in_the_table():
    assert leaf_classes() == {case.kind for case in CASES}


def test_labels_are_distinct():
    assert len({case.label for case in CASES}) == len(CASES)


@either_way
def test_gradient_is_the_numeric_one(case, either):
    """<dout, df/dv> by a central difference of fourth order, for one random direction v in each input."""
    arrays = case.inputs()
    outs, grads = run(case, arrays)
    douts, rng, step = seeds(outs), np.random.default_rng(7), 1e-4
    for k, (x, grad) in enumerate(zip(arrays, grads, strict=True)):
        v = rng.standard_normal(x.shape) / np.sqrt(max(x.size, 1))

        def f(by, k=k, x=x, v=v):
            moved = outputs(case.op(), (*arrays[:k], x + by * step * v, *arrays[k + 1:]))
            return sum(float((d * (o - o0)).sum()) for d, o, o0 in zip(douts, moved, outs, strict=True))

        numeric = (8 * (f(1) - f(-1)) - (f(2) - f(-2))) / (12 * step)
        assert float((grad * v).sum()) == pytest.approx(numeric, rel=1e-6, abs=1e-10), f"input {k}"


@every_case
def test_gradients_have_the_shape_and_type_of_the_inputs(case, plain):
    for dtype in SMALLEST:
        arrays = case.inputs(dtype)
        outs, grads = run(case, arrays)
        assert {np.asarray(o).dtype for o in outs} == {np.dtype(dtype)}
        assert [(g.shape, g.dtype) for g in grads] == [(x.shape, x.dtype) for x in arrays]


@pytest.mark.parametrize("dtype", [np.float16, np.float32])
@every_case
def test_short_types_agree_with_float64(case, dtype, plain):
    short = case.inputs(dtype)
    outs, grads = run(case, short)
    douts = tuple(d.astype(float) for d in seeds(outs, dtype))
    exact_outs, exact_grads = run(case, tuple(x.astype(float) for x in short), douts)
    close(outs, exact_outs, SMALLEST[dtype])
    close(grads, exact_grads, SMALLEST[dtype] * 3)


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@paired_case
def test_compiled_equals_plain(case, dtype):
    """Sums of at most 900 terms in another order: some sqrt(900) roundings of 2^-24, that is 2e-6."""
    arrays = case.inputs(dtype)
    with inner.compiled(False):
        outs, grads = run(case, arrays)
    with inner.compiled(True):
        fast_outs, fast_grads = run(case, arrays)
    tolerance = 5e-6 if dtype is np.float32 else 1e-13
    close(fast_outs, outs, tolerance)
    close(fast_grads, grads, tolerance)
    assert [o.dtype for o in fast_outs + fast_grads] == [o.dtype for o in outs + grads]


@either_way
def test_any_subset_of_outputs_may_be_unused(case, either):
    """An unused output is one whose gradient is zero: None and zeros give the same."""
    arrays = case.inputs()
    op = case.op()
    douts = seeds(outputs(op, arrays))
    for used in itertools.product([False, True], repeat=len(douts)):
        if not any(used):
            continue
        given = tuple(d if u else None for d, u in zip(douts, used, strict=True))
        zeros = tuple(d if u else np.zeros_like(d) for d, u in zip(douts, used, strict=True))
        close(gradients(op, given), gradients(op, zeros), 1e-14)


@either_way
def test_layout_in_memory_does_not_matter(case, either):
    arrays = case.inputs()
    outs, grads = run(case, arrays)
    for spread in (fortran, strided):
        moved = tuple(spread(x) for x in arrays)
        douts = tuple(spread(d) for d in seeds(outs))
        got, got_grads = run(case, moved, douts)
        close(got, outs, 1e-13)
        close(got_grads, grads, 1e-13)


@either_way
def test_a_gradient_that_is_a_broadcast_view_is_fine(case, either):
    """Sum hands out one number seen as a whole array, which cannot be written."""
    arrays = case.inputs()
    outs, _ = run(case, arrays)
    views = tuple(np.broadcast_to(np.float64(0.5), np.shape(o)) for o in outs)
    if any(v.ndim and v.size < 2 for v in views):
        return                                               # contiguous as it is: only compiles the loop once more
    close(run(case, arrays, views)[1], run(case, arrays, tuple(v.copy() for v in views))[1], 1e-13)


@every_case
def test_inputs_are_never_written(case, plain):
    arrays = case.inputs()
    before = [x.copy() for x in arrays]
    op = case.op()
    for x in arrays:
        x.flags.writeable = False
    outs = outputs(op, arrays)
    douts = seeds(outs)
    kept = [d.copy() for d in douts], [np.copy(o) for o in outs]
    for d in douts:
        d.flags.writeable = False
    gradients(op, douts)
    for now, then in zip((*arrays, *douts, *outs), (*before, *kept[0], *kept[1]), strict=True):
        np.testing.assert_array_equal(now, then)


@paired_case
def test_compiled_loops_write_no_input(case):
    arrays = case.inputs()
    op = case.op()
    with inner.compiled(True):
        outs = outputs(op, arrays)
        douts = seeds(outs)
        kept = [np.copy(o) for o in outs]
        gradients(op, douts)
    for now, then in zip((*arrays, *outs, *douts), (*case.inputs(), *kept, *seeds(outs)), strict=True):
        np.testing.assert_array_equal(now, then)


@either_way
def test_backward_twice_gives_the_same(case, either):
    op = case.op()
    douts = seeds(outputs(op, case.inputs()))
    first = [d.copy() for d in gradients(op, douts)]
    for a, b in zip(gradients(op, douts), first, strict=True):
        np.testing.assert_array_equal(a, b)


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@paired_case
def test_threads_do_not_change_the_result(case, dtype):
    """A recurrent sweep is exact: rows never meet.  Its weight gradients are sums that BLAS may order otherwise."""
    with inner.compiled(True):
        with array.threads(1):
            outs, grads = run(case, case.inputs(dtype))
        with array.threads(2):
            outs2, grads2 = run(case, case.inputs(dtype))
    close(outs2, outs, 1e-6 if dtype is np.float32 else 1e-14)
    close(grads2, grads, 1e-6 if dtype is np.float32 else 1e-14)
    if case.kind.__name__ in RECURRENT:
        for a, b in zip((*outs2, *grads2[:2]), (*outs, *grads[:2]), strict=True):
            np.testing.assert_array_equal(a, b)


def fortran(x):
    """A copy with the first axis running fastest."""
    return x.copy(order="F")


def strided(x):
    """A copy with a gap after every element and its axes in the other order in memory."""
    wide = np.full(tuple(2 * s for s in x.shape[::-1]), 1e30, x.dtype).transpose()
    wide[(slice(None, None, 2),) * x.ndim] = x
    return wide[(..., *(slice(None, None, 2),) * x.ndim)]


@pytest.mark.parametrize(("rows", "through_the_pool"), [(64, 3), (2, 0)])
def test_large_products_take_the_threads_of_the_compiled_loops(rows, through_the_pool, monkeypatch):
    """OpenBLAS's own would spin on for milliseconds, on the core that the next loop needs (docs/decisions/0004-threads.md)."""
    found, product_into = [], product.product_into
    monkeypatch.setattr(product, "product_into", lambda *matrices: found.append(product_into(*matrices)))
    a, b = (Tensor(np.random.default_rng(0).normal(size=shape), requires_grad=True) for shape in ((rows, 100), (100, 90)))
    (a @ b).sum().backward()
    assert len(found) == through_the_pool
    np.testing.assert_allclose(a.grad, np.ones((rows, 90)) @ b.data.T)
    np.testing.assert_allclose(b.grad, a.data.T @ np.ones((rows, 90)))
