"""Kneser-Ney n-grams: a text worked by hand, a slow reference with dictionaries, and the laws of a probability."""
from collections import Counter, defaultdict
from fractions import Fraction
from itertools import product

import numpy as np
import pytest

from tsuzuri.decode import Sampler, generate
from tsuzuri.errors import ConfigError, RunError
from tsuzuri.kernels.ngram import SMOOTHINGS, count_ngrams, one_discount, three_discounts
from tsuzuri.models.language_model import make_language_model
from tsuzuri.models.ngram import NgramConfig, NgramLanguageModel
from tsuzuri.text import WordTokenizer, encode_corpus
from tsuzuri.train.checkpoint import load_arrays, save_arrays

smoothings = pytest.mark.parametrize("smoothing", SMOOTHINGS)
orders = pytest.mark.parametrize("order", [1, 2, 3, 5])
V = 12


def text(length=2000, seed=0):
    """Words 0 to 9 (10 and 11 never), the small ones more often, and phrases that come again."""
    rng = np.random.default_rng(seed)
    phrases = [np.minimum(rng.geometric(0.25, size=rng.integers(2, 7)) - 1, 9) for _ in range(40)]
    return np.concatenate([phrases[k] for k in rng.integers(40, size=length)])[:length]


def counted(ids, vocabulary=V, **config):
    m = make_language_model(NgramConfig(**config), vocabulary, rng=np.random.default_rng(0))
    m.count(np.asarray(ids, np.int64))
    return m


def after(m, *words):
    """p of every word after ``words``, by the model."""
    state = m.start(1)
    if not words:
        return np.exp(m._log_distributions(state.numbers.T)[0])
    return np.exp(m.feed(np.array([words]), state)[0][0])


# A text worked by hand.  a b a b a c, and d that the vocabulary has and the text has not

A, B, C, D = range(4)
HAND = [A, B, A, B, A, C]


