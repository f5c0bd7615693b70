"""word2vec: what is drawn, what a step does to the rows, and that the compiled loops do as the plain ones."""
from collections import Counter
from functools import partial
from itertools import pairwise

import numpy as np
import pytest

from tsuzuri.kernels import word2vec as kernel
from tsuzuri.kernels.inner import compiled
from tsuzuri.kernels.word2vec import Grams, Noise, Step, Text, Tree, draw_examples

V, D, N, CHUNK = 50, 16, 400, 100
ALWAYS = np.uint32(0xFFFFFFFF)
STILL = 1e-30                                                # a rate that moves nothing
SKIP_GRAM, CBOW, PAIRS = Step(False, False), Step(True, False), Step(True, True)
NO_TREE = Tree(np.empty(0, np.int64), np.empty(0, np.int32), np.empty(0, np.int8))
NO_GRAMS = Grams(np.empty(0, np.int64), np.empty(0, np.int32))

both_twins = pytest.mark.parametrize("on", [False, True], ids=["plain", "compiled"])
both_types = pytest.mark.parametrize("dtype", [np.float32, np.float64])
both_orders = pytest.mark.parametrize("rounds", [False, True], ids=["freely", "rounds"])


def starts_of(lengths):
    return np.concatenate([[0], np.cumsum(lengths)]).astype(np.int64)


def make_noise(count, words=V):
    rng = np.random.default_rng(1)
    return Noise(rng.integers(0, 1 << 32, words, np.uint32), rng.integers(0, words, words).astype(np.int32), count)


def make_tree():
    rng = np.random.default_rng(2)
    starts = starts_of(rng.integers(1, 15, V))
    nodes, labels = rng.integers(0, V - 1, starts[-1]), rng.integers(0, 2, starts[-1])
    return Tree(starts, nodes.astype(np.int32), labels.astype(np.int8))


def make_grams():
    rng = np.random.default_rng(3)
    starts = starts_of(rng.integers(1, 6, V))
    return Grams(starts, rng.integers(0, 2 * V, starts[-1]).astype(np.int32))


def make_ids(size=N):
    rng = np.random.default_rng(4)
    return np.where(rng.random(size) < 0.05, -1, rng.integers(0, V, size)).astype(np.int32)


def make_text(ids, window=5, keep=None, first=0, key=77):
    return Text(np.asarray(ids, np.int32), first, np.uint64(key), np.full(V, ALWAYS) if keep is None else keep, window)


def half_dropped():
    """Words 0 to 9 stay never, 10 to 19 half of the time, the others always."""
    keep = np.full(V, ALWAYS)
    keep[:10], keep[10:20] = 0, 1 << 31
    return keep


MODELS = {
    **{f"skip-gram, {k} noise words": (make_noise(k), NO_TREE, NO_GRAMS, SKIP_GRAM) for k in (1, 3, 5, 7, 11)},
    **{f"CBOW, {k} noise words": (make_noise(k), NO_TREE, NO_GRAMS, CBOW) for k in (1, 3, 5, 7, 11)},
    "skip-gram, tree": (make_noise(0), make_tree(), NO_GRAMS, SKIP_GRAM),
    "CBOW, tree": (make_noise(0), make_tree(), NO_GRAMS, CBOW),
    "subwords, skip-gram": (make_noise(5), NO_TREE, make_grams(), PAIRS),
    "subwords, CBOW": (make_noise(5), NO_TREE, make_grams(), CBOW),
    "subwords, skip-gram, tree": (make_noise(0), make_tree(), make_grams(), PAIRS),
    "subwords, CBOW, tree": (make_noise(0), make_tree(), make_grams(), CBOW),
}
KINDS = [name for name in MODELS if not any(f" {k} noise" in name for k in (1, 3, 7, 11))]
TEXTS = {
    "window 1": make_text(make_ids(), 1),
    "window larger than the text": make_text(make_ids()[:30], 40),
    "one long line": make_text(np.abs(make_ids())),
    "line ends only": make_text([-1] * 30),
    "one word a line": make_text([3, -1] * 90),
    "one word": make_text([3]),
    "one word met again and again": make_text([3] * 99 + [4]),
    "words dropped": make_text(make_ids(), keep=half_dropped()),
    "all words dropped": make_text(make_ids(), keep=np.zeros(V, np.uint32)),
    "far on in a long text": make_text(make_ids(), first=10**12, key=(1 << 64) - 1),
}


