"""Models over trees: node by node as the papers write them, a forest equals its trees, PyTorch's gradients, what does not fit."""
import numpy as np
import pytest

from tsuzuri.errors import ConfigError, DataError, ShapeError
from tsuzuri.kernels import tree as nets
from tsuzuri.kernels import tree_lstm as lstms
from tsuzuri.models.trees import ARCHITECTURES, LAYERS, check_shape, config_type, make_tree_model
from tsuzuri.text.forest import joined, nodes_of, pack
from tsuzuri.text.trees import tree_of

PAIRS = [((("a", "b"), "c"), ("d", ("e", "a"))), "b", ("c", "d"), ((("a", "c"), ("b", "d")), "e"), ("e", ("d", ("c", ("b", "a"))))]
ANY = [{"word": "a", "children": ["b", ("c", "d", "e"), ["a"]]}, *PAIRS, {"word": "e", "children": [{"word": "b", "children": ["c"]}]}]


def number(word):
    return 1 + "abcde".index(word)


def trees_of(arch, seed=0):
    """Trees with labels, of which some are missing."""
    rng = np.random.default_rng(seed)
    trees = [tree_of(value) for value in (ANY if arch == "child-sum" else PAIRS)]
    for tree in trees:
        tree.labels[:] = rng.integers(-1, 3, len(tree)).tolist()
    return trees


def forest_of(trees):
    return pack(joined([nodes_of(tree, number) for tree in trees]))


def model_of(arch, **more):
    size = {} if arch in ("recursive", "rntn") else {"embedding": 3}
    model = make_tree_model(config_type(arch)(arch=arch, size=4, dtype="float64", **size, **more), 6, 3, np.random.default_rng(1))
    for k, parameter in enumerate(model.parameters()):       # nothing small, nothing zero
        parameter.data[...] = np.random.default_rng([2, k]).normal(0, 0.5, parameter.shape)
    return model


def sigmoid(a):
    return 1 / (1 + np.exp(-a))


def node_by_node(model, tree):
    """The vector of every node of one tree, with the formulas of the papers."""
    arch, layer, H, states = model.config.arch, model.layer, model.config.size, []
    for word, children in zip(tree.words, tree.children, strict=True):
        x = None if word is None else model.embed.W.data[number(word)]
        below = [states[child] for child in children]
        if arch in ("recursive", "rntn"):
            if not below:
                states.append((x, None))
                continue
            p = np.concatenate([h for h, _ in below])
            a = p @ layer.W.data + layer.b.data
            if arch == "rntn":
                V = layer.V.data.reshape(2 * H, 2 * H, H) / (2 * H)
                a = a + np.array([p @ V[:, :, k] @ p for k in range(H)])
            states.append((np.tanh(a), None))
            continue
        ai, af, ag, ao = np.split((0 if x is None else x @ layer.Wx.data) + layer.b.data, 4)
        if arch == "tree-lstm":
            u = np.split(np.concatenate([h for h, _ in below]) @ layer.Wh.data if below else np.zeros(5 * H), 5)
            forget, (ui, ug, uo) = u[1:3], (u[0], u[3], u[4])
        else:
            Ui, Uf, Ug, Uo = np.split(layer.Wh.data, 4, axis=1)
            total = sum((h for h, _ in below), np.zeros(H))
            forget, (ui, ug, uo) = [h @ Uf for h, _ in below], (total @ Ui, total @ Ug, total @ Uo)
        c = sigmoid(ai + ui) * np.tanh(ag + ug) + sum(sigmoid(af + uf) * ck for uf, (_, ck) in zip(forget, below, strict=False))
        states.append((sigmoid(ao + uo) * np.tanh(c), c))
    return np.array([h for h, _ in states])


def loss_and_gradients(model, trees):
    model.zero_grad()
    loss, penalty, state = model.training_loss(*forest_of(trees)[0])
    assert (penalty, state) == (None, None)
    loss.backward()
    return loss.item(), {name: p.grad.to_dense() if hasattr(p.grad, "to_dense") else p.grad for name, p in model.named_parameters() if p.grad is not None}


@pytest.mark.parametrize("arch", LAYERS)
def test_a_forest_is_its_nodes_one_by_one(arch):
    model, trees = model_of(arch), trees_of(arch)
    forest, places = forest_of(trees)
    found, wanted = model.vectors(forest).data[places], np.concatenate([node_by_node(model, tree) for tree in trees])
    np.testing.assert_allclose(found, wanted, rtol=0, atol=1e-14)
    logits = wanted @ model.out.W.data + model.out.b.data
    log_p = logits - np.log(np.exp(logits).sum(1, keepdims=True))
    np.testing.assert_allclose(model.log_probabilities(forest)[places], log_p, rtol=0, atol=1e-13)
    labels = np.concatenate([tree.labels for tree in trees])
    nats = np.where(labels >= 0, -log_p[np.arange(len(labels)), labels], 0)
    np.testing.assert_allclose(model.losses(*forest)[0][places], nats, rtol=0, atol=1e-13)
    assert model.training_loss(*forest)[0].item() == pytest.approx(nats.sum() / (labels >= 0).sum(), rel=1e-13)


