"""The gradient that reaches an earlier state is the numeric one, and vanishes and explodes where theory says so."""
import numpy as np
import pytest

from tsuzuri.inside import fresh_models, reach, with_radius
from tsuzuri.models.recurrent import RecurrentConfig, RecurrentLanguageModel
from tsuzuri.nn import States
from tsuzuri.optim import global_norm
from tsuzuri.tensor import Tensor

RNG = np.random.default_rng(5)
IDS, TARGETS = RNG.integers(0, 7, (3, 6)), RNG.integers(0, 7, 3)


def model_of(arch, layers=2):
    config = RecurrentConfig(arch=arch, size=4, layers=layers, dtype="float64")
    model = RecurrentLanguageModel(config, 7, rng=np.random.default_rng(1))
    for parameter in model.parameters():
        parameter.data *= 3                                  # far from the straight part of tanh
    return model


def last_losses(model, state, ids):
    """The loss of the last target of every row, from a state of arrays."""
    targets = np.full(ids.shape, -1)
    targets[:, -1] = TARGETS
    return model.losses(ids, targets, state)[0][:, -1]


def shifted(state, layer, part, unit, by):
    """The state with one number of every row moved."""
    states = [[tensor.data.copy() for tensor in one] for one in state]
    states[layer][part][:, unit] += by
    return States(type(old)(*map(Tensor, new)) for old, new in zip(state, states, strict=True))


@pytest.mark.parametrize("arch", ["rnn", "gru", "lstm"])
def test_norms_are_those_of_the_numeric_gradient(arch):
    """Central differences of every number of the state, 1 to T steps back; their error is about 1e-9."""
    model, eps = model_of(arch), 1e-6
    found = reach(model, IDS, TARGETS)
    state, expected = model.start(3), []
    for t in range(IDS.shape[1]):
        squares = np.zeros(3)
        for layer, part in [(k, p) for k in range(2) for p in range(len(state[0]))]:
            for unit in range(4):
                up, down = (last_losses(model, shifted(state, layer, part, unit, by), IDS[:, t:]) for by in (eps, -eps))
                squares += ((up - down) / (2 * eps)) ** 2
        expected.insert(0, np.sqrt(squares).mean())
        state = model.feed(IDS[:, t:t + 1], state)[1]
    np.testing.assert_allclose(found.norms, expected, rtol=1e-5, atol=1e-9)


@pytest.mark.parametrize("arch", ["rnn", "gru", "lstm"])
def test_the_whole_gradient_is_that_of_the_fused_sequence(arch):
    model = model_of(arch)
    found = reach(model, IDS, TARGETS)
    assert all(parameter.grad is None for parameter in model.parameters())
    targets = np.full(IDS.shape, -1)
    targets[:, -1] = TARGETS
    model.loss(IDS, targets)[0].backward()
    assert found.whole == pytest.approx(global_norm(model.parameters()), rel=1e-9)


def test_a_linear_rnn_shrinks_and_grows_by_its_radius():
    """With an orthogonal Wh and no input tanh is straight: the gradient changes by the radius a step, exactly to 1e-6."""
    ids = np.zeros((1, 30), int)
    for radius in (0.9, 1.1):
        model = fresh_models(8, 5, np.random.default_rng(0))["rnn"]
        layer = model.recurrent.layers[0]
        layer.Wh.data[:] = np.linalg.qr(np.random.default_rng(2).standard_normal((8, 8)))[0]
        layer.b.data[:], model.embed.W.data[:] = 0, 0
        found = reach(with_radius(model, radius), ids, np.array([1]))
        assert found.rate == pytest.approx(radius, rel=1e-6)
        np.testing.assert_allclose(found.norms[1:] / found.norms[:-1], radius, rtol=1e-6)


def test_a_fresh_lstm_carries_farther_than_a_shrinking_rnn():
    """The forget gate starts near sigma(1) = 0.73: an RNN of radius 0.5 must lose more a step."""
    models = fresh_models(16, 9, np.random.default_rng(0))
    ids, targets = RNG.integers(0, 9, (4, 40)), RNG.integers(0, 9, 4)
    lstm, rnn = reach(models["lstm"], ids, targets), reach(with_radius(models["rnn"], 0.5), ids, targets)
    assert 0.6 < lstm.rate < 0.9
    assert rnn.rate < 0.55


def test_what_float32_can_hold_is_measured_though_its_square_cannot_be_held():
    """0.1 a step over 30 steps: gradients near 1e-30, as in float64."""
    ids, found = RNG.integers(0, 5, (2, 30)), {}
    for dtype in ("float32", "float64"):
        model = RecurrentLanguageModel(RecurrentConfig(arch="rnn", size=8, dtype=dtype), 5, rng=np.random.default_rng(0))
        layer = model.recurrent.layers[0]
        layer.Wh.data[:] = np.linalg.qr(np.random.default_rng(2).standard_normal((8, 8)))[0]
        found[dtype] = reach(with_radius(model, 0.1), ids, TARGETS[:2] % 5).norms
    assert 1e-40 < found["float64"][-1] < 1e-25
    np.testing.assert_allclose(found["float32"], found["float64"], rtol=1e-3)
