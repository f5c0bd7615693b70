"""Compiled loops that no op reaches in every size: products of any layout, optimiser steps, column sums, draws."""
import threading

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tsuzuri import array
from tsuzuri.kernels import inner, product, sampling, softmax, updates

both = pytest.mark.parametrize("dtype", [np.float32, np.float64])
OPTIMIZERS = {"sgd": (0, ()), "momentum": (1, (0.9, False)), "nesterov": (1, (0.9, True)), "adagrad": (1, (1e-7,)),
              "rmsprop": (1, (0.99, 1e-7)), "adam": (2, (0.9, 0.999, 1e-8, 3))}


def layouts(x):
    """x in C order, in Fortran order, as a part of something larger, and in a layout that BLAS cannot take."""
    part = np.full((x.shape[0] + 2, x.shape[1] + 3), np.nan, x.dtype)[1:-1, 2:-1]
    part[:] = x
    turned = np.full((x.shape[1] + 3, x.shape[0] + 2), np.nan, x.dtype)[2:-1, 1:-1].T
    turned[:] = x
    gaps = np.full((x.shape[0] * 2, x.shape[1] * 2), np.nan, x.dtype)[::2, ::2]
    gaps[:] = x
    return [x, x.copy(order="F"), part, turned, gaps]


@both
@pytest.mark.parametrize("threads", [1, 2])
@pytest.mark.parametrize("size", [(5, 4, 3), (3, 4, 9), (1, 7, 6), (6, 7, 1), (1, 1, 1), (4, 1, 5), (4, 0, 5),
                                  (0, 3, 4), (130, 150, 120), (40, 60, 901)], ids=str)
def test_product_of_any_layout(size, dtype, threads):
    M, K, N = size
    rng = np.random.default_rng(0)
    a, b = rng.standard_normal((M, K)).astype(dtype), rng.standard_normal((K, N)).astype(dtype)
    want = a.astype(float) @ b.astype(float)
    with array.threads(threads), inner.compiled(True):
        for left in layouts(a):
            for right in layouts(b):
                out = np.full((M, N), np.nan, dtype)
                product.product_into(out, left, right)
                tolerance = (1e-6 if dtype is np.float32 else 1e-15) * max(K, 1) * 4
                np.testing.assert_allclose(out, want, rtol=0, atol=tolerance)


@both
def test_product_laid_out_as_its_parameter(dtype):
    """The gradient of a transposed weight comes transposed, so that an optimiser walks both in one order."""
    a, b = np.random.default_rng(0).standard_normal((2, 150, 150)).astype(dtype)
    for layout in (a, a.T):
        got = product.matmul_like(a, b, layout)
        assert got.flags.c_contiguous == layout.flags.c_contiguous
        np.testing.assert_allclose(got, a @ b, atol=1e-4 if dtype is np.float32 else 1e-12)


@both
@pytest.mark.parametrize("shape", [(7, 5), (1, 1), (0, 4), (3, 5000)], ids=str)
def test_column_sums(shape, dtype):
    a = np.random.default_rng(0).standard_normal(shape).astype(dtype)
    for turned in (a, a.copy(order="F")):
        with inner.compiled(True):
            sums = product.column_sums(turned)
        np.testing.assert_allclose(sums, a.sum(0), atol=1e-5 if dtype is np.float32 else 1e-13)


@both
@pytest.mark.parametrize("size", [0, 1, 15, 16, 17, 8192, 8193, 20_000])
def test_sum_of_squares(size, dtype):
    g = np.random.default_rng(0).standard_normal(size).astype(dtype)
    with inner.compiled(True):
        assert updates.sum_of_squares(g) == pytest.approx(float((g.astype(float) ** 2).sum()), rel=1e-14, abs=0)


@both
@pytest.mark.parametrize("name", OPTIMIZERS)
def test_optimiser_step(name, dtype):
    """Three steps: compiled equals plain, in one block and across blocks; the gradient is read only."""
    slots, constants = OPTIMIZERS[name]
    step = getattr(updates, "momentum" if name == "nesterov" else name)
    rng = np.random.default_rng(0)
    start = [rng.standard_normal(9000).astype(dtype) for _ in range(2)]
    results = []
    for on in (False, True):
        w, g = (a.copy() for a in start)
        memory = [np.zeros_like(w) for _ in range(slots)]
        with inner.compiled(on):
            for _ in range(3):
                step(w, g, *memory, 0.1, 0.5, 0.01, *constants)
        np.testing.assert_array_equal(g, start[1])
        results.append([w, *memory])
    rtol, atol = (1e-5, 1e-6) if dtype is np.float32 else (1e-13, 1e-14)
    for fast, plain in zip(results[1], results[0], strict=True):
        np.testing.assert_allclose(fast, plain, rtol=rtol, atol=atol)


