"""Activations are those of the equations, step by step, and a unit that follows the text is found."""
import numpy as np
import pytest

from tsuzuri.errors import ConfigError
from tsuzuri.inside import find_units, gates, in_order_of_likeness, pieces
from tsuzuri.inside.properties import PROPERTIES
from tsuzuri.kernels.activation import sigmoid
from tsuzuri.models.recurrent import RecurrentConfig, RecurrentLanguageModel
from tsuzuri.text import BPETokenizer, CharTokenizer, WordTokenizer

IDS = np.array([3, 1, 4, 1, 5, 9, 2, 6])


def model_of(arch, layers=2):
    config = RecurrentConfig(arch=arch, size=5, embedding=4, layers=layers, dropout=0.5, dtype="float64")
    return RecurrentLanguageModel(config, 11, rng=np.random.default_rng(3))


def by_hand(arch, xs, weights):
    """The parts of one layer, from the equations in the kernels' docstrings, one step at a time."""
    h = c = np.zeros(5)
    found = []
    for x in xs:
        if arch == "rnn":
            Wx, Wh, b = weights
            h = np.tanh(x @ Wx + h @ Wh + b)
            found.append({"h": h})
        elif arch == "gru":
            Wx, Wh, b, bm = weights
            a, m = x @ Wx + b, h @ Wh
            r, z = sigmoid(a[:5] + m[:5]), sigmoid(a[5:10] + m[5:10])
            n = np.tanh(a[10:] + r * (m[10:] + bm))
            h = (1 - z) * n + z * h
            found.append({"h": h, "r": r, "z": z, "n": n})
        else:
            Wx, Wh, b = weights
            a = x @ Wx + h @ Wh + b
            i, f, g, o = sigmoid(a[:5]), sigmoid(a[5:10]), np.tanh(a[10:15]), sigmoid(a[15:])
            c = f * c + i * g
            h = o * np.tanh(c)
            found.append({"h": h, "c": c, "i": i, "f": f, "g": g, "o": o})
    return {name: np.array([step[name] for step in found]) for name in found[0]}


@pytest.mark.parametrize("arch", ["rnn", "gru", "lstm"])
def test_the_parts_are_those_of_the_equations(arch):
    model = model_of(arch)
    layers = gates(model, IDS)
    assert len(layers) == 2
    xs = model.embed.W.data[IDS]
    for layer, parts in zip(model.recurrent.layers, layers, strict=True):
        expected = by_hand(arch, xs, [w.data for w in layer.weights()])
        assert parts.keys() == expected.keys()
        for name in parts:
            np.testing.assert_allclose(parts[name], expected[name], rtol=1e-12, atol=1e-12)
        xs = expected["h"]


def test_what_is_no_recurrent_model_or_no_text_is_refused():
    class Other:
        config = RecurrentConfig()
    with pytest.raises(ConfigError, match="no recurrent layers"):
        gates(Other(), IDS)
    with pytest.raises(ConfigError, match="give a text"):
        gates(model_of("rnn"), IDS[:0])


def test_units_that_go_together_are_neighbours():
    """Three groups of units that each follow their own wave lie side by side, whatever order they came in."""
    rng = np.random.default_rng(0)
    waves = np.sin(np.linspace(0, 6, 50)[:, None] + np.array([0, 2.1, 4.2]))
    group = rng.permutation(np.repeat([0, 1, 2], 4))
    order = in_order_of_likeness(waves[:, group] + 0.01 * rng.standard_normal((50, 12)))
    assert sorted(order) == list(range(12))
    assert np.count_nonzero(np.diff(group[order])) == 2


@pytest.mark.parametrize(("name", "text", "values"), [
    ("length", "ab\n\nxyz", "0120012"),
    ("word", "ab, cde\nf", "010001200"),
    ("quotes", 'a "bc" d', "00011000"),
    ("quotes", "「あ『い』」う", "0111100"),
    ("quotes", 'a "b\n\nc "d"', "00011000010"),
    ("brackets", "f(a[1]) x", "001111000"),
])
def test_properties_by_hand(name, text, values):
    assert PROPERTIES[name][1](text) == [int(v) for v in values]


def test_the_unit_that_follows_a_property_is_found_and_a_lucky_one_is_seen_through():
    """Layer 2, unit 3 counts the line, backwards; unit 1 does so in the first half only."""
    tokens = list(("x" * 9 + "\n" + "x" * 5 + "\n") * 20)
    rng = np.random.default_rng(0)
    length = np.array(PROPERTIES["length"][1]("".join(tokens)), float)
    second = rng.standard_normal((len(tokens), 6))
    second[:, 3] = 7 - 2 * length + 0.3 * rng.standard_normal(len(tokens))
    second[:len(tokens) // 2, 1] = length[:len(tokens) // 2]
    lucky, true = find_units([{"h": rng.standard_normal((len(tokens), 6))}, {"h": second}], "h", tokens, "length")[:2]
    assert lucky[:2] == (2, 1)
    assert lucky.chosen == pytest.approx(1)
    assert abs(lucky.held_out) < 0.3
    assert true[:2] == (2, 3)
    assert true.held_out < -0.99
    assert true.held_out == pytest.approx(np.corrcoef(second[len(tokens) // 2:, 3], length[len(tokens) // 2:])[0, 1])


def test_a_property_that_the_text_lacks_is_refused():
    with pytest.raises(ConfigError, match="inside quotation marks is the same"):
        find_units([{"h": np.zeros((8, 2))}], "h", list("no marks"), "quotes")
    with pytest.raises(ConfigError, match="did you mean"):
        find_units([{"h": np.zeros((8, 2))}], "h", list("no marks"), "quote")


LINES = ["the cat sat, on “a” mat .", "吾輩は猫である。", "the dog ✓"]


@pytest.mark.parametrize("tokenizer", [CharTokenizer.train(LINES), WordTokenizer.train(LINES), BPETokenizer.train(LINES, size=270)],
                         ids=lambda t: t.unit)
def test_pieces_are_the_text(tokenizer):
    ids = tokenizer.encode("\n".join(LINES) + "\n")
    found = pieces(tokenizer, ids)
    assert len(found) == len(ids)
    assert "".join(found) == tokenizer.decode(ids)


def test_the_order_of_float16_values_is_that_of_the_same_values_in_float64():
    values = np.random.default_rng(0).standard_normal((20, 6)).astype(np.float16)
    np.testing.assert_array_equal(in_order_of_likeness(values), in_order_of_likeness(values.astype(np.float64)))
