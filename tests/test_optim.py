"""Every optimiser against its formula, written out in float64 with nothing of the package in it."""
import numpy as np
import pytest

from tsuzuri.errors import ConfigError, RunError
from tsuzuri.kernels.inner import compiled
from tsuzuri.nn import Module, Parameter
from tsuzuri.optim import (
    NTASGD,
    OPTIMIZERS,
    USUAL_DECAY,
    USUAL_RATE,
    Adam,
    Momentum,
    clip_factor,
    global_norm,
    make_optimizer,
)
from tsuzuri.sparse import RowSparse

NAMES = [name for name in OPTIMIZERS if name != "nt-asgd"]         # which has tests of its own below
LR, DECAY, SCALE, STEPS = 0.1, 0.01, 0.5, 6
RNG = np.random.default_rng(0)
START = RNG.standard_normal((5, 3))
GRADS = RNG.standard_normal((STEPS, 5, 3))

every = pytest.mark.parametrize("name", NAMES)
either = pytest.mark.parametrize("fast", [False, True], ids=["plain", "compiled"])


class Table(Module):
    def __init__(self, dtype=np.float64, start=START):
        self.W = Parameter(start.astype(dtype))


def by_hand(name, w, grads, lr, decay):
    """Textbook updates, one weight array, a list of gradients."""
    w, v, s, t = w.astype(np.float64), 0.0, 0.0, 0
    for g in grads:
        t, w = t + 1, w - lr * decay * w
        if name == "sgd":
            w = w - lr * g
        elif name in ("momentum", "nesterov"):
            v = 0.9 * v + g
            w = w - lr * (v if name == "momentum" else g + 0.9 * v)
        elif name == "adagrad":
            s = s + g ** 2
            w = w - lr * g / (np.sqrt(s) + 1e-10)
        elif name == "rmsprop":
            s = 0.99 * s + 0.01 * g ** 2
            w = w - lr * g / (np.sqrt(s) + 1e-8)
        else:
            v, s = 0.9 * v + 0.1 * g, 0.999 * s + 0.001 * g ** 2
            w = w - lr * (v / (1 - 0.9 ** t)) / (np.sqrt(s / (1 - 0.999 ** t)) + 1e-8)
    return w


def run(name, grads, *, dtype=np.float64, decay=DECAY, scale=SCALE, fast=True):
    model = Table(dtype)
    optimizer = make_optimizer(name, model, decay)
    with compiled(fast):
        for g in grads:
            model.W.grad = g.astype(dtype)
            optimizer.step(LR, scale)
            assert model.W.grad is None
    return model, optimizer


@every
@either
@pytest.mark.parametrize(("dtype", "tolerance"), [(np.float64, 1e-13), (np.float32, 5e-5)], ids=["float64", "float32"])
def test_equals_the_formula(name, fast, dtype, tolerance):
    """Six steps with decay; the gradient is taken times the scale of clipping."""
    model, optimizer = run(name, GRADS, dtype=dtype, fast=fast)
    assert model.W.dtype == dtype
    assert all(a.dtype == dtype for a in optimizer.arrays().values())
    np.testing.assert_allclose(model.W.data, by_hand(name, START, GRADS * SCALE, LR, DECAY), rtol=tolerance, atol=tolerance)


@every
def test_equals_pytorch(name):
    """Without decay all seven; with it AdamW only.

    PyTorch's other optimisers add the decay to the gradient (L2), where here it is taken off the weight for all of
    them.  Its momentum starts with v = g as ours does, and multiplies by the rate outside of the velocity, as ours.
    """
    torch = pytest.importorskip("torch")
    T = torch.optim
    make = {"sgd": lambda p: T.SGD(p, LR), "momentum": lambda p: T.SGD(p, LR, momentum=0.9),
            "nesterov": lambda p: T.SGD(p, LR, momentum=0.9, nesterov=True), "adagrad": lambda p: T.Adagrad(p, LR),
            "rmsprop": lambda p: T.RMSprop(p, LR), "adam": lambda p: T.Adam(p, LR),
            "adamw": lambda p: T.AdamW(p, LR, weight_decay=0.01)}
    theirs = torch.tensor(START.copy(), requires_grad=True)
    optimizer = make[name]([theirs])
    for g in GRADS:
        theirs.grad = torch.tensor(g)
        optimizer.step()
    ours = run(name, GRADS, decay=0.01 if name == "adamw" else 0.0, scale=1.0)[0]
    np.testing.assert_allclose(ours.W.data, theirs.detach().numpy(), rtol=1e-12, atol=1e-12)


@every
@either
def test_sparse_rows_cost_and_change_what_they_touch(name, fast):
    """The rows given move as in a dense step; the others, and their memory, keep every bit."""
    model, dense = Table(), Table()
    optimizer, other = make_optimizer(name, model, DECAY), make_optimizer(name, dense, DECAY)
    ids = np.array([1, 4])
    with compiled(fast):
        for step, g in enumerate(GRADS[:3]):
            model.W.grad, dense.W.grad = RowSparse(ids, g[ids].copy(), START.shape), g.copy()
            optimizer.step(LR, SCALE)
            other.step(LR, SCALE)
            np.testing.assert_allclose(model.W.data[ids], dense.W.data[ids], rtol=1e-14, err_msg=f"step {step}")
    np.testing.assert_array_equal(model.W.data[[0, 2, 3]], START[[0, 2, 3]])
    for a in optimizer.arrays().values():
        assert not a[[0, 2, 3]].any()
        assert a[ids].all()


