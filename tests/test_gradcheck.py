"""The gradient check finds what is right right, and what is wrong wrong, by name."""
import numpy as np
import pytest

from tsuzuri import gradcheck, ops
from tsuzuri.errors import ConfigError
from tsuzuri.gradcheck import TOLERANCE, check_config, check_gradients, check_language_model
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
    assert gradcheck._derivative(m.a, v, power, gradcheck.STEP)[0] == pytest.approx(float((4 * m.a.data ** 3 * v).sum()), rel=1e-9)


# Models of any task

def settings_file(tmp_path, text):
    path = tmp_path / "settings.toml"
    path.write_text(text)
    return path


TASKS = {
    "tagger": ('[sentences]\ndata = "homographs"\n[model]\narch = "tagger"\noutput = "crf"\nsize = 6\ndropout = 0.3\n', "out.A"),
    "classifier": ('[sentences]\ndata = "negation"\n[model]\narch = "classifier"\npooling = "max"\ncell = "rnn"\nsize = 6\n', "layers.layers.0.back.Wh"),
    "seq2seq": ('[pairs]\ndata = "copy"\nunit = "char"\n[model]\narch = "attention"\nscore = "additive"\nsize = 6\n', "embed.W"),
}


@pytest.mark.parametrize("name", TASKS)
def test_a_model_of_any_task_is_right(name, tmp_path):
    """A file that stands alone: the data it names is prepared for the time being, and nothing is left of it."""
    text, some = TASKS[name]
    rows = {row.name: row for row in check_config(settings_file(tmp_path, text))}
    assert all(row.right for row in rows.values()), rows
    assert rows[some].exact
    assert [path.name for path in tmp_path.iterdir()] == ["settings.toml"]


def test_a_wrong_gradient_of_another_task_is_found(tmp_path, monkeypatch):
    """Also by the short step that is for corners."""
    from tsuzuri.kernels import crf
    right = crf.crf_backward
    monkeypatch.setattr(crf, "crf_backward", lambda dy, cache: tuple(d * f for d, f in zip(right(dy, cache), (1, 1.01, 1, 1), strict=True)))
    rows = list(check_config(settings_file(tmp_path, TASKS["tagger"][0])))
    assert [row.name for row in rows if not row.right] == ["out.A"]


def test_what_has_no_gradient_to_check_is_refused(tmp_path):
    for text, words in (('arch = "ngram"\n', "is counted and has no gradients"),
                        ('[pairs]\ndata = "copy"\n[model]\narch = "attention"\nchoice = "hard"\n', "choice hard is trained by what stands in for a gradient")):
        with pytest.raises(ConfigError, match=words):
            list(check_config(settings_file(tmp_path, text)))


def test_corners_need_a_short_step():
    """|x| summed over many numbers near 0: over the long step many change their side."""
    class Absolute(Module):
        def __init__(self):
            self.x = Parameter(np.random.default_rng(0).standard_normal(5000) * 1e-3)

    model = Absolute()
    def loss(): return (ops.relu(model.x) + ops.relu(-model.x)).sum()
    long, short = (next(check_gradients(model, loss, np.random.default_rng(1), corners=corners)) for corners in (False, True))
    assert not long.right
    assert short.right
