"""Around the kernel of word2vec: which words are dropped, what noise is drawn, where rows begin, rates and the reported loss."""
import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from made_corpus import ListCorpus, zipf_lines

from tsuzuri.errors import ConfigError, DataError
from tsuzuri.kernels.word2vec import draw_examples, train_freely
from tsuzuri.vectors import word2vec
from tsuzuri.vectors.settings import choose
from tsuzuri.vectors.word2vec import ALL, Word2Vec, alias_table, aligned_zeros, fill, keep_chances, noise_of

many_weights = st.lists(st.floats(0, 1e9) | st.integers(0, 5), min_size=1, max_size=200).filter(lambda w: sum(w) > 1e-3)


class Corpus(ListCorpus):
    """With the members that a training needs."""

    def __len__(self):
        return self.words + len(self.lines)

    def blocks(self, size=1 << 20, start=0):
        stream = np.concatenate(list(super().blocks()))
        for at in range(start, len(stream), size):
            yield stream[at:at + size]


@pytest.fixture(scope="module")
def corpus():
    return Corpus(list(zipf_lines(1500, 40)))


def model_of(corpus, **flags):
    return Word2Vec(corpus.vocabulary, choose([("flag", flags)]))


# Words that are dropped.

def test_keep_chances_by_hand():
    """Of 1000 words, 500, 400, 90 and 10; sample 0.01: (sqrt(f / s) + 1) s / f."""
    chances = keep_chances(np.array([500, 400, 90, 10]), 0.01) / ALL
    np.testing.assert_allclose(chances, [(math.sqrt(50) + 1) / 50, (math.sqrt(40) + 1) / 40, (3 + 1) / 9, 1], atol=1e-9)


@given(st.lists(st.integers(1, 10**9), min_size=1, max_size=50), st.floats(1e-6, 1))
def test_a_word_is_kept_the_less_the_more_frequent_it_is(counts, sample):
    chances = keep_chances(np.array(sorted(counts)), sample).astype(np.int64)
    assert (np.diff(chances) <= 0).all()
    share = np.array(sorted(counts)) / sum(counts)
    np.testing.assert_array_equal(chances[share <= sample], ALL)


def test_sample_0_keeps_all():
    np.testing.assert_array_equal(keep_chances(np.array([10**9, 1, 0]), 0.0), np.full(3, ALL, np.uint32))


# Noise.

def implied(odds, alias):
    """The chance of each word: a place is taken with 1/V, gives its own word for odds + 1 of 2^32 draws, else its alias."""
    own = (odds.astype(float) + 1) / 2**32
    return (own + np.bincount(alias, 1 - own, len(odds))) / len(odds)


@given(many_weights)
def test_the_alias_table_has_the_distribution_of_the_weights(weights):
    odds, alias = alias_table(np.array(weights, float))
    assert odds.dtype == np.uint32
    assert alias.dtype == np.int32
    np.testing.assert_allclose(implied(odds, alias), np.array(weights, float) / np.sum(weights), rtol=0, atol=1e-9)


@pytest.mark.parametrize("power", [0.0, 0.75, 1.0])
def test_noise_has_the_power_of_the_counts(power):
    counts = np.array([1000, 300, 7, 1])
    noise = noise_of(counts, power, 4)
    np.testing.assert_allclose(implied(noise.odds, noise.alias), counts**power / (counts**power).sum(), rtol=0, atol=1e-9)
    assert noise.negative == 4


@pytest.mark.parametrize("power", [10.0, 1e9])
def test_noise_of_one_word_only_is_refused(power):
    """Where that word is the target, none could be drawn, or only after ages."""
    with pytest.raises(ConfigError, match="smaller power"):
        noise_of(np.array([1980, 20]), power, 5)


# Matrices.

