"""Neural Turing Machines: the laws of a layer with a state, how they start, and what a controller without recurrence knows."""
import numpy as np
import pytest

from tsuzuri.errors import ConfigError
from tsuzuri.models.memory import AnsweringLSTMConfig, NTMConfig, make_answering
from tsuzuri.nn.memory import BLANK, CONTROLLERS
from tsuzuri.tensor import Tensor

both = pytest.mark.parametrize("controller", CONTROLLERS)


def machine(controller, reads=2, writes=1, dtype=np.float64, seed=1):
    return CONTROLLERS[controller](3, 6, 9, 4, reads, writes, 1, rng=np.random.default_rng(seed), dtype=dtype)


def xs(N=4, T=7, seed=2):
    return np.random.default_rng(seed).standard_normal((N, T, 3))


def arrays(found):
    zs, weights, state = found
    return [zs.data, weights.data, *(part.data for part in state if part is not None)]


def same(a, b):
    assert len(a) == len(b)
    for one, other in zip(a, b, strict=True):
        np.testing.assert_allclose(one, other, rtol=0, atol=1e-12)


@both
def test_a_batch_is_its_rows_one_by_one(controller):
    net, x = machine(controller), xs()
    whole = arrays(net(Tensor(x)))
    for n in range(len(x)):
        same([a[n:n + 1] for a in whole], arrays(net(Tensor(x[n:n + 1]))))


@both
def test_steps_at_once_are_steps_one_after_another(controller):
    """In pieces of 3, 0, 1 and 3 steps, the state handed on; and the gradient flows through it."""
    net, x = machine(controller), xs()
    zs, weights, state = net(Tensor(x))
    pieces, now = [], None
    for low, high in ((0, 3), (3, 3), (3, 4), (4, 7)):
        piece_zs, piece_weights, now = net(Tensor(x[:, low:high]), now)
        pieces.append((piece_zs, piece_weights))
    same([np.concatenate([piece[k].data for piece in pieces], axis=1) for k in (0, 1)], [zs.data, weights.data])
    same([part.data for part in now if part is not None], [part.data for part in state if part is not None])
    grads = []
    for last in (zs[:, -1], pieces[-1][0][:, -1]):
        net.zero_grad()
        (last * last).sum().backward()
        grads.append([p.grad for p in net.parameters()])
    same(*grads)


@both
def test_a_state_is_taken_by_rows_and_cut_off(controller):
    net, x = machine(controller), xs()
    _, _, state = net(Tensor(x))
    rows = np.array([2, 2, 0])
    same(arrays(net(Tensor(x[rows]), state.take(rows))), [a[rows] for a in arrays(net(Tensor(x), state))])
    assert all(part is None or part.op is None for part in state.detach())


@both
def test_the_start(controller):
    """A blank memory, every head near the first slot, and starts that are the same for all rows and are learnt."""
    net = machine(controller)
    z, _, weights, memory = net.initial_state(3)
    assert (memory.data == BLANK).all()
    assert (weights.data.argmax(2) == 0).all()
    np.testing.assert_allclose(weights.data.sum(2), 1)
    assert (z.data[:, :6] == 0).all()
    assert (z.data == z.data[0]).all()
    zs, *_ = net(Tensor(xs()))
    (zs * zs).sum().backward()
    assert all(np.abs(net.__dict__[name].grad).max() > 0 for name in ("read", "places"))


def test_a_controller_without_recurrence_knows_the_past_by_its_memory_alone():
    """Two states that differ in the output of the controller alone go on alike; those of an LSTM do not."""
    for controller, alike in (("feedforward", True), ("lstm", False)):
        net, x = machine(controller), xs()
        state = net.initial_state(4)
        other = state._replace(z=Tensor(np.concatenate([np.ones((4, 6)), state.z.data[:, 6:]], axis=1)))
        assert np.allclose(net(Tensor(x), state)[0].data, net(Tensor(x), other)[0].data, rtol=0, atol=1e-12) == alike


@both
def test_what_is_written_is_read_only_later(controller):
    """In the first step all heads see the memory as it was, whatever comes in."""
    net = machine(controller, reads=1)
    zs, weights, _ = net(Tensor(xs()))
    np.testing.assert_allclose(zs.data[:, 0, 6:], BLANK, rtol=1e-9)
    np.testing.assert_allclose(weights.data.sum(3), 1, rtol=1e-12)
    assert np.abs(zs.data[:, 1:, 6:]).min() > 1e-4


def test_no_heads_are_refused():
    with pytest.raises(ConfigError, match="0 heads to read and 0 to write were asked for; a machine needs at least one"):
        machine("lstm", reads=0, writes=0)


@pytest.mark.parametrize(("given", "message"), [
    ({"size": 0}, "size is 0; it must be 1 to 100,000."), ({"slots": 0}, "slots is 0; it must be 1 to 100,000."),
    ({"width": -1}, "width is -1; it must be 1 to 100,000."), ({"read_heads": 0}, "read_heads is 0; it must be 1 to 1,000."),
    ({"write_heads": 0}, "write_heads is 0; it must be 1 to 1,000."), ({"shift": -1}, "shift is -1; it must be 0 to 100."),
    ({"controller": "lstn"}, 'controller "lstn" is unknown (did you mean "lstm"?); choose one of lstm, feedforward.'),
    ({"dtype": "float16"}, "dtype float16 is too short for these models; take float32.")])
def test_settings_that_do_not_fit(given, message):
    with pytest.raises(ConfigError) as error:
        NTMConfig(**given)
    assert str(error.value) == message


@pytest.mark.parametrize("config", [NTMConfig(size=5, slots=6, width=3, dtype="float64"), NTMConfig(size=5, slots=6, width=3, controller="feedforward"),
                                    AnsweringLSTMConfig(size=5, layers=2)], ids=["lstm controller", "feedforward controller", "lstm"])
def test_the_loss_is_the_mean_of_the_bits_that_are_asked_for(config):
    model = make_answering(config, 3, 2, np.random.default_rng(1))
    rng = np.random.default_rng(3)
    inputs, targets = xs().astype(np.float32), rng.integers(0, 2, (4, 7, 2)).astype(np.float32)
    targets[:, :3] = np.nan
    losses, state = model.losses(inputs, targets)
    p = 1 / (1 + np.exp(-model.answer(inputs).astype(np.float64)))
    known = ~np.isnan(targets)
    np.testing.assert_allclose(losses[known], -np.log(np.where(targets == 1, p, 1 - p))[known], rtol=1e-5)
    assert (losses[~known] == 0).all()
    loss, penalty, _ = model.training_loss(inputs, targets)
    assert (penalty, state) == (None, None)
    assert loss.item() == pytest.approx(losses.sum() / known.sum(), rel=1e-5)
    moved = inputs.copy()
    moved[:, -1] += 1                                        # the last step is known to nobody before it
    np.testing.assert_allclose(model.answer(moved)[:, :-1], model.answer(inputs)[:, :-1], rtol=1e-6)
