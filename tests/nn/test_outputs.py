"""Output layers on a vocabulary of seven, where everything can be written out, and against PyTorch's."""
from itertools import pairwise

import numpy as np
import pytest

from tsuzuri.errors import ConfigError, DataError
from tsuzuri.kernels import inner, mixture, token_losses
from tsuzuri.nn import OUTPUTS, Parameter, make_output
from tsuzuri.nn.adaptive import default_cutoffs
from tsuzuri.tensor import Tensor

V, H = 7, 6
H_ROWS = np.random.default_rng(0).standard_normal((8, H))
TARGETS = np.array([0, 6, 3, -1, 5, 1, 2, 4])
OPTIONS = {"mixture": {"experts": 3, "embedding": 4}, "adaptive": {"cutoffs": [3, 5]}}
each = pytest.mark.parametrize("name", OUTPUTS)
each_way = pytest.mark.parametrize("on", [False, True], ids=["plain", "compiled"])


def make(name, seed=1, dtype=np.float64, **options):
    """A layer whose weights, biases too, are large enough to matter."""
    rng = np.random.default_rng(seed)
    layer = make_output(name, H, V, rng=rng, dtype=dtype, **OPTIONS.get(name, {}) | options)
    for p in layer.parameters():
        p.data[...] = rng.standard_normal(p.shape)
    return layer


def softmax(z):
    e = np.exp(z)
    return e / e.sum(-1, keepdims=True)


def written_out(name, layer):
    """p (8, V) of H_ROWS as the paper has it, a word at a time."""
    w = layer.arrays()
    if name == "softmax":
        return softmax(H_ROWS @ w["W"] + w["b"])
    if name == "mixture":
        pi = softmax(H_ROWS @ w["prior"])
        p = np.zeros((8, V))
        for k in range(3):
            x = np.tanh(H_ROWS @ w["latent.W"] + w["latent.b"])[:, 4 * k:4 * k + 4]
            p += pi[:, k, None] * softmax(x @ w["words.W"] + w["words.b"])
        return p
    head = softmax(H_ROWS @ w["head"])
    p = np.empty((8, V))
    for word in range(V):
        if word < 3:
            p[:, word] = head[:, word]
        else:
            cluster, place = (0, word - 3) if word < 5 else (1, word - 5)
            inside = softmax(H_ROWS @ w[f"tails.{cluster}.0"] @ w[f"tails.{cluster}.1"])
            p[:, word] = head[:, 3 + cluster] * inside[:, place]
    return p


@each
@each_way
def test_logits_losses_and_loss_are_those_of_the_written_out_probabilities(name, on):
    layer = make(name)
    p = written_out(name, layer)
    wanted = np.where(TARGETS < 0, 0, -np.log(p[np.arange(8), TARGETS]))
    with inner.compiled(on):
        np.testing.assert_allclose(softmax(layer.logits(H_ROWS)), p, rtol=1e-12)
        np.testing.assert_allclose(layer.losses(H_ROWS, TARGETS), wanted, rtol=1e-12, atol=1e-14)
        loss = layer.loss(Tensor(H_ROWS.reshape(2, 4, H)), TARGETS.reshape(2, 4))
    assert loss.item() == pytest.approx(wanted.sum() / 7, rel=1e-12)


@each
def test_probabilities_sum_to_one(name):
    layer = make(name)
    everything = np.repeat(H_ROWS[:1], V, axis=0)
    assert np.exp(-layer.losses(everything, np.arange(V))).sum() == pytest.approx(1, abs=1e-14)
    if name != "softmax":                                    # whose logits are scores, not logarithms of p
        np.testing.assert_allclose(np.exp(layer.logits(H_ROWS)).sum(1), 1, atol=1e-14)


@each
def test_an_untrained_layer_hardly_prefers_a_token(name):
    """Within a cluster all words are alike, and so are the entries of the head."""
    layer = make_output(name, H, 50, rng=np.random.default_rng(0), dtype=np.float64)
    p = np.exp(-layer.losses(np.repeat(H_ROWS[:1], 50, axis=0), np.arange(50)))
    ends = [0, *layer.cutoffs] if name == "adaptive" else [0, 50]
    for low, high in pairwise(ends):
        assert p[low:high].max() / p[low:high].min() < 1.5


@each
def test_float32_stays_and_any_cut_into_blocks_gives_the_same(name, monkeypatch):
    layer = make(name, dtype=np.float32)
    h, exact = H_ROWS.astype(np.float32), make(name).losses(H_ROWS, TARGETS)
    whole = layer.losses(h, TARGETS)
    assert {whole.dtype, layer.logits(h).dtype, layer.loss(Tensor(h[None]), TARGETS[None]).dtype} == {np.dtype(np.float32)}
    np.testing.assert_allclose(whole, exact, rtol=1e-5, atol=1e-5)
    monkeypatch.setattr(token_losses, "ROWS", 3)
    monkeypatch.setattr(mixture, "ROWS", 6)
    np.testing.assert_allclose(layer.losses(h, TARGETS), whole, rtol=1e-6, atol=1e-6)