@pytest.mark.parametrize("arch", LAYERS)
def test_a_batch_is_its_trees_one_by_one(arch):
    """Loss and gradients are the mean over labels of those of the trees alone, in whatever order the trees stand."""
    model, trees = model_of(arch), trees_of(arch)
    loss, grads = loss_and_gradients(model, trees)
    counts = [sum(label >= 0 for label in tree.labels) for tree in trees]
    alone = [loss_and_gradients(model, [tree]) for tree, count in zip(trees, counts, strict=True) if count]
    shares = [count / sum(counts) for count in counts if count]
    assert loss == pytest.approx(sum(share * one for share, (one, _) in zip(shares, alone, strict=True)), rel=1e-13)
    for name, grad in grads.items():
        wanted = sum(share * one.get(name, 0) for share, (_, one) in zip(shares, alone, strict=True))
        np.testing.assert_allclose(grad, wanted, rtol=0, atol=1e-14, err_msg=name)
    turned_loss, turned = loss_and_gradients(model, trees[::-1])
    assert turned_loss == pytest.approx(loss, rel=1e-13)
    for name, grad in grads.items():
        np.testing.assert_allclose(turned[name], grad, rtol=0, atol=1e-14, err_msg=name)


@pytest.mark.parametrize("arch", LAYERS)
def test_gradients_are_those_of_pytorch(arch):
    """PyTorch's own differentiation of the recursion as everybody writes it, a node at a time."""
    torch = pytest.importorskip("torch")
    model, trees = model_of(arch), trees_of(arch)
    loss, grads = loss_and_gradients(model, trees)
    weights = {name: torch.tensor(a, requires_grad=True) for name, a in model.arrays().items()}
    layer = {name.removeprefix("layer."): w for name, w in weights.items() if name.startswith("layer.")}
    H, nodes, labels = model.config.size, [], []

    def grow(tree, k):
        below = [grow(tree, child) for child in tree.children[k]]
        x = None if tree.words[k] is None else weights["embed.W"][number(tree.words[k])]
        state = step(x, below)
        nodes.append(state[0])
        labels.append(tree.labels[k])
        return state

    def step(x, below):
        if arch in ("recursive", "rntn"):
            if not below:
                return x, None
            p = torch.cat([h for h, _ in below])
            bilinear = torch.einsum("i,ijk,j->k", p, layer["V"].view(2 * H, 2 * H, H), p) / (2 * H) if arch == "rntn" else 0
            return torch.tanh(bilinear + p @ layer["W"] + layer["b"]), None
        ai, af, ag, ao = (layer["b"] + (0 if x is None else x @ layer["Wx"])).split(H)
        Wh, hs = layer["Wh"], [h for h, _ in below]
        if arch == "tree-lstm":
            ui, *forget, ug, uo = (torch.cat(hs) @ Wh).split(H) if below else [0] * 5
        else:
            total = sum(hs, torch.zeros(H, dtype=torch.float64))
            (ui, _, ug, uo), forget = (total @ Wh).split(H), [h @ Wh[:, H:2 * H] for h in hs]
        c = torch.sigmoid(ai + ui) * torch.tanh(ag + ug) + sum(torch.sigmoid(af + uf) * ck for uf, (_, ck) in zip(forget, below, strict=False))
        return torch.sigmoid(ao + uo) * torch.tanh(c), c

    for tree in trees:
        grow(tree, len(tree) - 1)
    logits = torch.stack(nodes) @ weights["out.W"] + weights["out.b"]
    theirs = torch.nn.functional.cross_entropy(logits, torch.tensor(labels), ignore_index=-1)
    theirs.backward()
    assert loss == pytest.approx(theirs.item(), rel=1e-13)
    for name, grad in grads.items():
        np.testing.assert_allclose(grad, weights[name].grad.numpy(), rtol=0, atol=1e-13, err_msg=name)


def test_the_order_of_children_is_nothing_to_their_sum_and_something_to_pairs():
    turned = [{"word": "a", "children": [["a"], ("d", "e", "c"), "b"]}]
    model = model_of("child-sum")
    one, other = (model.vectors(forest_of([tree_of(value)])[0]).data[-1] for value in (ANY[0], turned[0]))
    np.testing.assert_allclose(one, other, rtol=0, atol=1e-15)
    for arch in ("recursive", "rntn", "tree-lstm"):
        one, other = (model_of(arch).vectors(forest_of([tree_of(value)])[0]).data[-1] for value in (("a", "b"), ("b", "a")))
        assert np.abs(one - other).max() > 0.01


