"""What makes recurrent models better: dropout of states, recurrent weights and words, penalties, connections; by effect."""
import tracemalloc

import numpy as np
import pytest

from tsuzuri import ops
from tsuzuri.errors import ConfigError, ShapeError
from tsuzuri.kernels import inner
from tsuzuri.kernels.dropout import draw_key, dropout_mask
from tsuzuri.nn import (
    CELLS,
    CONNECTIONS,
    Bidirectional,
    Dropout,
    Embedding,
    EmbeddingDropout,
    Highway,
    Plain,
    Residual,
    Stacked,
    VariationalDropout,
    WeightDrop,
)
from tsuzuri.sparse import RowSparse
from tsuzuri.tensor import Tensor

D, H, N, T = 3, 5, 4, 6
cells = pytest.mark.parametrize("cell", CELLS)


def generator(seed=7):
    return np.random.default_rng(seed)


def make(cell, in_size=D, size=H, seed=0, **settings):
    return CELLS[cell](in_size, size, rng=generator(seed), dtype=np.float64, **settings)


def draw(*shape, seed=3):
    return Tensor(generator(seed).standard_normal(shape), requires_grad=True)


def starts(layer, rows=N, seed=5):
    """A state that is not zero, with gradients."""
    return layer.state(*(draw(rows, layer.size, seed=seed + k) for k in range(len(layer.state._fields))))


def gradients(layer, x, *more):
    return [t.grad for t in (x, *more, *layer.parameters())]


def differentiate(layer, x, state, read):
    """hs, last state and the gradients of one random function of them, by ``read(x, state)``."""
    for t in (x, *state, *layer.parameters()):
        t.grad = None
    hs, last = read(x, state)
    weight = np.random.default_rng(11).standard_normal(hs.shape)
    total = (hs * Tensor(weight)).sum()
    for part in last:
        total = total + (part * part).sum()
    total.backward()
    return [hs.data, *(part.data for part in last)], gradients(layer, x, *state)


def close(got, wanted):
    for a, b in zip(got, wanted, strict=True):
        np.testing.assert_allclose(a, b, rtol=1e-11, atol=1e-13)


def rnn_turn(x, state, seen, Wx, Wh, b):
    return ops.tanh(x @ Wx + seen @ Wh + b),


def gru_turn(x, state, seen, Wx, Wh, b, bm):
    a, hidden = x @ Wx + b, seen @ Wh
    r, z = (ops.sigmoid(a[:, k * H:(k + 1) * H] + hidden[:, k * H:(k + 1) * H]) for k in (0, 1))
    n = ops.tanh(a[:, 2 * H:] + r * (hidden[:, 2 * H:] + bm))
    return (1 - z) * n + z * state[0],


def lstm_turn(x, state, seen, Wx, Wh, b):
    a = x @ Wx + seen @ Wh + b
    i, f, g, o = (a[:, k * H:(k + 1) * H] for k in range(4))
    c = ops.sigmoid(f) * state[1] + ops.sigmoid(i) * ops.tanh(g)
    return ops.sigmoid(o) * ops.tanh(c), c


TURNS = {"rnn": rnn_turn, "gru": gru_turn, "lstm": lstm_turn}


def composed(cell, layer, mask, weights=None):
    """The layer written out in elementary ops, step by step, with one mask (N, H) where Wh reads the state."""
    def read(x, state):
        hs = []
        for t in range(x.shape[1]):
            state = TURNS[cell](x[:, t], state, state[0] * Tensor(mask), *(weights or layer.weights()))
            hs.append(state[0])
        return ops.stack(hs, axis=1), state
    return read


@cells
def test_state_dropout_is_one_mask_at_every_step_where_the_recurrent_product_reads(cell):
    """Values and all gradients; in the GRU what leaks, and in the LSTM the cell, is whole."""
    layer, x = make(cell, state_dropout=0.4), draw(N, T, D)
    mask = dropout_mask(np.zeros(0), (N, H), 0.4, draw_key(generator()))
    assert 0 < (mask == 0).sum() < mask.size
    state = starts(layer)
    got = differentiate(layer, x, state, lambda x, state: layer(x, state, rng=generator()))
    want = differentiate(layer, x, state, composed(cell, layer, mask))
    close(got[0], want[0])
    close(got[1], want[1])


