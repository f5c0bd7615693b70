"""Models of pictures and captions: a batch is its rows, steps are the whole, padding is not seen, gradients are the numeric ones, PyTorch agrees."""
import importlib.util
from pathlib import Path

import numpy as np
import pytest

from tsuzuri import gradcheck
from tsuzuri.decode import Search, greedy
from tsuzuri.decode.captions import describe
from tsuzuri.errors import ConfigError
from tsuzuri.models.captions import AttentionCaptionConfig, CaptionConfig, config_type, make_captions
from tsuzuri.optim import make_optimizer

VOCABULARY, PIXELS = 11, 12
MODELS = {"init": {"arch": "init"}, "init, one block": {"arch": "init", "blocks": 1, "embedding": 3}, "before": {"arch": "attention"},
          "after": {"arch": "attention", "context": "after", "score": "scaled"}, "fed": {"arch": "attention", "context": "fed"}, "additive": {"arch": "attention", "score": "additive", "embedding": 5},
          "hard": {"arch": "attention", "choice": "hard"}, "straight-through": {"arch": "attention", "choice": "straight-through", "context": "after"}}
every = pytest.mark.parametrize("name", MODELS)


def made(name, seed=0, **more):
    settings = {"size": 6, "filters": 3, "blocks": 2, "dtype": "float64"} | MODELS[name] | more
    return make_captions(config_type(settings["arch"])(**settings), (PIXELS, PIXELS, 3), VOCABULARY, np.random.default_rng(seed))


def batch(N=3, T=4, seed=0):
    """The last row ends early, where there are several."""
    rng = np.random.default_rng(seed)
    pictures = rng.integers(0, 256, (N, PIXELS, PIXELS, 3)).astype(np.uint8)
    targets = rng.integers(1, VOCABULARY, (N, T))
    targets[-1, max(1, T - 2):] = -1 if N > 1 else targets[-1, max(1, T - 2):]
    inputs = np.where(targets >= 0, np.roll(targets, 1, axis=1), 0)
    inputs[:, 0] = 0
    return pictures, inputs, targets


@every
def test_a_batch_is_its_rows_one_by_one(name):
    """In use, where batch norm takes the moments that it counted."""
    model, (pictures, inputs, targets) = made(name), batch()
    model.training_loss(pictures, inputs, targets, rng=np.random.default_rng(0))
    losses, _ = model.losses(pictures, inputs, targets)
    for n in range(len(pictures)):
        np.testing.assert_allclose(model.losses(pictures[n:n + 1], inputs[n:n + 1], targets[n:n + 1])[0][0], losses[n], rtol=1e-10, atol=1e-12)


@every
def test_step_by_step_is_all_at_once(name):
    model, (pictures, inputs, targets) = made(name), batch()
    losses, _ = model.losses(pictures, inputs, targets)
    state, weights = model.start(pictures), []
    for t in range(inputs.shape[1]):
        logits, state = model.step(inputs[:, t], state)
        log_p = logits - np.log(np.exp(logits).sum(1, keepdims=True))
        here = targets[:, t] >= 0
        np.testing.assert_allclose(-log_p[here, targets[here, t]], losses[here, t], rtol=1e-9)
        weights.append(state.attention)
    assert not losses[targets < 0].any()
    seen = model.attention(pictures, inputs)
    if MODELS[name]["arch"] == "init":
        assert seen is None is weights[0]
    else:
        np.testing.assert_allclose(np.stack(weights, 1), seen.reshape(*inputs.shape, -1), atol=1e-12)
        np.testing.assert_allclose(seen.sum((2, 3)), 1)


@every
def test_rows_of_a_state_may_change_places(name):
    model, (pictures, inputs, _) = made(name), batch()
    rows = np.array([2, 0, 0, 1])
    _, state = model.step(inputs[:, 0], model.start(pictures))
    logits, after = model.step(inputs[:, 1], state)
    again, _ = model.step(inputs[rows, 1], state.take(rows))
    np.testing.assert_allclose(again, logits[rows], rtol=1e-12)
    np.testing.assert_allclose(after.take(rows).layer.c.data, after.layer.c.data[rows])


