"""The PyTorch side of the benchmarks takes the same step as we do, so that the comparison is of libraries and not of models."""
import sys
from pathlib import Path

import numpy as np
import pytest

from tsuzuri.models.recurrent import RecurrentConfig, RecurrentLanguageModel
from tsuzuri.optim import clip_factor, global_norm, make_optimizer
from tsuzuri.text import BPTTBatches
from tsuzuri.train.config import TrainingConfig
from tsuzuri.train.loop import evaluate

torch = pytest.importorskip("torch")
sys.path.append(str(Path(__file__).parents[1] / "benchmarks"))
import torch_models  # noqa: E402

PENALTIES = {"activation_penalty": 2.0, "temporal_penalty": 1.0}


def _pair(config, vocabulary=11):
    ours = RecurrentLanguageModel(config, vocabulary, rng=np.random.default_rng(0))
    return ours, torch_models.TorchRecurrent(config, ours.arrays())


@pytest.mark.parametrize(("arch", "options"), [("lstm", {"tie": True, "embedding": 4} | PENALTIES), ("lstm", {}), ("gru", PENALTIES),
                                               ("rnn", {"tie": True})])
@pytest.mark.parametrize("optimizer", ["sgd", "adam"])
def test_two_steps_with_the_state_carried_are_the_same(arch, options, optimizer):
    training = TrainingConfig(optimizer=optimizer, lr=0.1 if optimizer == "sgd" else 0.001, weight_decay=0.01, clip=0.1)
    ours, peer = _pair(RecurrentConfig(arch, 6, layers=2, **options))
    mover, other, state, past = make_optimizer(optimizer, ours, 0.01), torch_models.make_optimizer(peer, training), None, None
    batches = BPTTBatches(np.tile(np.arange(11), 8), 2, 11)    # each has all words: ours leaves the rows of others as they are
    for ids, targets in (batches[0], batches[1]):
        loss, penalty, state = ours.training_loss(ids, targets, state, np.random.default_rng(0))
        (loss if penalty is None else loss + penalty).backward()
        mover.step(training.lr, clip_factor(global_norm(mover.parameters.values()), training.clip))
        same, objective, past = peer.training_loss(torch.from_numpy(ids), torch.from_numpy(targets), past)
        torch_models.update(peer, other, objective, training.lr, training.clip)
        assert same.item() == pytest.approx(loss.item(), rel=1e-6)
    assert peer.evaluate(batches) == pytest.approx(evaluate(ours, batches)[0], rel=1e-5)
    np.testing.assert_allclose(peer.table.detach().numpy(), ours.embed.W.data, rtol=1e-5, atol=1e-6)


@pytest.mark.parametrize("name", ["dropout", "embedding_dropout", "weight_drop"])
def test_what_drops_is_drawn_anew_and_only_while_training(name):
    _, peer = _pair(RecurrentConfig("lstm", 6, layers=2, **{name: 0.4}))
    batches = BPTTBatches(np.tile(np.arange(11), 4), 2, 7)
    ids, targets = map(torch.from_numpy, batches[0])
    first, second = (peer.training_loss(ids, targets, None)[0].item() for _ in range(2))
    assert first != second
    assert peer.evaluate(batches) == peer.evaluate(batches)


def test_a_dropped_recurrent_weight_gets_no_gradient():
    _, peer = _pair(RecurrentConfig("lstm", 16, weight_drop=0.5))
    ids, targets = map(torch.from_numpy, BPTTBatches(np.tile(np.arange(11), 4), 2, 7)[0])
    peer.training_loss(ids, targets, None)[1].backward()
    assert 0.4 < (peer.layers[0].recurrent.grad == 0).float().mean().item() < 0.6


def test_locked_dropout_is_the_same_at_every_step():
    kept = torch_models.locked_dropout(torch.ones(5, 3, 40), 0.5)
    assert torch.equal(kept, kept[:1].expand_as(kept))
    assert set(kept.unique().tolist()) == {0.0, 2.0}
