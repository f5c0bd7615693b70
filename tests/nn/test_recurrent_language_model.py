"""The recurrent language model: one step at a time equals all at once, and tying shares memory."""
import numpy as np
import pytest

from tsuzuri.errors import ConfigError, DataError
from tsuzuri.gradcheck import check_language_model
from tsuzuri.models.recurrent import DROPOUTS, RecurrentConfig, RecurrentLanguageModel
from tsuzuri.models.transformer import TransformerConfig
from tsuzuri.sparse import RowSparse
from tsuzuri.tensor import no_grad

V = 11
archs = pytest.mark.parametrize("arch", ["rnn", "gru", "lstm"])
ties = pytest.mark.parametrize("tie", [False, True], ids=["", "tied"])
IDS = np.random.default_rng(0).integers(V, size=(3, 9))


def make(**config):
    settings = {"size": 5, "layers": 2, "dropout": 0.4, "dtype": "float64"} | config
    return RecurrentLanguageModel(RecurrentConfig(**settings), V, rng=np.random.default_rng(1))


@archs
@ties
def test_one_step_at_a_time_equals_the_whole_sequence(arch, tie):
    m = make(arch=arch, tie=tie)
    whole, last = m(IDS)
    state = m.start(3)
    with no_grad():
        for t in range(IDS.shape[1]):
            logits, state = m.step(IDS[:, t], state)
            np.testing.assert_allclose(logits, whole.data[:, t], rtol=1e-12, atol=1e-14)
    for got, wanted in zip(state, last, strict=True):
        for g, w in zip(got, wanted, strict=True):
            np.testing.assert_allclose(g.data, w.data, rtol=1e-12)


@ties
def test_the_loss_is_the_mean_negative_log_probability(tie):
    m, targets = make(tie=tie), np.random.default_rng(2).integers(V, size=IDS.shape)
    logits, _ = m(IDS)
    z = logits.data - logits.data.max(-1, keepdims=True)
    log_p = z - np.log(np.exp(z).sum(-1, keepdims=True))
    targets[1, 4:] = -1
    wanted = -np.mean([log_p[n, t, targets[n, t]] for n, t in np.argwhere(targets >= 0)])
    loss, state = m.loss(IDS, targets)
    assert loss.item() == pytest.approx(wanted, rel=1e-12)
    assert not any(part.requires_grad for layer in state for part in layer)


@archs
def test_tying_shares_one_table(arch):
    tied, free = make(arch=arch, tie=True), make(arch=arch)
    assert tied.out.table is tied.embed.W
    assert free.parameter_count() - tied.parameter_count() == 5 * V
    assert np.shares_memory(tied.out.weights()[0].data, tied.embed.W.data)
    assert [name for name in tied.arrays() if name.startswith("out")] == ["out.b"]


def test_dropout_needs_a_generator():
    m, targets = make(), IDS
    losses = {m.loss(IDS, targets)[0].item() for _ in range(3)}
    assert len(losses) == 1
    drawn = [m.loss(IDS, targets, None, np.random.default_rng(seed))[0].item() for seed in (1, 1, 2)]
    assert drawn[0] == drawn[1] != drawn[2]
    assert drawn[0] not in losses


@pytest.mark.parametrize(("config", "sentence"), [
    ({"arch": "lstn"}, 'arch "lstn" is unknown (did you mean "lstm"?); choose one of rnn, gru, lstm.'),
    ({"size": 0}, "size is 0; it must be 1 to 1,000,000."), ({"layers": -1}, "layers is -1; it must be 1 to 1,000,000."),
    ({"dropout": 1.0}, "dropout is 1.0; it must be at least 0 and below 1."),
    ({"dropout": float("nan")}, "dropout is nan; it must be at least 0 and below 1."),
    ({"embedding": -1}, "embedding is -1; it must be 0 to 1,000,000."),
    ({"start": "evn"}, 'start "evn" is unknown (did you mean "even"?); choose one of usual, even.'),
    ({"tie": True, "embedding": 3, "size": 4}, "tie shares one table between embedding (3) and output (4); "
                                              "leave embedding out, make the two equal, or take two layers, of which the last is as long as it."),
    ({"dtype": "float31"}, 'dtype "float31" is unknown (did you mean "float32"?); choose one of float16, float32, float64.'),
])
def test_a_config_that_does_not_fit_is_said_in_one_sentence(config, sentence):
    with pytest.raises(ConfigError) as caught:
        RecurrentConfig(**config)
    assert str(caught.value) == sentence


