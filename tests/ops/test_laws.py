"""Laws of the sequence ops and losses: padding means nothing, a batch is its rows, and time can be cut anywhere."""
import numpy as np
import pytest
from cases import gradients, outputs
from hypothesis import given
from hypothesis import strategies as st

from tsuzuri.errors import ConfigError, DataError, ShapeError
from tsuzuri.kernels import inner
from tsuzuri.ops import fused

LAYERS = {fused.RNN: (1, 1, 0), fused.GRU: (3, 1, 1), fused.LSTM: (4, 2, 0)}           # gates, states, further biases
D, H = 3, 4

layers = pytest.mark.parametrize("kind", LAYERS, ids=lambda k: k.__name__)


@pytest.fixture(params=[False, True], ids=["plain", "compiled"])
def either(request):
    with inner.compiled(request.param):
        yield


def problem(kind, N, T, seed=0):
    """x, states, weights, and a gradient for each output."""
    gates, states, extra = LAYERS[kind]
    rng = np.random.default_rng(seed)
    normal = rng.standard_normal
    weights = [normal((D, gates * H)), normal((H, gates * H)), normal(gates * H), *[normal(H)] * extra]
    return normal((N, T, D)), [normal((N, H)) for _ in range(states)], weights, \
        [normal((N, T, H))] + [normal((N, H)) for _ in range(states)]


def run(kind, x, states, weights, douts, lengths=None):
    """(outputs, (dx, dstates..), dweights)."""
    op = kind(lengths)
    outs = outputs(op, (x, *states, *weights))
    grads = gradients(op, tuple(douts))
    return outs, grads[:1 + len(states)], grads[1 + len(states):]


def equal(got, want, tolerance=1e-12):
    for a, b in zip(got, want, strict=True):
        np.testing.assert_allclose(a, b, rtol=tolerance, atol=tolerance)


@layers
@given(lengths=st.lists(st.integers(0, 6), min_size=1, max_size=5), seed=st.integers(0, 99), extra=st.integers(0, 3))
def test_a_padded_row_equals_the_row_alone(kind, either_loop, lengths, seed, extra):
    """Outputs, states and gradients; what stands in the padding, however large, changes nothing."""
    N, T = len(lengths), max(lengths) + extra
    x, states, weights, douts = problem(kind, N, T, seed)
    for n, length in enumerate(lengths):
        x[n, length:] = 1e30
        douts[0][n, length:] = 1e30
    outs, dins, dweights = run(kind, x, states, weights, douts, np.array(lengths))
    total = [0] * len(weights)
    for n, length in enumerate(lengths):
        row = slice(n, n + 1)
        alone = run(kind, x[row, :length], [s[row] for s in states], weights,
                    [douts[0][row, :length], *(d[row] for d in douts[1:])])
        equal([outs[0][row, :length], *(o[row] for o in outs[1:])], alone[0])
        equal([dins[0][row, :length], *(d[row] for d in dins[1:])], alone[1])
        assert not outs[0][n, length:].any()
        assert not dins[0][n, length:].any()
        total = [t + d for t, d in zip(total, alone[2], strict=True)]
    equal(dweights, total)


@pytest.fixture(params=[False, True], ids=["plain", "compiled"], scope="module")
def either_loop(request):
    with inner.compiled(request.param):
        yield


@layers
def test_lengths_of_t_are_no_lengths(kind, either):
    x, states, weights, douts = problem(kind, 3, 5)
    full, none = (run(kind, x, states, weights, douts, lengths) for lengths in (np.full(3, 5), None))
    for a, b in zip(full, none, strict=True):
        equal(a, b, 0)


@layers
@pytest.mark.parametrize("cut", [0, 1, 4, 7])
def test_t_steps_are_a_steps_then_b_steps(kind, either, cut):
    """Forward with the state carried on, and backward with its gradient carried back."""
    x, states, weights, douts = problem(kind, 3, 7)
    whole, dins, dweights = run(kind, x, states, weights, douts)
    first, second = kind(), kind()
    early = outputs(first, (x[:, :cut], *states, *weights))
    late = outputs(second, (x[:, cut:], *early[1:], *weights))
    equal([np.concatenate([early[0], late[0]], axis=1), *late[1:]], whole)
    back = gradients(second, (douts[0][:, cut:], *douts[1:]))
    front = gradients(first, (douts[0][:, :cut], *back[1:1 + len(states)]))
    equal([np.concatenate([front[0], back[0]], axis=1), *front[1:1 + len(states)]], dins)
    equal([a + b for a, b in zip(front[1 + len(states):], back[1 + len(states):], strict=True)], dweights)


@layers
def test_lengths_that_do_not_fit_are_refused(kind, either):
    x, states, weights, douts = problem(kind, 3, 5)
    with pytest.raises(ShapeError, match=r"lengths has shape \(2,\); it needs one length for each of the 3 rows"):
        run(kind, x, states, weights, douts, np.array([1, 2]))