@given(st.integers(1, 30), st.integers(1, 70))
def test_rows_begin_at_cache_lines_and_fill_whole_ones(rows, size):
    matrix = aligned_zeros(rows, size)
    assert matrix.dtype == np.float32
    assert matrix.shape == (rows, -(-size // 16) * 16)
    assert {row.ctypes.data % 64 for row in matrix} == {0}
    assert not matrix.any()


def test_vectors_start_within_1_over_size(corpus):
    matrix = aligned_zeros(20_000, 10)                       # more than a block of rows
    fill(matrix, 10, np.random.default_rng(0))
    assert not matrix[:, 10:].any()
    used = matrix[:, :10]
    assert 0.0999 < abs(used).max() <= 0.1
    assert used.std() == pytest.approx(0.1 / math.sqrt(3), rel=0.01)
    assert abs(used.mean()) < 1e-3
    assert len({row.tobytes() for row in used}) == len(used)
    model = model_of(corpus, size=10)
    assert abs(model.vectors).max() <= 0.1
    assert not model.contexts.any()


def test_vectors_start_from_the_seed(corpus):
    one, same, other = (model_of(corpus, size=10, seed=seed).vectors for seed in (1, 1, 2))
    assert one.tobytes() == same.tobytes() != other.tobytes()


@pytest.mark.parametrize("lines", [["a a a a"], ["a", "a"]])
def test_one_word_type_is_refused(lines):
    with pytest.raises(DataError, match='one word only, "a"'):
        model_of(Corpus(lines))


# The learning rate.

@pytest.fixture
def spied(monkeypatch):
    """The rates of all pieces, in their order; with pieces of 64 ids in blocks of 256."""
    rates = []

    def spy(vectors, contexts, text, noise, tree, grams, step, some, piece, losses, pairs, threads):
        assert (piece, len(some)) == (64, -(-len(text.ids) // 64))
        rates.extend(some.tolist())
        train_freely(vectors, contexts, text, noise, tree, grams, step, some, piece, losses, pairs, threads)

    monkeypatch.setattr(word2vec, "train_freely", spy)
    monkeypatch.setattr(word2vec, "PIECE", 64)
    monkeypatch.setattr(word2vec, "BLOCK", 256)
    return rates


@pytest.mark.parametrize(("flags", "alpha"), [({}, 0.025), ({"method": "cbow"}, 0.05), ({"alpha": 0.4}, 0.4)])
def test_the_rate_falls_in_a_straight_line_over_all_epochs(corpus, spied, flags, alpha):
    list(model_of(corpus, size=4, epochs=3, min_alpha=0.3 * alpha, **flags).train(corpus, 1))
    places = [e * len(corpus) + block + piece for e in range(3) for block in range(0, len(corpus), 256)
              for piece in range(0, min(256, len(corpus) - block), 64)]
    line = alpha * (1 - np.array(places) / (3 * len(corpus)))
    np.testing.assert_allclose(spied, np.maximum(line, 0.3 * alpha), rtol=1e-6)
    assert spied[0] == pytest.approx(alpha)
    assert spied[-1] == pytest.approx(0.3 * alpha)


# The loss that is reported, against a slow computation in float64.

def slow_losses(corpus, model, epochs):
    """The mean loss of a prediction in each pass, by the formulas in the kernel's docstring, an example at a time."""
    settings, ids = model.settings, next(corpus.blocks())
    x, y = model.vectors.astype(float), model.contexts.astype(float)
    keep = keep_chances(np.array(corpus.vocabulary.counts), settings.predicting.sample)
    cbow, means = settings.vectors.method == "cbow", []
    for epoch in range(epochs):
        key = np.random.default_rng([settings.vectors.seed, epoch]).integers(1 << 63, dtype=np.uint64)
        text, loss, pairs = word2vec.Text(ids, 0, key, keep, settings.vectors.window), 0.0, 0
        for first in range(0, len(ids), 2048):
            rate = settings.vectors.usual("alpha") * (1 - (epoch * len(ids) + first) / (epochs * len(ids)))
            for inputs, outputs, labels in draw_examples(text, first, first + 2048, model.noise, model.tree, model.grams,
                                                         word2vec.Step(cbow, False)):
                h = x[inputs].mean(0, keepdims=True) if cbow else x[inputs]
                z = h @ y[outputs].T
                t = np.array(labels)
                loss += np.where(t, np.log1p(np.exp(-z)), np.log1p(np.exp(z))).sum()
                pairs += len(h)
                g = rate * (t - 1 / (1 + np.exp(-z)))
                old = y[outputs]
                if cbow:
                    np.add.at(y, outputs, g.T @ h)
                    np.add.at(x, inputs, np.repeat(g @ old, len(inputs), 0))
                for row, errors in zip(inputs, g) if not cbow else ():               # a word that stands twice moves twice
                    np.add.at(y, outputs, np.outer(errors, x[row]))
                    x[row] += errors @ old
        means.append((loss / pairs, pairs))
    return means


@pytest.mark.parametrize("method", ["skipgram", "cbow"])
def test_the_reported_loss_is_the_mean_of_a_prediction(corpus, method):
    flags = {"method": method, "size": 12, "epochs": 3, "alpha": 0.1, "sample": 0.01, "window": 3, "min_alpha": 0.0}
    expected = slow_losses(corpus, model_of(corpus, **flags), 3)
    ends = [event for event in model_of(corpus, **flags).train(corpus, 1) if event.epoch_ends]
    assert [event.pairs for event in ends] == [pairs for _, pairs in expected]
    np.testing.assert_allclose([event.loss for event in ends], [loss for loss, _ in expected], rtol=1e-5)
    assert ends[0].loss > ends[2].loss + 0.05                 # it has learnt something, so the steps were compared too


def test_the_first_loss_of_a_prediction_is_six_ln_2(corpus):
    """Contexts are zeros at first: the first prediction is a guess for each of its six outputs."""
    event = next(iter(model_of(corpus, size=4, alpha=1e-9, min_alpha=0.0).train(corpus, 1)))
    assert event.loss == pytest.approx(6 * math.log(2), rel=1e-6)


def test_events_say_how_far_it_is(corpus, monkeypatch):
    monkeypatch.setattr(word2vec, "BLOCK", 500)
    events = list(model_of(corpus, size=4, epochs=2).train(corpus, 1))
    blocks = -(-len(corpus) // 500)
    assert [event.epoch for event in events] == [1] * blocks + [2] * blocks
    assert [event.epoch_ends for event in events] == ([False] * (blocks - 1) + [True]) * 2
    places = [min(500 * k, len(corpus)) for k in range(1, blocks + 1)]
    np.testing.assert_allclose([event.done for event in events], [(e + p / len(corpus)) / 2 for e in (0, 1) for p in places])
    assert (events[-1].done, events[-1].words) == (1.0, 2 * corpus.words)
