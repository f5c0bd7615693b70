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
import torch_seq2seq  # noqa: E402

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


# From sequence to sequence

CONFIGS = {"plain": {"embedding": 4}, "both ways, general": {"bidirectional": True, "score": "general", "tie": True},
           "scaled, smoothed": {"score": "scaled", "smoothing": 0.1}}


def _pair_of_pairs(arch, options, padded=True):
    from msgspec import convert

    from tsuzuri.models.seq2seq import config_type, make_seq2seq
    ours = make_seq2seq(convert({"arch": arch, "size": 8, **options}, config_type(arch)), 9, 7, np.random.default_rng(1))
    rng = np.random.default_rng(2)
    source, inputs, targets = rng.integers(9, size=(3, 5)), rng.integers(7, size=(3, 4)), rng.integers(7, size=(3, 4))
    lengths = np.array([5, 2, 4] if padded else [5, 5, 5])
    targets[1, 2:] = -1
    return ours, torch_seq2seq.TWINS[arch](ours.config, ours.arrays()), (source, lengths, inputs, targets)


@pytest.mark.parametrize("padded", [True, False])
@pytest.mark.parametrize(("arch", "options"), [*(("attention", more) for more in CONFIGS.values()), ("transformer", {"layers": 2, "heads": 2, "dropout": 0.0})],
                         ids=[*CONFIGS, "transformer"])
def test_the_twin_from_sequence_to_sequence_has_the_same_loss(arch, options, padded):
    ours, peer, batch = _pair_of_pairs(arch, options, padded)
    assert peer.training_loss(*map(torch.from_numpy, batch)).item() == pytest.approx(ours.training_loss(*batch)[0].item(), rel=1e-5)


@pytest.mark.parametrize("rows", [1, 3])
def test_the_twin_writes_the_same_texts(rows):
    from tsuzuri.decode import Search, beam_search
    from tsuzuri.decode.greedy import greedy
    ours, peer, (source, lengths, *_) = _pair_of_pairs("attention", {"score": "dot"}, padded=False)
    ours.out.W.data[...] *= 5                                # so that no two tokens are nearly as likely
    ours.out.b.data[0] = -1e9                                # the end, which the peer's beams do not put aside
    peer = torch_seq2seq.TWINS["attention"](ours.config, ours.arrays()).eval()
    source, lengths, first = source[:rows], lengths[:rows], np.zeros(rows, np.int64)
    given = torch.from_numpy(source), torch.from_numpy(lengths)
    assert peer.greedy(*given, 0, 6).tolist() == [text.ids for text in greedy(ours, ours.start(source, lengths), first, 0, 6)]
    best = [texts[0] for texts in beam_search(ours, ours.start(source, lengths), first, 0, 6, Search(beams=3, best=1), lengths=lengths)]
    ids, log_p = peer.beam_search(*given, 0, 6, 3)
    assert ids.tolist() == [text.ids for text in best]
    np.testing.assert_allclose(log_p, [text.log_p for text in best], rtol=1e-5)
