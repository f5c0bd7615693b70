"""Phrases that must be in a text: found where they are, and written where they are missing."""
import numpy as np
import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from test_search import T, V, every_text, search_all
from toys import Toy, sentences

from tsuzuri.decode import Search
from tsuzuri.decode.constraints import Phrase, Required, allot

some_ids = st.lists(st.integers(1, 3), min_size=1, max_size=4)
phrases = st.lists(st.builds(Phrase, some_ids, st.one_of(st.just(()), some_ids)), max_size=3)


def inside(phrase, ids):
    """As it is written within a text, or as at its beginning."""
    phrase = phrase if isinstance(phrase, Phrase) else Phrase(phrase)
    return any(ids[k:k + len(phrase.ids)] == phrase.ids for k in range(len(ids))) or (len(phrase.opening) > 0 and ids[:len(phrase.opening)] == phrase.opening)


@given(own=st.lists(phrases, min_size=1, max_size=3).filter(lambda own: any(own)), data=st.data())
def test_progress_is_the_longest_end_that_a_phrase_begins_with(own, data):
    """Of sentences side by side, after every token; a phrase that was whole stays so, and an opening goes on from the beginning."""
    texts = np.array(data.draw(st.lists(st.lists(st.integers(0, 3), min_size=12, max_size=12), min_size=len(own), max_size=len(own))))
    required, rows = Required(own), np.arange(len(own))
    progress, P = required.start, max(map(len, own))
    for k in range(12):
        progress = required.advance(rows, progress, texts[:, k])
        wanted, met = required.wanted(rows, progress), required.met(rows, progress)
        for n, phrases_of_one in enumerate(own):
            text = texts[n, :k + 1].tolist()
            for p, phrase in enumerate(phrases_of_one):
                L, opening = len(phrase.ids), phrase.opening
                ends = max(m for m in range(min(L, len(text)) + 1) if text[len(text) - m:] == phrase.ids[:m])
                opens = len(text) < len(opening) and opening[:len(text)] == text
                assert progress[n, p] == (L if inside(phrase, text) else L + 1 + len(text) if opens else ends)
                assert wanted[n, 2 * p] == (-1 if inside(phrase, text) else phrase.ids[ends])
                assert wanted[n, 2 * p + 1] == (opening[len(text)] if opens and not inside(phrase, text) else -1)
            assert met[n] == all(inside(phrase, text) for phrase in phrases_of_one)
            assert (wanted[n, 2 * len(phrases_of_one):] == -1).all()
    assert wanted.shape == (len(own), 2 * P)


@pytest.mark.parametrize("required", [[[2]], [[1, 3]], [[1, 2], [2, 3]], [[2], [2, 2]], [[1, 2, 1]], [[3, 1], [2]],
                                      [Phrase([1, 2], [3])], [Phrase([2], [1, 1, 1]), Phrase([3], [2])], [Phrase([2, 2], [2, 1])]], ids=str)
def test_with_beams_for_all_texts_it_finds_the_best_that_have_them(required):
    source, lengths = sentences(2, longest=4)
    model, search = Toy(V, 4), Search(V ** T, 0.7)
    both = [required, []]
    for words, length, wanted, found in zip(source, lengths, both, search_all(model, source, lengths, T, search, required=both), strict=True):
        every = [text[2] for text in every_text(model, words[:length], search) if text[0] and all(inside(phrase, text[2]) for phrase in wanted)]
        assert [y.ids for y in found if y.finished] == every


@given(own=st.lists(phrases, min_size=3, max_size=3), beams=st.integers(1, 6), seed=st.integers(0, 50))
@example(own=[[Phrase([2, 1, 2], [2, 1, 3, 3])], [Phrase([1, 2], [1, 3, 3])], []], beams=1, seed=0)
def test_few_beams_write_them_all_the_same(own, beams, seed):
    """However improbable the phrases are, and though there be no room for anything else."""
    source, lengths = sentences(3, seed)
    most = np.array([sum(len(phrase.ids) for phrase in wanted) for wanted in own])
    for more in (0, 1, 20):
        found = search_all(Toy(40, seed, sharp=2.0), source, lengths, most + more, Search(beams, 1.0), required=own)
        for wanted, texts in zip(own, found, strict=True):
            has = [all(inside(phrase, y.ids) for phrase in wanted) for y in texts]
            assert has[0]
            assert has == sorted(has, reverse=True)
            assert not any(y.finished and not all_there for y, all_there in zip(texts, has, strict=True))