def test_the_seed_decides_the_weights():
    config = RecurrentConfig(size=4)
    a, b, c = (RecurrentLanguageModel(config, V, rng=np.random.default_rng(seed)).arrays() for seed in (1, 1, 2))
    assert all((a[name] == b[name]).all() for name in a)
    assert not any((a[name] == c[name]).all() for name in a if name.endswith(("W", "Wx", "Wh")))


@archs
def test_an_even_start_is_that_of_awd_lstm(arch):
    """Evenly in +-b: nothing beyond b, and a variance of b^2 / 3.  The usual start has a normal embedding, and the LSTM's a forget bias of 1."""
    even, usual = (RecurrentLanguageModel(RecurrentConfig(arch=arch, size=64, embedding=30, layers=3, tie=True, weight_drop=0.2, start=start), 200,
                                          rng=np.random.default_rng(1)).arrays() for start in ("even", "usual"))
    for name, a in even.items():
        bound = 0.1 if name == "embed.W" else (30 if ".2." in name else 64) ** -0.5 if name.startswith("recurrent") else 0.0
        assert 0.95 * bound <= abs(a).max() <= bound, name
        assert a.std() == pytest.approx(bound / 3 ** 0.5, rel=0.1), name
    assert abs(usual["embed.W"]).max() > 0.3
    if arch == "lstm":
        assert (usual["recurrent.layers.0.layer.b"][64:128] == 1).all()


# What regularises it, and other outputs

EVERYTHING = {"connection": "highway", "dropout_kind": "variational", "input_dropout": 0.2, "output_dropout": 0.3,
              "embedding_dropout": 0.2, "state_dropout": 0.25, "weight_drop": 0.3, "activation_penalty": 2.0,
              "temporal_penalty": 1.0, "output": "mixture"}             # with the usual number of experts
TARGETS = np.random.default_rng(3).integers(V, size=IDS.shape)


def trained_loss(m, seed=5):
    """(loss, penalty or None) of a step of training."""
    loss, penalty, _ = m.training_loss(IDS, TARGETS, None, np.random.default_rng(seed))
    return loss.item(), None if penalty is None else penalty.item()


def gradients(m, seed=5):
    m.zero_grad()
    loss, penalty, _ = m.training_loss(IDS, TARGETS, None, np.random.default_rng(seed))
    (loss if penalty is None else loss + penalty).backward()
    return {name: p.grad.to_dense() if isinstance(p.grad, RowSparse) else p.grad for name, p in m.named_parameters()}


@pytest.mark.parametrize(("config", "sizes"), [
    ({"size": 7, "layers": 3}, [7, 7, 7, 7]), ({"size": 7, "layers": 1, "embedding": 4}, [4, 7]),
    ({"size": 7, "layers": 3, "embedding": 4}, [4, 7, 7, 7]), ({"size": 7, "layers": 3, "embedding": 4, "tie": True}, [4, 7, 7, 4]),
    ({"size": 7, "layers": 1, "embedding": 7, "tie": True}, [7, 7]), ({"size": 7, "layers": 2, "tie": True}, [7, 7, 7]),
    ({"size": 7, "layers": 1, "embedding": 4, "tie": True, "output": "mixture"}, [4, 7]),
    ({"size": 7, "layers": 2, "embedding": 4, "output": "adaptive"}, [4, 7, 7]),
])
def test_lengths_of_the_embedding_and_the_layers(config, sizes):
    """The last layer of a model that is tied to its embedding is as long as it; a mixture has views of that length."""
    assert RecurrentConfig(**config).sizes() == sizes
    m = make(**config)
    assert m.embed.W.shape == (V, sizes[0])
    assert [layer.size for layer in m.recurrent.layers] == sizes[1:]
    assert m.features(IDS)[0].shape == (*IDS.shape, sizes[-1])
    assert np.isfinite(m.loss(IDS, TARGETS)[0].item())


def test_input_and_output_dropout_follow_dropout_unless_they_are_given():
    base = {"dropout": 0.4, "dropout_kind": "variational"}
    wanted = trained_loss(make(**base))
    assert trained_loss(make(**base, input_dropout=-1, output_dropout=-1.0)) == wanted
    assert trained_loss(make(**base, input_dropout=0.4, output_dropout=0.4)) == wanted
    for other in ({"input_dropout": 0.0}, {"output_dropout": 0.0}, {"input_dropout": 0.1}, {"output_dropout": 0.1}):
        assert trained_loss(make(**base, **other)) != wanted
    m = make(dropout=0.4, input_dropout=0.0, output_dropout=0.1)
    assert (m.input_dropout.p, m.output_dropout.p, m.recurrent.dropout.p) == (0.0, 0.1, 0.4)


