"""What DATA means where labelled sentences are learnt from: files by line, trees by node, sets by split."""
from collections import Counter, defaultdict

import pytest

from tsuzuri.datasets import DATASETS
from tsuzuri.datasets.labelled import open_sentences
from tsuzuri.errors import ConfigError, DataError

TREES = "(3 (2 It) (4 (2 's) (4 good)))\n(2 (2 So) (2 what))\n(0 (1 Too) (0 (2 It) (1 slow)))\n"


def write(path, text):
    path.write_text(text, encoding="utf-8")
    return path


def test_a_label_and_a_text(tmp_path):
    path = write(tmp_path / "a.tsv", "good\tI like it .\nbad\t  It is  dull\n")
    assert [(s.text, s.labels, s.where) for s in open_sentences(path, "classifier").sentences()] == [
        ("I like it .", ("good",), f"{path}: line 1"), ("It is  dull", ("bad",), f"{path}: line 2")]


def test_a_word_and_its_label(tmp_path):
    path = write(tmp_path / "a.conll", "\nthe\tDET\ncan\tNOUN\n\n\n(\tPUNCT\nwe\tPRON")
    assert [(s.text, s.labels, s.where) for s in open_sentences(path, "tagger").sentences()] == [
        ("the can", ("DET", "NOUN"), f"{path}: line 2"), ("( we", ("PUNCT", "PRON"), f"{path}: line 6")]


@pytest.mark.parametrize(("arch", "text", "words"), [
    ("classifier", "good\tyes\nnothing\n", "line 2 has no tab; a line is a label, a tab and a text"),
    ("classifier", "good\tyes\n\tno\n", "line 2 has no label"), ("classifier", "good\tyes\nbad\t \n", "line 2 has no text"),
    ("classifier", "good\tyes\nbad\tno\tno\n", "line 2 has 2 tabs"),
    ("classifier", "(3 (2 It) (4 works))\n(3 (2 It)\n", "line 2 is not closed"), ("classifier", "(3 (5 It) (4 works))\n", "line 1 has the label 5; labels of trees go from 0 to 4"),
    ("classifier", "((2 It) (4 works))\n", "line 1 has no label at its root"),
    ("tagger", "the\tDET\ncan\n", "line 2 has no tab;"), ("tagger", "the\tDET\ncan\tNN\tB\n", "line 2 has 2 tabs"),
    ("tagger", "the\tDET\n\tNN\n", "line 2 has no word"), ("tagger", "the\tDET\ncan\t\n", "line 2 has no label"),
    ("tagger", "New York\tPLACE\n", 'line 1: "New York" has white space in it'), ("tagger", "", "there is no text in it"),
])
def test_what_is_no_labelled_sentence_is_told_with_its_line(tmp_path, arch, text, words):
    path = write(tmp_path / "a.txt", text)
    with pytest.raises(DataError) as caught:
        list(open_sentences(path, arch).sentences())
    assert words in str(caught.value)
    assert str(path) in str(caught.value)
    assert "\n" not in str(caught.value)


def test_of_files_every_twentieth_is_held_out(tmp_path):
    path = write(tmp_path / "a.tsv", "".join(f"{'ab'[k % 2]}\ttext {k}\n" for k in range(60)))
    source = open_sentences(path, "classifier")
    train, valid, whole = ([s.text for s in source.sentences(split)] for split in ("train", "valid", None))
    assert valid == ["text 1", "text 21", "text 41"]
    assert {*train} | {*valid} == {*whole}
    assert not {*train} & {*valid}
    with pytest.raises(DataError, match="one sentence is too little"):
        list(open_sentences(write(tmp_path / "b.tsv", "a\tb\n"), "classifier").sentences("valid"))
    with pytest.raises(DataError, match='has no split "test"'):
        source.sentences("test")


