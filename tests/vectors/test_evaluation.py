"""Scores worked by hand, ranks against scipy, analogies against the slow way, and agreement with gensim."""
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tsuzuri.errors import ConfigError, DataError
from tsuzuri.vectors import evaluation
from tsuzuri.vectors.evaluation import measure_pairs, ranks, solve_analogies, spearman
from tsuzuri.vectors.gold import SETS, Analogies, Pairs, open_gold
from tsuzuri.vectors.spaces import VectorSpace, open_space
from tsuzuri.vectors.word_vectors import WordVectors


def space_of(words, seed=0, size=8, **options):
    x = np.random.default_rng(seed).normal(size=(len(words), size)).astype(np.float32)
    return VectorSpace("space", WordVectors(words, x), **options)


def test_ranks_share_their_mean():
    assert ranks([10, 30, 20, 30, 30]).tolist() == [1, 4, 2, 4, 4]
    assert spearman([1, 2, 3], [10, 100, 1000]) == pytest.approx(1)
    assert spearman([1, 2, 3], [3, 2, 1]) == pytest.approx(-1)
    assert np.isnan(spearman([1, 1, 1], [1, 2, 3]))
    assert np.isnan(spearman([1], [2]))


@given(st.lists(st.tuples(st.integers(0, 6), st.floats(-5, 5)), min_size=2, max_size=40))
def test_spearman_is_that_of_scipy(values):
    import warnings

    from scipy.stats import rankdata, spearmanr
    x, y = zip(*values, strict=True)
    assert ranks(y).tolist() == rankdata(y).tolist()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        expected = spearmanr(x, y).statistic
    assert spearman(x, y) == pytest.approx(expected, nan_ok=True, abs=1e-12)


def test_pairs_with_unknown_words_are_counted_and_left_out():
    vectors = WordVectors(["Cat", "dog", "car", "cat"], np.array([[1.0, 0], [1, 1], [0, 1], [-1, 0]]))
    gold = Pairs("gold", [("cat", "Dog", 9), ("cat", "car", 5), ("dog", "car", 8), ("cat", "unicorn", 1), ("yeti", "unicorn", 2)])
    result = measure_pairs(VectorSpace("v", vectors), gold)
    assert (result.pairs, result.of, result.unknown_words) == (3, 5, 2)
    assert result.spearman == pytest.approx(np.sqrt(0.75))   # cosines .71, 0, .71: ranks 2.5, 1, 2.5 against 3, 1, 2
    exact = measure_pairs(VectorSpace("v", vectors, fold=False), gold)
    assert (exact.pairs, exact.unknown_words) == (2, 3)      # "Dog" is unknown, and "cat" is another word than "Cat"
    few = measure_pairs(VectorSpace("v", vectors, frequent=2), gold)
    assert (few.pairs, few.unknown_words) == (1, 3)
    assert np.isnan(measure_pairs(space_of(["x"]), gold).spearman)


def test_words_without_a_row_may_have_made_up_vectors():
    class Made(WordVectors):
        def _missing(self, word):
            return np.array([1.0, 2.0]) if word == "unicorn" else None

    made = VectorSpace("v", Made(["cat", "rare"], np.array([[2.0, 4.0], [1.0, 0.0]])), frequent=1)
    assert made.similarity("cat", "unicorn") == pytest.approx(1)
    assert "unicorn" in made
    assert "rare" not in made
    assert "yeti" not in made


def slow_answers(space, questions, method):
    """One question at a time, over all words."""
    x = space.vectors.vectors[:len(space.words)].astype(np.float64)
    units = x / np.sqrt((x * x).sum(axis=1, keepdims=True))
    keys = [space.key(word) for word in space.words]
    for question in questions:
        a, b, c = (units[keys.index(space.key(word))] for word in question[:3])
        if method == "add":
            scores = units @ (b - a + c)
        else:
            near = [(1 + units @ v) / 2 for v in (a, b, c)]
            scores = near[1] * near[2] / (near[0] + 0.001)
        barred = {space.key(word) for word in question[:3]}
        scores[[key in barred for key in keys]] = -np.inf
        yield keys[int(scores.argmax())] == space.key(question[3])


@pytest.mark.parametrize("method", ["add", "multiply"])
@pytest.mark.parametrize("fold", [True, False])
@pytest.mark.parametrize("columns", [3, 4096])
def test_analogies_equal_the_slow_way(method, fold, columns, monkeypatch):
    monkeypatch.setattr(evaluation, "COLUMNS", columns)
    monkeypatch.setattr(evaluation, "QUESTIONS", 7)
    words = [word for k in range(12) for word in (f"word{k}", f"Word{k}")] + ["other"]
    space = space_of(words, size=3, fold=fold, frequent=23)
    rng = np.random.default_rng(1)
    sections = {name: [tuple(words[k] for k in rng.integers(len(words), size=4)) for _ in range(60)] for name in ("places", "gram1")}
    solved = solve_analogies(space, Analogies("a", sections), method)
    known = {space.key(word) for word in words[:23]}
    for section in solved.sections:
        asked = [q for q in sections[section.name] if all(space.key(word) in known for word in q)]
        assert (section.asked, section.of) == (len(asked), 60)
        assert section.correct == sum(slow_answers(space, asked, method))
    assert solved.total().correct == sum(section.correct for section in solved.sections) > 0
    assert solved.total("semantic")[1:] == solved.sections[0][1:]
    assert solved.total("syntactic")[1:] == solved.sections[1][1:]
    assert solved.unknown_words == len({space.key(w) for s in sections.values() for q in s for w in q} - known) or not fold


