"""Beam search for translations against all texts of a small model, one by one, and in batches."""
import itertools

import numpy as np
import pytest
from toys import END, Toy, first, sentences, told

from tsuzuri.decode import Search, beam_search
from tsuzuri.errors import ConfigError

V, T = 4, 5


def every_text(model, words, search, most=T, least=0):
    """(finished, score, ids, log p, attention) of every text, best first: ended ones before those cut off."""
    found = []
    for length in range(most + 1):
        for ids in itertools.product(range(1, V), repeat=length):
            finished = length < most
            if finished and length < least:
                continue
            log_p, attention = told(model, words, [*ids, END] if finished else list(ids))
            score = log_p.sum() / ((5 + len(log_p)) / 6) ** search.length_penalty
            if search.coverage_penalty:
                score += search.coverage_penalty * sum(np.log(min(sum(a[s] for a in attention), 1)) for s in range(len(words)))
            found.append((finished, score, list(ids), log_p.sum(), attention[:length]))
    return sorted(found, key=lambda text: (not text[0], -text[1]))


def search_all(model, source, lengths, most, search, **options):
    return beam_search(model, model.start(source, lengths), first(len(source)), END, most, search, lengths=lengths, **options)


PENALTIES = [(0.0, 0.0), (0.7, 0.0), (3.0, 0.0), (0.0, 0.5), (1.0, 0.2)]


@pytest.mark.parametrize("penalties", PENALTIES)
@pytest.mark.parametrize("least", [0, 2])
def test_with_beams_for_all_texts_it_finds_the_best_of_every_sentence(penalties, least):
    source, lengths = sentences(3, longest=4)
    model = Toy(V, 3)
    for best in (0, 7):
        search = Search(V ** T, *penalties, least, best)
        for words, length, found in zip(source, lengths, search_all(model, source, lengths, T, search), strict=True):
            every = every_text(model, words[:length], search, least=least)
            assert len(found) == (best or len(every))
            for y, (finished, score, ids, log_p, attention) in zip(found, every, strict=False):
                assert (y.ids, y.finished) == (ids, finished)
                assert y.score == pytest.approx(score, rel=1e-10)
                assert y.log_p == pytest.approx(log_p, rel=1e-10)
                np.testing.assert_array_equal(y.attention, np.reshape(attention, (len(ids), length)))


def test_the_penalties_change_what_is_best():
    """Else the test above would show little."""
    source, lengths = sentences(30)
    best = {penalties: [y.ids for y, in search_all(Toy(V, 3), source, lengths, 9, Search(20, *penalties, best=1))] for penalties in PENALTIES}
    assert len({str(ids) for ids in best.values()}) == len(PENALTIES)
    assert np.mean(list(map(len, best[3.0, 0.0]))) > np.mean(list(map(len, best[0.0, 0.0])))


def plainly(model, words, most, search):
    """Beam search of one sentence as it is told: one hypothesis after the other, every token looked at, and never stopped before ``most``."""
    live, done = [([], 0.0, np.zeros(len(words)))], []
    for t in range(most):
        steps = []
        for ids, _, _ in live:
            log_p, attention = zip(*(told(model, words, [*ids, token]) for token in range(model.vocabulary)), strict=True)
            steps += [([*ids, token], log_p[token].sum(), np.sum(attention[token], axis=0)) for token in range(model.vocabulary)]
        live = []
        for step in sorted(steps, key=lambda step: -step[1]):
            if step[0][-1] != END:
                live.append(step)
            elif t >= search.least:
                done.append(step)
            if len(live) == search.beams:
                break
        if search.early and len(done) >= search.beams:
            live = []
            break

    def scored(texts):
        found = [(y, log_p / ((5 + len(y)) / 6) ** search.length_penalty + search.coverage_penalty * np.log(np.minimum(seen, 1)).sum()) for y, log_p, seen in texts]
        return sorted(found, key=lambda text: -text[1])
    best = [*scored(done), *scored(live)][:search.best or search.beams]
    return [([token for token in y if token != END], pytest.approx(score, rel=1e-10), END in y) for y, score in best]