@every
def test_padding_changes_no_loss_and_no_gradient(name):
    """More places behind the ends, whatever is read there."""
    pictures, inputs, targets = batch()
    found = []
    for more in (0, 3):
        model = made(name)
        wide = [np.pad(inputs, ((0, 0), (0, more)), constant_values=7), np.pad(targets, ((0, 0), (0, more)), constant_values=-1)]
        choices = None if name in ("hard", "straight-through") else np.random.default_rng(1)      # drawn for more places they would be others
        loss, _, _ = model.training_loss(pictures, *wide, rng=choices)
        loss.backward()
        found.append((loss.item(), [p.grad for p in model.parameters() if p.grad is not None]))
    assert found[0][0] == pytest.approx(found[1][0], rel=1e-12)
    for a, b in zip(found[0][1], found[1][1], strict=True):
        a, b = (x.to_dense() if hasattr(x, "to_dense") else x for x in (a, b))
        np.testing.assert_allclose(a, b, rtol=1e-9, atol=1e-12)


@pytest.mark.parametrize("name", ["init", "before", "after", "fed", "additive"])
def test_gradients_are_the_numeric_ones(name, monkeypatch):
    """In training, through the moments of the batch; with a step so short that hardly a relu or window of hundreds changes its side.

    The loss, about 2, is then known to 4e-16 / 3e-6, some 2e-10 of a derivative; that by a bias before batch norm is 0.
    """
    monkeypatch.setattr(gradcheck, "STEP", 3e-6)
    model, given = made(name), batch()
    found = list(gradcheck.check_gradients(model, lambda: model.training_loss(*given, rng=np.random.default_rng(0))[0], np.random.default_rng(3)))
    assert [checked for checked in found if not checked.right and abs(checked.exact - checked.numeric) > 5e-10] == []
    assert len(found) > 12


def test_dropout_is_of_the_training_only():
    pictures, inputs, targets = batch()
    for name in ("init", "before", "after"):
        plain, dropped = (made(name, dropout=p) for p in (0.0, 0.5))
        np.testing.assert_allclose(plain.losses(pictures, inputs, targets)[0], dropped.losses(pictures, inputs, targets)[0])
        losses = {dropped.training_loss(pictures, inputs, targets, rng=np.random.default_rng(k))[0].item() for k in (1, 1, 2)}
        assert len(losses) == 2


def test_hard_choices_take_one_place_and_cost_a_penalty():
    """What is seen is the vector of one place; the gradient of the loss alone does not reach the scores."""
    model, (pictures, inputs, targets) = made("hard"), batch()
    loss, penalty, _ = model.training_loss(pictures, inputs, targets, rng=np.random.default_rng(1))
    loss.backward()
    assert model.attend.score.W.grad is None
    penalty.backward()
    assert np.abs(model.attend.score.W.grad).max() > 0
    assert made("before").training_loss(pictures, inputs, targets, rng=np.random.default_rng(1))[1] is None


def test_the_picture_and_its_places_matter():
    """Turned upside down another caption is likelier, for both models."""
    pictures, inputs, targets = batch()
    for name in ("init", "before"):
        model = made(name)
        assert not np.allclose(model.losses(pictures, inputs, targets)[0], model.losses(pictures[:, ::-1], inputs, targets)[0])
    model = made("before")
    moved = model.losses(pictures[:, ::-1], inputs, targets)[0]
    model.places = model.places[:, ::-1]                     # lines for columns
    assert not np.allclose(model.losses(pictures[:, ::-1], inputs, targets)[0], moved)


def learnt(name):
    """A model that knows two pictures by heart."""
    model, (pictures, inputs, targets) = made(name, size=16), batch(2, 4)
    optimizer, rng = make_optimizer("adam", model), np.random.default_rng(0)
    for _ in range(60):
        model.training_loss(pictures, inputs, targets, rng=rng)[0].backward()
        optimizer.step(0.03)
    return model, pictures, inputs, targets


