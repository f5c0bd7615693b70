"""Comparing spaces: laws, a thesaurus beside vectors, and the commands that print it all."""
import json

import numpy as np
import pytest

from tsuzuri.errors import DataError
from tsuzuri.vectors.compare import agreements, common_words, show_words
from tsuzuri.vectors.spaces import ThesaurusSpace, VectorSpace
from tsuzuri.vectors.word_vectors import WordVectors

WORDS = [f"word{k}" for k in range(300)]


def space(name="a", seed=0, words=WORDS):
    return VectorSpace(name, WordVectors(words, np.random.default_rng(seed).normal(size=(len(words), 10))))


class Synonyms:
    """A thesaurus of neighbours in a row of words."""

    def synsets(self, word):
        return [word] if word in WORDS[:200] else []

    def synonyms(self, word):
        if word not in WORDS[:200]:
            raise DataError("unknown")
        k = WORDS.index(word)
        return [other.capitalize() for other in WORDS[k + 1:k + 4]]

    def word_similarity(self, a, b, measure):
        if not self.synsets(a) or not self.synsets(b):
            return None
        return 1 / (1 + abs(WORDS.index(a.lower()) - WORDS.index(b.lower())))


def test_a_space_agrees_with_itself_whatever_the_scale_and_turn():
    turn, _ = np.linalg.qr(np.random.default_rng(2).normal(size=(10, 10)))
    first = space()
    turned = VectorSpace("b", WordVectors(WORDS, 3 * first.vectors.vectors @ turn))
    (same,) = agreements([first, turned])
    assert same.overlap == 1
    assert same.correlation == pytest.approx(1)
    assert (same.words, same.a, same.b) == (300, "a", "b")
    assert same.pairs > 1900


def test_random_spaces_agree_by_chance_only():
    other = space("b", 1, WORDS[::-1])
    (chance,) = agreements([space(), other])
    assert chance.overlap == pytest.approx(10 / 299, abs=0.02)
    assert abs(chance.correlation) < 0.08


def test_a_thesaurus_stands_beside_vectors():
    line = np.stack([np.cos(np.arange(300) / 200), np.sin(np.arange(300) / 200)], axis=1)
    row = VectorSpace("row", WordVectors(WORDS, line))
    thesaurus = ThesaurusSpace("thesaurus", Synonyms())
    assert common_words([thesaurus, row]) == WORDS[:200]
    (agreed,) = agreements([row, thesaurus])
    assert agreed.overlap > 0.99                             # three synonyms among the ten nearest
    assert agreed.correlation > 0.99
    assert thesaurus.neighbours("word250", 3) == []


def test_case_and_order_of_words_do_not_count():
    upper = VectorSpace("b", WordVectors([word.upper() for word in WORDS[::-1]], space().vectors.vectors[::-1]))
    (same,) = agreements([space(), upper])
    assert (same.overlap, same.words) == (1, 300)


def test_what_cannot_be_compared_is_refused():
    with pytest.raises(DataError, match="share 0 words"):
        common_words([space(), space("b", 0, ["x", "y"])])
    with pytest.raises(DataError, match="none of the spaces has vectors"):
        common_words([ThesaurusSpace("a", Synonyms())])


def test_the_words_to_show_are_frequent_and_long():
    assert show_words([space(words=["a", "the", "kitten", "3rd", "house", "猫"])]) == ["kitten", "house"]
    assert show_words([space(words=["a", "猫"])]) == ["a", "猫"]


@pytest.fixture
def run(tmp_path, monkeypatch, capsys):
    """The command line on two small files, ``a.txt`` and ``b.bin``, and a gold set of pairs and one of analogies."""
    from tsuzuri.cli import main
    monkeypatch.chdir(tmp_path)
    space().vectors.save("a.txt")
    space("b", 1).vectors.save("b.bin")
    (tmp_path / "pairs.tsv").write_text("".join(f"word{k}\tword{k + 1}\t{k}\n" for k in range(20)) + "word1\tnobody\t3\n")
    (tmp_path / "questions.txt").write_text(": family\nword1 word2 word3 word4\n: gram1\nword5 word6 word7 nobody\n")

    def run(*arguments):
        with pytest.raises(SystemExit) as left:
            main(["vectors", *map(str, arguments)])
        done = capsys.readouterr()
        return left.value.code or 0, done.out, done.err
    return run