@cells
def test_a_unit_dropped_from_the_state_gives_its_row_of_wh_no_gradient_in_any_step(cell):
    layer = make(cell, size=40, state_dropout=0.5)
    hs, _ = layer(draw(1, T, D), rng=generator())
    (hs * hs).sum().backward()
    mask = dropout_mask(np.zeros(0), (1, 40), 0.5, draw_key(generator()))[0]
    np.testing.assert_array_equal((layer.Wh.grad != 0).any(axis=1), mask != 0)


@cells
def test_each_call_draws_another_mask_and_lengths_go_with_it(cell):
    layer, x = make(cell, state_dropout=0.4), draw(N, T, D)
    lengths = np.array([6, 0, 4, 1])
    rng = generator()
    first, second = (layer(x, lengths=lengths, rng=rng)[0].data for _ in range(2))
    assert (first[0, 1:] != second[0, 1:]).any()
    whole = layer(x, rng=generator())[0].data
    for n, end in enumerate(lengths):
        np.testing.assert_array_equal(first[n, :end], whole[n, :end])
        assert not first[n, end:].any()


def test_a_mask_of_another_shape_is_refused():
    layer = make("lstm")
    with pytest.raises(ShapeError, match="mask has shape"):
        layer.op(None, np.ones((N, H + 1)))(draw(N, T, D), *layer.initial_state(N), *layer.weights())


def test_both_directions_drop_their_states():
    layer = Bidirectional(make("gru", state_dropout=0.5), make("gru", seed=1, state_dropout=0.5))
    x, rng = draw(N, T, D), generator()
    hs, _ = layer(x, rng=rng)
    again = generator()
    close([hs.data[..., :H]], [layer.ahead(x, rng=again)[0].data])
    close([hs.data[..., H:]], [layer.back(x[:, ::-1], rng=again)[0].data[:, ::-1]])


@cells
def test_weight_drop_drops_elements_of_wh_and_they_get_no_gradient(cell):
    layer, x = make(cell, size=12), draw(N, T, D)
    dropped = WeightDrop(layer, 0.5)
    hs, _ = dropped(x, rng=generator())
    (hs * hs).sum().backward()
    got, own = layer.Wh.grad, layer.Wh.data
    mask = ops.dropout(Tensor(np.ones_like(own)), 0.5, generator()).data
    plain = make(cell, size=12)
    plain.Wh.data[:] = own * mask
    same, _ = plain(x)
    (same * same).sum().backward()
    close([hs.data, got], [same.data, plain.Wh.grad * mask])
    np.testing.assert_array_equal(got == 0, mask == 0)


def test_over_many_masks_the_product_with_dropped_weights_is_the_whole_one():
    """arctanh of one RNN step is x Wx + h Wh + b: its mean over 2,000 masks lies within five standard errors."""
    layer, x = make("rnn"), draw(N, 1, D)
    dropped, state, rng = WeightDrop(layer, 0.4), starts(layer), generator()
    products = np.stack([np.arctanh(dropped(x, state, rng=rng)[0].data) for _ in range(2000)])
    whole = np.arctanh(layer(x, state)[0].data)
    assert (products.std(axis=0) > 0.01).all()
    assert (np.abs(products.mean(axis=0) - whole) < 5 * products.std(axis=0) / np.sqrt(2000)).all()


@cells
def test_weight_drop_and_state_dropout_go_together(cell):
    layer, x = make(cell, state_dropout=0.3), draw(N, T, D)
    state, rng = starts(layer), generator()
    Wx, Wh, *biases = layer.weights()
    weights = (Wx, ops.dropout(Wh, 0.5, rng), *biases)
    mask = dropout_mask(np.zeros(0), (N, H), 0.3, draw_key(rng))
    want = differentiate(layer, x, state, composed(cell, layer, mask, weights))
    got = differentiate(layer, x, state, lambda x, state: WeightDrop(layer, 0.5)(x, state, rng=generator()))
    close(got[0], want[0])
    close(got[1], want[1])


