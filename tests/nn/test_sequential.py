"""nn.Sequential: a chain is its layers one after the other, by hand; and it trains under ``fit`` as it is."""
import runpy
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest

from tsuzuri import nn, ops
from tsuzuri.errors import ConfigError, DataError, ShapeError
from tsuzuri.optim import Adam
from tsuzuri.tensor import Tensor
from tsuzuri.text import SlidingWindows
from tsuzuri.train.config import TrainingConfig
from tsuzuri.train.events import Finished
from tsuzuri.train.loop import evaluate, fit

V, H = 6, 8


def chain(seed: int = 1) -> nn.Sequential:
    rng = np.random.default_rng(seed)
    return nn.Sequential(nn.OneHot(V), nn.LSTM(V, H, rng=rng), nn.Dropout(0.5), nn.GRU(H, H, rng=rng), nn.Last(),
                         nn.Dropout(0.5), nn.Linear(H, V, rng=rng))


@pytest.fixture
def ids():
    return np.random.default_rng(0).integers(V, size=(3, 5))


def test_a_chain_is_its_layers_in_turn(ids):
    model = chain()
    _, first, _, second, _, _, out = model.layers
    x = ops.embedding(nn.Parameter(np.eye(V, dtype=np.float32)), ids)
    by_hand = out(second(first(x)[0])[0][:, -1])
    np.testing.assert_array_equal(model(ids).data, by_hand.data)


def test_one_hot_picks_rows_of_the_weight(ids):
    W = np.random.default_rng(2).normal(size=(V, 4)).astype(np.float32)
    np.testing.assert_array_equal(nn.OneHot(V)(ids).data @ W, W[ids])


def test_dropout_acts_where_a_generator_is_given(ids):
    model = chain()
    dropped = [model(ids, np.random.default_rng(seed)).data for seed in (1, 1, 2)]
    np.testing.assert_array_equal(dropped[0], dropped[1])
    assert (dropped[0] != dropped[2]).any()
    np.testing.assert_array_equal(model(ids).data, model(ids).data)


def test_dropout_acts_in_a_chain_within_a_chain(ids):
    inner = nn.Sequential(nn.OneHot(V), nn.Dropout(0.5))
    assert (nn.Sequential(inner)(ids, np.random.default_rng(1)).data == 2).any()


def test_losses_are_of_the_probabilities(ids):
    model, targets = chain(), np.array([2, -1, 0])
    p = model.predict(ids)
    np.testing.assert_allclose(p.sum(axis=1), 1, rtol=1e-6)
    losses, state = model.losses(ids, targets)
    np.testing.assert_allclose(losses, [-np.log(p[0, 2]), 0, -np.log(p[2, 0])], rtol=1e-5)
    assert state is None
    assert model.loss(ids, targets)[0].item() == pytest.approx(losses.sum() / 2, rel=1e-5)


def test_every_layer_is_saved_and_trained(ids):
    model, other = chain(), chain(seed=2)
    other.load(model.arrays())
    np.testing.assert_array_equal(other(ids).data, model(ids).data)
    model.loss(ids, np.array([1, 2, 3]))[0].backward()
    assert len(model.parameters()) == 3 + 4 + 2
    assert all(p.grad is not None for p in model.parameters())


def test_it_learns_what_a_window_of_two_decides():
    """In 0 1 2 3 0 1 2 3 ... the next number is certain."""
    rng = np.random.default_rng(1)
    model = nn.Sequential(nn.OneHot(4), nn.LSTM(4, 16, rng=rng), nn.Last(), nn.Linear(16, 4, rng=rng))
    batches = SlidingWindows(np.arange(400) % 4, 2, 20)
    events = list(fit(model, batches, Adam(model), TrainingConfig(lr=0.02, schedule="constant", epochs=5, threads=1)))
    assert isinstance(events[-1], Finished)
    assert evaluate(model, batches)[0] < 0.05
    assert model.predict(np.array([[2, 3]])).argmax() == 0


