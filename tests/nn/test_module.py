"""Modules: what is found in them, in which order, and what is said of a file that does not fit."""
import re

import numpy as np
import pytest

from tsuzuri.errors import ConfigError, RunError
from tsuzuri.nn import (
    CELLS,
    LSTM,
    Dropout,
    Embedding,
    LayerNorm,
    Linear,
    Module,
    Parameter,
    Stacked,
    TiedLinear,
    VariationalDropout,
)
from tsuzuri.tensor import Tensor


def rng():
    return np.random.default_rng(0)


def p(value=0.0, size=2):
    return Parameter(np.full(size, value))


class Everything(Module):
    def __init__(self):
        self.second = p(1)
        self.layers = [p(2), (p(3), {"deep": p(4)})]
        self.table = {"b": p(5), "a": [p(6)]}
        self.inner = Linear(2, 3, rng=rng())
        self.again = self.second
        self.number, self.word, self.none, self.constant = 3, "w", None, Tensor(np.zeros(2))
        self.first = p(7)


def test_parameters_are_found_in_the_order_of_assignment():
    names = [name for name, _ in Everything().named_parameters()]
    assert names == ["second", "layers.0", "layers.1.0", "layers.1.1.deep", "table.b", "table.a.0", "inner.W", "inner.b", "first"]


def test_a_shared_parameter_is_met_once_under_its_first_name():
    m = Everything()
    assert "again" not in m.arrays()
    assert m.parameter_count() == 2 * 7 + 6 + 3
    assert sum(q is m.second for q in m.parameters()) == 1


def test_zero_grad_reaches_all():
    m = Everything()
    for q in m.parameters():
        q.grad = np.ones(q.shape)
    m.zero_grad()
    assert all(q.grad is None for q in m.parameters())


def test_arrays_and_load_are_inverse():
    a, b = Stacked([LSTM(3, 4, rng=rng())]), Stacked([LSTM(3, 4, rng=np.random.default_rng(5))])
    b.load(a.arrays())
    for name, array in a.arrays().items():
        np.testing.assert_array_equal(b.arrays()[name], array)
        assert b.arrays()[name] is not array


@pytest.mark.parametrize(("change", "sentence"), [
    (lambda d: d | {"iner.W": d["inner.W"]},
     'the file holds a parameter "iner.W" that the model does not have (did you mean "inner.W"?).'),
    (lambda d: {k: a for k, a in d.items() if k != "table.b"}, 'the file lacks the parameter "table.b" of the model.'),
    (lambda d: d | {"inner.W": np.zeros((3, 2))}, 'parameter "inner.W" is (3, 2) in the file and (2, 3) in the model.'),
    (lambda d: d | {"inner.b": np.zeros(1)}, 'parameter "inner.b" is (1,) in the file and (3,) in the model.'),
])
def test_a_file_that_does_not_fit_is_refused_with_the_culprit(change, sentence):
    m = Everything()
    with pytest.raises(RunError, match=f"^{re.escape(sentence)}$"):
        m.load(change(dict(m.arrays())))


def test_a_file_that_is_refused_changes_nothing():
    m = Everything()
    before = {name: a.copy() for name, a in m.arrays().items()}
    with pytest.raises(RunError):
        m.load({name: a + 1 for name, a in before.items()} | {"first": np.zeros(9)})
    for name, a in m.arrays().items():
        np.testing.assert_array_equal(a, before[name], err_msg=name)


def test_linear_and_its_tied_form():
    x = Tensor(rng().standard_normal((2, 5, 4)))
    linear = Linear(4, 3, rng=rng(), dtype=np.float64)
    linear.b.data[:] = [1, 2, 3]
    np.testing.assert_allclose(linear(x).data, x.data @ linear.W.data + [1, 2, 3], rtol=1e-14)
    table = Embedding(6, 4, rng=rng(), dtype=np.float64)
    tied = TiedLinear(table.W)
    np.testing.assert_allclose(tied(x).data, x.data @ table.W.data.T, rtol=1e-14)
    table.W.data[2] = 9
    np.testing.assert_allclose(tied(x).data[..., 2], 9 * x.data.sum(-1), rtol=1e-14)


def test_layer_norm_starts_as_the_plain_one():
    x = rng().standard_normal((4, 7)) * 3 + 2
    y = LayerNorm(7, dtype=np.float64)(Tensor(x)).data
    np.testing.assert_allclose(y.mean(-1), 0, atol=1e-12)
    np.testing.assert_allclose(y.std(-1), 1, rtol=1e-4)


@pytest.mark.parametrize("kind", [Dropout, VariationalDropout])
def test_dropout_acts_only_with_a_generator(kind):
    x, layer = Tensor(np.ones((50, 6, 40))), kind(0.25)
    assert layer(x, None) is x
    y = layer(x, rng()).data
    assert set(np.unique(y)) == {0, 1 / 0.75}
    assert (y == 0).mean() == pytest.approx(0.25, abs=0.03)
    steps_agree = (y == y[:, :1]).all()
    assert steps_agree == (kind is VariationalDropout)
    np.testing.assert_array_equal(layer(x, rng()).data, y)


@pytest.mark.parametrize("bad", [-0.1, 1.0, 1.5, float("nan")])
def test_a_probability_that_is_none_is_refused(bad):
    for kind in (Dropout, VariationalDropout):
        with pytest.raises(ConfigError, match=r"^dropout is .*; it must be at least 0 and below 1\.$"):
            kind(bad)


@pytest.mark.parametrize("dtype", [np.float16, np.float32, np.float64])
@pytest.mark.parametrize("name", CELLS)
def test_a_cell_has_the_dtype_it_was_asked_for(name, dtype):
    cell = CELLS[name](3, 4, rng=rng(), dtype=dtype)
    assert {q.dtype for q in cell.parameters()} == {np.dtype(dtype)}
    hs, state = cell(Tensor(np.ones((2, 5, 3), dtype)))
    assert {hs.dtype, *(part.dtype for part in state)} == {np.dtype(dtype)}


def test_only_the_forget_gate_starts_open():
    """Gates in the order i, f, g, o."""
    b = LSTM(3, 16, rng=rng()).b.data.reshape(4, 16)
    np.testing.assert_array_equal(b[1], 1)
    assert np.abs(b[[0, 2, 3]]).max() <= 16 ** -0.5
    assert np.abs(b[[0, 2, 3]]).min() > 0
