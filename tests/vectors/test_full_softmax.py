"""The whole softmax: gradients against the tape and against differences, and the least loss that a text allows."""
from collections import Counter, defaultdict

import numpy as np
import pytest

from tsuzuri import ops
from tsuzuri.errors import ConfigError, DataError
from tsuzuri.tensor import Tensor
from tsuzuri.vectors.full_softmax import loss_and_gradients, make_examples, train_full_softmax

TEXT = ["you", "say", "goodbye", "and", "i", "say", "hello", "."]
IDS = np.array([0, 1, 2, 3, 4, 1, 5, 6])
V, D = 7, 5


def tables(seed=0):
    rng = np.random.default_rng(seed)
    return rng.standard_normal((V, D)), rng.standard_normal((V, D))


def examples(model, window):
    """Of IDS and of the same backwards, where words occur twice in a window."""
    both = [make_examples(ids, window, model) for ids in (IDS, IDS[::-1], np.array([1, 1, 0, 1, 1, 1, 4]))]
    return tuple(np.concatenate(part) for part in zip(*both))


def test_examples_are_the_whole_windows():
    around, middle = make_examples(IDS, 1, "cbow")
    assert around.tolist() == [[0, 2], [1, 3], [2, 4], [3, 1], [4, 5], [1, 6]]
    assert middle.tolist() == [[1], [2], [3], [4], [1], [5]]
    one, others = make_examples(IDS, 2, "skipgram")
    assert one.tolist() == [[2], [3], [4], [1]]
    assert others.tolist() == [[0, 1, 3, 4], [1, 2, 4, 1], [2, 3, 1, 5], [3, 4, 5, 6]]


@pytest.mark.parametrize("window", [1, 2, 3])
@pytest.mark.parametrize("model", ["cbow", "skipgram"])
def test_gradients_are_those_of_the_tape(model, window):
    inputs, outputs = examples(model, window)
    W, C = (Tensor(table, requires_grad=True) for table in tables())
    log_p = ops.log_softmax(ops.embedding(W, inputs).mean(axis=1) @ C.transpose(1, 0))
    wanted = -ops.gather(log_p, outputs, -1).mean()
    wanted.backward()
    loss, dW, dC = loss_and_gradients(*tables(), inputs, outputs)
    assert loss == pytest.approx(wanted.item(), abs=1e-13)
    np.testing.assert_allclose(dW, W.grad.to_dense(), rtol=0, atol=1e-12)
    np.testing.assert_allclose(dC, C.grad, rtol=0, atol=1e-12)


@pytest.mark.parametrize("model", ["cbow", "skipgram"])
def test_gradients_are_the_differences_of_the_loss(model):
    inputs, outputs = examples(model, 2)
    both = tables(1)
    _, *gradients = loss_and_gradients(*both, inputs, outputs)
    for table, gradient in zip(both, gradients):
        for place in np.ndindex(V, D):
            old, ends = table[place], []
            for step in (1e-5, -1e-5):
                table[place] = old + step
                ends.append(loss_and_gradients(*both, inputs, outputs)[0])
            table[place] = old
            assert gradient[place] == pytest.approx((ends[0] - ends[1]) / 2e-5, abs=1e-9)


def least_loss(model):
    """The mean entropy of what is predicted, given what is known of it: a mean does not know the order of its words."""
    outcomes = defaultdict(Counter)
    for known, wanted in zip(*make_examples(IDS, 1, model)):
        outcomes[tuple(sorted(known.tolist()))].update(wanted.tolist())
    counts = [list(outcome.values()) for outcome in outcomes.values()]
    return -sum(n * np.log(n / sum(row)) for row in counts for n in row) / sum(map(sum, counts))


@pytest.mark.parametrize("seed", range(1, 6))
@pytest.mark.parametrize(("model", "least"), [("cbow", np.log(2) / 3), ("skipgram", 4 / 3 * np.log(2))])
def test_a_small_text_is_learnt_as_far_as_it_can_be(model, least, seed):
    """CBOW cannot tell "say _ and" from "and _ say"; skip-gram has two words after each word, four after "say"."""
    assert least == pytest.approx(least_loss(model))
    losses = [epoch.loss for epoch in train_full_softmax(TEXT, model=model, rng=np.random.default_rng(seed))]
    assert losses[0] == pytest.approx(np.log(V), abs=0.05)
    assert least < losses[-1] < least + 0.01
    assert len(losses) == 1000


def test_words_in_the_same_surroundings_are_neighbours():
    """goodbye and i both stand between say and and."""
    *_, last = train_full_softmax(TEXT, model="skipgram", rng=np.random.default_rng(1))
    assert last.epoch == 1000
    assert last.vectors.words == ["you", "say", "goodbye", "and", "i", "hello", "."]
    assert last.vectors.most_similar("goodbye", topn=1)[0][0] == "i"


@pytest.mark.parametrize("optimizer", ["adam", "sgd"])
def test_the_same_seed_gives_the_same_numbers_and_epochs_keep_theirs(optimizer):
    runs = [list(train_full_softmax(TEXT, epochs=4, optimizer=optimizer, rng=np.random.default_rng(3))) for _ in range(2)]
    for a, b in zip(*runs, strict=True):
        assert a.loss == b.loss
        np.testing.assert_array_equal(a.vectors.vectors, b.vectors.vectors)
    assert (runs[0][0].vectors.vectors != runs[0][1].vectors.vectors).any()


def test_sgd_is_a_step_against_the_gradient():
    """All examples in one batch, so the order does not matter but for rounding."""
    first, second = (e.vectors.vectors for e in train_full_softmax(
        TEXT, epochs=2, batch_size=99, optimizer="sgd", rate=0.5, rng=np.random.default_rng(3)))
    rng = np.random.default_rng(3)
    W, C = 0.1 * rng.standard_normal((V, D)), 0.1 * rng.standard_normal((V, D))
    for wanted in (first, second):
        _, dW, dC = loss_and_gradients(W, C, *make_examples(IDS, 1, "cbow"))
        W, C = W - 0.5 * dW, C - 0.5 * dC
        np.testing.assert_allclose(wanted, W, rtol=0, atol=1e-14)


@pytest.mark.parametrize(("settings", "error", "name"), [
    ({"model": "cbov"}, ConfigError, "did you mean \"cbow\""), ({"optimizer": "adams"}, ConfigError, "adam"),
    ({"window": 0}, ConfigError, "window"), ({"size": 0}, ConfigError, "size"), ({"epochs": 0}, ConfigError, "epochs"),
    ({"batch_size": 0}, ConfigError, "batch_size"), ({"rate": 0.0}, ConfigError, "rate"), ({"window": 4}, DataError, "at least 9")])
def test_what_does_not_fit_is_refused(settings, error, name):
    with pytest.raises(error, match=name):
        next(train_full_softmax(TEXT, rng=np.random.default_rng(1), **settings))
