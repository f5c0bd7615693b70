"""Forecasters: a batch equals its rows, what is taken off a window is put back, gradients of whole models, the linear model by its definition."""
import numpy as np
import pytest
from msgspec.structs import replace

from tsuzuri import ops
from tsuzuri.errors import ConfigError
from tsuzuri.models.linear_forecast import PENALTIES, LinearForecaster
from tsuzuri.models.series import ARCHITECTURES, SeriesModel
from tsuzuri.models.windows import Sizes, view
from tsuzuri.tensor import Tensor

SIZES = Sizes(inputs=3, outputs=2, window=6, horizon=4, phases=2, season=3)
KINDS = {
    "rnn": {}, "gru": {"base": "season", "layers": 2}, "lstm": {"base": "none", "normalise": "window"},
    "attention": {"cell": "gru", "loss": "squared"}, "lstm, differenced": {"difference": 2, "normalise": "window", "base": "season"},
    "lstm, linear": {"base": "linear", "normalise": "window"}, "attention, linear": {"base": "linear", "quantiles": "0.25,0.5"},
}


def windows(rows=5, sizes=SIZES, seed=0, dtype="float64"):
    rng = np.random.default_rng(seed)
    x = rng.standard_normal((rows, sizes.window + sizes.difference, sizes.inputs + sizes.phases)).cumsum(1)
    return x.astype(dtype), rng.standard_normal((rows, sizes.horizon, sizes.outputs)).astype(dtype)


def model_of(kind, dtype="float64", seed=1, sizes=SIZES, **more):
    arch = kind.split(",")[0]
    config = ARCHITECTURES[arch][0](**({"arch": arch, "size": 5, "dtype": dtype} | KINDS.get(kind, {}) | more))
    sizes = sizes._replace(difference=config.difference)
    linear = LinearForecaster.fit(sizes, windows(60, sizes, 7), windows(20, sizes, 8)) if config.base == "linear" else None
    model = SeriesModel(config, sizes, linear, rng=np.random.default_rng(seed))
    for p in (model.head.out.W, model.head.out.b):           # which start at zero
        p.data[...] = np.random.default_rng(seed).standard_normal(p.shape)
    return model


@pytest.mark.parametrize("kind", KINDS)
def test_a_batch_equals_its_rows_one_by_one(kind):
    model = model_of(kind)
    x, y = windows(sizes=model.sizes)
    whole, losses = model.predict(x), model.losses(x, y)[0]
    assert whole.shape == (5, 4, 2, len(model.levels))
    for n in range(5):
        np.testing.assert_allclose(model.predict(x[n:n + 1])[0], whole[n], rtol=1e-12)
        np.testing.assert_allclose(model.losses(x[n:n + 1], y[n:n + 1])[0][0], losses[n], rtol=1e-10, atol=1e-14)
    assert model.training_loss(x, y)[0].item() == pytest.approx(losses.mean(), rel=1e-12)
    assert (np.diff(whole, axis=-1) >= 0).all()


@pytest.mark.parametrize("kind", KINDS)
def test_the_gradient_of_the_loss_by_every_parameter(kind):
    model = model_of(kind)
    x, y = windows(sizes=model.sizes)
    y[1, 2, 0] = np.nan
    model.training_loss(x, y)[0].backward()
    rng = np.random.default_rng(3)
    for name, p in model.named_parameters():
        v, kept = rng.standard_normal(p.shape), p.data.copy()

        def loss(by, p=p, v=v, kept=kept):
            p.data[...] = kept + by * 1e-5 * v
            return model.training_loss(x, y)[0].item()

        numeric = (8 * (loss(1) - loss(-1)) - (loss(2) - loss(-2))) / 12e-5
        p.data[...] = kept
        assert float((p.grad * v).sum()) == pytest.approx(numeric, rel=1e-5, abs=1e-9), name


def test_a_target_that_does_not_count_changes_neither_loss_nor_gradient():
    for loss in ("pinball", "squared"):
        model = model_of("lstm", loss=loss)
        x, y = windows()
        y[0, 1:] = np.nan
        first = model.training_loss(x, y)[0]
        first.backward()
        grads = [p.grad.copy() for p in model.parameters()]
        assert first.item() == pytest.approx(model.losses(x, y)[0].sum() / np.isfinite(y).sum(), rel=1e-12)
        assert all(np.isfinite(grad).all() for grad in grads)
        assert (model.losses(x, y)[0][0, 1:] == 0).all()


