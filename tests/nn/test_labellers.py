"""Classifiers and taggers: gradients, padding, rows one by one, PyTorch's numbers, and what a label hangs on."""
import numpy as np
import pytest

from tsuzuri.errors import ConfigError
from tsuzuri.gradcheck import check_gradients
from tsuzuri.inside.word_saliency import word_saliency
from tsuzuri.models.tagging import config_type, make_labeller
from tsuzuri.optim import make_optimizer

VOCABULARY, LABELS = 9, 4
CASES = {
    "last": ("classifier", {}),
    "last, one way": ("classifier", {"bidirectional": False, "size": 5}),
    "mean, gru": ("classifier", {"pooling": "mean", "cell": "gru", "layers": 2}),
    "max, rnn": ("classifier", {"pooling": "max", "cell": "rnn", "embedding": 3}),
    "attention": ("classifier", {"pooling": "attention", "smoothing": 0.1}),
    "softmax": ("tagger", {"layers": 2}),
    "softmax, one way": ("tagger", {"bidirectional": False, "cell": "gru"}),
    "crf": ("tagger", {"output": "crf"}),
    "crf, rnn": ("tagger", {"output": "crf", "cell": "rnn", "layers": 2, "embedding": 5}),
}
every_case = pytest.mark.parametrize("name", CASES)


def make(name, **more):
    """The model of a case, with parameters large enough for every part of it to matter."""
    arch, options = CASES[name]
    config = config_type(arch)(**{"arch": arch, "size": 6, "dtype": "float64"} | options | more)
    model, rng = make_labeller(config, VOCABULARY, LABELS, np.random.default_rng(1)), np.random.default_rng(2)
    for p in model.parameters():
        p.data += (0.3 * rng.standard_normal(p.shape)).astype(p.dtype)
    return model


def batch(model, lengths=(6, 4, 1, 3), seed=0):
    rng, lengths = np.random.default_rng(seed), np.array(lengths)
    inside = np.arange(lengths.max()) < lengths[:, None]
    source = rng.integers(VOCABULARY, size=inside.shape) * inside
    if model.config.arch == "classifier":
        return source, lengths, rng.integers(LABELS, size=len(lengths))
    return source, lengths, np.where(inside, rng.integers(LABELS, size=inside.shape), -1)


def rows_of(given, k):
    source, lengths, targets = given
    T = lengths[k]
    return source[k:k + 1, :T], lengths[k:k + 1], targets[k:k + 1, :T] if targets.ndim > 1 else targets[k:k + 1]


@every_case
def test_every_gradient_is_the_numeric_one(name):
    """With everything dropped that can be, by the same masks each time."""
    model = make(name, dropout=0.3, embedding_dropout=0.2)
    given = batch(model)
    found = list(check_gradients(model, lambda: model.training_loss(*given, rng=np.random.default_rng(5))[0], np.random.default_rng(0)))
    assert [row.name for row in found if not row.right] == []
    assert sum(row.exact != 0 for row in found) == len(found)


@every_case
def test_a_batch_is_its_rows_one_by_one(name):
    model = make(name)
    given = batch(model)
    p, best, total = model.probabilities(*given[:2]), model.best(*given[:2]), model.losses(*given)[0].sum()
    rows = [rows_of(given, k) for k in range(4)]
    for k, row in enumerate(rows):
        L = (slice(row[1][0]),) if model.config.arch == "tagger" else ()
        np.testing.assert_allclose(p[k][L], model.probabilities(*row[:2])[0], rtol=0, atol=1e-12)
        np.testing.assert_array_equal(best[k][L], model.best(*row[:2])[0])
    assert total == pytest.approx(sum(model.losses(*row)[0].sum() for row in rows), rel=1e-12)