def matrices(dtype, size=0.3):
    rng = np.random.default_rng(5)
    return [(rng.standard_normal((2 * V, D)) * size).astype(dtype) for _ in range(2)]


def train(before, text, model, rates, chunk=CHUNK, *, rounds=False, threads=1, slots=3, on=True):
    """Copies of the matrices after training, the losses and the numbers of predictions."""
    vectors, contexts = before[0].copy(), before[1].copy()
    losses, pairs = np.zeros(len(rates)), np.zeros(len(rates), np.int64)
    arguments = vectors, contexts, text, *model, np.asarray(rates, vectors.dtype), chunk, losses, pairs, threads
    with compiled(on):
        if rounds:
            kernel.train_in_rounds(*arguments, slots)
        else:
            kernel.train_freely(*arguments)
    return vectors, contexts, losses, pairs


def pieces_of(text, chunk=CHUNK):
    return max(-(-len(text.ids) // chunk), 1)


def falling_rates(text, chunk=CHUNK):
    return np.linspace(0.1, 0.05, pieces_of(text, chunk))


def examples_of(text, model, first=0, last=None):
    return list(draw_examples(text, first, len(text.ids) if last is None else last, *model))


def same(left, right):
    return all(a.tobytes() == b.tobytes() for a, b in zip(left, right))


def by_kind_and_twin(test):
    return pytest.mark.parametrize("name", KINDS)(both_twins(test))


# The compiled loops against the plain ones.  float64: the exponential is good to 1e-11, the logarithm to 1e-8.

def assert_twins_agree(text, model, dtype, rounds, size=0.3):
    before = matrices(dtype, size)
    plain, fast = (train(before, text, model, falling_rates(text), rounds=rounds, on=on) for on in (False, True))
    tolerance, of_losses = (1e-5, 1e-5) if dtype is np.float32 else (1e-11, 1e-8)
    for want, got in zip(plain[:2], fast[:2]):
        np.testing.assert_allclose(got, want, rtol=0, atol=tolerance * abs(want).max())
    np.testing.assert_allclose(fast[2], plain[2], rtol=of_losses, atol=of_losses)
    np.testing.assert_array_equal(fast[3], plain[3])
    return plain


@both_types
@both_orders
@pytest.mark.parametrize("model", MODELS.values(), ids=MODELS)
def test_twins_agree_on_every_model(model, rounds, dtype):
    after = assert_twins_agree(make_text(make_ids(), keep=half_dropped()), model, dtype, rounds)
    assert all(abs(a - b).max() > 0.02 for a, b in zip(after, matrices(dtype)))             # there was something to do


@both_types
@both_orders
@pytest.mark.parametrize("name", ["skip-gram, 5 noise words", "CBOW, 7 noise words", "subwords, skip-gram",
                                  "CBOW, tree"])
@pytest.mark.parametrize("text", TEXTS.values(), ids=TEXTS)
def test_twins_agree_on_every_text(text, name, rounds, dtype):
    assert_twins_agree(text, MODELS[name], dtype, rounds)


@both_types
@pytest.mark.parametrize("name", ["skip-gram, 5 noise words", "CBOW, tree"])
def test_twins_agree_where_sigma_is_flat(name, dtype):
    """Products of about 200: the losses are as large, or 0 to the last digit."""
    before = matrices(dtype, 7.0)
    text = make_text(make_ids()[:60])
    runs = [train(before, text, MODELS[name], [STILL], on=on) for on in (False, True)]
    assert np.isfinite(runs[0][2]).all()
    assert runs[0][2].max() > 1000
    np.testing.assert_allclose(runs[1][2], runs[0][2], rtol=1e-5 if dtype is np.float32 else 1e-8)
    assert_twins_agree(text, MODELS[name], np.float64, False, 7.0)


# What a step does, from the docstring's formulas.

def loss_of(inputs, outputs, labels, vectors, contexts, mean):
    """Sum of -t ln sigma(z) - (1 - t) ln sigma(-z), where ln sigma(z) = -ln(1 + e^-z)."""
    x = [sum(vectors[m] for m in inputs) / len(inputs)] if mean else [vectors[m] for m in inputs]
    z = np.array([[x_m @ contexts[k] for k in outputs] for x_m in x])
    return np.where(np.array(labels) == 1, np.logaddexp(0, -z), np.logaddexp(0, z)).sum()


def numeric_gradient(loss, matrix, rows):
    gradient, h = np.zeros_like(matrix), 1e-5
    for row in {*rows}:
        for d in range(D):
            old = matrix[row, d]
            matrix[row, d] = old + h
            above = loss()
            matrix[row, d] = old - h
            gradient[row, d] = (above - loss()) / (2 * h)
            matrix[row, d] = old
    return gradient


@by_kind_and_twin
@pytest.mark.parametrize("chosen", [1, 2, 3])
def test_a_small_step_goes_down_the_gradient(chosen, name, on):
    """CBOW's inputs go as far as if each were alone: M times the gradient of the mean."""
    model, rate = MODELS[name], 1e-7
    text, mean = make_text([7, 3, 9, 7], 3, key=8), model[3].mean            # words 1 and 2 have 7 on both sides
    vectors, contexts = before = matrices(np.float64)
    examples = examples_of(text, model, chosen, chosen + 1)
    down = [np.zeros_like(vectors), np.zeros_like(contexts)]
    for inputs, outputs, labels in examples:
        loss = partial(loss_of, inputs, outputs, labels, vectors, contexts, mean)
        down[0] -= numeric_gradient(loss, vectors, inputs) * (len(inputs) if mean else 1)
        down[1] -= numeric_gradient(loss, contexts, outputs)
    after = train(before, text, model, [rate if c == chosen else STILL for c in range(4)], 1, on=on)
    for k in (0, 1):
        assert abs(down[k]).max() > 0.01
        np.testing.assert_allclose((after[k] - before[k]) / rate, down[k], atol=1e-6)


def sigma(z):
    return 1 / (1 + np.exp(-z))


def slow_steps(vectors, contexts, examples, mean, rate):
    """The docstring's sums, one number at a time; inputs that occur twice are not meant."""
    for inputs, outputs, labels in examples:
        middle, moved = vectors[inputs].mean(0), np.zeros(D)
        for first in range(0, len(outputs), 6):
            x = {m: vectors[m].copy() for m in inputs}
            y = [(k, contexts[k].copy(), t) for k, t in list(zip(outputs, labels))[first:first + 6]]
            for k, y_k, t in y:
                for m in () if mean else inputs:
                    g = rate * (t - sigma(x[m] @ y_k))
                    vectors[m] += g * y_k
                    contexts[k] += g * x[m]
                if mean:
                    g = rate * (t - sigma(middle @ y_k))
                    moved += g * y_k
                    contexts[k] += g * middle
        for m in inputs if mean else ():
            vectors[m] += moved


@both_twins
@pytest.mark.parametrize("name", ["skip-gram, 5 noise words", "skip-gram, 11 noise words", "CBOW, 7 noise words",
                                  "skip-gram, tree", "CBOW, tree"])
def test_a_text_is_its_examples_one_after_another(name, on):
    text, model = make_text(np.arange(V)), MODELS[name]
    rates = [0.2, 0.1, 0.05]
    vectors, contexts = before = matrices(np.float64)
    got = train(before, text, model, rates, 20, on=on)
    for c, rate in enumerate(rates):
        slow_steps(vectors, contexts, examples_of(text, model, 20 * c, 20 * (c + 1)), model[3].mean, rate)
    np.testing.assert_allclose(got[0], vectors, rtol=0, atol=1e-10)
    np.testing.assert_allclose(got[1], contexts, rtol=0, atol=1e-10)


@both_orders
@by_kind_and_twin
def test_losses_are_the_formula_summed_over_each_piece(name, on, rounds):
    text, model, before = make_text(make_ids(), keep=half_dropped()), MODELS[name], matrices(np.float64)
    _, _, losses, pairs = train(before, text, model, [STILL] * 4, rounds=rounds, on=on)
    for c in range(4):
        examples = examples_of(text, model, c * CHUNK, (c + 1) * CHUNK)
        np.testing.assert_allclose(losses[c], sum(loss_of(*e, *before, model[3].mean) for e in examples), rtol=1e-8)
        assert pairs[c] == sum(1 if model[3].mean else len(inputs) for inputs, _, _ in examples)


@both_orders
@both_twins
def test_losses_and_numbers_of_an_earlier_pass_are_replaced(on, rounds):
    text, model = make_text(make_ids()), MODELS["skip-gram, 5 noise words"]
    fresh = train(matrices(np.float32), text, model, falling_rates(text), rounds=rounds, on=on)
    used = *matrices(np.float32), np.full(4, 9.0), np.full(4, 9)
    arguments = used[0], used[1], text, *model, falling_rates(text).astype(np.float32), CHUNK, used[2], used[3], 1
    with compiled(on):
        kernel.train_in_rounds(*arguments, 3) if rounds else kernel.train_freely(*arguments)
    assert same(fresh, used)


@both_twins
@pytest.mark.parametrize("name", ["skip-gram, 5 noise words", "CBOW, 5 noise words"])
def test_a_rate_of_zero_changes_nothing(name, on):
    """A rate that falls in a straight line gets there."""
    text, before = make_text(make_ids()), matrices(np.float32)
    after = train(before, text, MODELS[name], [0.0] * 4, on=on)
    assert same(before, after[:2])
    np.testing.assert_allclose(after[2], train(before, text, MODELS[name], [STILL] * 4, on=on)[2], rtol=1e-6)


# Rounds, pieces and threads.

@both_twins
@pytest.mark.parametrize("name", ["skip-gram, 5 noise words", "subwords, CBOW"])
def test_a_round_adds_what_each_of_its_pieces_alone_would_change(name, on):
    text, model, before = make_text(make_ids()), MODELS[name], matrices(np.float64)
    rates = falling_rates(text)
    alone = [train(before, text, model, np.where(np.arange(4) == c, rates, STILL), on=on) for c in range(4)]
    after = train(before, text, model, rates, rounds=True, slots=4, on=on)
    for k in (0, 1):
        np.testing.assert_allclose(after[k] - before[k], sum(a[k] - before[k] for a in alone), atol=1e-13)


@both_twins
@pytest.mark.parametrize("name", KINDS)
def test_rounds_of_one_piece_are_training_on_one_thread(name, on):
    text, before = make_text(make_ids()), matrices(np.float64)
    rounds = train(before, text, MODELS[name], falling_rates(text), rounds=True, slots=1, on=on)
    for got, want in zip(rounds, train(before, text, MODELS[name], falling_rates(text), on=on)):
        np.testing.assert_allclose(got, want, rtol=0, atol=1e-12 * max(abs(want).max(), 1))


@both_types
@pytest.mark.parametrize("slots", [1, 3, 16])
@pytest.mark.parametrize("name", KINDS)
def test_rounds_give_the_same_bytes_for_any_number_of_threads(name, slots, dtype):
    text = make_text(make_ids(2000), keep=half_dropped())
    rates = falling_rates(text)
    one, two, eight = (train(matrices(dtype), text, MODELS[name], rates, rounds=True, threads=threads, slots=slots)
                       for threads in (1, 2, 8))
    assert same(one, two)
    assert same(one, eight)


@both_types
@pytest.mark.parametrize("name", KINDS)
def test_one_thread_gives_the_same_bytes_again(name, dtype):
    text = make_text(make_ids(2000))
    once, again = (train(matrices(dtype), text, MODELS[name], falling_rates(text)) for _ in range(2))
    assert same(once, again)


@both_types
@pytest.mark.parametrize("name", KINDS)
def test_threads_without_locks_draw_the_same_examples(name, dtype):
    text = make_text(make_ids(2000), keep=half_dropped())
    rates = [STILL] * pieces_of(text)
    one, three = (train(matrices(dtype), text, MODELS[name], rates, threads=threads) for threads in (1, 3))
    assert same(one, three)


@both_orders
@by_kind_and_twin
def test_a_text_in_two_blocks_is_the_text(name, on, rounds):
    """The draws hang on a word's place in the whole text; here no window spans the two blocks."""
    ids = make_ids()
    ids[199] = -1
    before, rates = matrices(np.float64), falling_rates(make_text(ids), 50)
    whole = train(before, make_text(ids, first=1000), MODELS[name], rates, 50, rounds=rounds, slots=2, on=on)
    half = train(before, make_text(ids[:200], first=1000), MODELS[name], rates[:4], 50, rounds=rounds, slots=2, on=on)
    rest = train(half[:2], make_text(ids[200:], first=1200), MODELS[name], rates[4:], 50, rounds=rounds, slots=2, on=on)
    assert same(whole[:2], rest[:2])
    assert whole[2].tolist() == [*half[2], *rest[2]]
    assert whole[3].tolist() == [*half[3], *rest[3]]


@both_orders
@pytest.mark.parametrize("name", KINDS)
def test_windows_look_over_the_borders_of_pieces(name, rounds):
    text, model = make_text(make_ids(), keep=half_dropped()), MODELS[name]
    want = sum(1 if model[3].mean else len(inputs) for inputs, _, _ in examples_of(text, model))
    for chunk in (1, 7, 64, 100, 399, 5000):
        rates = [STILL] * pieces_of(text, chunk)
        assert train(matrices(np.float64), text, model, rates, chunk, rounds=rounds)[3].sum() == want


@both_types
@pytest.mark.parametrize("chunk", [1, 7, 64, 5000])
def test_the_size_of_pieces_changes_nothing_on_one_thread(chunk, dtype):
    text, model = make_text(make_ids(), keep=half_dropped()), MODELS["skip-gram, 5 noise words"]
    want = train(matrices(dtype), text, model, [0.1] * 4)
    got = train(matrices(dtype), text, model, [0.1] * pieces_of(text, chunk), chunk)
    assert same(want[:2], got[:2])


# What is drawn.

def test_predictions_counted_by_hand():
    """Window 1: a line of n words has 2 (n - 1) pairs, and n words that have one beside them, if n > 1."""
    text = make_text([1, 2, 3, -1, 4, -1, -1, 5, 6, 7, 8], 1)
    for on in (False, True):
        assert train(matrices(np.float32), text, MODELS["skip-gram, 5 noise words"], [0.1], on=on)[3] == 4 + 6
        assert train(matrices(np.float32), text, MODELS["CBOW, 5 noise words"], [0.1], on=on)[3] == 3 + 4
        assert train(matrices(np.float32), text, MODELS["subwords, skip-gram"], [0.1], on=on)[3] == 4 + 6


def test_dropped_words_do_not_stand_between():
    keep = np.full(V, ALWAYS)
    keep[0] = 0
    examples = examples_of(make_text([1, 0, 0, 2, 0, 3, 0, -1, 0, 4], 1, keep), MODELS["CBOW, 1 noise words"])
    assert [(inputs, outputs[0]) for inputs, outputs, _ in examples] == [([2], 1), ([1, 3], 2), ([2], 3)]


def test_windows_are_whole_and_uniform():
    """With a text of all different words an example shows its window: the words up to ``reach`` before and after."""
    size, window = 20_000, 5
    text = Text(np.arange(size, dtype=np.int32), 0, np.uint64(5), np.full(size, ALWAYS), window)
    model = make_noise(1, size), NO_TREE, NO_GRAMS, SKIP_GRAM
    reaches = []
    for inputs, outputs, labels in examples_of(text, model):
        place, reach = outputs[0], len(inputs) // 2
        assert labels == [1, 0]
        if window <= place < size - window:
            assert inputs == [p for p in range(place - reach, place + reach + 1) if p != place]
            reaches.append(reach)
    counts = Counter(reaches)
    assert sorted(counts) == [1, 2, 3, 4, 5]
    assert len(reaches) == size - 2 * window
    assert chi_square([counts[r] for r in range(1, 6)], [len(reaches) / 5] * 5) < far_out(4)
    after = Counter(pairwise(reaches))                       # nor does a window hang on the one before
    both = [after[a, b] for a in range(1, 6) for b in range(1, 6)]
    assert chi_square(both, [(len(reaches) - 1) / 25] * 25) < far_out(24)


def chi_square(seen, expected):
    seen, expected = np.asarray(seen, float), np.asarray(expected, float)
    return float(((seen - expected) ** 2 / expected).sum())


def far_out(freedom):
    """4 sigma above the mean of chi-square (Wilson and Hilferty 1931)."""
    spread = 2 / (9 * freedom)
    return freedom * (1 - spread + 4 * spread**0.5) ** 3


def test_occurrences_are_kept_with_their_chances():
    chances = np.array([0.01, 0.1, 0.3, 0.5, 0.9, 1.0])
    keep = np.minimum(np.round(chances * 2**32), 0xFFFFFFFF).astype(np.uint32)
    ids = np.tile(np.arange(6, dtype=np.int32), 5000)
    text = Text(ids, 0, np.uint64(11), keep, 1)
    kept = Counter(outputs[0] for _, outputs, _ in examples_of(text, (make_noise(1, 6), NO_TREE, NO_GRAMS, SKIP_GRAM)))
    for word, chance in enumerate(chances):
        assert abs(kept[word] - 5000 * chance) <= 4 * np.sqrt(5000 * chance * (1 - chance))
    assert kept[5] == 5000


def shares_of(noise):
    """What the alias table says exactly: its own share of a place, and the rests of the places that name it."""
    words, odds = len(noise.odds), noise.odds.astype(float) / 2**32
    return (odds + np.bincount(noise.alias, 1 - odds, words)) / words


@pytest.mark.parametrize("name", ["skip-gram", "subwords, pairs"])
def test_noise_words_follow_the_table_without_the_target(name):
    words = 20
    noise = make_noise(6, words)
    grams = NO_GRAMS if name == "skip-gram" else Grams(np.arange(words + 1), np.arange(words, dtype=np.int32))
    rng = np.random.default_rng(6)
    text = Text(rng.integers(0, words, 4000).astype(np.int32), 0, np.uint64(13), np.full(words, ALWAYS), 2)
    drawn, targets = np.zeros((words, words)), np.zeros(words)
    step = SKIP_GRAM if name == "skip-gram" else PAIRS
    for _, outputs, labels in draw_examples(text, 0, 4000, noise, NO_TREE, grams, step):
        assert labels == [1] + [0] * 6
        targets[outputs[0]] += 6
        np.add.at(drawn[outputs[0]], outputs[1:], 1)
    shares = shares_of(noise)
    assert shares.sum() == pytest.approx(1)
    assert np.trace(drawn) == 0
    expected = targets[:, None] * shares / (1 - shares[:, None])
    np.fill_diagonal(expected, 0)
    used = expected.sum(0) > 0
    assert not drawn.sum(0)[~used].any()
    assert chi_square(drawn.sum(0)[used], expected.sum(0)[used]) < far_out(used.sum() - 1)
    pairs = expected > 5
    assert chi_square(drawn[pairs], expected[pairs]) < far_out(pairs.sum())


def test_noise_words_of_one_example_are_drawn_apart():
    """The first and the second noise word are equal as often as two draws are."""
    noise, ids = make_noise(2, 20), np.arange(20, dtype=np.int32).repeat(300)
    text = Text(ids, 0, np.uint64(1), np.full(20, ALWAYS), 1)
    shares, expected, equal, total = shares_of(noise), 0.0, 0, 0
    for _, (target, first, second), _ in examples_of(text, (noise, NO_TREE, NO_GRAMS, SKIP_GRAM)):
        rest = np.delete(shares, target) / (1 - shares[target])
        expected, equal, total = expected + (rest**2).sum(), equal + (first == second), total + 1
    assert abs(equal - expected) < 4 * np.sqrt(expected * (1 - expected / total))


def test_being_kept_the_window_and_the_noise_are_drawn_apart():
    """Words that are kept by half: the place of a noise word says nothing about the window, nor does being kept."""
    words, size = 20, 16_000
    noise = Noise(np.full(words, ALWAYS), np.zeros(words, np.int32), 1)
    ids, keep = np.tile(np.arange(words, dtype=np.int32), size // words), np.full(words, 1 << 31, np.uint32)
    text = Text(ids, 0, np.uint64(21), keep, 4)
    examples = examples_of(text, (noise, NO_TREE, NO_GRAMS, SKIP_GRAM))[4:-4]
    seen = Counter((len(inputs), outputs[1] * 4 // words) for inputs, outputs, _ in examples)
    assert abs(len(examples) - size / 2) < 4 * np.sqrt(size / 4) + 8
    both = [seen[2 * reach, part] for reach in range(1, 5) for part in range(4)]
    assert chi_square(both, [len(examples) / 16] * 16) < far_out(15)


def test_no_window_crosses_a_line_end():
    ids, line = np.arange(V, dtype=np.int32), np.arange(V) // 7
    text = make_text(np.insert(ids, np.flatnonzero(np.diff(line)) + 1, -1), 9)
    for inputs, outputs, _ in examples_of(text, MODELS["CBOW, 5 noise words"]):
        assert {line[m] for m in inputs} == {line[outputs[0]]}


def test_outputs_of_a_tree_are_the_way_to_the_word():
    tree = Tree(np.array([0, 1, 3, 5]), np.array([0, 0, 1, 0, 1], np.int32), np.array([1, 0, 1, 0, 0], np.int8))
    text = Text(np.array([2, 0, 1], np.int32), 0, np.uint64(3), np.full(3, ALWAYS), 1)
    examples = examples_of(text, (make_noise(0, 3), tree, NO_GRAMS, SKIP_GRAM))
    assert examples == [([0], [0, 1], [0, 0]), ([2, 1], [0], [1]), ([0], [0, 1], [0, 1])]


def test_inputs_of_subwords():
    """CBOW: the rows of all words around; skip-gram: those of the middle word, once for each word around."""
    grams = Grams(np.array([0, 2, 3, 6]), np.array([0, 5, 1, 2, 6, 7], np.int32))
    text = Text(np.array([0, 1, 2], np.int32), 0, np.uint64(3), np.full(3, ALWAYS), 1)
    cbow = examples_of(text, (make_noise(1, 3), NO_TREE, grams, CBOW))
    assert [(inputs, outputs[0]) for inputs, outputs, _ in cbow] == [([1], 0), ([0, 5, 2, 6, 7], 1), ([1], 2)]
    pairs = examples_of(text, (make_noise(1, 3), NO_TREE, grams, PAIRS))
    assert [(inputs, outputs[0]) for inputs, outputs, _ in pairs] == [([0, 5], 1), ([1], 0), ([1], 2), ([2, 6, 7], 1)]


@pytest.mark.parametrize("name", KINDS)
def test_pieces_together_draw_what_the_whole_draws(name):
    text, model = make_text(make_ids(), keep=half_dropped()), MODELS[name]
    pieces = [e for first in range(0, N, 37) for e in examples_of(text, model, first, first + 37)]
    assert pieces == examples_of(text, model)


def test_another_key_draws_otherwise():
    words = np.arange(V).repeat(8)
    one, other = (examples_of(make_text(words, key=key), MODELS["CBOW, 5 noise words"]) for key in (1, 2))
    reaches = [len(a[0]) == len(b[0]) for a, b in zip(one[5:-5], other[5:-5])]
    assert abs(np.mean(reaches) - 1 / 5) < 4 * np.sqrt(0.16 / len(reaches))
    assert [e[1][1:] for e in one] != [e[1][1:] for e in other]


@pytest.mark.parametrize(("seed", "published"), [
    (0, [0xE220A8397B1DCDAF, 0x6E789E6AA1B965F4, 0x06C45D188009454F]),
    (1234567, [6457827717110365317, 3203168211198807973, 9817491932198370423])])
def test_the_hash_is_split_mix_64(seed, published):
    assert [kernel._mix(seed + k * 0x9E3779B97F4A7C15) for k in (1, 2, 3)] == published
