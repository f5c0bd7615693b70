"""What every search does with a step's logits."""
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tsuzuri.decode.steps import most_probable, token_log_p


@given(rows=st.integers(1, 4), vocabulary=st.integers(1, 3000), count=st.integers(1, 30), values=st.sampled_from([2, 50, 10 ** 9]), seed=st.integers(0, 99))
def test_the_most_probable_are_those_of_a_sort(rows, vocabulary, count, values, seed):
    """Also where many are equal: then any of the equals."""
    logits = np.random.default_rng(seed).integers(0, values, (rows, vocabulary)).astype(np.float64)
    tokens = most_probable(logits, count)
    assert tokens.shape == (rows, min(count, vocabulary))
    assert (np.diff(tokens, axis=1) > 0).all()
    np.testing.assert_array_equal(np.sort(np.take_along_axis(logits, tokens, 1)), np.sort(logits)[:, -count:])


@pytest.mark.parametrize("dtype", [np.float16, np.float32, np.float64])
def test_log_p_is_that_of_softmax(dtype):
    """Of half a million tokens too, whose sum no float16 holds; those of float32 keep its digits."""
    for vocabulary in (3, 500_000):
        logits = np.random.default_rng(0).normal(0, 3, (2, vocabulary)).astype(dtype)
        z = logits.astype(np.float64)
        expected = z - np.log(np.exp(z).sum(1, keepdims=True))
        tokens = np.array([[0, 2], [1, 1]])
        np.testing.assert_allclose(token_log_p(logits, tokens), np.take_along_axis(expected, tokens, 1), rtol=0,
                                   atol=1e-13 if dtype == np.float64 else 5e-6)
