"""The entropy of attention weights: its ends, its mean, its padding, and what is said of it."""
import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tsuzuri.errors import ShapeError
from tsuzuri.measuring.alignment import alignment_entropy, alignment_sentence

RNG = np.random.default_rng(0)


def made(*shape):
    """Weights that sum to 1 along the last axis, some of them 0."""
    weights = RNG.dirichlet(np.full(shape[-1], 0.4), shape[:-1])
    weights[..., 0] += 1e-3
    weights[weights < 1e-3] = 0
    return weights / weights.sum(axis=-1, keepdims=True)


def by_hand(weights):
    """Of one matrix (T, S), in the letters of the docstring."""
    steps = [-sum(a * math.log(a) for a in row if a > 0) for row in weights]
    return sum(steps) / len(steps) / math.log(weights.shape[1])


def test_it_is_the_mean_over_the_steps_in_every_leading_place():
    weights = made(2, 3, 5, 7)
    found = alignment_entropy(weights)
    assert found.shape == (2, 3)
    for place in np.ndindex(2, 3):
        assert found[place] == pytest.approx(by_hand(weights[place]), rel=1e-12)


@given(st.integers(2, 40), st.integers(1, 9))
def test_one_word_is_nought_and_everywhere_is_one(size, steps):
    assert alignment_entropy(np.eye(size)[RNG.integers(size, size=steps)]) == 0
    assert alignment_entropy(np.full((steps, size), 1 / size)) == pytest.approx(1, rel=1e-12)


def test_a_source_of_one_word_counts_nought():
    assert alignment_entropy(np.ones((4, 1))) == 0
    assert alignment_entropy(np.eye(3)[[0, 0]], 1) == 0


@pytest.mark.parametrize("heads", [(), (3,)])
def test_padding_changes_nothing(heads):
    """Sources of different lengths and outputs of different lengths, each alone and all in one array."""
    lengths, steps = np.array([4, 7, 1]), [5, 2, 3]
    alone = [made(*heads, t, s) for t, s in zip(steps, lengths, strict=True)]
    together = np.zeros((3, *heads, 6, 9))
    for row, (t, s) in enumerate(zip(steps, lengths, strict=True)):
        together[row, ..., :t, :s] = alone[row]
    np.testing.assert_allclose(alignment_entropy(together, lengths), [alignment_entropy(a) for a in alone], rtol=1e-12)


def test_weights_are_left_as_they_are_and_single_precision_is_summed_in_double():
    weights = made(3, 400).astype(np.float32)
    before = weights.copy()
    assert alignment_entropy(weights) == alignment_entropy(weights.astype(np.float64))
    np.testing.assert_array_equal(weights, before)


def test_where_no_step_was_taken_there_is_no_number():
    assert np.isnan(alignment_entropy(np.zeros((0, 5))))
    found = alignment_entropy(np.stack([np.zeros((2, 3)), np.eye(3)[:2]]))
    np.testing.assert_array_equal(found, [np.nan, 0])
    assert "no step" in alignment_sentence(alignment_entropy(np.zeros((0, 5))), np.zeros((0, 5)))


@pytest.mark.parametrize(("lengths", "told"), [([3, 4, 5], r"\[3, 4, 5\]"), (0, "0"), ([5, 8], r"\[5, 8\].*1 to 7")])
def test_lengths_that_do_not_fit_are_refused(lengths, told):
    with pytest.raises(ShapeError, match=told):
        alignment_entropy(made(2, 4, 7), lengths)
    with pytest.raises(ShapeError, match=r"\(7,\)"):
        alignment_entropy(made(7))


def test_the_sentence_counts_words():
    pairs = np.repeat(np.eye(4), 2, axis=1) / 2                  # each step looks at two words of eight
    assert alignment_sentence(alignment_entropy(pairs), pairs) == "it looks at 2.0 of 8 words on average"
    both = np.stack([pairs, np.eye(8)[:4]])
    assert alignment_sentence(alignment_entropy(both), both, "letters") == ("its heads look at 1.0 to 2.0 of 8 letters on average "
                                                                            "(mean 1.5)")
    one = np.ones((3, 1))
    assert "only one" in alignment_sentence(alignment_entropy(one), one)
