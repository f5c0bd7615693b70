"""Several texts side by side: each is the one it would be alone; the prompt is read once."""
import numpy as np
import pytest

from tsuzuri.decode import Sampler, generate, generate_batch
from tsuzuri.models.recurrent import RecurrentConfig, RecurrentLanguageModel

SAMPLERS = [{}, {"temperature": 0.5}, {"temperature": 0.0}, {"top_k": 5, "repetition_penalty": 1.5}, {"top_p": 0.8, "no_repeat": 2},
            {"min_p": 0.1, "temperature": 1.3}, {"typical": 0.7}]


@pytest.fixture(scope="module", params=["rnn", "gru", "lstm"])
def model(request):
    m = RecurrentLanguageModel(RecurrentConfig(arch=request.param, size=8, layers=2, dtype="float64"), 30, rng=np.random.default_rng(0))
    m.out.W.data *= 50
    return m


def rngs(count, seed=4):
    first = np.random.default_rng(seed)
    return [first, *first.spawn(count - 1)]


@pytest.mark.parametrize("settings", SAMPLERS, ids=str)
def test_a_text_does_not_depend_on_the_others(model, settings):
    texts = {}
    for count in (1, 2, 5):
        texts[count] = np.array(list(generate_batch(model, [1, 2, 3], 25, Sampler(**settings), rngs(count)))).T.tolist()
    assert texts[5][:2] == texts[2]
    assert texts[2][:1] == texts[1]
    assert texts[1][0] == list(generate(model, [1, 2, 3], 25, Sampler(**settings), np.random.default_rng(4)))
    assert (texts[5][0] == texts[5][1]) == (settings == {"temperature": 0.0})


def test_the_prompt_is_read_once_and_nothing_behind_the_last_token(model, monkeypatch):
    fed, stepped = [], []
    feed, step = model.feed, model.step
    monkeypatch.setattr(model, "feed", lambda ids, state: (fed.append(ids.shape), feed(ids, state))[1], raising=False)
    monkeypatch.setattr(model, "step", lambda ids, state: (stepped.append(ids.shape), step(ids, state))[1])
    assert len(list(generate_batch(model, [1, 2, 3], 10, Sampler(), rngs(4)))) == 10
    assert (fed, stepped) == ([(1, 3)], [(4,)] * 9)


def test_the_history_is_the_prompt_and_the_text(model):
    """With no_repeat 1 nothing of the prompt comes again, and no token twice."""
    prompt = [1, 2, 3]
    for row in np.array(list(generate_batch(model, prompt, 27, Sampler(no_repeat=1), rngs(3)))).T.tolist():
        assert sorted(prompt + row) == list(range(30))
