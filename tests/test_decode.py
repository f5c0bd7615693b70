"""Drawing tokens: what may be drawn, how often, and again the same with the same seed."""
import re

import numpy as np
import pytest
from scipy import stats

from tsuzuri.decode import Sampler, generate
from tsuzuri.errors import ConfigError
from tsuzuri.kernels.inner import compiled
from tsuzuri.models.recurrent import RecurrentConfig, RecurrentLanguageModel
from tsuzuri.tensor import no_grad

LOGITS = np.array([1.0, -2.0, 0.5, 3.0, 2.0, -1.0, 0.0, 2.5])
ORDER = np.argsort(-LOGITS)
either = pytest.mark.parametrize("fast", [False, True], ids=["plain", "compiled"])


def softmax(z):
    e = np.exp(z - z.max())
    return e / e.sum()


def counts(sampler, draws=4000, logits=LOGITS, seed=0, dtype=np.float64):
    rng, logits = np.random.default_rng(seed), logits.astype(dtype)
    return np.bincount([sampler.pick(logits[None], [rng])[0] for _ in range(draws)], minlength=len(logits))


def kept(**settings):
    return set(np.flatnonzero(counts(Sampler(**settings))))


def test_temperature_zero_takes_the_first_of_the_most_probable():
    rng = np.random.default_rng(0)
    state = rng.bit_generator.state
    rows = np.array([LOGITS, np.roll(LOGITS, 2)])
    assert Sampler(0.0).pick(rows, [rng, rng]).tolist() == [3, 5]
    for more in ({}, {"top_k": 2, "top_p": 0.1}, {"min_p": 0.5}, {"typical": 0.2}):
        assert Sampler(0.0, **more).pick(np.array([[0.0, 5.0, 5.0]]), [rng]) == [1]
    assert rng.bit_generator.state == state                  # nothing was drawn


@either
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("temperature", [0.5, 1.0, 2.0])
def test_frequencies_are_those_of_softmax(fast, dtype, temperature):
    """Chi-square on 4000 draws of a fixed seed; the 1 % of a fair draw that would fail is not this seed."""
    with compiled(fast):
        seen = counts(Sampler(temperature), dtype=dtype)
        wanted = 4000 * softmax(LOGITS / temperature)
        common = wanted > 5
        pooled = np.append(seen[common], seen[~common].sum()), np.append(wanted[common], wanted[~common].sum())
        pooled = [p[pooled[1] > 0] for p in pooled]
        assert stats.chisquare(*pooled).pvalue > 0.01
        wrong = 4000 * softmax(LOGITS / (temperature * 1.2))
        assert stats.chisquare(seen[common], wrong[common] * seen[common].sum() / wrong[common].sum()).pvalue < 1e-4


@either
@pytest.mark.parametrize("k", [1, 2, 3, 7, 8, 100])
def test_top_k_draws_from_the_k_most_probable(fast, k):
    with compiled(fast):
        assert kept(top_k=k, temperature=3.0) == set(ORDER[:k])


@either
def test_what_is_kept_keeps_its_proportions(fast):
    with compiled(fast):
        for sampler in (Sampler(top_k=3), Sampler(top_p=0.8)):
            top = ORDER[:3]
            seen = counts(sampler)
            assert seen.sum() == seen[top].sum()
            assert stats.chisquare(seen[top], 4000 * softmax(LOGITS[top])).pvalue > 0.01


@pytest.mark.parametrize("p", [1e-6, 0.3, 0.4, 0.5, 0.7, 0.85, 0.9, 0.999])
@pytest.mark.parametrize("temperature", [0.3, 1.0, 2.0])
def test_top_p_keeps_the_fewest_that_reach_p(p, temperature):
    """Of the distribution that is drawn from, so after the temperature (Holtzman et al. 2020)."""
    sums = np.cumsum(softmax(LOGITS / temperature)[ORDER])
    fewest = int(np.searchsorted(sums, p)) + 1
    possible = [k for k in ORDER[:fewest] if softmax(LOGITS / temperature)[k] > 0.003]
    found = kept(top_p=p, temperature=temperature)
    assert found <= set(ORDER[:fewest])
    assert found >= set(possible)


def test_a_temperature_next_to_nothing_is_the_most_probable():
    for sampler in (Sampler(1e-6), Sampler(1e-6, top_p=0.9), Sampler(1e-6, top_k=3)):
        assert set(np.flatnonzero(counts(sampler, 50, dtype=np.float32))) == {3}


@pytest.mark.parametrize(("settings", "name"), [
    ({"temperature": -1}, "temperature is -1"), ({"temperature": float("nan")}, "temperature is nan"),
    ({"temperature": float("inf")}, "temperature is inf"), ({"top_k": -1}, "top_k is -1"), ({"top_p": 0.0}, "top_p is 0.0"),
    ({"top_p": 1.1}, "top_p is 1.1"), ({"top_p": float("nan")}, "top_p is nan"), ({"top_k": 1.5}, "top_k is 1.5"),
    ({"min_p": -0.1}, "min_p is -0.1"), ({"min_p": 1.1}, "min_p is 1.1"), ({"typical": 0}, "typical is 0"), ({"typical": 2}, "typical is 2"),
    ({"repetition_penalty": 0}, "repetition_penalty is 0"), ({"repetition_penalty": float("inf")}, "repetition_penalty is inf"),
    ({"no_repeat": -1}, "no_repeat is -1"), ({"no_repeat": 0.5}, "no_repeat is 0.5")])
def test_a_sampler_that_does_not_fit_is_refused(settings, name):
    with pytest.raises(ConfigError, match=f"^{re.escape(name)}; it must be"):
        Sampler(**settings)


@pytest.fixture(scope="module")
def model():
    return RecurrentLanguageModel(RecurrentConfig(size=8, layers=2), 20, rng=np.random.default_rng(0))


def write(model, seed, count=40, prompt=(1, 2, 3), **settings):
    return list(generate(model, prompt, count, Sampler(**settings), np.random.default_rng(seed)))


def test_the_same_seed_writes_the_same(model):
    assert write(model, 5) == write(model, 5) != write(model, 6)
    assert write(model, 5, temperature=0.0) == write(model, 6, temperature=0.0)


def test_the_first_tokens_do_not_depend_on_how_many_follow(model):
    assert write(model, 5, 10) == write(model, 5, 40)[:10]
    assert write(model, 5, 0) == []


def test_greedy_writing_equals_the_model_read_in_one_go(model):
    """Each token is the most probable one after all that stands before it, the prompt included."""
    written = write(model, 0, 12, temperature=0.0)
    ids = np.array([[1, 2, 3, *written]])
    with no_grad():
        logits, _ = model(ids)
    assert written == logits.data[0, 2:-1].argmax(-1).tolist()