@each
def test_a_target_outside_the_vocabulary_is_refused(name):
    for wrong in (V, -2):
        with pytest.raises(DataError, match=f"target {wrong} is not an id of a vocabulary of {V}"):
            make(name).losses(H_ROWS[:1], np.array([wrong]))
        with pytest.raises(DataError, match=f"target {wrong} is not an id of a vocabulary of {V}"):
            make(name).loss(Tensor(H_ROWS[None, :1]), np.array([[wrong]]))


@pytest.mark.parametrize(("name", "width"), [("softmax", H), ("mixture", 4)])
def test_a_tied_layer_reads_the_table_and_sends_it_a_gradient(name, width):
    table = Parameter(np.random.default_rng(3).standard_normal((V, width)))
    options = {"experts": 3} if name == "mixture" else {}
    tied = make_output(name, H, V, rng=np.random.default_rng(1), dtype=np.float64, table=table, **options)
    free = make_output(name, H, V, rng=np.random.default_rng(1), dtype=np.float64, **OPTIONS.get(name, {}))
    inside = "W" if name == "softmax" else "words.W"
    own = {key: a for key, a in tied.arrays().items() if a is not table.data}
    free.load({**own, inside: table.data.T})
    np.testing.assert_allclose(tied.losses(H_ROWS, TARGETS), free.losses(H_ROWS, TARGETS), rtol=1e-13, atol=1e-14)
    for layer in (tied, free):
        layer.loss(Tensor(H_ROWS[None]), TARGETS[None]).backward()
    np.testing.assert_allclose(table.grad.T, dict(free.named_parameters())[inside].grad, rtol=1e-12, atol=1e-15)


def test_a_mixture_of_one_expert_is_a_softmax():
    one, plain = make("mixture", experts=1, embedding=H), make("softmax")
    plain.load({"W": one.words.W.data, "b": one.words.b.data})
    x = np.tanh(H_ROWS @ one.latent.W.data + one.latent.b.data)
    np.testing.assert_allclose(one.losses(H_ROWS, TARGETS), plain.losses(x, TARGETS), rtol=1e-12, atol=1e-14)


def test_a_mixture_breaks_the_bottleneck():
    """The matrix of log p over many contexts: of rank at most H + 1 for a softmax, of full rank for a mixture."""
    h = np.random.default_rng(5).standard_normal((40, 2))
    ranks = []
    for name, options in (("softmax", {}), ("mixture", {"experts": 3, "embedding": 2})):
        layer = make_output(name, 2, V, rng=np.random.default_rng(2), dtype=np.float64, **options)
        for p in layer.parameters():
            p.data[...] = np.random.default_rng(4).standard_normal(p.shape)
        z = layer.logits(h)
        log_p = z - np.log(np.exp(z).sum(1, keepdims=True))
        ranks.append(np.linalg.matrix_rank(log_p - log_p.mean(0), tol=1e-6))
    assert ranks == [3, 7]


def test_a_mixture_of_certain_experts_stays_finite():
    """One expert gives the target e^-2000: the loss is that of its weight in the other, and no gradient is lost in 0 / 0."""
    x, W = np.array([[[1000.0], [-1000.0]]], np.float32), np.array([[1.0, -1.0]], np.float32)
    a, b = np.zeros((1, 2), np.float32), np.zeros(2, np.float32)
    for on in (False, True):
        with inner.compiled(on):
            loss, grads = mixture.mixture_cross_entropy_forward(x, a, W, b, np.array([0]))
        assert loss == pytest.approx(np.log(2), rel=1e-6)
        assert all(np.isfinite(g).all() for g in grads)
        np.testing.assert_allclose(grads[1], [[-0.5, 0.5]], atol=1e-6)


def test_dropout_of_a_mixture_drops_the_same_elements_at_every_step():
    layer = make("mixture", dropout=0.5)
    hs, targets = Tensor(np.repeat(H_ROWS[:1], 5, axis=0)[None]), np.zeros((1, 5), int)
    drawn = [layer.loss(hs, targets, np.random.default_rng(seed)).item() for seed in (1, 1, 2)]
    one_step = layer.loss(hs[:, :1], targets[:, :1], np.random.default_rng(1)).item()
    assert drawn[0] == drawn[1] == pytest.approx(one_step) != pytest.approx(drawn[2])
    assert layer.loss(hs, targets).item() == layer.loss(hs, targets).item() not in drawn


