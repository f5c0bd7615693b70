"""Trainings from sequence to sequence: killed and resumed to the same bytes, averages by their definition, and a task that is learnt."""
import json
import math
import shutil
from functools import partial
from types import SimpleNamespace

import numpy as np
import pytest
from killing import check_every_write, check_resumes

from small_runs import (
    SMALL,
    SMALL_PAIRS,
    letters,
    made_up,
    same,
    sentences,
    trained_pairs,
    write_pairs,
)
from tsuzuri.decode import greedy
from tsuzuri.errors import ConfigError, DataError, RunError
from tsuzuri.optim import make_optimizer
from tsuzuri.text.pairs import PairBatches, batch_of, line_end
from tsuzuri.train import run as language_models
from tsuzuri.train.checkpoint import load_arrays
from tsuzuri.train.config import PairTrainingConfig
from tsuzuri.train.estimate import estimate
from tsuzuri.train.events import Finished, Stepped, Validated
from tsuzuri.train.language_model import prepare_run
from tsuzuri.train.loop import fit
from tsuzuri.train.seq2seq import TRAINING, exact_match, prepare_pairs, train_pairs
from tsuzuri.train.seq2seq_run import TASK, Seq2SeqRun

SMOOTHED = {"dropout": 0.2, "smoothing": 0.1, "average": 2}
BPE = {"unit": "bpe", "vocabulary": 280, "bpe_dropout": 0.3}
EVERY_PART = {
    "plain": {"arch": "encoder-decoder", "peeky": True, "reverse": True, "cell": "gru", "layers": 2} | SMOOTHED,
    "attention, hard": {"choice": "hard", "feeding": True, "span": "local"} | SMOOTHED,
    "attention, copy, coverage, bpe": {"copy": True, "joint": True, "coverage": True, "dropout": 0.2, "average": 3, "accumulate": 2} | BPE,
    "straight-through, nt-asgd": {"choice": "straight-through", "optimizer": "nt-asgd", "lr": 1.0, "dropout": 0.2},
    "gnmt, plateau": {"arch": "gnmt", "layers": 2, "schedule": "plateau"} | SMOOTHED,
    "transformer, bpe": {"arch": "transformer", "layers": 1, "heads": 2, "joint": True} | SMOOTHED | BPE,
}


@pytest.fixture(autouse=True)
def no_curves(monkeypatch):
    monkeypatch.setattr("tsuzuri.train.seq2seq.draw_run", lambda run, model: None)


@pytest.fixture
def prepare(tmp_path):
    """prepare(name, **settings) -> a run folder that is ready to be trained on pairs of letters."""
    data = write_pairs(tmp_path / "letters.tsv", letters(150))

    def prepared(name, **settings):
        return prepare_pairs(TASK.choose([("test", SMALL_PAIRS | {"data": str(data)} | settings)])[0], tmp_path / name)
    return prepared


@pytest.fixture
def train(prepare):
    """train(name, **settings) -> a finished run."""
    def trained(name, **settings):
        run = prepare(name, **settings)
        for _ in train_pairs(run):
            pass
        return run
    return trained


@pytest.mark.parametrize("name", EVERY_PART)
def test_every_part_of_a_training_goes_on_where_it_stopped(name, train, prepare):
    """With a checkpoint at every step, and with one at the end of each epoch alone, behind which all is done again."""
    settings = {"patience": 2} | EVERY_PART[name]
    whole = train("whole", **settings)
    check_resumes(train_pairs, whole, partial(prepare, **settings))
    assert len(whole.logged()) > 5


@pytest.mark.parametrize("name", ["attention, hard", "transformer, bpe"])
def test_a_training_of_some_moments_at_a_time_ends_with_the_same_bytes(name, train, prepare):
    whole, broken, reached = train("whole", **EVERY_PART[name]), prepare("broken", **EVERY_PART[name]), [0]
    while not isinstance((events := list(train_pairs(Seq2SeqRun(broken.folder), minutes=1e-9)))[-1], Finished):
        reached.append(load_arrays(broken.checkpoint)[1]["step"])
        assert reached[-1] - reached[-2] == sum(isinstance(event, Stepped) for event in events)
        assert reached[-1] > reached[-2] or isinstance(events[0], Validated)
        assert not broken.final.exists()
    assert len(reached) > 10
    same(whole.folder, broken.folder)


