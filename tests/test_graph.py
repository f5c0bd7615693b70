"""The computation graph: what is in it, how loops fold, and that the picture is one that can be read."""
import re
import xml.etree.ElementTree as ET
from dataclasses import replace

import numpy as np
import pytest

from tsuzuri import ops
from tsuzuri.graph import draw, graph_of, save
from tsuzuri.models.recurrent import RecurrentConfig, RecurrentLanguageModel
from tsuzuri.nn import Linear, Module, Parameter
from tsuzuri.tensor import Tensor

N, D, H, V = 2, 4, 5, 7


class ComposedRNN(Module):
    """An RNN written step by step, with a loss after the last step or after each."""

    def __init__(self, rng):
        self.Wx, self.Wh, self.b = (Parameter(rng.normal(size=shape)) for shape in ((D, H), (H, H), (H,)))
        self.out = Linear(H, V, rng=rng, dtype=np.float64)

    def states(self, xs):
        h = Tensor(np.zeros((N, H)), name="h0")
        for t in range(xs.shape[1]):
            h = ops.tanh(Tensor(xs[:, t], name="x") @ self.Wx + h @ self.Wh + self.b)
            yield h

    def last_loss(self, xs, targets):
        *_, h = self.states(xs)
        return ops.cross_entropy(self.out(h), targets[:, 0])

    def summed(self, xs, targets):
        return sum(ops.cross_entropy(self.out(h), targets[:, t]) for t, h in enumerate(self.states(xs)))

    def begun_with_none(self, xs, targets):
        total = None
        for t, h in enumerate(self.states(xs)):
            loss = ops.cross_entropy(self.out(h), targets[:, t])
            total = loss if total is None else total + loss
        return total


def composed_graph(kind, T):
    rng = np.random.default_rng(0)
    model = ComposedRNN(rng)
    return graph_of(getattr(model, kind)(rng.normal(size=(N, T, D)), np.zeros((N, T), int)), names=model)


def language_model_graph(**settings):
    rng = np.random.default_rng(0)
    model = RecurrentLanguageModel(RecurrentConfig(size=H, **settings), V, rng=rng)
    ids = np.zeros((N, 35), int)
    return model, graph_of(model.loss(ids, ids.copy(), None, rng)[0], names=model)


def without_counts(graph):
    return replace(graph, nodes=tuple(replace(n, repeat=min(n.repeat, 2)) for n in graph.nodes),
                   edges=tuple(replace(e, label=re.sub(r"\d+", "T", e.label)) for e in graph.edges))


def names(graph, kind):
    return [node.name for node in graph.nodes if node.kind == kind]


def backward_labels(graph):
    return [edge.label for edge in graph.edges if edge.back]


@pytest.mark.parametrize("kind", ["last_loss", "summed"])
def test_a_loop_of_3_and_of_30_steps_is_the_same_picture_but_for_the_count(kind):
    three, thirty = composed_graph(kind, 3), composed_graph(kind, 30)
    assert without_counts(three) == without_counts(thirty)
    assert draw(without_counts(three)) == draw(without_counts(thirty))
    assert set(backward_labels(three)) == {"× 3"}
    assert set(backward_labels(thirty)) == {"× 30"}


def test_the_body_of_a_loop_is_drawn_once():
    graph = composed_graph("last_loss", 30)
    assert sorted(names(graph, "op")) == ["Add", "Add", "CrossEntropy", "Linear", "MatMul", "MatMul", "Tanh"]
    assert {node.name: node.repeat for node in graph.nodes if node.kind != "op"} == {
        "x": 30, "h0": 1, "Wx": 1, "Wh": 1, "b": 1, "out.W": 1, "out.b": 1, "targets": 1, "loss": 1}
    (back,) = [edge for edge in graph.edges if edge.back]
    assert (graph.nodes[back.source].name, graph.nodes[back.target].name) == ("Tanh", "MatMul")


def test_a_first_turn_that_lacks_a_line_belongs_to_the_loop():
    graph = composed_graph("begun_with_none", 10)
    assert names(graph, "op").count("Tanh") == 1
    assert {node.name: node.repeat for node in graph.nodes if node.kind == "op"}["Tanh"] == 10
    assert [node.repeat for node in graph.nodes if node.name == "CrossEntropy"] == [10]
    assert sorted(node.repeat for node in graph.nodes if node.name == "Add") == [9, 10, 10]


def test_layers_with_weights_of_their_own_are_no_loop():
    rng = np.random.default_rng(0)
    layers = [Linear(H, H, rng=rng, dtype=np.float64) for _ in range(5)]
    x = Tensor(np.ones((N, H)))
    for layer in layers:
        x = ops.tanh(layer(x))
    graph = graph_of(x, {f"W{k}": layer.W for k, layer in enumerate(layers)})
    assert names(graph, "op") == ["Linear", "Tanh"] * 5
    assert backward_labels(graph) == []


