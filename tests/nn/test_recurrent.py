"""Laws of recurrent layers as modules: states are values, stacks are layers in turn, both directions know the lengths."""
import numpy as np
import pytest

from tsuzuri import ops
from tsuzuri.errors import ConfigError
from tsuzuri.nn import CELLS, Bidirectional, LSTMState, Stacked, State, States
from tsuzuri.tensor import Tensor

D, H, N, T = 3, 4, 4, 6
LENGTHS = np.array([6, 1, 4, 3])
cells = pytest.mark.parametrize("cell", CELLS)


def make(cell, in_size=D, seed=0):
    return CELLS[cell](in_size, H, rng=np.random.default_rng(seed), dtype=np.float64)


def inputs(seed=3):
    return Tensor(np.random.default_rng(seed).standard_normal((N, T, D)), requires_grad=True)


def leaves(state):
    return [state] if isinstance(state, Tensor) else [leaf for part in state for leaf in leaves(part)]


def close(a, b):
    for left, right in zip(leaves(a), leaves(b), strict=True):
        np.testing.assert_allclose(left.data, right.data, rtol=1e-12, atol=1e-14)


@cells
def test_a_state_that_is_carried_equals_reading_in_one_go(cell):
    layer, x = make(cell), inputs()
    whole, last = layer(x)
    first, state = layer(x[:, :2])
    second, end = layer(x[:, 2:], state)
    close([whole], [ops.concatenate([first, second], axis=1)])
    close(last, end)


@cells
def test_take_picks_rows_in_any_order_and_number(cell):
    stack = Stacked([make(cell), make(cell, H, 1)])
    _, state = stack(inputs())
    rows = np.array([3, 0, 0, 2, 1])
    taken = state.take(rows)
    assert type(taken) is States
    for part, whole in zip(leaves(taken), leaves(state), strict=True):
        np.testing.assert_array_equal(part.data, whole.data[rows])
    x = inputs(9)
    hs, _ = stack(Tensor(x.data[rows[:4]]), state.take(rows[:4]))
    straight, _ = stack(x, state)
    np.testing.assert_allclose(hs.data, straight.data[rows[:4]], rtol=1e-12)


@cells
def test_detach_cuts_the_past_off_and_keeps_the_values(cell):
    layer, x = make(cell), inputs()
    _, state = layer(x[:, :3])
    kind = LSTMState if cell == "lstm" else State
    assert isinstance(state, kind)
    cut = state.detach()
    assert isinstance(cut, kind)
    close(cut, state)
    layer(x[:, 3:], cut)[0].sum().backward()
    assert not x.grad[:, :3].any()
    assert x.grad[:, 3:].all()
    x.grad = None
    layer(x[:, 3:], state)[0].sum().backward()
    assert x.grad[:, :3].all()


@cells
def test_a_stack_is_its_layers_in_turn(cell):
    one, two = make(cell), make(cell, H, 1)
    hs, state = Stacked([one, two], dropout=0.5)(inputs())
    between, first = one(inputs())
    wanted, second = two(between)
    close([hs, state], [wanted, (first, second)])


@cells
def test_dropout_of_a_stack_is_between_its_layers_and_only_with_a_generator(cell):
    """One layer has no between."""
    one, x = Stacked([make(cell)], dropout=0.9), inputs()
    close([one(x, rng=np.random.default_rng(0))[0]], [one(x)[0]])
    a, b = make(cell), make(cell, H, 1)
    hs, _ = Stacked([a, b], dropout=0.4)(x, rng=np.random.default_rng(7))
    close([hs], [b(ops.dropout(a(x)[0], 0.4, np.random.default_rng(7)))[0]])


def test_a_stack_of_nothing_is_refused():
    with pytest.raises(ConfigError, match="needs at least one"):
        Stacked([])


@cells
@pytest.mark.parametrize("lengths", [None, LENGTHS], ids=["whole", "lengths"])
def test_both_directions_equal_row_by_row(cell, lengths):
    """Each row as if it were alone and its padding were not there."""
    layer, x = Bidirectional(make(cell), make(cell, seed=1)), inputs()
    hs, (ahead, back) = layer(x, lengths=lengths)
    for n in range(N):
        end = T if lengths is None else lengths[n]
        row = x.data[n:n + 1, :end]
        forward, last = layer.ahead(Tensor(row))
        backward, first = layer.back(Tensor(row[:, ::-1].copy()))
        np.testing.assert_allclose(hs.data[n, :end, :H], forward.data[0], rtol=1e-12)
        np.testing.assert_allclose(hs.data[n, :end, H:], backward.data[0, ::-1], rtol=1e-12)
        for got, wanted in ((ahead, last), (back, first)):
            for g, w in zip(got, wanted, strict=True):
                np.testing.assert_allclose(g.data[n], w.data[0], rtol=1e-12)


@cells
def test_padding_reaches_neither_results_nor_gradients(cell):
    layer = Bidirectional(make(cell), make(cell, seed=1))
    weight = np.random.default_rng(5).standard_normal((N, T, 2 * H))
    alive = (np.arange(T) < LENGTHS[:, None])[:, :, None]
    found = []
    for filler in (0.0, 1e3):
        x = Tensor(np.where(alive, inputs().data, filler), requires_grad=True)
        layer.zero_grad()
        hs, _ = layer(x, lengths=LENGTHS)
        (hs * Tensor(weight * alive)).sum().backward()
        found.append([hs.data * alive, x.grad, *(p.grad for p in layer.parameters())])
        assert not (x.grad * ~alive).any()
    for a, b in zip(*found, strict=True):
        np.testing.assert_allclose(a, b, rtol=1e-12, atol=1e-14)
