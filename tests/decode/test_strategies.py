"""Each strategy by hand on a small distribution, against its definition written out with loops, and in a chain."""
import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tsuzuri.decode import STRATEGIES, Sampler, generate
from tsuzuri.decode.strategies import MinP, NoRepeat, RepetitionPenalty, Temperature, TopK, TopP, Typical
from tsuzuri.errors import ConfigError
from tsuzuri.models.recurrent import RecurrentConfig, RecurrentLanguageModel

P = [0.4, 0.05, 0.3, 0.15, 0.1]
NONE = np.zeros((1, 0), np.int64)
rows = st.integers(0, 10_000).map(lambda seed: np.random.default_rng(seed).normal(0, 2, (3, 11)))


def left(strategy, p=P, history=NONE):
    """The ids that may still be drawn."""
    return np.flatnonzero(np.isfinite(strategy(np.log([p]), history)[0])).tolist()


def softmax(row):
    e = [math.exp(z - max(row)) for z in row]
    return [x / sum(e) for x in e]


# The definitions of Hugging Face's library, each for one row in plain Python: which ids stay.

def top_k(p, k):
    worst = sorted(p)[-min(k, len(p))]
    return {j for j, x in enumerate(p) if x >= worst}


def top_p(p, mass):
    """From the least probable on, those go whose sum with all less probable ones is at most 1 - p."""
    gone, total = set(), 0.0
    for j in sorted(range(len(p)), key=p.__getitem__)[:-1]:
        total += p[j]
        if total <= 1 - mass:
            gone.add(j)
    return set(range(len(p))) - gone


def min_p(p, share):
    return {j for j, x in enumerate(p) if not x < share * max(p)}


def typical(p, mass):
    entropy = -sum(x * math.log(x) for x in p)
    order = sorted(range(len(p)), key=lambda j: abs(-math.log(p[j]) - entropy))
    sums = np.cumsum([p[j] for j in order])
    last = min(int((sums < mass).sum()), len(p) - 1)
    return set(order[:last + 1])


DEFINITIONS = [(TopK, top_k, [1, 3, 10, 11, 50]), (TopP, top_p, [0.05, 0.5, 0.9, 0.99]), (MinP, min_p, [0.01, 0.1, 0.5, 1.0]),
               (Typical, typical, [0.05, 0.2, 0.6, 0.95])]


@pytest.mark.parametrize(("strategy", "definition", "values"), DEFINITIONS, ids=lambda x: getattr(x, "__name__", ""))
@given(logits=rows)
def test_what_stays_is_what_the_definition_says(strategy, definition, values, logits):
    for value in values:
        out = strategy(value)(logits, NONE)
        for row, before in zip(out, logits, strict=True):
            kept = np.isfinite(row)
            assert set(np.flatnonzero(kept)) == definition(softmax(before), value)
            np.testing.assert_array_equal(row[kept], before[kept])          # untouched, so proportions stay


def test_by_hand():
    assert left(TopK(2)) == [0, 2]
    assert left(TopP(0.7 - 1e-9)) == [0, 2]
    assert left(TopP(0.71)) == [0, 2, 3]
    assert left(MinP(0.25 - 1e-9)) == [0, 2, 3, 4]
    assert left(MinP(0.5)) == [0, 2]
    assert left(MinP(1.0)) == [0]


def test_typical_may_leave_out_the_most_probable():
    """H = 1.3925 nats; surprises 0.916, 2.996, 1.204, 1.897, 2.303: 0.3 is nearest, then 0.4, then 0.15."""
    assert left(Typical(0.2)) == [2]
    assert left(Typical(0.5)) == [0, 2]
    assert left(Typical(0.75)) == [0, 2, 3]


def test_typical_takes_no_notice_of_what_is_masked():
    masked = [[0.5, 0.0, 0.3, 0.2]]
    with np.errstate(divide="ignore"):
        np.testing.assert_array_equal(np.isfinite(Typical(0.99)(np.log(masked), NONE)), np.array(masked) > 0)


