"""Parts of words: hashes as published, n-grams as gensim's fastText has them, vectors of known and unknown words, files."""
import json

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tsuzuri.cli import main
from tsuzuri.errors import ConfigError, DataError
from tsuzuri.interop import safetensors_store
from tsuzuri.kernels.inner import compiled
from tsuzuri.kernels.subwords import _hash
from tsuzuri.vectors.subwords import Parts, SubwordVectors, subword_grams
from tsuzuri.vectors.word_vectors import WordVectors

WORDS = ["where", "naïve", "a", "綴り", "x𝄞y", "", "ab", "<unk>", "word-vectors"]
TEXT = st.text(st.characters(exclude_categories=["Cs"]), max_size=9)
SETTINGS = st.tuples(st.integers(1, 5), st.integers(0, 4), st.integers(1, 2_000_000))


def own_rows(words, *settings):
    """The rows of each word, by the definition, in fastText's order."""
    min_n, max_n, buckets = settings
    for w, word in enumerate(words):
        marked = f"<{word}>"
        grams = [marked[k:k + n] for k in range(len(marked)) for n in range(min_n, max_n + 1) if k + n <= len(marked)]
        if min_n == 1:                                       # the first and the last of one character are brackets
            del grams[0], grams[-1]
        yield [w, *(len(words) + _hash(gram) % buckets for gram in grams)]


def rows_of(words, *settings):
    grams = subword_grams(words, *settings)
    return [grams.rows[start:stop].tolist() for start, stop in zip(grams.starts, grams.starts[1:])]


def test_hashes_are_the_published_ones():
    """FNV-1a's own test vectors, and what gensim 4.4 says of bytes from 128 on, whose sign fastText carries on."""
    assert [_hash(text) for text in ("", "a", "foobar")] == [0x811C9DC5, 0xE40C292C, 0xBF9CF968]
    assert [_hash(text) for text in ("é", "綴り", "ß")] == [1023043777, 4119715461, 1325040919]


def test_n_grams_of_a_word_by_hand():
    rows = [0, *(1 + _hash(gram) % 1000 for gram in ("<wh", "<whe", "whe", "wher", "her", "here", "ere", "ere>", "re>"))]
    assert rows_of(["where"], 3, 4, 1000) == [rows]
    assert rows_of(["naïve"], 3, 4, 1000) == [[0, *(1 + h for h in (890, 692, 546, 404, 832, 7, 570, 548, 654))]]
    assert rows_of(["a", ""], 1, 1, 1000) == [[0, 2 + _hash("a") % 1000], [1]]


@pytest.mark.parametrize("fast", [True, False])
@given(words=st.lists(TEXT, max_size=5), settings=SETTINGS)
def test_any_words_have_the_n_grams_of_the_definition(fast, words, settings):
    min_n, more, buckets = settings
    with compiled(fast):
        assert rows_of(words, min_n, min_n + more, buckets) == list(own_rows(words, min_n, min_n + more, buckets))


@pytest.mark.parametrize("settings", [(3, 6, 2_000_000), (1, 3, 100), (2, 2, 7)])
def test_gensim_has_the_same_n_grams(settings):
    fasttext = pytest.importorskip("gensim.models.fasttext")
    expected = [[w, *(len(WORDS) + h for h in fasttext.ft_ngram_hashes(word, *settings))] for w, word in enumerate(WORDS)]
    assert rows_of(WORDS, *settings) == expected


def test_the_kinds_of_the_numbers():
    grams = subword_grams(WORDS)
    assert (grams.starts.dtype, grams.rows.dtype, len(grams.starts)) == (np.int64, np.int32, len(WORDS) + 1)


PARTS = Parts(3, 5, 500)
KNOWN = ["singing", "ringing", "king", "queen", "綴り方"]


def trained(words=KNOWN, parts=PARTS, size=8, seed=0, dtype=np.float32):
    matrix = np.random.default_rng(seed).standard_normal((len(words) + parts.buckets, size)).astype(dtype)
    return matrix, SubwordVectors.of(words, matrix, list(range(len(words), 0, -1)), parts)


def test_known_words_are_the_means_of_their_rows():
    words = [f"word{k * k}" for k in range(2500)]            # more than are summed at a time
    matrix, vectors = trained(words, dtype=np.float64)
    means = [matrix[rows].mean(axis=0) for rows in own_rows(words, 3, 5, 500)]
    np.testing.assert_allclose(vectors.vectors, means, rtol=1e-12, atol=1e-13)


def test_unknown_words_are_the_means_of_their_trained_parts():
    matrix, vectors = trained()
    met = {row for rows in own_rows(KNOWN, 3, 5, 500) for row in rows}
    for word in ("kings", "ing", "綴り", "bring"):
        parts = [len(KNOWN) + row - 1 for row in next(own_rows([word], 3, 5, 500))[1:]]
        used = [row for row in parts if row in met]
        assert 0 < len(used) < len(parts)
        np.testing.assert_allclose(vectors[word], matrix[used].mean(axis=0), rtol=1e-6, atol=1e-7)
        assert word not in vectors
    np.testing.assert_array_equal(vectors.lookup(["kings", "king"]), [vectors["kings"], vectors.vectors[2]])


