"""The most probable token at each step: written out, in batches, and against one beam."""
import numpy as np
import pytest
from toys import END, Toy, first, sentences, told

from tsuzuri.decode import Search, beam_search, greedy
from tsuzuri.errors import ConfigError
from tsuzuri.models.recurrent import RecurrentConfig, RecurrentLanguageModel


def by_hand(model, source, most):
    """One sentence, a token at a time."""
    state, ids, token = model.start(source[None], np.array([len(source)])), [], END
    for _ in range(most):
        logits, state = model.step(np.array([token]), state)
        token = int(logits[0].argmax())
        if token == END:
            return ids, True
        ids.append(token)
    return ids, False


@pytest.mark.parametrize("seed", range(3))
@pytest.mark.parametrize("most", [1, 9, "own"])
def test_a_batch_is_its_sentences_one_by_one(seed, most):
    """Tokens, log p and where the model looked; sentences end at different steps."""
    model = Toy(5, seed)
    source, lengths = sentences(20, seed)
    most = np.random.default_rng(seed).integers(0, 9, 20) if most == "own" else most
    found = greedy(model, model.start(source, lengths), first(20), END, most, measured=True)
    assert model.batches == sorted(model.batches, reverse=True)
    for n, (y, limit) in enumerate(zip(found, np.broadcast_to(most, 20), strict=True)):
        words = source[n, :lengths[n]]
        assert (y.ids, y.finished) == by_hand(model, words, limit)
        log_p, attention = told(model, words, y.ids + [END] * y.finished)
        assert y.log_p == y.score == pytest.approx(log_p.sum(), rel=1e-12)
        np.testing.assert_array_equal(y.attention[:, :lengths[n]], np.reshape(attention[:len(y.ids)], (-1, lengths[n])))
        assert not y.attention[:, lengths[n]:].any()


def test_sentences_that_ended_leave_the_batch():
    model = Toy(5, 1)
    source, lengths = sentences(40)
    found = greedy(model, model.start(source, lengths), first(40), END, 50)
    steps = [len(y.ids) + y.finished for y in found]
    needed = [sum(n > t for n in steps) for t in range(max(steps))]
    assert len(model.batches) == len(needed)
    assert all(n <= rows <= n / 0.75 for rows, n in zip(model.batches, needed, strict=True))
    assert sum(model.batches) < 0.7 * 40 * len(needed)       # else this shows little


def test_log_p_is_measured_only_where_it_is_asked_for():
    model = Toy(attends=False)
    source, lengths = sentences(3)
    found = greedy(model, model.start(source, lengths), first(3), END, 9)
    assert {(y.log_p, y.score, y.attention) for y in found} == {(None, None, None)}
    assert [y.ids for y in found] == [y.ids for y in greedy(model, model.start(source, lengths), first(3), END, 9, measured=True)]


@pytest.mark.parametrize("search", [Search(1), Search(1, 0.9, early=True), Search(1, 0.6, 0.2, early=True)], ids=str)
def test_one_beam_is_greedy(search):
    for seed in range(5):
        model = Toy(5, seed)
        source, lengths = sentences(20, seed)
        alone = greedy(model, model.start(source, lengths), first(20), END, 8, measured=True)
        found = beam_search(model, model.start(source, lengths), first(20), END, 8, search, lengths=lengths)
        for n, (one, (y,)) in enumerate(zip(alone, found, strict=True)):
            assert (y.ids, y.finished) == (one.ids, one.finished)
            assert y.log_p == pytest.approx(one.log_p, rel=1e-12)
            np.testing.assert_array_equal(y.attention, one.attention[:, :lengths[n]])


def test_a_language_model_goes_on_from_a_prompt():
    """With the prompt read at once, or token by token."""
    model = RecurrentLanguageModel(RecurrentConfig(arch="gru", size=8, dtype="float64"), 9, rng=np.random.default_rng(0))
    model.out.W.data *= 50
    whole, = greedy(model, model.start(1), np.array([[1, 2, 3]]), None, 12)
    _, state = model.feed(np.array([[1, 2]]), model.start(1))
    assert greedy(model, state, np.array([3]), None, 12) == [whole]
    assert len(whole.ids) == 12
    assert not whole.finished


@pytest.mark.parametrize(("most", "words"), [(-1, "most is -1"), (np.array([3, 4, 5]), "there are 2 sentences"), (np.array([3, -2]), "most is -2")])
def test_what_does_not_fit_is_refused(most, words):
    model = Toy()
    source, lengths = sentences(2)
    for write in (greedy, beam_search):
        with pytest.raises(ConfigError, match=words):
            write(model, model.start(source, lengths), first(2), END, most)
