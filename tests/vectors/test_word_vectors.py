"""WordVectors: answers worked by hand, laws of the search, agreement with gensim where it is installed, and clear refusals."""
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tsuzuri.errors import ConfigError, DataError
from tsuzuri.vectors import search
from tsuzuri.vectors.word_vectors import WordVectors

PLANE = {"east": [2.0, 0.0], "northeast": [1.0, 1.0], "north": [0.0, 3.0], "west": [-1.0, 0.0], "nowhere": [0.0, 0.0]}


def plane(dtype=np.float64):
    return WordVectors(list(PLANE), np.array(list(PLANE.values()), dtype))


def random_vectors(words=200, size=12, seed=0, dtype=np.float32):
    rng = np.random.default_rng(seed)
    return WordVectors([f"w{k}" for k in range(words)], rng.normal(size=(words, size)).astype(dtype))


def cosines(vectors, query):
    """The slow way."""
    wide = vectors.vectors.astype(np.float64)
    norms = np.sqrt((wide * wide).sum(axis=1)) * np.sqrt(query @ query)
    return np.divide(wide @ query, norms, out=np.zeros(len(wide)), where=norms > 0)


def test_neighbours_in_the_plane():
    half = np.sqrt(0.5)
    assert [word for word, _ in plane().most_similar("east")] == ["northeast", "north", "nowhere", "west"]
    assert [score for _, score in plane().most_similar("east")] == pytest.approx([half, 0, 0, -1])
    assert plane().most_similar(["east", "north"], topn=1) == [("northeast", pytest.approx(1))]
    assert plane().most_similar("east", "north", topn=1) == [("northeast", pytest.approx(0))]     # east - north is southeast
    assert plane().nearest(np.array([0.0, 0.1]), 1) == [("north", pytest.approx(1))]
    assert plane().most_similar(np.array([0.0, 5.0]), topn=2, negative="west") == plane().most_similar([np.array([0.0, 5.0])], "west", 2)


def test_words_count_with_length_one_and_arrays_as_they_are():
    vectors = plane()
    assert vectors.most_similar(["east", "north"], topn=1)[0][1] == pytest.approx(1)
    far = vectors.most_similar(["east", np.array([0.0, 3.0])], topn=2)
    assert dict(far)["north"] == pytest.approx(3 / np.sqrt(10))


def test_the_questions_have_the_expected_answers():
    vectors = plane()
    assert vectors.similarity("east", "northeast") == pytest.approx(np.sqrt(0.5))
    assert vectors.similarity("east", "nowhere") == 0
    assert vectors.doesnt_match(["east", "northeast", "west"]) == "west"
    assert [vectors.rank("east", word) for word in PLANE] == [1, 1, 2, 4, 2]
    assert vectors["north"].tolist() == [0, 3]
    assert "north" in vectors
    assert "south" not in vectors
    assert len(vectors) == 5
    assert vectors.lookup(["west", "east"]).tolist() == [[-1, 0], [2, 0]]


def test_analogies_by_their_formulas():
    vectors = random_vectors()
    x = vectors.vectors.astype(np.float64)
    units = x / np.sqrt((x * x).sum(axis=1, keepdims=True))
    a, b, c = units[:3]
    add = units @ (b - a + c) / np.sqrt(((b - a + c) ** 2).sum())
    near = [(1 + units @ v) / 2 for v in (a, b, c)]
    multiply = near[1] * near[2] / (near[0] + 0.001)
    total = x[1] - x[0] + x[2]
    dot = x @ total / np.sqrt(total @ total)
    for method, scores in (("add", add), ("multiply", multiply), ("dot", dot)):
        scores[:3] = -np.inf
        best = np.argsort(-scores)[:4]
        found = vectors.analogy("w0", "w1", "w2", topn=4, method=method)
        assert [word for word, _ in found] == [f"w{k}" for k in best]
        assert [score for _, score in found] == pytest.approx(scores[best], rel=1e-5)