# the windows

def test_every_window_comes_once_in_a_pass():
    text = np.arange(100, 123)
    batches = SlidingWindows(text, 4, 5)
    x, targets = (np.concatenate(parts) for parts in zip(*batches, strict=True))
    order = targets.argsort()
    np.testing.assert_array_equal(targets[order], text[4:])
    np.testing.assert_array_equal(x[order], [text[k:k + 4] for k in range(19)])
    assert [len(batches), len(batches[3][1])] == [4, 4]


def test_the_order_follows_from_seed_and_pass():
    def firsts(seed, number):
        return np.concatenate([x[:, 0] for x, _ in SlidingWindows(np.arange(50), 3, 7, seed).epoch(number)]).tolist()
    assert firsts(1, 1) == firsts(1, 1)
    assert len({tuple(firsts(1, 1)), tuple(firsts(1, 2)), tuple(firsts(2, 1))}) == 3


def test_windows_that_cannot_be():
    with pytest.raises(DataError, match="4 tokens is too short for windows of 4"):
        SlidingWindows(np.arange(4), 4, 2)
    with pytest.raises(ConfigError, match="width 0 does not fit"):
        SlidingWindows(np.arange(4), 0, 2)


# the example

def test_the_example_runs(monkeypatch, capsys):
    """On the first lines of a made-up play."""
    play = SimpleNamespace(lines=lambda: iter(["When shall we three meet again?", "In thunder, lightning, or in rain?"] * 2))
    monkeypatch.setattr("tsuzuri.datasets.open_source", lambda name: play)
    monkeypatch.setattr("sys.argv", ["macbeth_sequential.py", "1"])
    left = runpy.run_path(str(Path(__file__).parents[2] / "examples" / "macbeth_sequential.py"))
    assert capsys.readouterr().out.startswith("When shall we three meet again?\nIn thunder, lightn")
    assert (left["event"].step, len(left["text"])) == (3, 350)


# types

def test_a_chain_of_float64_takes_one_hot_rows_of_float64(ids):
    rng = np.random.default_rng(1)
    model = nn.Sequential(nn.OneHot(V, dtype=np.float64), nn.LSTM(V, H, rng=rng, dtype=np.float64), nn.Last(),
                          nn.Linear(H, V, rng=rng, dtype=np.float64))
    assert model(ids).dtype == np.float64
    loss, _ = model.loss(ids, np.array([1, 2, 3]))
    loss.backward()
    assert all(p.grad.dtype == np.float64 for p in model.parameters())


@pytest.mark.parametrize("make", [lambda rng: nn.Linear(300, 300, rng=rng), lambda rng: nn.LSTM(300, 8, rng=rng), lambda rng: nn.GRU(300, 8, rng=rng),
                                  lambda rng: nn.RNN(300, 8, rng=rng)], ids=["linear", "lstm", "gru", "rnn"])
def test_a_layer_refuses_numbers_of_another_type(make):
    """They would be read as if they were of its own, which gives NaN or anything."""
    x = np.random.default_rng(0).normal(size=(4, 300, 300))
    with pytest.raises(ShapeError, match=r"x is float64, .*W.* is float32.*x\.astype\("):
        make(np.random.default_rng(1))(Tensor(x))


def test_a_chain_is_given_arrays():
    rng = np.random.default_rng(1)
    linear, norm, last = nn.Linear(3, 4, rng=rng), nn.LayerNorm(4), nn.Linear(4, 2, rng=rng)
    x = rng.normal(size=(5, 3)).astype(np.float32)
    model = nn.Sequential(linear, nn.Dropout(0.5), norm, last)
    np.testing.assert_array_equal(model(x).data, last(norm(linear(Tensor(x)))).data)
    model.loss(x, np.array([0, 1, 1, 0, 1]))[0].backward()
    assert all(p.grad is not None for p in model.parameters())