@pytest.mark.parametrize("search", [Search(1), Search(1, 2.0), Search(3), Search(2, 2.0, best=1), Search(4, 0.7, 0.2, best=2), Search(3, 1.0, early=True), Search(3, 3.0, 0.0, 3)], ids=str)
@pytest.mark.parametrize("seed", [1, 2])
def test_it_is_what_one_hypothesis_after_the_other_gives(search, seed):
    source, lengths = sentences(12, seed, 4)
    found = search_all(Toy(6, seed), source, lengths, 9, search)
    for words, length, own in zip(source, lengths, found, strict=True):
        assert [(y.ids, y.score, y.finished) for y in own] == plainly(Toy(6, seed), words[:length], 9, search)


def same(a, b):
    return (a.ids, a.log_p, a.score, a.finished) == (b.ids, b.log_p, b.score, b.finished) and np.array_equal(a.attention, b.attention)


SEARCHES = [Search(1), Search(3), Search(5, 0.7, 0.2), Search(4, 1.0, best=2), Search(4, 1.0, early=True), Search(6, 0.6, 0.1, 3)]


@pytest.mark.parametrize("search", SEARCHES, ids=str)
@pytest.mark.parametrize("extra", [False, True])
def test_a_batch_is_its_sentences_one_by_one(search, extra):
    """Each with its own number of tokens, prefix and required phrases, and without the padding."""
    model, count = Toy(7, 2), 15
    source, lengths = sentences(count)
    rng = np.random.default_rng(0)
    most = rng.integers(6, 15, count)
    options = {}
    if extra:
        options = {"prefixes": [rng.integers(1, 7, rng.integers(4)).tolist() for _ in range(count)],
                   "required": [[rng.integers(1, 7, rng.integers(1, 3)).tolist() for _ in range(rng.integers(3))] for _ in range(count)]}
    together = search_all(model, source, lengths, most, search, **options)
    for n, found in enumerate(together):
        alone, = search_all(model, source[n:n + 1, :lengths[n]], lengths[n:n + 1], most[n], search, **{name: value[n:n + 1] for name, value in options.items()})
        assert len(found) == len(alone) == (search.best or search.beams)
        assert all(map(same, found, alone))


def test_fewer_texts_given_back_are_the_first_ones_and_end_sooner():
    source, lengths = sentences(20)
    steps = {}
    for best in (1, 2, 6):
        model = Toy(7, 2)
        found = search_all(model, source, lengths, 25, Search(6, 0.7, best=best))
        steps[best] = len(model.batches), sum(model.batches)
        every = search_all(Toy(7, 2), source, lengths, 25, Search(6, 0.7))
        assert all(same(a, b) for one, all_of_it in zip(found, every, strict=True) for a, b in zip(one, all_of_it[:best], strict=True))
    assert steps[1][1] < steps[2][1] < steps[6][1]


def test_early_ends_sooner_and_may_miss_the_best():
    source, lengths = sentences(20)
    models = Toy(5, 1), Toy(5, 1)
    early, late = (search_all(model, source, lengths, 25, Search(3, 2.0, best=1, early=early)) for model, early in zip(models, (True, False), strict=True))
    assert sum(models[0].batches) < sum(models[1].batches)
    gain = [b.score - a.score for (a,), (b,) in zip(early, late, strict=True)]
    assert min(gain) >= 0 < max(gain)


def test_sentences_that_are_done_leave_the_batch():
    model = Toy(5, 1)
    source, lengths = sentences(12)
    most = np.arange(12)
    found = search_all(model, source, lengths, most, Search(4))
    assert model.batches[0] == 11                            # one wants no tokens
    assert len(model.batches) <= 11
    assert all(rows <= 4 * (11 - t) for t, rows in enumerate(model.batches))
    assert [(y.ids, y.score, y.finished) for y in found[0]] == [([], 0.0, False)]
    assert all(len(y.ids) + y.finished <= n for n, own in zip(most, found, strict=True) for y in own)


def test_a_prefix_is_how_the_text_begins_and_its_log_p_counts():
    """The best of all texts that begin so."""
    source, lengths = sentences(3, longest=4)
    model, search = Toy(V, 5), Search(V ** T, 0.7)
    prefixes = [[2, 1], [], [3]]
    for words, length, prefix, found in zip(source, lengths, prefixes, search_all(model, source, lengths, T, search, prefixes=prefixes), strict=True):
        every = [text for text in every_text(model, words[:length], search) if text[2][:len(prefix)] == prefix]
        assert [y.ids for y in found] == [text[2] for text in every]
        np.testing.assert_allclose([y.score for y in found], [text[1] for text in every], rtol=1e-10)


