"""Beam search in a language model against all of its texts, one by one; translations are in test_search.py."""
import itertools

import numpy as np
import pytest

from tsuzuri.decode import Sampler, Search, beam_search, generate
from tsuzuri.models.recurrent import RecurrentConfig, RecurrentLanguageModel

V, T, PROMPT, END = 4, 4, [1, 2], 3


@pytest.fixture(scope="module", params=range(4))
def model(request):
    """Weights so large that the best text is seldom the greedy one."""
    m = RecurrentLanguageModel(RecurrentConfig(arch="lstm", size=6, dtype="float64"), V, rng=np.random.default_rng(request.param))
    for p in m.parameters():
        p.data *= 4
    m.out.W.data *= 30
    return m


def search(model, count, beams, penalty=0.0, ends=None, prompt=PROMPT):
    found, = beam_search(model, model.start(1), np.array([prompt]), None, count, Search(beams, penalty), ends=ends)
    return found


def log_p(model, text):
    ids = np.array([[*PROMPT, *text]])
    rows, _ = model.log_probabilities(ids[:, :-1])
    return sum(rows[0, len(PROMPT) - 1 + k, token] for k, token in enumerate(text))


def every_text(model, ends):
    """{text: log p}: cut behind the first END where ``ends`` is on."""
    found = {}
    for text in itertools.product(range(V), repeat=T):
        cut = text[:text.index(END) + 1] if ends and END in text else text
        found[cut] = log_p(model, cut)
    return found


def ends(ids):
    return ids[-1] == END


@pytest.mark.parametrize("penalty", [0.0, 0.7, 3.0])
@pytest.mark.parametrize("ending", [False, True])
def test_with_beams_for_all_texts_it_finds_the_best(model, ending, penalty):
    every = {text: score / ((5 + len(text)) / 6) ** penalty for text, score in every_text(model, ending).items()}
    best = sorted(every, key=lambda text: -every[text])[:10]
    found = search(model, T, V ** T, penalty, ends if ending else None)[:10]
    assert [tuple(y.ids) for y in found] == best
    np.testing.assert_allclose([y.score for y in found], [every[text] for text in best], rtol=1e-9)
    assert [y.finished for y in found] == [ending and END in text for text in best]


def test_one_beam_is_greedy(model):
    greedy = list(generate(model, PROMPT, 12, Sampler(0.0), np.random.default_rng(0)))
    found, = search(model, 12, 1)
    assert found.ids == greedy
    assert found.score == pytest.approx(log_p(model, greedy), rel=1e-9)
    stopped = greedy[:greedy.index(END) + 1] if END in greedy else greedy
    assert search(model, 12, 1, 0.0, ends)[0].ids == stopped


def test_texts_that_end_do_not_crowd_out_those_that_go_on(model):
    """Every token but 0 ends a text; three tokens are asked for, and longer texts pay less.  One beam is enough for the only way."""
    found, = beam_search(model, model.start(1), np.array([PROMPT]), None, 5, Search(1, least=3), ends=lambda ids: ids[-1] != 0)
    assert found
    assert all(y.ids[:2] == [0, 0] for y in found)
    every = {(*[0] * k, last): log_p(model, (*[0] * k, last)) / ((6 + k) / 6) ** 50 for k in range(4) for last in (1, 2, 3)}
    every |= {(0,) * 4: log_p(model, (0,) * 4) / (9 / 6) ** 50}
    assert tuple(search(model, 4, 1, 50.0, lambda ids: ids[-1] != 0)[0].ids) == max(every, key=every.get)


def test_more_beams_never_lose_on_these(model):
    scores = [search(model, T, beams)[0].score for beams in (1, 16, 64, 256)]
    assert scores[0] <= scores[1] + 1e-12
    assert scores[-1] == max(scores)


def test_some_model_is_not_greedy():
    """Else the tests above would show little."""
    def differs(seed):
        m = RecurrentLanguageModel(RecurrentConfig(arch="lstm", size=6), V, rng=np.random.default_rng(seed))
        for p in m.parameters():
            p.data *= 4
        m.out.W.data *= 30
        return search(m, T, 1)[0].ids != search(m, T, 64)[0].ids
    assert any(map(differs, range(8)))


class Fair:
    """Every token as likely, whatever was read."""

    def take(self, rows):
        return self

    def start(self, rows):
        return self

    def feed(self, ids, state):
        return np.zeros((len(ids), 3)), self

    def step(self, ids, state):
        return np.zeros((len(ids), 3)), self


@pytest.mark.parametrize(("penalty", "length"), [(0.0, 1), (0.5, 1), (2.0, 1), (3.0, 6)])
def test_the_penalty_pays_longer_texts_back(penalty, length):
    """n log(1/3) / ((5 + n) / 6)^a is best at n = 1, unless a is so high that it is best at the end."""
    scores = {n: n * np.log(1 / 3) / ((5 + n) / 6) ** penalty for n in range(1, 7)}
    best = search(Fair(), 6, 800, penalty, lambda ids: ids[-1] == 2, [0])[0]
    assert len(best.ids) == length == max(scores, key=scores.get)
    assert best.score == pytest.approx(scores[length], rel=1e-12)


def test_no_tokens_is_an_empty_text():
    assert [tuple(y) for y in search(Fair(), 0, 3)] == [([], 0.0, 0.0, None, False)]