def test_asking_on_the_command_line(run):
    vectors = WordVectors.load("a.txt")
    code, out, _ = run("nearest", "a.txt", "word1", "word2", "--minus", "word3", "--topn", 3, "--json")
    assert code == 0
    expected = vectors.most_similar(["word1", "word2"], ["word3"], 3)
    assert [(n["word"], n["cosine"]) for n in json.loads(out)["nearest"]] == expected
    _, out, _ = run("nearest", "a.txt", "word1")
    assert all(f"{word} " in out and f"{score:.4f}" in out for word, score in vectors.most_similar("word1"))
    assert "█" in out
    for method in ("add", "multiply", "dot"):
        _, out, _ = run("analogy", "a.txt", "word1", "word2", "word3", "--method", method, "--json")
        assert [a["word"] for a in json.loads(out)["answers"]] == [w for w, _ in vectors.analogy("word1", "word2", "word3", 5, method)]
    _, out, _ = run("similarity", "a.txt", "word1", "word2", "--json")
    assert json.loads(out)["rank"] == vectors.rank("word1", "word2")
    _, out, _ = run("doesnt-match", "a.txt", "word1", "word2", "word3")
    assert out == vectors.doesnt_match(["word1", "word2", "word3"]) + "\n"


def test_converting_on_the_command_line(run):
    assert run("convert", "a.txt", "c.safetensors", "--words", 100, "--dtype", "float16")[:2] == (0, "c.safetensors\n")
    converted = WordVectors.load("c.safetensors")
    assert (len(converted), converted.vectors.dtype) == (100, np.float16)
    code, out, err = run("convert", "a.txt", "c.pkl")
    assert (code, out) == (2, "")
    assert "never written" in err
    code, _, err = run("convert", "b.bin", "d.txt", "--from", ".glove")
    assert code == 2
    assert err.startswith("tsuzuri: b.bin: ")


def test_measuring_on_the_command_line(run):
    code, out, _ = run("evaluate", "a.txt", "--sets", "pairs.tsv", "questions.txt", "--json")
    assert code == 0
    result = json.loads(out)
    assert (result["similarity"][0]["pairs"], result["similarity"][0]["of"], result["similarity"][0]["unknown_words"]) == (20, 21, 1)
    assert (result["analogies"][0]["total"]["asked"], result["analogies"][0]["total"]["of"]) == (1, 2)
    assert result["analogies"][0]["syntactic"]["accuracy"] is None
    _, out, _ = run("evaluate", "a.txt", "--sets", "pairs.tsv", "questions.txt")
    assert "20 of 21" in out
    assert "1 of 2" in out
    code, out, err = run("evaluate", "a.txt", "--sets", "nothing")
    assert (code, out) == (2, "")
    assert "gold sets are ws353" in err


def test_comparing_on_the_command_line(run):
    code, out, _ = run("compare", "a.txt", "b.bin", "--words", "word1", "word2", "--sets", "pairs.tsv", "--topn", 3, "--json")
    assert code == 0
    result = json.loads(out)
    assert [word for word, _ in result["neighbours"]["word1"]["b.bin"]] == [w for w, _ in WordVectors.load("b.bin").most_similar("word1", topn=3)]
    assert result["agreement"][0]["words"] == 300
    assert [score["similarity"][0]["pairs"] for score in result["scores"]] == [20, 20]
    _, out, _ = run("compare", "a.txt", "b.bin", "--sets", "pairs.tsv", "questions.txt")
    assert "agreement" in out
    assert "scores" in out
    assert "20 of 21" in out
    assert run("compare", "a.txt")[0] == 2


def test_the_default_sets_are_those_that_share_words(run, data_dir):
    code, out, _ = run("evaluate", "a.txt", "--json")
    assert (code, json.loads(out)) == (0, {"file": "a.txt", "similarity": [], "analogies": []})


@pytest.mark.parametrize("command", ["nearest", "analogy", "similarity", "doesnt-match", "evaluate", "compare", "convert"])
def test_every_command_has_help_with_an_example(run, command):
    from tsuzuri.cli.vectors import ask, convert, measure
    function = next(getattr(module, command.replace("-", "_")) for module in (ask, measure, convert) if hasattr(module, command.replace("-", "_")))
    assert f"tsuzuri vectors {command} " in function.__doc__
    assert command in run(command, "--help")[1]