def test_a_predicate_may_end_texts_too():
    """Here wherever a token came twice in a row; the end token still does, and is not part of the ids."""
    def twice(ids):
        return len(ids) > 1 and ids[-1] == ids[-2]
    source, lengths = sentences(4)
    found = search_all(Toy(V, 1), source, lengths, 6, Search(30), ends=twice)
    kinds = {twice(y.ids) for own in found for y in own if y.finished}
    assert kinds == {True, False}
    assert not any(twice(y.ids[:k]) for own in found for y in own for k in range(len(y.ids)))
    assert not any(twice(y.ids) for own in search_all(Toy(V, 1), source, lengths, 6, Search(30, least=7 - 2), ends=twice) for y in own if len(y.ids) < 5)


def test_without_an_end_every_text_is_as_long_as_it_may_be():
    model = Toy(V, 1)
    source, lengths = sentences(4)
    found = beam_search(model, model.start(source, lengths), first(4), None, 6, Search(5))
    assert {(len(y.ids), y.finished) for own in found for y in own} == {(6, False)}
    assert any(END in y.ids for own in found for y in own)


def test_a_model_without_attention_has_none_to_give():
    source, lengths = sentences(4)
    plain, attends = (search_all(Toy(V, 1, attends=attends), source, lengths, 6, Search(5)) for attends in (False, True))
    assert [[(y.ids, y.score) for y in own] for own in plain] == [[(y.ids, y.score) for y in own] for own in attends]
    assert {y.attention for own in plain for y in own} == {None}
    with pytest.raises(ConfigError, match=r"coverage_penalty is 0\.2, and the model has no attention"):
        search_all(Toy(V, 1, attends=False), source, lengths, 6, Search(5, 0.0, 0.2))


def test_a_word_never_looked_at_leaves_the_score_a_number():
    """Hard attention: here always the first word."""
    class Hard(Toy):
        def step(self, ids, state):
            logits, state = super().step(ids, state)
            return logits, state._replace(attention=np.eye(state.width)[np.zeros(len(ids), int)])
    source, lengths = sentences(4)
    for words, (y, *_) in zip(lengths, search_all(Hard(V), source, lengths, 6, Search(3, 0.0, 0.1)), strict=True):
        assert y.score == pytest.approx(y.log_p + 0.1 * (words - 1) * np.log(1e-6), rel=1e-12)


@pytest.mark.parametrize(("settings", "words"), [
    ({"beams": 0}, "beams is 0; it must be at least 1"), ({"beams": 2.5}, "beams is 2.5"), ({"length_penalty": -1.0}, "length_penalty is -1"),
    ({"length_penalty": float("nan")}, "length_penalty is nan"), ({"coverage_penalty": float("inf")}, "coverage_penalty is inf"),
    ({"least": -1}, "least is -1"), ({"beams": 2, "best": 3}, "best is 3, and 2 beams")])
def test_settings_that_do_not_fit_are_refused(settings, words):
    with pytest.raises(ConfigError, match=words):
        Search(**settings)


@pytest.mark.parametrize(("options", "words"), [
    ({"prefixes": [[1]]}, "prefixes are given for 1 sentences, and there are 2"), ({"prefixes": [[], [1, 4]]}, "prefix of sentence 2 has the id 4"),
    ({"prefixes": [[1, END], []]}, "prefix of sentence 1 has the end token 0"), ({"prefixes": [[1] * 7, []]}, "has 7 tokens, and a text at most 6"),
    ({"required": [[]]}, "required phrases are given for 1"), ({"required": [[[1, -1]], []]}, "phrase of sentence 1 has the id -1"),
    ({"required": [[], [[1], [END]]]}, "phrase of sentence 2 has the end token"), ({"required": [[[]], []]}, "phrase of sentence 1 is empty"),
    ({"search": Search(least=6)}, "least is 6, and a text has at most 6")])
def test_what_does_not_fit_together_is_refused(options, words):
    source, lengths = sentences(2)
    with pytest.raises(ConfigError, match=words):
        search_all(Toy(V), source, lengths, 6, **({"search": Search()} | options))