@pytest.mark.parametrize("kind", ["rnn", "gru", "lstm", "attention"])
def test_a_normalised_window_may_have_any_level_and_spread(kind):
    """What is said moves and stretches with the window: reversible."""
    model = model_of(kind, base="last", normalise="window", quantiles="0.1,0.5,0.9", loss="pinball")
    x, _ = windows()
    x *= 100                                                 # beside which the term that keeps the spread above zero is nothing
    moved = x.copy()
    moved[:, :, :3] = moved[:, :, :3] * np.array([2.0, 3.0, 0.5]) + np.array([-700.0, 40.0, 5.0])
    want = model.predict(x) * np.array([2.0, 3.0])[:, None] + np.array([-700.0, 40.0])[:, None]
    np.testing.assert_allclose(model.predict(moved), want, rtol=1e-4)
    plain = model_of(kind, base="last", normalise="none")
    assert not np.allclose(plain.predict(moved)[..., :1], want[..., :1], rtol=1e-2)


def test_a_network_that_says_nothing_says_its_base():
    x, _ = windows()
    new = SeriesModel(model_of("lstm").config, SIZES, rng=np.random.default_rng(0))
    assert not new.head.out.W.data.any()                     # as a new one does
    x2 = windows(sizes=SIZES._replace(difference=2))[0]
    for base, want in (("none", np.zeros((5, 4, 2))), ("last", x[:, [5, 5, 5, 5], :2]), ("season", x[:, [3, 4, 5, 3], :2])):
        for normalise in ("none", "window"):
            model = model_of("lstm", base=base, normalise=normalise)
            model.head.out.W.data[...] = model.head.out.b.data[...] = 0
            if base == "none" and normalise == "window":
                want = x[:, :, :2].mean(1, keepdims=True) + np.zeros((5, 4, 2))
            np.testing.assert_allclose(model.predict(x)[..., 0], want, rtol=1e-12, atol=1e-12)
    late = model_of("lstm", base="season", difference=2)
    late.head.out.W.data[...] = late.head.out.b.data[...] = 0
    np.testing.assert_allclose(late.predict(x2)[..., 1], x2[:, [5, 6, 7, 5], :2])


def test_changes_know_no_level():
    model = model_of("gru", base="last", difference=1)
    x, _ = windows(sizes=model.sizes)
    moved = x.copy()
    moved[:, :, :3] += 5
    np.testing.assert_allclose(model.predict(moved), model.predict(x) + 5, rtol=1e-12)
    with pytest.raises(ConfigError, match=r"difference is 3, but the windows have 1 rows more"):
        SeriesModel(replace(model.config, difference=3), model.sizes, rng=np.random.default_rng(0))


def test_the_calendar_is_read():
    model = model_of("lstm")
    x, _ = windows()
    other = x.copy()
    other[:, :, 3:] = 0
    assert not np.allclose(model.predict(other), model.predict(x))


def test_dropout_is_for_training_alone():
    model = model_of("attention", dropout=0.5)
    x, y = windows()
    assert model.training_loss(x, y)[0].item() == model.training_loss(x, y)[0].item()
    rng = np.random.default_rng(1)
    assert model.training_loss(x, y, rng=rng)[0].item() != model.training_loss(x, y, rng=rng)[0].item()
    with pytest.raises(ConfigError, match=r"base season repeats the last 9 rows, and a window has 6"):
        model_of("lstm", base="season", sizes=SIZES._replace(season=9))
    with pytest.raises(ConfigError, match=r"base is last, but a column that is estimated"):
        model_of("lstm", base="last", sizes=SIZES._replace(forecast=False, horizon=1))


def test_the_attention_of_a_step_by_hand():
    model = model_of("attention")
    head, rng = model.head, np.random.default_rng(5)
    hs, h = rng.standard_normal((5, 6, 5)), rng.standard_normal((5, 5))
    said = head(Tensor(hs), Tensor(h), model.dropout, None).data
    for n in range(5):
        for k in range(4):
            q = h[n] @ head.query.W.data + head.query.b.data + head.steps.data[k]
            scores = (hs[n] @ head.key.W.data + head.key.b.data) @ q / np.sqrt(5)
            weights = np.exp(scores) / np.exp(scores).sum()
            want = np.concatenate([weights @ hs[n], np.tanh(q)]) @ head.out.W.data + head.out.b.data
            np.testing.assert_allclose(said[n, k], want, rtol=1e-10)


