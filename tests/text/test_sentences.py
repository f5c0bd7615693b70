"""Labelled sentences on disk: what goes in comes out, batches hold each once, and damage is told."""
import numpy as np
import pytest

from tsuzuri.errors import ConfigError, DataError
from tsuzuri.text import train_tokenizer
from tsuzuri.text.sentences import (
    Labelled,
    SentenceBatches,
    count_labels,
    encode_sentences,
    label_ids,
    open_sentence_corpus,
)

WORDS = ["the", "cat", "saw", "a", "can", "and", "was", "there"]


def tagged(count, seed=0):
    """Sentences of 1 to 9 words, a label for each word."""
    rng = np.random.default_rng(seed)
    found = [list(rng.choice(WORDS, rng.integers(1, 10))) for _ in range(count)]
    return [Labelled(" ".join(words), tuple(word[0].upper() for word in words), f"x: line {k}") for k, words in enumerate(found)]


def encoded(tmp_path, sentences, each=True, longest=20, unit="word"):
    tokenizer, labels = train_tokenizer(unit, (s.text for s in sentences)), count_labels(sentences)
    return encode_sentences(sentences, tokenizer, labels, tmp_path / "corpus", longest, each), tokenizer, labels


def test_what_is_written_is_what_was_given(tmp_path):
    sentences = tagged(50)
    corpus, tokenizer, labels = encoded(tmp_path, sentences)
    assert len(corpus) == 50
    for k, sentence in enumerate(sentences):
        assert tokenizer.decode(corpus.source(k)) == sentence.text
        assert [labels.tokens[label] for label in corpus.target(k)] == [*sentence.labels]
    assert corpus.tokens == sum(len(s.labels) for s in sentences)


def test_one_label_for_a_sentence(tmp_path):
    sentences = [Labelled(s.text, (str(len(s.labels) % 3),), s.where) for s in tagged(20)]
    corpus, _, labels = encoded(tmp_path, sentences, each=False)
    assert [labels.tokens[corpus.target(k)[0]] for k in range(20)] == [s.labels[0] for s in sentences]
    assert labels.tokens == ["0", "1", "2"]
    assert sum(labels.counts) == 20


def test_long_ones_are_left_out_and_counted(tmp_path):
    sentences = tagged(60)
    corpus, *_ = encoded(tmp_path, sentences, longest=5)
    assert corpus.left_out == sum(len(s.labels) > 5 for s in sentences) > 0
    assert max(corpus.lengths) == 5
    with pytest.raises(DataError, match="have more than 5 tokens, so raise longest"):
        encoded(tmp_path, [s for s in sentences if len(s.labels) > 5], longest=5)


@pytest.mark.parametrize("shuffled", [True, False])
def test_a_pass_holds_every_sentence_once(tmp_path, shuffled):
    corpus, *_ = encoded(tmp_path, tagged(50))
    batches = SentenceBatches(corpus, 8, 3, shuffled=shuffled)
    assert sorted(np.concatenate([batches.rows(k) for k in range(len(batches))]).tolist()) == list(range(50))
    for k in range(len(batches)):
        source, lengths, targets = batches[k]
        for n, row in enumerate(batches.rows(k)):
            np.testing.assert_array_equal(source[n, :lengths[n]], corpus.source(row))
            np.testing.assert_array_equal(targets[n, :lengths[n]], corpus.target(row))
        padding = np.arange(source.shape[1]) >= lengths[:, None]
        assert (source[padding] == 0).all()
        assert (targets[padding] == -1).all()


def test_the_batches_of_a_pass_follow_from_the_seed(tmp_path):
    corpus, *_ = encoded(tmp_path, tagged(50))
    one, other = SentenceBatches(corpus, 8, 3), SentenceBatches(corpus, 8, 3).epoch(1)
    for k in range(len(one)):
        np.testing.assert_array_equal(one[k][0], other[k][0])
    orders = [np.concatenate([b.rows(k) for k in range(len(b))]).tolist() for b in (one, one.epoch(2), SentenceBatches(corpus, 8, 4))]
    assert orders[0] != orders[1] != orders[2] != orders[0]
    with pytest.raises(ConfigError, match="batch size 0"):
        SentenceBatches(corpus, 0, 1)


def test_sentences_of_like_length_are_together(tmp_path):
    corpus, *_ = encoded(tmp_path, tagged(400))
    batches = SentenceBatches(corpus, 8, 1)
    inside = [int(lengths.sum()) / source.size for source, lengths, _ in (batches[k] for k in range(len(batches)))]
    assert np.mean(inside) > 0.9


def test_what_does_not_fit_is_told(tmp_path):
    sentences = tagged(5)
    _, tokenizer, labels = encoded(tmp_path, sentences)
    with pytest.raises(DataError, match=r'y: line 7 has the label "TT" \(did you mean "T"\?\), which the training does not have; it has'):
        label_ids(Labelled("the", ("TT",), "y: line 7"), labels)
    with pytest.raises(DataError, match="y: line 9: 1 labels, but 2 tokens"):
        encode_sentences([Labelled("the cat", ("T",), "y: line 9")], tokenizer, labels, tmp_path / "other", 9, True)
    with pytest.raises(DataError, match="1 kinds of labels; give 2"):
        count_labels([Labelled("the", ("T",))])


@pytest.mark.parametrize("name", ["ids.bin", "bounds.bin", "labels.bin"])
def test_files_that_do_not_belong_together_are_refused(tmp_path, name):
    encoded(tmp_path, tagged(9))
    path = tmp_path / "corpus" / name
    path.write_bytes(path.read_bytes()[:-1])
    with pytest.raises(DataError, match=f"{name}: .* bytes, but sentences.toml says"):
        open_sentence_corpus(tmp_path / "corpus")
    path.unlink()
    with pytest.raises(DataError, match=rf"no sentences here \({name} is missing\)"):
        open_sentence_corpus(tmp_path / "corpus")