@pytest.mark.parametrize("name", OPTIMIZERS)
def test_optimiser_step_equals_pytorch(name):
    """Five steps of float64; where there is decay it is the decoupled one of AdamW."""
    torch = pytest.importorskip("torch")
    rng = np.random.default_rng(1)
    w, grads = rng.standard_normal(50), rng.standard_normal((5, 50))
    theirs = torch.tensor(w, requires_grad=True)
    T = torch.optim
    optimizer = {"sgd": lambda p: T.SGD(p, 0.1), "momentum": lambda p: T.SGD(p, 0.1, momentum=0.9),
                 "nesterov": lambda p: T.SGD(p, 0.1, momentum=0.9, nesterov=True),
                 "adagrad": lambda p: T.Adagrad(p, 0.1, eps=1e-7),
                 "rmsprop": lambda p: T.RMSprop(p, 0.1, alpha=0.99, eps=1e-7),
                 "adam": lambda p: T.AdamW(p, 0.1, weight_decay=0.01)}[name]([theirs])
    slots, constants = OPTIMIZERS[name]
    memory = [np.zeros(50) for _ in range(slots)]
    step = getattr(updates, "momentum" if name == "nesterov" else name)
    for number, g in enumerate(grads, 1):
        theirs.grad = torch.tensor(g)
        optimizer.step()
        last = (*constants[:-1], number) if name == "adam" else constants
        step(w, g, *memory, 0.1, 1.0, 0.01 if name == "adam" else 0.0, *last)
    np.testing.assert_allclose(w, theirs.detach().numpy(), rtol=1e-12, atol=1e-12)


@both
def test_exp_sigmoid_and_tanh_are_exact_to_rounding(dtype):
    """Through softmax of two classes (exp) over the whole range, in units of the last place of the result."""
    x = np.concatenate([np.linspace(-90, 0, 3001), -np.logspace(-12, 1, 300)]).astype(dtype)
    with inner.compiled(True):
        p = softmax.softmax_rows(np.stack([np.zeros_like(x), x], axis=1))
    exact = np.exp(x.astype(np.float64))
    normal = exact > 1e-37
    np.testing.assert_allclose((p[:, 1].astype(float) / p[:, 0])[normal], exact[normal], rtol=6 * np.finfo(dtype).eps)


def draw_both(logits, u, temperature=1.0):
    with inner.compiled(False):
        plain = sampling.draw(logits, temperature, u)
    with inner.compiled(True):
        return plain, sampling.draw(logits, temperature, u)


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_a_temperature_near_zero_leaves_the_most_probable(dtype):
    assert draw_both(np.array([1, 3, 2], dtype), 0.7, 1e-40) == (1, 1)


@given(seed=st.integers(0, 10_000), size=st.integers(1, 200), temperature=st.floats(0.3, 3))
def test_a_draw_is_the_inverse_of_the_distribution(seed, size, temperature):
    """Compiled equals plain for a u that is not within rounding of a step of the distribution."""
    rng = np.random.default_rng(seed)
    logits, u = rng.standard_normal(size), rng.random()
    p = np.exp(logits / temperature)
    steps = np.cumsum(p) / p.sum()
    plain, fast = draw_both(logits, u, temperature)
    assert plain == min(int((steps <= u).sum()), size - 1)
    if np.abs(steps - u).min() > 1e-9:
        assert fast == plain


@both
@pytest.mark.parametrize("size", [10, 64, 65, 1000])
def test_what_was_masked_is_never_drawn(dtype, size):
    """u of 0 and the largest u below 1, with the ends of the vocabulary at -inf."""
    rng = np.random.default_rng(0)
    for _ in range(200):
        logits = rng.standard_normal(size).astype(dtype)
        logits[:3], logits[5:] = -np.inf, -np.inf
        for u in (0.0, np.nextafter(1, 0)):
            assert all(3 <= k < 5 for k in draw_both(logits, u))


def test_top_k_and_top_p_keep_the_most_probable():
    logits = np.log(np.array([0.1, 0.4, 0.2, 0.3]))
    assert np.isfinite(sampling.keep_top_k(logits, 2)).tolist() == [False, True, False, True]
    assert np.isfinite(sampling.keep_top_p(logits, 0.6)).tolist() == [False, True, False, True]
    assert np.isfinite(sampling.keep_top_p(logits, 0.75)).tolist() == [False, True, True, True]
    assert np.isfinite(sampling.keep_top_p(logits, 1.0)).all()


def test_the_threads_of_blas_are_set_back_when_the_last_has_left():
    """Two threads of ours that multiply at once: BLAS has one thread for both, until neither works any more."""
    blas = pytest.importorskip("tsuzuri.kernels.compiled.blas")
    if not blas.available():
        pytest.skip("NumPy came with another BLAS")
    first_in, first_out, counts = threading.Event(), threading.Event(), []

    def other():
        with blas.one_blas_thread():
            first_in.set()
            first_out.wait(10)
            counts.append(blas.get_blas_threads())
        counts.append(blas.get_blas_threads())

    with array.threads(2):
        thread = threading.Thread(target=other)
        with blas.one_blas_thread():
            thread.start()
            assert first_in.wait(10)
            with blas.one_blas_thread():
                pass
            counts.append(blas.get_blas_threads())
        counts.append(blas.get_blas_threads())
        first_out.set()
        thread.join()
    assert counts == [1, 1, 1, 2]
