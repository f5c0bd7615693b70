"""Saliency is the numeric derivative of log p by the tokens' vectors."""
import copy

import numpy as np
import pytest

from tsuzuri.errors import ConfigError
from tsuzuri.inside import saliency
from tsuzuri.models.recurrent import RecurrentConfig, RecurrentLanguageModel
from tsuzuri.models.transformer import TransformerConfig, TransformerLanguageModel
from tsuzuri.tensor import Tensor

IDS = np.array([2, 5, 5, 1])


def model_of(arch, tie=False):
    config = RecurrentConfig(arch=arch, size=4, layers=2, tie=tie, dropout=0.5, dtype="float64")
    model = RecurrentLanguageModel(config, 7, rng=np.random.default_rng(1))
    for parameter in model.parameters():
        parameter.data *= 3
    return model


def transformer():
    config = TransformerConfig(size=4, layers=2, heads=2, context=8, dropout=0.5, dtype="float64")
    return TransformerLanguageModel(config, 7, rng=np.random.default_rng(1))


def log_p(model, x, target):
    probe = copy.copy(model)
    probe.embed = lambda *_: Tensor(x[None])
    return -probe.loss(IDS[None], np.array([[-1, -1, -1, target]]))[0].item()


@pytest.mark.parametrize("model", [*(model_of(arch, tie) for arch in ("rnn", "gru", "lstm") for tie in (False, True)), transformer()],
                         ids=lambda model: f"{model.config.arch} {model.config.tie}")
def test_the_gradient_is_the_numeric_one(model):
    """The token that stands twice has a gradient for each of its places.  Central differences, error about 1e-9."""
    eps = 1e-6
    found = saliency(model, IDS, 3)
    x = model.embed.W.data[IDS]
    assert found.log_p == pytest.approx(model.log_probabilities(IDS[None])[0][0, -1, 3], rel=1e-10)
    for place in np.ndindex(x.shape):
        up, down = x.copy(), x.copy()
        up[place] += eps
        down[place] -= eps
        expected = (log_p(model, up, 3) - log_p(model, down, 3)) / (2 * eps)
        assert found.gradient[place] == pytest.approx(expected, rel=1e-5, abs=1e-9)
    np.testing.assert_array_equal(found.inputs, x)
    assert not np.allclose(found.gradient[1], found.gradient[2])


def test_size_and_effect_by_hand():
    found = saliency(model_of("lstm"), IDS, 3)._replace(gradient=np.array([[3.0, -1.0]]), inputs=np.array([[1.0, 4.0]]))
    assert found.size == pytest.approx([5.0])
    assert found.effect == pytest.approx([-1.0])


def test_without_a_target_it_is_the_likeliest():
    model = model_of("gru")
    found = saliency(model, IDS)
    assert found.target == int(np.argmax(model.log_probabilities(IDS[None])[0][0, -1]))


def test_the_model_is_left_as_it_was():
    model = model_of("lstm")
    before, embed = {name: a.copy() for name, a in model.arrays().items()}, model.embed
    saliency(model, IDS, 3)
    assert model.embed is embed
    assert all(parameter.grad is None for parameter in model.parameters())
    for name, a in model.arrays().items():
        np.testing.assert_array_equal(a, before[name])


def test_nothing_to_hang_on_is_refused():
    with pytest.raises(ConfigError, match="give a text"):
        saliency(model_of("rnn"), IDS[:0])


def test_a_text_longer_than_the_model_sees_is_refused_as_that():
    with pytest.raises(ConfigError, match="the text has 9 tokens, and the model sees at most 8 of them at once; give a shorter text"):
        saliency(transformer(), np.arange(9) % 7)
    assert len(saliency(transformer(), np.arange(8) % 7).size) == 8
