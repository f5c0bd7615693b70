"""Explaining a similarity: shares that sum to the cosine of PPMI rows, and sentences that show what they say."""
import json
import math

import numpy as np
import pytest
from made_corpus import ListCorpus, zipf_lines

from tsuzuri.cli import main
from tsuzuri.errors import ConfigError, DataError
from tsuzuri.vectors.association import ppmi
from tsuzuri.vectors.cooccurrence import count_cooccurrences
from tsuzuri.vectors.explain import AROUND, explain, find_sentences
from tsuzuri.vectors.word_vectors import WordVectors

LINES = ["the car stops at the red light", "a truck stops at a light", "the car drives", "truck drives home", "home is far"]


def reading(lines):
    return lambda: (line.split() for line in lines)


def known(lines):
    return {word for line in lines for word in line.split()}


@pytest.mark.parametrize("window", [1, 2, 5, 30])
@pytest.mark.parametrize("lines", [LINES, list(zipf_lines(4000, 60))], ids=["by hand", "made up"])
def test_the_shares_sum_to_the_cosine_of_the_rows_of_ppmi(lines, window):
    corpus = ListCorpus(lines)
    matrix, ids = ppmi(count_cooccurrences(corpus, window)).toarray(), corpus.vocabulary.ids
    pair = ("car", "truck") if "car" in ids else ("w1", "w7")
    found = explain(reading(lines), known(lines), pair, window)
    a, b = (matrix[ids[word]] for word in pair)
    lengths = np.linalg.norm(a) * np.linalg.norm(b)
    assert found.cosine == pytest.approx(a @ b / lengths, rel=1e-12)
    assert math.fsum(context.share for context in found.contexts) == pytest.approx(found.cosine, rel=1e-12)
    assert {context.word: context.ppmi for context in found.contexts} == {
        word: pytest.approx((a[k], b[k]), abs=1e-12) for word, k in ids.items() if a[k] > 1e-14 and b[k] > 1e-14}
    assert found.occurrences == tuple(corpus.vocabulary.counts[ids[word]] for word in pair)
    shares = [context.share for context in found.contexts]
    assert shares == sorted(shares, reverse=True)


def test_counts_by_hand():
    """stops, drives and the rest within one word of each."""
    found = explain(reading(LINES), known(LINES), ("car", "truck"), 1)
    assert {c.word: c.counts for c in found.contexts} == {"stops": (1, 1), "drives": (1, 1)}


def test_words_that_the_vectors_lack_take_no_place_in_the_window():
    lines = ["car very fast", "truck most fast"]
    assert not explain(reading(lines), known(lines), ("car", "truck"), 1).contexts
    found = explain(reading(lines), {"car", "truck", "fast"}, ("car", "truck"), 1)
    assert [c.word for c in found.contexts] == ["fast"]


def test_sentences_show_the_word_and_its_context():
    lines, pair = list(zipf_lines(4000, 60)), ("w1", "w7")
    contexts = [c.word for c in explain(reading(lines), known(lines), pair, 3).contexts[:5]]
    found = find_sentences(reading(lines), known(lines), pair, contexts, 3, 2)
    assert found.keys() == {(word, context) for word in pair for context in contexts}
    for (word, context), sentences in found.items():
        assert 1 <= len(sentences) <= 2
        for sentence in sentences:
            one, other = sentence.marked
            assert (sentence.words[one], sentence.words[other]) == (word, context)
            assert 1 <= abs(one - other) <= 3
            text = [w for w in sentence.words if w != "…"]
            assert any(" ".join(text) in line for line in lines)


def test_a_long_line_is_cut_around_its_words():
    line = " ".join(["far"] * 50 + ["car", "x", "stops"] + ["away"] * 50)
    found = find_sentences(reading([line]), {"car", "stops"}, ("car", "truck"), ["stops"], 1)
    sentence, = found["car", "stops"]
    assert sentence.words == ["…", *["far"] * AROUND, "car", "x", "stops", *["away"] * AROUND, "…"]
    assert sentence.marked == (1 + AROUND, 3 + AROUND)


def test_no_more_is_read_than_needed():
    def read():
        yield ["car", "stops"]
        yield ["truck", "stops"]
        raise AssertionError("read on")

    found = find_sentences(read, {"car", "truck", "stops"}, ("car", "truck"), ["stops"])
    assert all(len(sentences) == 1 for sentences in found.values())
    assert find_sentences(read, {"car"}, ("car", "truck"), ["stops"], most=0) == {("car", "stops"): [], ("truck", "stops"): []}


def test_what_cannot_be_explained():
    with pytest.raises(DataError, match='"bike" has no neighbours'):
        explain(reading(LINES), {*known(LINES), "bike"}, ("car", "bike"))
    with pytest.raises(ConfigError, match="given twice"):
        explain(reading(LINES), known(LINES), ("car", "car"))
    with pytest.raises(ConfigError, match="window 0"):
        explain(reading(LINES), known(LINES), ("car", "truck"), 0)


@pytest.fixture
def files(tmp_path):
    words = sorted(known(LINES))
    WordVectors(words, np.random.default_rng(0).standard_normal((len(words), 3))).save(tmp_path / "vectors.txt")
    (tmp_path / "text.txt").write_text("\n".join(LINES).replace("car", "Car") + "\n")
    return tmp_path / "vectors.txt", tmp_path / "text.txt"


def call(capsys, *arguments):
    with pytest.raises(SystemExit) as left:
        main(["vectors", "explain", *map(str, arguments)])
    return left.value.code, *capsys.readouterr()


def test_the_command_shows_table_and_sentences(files, capsys):
    code, out, _ = call(capsys, *files, "car", "truck", "--window", "1", "--lowercase")
    found = explain(reading(LINES), known(LINES), ("car", "truck"), 1)
    assert code == 0
    assert f"of the PPMI rows {found.cosine:.3f}" in out
    assert "the *car* *stops* at the red light" in out
    assert "a *truck* *stops* at a light" in out
    assert out.count("█") >= 2
    assert f"shown: {found.cosine:.3f} of {found.cosine:.3f}" in out


def test_the_command_gives_json(files, capsys):
    _, out, _ = call(capsys, *files, "car", "truck", "--window", "1", "--lowercase", "--json", "--topn", "1")
    record, vectors = json.loads(out), WordVectors.load(files[0])
    assert record["cosine"] == vectors.similarity("car", "truck")
    assert (record["shared"], len(record["contexts"])) == (2, 1)
    context, = record["contexts"]
    sentence, = context["sentences"]["truck"]
    assert {"truck", context["word"]} == {sentence["words"][k] for k in sentence["marked"]}


@pytest.mark.parametrize(("arguments", "message"), [
    (["car", "truck"], "--lowercase"),                       # the text has Car
    (["cra", "truck"], 'did you mean "car"'),
    (["car", "truck", "--topn", "0"], "topn 0"),
    (["car", "truck", "--punctuation", "dorp"], 'did you mean "drop"'),
])
def test_the_command_says_what_is_wrong(files, capsys, arguments, message):
    code, out, err = call(capsys, *files, *arguments)
    assert (code, out) == (2, "")
    assert message in err
    assert err.count("\n") == 1