@archs
@pytest.mark.parametrize("output", ["softmax", "mixture", "adaptive"])
def test_a_model_with_every_probability_zero_is_the_plain_one_to_the_bit(arch, output):
    """In training: losses, gradients and state; whatever kind of dropout, and whatever it would draw."""
    nothing = dict.fromkeys(("dropout", "input_dropout", "output_dropout", "embedding_dropout", "state_dropout",
                             "weight_drop", "activation_penalty", "temporal_penalty"), 0.0)
    plain = make(arch=arch, output=output, dropout=0.0)
    wanted, got = gradients(plain), [gradients(make(arch=arch, output=output, dropout_kind=kind, **nothing)) for kind in DROPOUTS]
    loss = plain.loss(IDS, TARGETS)[0].item()
    assert trained_loss(plain) == (loss, None)
    for found in got:
        assert found.keys() == wanted.keys()
        for name, g in wanted.items():
            np.testing.assert_array_equal(found[name], g, err_msg=name)


def test_only_what_learns_is_a_parameter_and_keeps_its_name():
    layers = [f"recurrent.layers.{k}.{w}" for k in (0, 1) for w in ("Wx", "Wh", "b")]
    assert list(make().arrays()) == ["embed.W", *layers, "out.W", "out.b"]
    dropping = [name for name in EVERYTHING if "drop" in name or "penalty" in name]
    assert list(make(**{name: EVERYTHING[name] for name in dropping if name != "weight_drop"}).arrays()) == ["embed.W", *layers, "out.W", "out.b"]
    wrapped = [name.replace("layers.0.", "layers.0.layer.").replace("layers.1.", "layers.1.layer.") for name in layers]
    gate = ["recurrent.connections.0.gate.W", "recurrent.connections.0.gate.b"]
    views = ["out.latent.W", "out.latent.b", "out.prior", "out.words.W", "out.words.b"]
    assert sorted(make(**EVERYTHING).arrays()) == sorted(["embed.W", *wrapped, *gate, *views])
    assert sorted(make(**EVERYTHING, tie=True).arrays()) == sorted(["embed.W", *wrapped, *gate, *(set(views) - {"out.words.W"})])


def test_what_is_added_in_training_is_the_penalties_by_their_formulas():
    """Of the last layer's output: AR of what is left after dropout, TAR of the whole; 2 mean h^2 + 3 mean (change)^2."""
    settings = {"output_dropout": 0.5, "dropout": 0.0, "dropout_kind": "variational"}
    loss, penalty = trained_loss(make(activation_penalty=2.0, temporal_penalty=3.0, **settings))
    plain = make(**settings)
    hs = plain.features(IDS)[0].data
    seen = plain.features(IDS, None, np.random.default_rng(5))[0].data
    wanted = 2 * (seen ** 2).mean() + 3 * ((hs[:, 1:] - hs[:, :-1]) ** 2).mean()
    assert penalty == pytest.approx(wanted, rel=1e-12)
    assert trained_loss(plain) == (loss, None)
    assert trained_loss(make(activation_penalty=2.0, **settings))[1] == pytest.approx(2 * (seen ** 2).mean(), rel=1e-12)


@archs
@pytest.mark.parametrize("output", ["softmax", "mixture", "adaptive"])
@pytest.mark.parametrize("connection", ["plain", "residual", "highway"])
def test_every_part_reads_alike_at_once_in_windows_and_step_by_step(arch, output, connection):
    """losses, log probabilities, feed and step agree, nothing is dropped, and probabilities sum to one."""
    m = make(**EVERYTHING | {"arch": arch, "output": output, "connection": connection, "layers": 3})
    for p in m.parameters():
        p.data[...] += 0.5 * np.random.default_rng(8).standard_normal(p.shape)
    whole, last = m.losses(IDS, TARGETS)
    assert m.loss(IDS, TARGETS)[0].item() == pytest.approx(whole.mean(), rel=1e-12)
    first, state = m.losses(IDS[:, :4], TARGETS[:, :4])
    second, state = m.losses(IDS[:, 4:], TARGETS[:, 4:], state)
    np.testing.assert_allclose(np.concatenate([first, second], axis=1), whole, rtol=1e-11)
    log_p, _ = m.log_probabilities(IDS)
    np.testing.assert_allclose(np.exp(log_p).sum(-1), 1, rtol=1e-12)
    np.testing.assert_allclose(-np.take_along_axis(log_p, TARGETS[..., None], -1)[..., 0], whole, rtol=1e-11)
    logits, fed = m.feed(IDS[:, :-1], m.start(3))
    np.testing.assert_allclose(log_softmax(logits), log_p[:, -2], rtol=1e-11)
    logits, fed = m.step(IDS[:, -1], fed)
    np.testing.assert_allclose(log_softmax(logits), log_p[:, -1], rtol=1e-11)
    for reached in (fed, state):
        for got, wanted in zip(reached, last, strict=True):
            for g, w in zip(got, wanted, strict=True):
                np.testing.assert_allclose(g.data, w.data, rtol=1e-11)