@pytest.mark.parametrize("name", ["init", "before", "after", "fed"])
def test_captions_are_written_as_they_were_learnt(name):
    """Greedily, by a beam, and picture by picture.  Batch norm knows the moments of the training by then."""
    model, pictures, inputs, targets = learnt(name)
    targets = np.where(targets >= 0, targets, 0)             # the end
    model.training_loss(pictures, inputs, targets, rng=np.random.default_rng(0))
    most = targets.shape[1]
    found = describe(model, pictures, 0, most)
    assert [text.ids for text in greedy(model, model.start(pictures), np.zeros(2, int), 0, most)] == [texts[0].ids for texts in found]
    assert [describe(model, pictures[k:k + 1], 0, most)[0][0].ids for k in (0, 1)] == [texts[0].ids for texts in found]
    assert found[0][0].ids == targets[0].tolist()
    beams = describe(model, pictures, 0, most, Search(beams=3))
    assert beams[0][0].ids == found[0][0].ids
    assert [len(texts) for texts in beams] == [3, 3]
    assert (found[0][0].attention is None) == (name == "init")


@pytest.mark.parametrize(("settings", "words"), [
    ({"arch": "deep"}, 'arch "deep" is unknown'), ({"size": 0}, "size is 0; it must be 1 to"), ({"embedding": -1}, "embedding is -1"), ({"filters": 0}, "filters is 0"),
    ({"blocks": 9}, "blocks is 9; it must be 1 to 8"), ({"dropout": 1.0}, "dropout is 1.0"), ({"smoothing": -0.1}, "smoothing is -0.1"),
    ({"dtype": "float16"}, "dtype float16 is too short"), ({"score": "location"}, 'score "location" is unknown'), ({"choice": "any"}, 'choice "any" is unknown'),
    ({"context": "during"}, 'context "during" is unknown')])
def test_settings_that_do_not_fit(settings, words):
    kind = AttentionCaptionConfig if {"score", "choice", "context"} & settings.keys() else CaptionConfig
    with pytest.raises(ConfigError, match=words):
        kind(**settings)


def test_pictures_that_cannot_be_halved_so_often():
    with pytest.raises(ConfigError, match="blocks is 5, and pictures of 12 pixels cannot be halved 4 times"):
        make_captions(CaptionConfig(blocks=5), (12, 12, 3), 5, np.random.default_rng(0))


@pytest.mark.parametrize("settings", [{"arch": "init"}, {"arch": "attention"}, {"arch": "attention", "context": "after"}], ids=["init", "before", "after"])
def test_equals_the_model_in_pytorch_that_it_is_timed_beside(settings, monkeypatch):
    """Loss and every gradient, in training."""
    torch = pytest.importorskip("torch")
    folder = Path(__file__).parents[2] / "benchmarks"
    monkeypatch.syspath_prepend(str(folder))
    spec = importlib.util.spec_from_file_location("torch_captions", folder / "torch_captions.py")
    twins = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(twins)
    model = make_captions(config_type(settings["arch"])(size=8, filters=4, blocks=3, **settings), (16, 16, 3), VOCABULARY, np.random.default_rng(0))
    rng = np.random.default_rng(1)
    pictures, (_, inputs, targets) = rng.integers(0, 256, (3, 16, 16, 3)).astype(np.uint8), batch()
    twin = twins.TorchCaptions(model.config, model.arrays())
    loss, their_loss = model.training_loss(pictures, inputs, targets, rng=rng)[0], twin.training_loss(*map(torch.from_numpy, (pictures, inputs, targets)))
    assert loss.item() == pytest.approx(their_loss.item(), rel=1e-5)
    loss.backward()
    their_loss.backward()
    mine = dict(model.named_parameters())
    pairs = {"out.W": twin.out.weight, "embed.W": twin.embed.weight, "encoder.convolutions.0.W": twin.encoder[0].weight, "encoder.norms.1.gain": twin.encoder[5].weight}
    for name, theirs in pairs.items():
        grad = mine[name].grad
        grad, wanted = grad.to_dense() if hasattr(grad, "to_dense") else grad, theirs.grad.numpy()
        wanted = wanted.transpose(2, 3, 1, 0) if wanted.ndim == 4 else wanted.T if name == "out.W" else wanted
        np.testing.assert_allclose(grad, wanted, rtol=0, atol=1e-4 * np.abs(wanted).max(), err_msg=name)