def test_repetition_penalty_by_hand():
    """Divided where above 0, multiplied where below; a token seen twice counts once; each row has its own history."""
    logits = np.array([[2.0, -1.0, 0.5, 0.0], [2.0, -1.0, 0.5, 0.0]])
    out = RepetitionPenalty(2.0)(logits, np.array([[0, 1, 0], [2, 2, 3]]))
    np.testing.assert_array_equal(out, [[1.0, -2.0, 0.5, 0.0], [2.0, -1.0, 0.25, 0.0]])
    assert logits[0, 0] == 2.0


@pytest.mark.parametrize(("n", "history", "forbidden"), [
    (1, [1, 2, 3, 1], [1, 2, 3]), (2, [1, 2, 0, 1, 3, 0, 0, 1], [2, 3]), (3, [0, 1, 2, 1, 1, 3, 0, 1], [2]), (3, [0, 0, 0], [0]),
    (3, [0, 1], []), (4, [0, 1, 2, 0, 1, 3, 0, 1], []), (9, [0, 0, 0, 0], [])])
def test_no_repeat_by_hand(n, history, forbidden):
    """Behind the last n - 1 tokens may not come what came behind them before; the other row is left alone."""
    out = NoRepeat(n)(np.zeros((2, 6)), np.array([history, [4, 5, *[5] * (len(history) - 2)]]))
    assert np.flatnonzero(np.isneginf(out[0])).tolist() == forbidden
    assert np.isfinite(out[1, :4]).all()


def test_no_repeat_that_leaves_nothing_says_so():
    with pytest.raises(ConfigError, match="no_repeat is 1, and after 3 tokens every token would repeat"):
        NoRepeat(1)(np.zeros((1, 3)), np.array([[0, 1, 2]]))


@given(logits=rows, strategy=st.sampled_from([RepetitionPenalty(1.3), NoRepeat(2), Temperature(0.7), Temperature(0), TopK(4), TopP(0.8),
                                              MinP(0.2), Typical(0.6)]))
def test_a_batch_is_its_rows_in_their_dtype(logits, strategy):
    history = np.random.default_rng(0).integers(11, size=(3, 20))
    for dtype in (np.float32, np.float64):
        given, before = logits.astype(dtype), logits.astype(dtype)
        out = strategy(given, history)
        assert out.dtype == dtype
        np.testing.assert_array_equal(given, before)
        for k in range(3):
            np.testing.assert_array_equal(out[k], strategy(given[k:k + 1], history[k:k + 1])[0])


def test_the_order_is_penalties_temperature_truncations():
    assert list(STRATEGIES) == ["repetition_penalty", "no_repeat", "temperature", "top_k", "top_p", "min_p", "typical"]
    sampler = Sampler(min_p=0.1, temperature=0.5, no_repeat=2)
    assert [type(s) for s in sampler.strategies] == [NoRepeat, Temperature, MinP]
    assert Sampler().strategies == []
    assert set(Sampler.__struct_fields__) == set(STRATEGIES)


def test_a_truncation_sees_the_distribution_that_is_drawn_from():
    """At temperature 2 the token of probability 0.05 has 0.35 of the best one's share, at 1 it has an eighth."""
    rng = np.random.default_rng(0)
    drawn = {t: {int(Sampler(t, min_p=0.3).pick(np.log([P]), [rng])[0]) for _ in range(300)} for t in (1.0, 2.0)}
    assert drawn == {1.0: {0, 2, 3}, 2.0: {0, 1, 2, 3, 4}}


@pytest.fixture(scope="module")
def model():
    return RecurrentLanguageModel(RecurrentConfig(arch="gru", size=8), 12, rng=np.random.default_rng(0))


@given(seed=st.integers(0, 10_000), n=st.integers(2, 4), temperature=st.sampled_from([0.0, 0.3, 1.0]))
def test_no_n_gram_comes_twice(model, seed, n, temperature):
    """Of prompt and text together, at any temperature."""
    text = [3, *generate(model, [3], 60, Sampler(temperature, no_repeat=n), np.random.default_rng(seed))]
    seen = [tuple(text[k:k + n]) for k in range(len(text) - n + 1)]
    assert len(seen) == len(set(seen))


def test_the_penalty_makes_repetition_rarer(model):
    different = {penalty: len(set(generate(model, [3], 12, Sampler(repetition_penalty=penalty), np.random.default_rng(1))))
                 for penalty in (1.0, 1e6)}
    assert different[1e6] > different[1.0]