def test_questions_of_which_nothing_is_known():
    solved = solve_analogies(space_of(["x", "y"]), Analogies("a", {"s": [("a", "b", "c", "d")], "t": []}))
    assert [tuple(section) for section in solved.sections] == [("s", 0, 0, 1), ("t", 0, 0, 0)]
    assert np.isnan(solved.total().accuracy)
    with pytest.raises(ConfigError, match=r'"ad" is unknown.*choose one of add, multiply'):
        solve_analogies(space_of(["x"]), Analogies("a", {}), "ad")


def test_scores_are_those_of_gensim(tmp_path):
    models = pytest.importorskip("gensim.models")
    words = [word for k in range(40) for word in (f"Word{k}", f"word{k + 20}")]
    words = list(dict.fromkeys(words))
    space = space_of(words, size=4, frequent=50)
    rng = np.random.default_rng(3)
    names = [*words, "unknown", "unheard"]
    pairs = [(names[a].lower(), names[b], float(score)) for a, b, score in rng.integers(len(names), size=(200, 3))
             if names[a].lower() != names[b].lower()]         # of equal words only rounding decides the rank
    (tmp_path / "pairs.tsv").write_text("".join(f"{a}\t{b}\t{score}\n" for a, b, score in pairs))
    questions = [tuple(names[k].lower() for k in rng.choice(len(names), 4, replace=False)) for _ in range(400)]
    (tmp_path / "questions.txt").write_text("".join(f": {name}\n" + "".join(" ".join(q) + "\n" for q in part)
                                                    for name, part in (("places", questions[:200]), ("gram1-x", questions[200:]))))
    theirs = models.KeyedVectors(4)
    theirs.add_vectors(space.vectors.words, space.vectors.vectors)

    _, (rho, _), oov = theirs.evaluate_word_pairs(str(tmp_path / "pairs.tsv"), restrict_vocab=50)
    mine = measure_pairs(space, open_gold(tmp_path / "pairs.tsv"))
    assert mine.spearman == pytest.approx(rho, abs=1e-6)
    assert 100 * (1 - mine.pairs / mine.of) == pytest.approx(oov)

    score, sections = theirs.evaluate_word_analogies(str(tmp_path / "questions.txt"), restrict_vocab=50)
    solved = solve_analogies(space, open_gold(tmp_path / "questions.txt"))
    assert solved.total().accuracy == pytest.approx(score)
    assert [(s.correct, s.asked) for s in solved.sections] == [(len(s["correct"]), len(s["correct"]) + len(s["incorrect"]))
                                                               for s in sections[:-1]]


SIZES = {"ws353": 353, "ws353-sim": 203, "ws353-rel": 252, "simlex": 999, "ja-noun": 1103, "ja-verb": 1464, "ja-adj": 960, "ja-adv": 902}


def test_the_gold_sets_are_whole(data_dir):
    for name, size in SIZES.items():
        assert len(open_gold(name).pairs) == size, name
    assert open_gold("ja-adj").pairs[0] == ("あっけなく", "苦労なく", 6.2)
    analogies = open_gold("analogies")
    assert sum(map(len, analogies.sections.values())) == 19_544
    assert len(analogies.sections) == 14
    assert sum(len(part) for name, part in analogies.sections.items() if name.startswith("gram")) == 10_675
    assert set(SETS) == {*SIZES, "analogies"}


BAD = {
    "a.csv": ("word1,word2\na,b\n", "does not name the columns"),
    "b.csv": ("word1,word2,mean\na,b,much\n", 'line 2: "much" is no score'),
    "a.tsv": ("a\tb\t1\nc\td\n", "line 2: two words and a score were expected"),
    "b.tsv": ("a\tb\tc\n", 'line 1: "c" is no score'),
    "a.txt": (": s\na b c\n", "line 2: four words or a section"),
}


@pytest.mark.parametrize("name", BAD)
def test_a_bad_gold_file_is_named_with_its_line(name, tmp_path):
    content, message = BAD[name]
    (tmp_path / name).write_text(content)
    with pytest.raises(DataError, match=message):
        open_gold(tmp_path / name)


def test_files_of_ones_own_and_unknown_names(tmp_path):
    (tmp_path / "mine.txt").write_text("# two words and a score\ncat dog 7\n\nnew york\tbig apple\t9.5\n")
    assert open_gold(tmp_path / "mine.txt").pairs == [("cat", "dog", 7), ("new york", "big apple", 9.5)]
    with pytest.raises(DataError, match='did you mean "simlex"'):
        open_gold("simlx")


def test_the_thesaurus_is_measured_like_vectors(data_dir):
    try:
        space = open_space("wordnet")
    except DataError:
        pytest.skip("WordNet is not installed")
    result = measure_pairs(space, open_gold("ws353-sim"))
    assert result.spearman > 0.5
    assert result.pairs > 190