def test_embedding_dropout_drops_every_occurrence_of_a_word_and_scales_the_others():
    embedding = Embedding(50, 4, rng=generator(0), dtype=np.float64)
    ids = generator(1).integers(50, size=(20, 30))
    x = EmbeddingDropout(0.3)(embedding, ids, generator())
    gone = {word: (x.data[ids == word] == 0).all() for word in range(50)}
    assert 0 < sum(gone.values()) < 50
    for word, is_gone in gone.items():
        row = np.zeros(4) if is_gone else embedding.W.data[word] / 0.7
        np.testing.assert_allclose(x.data[ids == word], np.broadcast_to(row, ((ids == word).sum(), 4)), rtol=1e-14)
    x.sum().backward()
    assert isinstance(embedding.W.grad, RowSparse)
    wanted = [[0.0 if gone[word] else (ids == word).sum() / 0.7] * 4 for word in range(50)]
    np.testing.assert_allclose(embedding.W.grad.to_dense(), wanted, rtol=1e-12)


def test_share_of_dropped_words():
    """Of 40,000 words within five standard errors of p."""
    embedding = Embedding(40_000, 1, rng=generator(0))
    x = EmbeddingDropout(0.1)(embedding, np.arange(40_000), generator())
    assert abs((x.data == 0).mean() - 0.1) < 5 * np.sqrt(0.1 * 0.9 / 40_000)


def test_embedding_dropout_makes_no_second_table():
    """Some numbers a word, not 64; without compiled loops, for the compiler itself takes memory."""
    embedding, ids = Embedding(20_000, 64, rng=generator(0)), np.arange(40).reshape(4, 10)
    with inner.compiled(False):
        tracemalloc.start()
        EmbeddingDropout(0.5)(embedding, ids, generator()).sum().backward()
        peak = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
    assert peak < embedding.W.data.nbytes / 4


def test_penalties_worked_by_hand():
    """x = 1, 3, 0: squares 1 + 9 + 0 over 3; changes 2 and -3, squares 4 + 9 over 2, gradient (-2, 2 + 3, -3)."""
    x = Tensor(np.array([[[1.0], [3.0], [0.0]]]), requires_grad=True)
    large, changing = ops.activation_penalty(x), ops.temporal_penalty(x)
    assert large.item() == pytest.approx(10 / 3, rel=1e-15)
    assert changing.item() == 6.5
    large.backward()
    np.testing.assert_allclose(x.grad.ravel(), [2 / 3, 2, 0], rtol=1e-15)
    x.grad = None
    (3 * changing).backward()
    assert x.grad.ravel().tolist() == [-6, 15, -9]


@pytest.mark.parametrize("steps", [0, 1])
def test_nothing_changes_in_fewer_than_two_steps(steps):
    x = draw(2, steps, 3)
    y = ops.temporal_penalty(x)
    y.backward()
    assert y.item() == 0
    assert x.grad.shape == x.shape
    assert not x.grad.any()


def test_penalties_of_what_a_recurrent_layer_returns_equal_the_composed_ones():
    """hs is a view by time; the layer's weights get the same gradient."""
    found = []
    for penalties in (lambda h: 2 * ops.activation_penalty(h) + 3 * ops.temporal_penalty(h),
                      lambda h: 2 * (h ** 2).mean() + 3 * ((h[:, 1:] - h[:, :-1]) ** 2).mean()):
        layer, x = make("lstm"), draw(N, T, D)
        hs, _ = layer(x)
        assert not hs.data.flags.c_contiguous
        loss = penalties(hs)
        loss.backward()
        found.append([loss.data, *gradients(layer, x)])
    close(*found)


def test_connections_are_their_formulas():
    x, y = draw(N, T, H), draw(N, T, H, seed=4)
    highway = Highway(H, rng=generator(0), dtype=np.float64)
    assert (highway.gate.b.data == -1).all()
    t = 1 / (1 + np.exp(-(x.data @ highway.gate.W.data - 1)))
    for connection, wanted in ((Plain(), y.data), (Residual(), x.data + y.data), (highway, t * y.data + (1 - t) * x.data)):
        close([connection(x, y).data, connection.apply(x.data[:, 0], y.data[:, 0])], [wanted, wanted[:, 0]])
    highway(x, y).sum().backward()
    close([y.grad, x.grad], [t, 1 - t + (t * (1 - t) * (y.data - x.data)) @ highway.gate.W.data.T])


