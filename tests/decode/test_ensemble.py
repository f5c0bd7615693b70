"""Several models as one: the mean of their probabilities and of where they look."""
import numpy as np
import pytest
from toys import END, Toy, first, sentences

from tsuzuri.decode import Ensemble, Sampler, Search, beam_search, generate, greedy
from tsuzuri.errors import ConfigError
from tsuzuri.models.recurrent import RecurrentConfig, RecurrentLanguageModel


def softmax(z):
    e = np.exp(z - z.max(-1, keepdims=True))
    return e / e.sum(-1, keepdims=True)


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_probabilities_are_the_mean_of_the_models(dtype):
    """Also where one of them is certain: its logits are hundreds apart."""
    models = [Toy(6, seed, sharp) for seed, sharp in ((0, 1.0), (1, 3.0), (2, 300.0))]
    for model in models:
        model.logits = model.logits.astype(dtype)
    source, lengths = sentences(8)
    together, state = Ensemble(models).step(first(8), Ensemble(models).start(source, lengths))
    alone = [model.step(first(8), model.start(source, lengths)) for model in models]
    assert together.dtype == dtype
    np.testing.assert_allclose(np.exp(together), np.mean([softmax(logits) for logits, _ in alone], axis=0), rtol=20 * np.finfo(dtype).eps)
    np.testing.assert_allclose(state.attention, np.mean([own.attention for _, own in alone], axis=0), rtol=1e-15)
    rows = np.array([3, 3, 0])
    np.testing.assert_array_equal(state.take(rows).attention, state.attention[rows])


def test_attention_is_that_of_the_models_that_have_one():
    models = [Toy(seed=0, attends=False), Toy(seed=1), Toy(seed=2, attends=False)]
    source, lengths = sentences(5)
    _, state = Ensemble(models).step(first(5), Ensemble(models).start(source, lengths))
    np.testing.assert_array_equal(state.attention, models[1].step(first(5), models[1].start(source, lengths))[1].attention)
    assert Ensemble(models[::2]).start(source, lengths).attention is None


def test_one_model_or_the_same_twice_is_the_model():
    model = Toy(5, 1)
    source, lengths = sentences(10)
    for copies in (1, 2):
        ensemble = Ensemble([model] * copies)
        for write in (lambda m, s: greedy(m, s, first(10), END, 9), lambda m, s: [own[0] for own in beam_search(m, s, first(10), END, 9, Search(3))]):
            assert [y.ids for y in write(ensemble, ensemble.start(source, lengths))] == [y.ids for y in write(model, model.start(source, lengths))]


def test_it_writes_what_no_single_model_writes():
    models = [Toy(5, seed) for seed in (1, 2)]
    source, lengths = sentences(10)
    texts = [[y.ids for y in greedy(m, m.start(source, lengths), first(10), END, 9)] for m in (*models, Ensemble(models))]
    assert texts[2] not in texts[:2]


def test_language_models_make_one_too():
    models = [RecurrentLanguageModel(RecurrentConfig(arch="gru", size=8), 9, rng=np.random.default_rng(seed)) for seed in (0, 1)]
    text = list(generate(Ensemble(models), [1, 2], 10, Sampler(0.0), np.random.default_rng(0)))
    prompt = [1, 2]
    for token in text:
        log_p = [model.log_probabilities(np.array([prompt]))[0][0, -1] for model in models]
        assert token == np.logaddexp(*log_p).argmax()
        prompt.append(token)


def test_what_does_not_fit_is_refused():
    with pytest.raises(ConfigError, match="an ensemble has no models"):
        Ensemble([])
    source, lengths = sentences(2)
    ensemble = Ensemble([Toy(4), Toy(5)])
    with pytest.raises(ConfigError, match="vocabularies of 4 and 5 tokens"):
        ensemble.step(first(2), ensemble.start(source, lengths))
