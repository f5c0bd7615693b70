"""Counting: equal to a slow count in fractions, whatever the blocks; what a window, its weights and its sides mean."""
from collections import Counter
from fractions import Fraction

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from made_corpus import ListCorpus

from tsuzuri.errors import ConfigError, DataError
from tsuzuri.kernels.cooccurrence import count_before
from tsuzuri.kernels.inner import compiled
from tsuzuri.vectors import cooccurrence
from tsuzuri.vectors.cooccurrence import count_cooccurrences


def slow_counts(lines, V, window, weighting="uniform", sides="both", across_lines=False):
    """From the definition: every word looks at every other within the window, in exact fractions."""
    counts = [[Fraction(0)] * V for _ in range(V)]
    for line in [[k for words in lines for k in words]] if across_lines else lines:
        for here, r in enumerate(line):
            for there, c in enumerate(line):
                d = abs(here - there)
                side = "left" if there < here else "right"
                if 1 <= d <= window and sides in ("both", side):
                    counts[r][c] += Fraction(1, d if weighting == "distance" else 1)
    return np.array([[float(n) for n in row] for row in counts])


def test_a_window_by_hand():
    corpus = ListCorpus(["a b c a"])                         # a 0, b 1, c 2
    assert count_cooccurrences(corpus, 1).toarray().tolist() == [[0, 1, 1], [1, 0, 1], [1, 1, 0]]
    assert count_cooccurrences(corpus, 2).toarray().tolist() == [[0, 2, 2], [2, 0, 1], [2, 1, 0]]
    third = 2 / 3                                            # a and a are three apart, and each is a context of the other
    assert count_cooccurrences(corpus, 3, weighting="distance").toarray().tolist() == [[third, 1.5, 1.5], [1.5, 0, 1], [1.5, 1, 0]]


def test_sides_by_hand():
    corpus = ListCorpus(["a b b"])                           # b 0, a 1
    assert count_cooccurrences(corpus, 1, sides="left").toarray().tolist() == [[1, 1], [0, 0]]
    assert count_cooccurrences(corpus, 1, sides="right").toarray().tolist() == [[1, 0], [1, 0]]


SETTINGS = st.fixed_dictionaries({"window": st.integers(1, 9), "weighting": st.sampled_from(["uniform", "distance"]),
                                  "sides": st.sampled_from(["both", "left", "right"]), "across_lines": st.booleans()})
TEXTS = st.lists(st.lists(st.sampled_from("abcdef"), max_size=12).map(" ".join), min_size=1, max_size=8)


@given(TEXTS, SETTINGS, st.integers(1, 40), st.integers(1, 2))
def test_any_text_counts_as_the_definition_says_in_blocks_of_any_size(lines, settings, pairs, min_count):
    corpus = ListCorpus(lines, min_count)
    expected = slow_counts(corpus.lines, len(corpus.vocabulary), **settings)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(cooccurrence, "PAIRS", pairs)
        if not expected.any():
            with pytest.raises(DataError, match="nothing to count"):
                count_cooccurrences(corpus, **settings)
            return
        counts = count_cooccurrences(corpus, **settings)
    np.testing.assert_array_equal(counts.toarray(), expected)             # 1/3 + 1/3 too is rounded once, to the last bit
    assert counts.has_canonical_format
    assert counts.nnz == np.count_nonzero(expected)


@given(st.lists(st.integers(-1, 4), min_size=1, max_size=40), st.integers(0, 40), st.integers(1, 6))
def test_the_compiled_count_is_the_plain_one(ids, first, window):
    arguments = np.array(ids, np.int32), min(first, len(ids)), np.arange(window, 0, -1), 5
    fast = count_before(*arguments)
    with compiled(False):
        plain = count_before(*arguments)
    for a, b in zip(fast, plain, strict=True):
        np.testing.assert_array_equal(a, b)
        assert a.dtype == b.dtype


def test_words_left_out_close_up():
    """As in word2vec: what is not in the vocabulary takes no place in the window."""
    counts = count_cooccurrences(ListCorpus(["a rare b", "a b"], min_count=2), 1)
    assert counts.toarray().tolist() == [[0, 2], [2, 0]]


def test_a_window_longer_than_the_text_counts_every_pair():
    counts = count_cooccurrences(ListCorpus(["a b", "c d e"]), 60_000, across_lines=True).toarray()
    np.testing.assert_array_equal(counts, 1 - np.eye(5))


def test_a_vocabulary_whose_square_fits_no_memory():
    corpus = ListCorpus([f"w{k} w{k + 1}" for k in range(200_000)])       # dense: 320 GB
    assert count_cooccurrences(corpus, 5).nnz == 400_000


BAD = {
    "window 0": ({"window": 0}, "window 0 does not fit"),
    "window too wide for exact 1/distance": ({"window": 29, "weighting": "distance"}, "from 1 to 28"),
    "weighting": ({"weighting": "distanse"}, 'did you mean "distance"'),
    "sides": ({"sides": "rigth"}, 'did you mean "right"'),
}


@pytest.mark.parametrize(("settings", "message"), BAD.values(), ids=BAD)
def test_settings_that_do_not_fit(settings, message):
    with pytest.raises(ConfigError, match=message):
        count_cooccurrences(ListCorpus(["a b"]), **settings)


def test_the_widest_exact_window():
    corpus = ListCorpus([" ".join(f"w{k:02}" for k in range(29))])
    assert count_cooccurrences(corpus, 28, weighting="distance")[0, 28] == 1 / 28


def test_the_penn_treebank(data_dir):
    lines = (data_dir / "ptb" / "ptb.valid.txt").read_text().splitlines()
    corpus = ListCorpus(lines)
    counts, ids = count_cooccurrences(corpus, 2), corpus.vocabulary.ids
    assert counts.sum() == sum(2 * (max(len(line) - 1, 0) + max(len(line) - 2, 0)) for line in corpus.lines)
    pairs = Counter(pair for words in map(str.split, lines) for d in (1, 2) for pair in zip(words, words[d:]))
    for a, b in (("new", "york"), ("the", "of"), ("the", "the")):
        assert counts[ids[a], ids[b]] == counts[ids[b], ids[a]] == pairs[a, b] + pairs[b, a]