@every_case
def test_padding_changes_no_result_and_no_gradient(name):
    """Other words and more places behind the ends of the rows."""
    model = make(name)
    source, lengths, targets = batch(model)
    longer = np.concatenate([source, np.zeros((4, 3), int)], 1)
    behind = np.arange(longer.shape[1]) >= lengths[:, None]
    other = np.where(behind, 7, longer)
    wanted = targets if targets.ndim == 1 else np.pad(targets, ((0, 0), (0, 3)), constant_values=-1)
    grads = []
    for given in ((source, lengths, targets), (longer, lengths, wanted), (other, lengths, wanted)):
        model.zero_grad()
        loss, *_ = model.training_loss(*given)
        loss.backward()
        grads.append([loss.data, *(p.grad.to_dense() if hasattr(p.grad, "to_dense") else p.grad for p in model.parameters())])
    for one in grads[1:]:
        for a, b in zip(grads[0], one, strict=True):
            np.testing.assert_allclose(a, b, rtol=0, atol=1e-13)


@every_case
def test_what_is_told_in_training_is_what_is_measured(name):
    model = make(name, smoothing=0.0) if name == "attention" else make(name)
    given = batch(model)
    loss = model.training_loss(*given)[0].item()
    assert loss == pytest.approx(float(model.losses(*given)[0].sum() / (given[2] >= 0).sum()), rel=1e-12)


@every_case
def test_probabilities_sum_to_one(name):
    model = make(name)
    source, lengths, _ = batch(model)
    p = model.probabilities(source, lengths)
    inside = np.arange(source.shape[1]) < lengths[:, None]
    np.testing.assert_allclose((p if p.ndim == 2 else p[inside]).sum(-1), 1, atol=1e-12)


@pytest.mark.parametrize("name", ["mean, gru", "crf"])
def test_a_model_learns_a_batch_by_heart(name):
    model = make(name)
    given, optimizer = batch(model), make_optimizer("adam", model, 0.0)
    for _ in range(150):
        model.training_loss(*given)[0].backward()
        optimizer.step(0.03, 1.0)
        model.zero_grad()
    known = given[2] >= 0
    np.testing.assert_array_equal(model.best(*given[:2])[known], given[2][known])


def test_the_chain_weighs_what_a_softmax_cannot():
    """Words that say nothing: only the order of the labels, one and then the other, tells them."""
    accuracy = {}
    for output in ("softmax", "crf"):
        config = config_type("tagger")(size=4, output=output, bidirectional=False, cell="rnn", dtype="float64")
        model = make_labeller(config, 2, 2, np.random.default_rng(0))
        model.embed.W.data[:] = 0                            # every word is the same and so is every state, but for how far it is
        model.embed.W.requires_grad = False
        for layer in model.layers.layers:
            layer.Wh.data[:], layer.Wh.requires_grad = 0, False
        rng, optimizer = np.random.default_rng(1), make_optimizer("adam", model, 0.0)
        first = rng.integers(2, size=(40, 1))
        targets = (first + np.arange(7)) % 2
        known = targets.copy()
        known[:, 1:] = np.where(rng.random((40, 6)) < 0.5, -1, known[:, 1:])
        for _ in range(60):
            model.training_loss(np.zeros((40, 7), int), np.full(40, 7), targets)[0].backward()
            optimizer.step(0.1, 1.0)
            model.zero_grad()
        accuracy[output] = float((np.diff(model.best(np.zeros((1, 7), int), np.array([7]))[0]) != 0).mean())
    assert accuracy == {"softmax": 0.0, "crf": 1.0}


