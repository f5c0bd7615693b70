"""The gradient check finds what is right right, and what is wrong wrong, by name."""
import numpy as np
import pytest

from tsuzuri import gradcheck
from tsuzuri.gradcheck import TOLERANCE, check_gradients, check_language_model
from tsuzuri.models.recurrent import RecurrentConfig
from tsuzuri.nn import Module, Parameter
from tsuzuri.ops import fused
from tsuzuri.tensor import Tensor

ARCHS = {"rnn": fused.RNN, "gru": fused.GRU, "lstm": fused.LSTM}


def config(**changes):
    return RecurrentConfig(**({"size": 6, "layers": 2} | changes))


@pytest.mark.parametrize("arch", ARCHS)
@pytest.mark.parametrize("tie", [False, True], ids=["free", "tied"])
@pytest.mark.parametrize("dropout", [0.0, 0.5])
def test_every_language_model_is_right(arch, tie, dropout):
    """Also with a float32 config: the check itself is in float64."""
    rows = list(check_language_model(config(arch=arch, tie=tie, dropout=dropout), vocabulary=13))
    assert len(rows) == (2 if tie else 3) + 2 * (4 if arch == "gru" else 3)
    assert all(row.right for row in rows), [row for row in rows if not row.right]
    assert max(row.error for row in rows) < TOLERANCE
    assert all(row.exact for row in rows)                    # no parameter is out of the game


@pytest.mark.parametrize("embedding", [3, 9])
def test_an_embedding_of_its_own_size(embedding):
    rows = {row.name: row for row in check_language_model(config(embedding=embedding), vocabulary=13)}
    assert rows["embed.W"].shape == (13, embedding)
    assert all(row.right for row in rows.values())


FAULTS = {
    "scaled": lambda g: g * (1 + 1e-4),
    "shifted by the weight": lambda g: g + 1e-3,             # as a library that adds the weights to themselves
    "turned": lambda g: g[::-1].copy(),
    "one number": lambda g: np.concatenate([g.reshape(-1)[:-1], g.reshape(-1)[-1:] * 3 + 1]).reshape(g.shape),
    "zero": np.zeros_like,
}


@pytest.mark.parametrize("fault", FAULTS)
@pytest.mark.parametrize("arch", ARCHS)
@pytest.mark.parametrize("place", [-2, -1])
def test_a_broken_kernel_is_named_by_its_first_parameter(arch, fault, place, monkeypatch):
    """One of the weight gradients of the recurrent kernel is spoilt; it and no other is called wrong."""
    op = ARCHS[arch]
    right = op.backward

    def wrong(self, *douts):
        grads = list(right(self, *douts))
        grads[place] = FAULTS[fault](grads[place])
        return tuple(grads)

    monkeypatch.setattr(op, "backward", wrong)
    found = [row.name for row in check_language_model(config(arch=arch, layers=1), vocabulary=13) if not row.right]
    names = ["Wx", "Wh", "b", *(["bm"] if arch == "gru" else [])]
    assert found == [f"recurrent.layers.0.{names[place]}"]


class Product(Module):
    def __init__(self):
        rng = np.random.default_rng(0)
        self.a, self.b, self.idle = (Parameter(rng.standard_normal((2, 3))) for _ in range(3))


@pytest.mark.parametrize("missing", ["a", "b"])
def test_a_gradient_that_is_missing_is_wrong(missing):
    """Cut off from the tape, though the loss depends on it."""
    m = Product()

    def loss():
        parts = {name: getattr(m, name) for name in ("a", "b")}
        parts[missing] = Tensor(parts[missing].data)
        return (parts["a"] * parts["b"]).sum()

    rows = {row.name: row for row in check_gradients(m, loss, np.random.default_rng(1))}
    assert [name for name, row in rows.items() if not row.right] == [missing]
    assert rows[missing].exact == 0 != rows[missing].numeric


def test_a_parameter_that_plays_no_part_is_right():
    m = Product()
    rows = {row.name: row for row in check_gradients(m, lambda: (m.a * m.b).sum(), np.random.default_rng(1))}
    assert rows["idle"] == ("idle", (2, 3), 0.0, 0.0, 0.0)


def test_the_check_leaves_the_parameters_as_they_were():
    m = Product()
    before = [q.data.copy() for q in m.parameters()]
    list(check_gradients(m, lambda: (m.a * m.b).sum(), np.random.default_rng(1)))
    for q, old in zip(m.parameters(), before, strict=True):
        np.testing.assert_array_equal(q.data, old)


def test_the_five_points_are_exact_for_a_polynomial_of_degree_four():
    m = Product()
    power = lambda: (m.a * m.a * m.a * m.a).sum()  # noqa: E731
    v = np.random.default_rng(2).standard_normal((2, 3))
    assert gradcheck._derivative(m.a, v, power) == pytest.approx(float((4 * m.a.data ** 3 * v).sum()), rel=1e-9)
