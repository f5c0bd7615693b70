"""Phrases: a text worked by hand, a slow reference, gensim where it is installed, and block borders that change nothing."""
from collections import Counter
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from made_corpus import zipf_lines

from tsuzuri.errors import ConfigError, DataError
from tsuzuri.text.tokenizers.options import Options
from tsuzuri.text.word_corpus import WordCorpus, open_words, read_words
from tsuzuri.vectors import phrases
from tsuzuri.vectors.phrases import join_phrases


class SmallBlocks(WordCorpus):
    """A corpus that hands out its ids seven at a time."""

    def blocks(self, size=7, start=0):
        return super().blocks(7, start)


def corpus(lines, folder, **options):
    return read_words(lines, folder, Options(**({"unk": False} | options)))


def lines_of(words):
    """The text again."""
    ids = np.concatenate(list(words.blocks())) if len(words) else np.empty(0, np.int32)
    return [" ".join(words.vocabulary.tokens[k] for k in line.tolist() if k >= 0) for line in np.split(ids, np.flatnonzero(ids < 0) + 1)[:-1]]


def slowly(lines, min_count, threshold, delta, passes=1):
    """The definition, word by word."""
    lines = [line.split() for line in lines]
    for _ in range(passes):
        counts = Counter(word for line in lines for word in line)
        pairs = Counter(pair for line in lines for pair in pairwise(line))
        total = counts.total()

        def phrase(a, b, counts=counts, pairs=pairs, total=total):
            return min(counts[a], counts[b], pairs[a, b]) >= min_count and (
                (pairs[a, b] - delta) / (counts[a] * counts[b]) * total > threshold)

        joined = []
        for line in lines:
            new, k = [], 0
            while k < len(line):
                two = k + 1 < len(line) and phrase(line[k], line[k + 1])
                new.append("_".join(line[k:k + 1 + two]))
                k += 1 + two
            joined.append(new)
        lines = joined
    counts = Counter(word for line in lines for word in line)
    return [" ".join(word for word in line if counts[word] >= min_count) for line in lines]


NEW_YORK = ["in new york a new car", "new york", "york new york a car", "a new", "york in a car"]


def test_a_text_worked_by_hand(tmp_path):
    """19 words.  new york: 3 times, new 5, york 5, so 2/25 * 19 = 1.52; a car: 2, 4 and 3, so 1/12 * 19 = 1.58; a new and
    york a: 0.95; the others stand once."""
    words = corpus(NEW_YORK, tmp_path / "raw")
    score = (3 - 1) / (5 * 5) * 19
    for threshold, york in ((score * 0.999, "new_york"), (score, "new york")):
        found = join_phrases(words, tmp_path / "new", min_count=1, threshold=threshold, delta=1)
        assert lines_of(found)[:3] == [f"in {york} a new car", york, f"york {york} a_car"]
        assert lines_of(found)[3:] == ["a new", "york in a_car"]                # a phrase never crosses the end of a line
    assert lines_of(join_phrases(words, tmp_path / "new", min_count=3, threshold=1, delta=1)) == [
        "new_york a car", "new_york", "new_york a car", "a", "a car"]
    few = join_phrases(words, tmp_path / "few", min_count=1, threshold=1, delta=1, max_size=2)
    assert few.vocabulary.tokens == ["new_york", "a"]


def test_delta_is_min_count_where_it_is_not_given(tmp_path):
    words = corpus(NEW_YORK, tmp_path / "raw")               # (3 - 2) / 25 * 19 = 0.76, (2 - 2) / 12 * 19 = 0
    for threshold in (0.75, 0.77):
        found = join_phrases(words, tmp_path / "new", min_count=2, threshold=threshold)
        assert [word for word in found.vocabulary.tokens if "_" in word] == ["new_york"] * (threshold < 0.76)


def test_what_is_written_is_a_corpus(tmp_path):
    found = join_phrases(corpus(NEW_YORK, tmp_path / "raw"), tmp_path / "new", min_count=2, threshold=1, delta=1)
    again = open_words(tmp_path / "new")
    assert (lines_of(again), again.words, again.lines, again.read) == (lines_of(found), found.words, 5, 19)
    counts = Counter(word for line in lines_of(found) for word in line.split())
    assert dict(zip(found.vocabulary.tokens, found.vocabulary.counts)) == counts
    assert found.vocabulary.counts == sorted(found.vocabulary.counts, reverse=True)
    assert found.words == counts.total()
    assert sorted(path.name for path in (tmp_path / "new").iterdir()) == ["vocab.txt", "words.bin", "words.toml"]