@pytest.mark.parametrize(("size", "vocabulary", "cutoffs"), [(32, 7, [3, 5]), (64, 1000, None), (300, 30, [1, 2, 3, 29])])
def test_an_adaptive_softmax_equals_pytorchs(size, vocabulary, cutoffs):
    """Losses, log p, and the gradient of every weight; in float64 and with the widths that PyTorch chooses."""
    torch = pytest.importorskip("torch")
    rng = np.random.default_rng(0)
    ours = make_output("adaptive", size, vocabulary, rng=rng, dtype=np.float64, cutoffs=cutoffs)
    theirs = torch.nn.AdaptiveLogSoftmaxWithLoss(size, vocabulary, ours.cutoffs[:-1], div_value=4.0).double()
    for p, q in zip(ours.parameters(), theirs.parameters(), strict=True):
        p.data[...] = q.detach().numpy().T
    targets = np.concatenate([ours.cutoffs[:-1], rng.integers(vocabulary, size=50)])        # every cluster is opened
    h = rng.standard_normal((len(targets), size))
    given, hs = torch.tensor(h, requires_grad=True), Tensor(h[None], requires_grad=True)
    found = theirs(given, torch.from_numpy(targets))
    np.testing.assert_allclose(ours.losses(h, targets), -found.output.detach().numpy(), rtol=1e-10)
    np.testing.assert_allclose(ours.logits(h), theirs.log_prob(given).detach().numpy(), rtol=1e-10)
    found.loss.backward()
    ours.loss(hs, targets[None]).backward()
    np.testing.assert_allclose(hs.grad[0], given.grad.numpy(), rtol=1e-9, atol=1e-14)
    for p, q in zip(ours.parameters(), theirs.parameters(), strict=True):
        np.testing.assert_allclose(p.grad, q.grad.numpy().T, rtol=1e-9, atol=1e-14)


def test_default_cutoffs_cover_four_fifths_and_nine_tenths_of_a_zipfian_text():
    for vocabulary in (10_000, 267_735):
        cumulated = np.cumsum(1 / np.arange(1, vocabulary + 1))
        shares = [cumulated[end - 1] / cumulated[-1] for end in default_cutoffs(vocabulary)]
        assert shares == pytest.approx([0.8, 0.9], abs=0.02)
    assert [default_cutoffs(vocabulary) for vocabulary in (1, 2, 3)] == [[], [1], [2]]
    for vocabulary in range(1, 40):                          # the smallest ones too make a layer
        layer = make_output("adaptive", 3, vocabulary, rng=np.random.default_rng(0), dtype=np.float64)
        assert np.exp(layer.logits(np.ones((1, 3)))).sum() == pytest.approx(1)


def test_log_sum_exp_of_rows_longer_than_a_block():
    """The highest comes last, first or in the middle, and far from what came before."""
    rng = np.random.default_rng(0)
    for dtype, tolerance in ((np.float32, 1e-6), (np.float64, 1e-14)):
        z = rng.standard_normal((4, 5000)).astype(dtype)
        z[0, -1], z[1, 0], z[2, 2500], z[3, 3000:] = 80, 80, 80, -np.inf
        bias = rng.standard_normal(5000).astype(dtype)
        kept = z.copy()
        for b in (bias, bias[:0]):
            exact = np.logaddexp.reduce((z + b if len(b) else z).astype(float), axis=1)
            for on in (False, True):
                with inner.compiled(on):
                    np.testing.assert_allclose(token_losses.log_sum_exp(z, b), exact, rtol=tolerance)
        np.testing.assert_array_equal(z, kept)


@pytest.mark.parametrize(("name", "options", "sentence"), [
    ("sofmax", {}, 'output "sofmax" is unknown (did you mean "softmax"?); choose one of softmax, mixture, adaptive.'),
    ("mixture", {"experts": 0}, "experts is 0; a mixture needs at least 1."),
    ("adaptive", {"cutoffs": [5, 3]}, "cutoffs are 5, 3; they must rise, from at least 1 to less than the 7 words of the vocabulary."),
    ("adaptive", {"cutoffs": [7]}, "cutoffs are 7; they must rise, from at least 1 to less than the 7 words of the vocabulary."),
    ("adaptive", {"table": Parameter(np.zeros((V, H)))},
     "an adaptive output has a matrix for each cluster and cannot be tied to the embedding; "
     "choose output softmax or mixture, or leave tie out."),
])
def test_what_does_not_fit_is_said_in_one_sentence(name, options, sentence):
    with pytest.raises(ConfigError) as caught:
        make_output(name, H, V, rng=np.random.default_rng(0), **options)
    assert str(caught.value) == sentence