@pytest.mark.parametrize("dtype", [np.float16, np.float32, np.float64])
@pytest.mark.parametrize("block", [1, 50, 1 << 20])
def test_search_in_blocks_equals_the_sorted_cosines(dtype, block, monkeypatch):
    monkeypatch.setattr(search, "BLOCK", block)
    monkeypatch.setattr(search, "WIDE", block)
    vectors = random_vectors(dtype=dtype)
    query = np.random.default_rng(1).normal(size=12)
    expected = cosines(vectors, query)
    found = vectors.nearest(query, 30, without=["w5"])
    order = [k for k in np.argsort(-expected, kind="stable") if k != 5][:30]
    assert [word for word, _ in found] == [f"w{k}" for k in order]
    assert [score for _, score in found] == pytest.approx(expected[order], abs=1e-5)
    assert vectors.vectors.dtype == dtype


@given(st.lists(st.integers(0, 3), min_size=1, max_size=40), st.integers(1, 45), st.integers(1, 7))
def test_equal_scores_come_in_the_order_of_rows(scores, topn, step):
    parts = [(k, np.array(scores[k:k + step], np.float32)) for k in range(0, len(scores), step)]
    expected = sorted(range(len(scores)), key=lambda k: (-scores[k], k))[:topn]
    assert [row for row, _ in search.top_rows(iter(parts), topn)] == expected


def test_norms_survive_sizes_whose_squares_do_not():
    x = np.array([[3e-30, 4e-30], [3e30, 4e30], [0, 0], [3, 4]], np.float32)
    with np.errstate(all="raise"):
        assert search.inverse_norms(x) == pytest.approx([2e29, 2e-31, 0, 0.2], rel=1e-6)
        assert WordVectors(list("abcd"), x).similarity("a", "b") == pytest.approx(1)


def test_search_keeps_one_number_a_word_beside_the_vectors():
    import tracemalloc
    vectors = random_vectors(20_000, 50)
    vectors.nearest(vectors.vectors[0])
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(search, "BLOCK", 1 << 16)
        patch.setattr(search, "WIDE", 1 << 17)
        del vectors.scales
        tracemalloc.start()
        vectors.most_similar("w3")
        peak = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
    assert vectors.scales.shape == (20_000,)
    assert peak < vectors.vectors.nbytes / 4


def test_a_subclass_may_have_vectors_for_words_without_a_row():
    class Made(WordVectors):
        def _missing(self, word):
            return np.full(self.size, float(len(word))) if word.isalpha() else None

    vectors = Made(list(PLANE), np.array(list(PLANE.values())))
    assert vectors.similarity("south", "northeast") == pytest.approx(1)
    assert vectors.most_similar("south", topn=1)[0][0] == "northeast"
    assert vectors.lookup(["up", "east"]).tolist() == [[2, 2], [2, 0]]
    assert vectors.rank("south", "northeast") == 1
    with pytest.raises(DataError, match='"4" has no vector'):
        vectors["4"]


@pytest.mark.parametrize(("word", "meant"), [("East", "east"), ("nort", "north"), ("EAST", "east"), ("xyz", None), ("", None)])
def test_an_unknown_word_is_named_and_a_near_one_suggested(word, meant):
    with pytest.raises(DataError) as caught:
        plane()[word]
    assert f'"{word}" has no vector' in str(caught.value)
    assert (f'did you mean "{meant}"' in str(caught.value)) == (meant is not None)