@pytest.mark.parametrize("pooling", ["last", "mean", "max"])
def test_equals_pytorch(pooling):
    """nn.LSTM in both directions on packed sequences, from the same weights."""
    torch = pytest.importorskip("torch")
    from torch.nn.utils.rnn import pack_padded_sequence, pad_packed_sequence
    model = make("last", pooling=pooling)
    source, lengths, targets = batch(model)
    loss, *_ = model.training_loss(source, lengths, targets)
    loss.backward()
    W = {name: torch.tensor(array, requires_grad=True) for name, array in model.arrays().items()}
    net = torch.nn.LSTM(6, 3, bidirectional=True, batch_first=True).double()
    weights = {}
    for suffix, way in (("", "ahead"), ("_reverse", "back")):
        part = f"layers.layers.0.{way}."
        weights |= {f"weight_ih_l0{suffix}": W[part + "Wx"].T, f"weight_hh_l0{suffix}": W[part + "Wh"].T, f"bias_ih_l0{suffix}": W[part + "b"],
                    f"bias_hh_l0{suffix}": torch.zeros(12, dtype=torch.float64)}
    packed = pack_padded_sequence(W["embed.W"][torch.tensor(source)], torch.tensor(lengths), batch_first=True, enforce_sorted=False)
    hs, (last, _) = torch.func.functional_call(net, weights, (packed,))
    hs, _ = pad_packed_sequence(hs, batch_first=True)
    inside = (torch.arange(6) < torch.tensor(lengths)[:, None])[:, :, None]
    pooled = {"last": torch.cat([last[0], last[1]], 1), "mean": (hs * inside).sum(1) / torch.tensor(lengths)[:, None],
              "max": hs.masked_fill(~inside, -torch.inf).amax(1)}[pooling]
    theirs = torch.nn.functional.cross_entropy(pooled @ W["out.W"] + W["out.b"], torch.tensor(targets))
    theirs.backward()
    assert loss.item() == pytest.approx(theirs.item(), rel=1e-12)
    for name, p in model.named_parameters():
        grad = p.grad.to_dense() if hasattr(p.grad, "to_dense") else p.grad
        np.testing.assert_allclose(grad, W[name].grad.numpy(), rtol=0, atol=1e-12)


# What a label hangs on

@pytest.mark.parametrize(("name", "word"), [("last", None), ("attention", None), ("softmax", 2), ("crf", 2)])
def test_saliency_is_a_slope_and_occlusion_a_step(name, word):
    """The slope by moving each word's vector a little towards zero, the step by putting it there."""
    model, ids, label = make(name), np.array([3, 1, 4, 5]), 2
    slope, step = (word_saliency(model, ids, label, word, by) for by in ("gradient", "occlusion"))

    def log_p(change):
        def embed(_):
            from tsuzuri.tensor import Tensor
            return Tensor(model_embed(ids[None]).data * change[None, :, None])
        model_embed, model.embed = model.embed, embed
        p = model.probabilities(ids[None], np.array([4]))[0]
        model.embed = model_embed
        return float(np.log(p[label] if word is None else p[word, label]))

    whole = log_p(np.ones(4))
    assert slope.log_p == step.log_p == pytest.approx(whole, rel=1e-12)
    for t in range(4):
        one = np.eye(4)[t]
        assert slope.effect[t] == pytest.approx((log_p(1 + 1e-5 * one) - log_p(1 - 1e-5 * one)) / 2e-5, rel=1e-5, abs=1e-9)
        assert step.effect[t] == pytest.approx(whole - log_p(1 - one), rel=1e-9, abs=1e-12)
    np.testing.assert_array_equal(step.size, np.abs(step.effect))
    assert (slope.size >= 0).all()
    assert all(p.grad is None for p in model.parameters())


def test_saliency_of_the_most_probable_label():
    model, ids = make("last"), np.array([3, 1, 4])
    p = model.probabilities(ids[None], np.array([3]))[0]
    seen = word_saliency(model, ids)
    assert (seen.label, seen.log_p) == (int(p.argmax()), pytest.approx(float(np.log(p.max()))))
    with pytest.raises(ConfigError, match='by "slope" is unknown'):
        word_saliency(model, ids, by="slope")


@pytest.mark.parametrize(("arch", "given", "words"), [
    ("classifier", {"pooling": "sum"}, 'pooling "sum" is unknown'), ("tagger", {"output": "chain"}, 'output "chain" is unknown'),
    ("classifier", {"size": 5}, "reads with half of the units in each direction; make it even"), ("classifier", {"cell": "lstn"}, 'did you mean "lstm"'),
    ("tagger", {"layers": 0}, "layers is 0"), ("tagger", {"dropout": 1.0}, "dropout is 1.0"), ("classifier", {"embedding_dropout": -0.1}, "embedding_dropout is -0.1"),
    ("classifier", {"smoothing": 1.0}, "smoothing is 1.0"), ("tagger", {"dtype": "float16"}, "float16 is too short"), ("classifier", {"embedding": -1}, "embedding is -1"),
])
def test_settings_that_do_not_fit(arch, given, words):
    with pytest.raises(ConfigError) as caught:
        config_type(arch)(**given)
    assert words in str(caught.value)