def test_stopped_at_every_write(train, prepare, monkeypatch):
    """Killed before and after each rename that a training makes, one after the other: of the last epochs' weights too."""
    settings = {"average": 2, "epochs": 3, "batch_size": 80}
    whole, fresh = train("whole", **settings), prepare("fresh", **settings)
    check_every_write(train_pairs, whole, fresh, 9, monkeypatch)         # three epochs: weights, mean and checkpoint of each


@pytest.mark.parametrize("name", EVERY_PART)
def test_the_same_settings_give_the_same_bytes_and_another_seed_others(name, train):
    one, two, other = train("one", **EVERY_PART[name]), train("two", **EVERY_PART[name]), train("other", **EVERY_PART[name], seed=7)
    same(one.folder, two.folder)
    assert one.final.read_bytes() != other.final.read_bytes()


def test_a_finished_run_that_is_resumed_stays_as_it_is(train):
    run = train("whole", average=2)
    before = {path: path.read_bytes() for path in run.folder.rglob("*") if path.is_file()}
    assert [type(event) for event in train_pairs(Seq2SeqRun(run.folder))] == [Finished]
    assert before == {path: path.read_bytes() for path in run.folder.rglob("*") if path.is_file()}


# The mean of the last epochs

@pytest.mark.parametrize(("average", "epochs", "patience"), [(1, 3, 0), (2, 4, 0), (3, 3, 0), (2, 9, 1)])
def test_the_finished_model_is_the_mean_of_the_last_epochs(average, epochs, patience, train, prepare):
    """Taken as they pass, whatever the run keeps of them; where the training ends early it is the last ones it had."""
    settings = {"epochs": epochs, "patience": patience, "lr": 0.3 if patience else 0.01}
    run, model = prepare("run", average=average, **settings), {}
    make = run.new_model
    run.new_model = lambda: model.setdefault("it", make())
    seen = [{key: a.copy() for key, a in model["it"].arrays().items()} for event in train_pairs(run) if isinstance(event, Validated)]
    assert len(seen) == epochs or (patience and average < len(seen) < epochs)
    final = load_arrays(run.final)[0]
    for key, a in final.items():
        np.testing.assert_allclose(a, np.mean([one[key].astype(np.float64) for one in seen[-average:]], axis=0), rtol=1.2e-7)
    assert sorted(int(path.stem) for path in (run.folder / "epochs").iterdir()) == [*range(len(seen) - average + 1, len(seen) + 1)]
    plain = train("plain", **settings)                        # which keeps the best one alone, and no others
    assert not (plain.folder / "epochs").exists()
    best = [r["epoch"] for r in plain.logged() if r.get("best")][-1]
    for key, a in load_arrays(plain.final)[0].items():
        np.testing.assert_array_equal(a, seen[best - 1][key])


def test_average_is_at_most_the_epochs():
    with pytest.raises(ConfigError, match="average is 4; it must be 0 to the 3 epochs of the training"):
        PairTrainingConfig(average=4, epochs=3)
    with pytest.raises(ConfigError, match="average is -1"):
        PairTrainingConfig(average=-1)


# Batches

class Some:
    """Batches that are given."""

    goes_on = False

    def __init__(self, *batches):
        self.batches = batches

    def __len__(self):
        return len(self.batches)

    def __getitem__(self, k):
        return self.batches[k]

    def epoch(self, number):
        return self

    def rate(self, k):
        return 1.0


@pytest.mark.parametrize("settings", [{"arch": "encoder-decoder"}, {"coverage": True, "score": "additive"}, {"arch": "transformer", "heads": 2, "dropout": 0.0}],
                         ids=["plain", "coverage", "transformer"])
def test_batches_that_are_accumulated_are_one_larger_batch(settings, prepare):
    """Of pairs with other lengths, so that their shares count by tokens and not by batches."""
    run, moved, told = prepare("run", dtype="float64", **settings), [], []
    corpus, end = run.corpus(), line_end(run.target)
    whole = PairBatches(corpus, 60, end, 1, shuffled=False)[1]
    parts = [tuple(a[low:high] for a in whole) for low, high in ((0, 7), (7, 40), (40, 60))]
    for batches, accumulate in (((whole,), 1), (parts, 3)):
        model = run.new_model()
        before = {key: a.copy() for key, a in model.arrays().items()}
        config = PairTrainingConfig(epochs=1, accumulate=accumulate, optimizer="sgd", lr=1.0, clip=0.0, schedule="constant")
        told.append(next(fit(model, Some(*batches), make_optimizer("sgd", model), config)))
        moved.append({key: a - before[key] for key, a in model.arrays().items()})
    assert told[0].loss == pytest.approx(told[1].loss, rel=1e-12)
    assert told[0].norm == pytest.approx(told[1].norm, rel=1e-9)
    assert told[0].tokens == told[1].tokens
    for key, a in moved[0].items():
        np.testing.assert_allclose(moved[1][key], a, rtol=0, atol=1e-12, err_msg=key)