def test_two_loops_one_after_the_other_stay_apart():
    """An encoder and a decoder have the same ops and shapes, and different weights."""
    rng = np.random.default_rng(0)
    h = Tensor(np.ones((N, H)))
    for W in (Parameter(rng.normal(size=(H, H))), Parameter(rng.normal(size=(H, H)))):
        for _ in range(4):
            h = ops.tanh(h @ W)
    assert [(n.name, n.repeat) for n in graph_of(h).nodes if n.kind == "op"] == [("MatMul", 4), ("Tanh", 4)] * 2


@pytest.mark.parametrize("tie", [False, True])
def test_every_parameter_appears_once(tie):
    model, graph = language_model_graph(layers=2, tie=tie)
    assert sorted(names(graph, "parameter")) == sorted(name for name, _ in model.named_parameters())


@pytest.mark.parametrize("arch", ["rnn", "gru", "lstm"])
def test_a_fused_layer_has_the_mark_of_a_loop(arch):
    _, graph = language_model_graph(arch=arch, layers=2)
    loops = [edge for edge in graph.edges if edge.back]
    assert [(edge.source == edge.target, edge.label) for edge in loops] == [(True, "35 steps")] * 2
    assert {graph.nodes[edge.source].name for edge in loops} == {arch.upper()}
    assert "35 steps" in draw(graph)


def test_ids_and_targets_are_inputs_and_settings_are_told():
    _, graph = language_model_graph(dropout=0.25)
    assert names(graph, "input") == ["ids", "h0", "c0", "targets"]
    assert [node.detail for node in graph.nodes if node.name == "Dropout"] == ["p 0.25"] * 2


def test_the_tape_is_left_as_it_was():
    rng = np.random.default_rng(0)
    model = ComposedRNN(rng)
    loss = model.last_loss(rng.normal(size=(N, 3, D)), np.zeros((N, 3), int))
    before = graph_of(loss, names=model)
    loss.backward()
    assert graph_of(loss, names=model) == before
    assert all(parameter.grad is not None for parameter in model.parameters())


def test_a_leaf_is_a_graph():
    assert names(graph_of(Tensor(np.ones(3), name="x")), "result") == ["x"]


def test_a_long_chain_needs_no_recursion():
    x = Parameter(np.ones(2))
    y = x
    for _ in range(20_000):
        y = ops.tanh(y)
    assert [(n.name, n.repeat) for n in graph_of(y).nodes if n.kind == "op"] == [("Tanh", 20_000)]


PICTURES = {"loop": lambda: composed_graph("summed", 30), "model": lambda: language_model_graph(layers=2, tie=True)[1]}


@pytest.mark.parametrize("picture", PICTURES)
def test_the_picture_is_xml_with_every_node_and_edge(picture):
    graph = PICTURES[picture]()
    root = ET.fromstring(draw(graph))
    texts = ["".join(text.itertext()) for text in root.iter("{http://www.w3.org/2000/svg}text")]
    for node in graph.nodes:
        assert any(text.startswith(node.name) for text in texts)
    body = [path for path in root.findall("{http://www.w3.org/2000/svg}path") if path.get("marker-end")]
    assert len(body) == len(graph.edges) + any(edge.back for edge in graph.edges)          # one more is in the legend


@pytest.mark.parametrize("picture", PICTURES)
def test_no_two_boxes_overlap_and_all_are_inside(picture):
    root = ET.fromstring(draw(PICTURES[picture]()))
    left, top, width, height = map(float, root.get("viewBox").split())
    boxes = [tuple(float(rect.get(key)) for key in ("x", "y", "width", "height"))
             for rect in root.findall("{http://www.w3.org/2000/svg}rect") if rect.get("rx")]
    for x, y, w, h in boxes:
        assert left <= x
        assert x + w <= left + width
        assert top <= y
        assert y + h <= top + height
    for k, (x, y, w, h) in enumerate(boxes):
        for x2, y2, w2, h2 in boxes[:k]:
            card = w == w2 and abs(x - x2) <= 6 and abs(y - y2) <= 6                       # cards of one stack
            assert card or x + w <= x2 or x2 + w2 <= x or y + h <= y2 or y2 + h2 <= y


def test_names_are_escaped_and_the_file_is_written(tmp_path):
    W = Parameter(np.ones((2, 2)))
    graph = graph_of((W @ W).sum(), {'<W & "co">': W})
    save(graph, tmp_path / "graph.svg")
    assert '<W & "co">' in "".join(ET.parse(tmp_path / "graph.svg").getroot().itertext())