def test_a_tensor_of_zeros_is_the_recursive_net():
    net, tensor = model_of("recursive"), model_of("rntn")
    tensor.layer.V.data[...] = 0
    tensor.layer.W.data[...], tensor.layer.b.data[...], tensor.embed.W.data[...] = net.layer.W.data, net.layer.b.data, net.embed.W.data
    forest, _ = forest_of(trees_of("rntn"))
    np.testing.assert_array_equal(tensor.vectors(forest).data, net.vectors(forest).data)


def test_large_forests_are_worked_on_in_parts(monkeypatch):
    """The outer products of the tensor network are held some at a time; the result is the same to the last bits."""
    model, trees = model_of("rntn"), trees_of("rntn") * 9
    whole = loss_and_gradients(model, trees)
    monkeypatch.setattr(nets, "BLOCK", 200)                  # three nodes of 64 numbers
    parts = loss_and_gradients(model, trees)
    assert parts[0] == pytest.approx(whole[0], rel=1e-14)
    for name, grad in whole[1].items():
        np.testing.assert_allclose(parts[1][name], grad, rtol=0, atol=1e-14, err_msg=name)


@pytest.mark.parametrize("setting", ["dropout", "word_dropout"])
def test_dropout_is_of_training_alone_and_follows_from_its_generator(setting):
    model, (forest, _) = model_of("tree-lstm", **{setting: 0.5}), forest_of(trees_of("tree-lstm"))
    plain = model.training_loss(*forest)[0].item()
    drawn = [model.training_loss(*forest, rng=np.random.default_rng(seed))[0].item() for seed in (1, 1, 2)]
    assert drawn[0] == drawn[1] != drawn[2] != plain
    assert model.training_loss(*forest)[0].item() == plain == model_of("tree-lstm").training_loss(*forest)[0].item()


@pytest.mark.parametrize("arch", LAYERS)
def test_an_unknown_word_starts_as_nothing(arch):
    model = make_tree_model(config_type(arch)(arch=arch, size=5), 4, 3, np.random.default_rng(0))
    assert not model.embed.W.data[0].any()
    assert model.embed.W.data[1:].all()


def test_a_phrase_begins_near_the_mean_of_its_words():
    model = make_tree_model(config_type("recursive")(arch="recursive", size=200), 6, 3, np.random.default_rng(0))
    forest, _ = forest_of([tree_of(("a", "b"))])
    a, b, phrase = model.vectors(forest).data
    assert np.corrcoef(phrase, (a + b) / 2)[0, 1] > 0.8


# What does not fit

@pytest.mark.parametrize(("arch", "value", "message"), [
    ("tree-lstm", ("a", "b", "c"), "t: line 1 has a node with 3 children, but arch tree-lstm needs two at every node that has any; make the tree "
                                   "binary, or take arch child-sum."),
    ("rntn", ["a"], "t: line 1 has a node with 1 child, but arch rntn needs two at every node that has any; make the tree binary, or take arch child-sum."),
    ("recursive", {"word": "a", "left": "b", "right": "c"}, 't: line 1 has the word "a" at a node with children, but arch recursive has words at leaves '
                                                            "alone; take arch tree-lstm or child-sum.")])
def test_trees_that_a_model_cannot_grow_over(arch, value, message):
    with pytest.raises(DataError) as told:
        check_shape(arch, tree_of(value), "t: line 1")
    assert str(told.value) == message
    check_shape("child-sum", tree_of(value), "t: line 1")


@pytest.mark.parametrize(("arch", "settings", "message"), [
    ("tree-lstm", {"size": 0}, "size is 0"), ("rntn", {"dropout": 1.0}, r"dropout is 1\.0"), ("recursive", {"word_dropout": -0.1}, "word_dropout"),
    ("child-sum", {"embedding": -1}, "embedding is -1"), ("rntn", {"arch": "rnnt"}, 'arch "rnnt" is unknown .did you mean "rntn"')])
def test_settings_that_do_not_fit(arch, settings, message):
    with pytest.raises(ConfigError, match=message):
        ARCHITECTURES[arch](**settings)


def test_shapes_that_do_not_fit():
    forest, _ = forest_of([tree_of(("a", "b"))])
    x, W, b = np.zeros((3, 4)), np.zeros((8, 4)), np.zeros(4)
    with pytest.raises(ShapeError, match="3 vectors for 2 leaves, and 2 children of 1 inner nodes"):
        nets.recursive_forward(x, W, b, forest.levels, forest.children)
    with pytest.raises(ShapeError, match=r"V has 9 rows; with vectors of 4 numbers it needs \(2 4\)\^2 = 64"):
        nets.rntn_forward(x[:2], np.zeros((9, 4)), W, b, forest.levels, forest.children)
    with pytest.raises(ShapeError, match="3 vectors for 2 words of 3 nodes"):
        lstms.tree_lstm_forward(x, np.zeros((4, 16)), np.zeros((8, 20)), np.zeros(16), np.arange(2), forest.levels, forest.children)