def log_softmax(logits):
    z = logits - logits.max(-1, keepdims=True)
    return z - np.log(np.exp(z).sum(-1, keepdims=True))


@archs
@pytest.mark.parametrize("output", ["softmax", "mixture", "adaptive"])
@pytest.mark.parametrize("connection", ["plain", "residual", "highway"])
def test_gradients_with_everything_on(arch, output, connection):
    """As `tsuzuri check` sees them: masks, penalties, a carried state, targets that do not count."""
    config = RecurrentConfig(**EVERYTHING | {"arch": arch, "output": output, "connection": connection, "size": 6, "layers": 3, "dropout": 0.2})
    rows = list(check_language_model(config, vocabulary=17, seed=1))
    assert len(rows) == len(RecurrentLanguageModel(config, 17, rng=np.random.default_rng(0)).arrays())
    assert all(row.right for row in rows), [row for row in rows if not row.right]
    assert all(row.exact for row in rows)                    # every parameter has a say


@pytest.mark.parametrize("output", ["softmax", "mixture"])
@pytest.mark.parametrize("kind", ["element", "variational"])
def test_gradients_of_a_tied_table_of_another_length(output, kind):
    config = RecurrentConfig(**EVERYTHING | {"output": output, "dropout_kind": kind, "connection": "plain"},
                             size=6, layers=2, embedding=4, tie=True, dropout=0.2)
    rows = list(check_language_model(config, vocabulary=17))
    assert all(row.right for row in rows), [row for row in rows if not row.right]


@pytest.mark.parametrize("positions", ["learnt", "rotary"])
@pytest.mark.parametrize("tie", [False, True], ids=["free", "tied"])
@pytest.mark.parametrize("size", [8, 16])
def test_gradients_of_the_transformer(positions, tie, size):
    """Also of a narrow one, whose norms bend so much that the numeric derivative must take small steps."""
    config = TransformerConfig(size=size, heads=2, layers=2, context=8, positions=positions, tie=tie, dropout=0.3)
    rows = list(check_language_model(config, vocabulary=17))
    assert all(row.right for row in rows), [row for row in rows if not row.right]


@pytest.mark.parametrize(("config", "sentence"), [
    ({"connection": "highwy"}, 'connection "highwy" is unknown (did you mean "highway"?); choose one of plain, residual, highway.'),
    ({"output": "mix"}, 'output "mix" is unknown (did you mean "mixture"?); choose one of softmax, mixture, adaptive.'),
    ({"dropout_kind": "locked"}, 'dropout_kind "locked" is unknown; choose one of element, variational.'),
    ({"weight_drop": -1.0}, "weight_drop is -1.0; it must be at least 0 and below 1."),
    ({"input_dropout": -0.5}, "input_dropout is -0.5; it must be at least 0 and below 1."),
    ({"output_dropout": 1.0}, "output_dropout is 1.0; it must be at least 0 and below 1."),
    ({"state_dropout": float("nan")}, "state_dropout is nan; it must be at least 0 and below 1."),
    ({"temporal_penalty": -1.0}, "temporal_penalty is -1.0; it must not be negative."),
    ({"activation_penalty": float("inf")}, "activation_penalty is inf; it must not be negative."),
    ({"output": "mixture", "experts": -1}, "experts is -1; it must be 0 to 1,000,000."),
    ({"experts": 2}, "experts are the softmaxes of output mixture, not of softmax; leave them out, or take output mixture."),
    ({"tie": True, "output": "adaptive"}, "tie does not fit output adaptive, which has a matrix for each cluster of words; leave one of them out."),
])
def test_a_regulariser_that_does_not_fit_is_said_in_one_sentence(config, sentence):
    with pytest.raises(ConfigError) as caught:
        RecurrentConfig(**config)
    assert str(caught.value) == sentence


def test_layers_that_cannot_be_joined_are_refused_by_their_config():
    """Before any text was read: the last layer of a tied model is as long as its embedding."""
    with pytest.raises(ConfigError, match=r"residual"):
        RecurrentConfig(size=6, layers=2, embedding=4, tie=True, connection="residual")


@pytest.mark.parametrize("token", [-1, 11])
def test_a_step_refuses_a_token_that_there_is_not(token):
    model = RecurrentLanguageModel(RecurrentConfig(size=4), 11, rng=np.random.default_rng(0))
    with pytest.raises(DataError, match=f"id {token} is not a row of a table of 11 rows"):
        model.step(np.array([3, token]), model.start(2))
