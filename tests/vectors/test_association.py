"""Association: the formulas by hand, what independence, the shift and the smoothing do."""
import math

import numpy as np
import pytest
from scipy.sparse import csr_array

from tsuzuri.errors import ConfigError
from tsuzuri.vectors.association import pmi, ppmi

COUNTS = np.array([[0.0, 6, 2], [6, 0, 1], [2, 1, 0]])


def random_counts(seed, V=30):
    counts = np.random.default_rng(seed).poisson(1.0, (V, V)) * 1.0
    counts[3] = counts[:, 4] = 0                             # a word without contexts, a context of no word
    return csr_array(counts)


def slow_pmi(counts, smoothing):
    """From the probabilities, one pair after the other."""
    n, power = counts.sum(), counts.sum(0) ** smoothing
    return {(r, c): math.log((counts[r, c] / n) / ((counts[r].sum() / n) * (power[c] / power[counts.sum(0) > 0].sum())))
            for r, c in zip(*np.nonzero(counts))}


def test_by_hand():
    """18 in all, 8 for the first word and 7 for the second: they met 6 times, and 8 * 7 / 18 = 3.11 were expected."""
    values = pmi(csr_array(COUNTS)).toarray()
    assert values[0, 1] == pytest.approx(math.log(6 * 18 / (8 * 7)), rel=1e-14)
    assert values[1, 2] == pytest.approx(math.log(1 * 18 / (7 * 3)), rel=1e-14)
    assert ppmi(csr_array(COUNTS)).toarray()[1, 2] == 0      # ln(6/7) is negative
    assert values[0, 0] == 0                                 # never met: not stored


@pytest.mark.parametrize("smoothing", [0, 0.75, 1])
@pytest.mark.parametrize("shift", [1, 5])
def test_every_entry_is_the_definition(smoothing, shift):
    counts = random_counts(1)
    expected = slow_pmi(counts.toarray(), smoothing)
    values = pmi(counts, smoothing)
    assert values.nnz == len(expected)
    for (r, c), value in expected.items():
        assert values[r, c] == pytest.approx(value, abs=1e-13)
    kept = {pair: value - math.log(shift) for pair, value in expected.items() if value - math.log(shift) > 1e-13}
    positive = ppmi(counts, shift, smoothing)
    assert positive.nnz == len(kept)
    assert all(positive[pair] == pytest.approx(value, abs=1e-13) for pair, value in kept.items())


def test_what_is_independent_has_no_association():
    counts = csr_array(np.outer([1.0, 2, 4], [8.0, 4, 2]))   # products and sums of powers of two: exact but for the logs
    np.testing.assert_allclose(pmi(counts).data, 0, atol=1e-15)


def test_more_of_the_same_text_changes_nothing():
    counts = random_counts(2)
    np.testing.assert_allclose(pmi(counts * 8, 0.75).data, pmi(counts, 0.75).data, atol=1e-14)


def test_smoothing_takes_from_rare_contexts_and_gives_to_frequent_ones():
    values, smoothed = pmi(csr_array(COUNTS)).toarray(), pmi(csr_array(COUNTS), 0.75).toarray()
    assert smoothed[0, 2] < values[0, 2]                     # the context 2 stands 3 times
    assert smoothed[1, 0] > values[1, 0]                     # the context 0 stands 8 times


def test_symmetric_counts_give_a_symmetric_ppmi():
    counts = random_counts(3)
    values = ppmi((counts + counts.T).tocsr())
    np.testing.assert_allclose(values.toarray(), values.toarray().T, rtol=1e-13)


def test_the_counts_stay_as_they_are():
    counts = random_counts(4)
    before = counts.toarray()
    ppmi(counts, 2, 0.75)
    np.testing.assert_array_equal(counts.toarray(), before)


@pytest.mark.parametrize("settings", [{"shift": 0.5}, {"shift": math.nan}, {"smoothing": -0.1}, {"smoothing": 1.1}])
def test_settings_that_do_not_fit(settings):
    with pytest.raises(ConfigError, match="does not fit"):
        ppmi(random_counts(5), **settings)