def test_a_stack_joins_what_is_not_dropped_to_what_read_the_dropped():
    one, two = make("gru"), make("gru", H, seed=1)
    x = draw(N, T, D)
    hs, _ = Stacked([one, two], VariationalDropout(0.4), [Residual()])(x, rng=generator())
    between = one(x)[0]
    close([hs.data], [(between + two(ops.variational_dropout(between, 0.4, generator()))[0]).data])


@cells
def test_a_stack_hands_its_generator_to_its_layers_in_turn(cell):
    one, two = (WeightDrop(make(cell, H if k else D, seed=k, state_dropout=0.3), 0.5) for k in range(2))
    x, rng = draw(N, T, D), generator()
    hs, _ = Stacked([one, two], 0.4)(x, rng=generator())
    between = ops.dropout(one(x, rng=rng)[0], 0.4, rng)
    np.testing.assert_array_equal(hs.data, two(between, rng=rng)[0].data)
    assert (hs.data != Stacked([one, two], 0.4)(x)[0].data).any()


@pytest.mark.parametrize("name", CONNECTIONS)
@cells
def test_steps_equal_the_call_without_a_generator(cell, name):
    def connect(seed): return CONNECTIONS[name](H, rng=generator(seed), dtype=np.float64)
    layers = [WeightDrop(make(cell, H if k else D, seed=k, state_dropout=0.3), 0.5) for k in range(3)]
    stack, x = Stacked(layers, 0.5, [connect(3), connect(4)]), draw(N, T, D)
    hs, last = stack(x)
    state = stack.initial_state(N)
    for t in range(T):
        h, state = stack.step(x.data[:, t], state)
        close([h], [hs.data[:, t]])
    for a, b in zip(state, last, strict=True):
        close([part.data for part in a], [part.data for part in b])


@cells
def test_where_nothing_is_dropped_the_layer_is_the_plain_one_to_the_bit(cell):
    """Without a Generator, and with probabilities of 0, which draw nothing from one."""
    def stack(wrap, p): return Stacked([wrap(make(cell, H if k else D, seed=k, state_dropout=p)) for k in range(2)], p)
    x, rng = draw(N, T, D), generator()
    wanted, _ = stack(lambda layer: layer, 0.0)(x)
    for p, given in ((0.5, None), (0.0, rng)):
        hs, _ = stack(lambda layer, p=p: WeightDrop(layer, p), p)(x, rng=given)
        np.testing.assert_array_equal(hs.data, wanted.data)
    embedding, ids = Embedding(9, 4, rng=generator(0)), np.array([[1, 2, 8]])
    for p, given in ((0.5, None), (0.0, rng)):
        np.testing.assert_array_equal(EmbeddingDropout(p)(embedding, ids, given).data, embedding(ids).data)
    assert rng.random() == generator().random()


def test_what_does_not_fit_is_refused_in_a_sentence():
    layers = [make("lstm"), make("lstm", H, H + 1)]
    Stacked(layers, 0.0, [Plain()])
    with pytest.raises(ConfigError, match=r"residual connection joins layers of 5 and 6 units"):
        Stacked(layers, 0.0, [Residual()])
    with pytest.raises(ConfigError, match="2 connections were given for 2 layers"):
        Stacked(layers, 0.0, [Plain(), Plain()])
    for wrong in (lambda: make("gru", state_dropout=1.0), lambda: WeightDrop(layers[0], -0.1), lambda: EmbeddingDropout(2)):
        with pytest.raises(ConfigError, match="at least 0 and below 1"):
            wrong()


def test_parameters_are_found_under_stable_names():
    """A stack without connections has the names it had before there were any."""
    plain = Stacked([make("lstm"), make("lstm", H)], Dropout(0.5))
    assert [name for name, _ in plain.named_parameters()] == [f"layers.{k}.{w}" for k in (0, 1) for w in ("Wx", "Wh", "b")]
    more = Stacked([WeightDrop(make("rnn"), 0.5), make("rnn", H)], 0.0, [Highway(H, rng=generator())])
    assert [name for name, _ in more.named_parameters()] == [
        "layers.0.layer.Wx", "layers.0.layer.Wh", "layers.0.layer.b", "layers.1.Wx", "layers.1.Wh", "layers.1.b",
        "connections.0.gate.W", "connections.0.gate.b"]