def test_accumulate_makes_fewer_steps(train):
    one, two = train("one", epochs=1), train("two", epochs=1, accumulate=2)
    steps = [run.logged()[-1]["step"] for run in (one, two)]
    assert steps == [len(one.batches()), -(-len(one.batches()) // 2)]


# What is measured

def test_what_is_logged_is_so(train):
    """The validation loss is the mean over all target tokens and ends, and exact_match the share of held-out pairs, worked out anew."""
    run = train("run", epochs=2, arch="transformer", heads=2, dropout=0.3, smoothing=0.2)
    model, corpus, end = run.load_model(), run.held_out(), line_end(run.target)
    best = max((r for r in run.logged() if "valid_loss" in r), key=lambda r: -r["valid_loss"])
    nats, right = 0.0, 0
    for k in range(len(corpus)):
        source, target = corpus.source(k), corpus.target(k)
        state, before, written = model.start(source[None], np.array([len(source)])), end, []
        for token in target:
            logits, state = model.step(np.array([before]), state)
            nats += np.log(np.exp(logits[0].astype(np.float64)).sum()) - logits[0, token]
            before = token
        (text,) = greedy(model, model.start(*batch_of([source])), np.array([end]), end, 50)
        written = [*text.ids, end]
        right += written == target.tolist()
    assert best["valid_loss"] == pytest.approx(nats / corpus.target_tokens, rel=1e-5)
    assert best["exact_match"] == right / len(corpus) == exact_match(model, corpus, end)


def test_the_training_loss_that_is_told_is_the_mean_of_the_steps(train):
    run = train("run", epochs=1, batch_size=32)
    steps = [r for r in run.logged() if "loss" in r]
    counts = [int((run.batches()[k][3] >= 0).sum()) for k in range(len(run.batches()))]
    assert len(steps) == len(counts)
    told = next(r for r in run.logged() if "train_loss" in r)["train_loss"]
    assert told == pytest.approx(np.average([r["loss"] for r in steps], weights=counts), rel=1e-9)


def test_without_validation_the_last_epochs_loss_decides(train):
    run = train("run", valid="none")
    records = [r for r in run.logged() if "train_loss" in r]
    assert all(r["valid_loss"] is None and "exact_match" not in r for r in records)
    assert run.held_out() is None
    assert len(run.corpus()) == 150                           # and nothing is held out of the file
    assert run.final.read_bytes() == run.best.read_bytes()


def test_a_learners_task_is_learnt():
    """Strings of up to five letters from behind, which were never seen: all of them, by attention."""
    run = Seq2SeqRun(trained_pairs("letters"))
    records = [r for r in run.logged() if "exact_match" in r]
    assert records[-1]["exact_match"] == 1.0
    assert records[-1]["valid_loss"] < 0.02
    assert records[0]["exact_match"] < 0.9
    seen = {tuple(run.corpus().source(k)) for k in range(len(run.corpus()))}
    assert not seen & {tuple(run.held_out().source(k)) for k in range(len(run.held_out()))}


@pytest.mark.parametrize("arch", ["encoder-decoder", "attention", "gnmt", "transformer"])
def test_every_architecture_learns(arch, train):
    """A target that is the same whatever the source costs next to nothing after a little while; the loss falls all the way."""
    more = {"heads": 2, "layers": 1} if arch == "transformer" else {"layers": 2}
    run = train("run", arch=arch, size=16, epochs=4, dropout=0.0, smoothing=0.0, schedule="constant", **more)
    losses = [r["valid_loss"] for r in run.logged() if "valid_loss" in r]
    assert losses[-1] < losses[0] - 0.1
    assert losses[-1] < math.log(7)


# The folder

def test_pairs_of_more_tokens_are_left_out_and_counted(prepare, tmp_path):
    told = []
    data = write_pairs(tmp_path / "data.tsv", letters(100))
    run = prepare_pairs(TASK.choose([("test", SMALL_PAIRS | {"data": str(data), "longest": 4})])[0], tmp_path / "run", told.append)
    assert run.corpus().left_out + run.held_out().left_out == sum(len(word) > 4 for word, _ in letters(100))
    assert max(run.corpus().source_lengths) == 4
    assert max(run.corpus().target_lengths) == 5
    assert any("left out, which have more than 4 tokens" in line for line in told)


def test_two_vocabularies_or_one(tmp_path):
    data = write_pairs(tmp_path / "data.tsv", sentences(100))
    sizes = {}
    for joint in (False, True):
        run = prepare_pairs(TASK.choose([("test", SMALL_PAIRS | {"data": str(data), "unit": "word", "joint": joint})])[0], tmp_path / str(joint))
        sizes[joint] = len(run.source), len(run.target)
        words = {name for pair in sentences(100) for name in pair[0].split()}
        assert words <= {run.source.decode([k]) for k in range(len(run.source))}
        assert ("the" in {run.target.decode([k]) for k in range(len(run.target))}) == joint
        model = run.new_model()
        assert (model.source_embed is model.embed) == joint
    assert sizes[True][0] == sizes[True][1] > max(sizes[False])


def test_the_pictures_of_a_finished_run(tmp_path, monkeypatch):
    monkeypatch.undo()
    data = write_pairs(tmp_path / "data.tsv", letters(60))
    run = prepare_pairs(TASK.choose([("test", SMALL_PAIRS | {"data": str(data), "epochs": 1})])[0], tmp_path / "run")
    list(train_pairs(run))
    assert (run.folder / "curves.png").read_bytes().startswith(b"\x89PNG")
    assert "<svg" in (run.folder / "graph.svg").read_text()


def test_nothing_is_left_of_a_preparation_that_failed(tmp_path):
    (tmp_path / "bad.tsv").write_text("a\tb\nno tab\n")
    with pytest.raises(DataError, match="line 2 has no tab"):
        prepare_pairs(TASK.choose([("test", SMALL_PAIRS | {"data": str(tmp_path / "bad.tsv")})])[0], tmp_path / "runs" / "run")
    assert not (tmp_path / "runs").exists()


def test_a_folder_that_is_there_is_not_written_over(prepare, tmp_path):
    prepare("run")
    before = sorted(path for path in (tmp_path / "run").rglob("*"))
    with pytest.raises(RunError, match="exists; go on with --resume"):
        prepare("run")
    assert before == sorted((tmp_path / "run").rglob("*"))


def test_runs_of_another_task_are_refused(prepare, tmp_path):
    prepare("pairs")
    (tmp_path / "text.txt").write_text(made_up(60))
    prepare_run(language_models.choose([("test", SMALL | {"data": str(tmp_path / "text.txt"), "threads": 1})])[0], tmp_path / "text")
    with pytest.raises(RunError, match="is a run of `tsuzuri lm`; use it with the commands of that group"):
        Seq2SeqRun(tmp_path / "text")
    with pytest.raises(RunError, match="is a run of `tsuzuri seq2seq`"):
        language_models.Run(tmp_path / "pairs")
    with pytest.raises(RunError, match=r"has no config.toml"):
        Seq2SeqRun(tmp_path)
    with pytest.raises(RunError, match="has no finished epoch yet; go on with `tsuzuri seq2seq train --resume"):
        Seq2SeqRun(tmp_path / "pairs").load_model()


def test_a_run_that_another_process_trains_is_refused(prepare):
    run = prepare("run")
    events = train_pairs(run)
    next(events)
    with pytest.raises(RunError, match="is being trained by another process"):
        list(train_pairs(Seq2SeqRun(run.folder)))
    events.close()


def test_a_checkpoint_of_other_settings_is_refused(train, prepare):
    one, other = train("one"), prepare("other", size=10)
    other.checkpoint.parent.mkdir()
    shutil.copy(one.checkpoint, other.checkpoint)
    with pytest.raises(RunError):
        list(train_pairs(other))


# Settings

def test_what_each_architecture_is_trained_with_where_nothing_is_said():
    def usual(**given):
        settings, origin = TASK.choose([("test", {"data": "x", **given})])
        return SimpleNamespace(**{name: getattr(settings.training, name) for name in ("optimizer", "schedule", "clip", "lr", "weight_decay")},
                               smoothing=settings.model.smoothing, dropout=settings.model.dropout, origin=origin)
    attention, transformer = usual(), usual(arch="transformer")
    assert vars(attention) | {"origin": 0} == {"optimizer": "adam", "schedule": "constant", "clip": 5.0, "lr": 0.001, "weight_decay": 0.0,
                                               "smoothing": 0.0, "dropout": 0.0, "origin": 0}
    assert vars(transformer) | {"origin": 0} == {"optimizer": "adamw", "schedule": "inverse-sqrt", "clip": 1.0, "lr": 0.001, "weight_decay": 0.01,
                                                 "smoothing": 0.1, "dropout": 0.1, "origin": 0}
    assert transformer.origin["smoothing"] == "usual for transformer"
    assert usual(arch="transformer", smoothing=0.0).smoothing == 0.0
    assert usual(optimizer="sgd").lr == 1.0


def test_unknown_words_are_never_exactly_right(prepare, tmp_path, monkeypatch):
    """Where <unk> is asked for and written, the text is not known to be right."""
    data = write_pairs(tmp_path / "words.tsv", [*sentences(60), *[("Anna", f"x{k}") for k in range(3)]])
    run = prepare("run", unit="word", data=str(data), valid=str(data), min_count=2)
    corpus, end, unknown = run.held_out(), line_end(run.target), run.target.unk_id
    monkeypatch.setattr("tsuzuri.train.seq2seq.translate", lambda model, sources, end: [[SimpleNamespace(ids=corpus.target(k)[:-1].tolist())] for k in range(len(sources))])
    known = sum(unknown not in corpus.target(k) for k in range(len(corpus)))
    assert exact_match(None, corpus, end, unknown) == known / len(corpus) < 1
    assert exact_match(None, corpus, end) == 1


@pytest.mark.parametrize(("given", "words"), [
    ({"data": ""}, "no pairs were given"), ({"longest": 0}, "longest is 0"), ({"unit": "letter"}, 'unit "letter" is unknown'),
    ({"unit": "word", "bpe_dropout": 0.1}, "bpe_dropout does not fit unit word"), ({"unit": "bpe", "bpe_dropout": 1.0}, "bpe_dropout is 1.0"),
    ({"unit": "bpe", "target_unit": "word", "bpe_dropout": 0.1}, "bpe_dropout does not fit"), ({"unit": "word", "target_unit": "char", "joint": True}, "joint asks for one"),
    ({"copy": True}, "take joint too"), ({"heads": 2}, "heads does not fit arch attention; leave it out, or take arch transformer"),
    ({"arch": "transformer", "reverse": True}, "reverse does not fit arch transformer"), ({"split_mode": "C"}, "split_mode does not fit unit word"),
    ({"batch_size": 0}, "batch_size is 0"), ({"epochs": 0}, "epochs is 0"), ({"lr": 0.0}, "lr is 0.0"), ({"clip": float("nan")}, "clip is nan"),
    ({"bptt": 5}, 'there is no setting "bptt"'), ({"schedule": "cosin"}, 'did you mean "cosine"'), ({"batch_size": "many"}, "batch_size is 'many'; it must be a whole number"),
])
def test_settings_that_do_not_fit(given, words):
    with pytest.raises(ConfigError) as caught:
        TASK.refuse_no_text(TASK.choose([("flag", {"data": "x"} | given)])[0])
    assert words in str(caught.value)
    assert "\n" not in str(caught.value)


def test_a_split_alone_needs_to_be_told_what_validates(tmp_path):
    """Before anything is read."""
    settings = TASK.choose([("test", SMALL_PAIRS | {"data": "copy:train"})])[0]
    said = []
    with pytest.raises(ConfigError, match="copy:train has no pairs to validate"):
        prepare_pairs(settings, tmp_path / "run", said.append)
    assert (said, list(tmp_path.iterdir())) == ([], [])


def test_an_estimate_says_what_it_will_take_and_leaves_nothing(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    data = write_pairs(tmp_path / "data.tsv", letters(100))
    settings = TASK.choose([("test", SMALL_PAIRS | {"data": str(data)})])[0]
    lines = dict(line.split(maxsplit=1) for line in estimate(TRAINING, settings))
    run = prepare_pairs(settings, tmp_path / "run")
    assert lines["data"] == f"95 pairs, {run.corpus().target_tokens:,} tokens to predict, vocabularies 7 and 7"
    assert lines["parameters"] == f"{run.new_model().parameter_count():,}"
    assert lines["steps"] == "6 an epoch, 18 in all"
    assert {"memory", "time"} <= lines.keys()
    assert sorted(path.name for path in tmp_path.iterdir()) == ["data.tsv", "run"]


def test_the_log_is_json_a_line(train):
    run = train("run", average=1)
    lines = [json.loads(line) for line in run.metrics.read_text().splitlines()]
    assert lines == run.logged()
    assert [r["epoch"] for r in lines if "valid_loss" in r] == [1, 2, 3]
    assert all(math.isfinite(value) for line in lines for value in line.values() if isinstance(value, float))
