"""The linear chain by its definition: every sequence of labels is scored by itself, and what the kernels say must agree."""
import itertools

import numpy as np
import pytest

from tsuzuri.kernels import inner
from tsuzuri.kernels.crf import crf_backward, crf_best, crf_forward, crf_marginals

N, T, K = 4, 4, 3
LENGTHS = np.array([4, 1, 3, 2])


@pytest.fixture(params=[False, True], ids=["plain", "compiled"], autouse=True)
def either(request):
    with inner.compiled(request.param):
        yield


def chain(rng, n=N, t=T, k=K, scale=1.0):
    return tuple(scale * rng.standard_normal(shape) for shape in ((n, t, k), (k, k), (k,), (k,)))


def scored(e, A, start, end):
    """(every sequence of labels of one row, its score)."""
    paths = list(itertools.product(range(len(A)), repeat=len(e)))
    return np.array(paths), np.array([start[y[0]] + end[y[-1]] + sum(e[t, k] for t, k in enumerate(y))
                                      + sum(A[i, j] for i, j in itertools.pairwise(y)) for y in paths])


@pytest.mark.parametrize("scale", [1.0, 8.0, 150.0])
def test_probabilities_and_the_best_sequence_by_the_definition(scale):
    """Also where scores differ by hundreds, which e^A alone could not hold."""
    given = chain(np.random.default_rng(0), scale=scale)
    p, best = crf_marginals(*given, LENGTHS), crf_best(*given, LENGTHS)
    for n, L in enumerate(LENGTHS):
        paths, scores = scored(given[0][n, :L], *given[1:])
        share = np.exp(scores - scores.max())
        share /= share.sum()
        for t in range(L):
            np.testing.assert_allclose(p[n, t], [share[paths[:, t] == k].sum() for k in range(K)], rtol=0, atol=1e-11)
        np.testing.assert_array_equal(best[n, :L], paths[scores.argmax()])
        assert (p[n, L:] == 0).all()
        assert (best[n, L:] == -1).all()


def test_labels_that_are_not_known_may_be_any():
    """The probability of what is known is the sum over what is not: of one known label its marginal."""
    given = chain(np.random.default_rng(1))
    p = crf_marginals(*given)
    for t, k in itertools.product(range(T), range(K)):
        targets = np.full((N, T), -1)
        targets[2, t] = k
        assert float(crf_forward(*given, targets)[0]) == pytest.approx(-np.log(p[2, t, k]), abs=1e-12)


def test_what_stands_behind_the_end_of_a_row_does_not_matter():
    rng = np.random.default_rng(2)
    e, *rest = chain(rng)
    targets, other = rng.integers(K, size=(2, N, T))
    behind = np.arange(T) >= LENGTHS[:, None]
    moved, labels = np.where(behind[:, :, None], 1e3, e), np.where(behind, other, targets)
    (one, first), (two, second) = crf_forward(e, *rest, targets, LENGTHS), crf_forward(moved, *rest, labels, LENGTHS)
    assert float(one) == float(two)
    for a, b in zip(crf_backward(np.float64(1), first), crf_backward(np.float64(1), second), strict=True):
        np.testing.assert_array_equal(a, b)
    np.testing.assert_array_equal(crf_best(e, *rest, LENGTHS), crf_best(moved, *rest, LENGTHS))


def test_a_batch_is_its_rows_one_by_one():
    rng = np.random.default_rng(3)
    e, *rest = chain(rng)
    targets = rng.integers(K, size=(N, T))
    whole = float(crf_forward(e, *rest, targets, LENGTHS)[0]) * LENGTHS.sum()
    rows = sum(float(crf_forward(e[n:n + 1, :L], *rest, targets[n:n + 1, :L])[0]) * L for n, L in enumerate(LENGTHS))
    assert whole == pytest.approx(rows, rel=1e-13)


def test_no_steps_between_labels_is_a_softmax_of_each_word():
    rng = np.random.default_rng(4)
    e, targets = rng.standard_normal((N, T, K)), rng.integers(K, size=(N, T))
    p = np.exp(e) / np.exp(e).sum(2, keepdims=True)
    nothing = np.zeros((K, K)), np.zeros(K), np.zeros(K)
    wanted = -np.log(np.take_along_axis(p, targets[:, :, None], 2)).mean()
    assert float(crf_forward(e, *nothing, targets)[0]) == pytest.approx(wanted, rel=1e-13)
    np.testing.assert_allclose(crf_marginals(e, *nothing), p, atol=1e-14)


def test_float32_holds_for_long_sentences():
    """Sums of 2,000 steps reach thousands; what is taken off at each step keeps the probabilities right."""
    given = chain(np.random.default_rng(5), n=1, t=2000, k=5, scale=3.0)
    exact = crf_marginals(*given)
    short = crf_marginals(*(a.astype(np.float32) for a in given))
    assert short.dtype == np.float32
    assert np.abs(short - exact).max() < 2e-5
    np.testing.assert_allclose(short.sum(2), 1, atol=1e-4)


def test_labels_outside_the_table_are_refused():
    from tsuzuri.errors import DataError, ShapeError
    given = chain(np.random.default_rng(0))
    with pytest.raises(DataError, match="target 3 is not an id"):
        crf_forward(*given, np.full((N, T), 3))
    with pytest.raises(ShapeError, match="A"):
        crf_forward(given[0], given[1][:2], *given[2:], np.zeros((N, T), int))