@given(targets=st.lists(st.integers(-1, 4), min_size=1, max_size=7), smoothing=st.sampled_from([0.0, 0.2]))
def test_ignored_targets_leave_no_trace(targets, smoothing):
    """The rows that count give the loss alone; logits of 1e30 in the others change neither the loss nor a gradient."""
    rng, targets = np.random.default_rng(1), np.array(targets)
    z, counts = rng.standard_normal((len(targets), 5)), targets >= 0
    z[~counts] = 1e30
    for on in (False, True):
        with inner.compiled(on):
            op, alone = fused.CrossEntropy(targets, smoothing), fused.CrossEntropy(targets[counts], smoothing)
            (loss,), (want,) = outputs(op, (z,)), outputs(alone, (z[counts],))
            (dz,), (dwant,) = gradients(op, (np.array(2.0),)), gradients(alone, (np.array(2.0),))
        assert loss == pytest.approx(float(want), rel=1e-14)
        equal([dz[counts]], [dwant], 1e-15)
        assert not dz[~counts].any()


def test_linear_cross_entropy_is_the_composition(either):
    """With the weight a view of an embedding table, as tied weights are, and x laid out by time, as an LSTM has it."""
    rng = np.random.default_rng(3)
    E, b, targets = rng.standard_normal((9, 4)), rng.standard_normal(9), rng.integers(-1, 9, (3, 5))
    x = rng.standard_normal((5, 3, 4)).transpose(1, 0, 2)
    op, alone = fused.LinearCrossEntropy(targets, 0.1), fused.CrossEntropy(targets, 0.1)
    (loss,), (want,) = outputs(op, (x, E.T, b)), outputs(alone, (x @ E.T + b,))
    dx, dW, db = gradients(op, (np.array(-1.5),))
    d, = gradients(alone, (np.array(-1.5),))
    assert float(loss) == pytest.approx(float(want), rel=1e-14)
    equal([dx, dW, db], [d @ E, np.einsum("nth,ntv->hv", x, d), d.sum((0, 1))], 1e-14)


@pytest.mark.parametrize("make", [fused.CrossEntropy, fused.LinearCrossEntropy])
def test_targets_that_do_not_fit_are_refused(make):
    x, W, b = np.zeros((2, 3, 4)), np.zeros((4, 4)), np.zeros(4)
    arrays = (x, W, b) if make is fused.LinearCrossEntropy else (x,)
    for wrong in (np.zeros((3, 2), int), np.zeros(6, int)):
        with pytest.raises(ShapeError, match=r"should be \(2, 3\)"):
            make(wrong).forward(*arrays)
    for bad in (4, -2):
        with pytest.raises(DataError, match=f"target {bad} is not an id of a vocabulary of 4"):
            make(np.full((2, 3), bad)).forward(*arrays)


def test_sigmoid_targets_do_not_broadcast():
    with pytest.raises(ShapeError, match="must have one shape"):
        fused.SigmoidCrossEntropy(np.zeros(3)).forward(np.zeros((3, 1)))


def test_not_a_number_is_passed_on(either):
    """A loss computed from NaN must be NaN, else a training that broke goes on unseen."""
    for dtype in (np.float32, np.float64):
        z, targets = np.zeros((2, 40), dtype), np.array([0, 1])
        z[1, 33] = np.nan
        loss, = outputs(fused.CrossEntropy(targets), (z,))
        assert np.isnan(loss)
        y, = outputs(fused.Softmax(), (z,))
        assert np.isnan(y[1]).all()
        assert not np.isnan(y[0]).any()
    for kind in LAYERS:
        x, states, weights, _ = problem(kind, 2, 5)
        x[1, 2] = np.nan
        hs = outputs(kind(), (x, *states, *weights))[0]
        assert np.isnan(hs[1, 2:]).all()
        assert not np.isnan(hs[0]).any()
        assert not np.isnan(hs[1, :2]).any()


def test_far_out_values_do_not_overflow(either):
    for dtype in (np.float32, np.float64):
        z = np.array([[1e4, -1e4, 0], [-1e38, 0, 1e38]], dtype)
        y, = outputs(fused.Softmax(), (z,))
        np.testing.assert_allclose(y, [[1, 0, 0], [0, 0, 1]], atol=1e-37)
        loss, = outputs(fused.CrossEntropy(np.array([1])), (z[:1],))
        assert float(loss) == pytest.approx(2e4)


def test_a_masked_logit_gets_no_probability(either):
    """-inf stands for "may not be chosen": exactly 0, whichever loop computes it."""
    for dtype in (np.float32, np.float64):
        z = np.array([[0.5, -np.inf, 1.0, -np.inf]], dtype)
        y, = outputs(fused.Softmax(), (z,))
        assert y[0, 1] == y[0, 3] == 0
        assert y.sum() == pytest.approx(1)


def test_indices_in_an_array_are_refused_by_slice():
    """dx[key] = dy would drop what an id that comes twice should add."""
    from tsuzuri.ops.shape import Slice
    for key in (np.array([0, 0]), [0, 0], (slice(None), np.array([True, False]))):
        with pytest.raises(ConfigError, match="use embedding or gather"):
            Slice(key)
    assert Slice(np.int64(1)).forward(np.arange(3.0)) == 1