def test_continuation_counts_by_hand():
    (keys1, counts1), (keys2, counts2) = count_ngrams(np.array(HAND), 2, 4)
    assert dict(zip(keys1, counts1, strict=True)) == {A: 2, B: 1, C: 1}          # a stands after b and after the beginning
    assert [(keys1[key // 4], key % 4) for key in keys2] == [(A, B), (A, C), (B, A)]
    assert counts2.tolist() == [2, 1, 2]


def test_probabilities_by_hand():
    """Order 1: D = 2/(2 + 2 1) = 1/2, S = 4, b = 3/8.  Order 2: D = 1/(1 + 2 2) = 1/5; after a: S = 3, b = 2/15."""
    m = counted(HAND, 4, order=2, smoothing="kneser-ney")
    single = [Fraction(15, 32), Fraction(7, 32), Fraction(7, 32), Fraction(3, 32)]
    np.testing.assert_allclose(after(m), [float(p) for p in single], rtol=1e-14)
    kept = [Fraction(0), Fraction(9, 15), Fraction(4, 15), Fraction(0)]
    np.testing.assert_allclose(after(m, A), [float(k + Fraction(2, 15) * p) for k, p in zip(kept, single, strict=True)], rtol=1e-14)
    np.testing.assert_allclose(after(m, C), [float(p) for p in single], rtol=1e-14)            # nothing ever followed c
    np.testing.assert_allclose(after(m, D), [float(p) for p in single], rtol=1e-14)            # d was never seen
    losses, _ = m.losses(np.array([[A, B]]), np.array([[B, D]]))
    np.testing.assert_allclose(np.exp(-losses), [[151 / 240, 1 / 10 * 3 / 32]], rtol=1e-14)    # after b: b = (1/5)/2


def test_discounts_by_hand():
    counts = np.repeat([1, 2, 3, 4, 9], [10, 5, 3, 2, 7])
    assert one_discount(counts).tolist() == [0.5]
    np.testing.assert_allclose(three_discounts(counts), [0.5, 1.1, 5 / 3], rtol=1e-14)
    assert one_discount(np.array([1, 1, 7])).tolist() == [0.5]                  # no count of 2
    assert three_discounts(np.repeat([1, 2, 3], 3)).tolist() == [0.5, 1, 1.5]   # no count of 4
    assert three_discounts(np.repeat([1, 2, 3, 4], [10, 5, 3, 90])).tolist() == [0.5, 1, 1.5]  # D3 would be below 0


def test_francisco_is_frequent_but_stands_after_san_only():
    """8 x "san francisco", 3 words after three others: in an unseen context the rarer word is the likelier."""
    lines = "san francisco ; " * 8 + "red house ; old house ; my house ; red car ;"
    words = lines.split()
    ids = {word: k for k, word in enumerate(dict.fromkeys([*words, "green"]))}
    m = counted([ids[word] for word in words], len(ids), order=2, smoothing="kneser-ney")
    p = after(m, ids["green"])
    assert p[ids["house"]] > p[ids["francisco"]]
    assert after(m, ids["san"])[ids["francisco"]] > 0.8


# The reference: dictionaries of tuples, one word at a time

def grams(ids, n):
    return [tuple(ids[k:k + n]) for k in range(len(ids) - n + 1)]


def slow_model(ids, order, smoothing, vocabulary):
    """p(word, history) by the definition."""
    counts = {order: Counter(grams(ids, order))}
    for n in range(1, order):
        before = defaultdict(set)
        for gram in grams(["start", *ids], n + 1):
            before[gram[1:]].add(gram[0])
        counts[n] = Counter({gram: len(words) for gram, words in before.items()})

    def discount(n, count):
        nk = Counter(counts[n].values())
        if smoothing == "kneser-ney":
            return nk[1] / (nk[1] + 2 * nk[2]) if nk[1] and nk[2] else 0.5
        three = [1 / 2, 1, 3 / 2]
        if all(nk[k] for k in (1, 2, 3, 4)):
            found = [k - (k + 1) * nk[1] / (nk[1] + 2 * nk[2]) * nk[k + 1] / nk[k] for k in (1, 2, 3)]
            three = found if all(0 < d <= k for k, d in enumerate(found, 1)) else three
        return three[min(count, 3) - 1]

    def p(word, history):
        history = history[max(len(history) - order + 1, 0):]
        n = len(history) + 1
        shorter = p(word, history[1:]) if history else 1 / vocabulary
        following = {gram: count for gram, count in counts[n].items() if gram[:-1] == history}
        if not following:
            return shorter
        total, count = sum(following.values()), following.get((*history, word), 0)
        left = sum(discount(n, c) for c in following.values()) / total
        return (count - discount(n, count) if count else 0) / total + left * shorter

    return p


@smoothings
@orders
def test_it_equals_the_definition(order, smoothing):
    ids, other = text(400), text(60, seed=5)
    other[[10, 11, 30]] = 10, 11, 11                         # words that were not counted
    m, p = counted(ids, order=order, smoothing=smoothing), slow_model(ids.tolist(), order, smoothing, V)
    whole = other.tolist()
    wanted = [p(whole[k], tuple(whole[:k])) for k in range(1, len(whole))]
    losses, _ = m.losses(other[None, :-1], other[None, 1:])
    np.testing.assert_allclose(np.exp(-losses[0]), wanted, rtol=1e-10)
    np.testing.assert_allclose(after(m), [p(w, ()) for w in range(V)], rtol=1e-10)


# Laws

@smoothings
@orders
def test_probabilities_are_positive_and_sum_to_one_after_anything(order, smoothing):
    m = counted(text(), order=order, smoothing=smoothing)
    ids = np.array([*product(range(V), repeat=2)])
    p = np.exp(np.concatenate([m.log_probabilities(ids)[0], m.log_probabilities(text(288, seed=3).reshape(144, 2))[0]]))
    assert p.min() > 0
    np.testing.assert_allclose(p.sum(-1), 1, rtol=0, atol=1e-12)


@orders
def test_losses_are_those_of_the_distribution_and_of_single_steps(order):
    m, ids = counted(text(), order=order), text(60, seed=1).reshape(3, 20)
    ids, targets = ids[:, :-1], ids[:, 1:]
    log_p, last = m.log_probabilities(ids)
    losses, end = m.losses(ids, targets)
    np.testing.assert_allclose(losses, -np.take_along_axis(log_p, targets[:, :, None], 2)[:, :, 0], rtol=1e-12)
    np.testing.assert_array_equal(last.numbers, end.numbers)
    state = m.start(3)
    for t in range(ids.shape[1]):
        logits, state = m.step(ids[:, t], state)
        np.testing.assert_array_equal(logits, log_p[:, t])
    np.testing.assert_array_equal(m.feed(ids, m.start(3))[0], log_p[:, -1])
    np.testing.assert_array_equal(state.numbers, end.numbers)


@pytest.mark.parametrize("width", [1, 2, 3, 7, 300])
def test_any_cut_of_the_stream_gives_the_same(width):
    m, stream = counted(text()), text(301, seed=2)[None]
    whole, _ = m.losses(stream[:, :-1], stream[:, 1:])
    state, parts = None, []
    for start in range(0, 300, width):
        part, state = m.losses(stream[:, start:start + width][:, :300 - start], stream[:, start + 1:start + 1 + width], state)
        parts.append(part)
    np.testing.assert_array_equal(np.concatenate(parts, axis=1), whole)


def test_rows_of_a_state_can_be_taken():
    m, ids = counted(text()), text(12, seed=1).reshape(3, 4)
    _, state = m.feed(ids, m.start(3))
    rows = np.array([2, 0, 0])
    wanted, _ = m.feed(ids[rows], m.start(3))
    nothing_read, _ = m.step(ids[rows, -1], m.feed(ids[:, :-1], m.start(3))[1].take(rows).detach())
    np.testing.assert_array_equal(nothing_read, wanted)
    np.testing.assert_array_equal(state.take(rows).numbers, m.feed(ids[rows], m.start(3))[1].numbers)


def test_the_loss_is_the_mean_over_the_targets_that_count():
    m, ids = counted(text()), text(40, seed=4).reshape(2, 20)
    targets = np.roll(ids, -1, axis=1)
    losses, _ = m.losses(ids, targets)
    targets[1, 5:] = -1
    loss, _ = m.loss(ids, targets)
    assert loss.item() == pytest.approx((losses[0].sum() + losses[1, :5].sum()) / 25, rel=1e-14)
    assert not loss.requires_grad
    assert (m.losses(ids, targets)[0][1, 5:] == 0).all()
    again, penalty, _ = m.training_loss(ids, targets, None, np.random.default_rng(0))
    assert (again.item(), penalty) == (loss.item(), None)


@orders
def test_a_model_that_counted_nothing_is_uniform(order):
    for m in (NgramLanguageModel(NgramConfig(order=order), 50), counted([], 50, order=order)):
        loss, _ = m.loss(np.arange(49)[None], np.arange(1, 50)[None])
        assert np.exp(loss.item()) == pytest.approx(50, rel=1e-14)


@smoothings
@pytest.mark.parametrize("length", range(1, 7))
def test_texts_shorter_than_the_order(length, smoothing):
    m = counted(text(length), order=5, smoothing=smoothing)
    log_p, _ = m.log_probabilities(text(20)[None])
    np.testing.assert_allclose(np.exp(log_p).sum(-1), 1, rtol=0, atol=1e-12)


def test_a_longer_context_helps_where_it_decides():
    """a b c and x b y by turns: after b, two words are as likely; after a b, one."""
    ids = np.tile([0, 1, 2, 3, 1, 4], 50)
    perplexity = [np.exp(counted(ids, 5, order=n).loss(ids[None, :-1], ids[None, 1:])[0].item()) for n in (1, 2, 3)]
    assert perplexity[0] > 4.5
    assert perplexity[1] == pytest.approx(2 ** (1 / 3), rel=0.05)
    assert perplexity[2] == pytest.approx(1, abs=0.05)


def test_lines_are_one_stream():
    """What follows the line end is predicted from the line before it as well."""
    ids = np.tile([0, 1, 9, 2, 3, 9, 4, 5, 9], 40)            # 9 ends a line
    m = counted(ids, order=3)
    assert after(m, 1, 9)[2] > 0.95
    assert after(m, 9)[2] == pytest.approx(after(m, 9)[4], rel=1e-12)


# Files, texts, settings

def test_saved_and_loaded_it_is_the_same(tmp_path):
    m = counted(text(), order=4, smoothing="kneser-ney")
    save_arrays(tmp_path / "m.safetensors", m.arrays())
    other = NgramLanguageModel(NgramConfig(order=4), V, rng=np.random.default_rng(1))
    other.load(load_arrays(tmp_path / "m.safetensors")[0])
    ids = text(100, seed=8)[None]
    np.testing.assert_array_equal(other.log_probabilities(ids)[0], m.log_probabilities(ids)[0])
    assert other.parameter_count() == m.parameter_count() == sum(len(set(grams(text().tolist(), n))) for n in range(1, 5))


@pytest.mark.parametrize(("config", "vocabulary", "change", "sentence"), [
    ({"order": 3}, V, {}, 'the file and an n-gram model of order 3 do not both have an array "order4.backoff".'),
    ({"order": 4}, 5, {}, "the arrays of order 1 do not fit together, or not a vocabulary of 5."),
    ({"order": 4}, V, {"order2.backoff": np.ones(3)}, "the arrays of order 2 do not fit together, or not a vocabulary of 12."),
])
def test_arrays_of_another_model_are_refused(config, vocabulary, change, sentence):
    arrays = counted(text(), order=4).arrays() | change
    m = NgramLanguageModel(NgramConfig(**config), vocabulary)
    with pytest.raises(RunError) as caught:
        m.load(arrays)
    assert str(caught.value) == sentence
    assert m.parameter_count() == 0


def test_counting_starts_anew_and_reads_memory_maps(tmp_path):
    m = counted(text(seed=1))
    text().astype("<u2").tofile(tmp_path / "ids.bin")
    m.count(np.memmap(tmp_path / "ids.bin", "<u2", mode="r"))
    for name, a in counted(text()).arrays().items():
        np.testing.assert_array_equal(m.arrays()[name], a)


def test_it_writes_what_it_read():
    m = counted(np.tile([3, 1, 4, 1, 5, 9, 2, 6], 20), order=3)
    assert list(generate(m, [3, 1], 6, Sampler(temperature=0), np.random.default_rng(0))) == [4, 1, 5, 9, 2, 6]


@pytest.mark.parametrize(("config", "sentence"), [
    ({"order": 0}, "order is 0; it must be 1 to 8."), ({"order": 9}, "order is 9; it must be 1 to 8."),
    ({"smoothing": "knesser-ney"}, 'smoothing "knesser-ney" is unknown (did you mean "kneser-ney"?); '
                                   "choose one of kneser-ney, modified-kneser-ney."),
    ({"arch": "lstm"}, 'arch "lstm" is unknown; choose one of ngram.'),
])
def test_a_config_that_does_not_fit_is_said_in_one_sentence(config, sentence):
    with pytest.raises(ConfigError) as caught:
        NgramConfig(**config)
    assert str(caught.value) == sentence


def test_the_penn_treebank_reaches_the_published_figure(data_dir, tmp_path):
    """Test perplexity over all tokens, <eos> too, from the counts of ptb.train alone.  Published: 141 to 148."""
    def lines(split):
        return (data_dir / "ptb" / f"ptb.{split}.txt").read_text("utf-8").splitlines()

    tokenizer = WordTokenizer.train(lines("train"))
    ids = {split: encode_corpus(lines(split), tokenizer, tmp_path / split).ids for split in ("train", "test")}
    m = counted(ids["train"], len(tokenizer))
    test = ids["test"][None]
    loss, _ = m.loss(test[:, :-1], test[:, 1:])
    assert test.size == 82_430
    assert np.exp(loss.item()) == pytest.approx(141.06, abs=0.01)