BAD = {
    "words do not fit": lambda: WordVectors(["a"], np.zeros((2, 3))),
    "0 words": lambda: WordVectors([], np.zeros((0, 3))),
    "1 counts": lambda: WordVectors(["a", "b"], np.zeros((2, 3)), [1]),
    "array .V, D. of floats": lambda: WordVectors(["a"], np.zeros((1, 3), int)),
    '"a" stands in row 1 and again in row 3': lambda: WordVectors(["a", "b", "a"], np.zeros((3, 2))),
    "nothing to be similar to": lambda: plane().most_similar(),
    "topn is 0": lambda: plane().most_similar("east", topn=0),
    "a vector of 2 numbers": lambda: plane().nearest(np.zeros(3)),
    "NaN or infinite; give": lambda: plane().nearest(np.array([np.nan, 1])),
    "row 2 of the vectors has a number that is NaN": lambda: WordVectors(["a", "b"], np.array([[1.0], [np.inf]])).most_similar("a"),
    "at least three": lambda: plane().doesnt_match(["east", "west"]),
    'method "mul" is unknown; choose one of add, multiply, dot': lambda: plane().analogy("east", "west", "north", method="mul"),
}


@pytest.mark.parametrize("message", BAD)
def test_what_makes_no_sense_is_refused_with_one_sentence(message):
    with pytest.raises((ConfigError, DataError), match=message) as caught:
        BAD[message]()
    assert "\n" not in str(caught.value)


def test_the_answers_are_those_of_gensim():
    models = pytest.importorskip("gensim.models")
    ours = random_vectors(500, 20)
    theirs = models.KeyedVectors(20)
    theirs.add_vectors(ours.words, ours.vectors)
    array = np.random.default_rng(2).normal(size=20).astype(np.float32)
    for positive, negative in ((["w1"], []), (["w1", "w2"], ["w3"]), (["w4", array], ["w5"])):
        mine, other = ours.most_similar(positive, negative, 15), theirs.most_similar(positive, negative, 15)
        assert [word for word, _ in mine] == [word for word, _ in other]
        assert [score for _, score in mine] == pytest.approx([score for _, score in other], abs=1e-6)
    words = ours.words[:8]
    assert ours.doesnt_match(words) == theirs.doesnt_match(words)
    assert [ours.rank("w1", word) for word in words] == [theirs.rank("w1", word) for word in words]


def clustered(words=3000, size=32):
    rng = np.random.default_rng(5)
    centres = rng.normal(size=(60, size))
    points = centres[rng.integers(60, size=words)] + 0.3 * rng.normal(size=(words, size))
    return WordVectors([f"w{k}" for k in range(words)], points.astype(np.float32))


def test_the_approximate_index_finds_nearly_all_neighbours(tmp_path):
    pytest.importorskip("usearch")
    from tsuzuri.vectors.approximate import ApproximateIndex, index_path
    vectors = clustered()
    ApproximateIndex.build(vectors).save(index_path(tmp_path / "v.bin"))
    index = ApproximateIndex.load(tmp_path / "v.bin.usearch", vectors)
    asked = vectors.words[:100]
    exact = [dict(vectors.most_similar(word)) for word in asked]
    found = [dict(vectors.most_similar(word, index=index)) for word in asked]
    recall = np.mean([len(a.keys() & b.keys()) / 10 for a, b in zip(exact, found, strict=True)])
    assert recall > 0.95
    for a, b in zip(exact, found, strict=True):
        assert all(b[word] == pytest.approx(a[word], abs=1e-5) for word in a.keys() & b.keys())
    assert all(word not in near for word, near in zip(asked, found, strict=True))
    with pytest.raises(DataError, match="not one of 500 words"):
        ApproximateIndex.load(tmp_path / "v.bin.usearch", random_vectors(500, 32))
    (tmp_path / "bad").write_bytes(b"nothing")
    with pytest.raises(DataError, match="build it again"):
        ApproximateIndex.load(tmp_path / "bad", vectors)
    with pytest.raises(DataError, match="there is no index here"):
        ApproximateIndex.load(tmp_path / "none", vectors)


def test_without_the_library_the_index_says_how_to_get_it(monkeypatch):
    import sys

    from tsuzuri.vectors.approximate import ApproximateIndex
    monkeypatch.setitem(sys.modules, "usearch", None)
    with pytest.raises(ConfigError, match=r'pip install "tsuzuri\[ann\]"'):
        ApproximateIndex.build(plane())