def test_two_phrases_that_begin_alike_do_not_stand_in_each_others_way():
    """Token 1 begins both and is by far the most probable, so to begin them for ever would look like the best of plans."""
    model = Toy(5)
    model.logits[:] = [0, 9, 0, 0, 0]
    source, lengths = sentences(2)
    for beams in (1, 2, 3):
        for texts in search_all(model, source, lengths, 9, Search(beams), required=[[[1, 2], [1, 3], [1, 4]]] * 2):
            assert all(inside(phrase, texts[0].ids) for phrase in ([1, 2], [1, 3], [1, 4]))


def test_what_is_there_anyway_changes_nothing():
    """The best text without the phrase, where it has it, is the best with it, given beams enough."""
    source, lengths = sentences(10)
    model = Toy(V, 4)
    free = search_all(model, source, lengths, T, Search(V ** T, best=1))
    again = search_all(model, source, lengths, T, Search(V ** T, best=1), required=[[y.ids[:2]] if y.ids else [] for y, in free])
    assert [y.ids for y, in again] == [y.ids for y, in free]
    assert any(len(y.ids) > 1 for y, in free)


def test_places_are_shared_out_by_hand():
    """Seven places for banks 0, 1 and 2: shares of 2, 2 and 3; bank 2 has one candidate, which leaves two more to bank 1."""
    banks = np.array([[0, 0, 0, 1, 0, 1, 1, 0, 1, 2, 1]])
    everything = np.ones(banks.shape, bool)
    kept, _ = allot(banks, np.array([2]), everything, ~everything, 7)
    assert np.flatnonzero(kept).tolist() == [0, 1, 3, 5, 6, 8, 9]
    kept, _ = allot(banks, np.array([2]), banks != 1, ~everything, 7)      # nothing in bank 1: all it could have goes to bank 0
    assert np.flatnonzero(kept).tolist() == [0, 1, 2, 4, 7, 9]


def test_what_is_left_goes_to_the_best_of_any_bank():
    """Bank 0 has one candidate of its share of two: the other place is the best one's that found none in bank 1."""
    kept, _ = allot(np.array([[1, 1, 1, 0, 1]]), np.array([1]), np.ones((1, 5), bool), np.zeros((1, 5), bool), 4)
    assert np.flatnonzero(kept).tolist() == [0, 1, 2, 3]


@given(seed=st.integers(0, 1000), beams=st.integers(1, 8))
def test_as_many_are_kept_as_there_is_room_for(seed, beams):
    rng = np.random.default_rng(seed)
    last = rng.integers(0, 4, 5)
    banks = rng.integers(0, last[:, None] + 1, (5, 12))
    going = rng.random((5, 12)) < 0.7
    kept, ended = allot(banks, last, going, ~going & (banks == last[:, None]), beams)
    np.testing.assert_array_equal(kept.sum(1), np.minimum(going.sum(1), beams))
    assert not (kept & ~going).any()
    assert not (ended & going).any()
    for g in range(5):                                       # in a bank, better ones come first
        for bank in range(last[g] + 1):
            mine = kept[g, going[g] & (banks[g] == bank)]
            assert not (mine[1:] & ~mine[:-1]).any()


@given(seed=st.integers(0, 1000), beams=st.integers(1, 8))
def test_one_bank_is_plain_beam_search(seed, beams):
    going = np.random.default_rng(seed).random((5, 12)) < 0.7
    kept, ended = allot(np.zeros((5, 12), int), np.zeros(5, int), going, ~going, beams)
    room = going.cumsum(1) - going < beams
    np.testing.assert_array_equal(kept, going & room)
    np.testing.assert_array_equal(ended, ~going & room)
