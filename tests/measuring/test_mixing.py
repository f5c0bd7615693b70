"""Several models that predict together: their weights are those under which the validation text is likeliest."""
from types import SimpleNamespace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from small_runs import made_up
from tsuzuri.errors import ConfigError
from tsuzuri.measuring import mixing
from tsuzuri.measuring.evaluation import evaluate_run
from tsuzuri.measuring.mixing import ROUNDS, Interpolated, fit_weights, mix_runs
from tsuzuri.text import BPETokenizer, BPTTBatches
from tsuzuri.train.loop import evaluate

V = 5


class Bigrams:
    """p(next | token) from a table (V, V), and for a state the number of tokens that were read."""

    def __init__(self, p):
        self.p = np.asarray(p, float)

    def losses(self, ids, targets, state=None):
        with np.errstate(divide="ignore"):
            return np.where(targets < 0, 0.0, -np.log(self.p[ids, targets])), (state or 0) + ids.shape[1]


def table(seed, sharpness=0.3):
    return Bigrams(np.random.default_rng(seed).dirichlet(np.full(V, sharpness), size=V) * 0.99 + 0.01 / V)


def text(ids):
    return SimpleNamespace(ids=np.asarray(ids))


def loss_of(models, weights, ids):
    """Mean nats by the definition, -log sum_k w_k p_k."""
    p = sum(w * m.p[ids[:-1], ids[1:]] for w, m in zip(weights, models, strict=True))
    return -np.log(p).mean()


def draw(model, length, seed):
    rng, ids = np.random.default_rng(seed), [0]
    for _ in range(length):
        ids.append(rng.choice(V, p=model.p[ids[-1]] / model.p[ids[-1]].sum()))
    return np.array(ids)


def half_and_half(seed):
    """Two models, and a text of which each wrote a part."""
    a, b = table(seed), table(seed + 1)
    return [a, b], np.concatenate([draw(a, 250, seed), draw(b, 150, seed)])


@pytest.mark.parametrize("seed", [0, 10, 20])
def test_the_weights_are_those_that_a_fine_search_finds(seed):
    models, ids = half_and_half(seed)
    grid = np.linspace(0.001, 0.999, 999)
    best = grid[np.argmin([loss_of(models, (w, 1 - w), ids) for w in grid])]
    weights = fit_weights(models, text(ids))
    assert 0.05 < best < 0.95                                # or it would be no search
    assert weights.sum() == pytest.approx(1, abs=1e-12)
    assert weights[0] == pytest.approx(best, abs=2e-3)


def test_of_models_that_are_sure_of_different_words_each_has_its_share():
    """One is sure of word 1, one of word 2, and 30 of 40 words are 1: the likelihood w^30 (1 - w)^10 is largest at 3/4."""
    sure = [Bigrams(np.eye(V)[np.full(V, word)]) for word in (1, 2)]
    ids = np.array([0, *[1, 1, 2, 1] * 10])
    np.testing.assert_allclose(fit_weights(sure, text(ids)), [0.75, 0.25], rtol=1e-12)


def test_three_models_and_their_order():
    models, ids = half_and_half(0)
    models.append(table(50))
    weights = fit_weights(models, text(ids))
    assert weights.sum() == pytest.approx(1, abs=1e-12)
    assert (weights >= 0).all()
    np.testing.assert_allclose(fit_weights(models[::-1], text(ids)), weights[::-1], rtol=1e-9)
    best = loss_of(models, weights, ids)
    for k, other in ((0, 1), (1, 2), (2, 0)):                # a little to another model makes it no better
        moved = weights.copy()
        moved[k], moved[other] = 0.98 * weights[k], weights[other] + 0.02 * weights[k]
        assert loss_of(models, moved, ids) > best - 1e-6


@settings(max_examples=50)
@given(st.integers(0, 10**6), st.integers(2, 4), st.integers(5, 60))
def test_a_mixture_is_no_worse_than_its_best_model_on_the_text_that_weighs_it(seed, count, length):
    """EM from even weights is within ln K / rounds of the best mixture, in which the best model alone is one."""
    rng = np.random.default_rng(seed)
    models, ids = [table(rng.integers(10**6), rng.uniform(0.05, 3)) for _ in range(count)], rng.integers(V, size=length)
    weights = fit_weights(models, text(ids))
    alone = min(loss_of([m], [1.0], ids) for m in models)
    assert loss_of(models, weights, ids) <= alone + np.log(count) / ROUNDS
    assert loss_of(models, weights, ids) <= loss_of(models, np.full(count, 1 / count), ids) + 1e-12


def test_losses_are_those_of_the_mixed_probabilities_and_states_are_carried():
    models, ids = half_and_half(0)
    mixed = Interpolated(models, np.array([0.3, 0.7]))
    wanted = -np.log(0.3 * models[0].p[ids[:-1], ids[1:]] + 0.7 * models[1].p[ids[:-1], ids[1:]])
    targets = ids[None, 1:].copy()
    targets[0, 5] = -1
    losses, state = mixed.losses(ids[None, :100], targets[:, :100])
    assert losses[0, 5] == 0
    np.testing.assert_allclose(np.delete(losses[0], 5), np.delete(wanted[:100], 5), rtol=1e-13)
    _, state = mixed.losses(ids[None, 100:-1], targets[:, 100:], state)
    assert state == (len(ids) - 1, len(ids) - 1)


