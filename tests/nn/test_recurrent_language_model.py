"""The recurrent language model: one step at a time equals all at once, and tying shares memory."""
import numpy as np
import pytest

from tsuzuri.errors import ConfigError
from tsuzuri.models.recurrent import RecurrentConfig, RecurrentLanguageModel
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