def test_trees_give_sentences_phrases_and_two_labels(tmp_path):
    path = write(tmp_path / "trees.txt", TREES)

    def read(**options):
        return [(s.text, s.labels[0]) for s in open_sentences(path, "classifier", **options).sentences()]

    assert read() == [("It 's good", "positive"), ("So what", "neutral"), ("Too It slow", "very negative")]
    assert read(binary=True) == [("It 's good", "positive"), ("Too It slow", "negative")]
    phrases = read(phrases=True)
    assert ("'s good", "very positive") in phrases
    assert Counter(phrases)["It", "neutral"] == 1                    # once, though it stands twice
    assert len(phrases) == 12
    assert {*read(phrases=True, binary=True)} == {(text, "positive" if "positive" in label else "negative") for text, label in phrases if label != "neutral"}


def test_what_is_asked_of_the_wrong_kind_is_refused(tmp_path):
    path = write(tmp_path / "a.tsv", "a\tb\nb\tc\n")
    for option in ("phrases", "binary"):
        with pytest.raises(ConfigError, match=f"{option} is for trees"):
            open_sentences(path, "classifier", **{option: True})
    with pytest.raises(DataError, match="negation has no labels that a tagger learns; sets for it are homographs, tanaka-pos"):
        open_sentences("negation", "tagger")
    with pytest.raises(DataError, match="ptb has no labels that a classifier learns"):
        open_sentences("ptb", "classifier")
    with pytest.raises(DataError, match="not from standard input"):
        open_sentences("-", "classifier")
    with pytest.raises(DataError, match="is not a file"):
        open_sentences(tmp_path, "tagger")


def test_text_commands_say_where_labels_are_learnt():
    from tsuzuri.datasets import open_source
    with pytest.raises(DataError, match="homographs is labelled sentences, not text; `tsuzuri tag train homographs --arch tagger` learns from them"):
        open_source("homographs")


@pytest.mark.parametrize(("name", "arch"), [("negation", "classifier"), ("homographs", "tagger")])
def test_generated_sets_are_the_same_every_time_and_held_out_ones_are_new(name, arch):
    source = open_sentences(name, arch)
    train, valid = [*source.sentences("train")], [*source.sentences("valid")]
    assert (len(train), len(valid)) == (5400, 600)
    assert not {s.text for s in train} & {s.text for s in valid}
    assert train[0].text == {"negation": "the cast is never bad and the plot is never quite slow .", "homographs": "the watch must watch a town duck ."}[name]
    assert DATASETS[name].splits == ("train", "valid")


def test_no_word_says_anything_of_negation():
    """Where a word is in sentences of both labels nearly as often; "but" as little as "good"."""
    counts = defaultdict(Counter)
    for sentence in open_sentences("negation", "classifier").sentences():
        for word in {*sentence.text.split()}:
            counts[word][sentence.labels[0]] += 1
    shares = {word: found["positive"] / found.total() for word, found in counts.items()}
    assert all(0.42 < share < 0.58 for share in shares.values()), shares


def test_homographs_have_several_labels():
    counts = defaultdict(Counter)
    for sentence in open_sentences("homographs", "tagger").sentences():
        for word, label in zip(sentence.text.split(), sentence.labels, strict=True):
            counts[word][label] += 1
    assert len(counts["can"]) == 3
    assert sum(len(found) > 1 for found in counts.values()) >= 8
    best = sum(max(found.values()) for found in counts.values()) / sum(found.total() for found in counts.values())
    assert 0.7 < best < 0.85


def test_tanaka_pos_is_what_sudachi_says(data_dir):
    pytest.importorskip("sudachipy")
    found = list(open_sentences("tanaka-pos", "tagger").sentences("test"))
    assert len(found) == 500
    labels = {label for sentence in found for label in sentence.labels}
    assert {"名詞-普通名詞", "助詞-格助詞", "助動詞"} <= labels
    assert all(len(sentence.text.split(" ")) == len(sentence.labels) for sentence in found)


def test_sst_has_the_published_numbers(data_dir):
    def count(split, **options):
        return sum(1 for _ in open_sentences("sst", "classifier", **options).sentences(split))
    assert [count(split) for split in ("train", "valid", "test")] == [8544, 1101, 2210]
    assert [count(split, binary=True) for split in ("train", "valid", "test")] == [6920, 872, 1821]