def test_a_model_that_is_hopeless_gets_no_weight_and_does_no_harm():
    """Its weight falls below the smallest number there is; the mixture is then the other model, without a warning."""
    good, hopeless = Bigrams(np.full((V, V), 1 / V)), Bigrams(np.full((V, V), 1e-6))
    ids = np.arange(60) % V
    weights = fit_weights([good, hopeless], text(ids))
    assert weights[0] == 1
    mixed = Interpolated([good, hopeless], weights)
    assert evaluate(mixed, BPTTBatches(ids, 1, 7))[0] == pytest.approx(np.log(V), rel=1e-12)


# Runs

NGRAM = {"arch": "ngram", "order": 3, "data": None}


@pytest.fixture
def pair(train, prepare, text_file):
    """A recurrent model that learnt a little, and counts, of one text."""
    from tsuzuri.train.language_model import prepare_run, train_run
    from tsuzuri.train.run import choose
    neural = train("neural", epochs=1, size=12)
    chosen, _ = choose([("test", {"arch": "ngram", "order": 3, "unit": "char", "threads": 1, "data": neural.settings.data.data})])
    counts = prepare_run(chosen, neural.folder.with_name("counts"))
    list(train_run(counts))
    return neural, counts


@pytest.fixture
def text_file(tmp_path):
    path = tmp_path / "other.txt"
    path.write_text(made_up(10, seed=5))
    return path


def validated(run, model):
    return evaluate(model, BPTTBatches(run.held_out().ids, 1, 100))[0]


def test_two_runs_together_are_no_worse_than_the_better_one(pair, text_file):
    neural, counts = pair
    mixed = mix_runs(pair, [run.load_model() for run in pair])
    alone = [validated(run, run.load_model()) for run in pair]
    assert validated(neural, mixed) <= min(alone) + np.log(2) / ROUNDS
    result = evaluate_run(neural, str(text_file), mix=[counts])
    assert result["weights"] == pytest.approx(mixed.weights, abs=1e-4)
    assert sum(result["weights"]) == pytest.approx(1, abs=1e-3)
    swapped = evaluate_run(counts, str(text_file), mix=[neural])
    assert swapped["loss"] == pytest.approx(result["loss"], abs=1e-6)
    for window in (1, 50, 10_000):
        assert evaluate_run(neural, str(text_file), mix=[counts], window=window)["loss"] == pytest.approx(result["loss"], abs=1e-5)


def test_a_run_mixed_with_itself_is_itself(pair, text_file):
    for run in pair:
        together, alone = evaluate_run(run, str(text_file), mix=[run]), evaluate_run(run, str(text_file))
        assert together.pop("weights") == [0.5, 0.5]
        assert together == {name: pytest.approx(value, rel=1e-6) if isinstance(value, float) else value for name, value in alone.items()}


def test_the_weights_do_not_depend_on_the_windows_in_which_validation_text_is_read(pair, monkeypatch):
    models = [run.load_model() for run in pair]
    wanted = mix_runs(pair, models).weights
    monkeypatch.setattr(mixing, "WINDOW", 7)
    assert mix_runs(pair, models).weights == pytest.approx(wanted, abs=1e-4)


def test_runs_that_cannot_be_mixed_are_refused_in_a_sentence(pair, train, text_file):
    neural, _ = pair
    words = train("words", unit="word", epochs=1)
    blind = train("blind", valid="none", epochs=1, size=9)
    with pytest.raises(ConfigError) as caught:
        evaluate_run(neural, str(text_file), mix=[words])
    assert str(caught.value) == (f"{words.folder} and {neural.folder} have different vocabularies; "
                                 "mix runs that were trained on one text with one unit.")
    other = train("other", data=str(text_file), epochs=1)    # as many characters or not, others or in another order
    with pytest.raises(ConfigError, match="different vocabularies"):
        evaluate_run(neural, str(text_file), mix=[other])
    with pytest.raises(ConfigError, match=r"blind has no validation text by which models could be weighed; train it with --valid\.") as caught:
        evaluate_run(blind, str(text_file), mix=[blind])
    assert str(caught.value).count(".\n") == 0


def test_tokens_that_are_parts_of_characters_are_told_apart():
    """By themselves both are decoded to U+FFFD: the first two bytes of hiragana, and of katakana."""
    tokenizers = [BPETokenizer.train([line] * 5, size=257) for line in ("あいうえお", "アイウエオ")]
    assert [t.decode([256]) for t in tokenizers] == ["\ufffd"] * 2
    runs = [SimpleNamespace(folder=name, tokenizer=tokenizer, held_out=lambda: None) for name, tokenizer in zip("ab", tokenizers, strict=True)]
    with pytest.raises(ConfigError, match="b and a have different vocabularies"):
        mix_runs(runs, [None, None])