@every
def test_a_weight_laid_out_in_columns_is_moved_in_place(name):
    """A parameter may be a transposed array, and its gradient then is too."""
    model, straight = Table(start=START), Table(start=START)
    model.W.data = np.asfortranarray(START.copy())
    for m, order in ((model, "F"), (straight, "C")):
        optimizer = make_optimizer(name, m, DECAY)
        for g in GRADS:
            m.W.grad = np.array(g, order=order)
            optimizer.step(LR, SCALE)
    np.testing.assert_allclose(model.W.data, straight.W.data, rtol=1e-14)


@every
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_loaded_from_a_checkpoint_it_goes_on_to_the_bit(name, dtype):
    model, optimizer = run(name, GRADS[:3], dtype=dtype)
    again = Table(dtype, model.W.data)
    other = make_optimizer(name, again, DECAY)
    other.load({slot: a.copy() for slot, a in optimizer.arrays().items()}, optimizer.notes())
    for g in GRADS[3:]:
        for m, o in ((model, optimizer), (again, other)):
            m.W.grad = g.astype(dtype)
            o.step(LR, SCALE)
    assert again.W.data.tobytes() == model.W.data.tobytes()
    for slot, a in optimizer.arrays().items():
        assert other.arrays()[slot].tobytes() == a.tobytes(), slot


def test_the_slots_of_another_optimiser_are_refused():
    with pytest.raises(RunError, match="another optimiser"):
        Adam(Table()).load(Momentum(Table()).arrays(), {"steps": 3})


def test_a_parameter_without_a_gradient_stays():
    """Also under weight decay: it took no part in the step."""
    for name in NAMES:
        model = Table()
        make_optimizer(name, model, 0.5).step(LR)
        np.testing.assert_array_equal(model.W.data, START, err_msg=name)


def test_a_tied_parameter_is_moved_once():
    model = Table()
    model.again = model.W
    optimizer = make_optimizer("sgd", model)
    model.W.grad = np.ones_like(START)
    optimizer.step(1.0)
    np.testing.assert_array_equal(model.W.data, START - 1)


def test_an_unknown_optimiser_is_named_with_the_nearest():
    with pytest.raises(ConfigError, match=r'"adm" is unknown \(did you mean "adam"\?\); choose one of sgd, nt-asgd, momentum'):
        make_optimizer("adm", Table())


def averaging(losses, grads=GRADS, **settings):
    """NT-ASGD that is told a loss after each step; the weights after each step beside it."""
    model, passed = Table(), []
    optimizer = NTASGD(model, **settings)
    for g, loss in zip(grads, losses):
        model.W.grad = g.copy()
        optimizer.step(LR)
        passed.append(model.W.data.copy())
        optimizer.validated(loss)
    return model, optimizer, passed


@pytest.mark.parametrize("fast", [False, True], ids=["plain", "compiled"])
def test_averaging_begins_when_a_loss_is_above_the_best_of_some_validations_ago(fast):
    """Patience 2: 3.0 is below all, and 4.2 above the 4.0 of three validations ago: the last two steps are averaged."""
    with compiled(fast):
        model, optimizer, passed = averaging([4.0, 5.0, 3.0, 4.2, 9.0, 9.0], patience=2)
    np.testing.assert_array_equal(model.W.data, passed[-1])
    with optimizer.judged():
        np.testing.assert_allclose(model.W.data, (passed[-1] + passed[-2]) / 2, rtol=1e-14)
    np.testing.assert_array_equal(model.W.data, passed[-1])


def test_averaging_without_patience_begins_at_the_first_loss_above_the_best():
    _, optimizer, _ = averaging([4.0, 5.0, 4.5, 3.0], patience=0)
    assert optimizer.averaged == 2


def test_without_averaging_the_weights_are_those_of_sgd_and_judged_as_they_are():
    model, optimizer, _ = averaging([6.0, 5.0, 4.0, 3.0, 2.0, 1.0], patience=2)
    np.testing.assert_allclose(model.W.data, by_hand("sgd", START, GRADS, LR, 0.0), rtol=1e-14)
    with optimizer.judged():
        np.testing.assert_allclose(model.W.data, by_hand("sgd", START, GRADS, LR, 0.0), rtol=1e-14)


@pytest.mark.parametrize("at", [1, 4, 5])
def test_averaging_loaded_from_a_checkpoint_goes_on_to_the_bit(at):
    losses = [4.0, 5.0, 3.0, 4.2, 9.0, 9.0]
    whole, optimizer, _ = averaging(losses, patience=2)
    begun, first, _ = averaging(losses[:at], patience=2)
    other = NTASGD(begun, patience=2)
    other.load(first.arrays(), first.notes())
    for g, loss in zip(GRADS[at:], losses[at:]):
        begun.W.grad = g.copy()
        other.step(LR)
        other.validated(loss)
    with optimizer.judged(), other.judged():
        assert whole.W.data.tobytes() == begun.W.data.tobytes()


def test_every_optimiser_has_its_usual_settings():
    assert set(USUAL_RATE) == set(USUAL_DECAY) == set(OPTIMIZERS)


def test_global_norm_and_clipping():
    model = Table()
    model.b, model.unused = Parameter(np.zeros(2)), Parameter(np.zeros(2))
    model.W.grad, model.b.grad = RowSparse(np.array([2]), np.array([[1.0, 2.0, 2.0]]), START.shape), np.array([4.0, 0.0])
    assert global_norm(model.parameters()) == 5.0
    assert [clip_factor(5.0, limit) for limit in (2.5, 5.0, 10.0, 0.0, None)] == [0.5, 1, 1, 1, 1]
    assert clip_factor(0.0, 1.0) == 1.0
