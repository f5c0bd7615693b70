"""Each thing that can be wrong with a training is seen in a made-up log of it, and nothing in a healthy one."""
import math
import shlex
from types import SimpleNamespace

import numpy as np
import pytest

from tsuzuri.errors import ConfigError, RunError
from tsuzuri.train.diagnose import as_record, figures, find
from tsuzuri.train.history import History, entropy, learning_curve, read_history

A_STEP, A_EPOCH = 10, 50                                     # logged every 10 steps, 50 times an epoch


def history(train, valid, *, losses=None, norms=1.0, finished=True, error="", vocabulary=1000, tokens=350_000, unknown=0,
            entropy=6.0, cap=0, **changed):
    """A log with these losses after each epoch; the steps' losses fall in lines from one to the next."""
    epochs = len(train)
    chosen = {"optimizer": "adam", "lr": 0.001, "clip": 5.0, "epochs": epochs, "patience": 5, "batch_size": 20, "bptt": 35,
              "accumulate": 1, "dropout": 0.3, "data": "notes.txt", "vocabulary": cap, "min_count": 1} | changed
    settings = SimpleNamespace(**dict.fromkeys(("data", "model", "training"), SimpleNamespace(**chosen)))
    if losses is None:
        losses = np.interp(np.arange(epochs * A_EPOCH) / A_EPOCH, np.arange(epochs + 1), [math.log(vocabulary), *train])
    norms = np.broadcast_to(norms, len(losses))
    steps = [{"step": A_STEP * (k + 1), "epoch": k // A_EPOCH + 1, "loss": float(loss), "norm": float(norm), "lr": chosen["lr"]}
             for k, (loss, norm) in enumerate(zip(losses, norms, strict=True))]
    validations = [{"step": (k + 1) * A_STEP * A_EPOCH, "epoch": k + 1, "train_loss": a, "valid_loss": b, "best": False}
                   for k, (a, b) in enumerate(zip(train, valid, strict=True))]
    return History("runs/x", settings, steps, validations, error, finished, vocabulary, tokens, unknown, entropy)


TRAIN, VALID = [5.2, 4.8, 4.6, 4.52, 4.5], [5.1, 4.85, 4.7, 4.66, 4.65]
SPIKED = np.where(np.arange(250) == 100, 400.0, 1.0)
JUMPED = np.r_[np.linspace(6.9, 4.8, 125), np.linspace(5.8, 4.6, 125)]

SICK = {                                                     # name -> (log, words of the diagnosis, words of its figures, flags)
    "stopped": (history(TRAIN, VALID, error="the loss is nan in epoch 2", finished=False), "out of bounds", "nan in epoch 2",
                "--lr 0.00033"),
    "exploded": (history(TRAIN, VALID, norms=SPIKED, clip=0.0), "exploded", "step 1,010 (epoch 3) its length was 400, 400 times",
                 "--clip 2"),
    "nothing_learnt": (history([6.9, 6.9, 6.9], [6.905, 6.903, 6.904], lr=1e-6), "perplexity equals the vocabulary size: nothing was learnt",
                       "perplexity 995.3 with a vocabulary of 1,000", "--lr 0.001"),
    "worse_than_counting": (history([6.4, 6.3, 6.3], [6.2, 6.1, 6.1]), "how frequent", "training loss 6.300", "--lr 0.00033"),
    "rate_too_high": (history(TRAIN, VALID, losses=JUMPED), "goes up", "nats by step 1,350", "--lr 0.00033"),
    "rate_too_low": (history([6.0, 5.8, 5.6], [5.9, 5.7, 5.5], lr=2e-5), "falls slowly", "2e-05 (usual: 0.001)", "--lr 0.001"),
    "still_falling": (history([5.2, 4.8, 4.6], [5.1, 4.85, 4.7]), "still falling", "from 4.850 to 4.700 nats", "--epochs 6"),
    "best_at_first": (history([4.8, 4.2, 3.9, 3.7], [4.9, 5.0, 5.1, 5.2], epochs=20, patience=3), "first epoch was the best",
                      "(patience 3)", "--lr 0.00033 --dropout 0.5"),
    "overfitting": (history([5.0, 4.7, 4.4, 4.2, 4.0], [5.0, 4.85, 4.86, 4.9, 4.95], dropout=0.0),
                    "validation rises while training falls since epoch 2", "from epoch 2 to 5 validation went from 4.850 to 4.950",
                    "--dropout 0.3"),
    "gap": (history([5.0, 4.6, 4.31, 4.3], [5.0, 4.8, 4.75, 4.74], dropout=0.0), "dropout is off", "training 4.300, validation 4.740",
            "--dropout 0.3"),
    "clipped": (history(TRAIN, VALID, norms=np.where(np.arange(250) % 33, 2.0, 0.1), clip=0.25), "clipped in 97% of the steps",
                "2 in the median", "--clip 2"),
    "mostly_unknown": (history(TRAIN, VALID, unknown=70_000, cap=1000, min_count=2), "20% of the training tokens are <unk>", "70,000 of 350,000",
                       "--vocabulary 4000"),
}
few = history(TRAIN, VALID)
SICK["few_steps"] = (History(**{**vars(few), "validations": [{**r, "step": 10 * r["epoch"]} for r in few.validations]}),
                     "only 10 steps", "batch_size 20 x bptt 35 x accumulate 1 = 700", "--batch-size 2")


@pytest.mark.parametrize("name", SICK)
def test_it_is_found_with_its_figures_and_a_command(name):
    log, what, evidence, flags = SICK[name]
    found = {finding.name: finding for finding in find(log)}
    assert [*found] == [name]
    assert what in found[name].what
    assert evidence in found[name].evidence
    assert found[name].try_this.endswith(flags)
    words = shlex.split(found[name].try_this)
    assert words[:5] == ["tsuzuri", "lm", "train", "--config", "runs/x/config.toml"]
    assert words[5] == "--out"
    assert words[6] not in ("runs/x", "")


def test_a_healthy_log_gives_nothing():
    assert find(history(TRAIN, VALID)) == []
    noise = np.random.default_rng(0)
    losses = np.interp(np.arange(250) / 50, range(6), [6.9, *TRAIN]) + 0.15 * noise.standard_normal(250)
    norms = np.exp(0.3 * noise.standard_normal(250))
    assert find(history(TRAIN, VALID, losses=losses, norms=norms)) == []
    assert find(history(TRAIN[:1], [None], finished=False, epochs=5)) == []


def test_the_published_settings_of_sgd_are_healthy():
    """A rate of 20 with gradients clipped at 0.25, often; a training loss that dropout keeps above the counts; weights dropped instead of elements."""
    norms = np.where(np.arange(250) % 25 < 18, 0.3, 0.2)
    assert find(history(TRAIN, VALID, optimizer="sgd", lr=20.0, clip=0.25, norms=norms)) == []
    assert find(history([6.4, 6.3, 6.3], [5.95, 5.9, 5.9])) == []
    assert find(history([5.0, 4.6, 4.31, 4.3], [5.0, 4.8, 4.75, 4.74], dropout=0.0, weight_drop=0.5)) == []


def test_a_high_rate_that_fails_is_divided_by_three_where_it_is_a_usual_one():
    for clip, lr, better, usual in ((0.25, 20.0, "6.7", ""), (0.25, 90.0, "1", " (usual: 1 to 30)"), (0.0, 20.0, "1", " (usual: 1)"),
                                    (5.0, 20.0, "1", " (usual: 1)"), (0.25, 1.0, "10", ""), (5.0, 1.0, "0.33", "")):
        found = find(history([6.4, 6.3, 6.3], [6.2, 6.1, 6.1], optimizer="sgd", lr=lr, clip=clip, norms=0.2))[0]
        assert found.name == "worse_than_counting"
        assert found.evidence.endswith(f"sgd at lr {lr:g}{usual}.")
        assert found.try_this.endswith(f"--lr {better}")


@pytest.mark.parametrize(("given", "evidence", "command"), [
    ({"min_count": 2}, "(vocabulary unlimited, min_count 2).", "--out runs/x-min-count --min-count 1"),
    ({"min_count": 2, "cap": 2000}, "(vocabulary 2000, min_count 2).", "--out runs/x-min-count --min-count 1"),
    ({"min_count": 1, "cap": 2000}, "(vocabulary 2000, min_count 1): the text itself says <unk>.", "--out runs/x-text TEXT_WITH_ALL_ITS_WORDS"),
    ({"min_count": 1}, "(vocabulary unlimited, min_count 1): the text itself says <unk>.", "--out runs/x-text TEXT_WITH_ALL_ITS_WORDS")])
def test_unknown_words_come_from_a_setting_or_stand_in_the_text(given, evidence, command):
    found, = find(history(TRAIN, VALID, unknown=70_000, **given))
    assert found.evidence.endswith(evidence)
    assert found.try_this.endswith(command)


def test_everything_that_is_dropped_is_named():
    found, = find(history([5.0, 4.7, 4.4, 4.2, 4.0], [5.0, 4.85, 4.86, 4.9, 4.95], dropout=0.0, input_dropout=-1.0, weight_drop=0.5))
    assert "; weight_drop is 0.5 (the run" in found.evidence


def test_several_things_at_once_come_gravest_first():
    log = history([6.9] * 3, [6.905] * 3, norms=9.0, unknown=300_000)
    assert [finding.name for finding in find(log)] == ["nothing_learnt", "clipped", "mostly_unknown"]


def test_figures():
    found = figures(history(TRAIN, VALID, norms=np.arange(250) / 25.0, unknown=3500))
    assert found["best_loss"] == 4.65
    assert (found["best_epoch"], found["epochs"], found["steps"], found["unknown"]) == (5, 5, 2500, 0.01)
    assert found["clipped"] == pytest.approx(124 / 250)
    assert found["log_vocabulary"] == pytest.approx(math.log(1000))


def test_the_new_folder_is_not_there_yet(tmp_path):
    log = History(**{**vars(SICK["still_falling"][0]), "folder": str(tmp_path / "x")})
    (tmp_path / "x-epochs").mkdir()
    (tmp_path / "x-epochs-2").mkdir()
    assert f"--out {tmp_path}/x-epochs-3 " in find(log)[0].try_this


# of a real run

def test_a_real_log_is_read(train):
    run = train("run")
    log = read_history(run)
    assert log.finished
    assert len(log.judged()) == 3
    ids = np.asarray(run.corpus().ids)
    p = np.bincount(ids) / len(ids)
    assert log.entropy == pytest.approx(-sum(q * math.log(q) for q in p if q), rel=1e-12)
    assert entropy(run.corpus()) == log.entropy
    assert log.vocabulary == len(run.tokenizer)
    record = as_record(log, find(log))
    assert record["run"] == str(run.folder)
    assert record["best_loss"] == min(log.judged())


def test_curves_in_every_unit(train):
    run = train("run", unit="word", vocabulary=20)
    log = read_history(run)
    held_out = run.held_out()
    assert held_out.spelling_bits > 0
    _, loss = learning_curve(run, "loss", "epoch")
    assert loss == [(k, pytest.approx(r["valid_loss"])) for k, r in enumerate(log.validations, 1)]
    _, bits = learning_curve(run, "bits", "token")
    for (tokens, bit), (epoch, nats) in zip(bits, loss, strict=True):
        assert tokens == pytest.approx(epoch * run.corpus().tokens)
        assert bit == pytest.approx((nats * held_out.tokens / math.log(2) + held_out.spelling_bits) / held_out.characters)
    training, perplexity = learning_curve(run, "perplexity", "step")
    assert perplexity[-1] == (log.validations[-1]["step"], pytest.approx(math.exp(log.validations[-1]["valid_loss"])))
    assert [step for step, _ in training] == [r["step"] for r in log.steps]
    with pytest.raises(ConfigError, match="did you mean"):
        learning_curve(run, "bit", "step")
    with pytest.raises(ConfigError, match="choose one of epoch"):
        learning_curve(run, "bits", "hour")


def test_a_run_without_a_log_says_so(prepare):
    with pytest.raises(RunError, match="logged no step yet"):
        read_history(prepare("fresh"))


def test_a_run_that_failed_before_its_first_logged_step_tells_why(prepare):
    run = prepare("fresh")
    run.log({"error": "the loss is nan in epoch 1, step 1; train with a smaller lr."})
    with pytest.raises(RunError, match="fresh stopped before it logged a step: the loss is nan in epoch 1, step 1"):
        read_history(run)


def test_long_gradients_of_the_first_twentieth_are_no_explosion():
    """250 logged steps: the first 12 do not count."""
    for at, names in ((11, []), (12, ["exploded"])):
        norms = np.where(np.arange(250) == at, 400.0, 1.0)
        assert [finding.name for finding in find(history(TRAIN, VALID, norms=norms, clip=0.0))] == names


def test_gradients_of_length_zero_are_no_explosion():
    assert find(history(TRAIN, VALID, norms=np.where(np.arange(250) == 100, 400.0, 0.0), clip=0.0)) == []


def test_fewer_logged_steps_than_are_averaged_have_one_mean():
    """Two steps of nine above the rest are noise; of eleven steps there are two means, and the second is higher."""
    noisy = [5.0, 5.0, 5.0, 5.0, 8.0, 8.0, 5.0, 5.0, 5.0]
    assert "rate_too_high" not in [f.name for f in find(history([5.0], [None], losses=noisy, epochs=5, finished=False))]
    (found,) = [f for f in find(history([5.0], [None], losses=[*[5.0] * 10, 11.0], epochs=5, finished=False)) if f.name == "rate_too_high"]
    assert "the mean of 10 logged steps rose from 5.000 to 5.600 nats by step 110" in found.evidence