def test_words_without_a_trained_part_are_missing():
    vectors = trained(parts=Parts(4, 5, 2_000_000))[1]
    for word in ("zzzzz", "", "x", "\udcffking"):
        assert vectors.find(word) is None
    with pytest.raises(DataError, match='"zzzzz" has no vector'):
        vectors.most_similar("zzzzz")
    alone = SubwordVectors.of(["a", "b"], np.eye(7), None, Parts(6, 6, 5))                   # no word has an n-gram
    assert alone.find("singing") is None
    assert alone["b"].tolist() == np.eye(7)[1].tolist()


def test_gensim_gives_the_same_vectors():
    """Where every bucket was trained, which few buckets make sure of."""
    fasttext = pytest.importorskip("gensim.models.fasttext")
    other = fasttext.FastTextKeyedVectors(8, 3, 5, 11, dtype=np.float32)
    matrix, vectors = trained(parts=Parts(3, 5, 11))
    assert len(vectors.numbers) == 11
    other.add_vectors(KNOWN, np.zeros((len(KNOWN), 8), np.float32))
    other.vectors_vocab, other.vectors_ngrams = matrix[:len(KNOWN)].copy(), matrix[len(KNOWN):].copy()
    other.recalc_char_ngram_buckets()
    other.adjust_vectors()
    for word in (*KNOWN, "kings", "bringing"):
        np.testing.assert_allclose(vectors[word], other[word], rtol=1e-5, atol=1e-6)


@pytest.mark.parametrize("dtype", [np.float32, np.float16])
def test_a_file_gives_them_back(tmp_path, dtype):
    vectors = trained()[1].astype(dtype)
    vectors.save(tmp_path / "v.safetensors")
    again = WordVectors.load(tmp_path / "v.safetensors")
    assert isinstance(again, SubwordVectors)
    assert (again.words, again.counts, again.parts, again.vectors.dtype) == (KNOWN, [5, 4, 3, 2, 1], PARTS, dtype)
    for word in ("singing", "singings"):
        np.testing.assert_array_equal(again[word], vectors[word])
    first = WordVectors.load(tmp_path / "v.safetensors", 2)
    assert (first.words, first.counts) == (KNOWN[:2], [5, 4])
    np.testing.assert_array_equal(first["king"], again._missing("king"))
    again.save(tmp_path / "w.safetensors")
    assert (tmp_path / "w.safetensors").read_bytes() == (tmp_path / "v.safetensors").read_bytes()


def test_only_trained_rows_are_stored(tmp_path):
    vectors = trained(parts=Parts(3, 6, 100_000))[1]
    vectors.save(tmp_path / "v.safetensors")
    grams = {row for rows in own_rows(KNOWN, 3, 6, 100_000) for row in rows} - set(range(len(KNOWN)))
    assert (vectors.numbers + len(KNOWN)).tolist() == sorted(grams)
    assert (tmp_path / "v.safetensors").stat().st_size < 100 * 36 + 2000


def test_other_formats_keep_the_words_alone(tmp_path):
    vectors = trained()[1]
    vectors.save(tmp_path / "v.vec")
    again = WordVectors.load(tmp_path / "v.vec")
    assert type(again) is WordVectors
    np.testing.assert_allclose(again.vectors, vectors.vectors, rtol=1e-5)


def test_the_command_line_answers_for_unknown_words(tmp_path, capsys):
    vectors = trained()[1]
    vectors.save(tmp_path / "v.safetensors")
    with pytest.raises(SystemExit) as left:
        main(["vectors", "nearest", str(tmp_path / "v.safetensors"), "bring", "--topn", "1", "--json"])
    assert left.value.code == 0
    assert json.loads(capsys.readouterr().out)["nearest"][0]["word"] == vectors.most_similar("bring")[0][0]


def test_what_does_not_fit_is_refused(tmp_path):
    for settings in ((0, 3, 10), (4, 3, 10), (3, 6, 0), (3, 6, 1 << 31), (3, 6, (1 << 31) - 1)):
        with pytest.raises(ConfigError):
            subword_grams(["a", "b"], *settings)
    with pytest.raises(DataError, match="a row for each"):
        SubwordVectors.of(KNOWN, np.zeros((9, 4)), None, PARTS)
    vectors = trained()[1]
    path = tmp_path / "v.safetensors"
    tensors, notes = vectors.tensors, vectors.notes
    for others, note in ((({}), notes), (tensors | {"subword_rows": vectors.rows[1:]}, notes), (tensors, {"subwords": {"n": 3}})):
        safetensors_store.save(path, safetensors_store.Table(KNOWN, vectors.vectors), others, note)
        with pytest.raises(DataError):
            WordVectors.load(path)