def test_the_same_as_pytorch():
    torch = pytest.importorskip("torch")
    model = model_of("lstm", base="last", normalise="none", loss="squared", sizes=SIZES._replace(phases=0))
    x, y = windows(sizes=model.sizes)
    arrays = {name: torch.tensor(a) for name, a in model.arrays().items()}
    net = torch.nn.LSTM(3, 5, batch_first=True).double()
    weights = {"weight_ih_l0": arrays["encoder.layers.0.Wx"].T, "weight_hh_l0": arrays["encoder.layers.0.Wh"].T,
               "bias_ih_l0": arrays["encoder.layers.0.b"], "bias_hh_l0": torch.zeros(20).double()}
    hs, _ = torch.func.functional_call(net, weights, (torch.tensor(x),))
    said = (hs[:, -1] @ arrays["head.out.W"] + arrays["head.out.b"]).view(5, 4, 2) + torch.tensor(x)[:, -1:, :2]
    np.testing.assert_allclose(model.predict(x)[..., 0], said.numpy(), rtol=1e-10)
    assert model.training_loss(x, y)[0].item() == pytest.approx(torch.nn.functional.mse_loss(said, torch.tensor(y)).item(), rel=1e-10)


# The linear model

def test_ridge_regression_solves_its_equations():
    sizes = SIZES._replace(inputs=2, phases=0, season=1)
    train, valid = windows(50, sizes, 1), windows(20, sizes, 2)
    linear = LinearForecaster.fit(sizes, train, valid)
    seen = view(train[0], sizes, linear.base, linear.normalise)
    Z, Y = seen.z.reshape(50, -1), seen.off(train[1]).reshape(50, -1)
    Zc, Yc = Z - Z.mean(0), Y - Y.mean(0)
    want = np.linalg.solve(Zc.T @ Zc / 50 + linear.penalty * np.eye(12), Zc.T @ Yc / 50)
    np.testing.assert_allclose(linear.W, want, rtol=1e-7, atol=1e-10)
    np.testing.assert_allclose(linear(train[0]), seen.back((Z @ linear.W + linear.b).reshape(seen.base.shape)), rtol=1e-12)


@pytest.mark.parametrize("forecast", [True, False])
def test_what_is_linear_is_found(forecast):
    sizes = Sizes(inputs=2, outputs=1, window=5, horizon=3 if forecast else 1, forecast=forecast)
    rng = np.random.default_rng(4)
    W = rng.standard_normal((10, sizes.horizon))

    def pairs(rows, seed):
        x, _ = windows(rows, sizes, seed)
        return x, (x.reshape(rows, -1) @ W)[..., None] + 3
    linear = LinearForecaster.fit(sizes, pairs(200, 1), pairs(50, 2))
    assert (linear.base in ("none", "last"), linear.normalise, linear.penalty) == (True, "none", PENALTIES[0])
    x, y = pairs(30, 3)
    np.testing.assert_allclose(linear(x), y, atol=1e-3)


def test_the_choice_is_the_best_on_the_validation_windows_and_without_them_on_the_last_of_training():
    train, valid = windows(80, SIZES, 1), windows(30, SIZES, 2)
    chosen = LinearForecaster.fit(SIZES, train, valid)
    error = ((chosen(valid[0]) - valid[1]) ** 2).mean()
    last = view(valid[0], SIZES, "last")
    assert error <= ((last.base - valid[1]) ** 2).mean() * 1.01                      # which a large penalty comes near to
    nothing = tuple(a[:0] for a in valid)
    one, two = LinearForecaster.fit(SIZES, train, nothing), LinearForecaster.fit(SIZES, tuple(a[:64] for a in train), tuple(a[64:] for a in train))
    np.testing.assert_array_equal(one.W, two.W)


def test_losses_by_hand():
    y, targets = np.array([[1.0, 2.0, 4.0], [0.0, 1.0, 1.0]]), np.array([3.0, np.nan])
    loss = ops.pinball(Tensor(y), targets, np.array([0.1, 0.5, 0.9]))
    assert loss.item() == pytest.approx((0.1 * 2 + 0.5 * 1 + 0.1 * 1) / 3)
    assert ops.squared_error(Tensor(y[:, 1]), targets).item() == pytest.approx(1.0)
    sample = np.random.default_rng(0).exponential(size=4000)
    grid = np.linspace(0, 5, 501)
    for q in (0.1, 0.5, 0.9):
        losses = [ops.pinball(Tensor(np.full((4000, 1), at)), sample, np.array([q])).item() for at in grid]
        assert grid[int(np.argmin(losses))] == pytest.approx(np.quantile(sample, q), abs=0.02)