TEXTS = st.lists(st.lists(st.sampled_from("aaabbcd"), max_size=12).map(" ".join), min_size=1, max_size=12)


@given(TEXTS, st.integers(1, 3), st.sampled_from([0.0, 0.5, 1.0, 2.0]), st.sampled_from([0.0, 1.0, 2.5]), st.integers(1, 3))
def test_any_text_is_joined_as_by_definition(tmp_path_factory, lines, min_count, threshold, delta, passes):
    wanted = slowly(lines, min_count, threshold, delta, passes)
    raw, new = (tmp_path_factory.mktemp(name) for name in ("raw", "new"))
    if not any(line.split() for line in lines):
        return
    words = corpus(lines, raw)
    words = SmallBlocks(**{name: getattr(words, name) for name in ("folder", "vocabulary", "words", "lines", "read")})
    settings = {"min_count": min_count, "threshold": threshold, "delta": delta, "passes": passes}
    if not any(wanted):
        with pytest.raises(DataError, match="no word or phrase"):
            join_phrases(words, new, **settings)
        return
    assert lines_of(join_phrases(words, new, **settings)) == wanted


def made_text():
    """Zipf's words, among them w3 w5 far more often than by chance, w3 w5 w7 too."""
    rng = np.random.default_rng(4)
    for line in zipf_lines(40_000, 400, seed=2):
        yield f"{line} w3 w5" + rng.choice(["", " w7", " w7 w9 w11"])


def test_a_longer_text_in_blocks_of_any_size(tmp_path, monkeypatch):
    lines = list(made_text())
    words, wanted = corpus(lines, tmp_path / "raw"), slowly(lines, 5, 8.0, 5.0, 3)
    assert "w3_w5_w7" in " ".join(wanted)
    found = join_phrases(words, tmp_path / "new", threshold=8, passes=3)
    assert lines_of(found) == wanted
    monkeypatch.setattr(phrases, "FEWEST", 6)                # 64 buckets, so that all share
    monkeypatch.setattr(phrases, "MOST", 6)
    monkeypatch.setattr(phrases, "BLOCK", 50)
    few = SmallBlocks(**{name: getattr(words, name) for name in ("folder", "vocabulary", "words", "lines", "read")})
    other = join_phrases(few, tmp_path / "other", threshold=8, passes=3)
    for name in ("words.bin", "vocab.txt", "words.toml"):
        assert (tmp_path / "other" / name).read_bytes() == (tmp_path / "new" / name).read_bytes()
    assert len(other) == len(found)


def test_gensim_finds_the_same_phrases(tmp_path):
    """gensim takes the number of its entries, words and pairs, where word2phrase takes the number of words."""
    models = pytest.importorskip("gensim.models.phrases")
    lines = [line.split() for line in made_text()]
    words = sum(map(len, lines))
    entries = len(models.Phrases(lines, min_count=5).vocab)
    model = models.Phrases(lines, min_count=5, threshold=8 / words * entries, scoring="default")
    found = join_phrases(corpus(map(" ".join, lines), tmp_path / "raw"), tmp_path / "new", threshold=8)
    counts = Counter(word for line in lines for word in model[line])
    assert {word for word in found.vocabulary.tokens if "_" in word} == {w for w, n in counts.items() if "_" in w and n >= 5}
    assert dict(zip(found.vocabulary.tokens, found.vocabulary.counts)) == {w: n for w, n in counts.items() if n >= 5}


def test_special_words_are_never_joined(tmp_path):
    words = corpus(["a b"] * 9 + ["c"], tmp_path / "raw", unk=True, eos=True)
    found = join_phrases(words, tmp_path / "new", min_count=3, threshold=0, delta=0, passes=3)
    assert found.vocabulary.tokens == ["<unk>", "<eos>", "a_b"]
    assert lines_of(found) == ["a_b <eos>"] * 9 + ["<unk> <eos>"]


@pytest.mark.parametrize(("settings", "name"), [
    ({"min_count": 0}, "min_count"), ({"passes": 0}, "passes"), ({"threshold": -1.0}, "threshold"),
    ({"delta": float("nan")}, "delta"), ({"separator": "a b"}, "separator"), ({"separator": ""}, "separator")])
def test_settings_that_do_not_fit_are_refused(tmp_path, settings, name):
    words = corpus(NEW_YORK, tmp_path / "raw")
    with pytest.raises(ConfigError, match=name):
        join_phrases(words, tmp_path / "new", **settings)
    with pytest.raises(ConfigError, match="folder"):
        join_phrases(words, Path(tmp_path / "new" / ".." / "raw"))
    assert not (tmp_path / "new").exists()
    assert lines_of(open_words(tmp_path / "raw")) == NEW_YORK
