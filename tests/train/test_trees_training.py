"""Trainings on trees: killed and resumed to the same bytes, what is logged is so, negation is learnt, bad trees write nothing."""
import math
import os
from functools import partial

import numpy as np
import pytest
from killing import check_resumes

from small_trees import QUICK, opinions, trained_trees, write_trees
from tsuzuri.datasets.trees import open_tree_source
from tsuzuri.errors import ConfigError, DataError, RunError
from tsuzuri.measuring.trees import evaluate_trees
from tsuzuri.models.trees import LAYERS
from tsuzuri.text.forest import nodes_of, pack
from tsuzuri.text.trees import read_trees
from tsuzuri.train.checkpoint import load_arrays
from tsuzuri.train.estimate import estimate
from tsuzuri.train.events import Validated
from tsuzuri.train.seq2seq_run import Seq2SeqRun
from tsuzuri.train.tree_run import TASK, TreeRun, TreeTrainingConfig, side
from tsuzuri.train.trees import TRAINING, accuracies, prepare_trees, train_trees
from tsuzuri.writing.trees import TreeLabeller

DROPPED = {"dropout": 0.2, "word_dropout": 0.1}
EVERY_ARCH = {"recursive": {"optimizer": "adagrad", "average": 2} | DROPPED, "rntn": {"optimizer": "adamw", "schedule": "plateau", "accumulate": 2} | DROPPED,
              "tree-lstm": {"embedding": 5, "average": 3, "epochs": 3} | DROPPED, "child-sum": {"optimizer": "nt-asgd", "lr": 0.5, "schedule": "cosine"} | DROPPED}


@pytest.fixture(autouse=True)
def no_curves(monkeypatch):
    monkeypatch.setattr("tsuzuri.train.trees.draw_run", lambda run, model: None)


@pytest.fixture
def prepare(tmp_path):
    """prepare(name, **settings) -> a run folder that is ready to be trained on opinions."""
    data = write_trees(tmp_path / "opinions.txt", opinions(80))

    def prepared(name, **settings):
        return prepare_trees(TASK.choose([("test", QUICK | {"data": str(data), "classes": 3, "size": 6} | settings)])[0], tmp_path / name)
    return prepared


@pytest.fixture
def train(prepare):
    """train(name, **settings) -> a finished run."""
    def trained(name, **settings):
        run = prepare(name, **settings)
        for _ in train_trees(run):
            pass
        return run
    return trained


@pytest.mark.parametrize("arch", LAYERS)
def test_a_training_that_is_killed_goes_on_to_the_same_bytes(arch, train, prepare):
    """With a checkpoint at every step, and with one at the end of each epoch alone, behind which all is done again."""
    settings = {"arch": arch, "epochs": 2} | EVERY_ARCH[arch]
    whole = train("whole", **settings)
    check_resumes(train_trees, whole, partial(prepare, **settings))
    assert train("again", **settings).final.read_bytes() == whole.final.read_bytes() != train("other", **settings, seed=2).final.read_bytes()


def test_the_finished_model_is_the_mean_of_the_last_epochs(train, prepare):
    run, model = prepare("run", average=2, epochs=3), {}
    make = run.new_model
    run.new_model = lambda: model.setdefault("it", make())
    seen = [{key: a.copy() for key, a in model["it"].arrays().items()} for event in train_trees(run) if isinstance(event, Validated)]
    for key, a in load_arrays(run.final)[0].items():
        np.testing.assert_allclose(a, np.mean([one[key].astype(np.float64) for one in seen[1:]], axis=0), rtol=1.2e-7, atol=1e-12)
    with pytest.raises(ConfigError, match="average is 4; it must be 0 to the 3 epochs of the training"):
        TreeTrainingConfig(average=4, epochs=3)


def test_what_is_logged_is_so(train, tmp_path):
    """The validation loss is that of the roots, the best epoch has the lowest, and the accuracies are counted tree by tree."""
    run = train("run", epochs=3, dropout=0.3)
    records = [record for record in run.logged() if "valid_loss" in record]
    best = min(records, key=lambda record: record["valid_loss"])
    assert [record["best"] for record in records] == [record["valid_loss"] <= min(r["valid_loss"] for r in records[:k + 1]) for k, record in enumerate(records)]
    model, held_out = run.load_model(), run.held_out()
    nats, root, node, nodes = 0.0, 0, 0, 0
    for k in range(len(held_out)):
        forest, _ = pack(held_out.take([k]))
        log_p = model.log_probabilities(forest)
        nats -= log_p[-1, forest.labels[-1]]
        hit = log_p.argmax(1) == forest.labels
        root, node, nodes = root + int(hit[-1]), node + int(hit.sum()), nodes + len(hit)
    assert best["valid_loss"] == pytest.approx(nats / 4, rel=1e-6)
    assert len(held_out) == 4                                # every 20th of 80
    assert (best["root_accuracy"], best["node_accuracy"]) == (root / 4, node / nodes) == tuple(accuracies(model, held_out).values())
    data = write_trees(tmp_path / "held.txt", opinions(80)[19::20])
    found = evaluate_trees(run, str(data))
    assert (found["root_accuracy"], found["node_accuracy"], found["trees"]) == (root / 4, node / nodes, 4)
    assert found["root_loss"] == pytest.approx(best["valid_loss"], rel=1e-6)


def test_without_labels_at_the_roots_all_nodes_validate(train, tmp_path):
    lines = ["(" + line[3:] for line in opinions(40) if line.count("(") > 1]
    run = train("run", data=str(write_trees(tmp_path / "unlabelled.txt", lines)))
    assert run.corpus().counts.labelled_roots == 0
    record = [record for record in run.logged() if "valid_loss" in record][-1]
    assert "root_accuracy" not in record
    assert record["valid_loss"] == pytest.approx(evaluate_trees(run, str(write_trees(tmp_path / "held.txt", lines[19::20])))["loss"], rel=1e-6)


def test_negation_is_learnt():
    """"not good" is no, "not bad" yes, and "not not good" yes again, in trees that were never seen."""
    run = TreeRun(trained_trees())
    assert [record["root_accuracy"] for record in run.logged() if "root_accuracy" in record][-1] == 1.0
    labeller = TreeLabeller(run.folder)
    wanted = {"(good)": 2, "(not good)": 0, "(not bad)": 2, "(not (not good))": 2, "(not (the film))": 1, "((not bad) (the film))": 2, "(not ((a film) awful))": 2}
    assert {line: found.labels[-1] for line, found in zip(wanted, labeller.label(map(labeller.read, wanted)), strict=True)} == wanted


@pytest.mark.parametrize("arch", LAYERS)
def test_every_architecture_learns(arch, train, tmp_path):
    """Nine nodes of ten of trees that were never seen, negation among them."""
    more = {"lr": 0.1, "optimizer": "adagrad", "epochs": 12} if arch in ("recursive", "rntn") else {"epochs": 5}
    run = train("run", arch=arch, data=str(write_trees(tmp_path / "more.txt", opinions(300))), size=10, **more)
    assert evaluate_trees(run, str(write_trees(tmp_path / "new.txt", opinions(200, seed=7))))["node_accuracy"] > 0.9


# The folder

@pytest.mark.parametrize(("label", "classes", "wanted"), [(0, 5, 0), (1, 5, 0), (2, 5, -1), (3, 5, 1), (4, 5, 1), (-1, 5, -1), (0, 2, 0), (1, 2, 1), (1, 4, 0), (2, 4, 1), (1, 3, -1)])
def test_sides_of_the_middle(label, classes, wanted):
    assert side(label, classes) == wanted


def test_two_sides_are_learnt_alone(train):
    run = train("run", binary=True)
    plain = [label for tree in open_tree_source(run.settings.trees.data).trees("train") for label in tree.labels]
    assert run.corpus().counts.labelled == sum(label != 1 for label in plain) < len(plain)
    assert run.load_model().classes == 2
    assert {*np.unique(run.corpus().nodes.labels).tolist()} == {-1, 0, 1}
    found = evaluate_trees(run, run.settings.trees.data)
    assert "root_accuracy" not in found
    assert 0.5 < found["binary_node_accuracy"] <= 1


def test_two_sides_of_a_run_of_all_labels_are_sums_of_probability(tmp_path):
    run = TreeRun(trained_trees(classes=5))
    data = write_trees(tmp_path / "new.txt", opinions(50, seed=9, classes=5))
    found, model = evaluate_trees(run, str(data)), run.load_model()
    right, count = 0, 0
    for tree in read_trees(data):
        p = np.exp(model.log_probabilities(pack(nodes_of(tree, run.number))[0])[-1])
        if tree.labels[-1] != 2:
            right, count = right + int((p[3] + p[4] > p[0] + p[1]) == (tree.labels[-1] > 2)), count + 1
    assert (found["binary_root_accuracy"], found["binary_roots"]) == (right / count, count)
    assert found["binary_root_accuracy"] > 0.9


def test_words_are_folded_and_rare_ones_unknown(prepare, tmp_path):
    data = write_trees(tmp_path / "words.txt", ["(2 (1 The) (1 FILM))", "(2 (1 the) (1 odd))"] * 10 + ["(1 once)"])
    run = prepare("folded", data=str(data), valid="none", min_count=2)
    assert (run.number("THE"), run.number("film"), run.number("once")) == (run.number("the"), run.number("FILM"), 0)
    assert run.corpus().counts.unknown == 1
    kept = prepare("kept", data=str(data), valid="none", lowercase=False)
    assert (kept.number("The") != kept.number("the"), kept.number("THE"), kept.number("once") > 0) == (True, 0, True)


def test_what_validates(prepare, tmp_path):
    other = write_trees(tmp_path / "other.txt", opinions(7, seed=4))
    assert [(len(run.corpus()), run.held_out() and len(run.held_out())) for run in (
        prepare("usual"), prepare("none", valid="none"), prepare("other", valid=str(other)))] == [(76, 4), (80, None), (80, 7)]


def test_a_training_without_validation_is_judged_by_its_own_loss(train):
    run = train("run", valid="none")
    assert all(record["valid_loss"] is None and "root_accuracy" not in record for record in run.logged() if "train_loss" in record)
    assert run.final.exists()


@pytest.mark.parametrize(("line", "settings", "message"), [
    ("(3 (2 It) (3 works)", {}, 'line 81 is not closed; it lacks 1 ")" at its end'),
    ("(3 (2 It) (2 works))", {}, "line 81 has the label 3; with 3 classes labels go from 0 to 2"),
    ("(2 (1 a) (1 b) (1 c))", {}, "line 81 has a node with 3 children, but arch tree-lstm needs two"),
    ('{"word": "a", "children": ["b", "c"]}', {"arch": "rntn"}, 'line 81 has the word "a" at a node with children, but arch rntn')])
def test_bad_trees_are_told_with_their_line_and_write_nothing(line, settings, message, prepare, tmp_path):
    for place in ("data", "valid"):
        data = write_trees(tmp_path / "bad.txt", [*opinions(80), line])
        with pytest.raises(DataError) as told:
            prepare("bad", **{place: str(data)}, **settings)
        assert f"{data}: {message}" in str(told.value)
        assert not (tmp_path / "bad").exists()
        assert not [name for name in os.listdir(tmp_path) if name.endswith(".tmp")]


def test_too_few_to_hold_out(prepare, tmp_path):
    data = write_trees(tmp_path / "few.txt", opinions(19))
    with pytest.raises(DataError) as told:
        prepare("few", data=str(data))
    assert str(told.value) == (f"{data}, of which every 20th tree is held out (set valid to a file or none): there are no trees; give a source "
                               "with at least one")
    assert len(prepare("none", data=str(data), valid="none").corpus()) == 19


def test_trees_and_other_tasks_keep_apart(tmp_path, prepare):
    with pytest.raises(DataError, match="dates is no set of trees; name one"):
        prepare("a", data="dates")
    with pytest.raises(DataError, match="not from standard input"):
        prepare("b", data="-")
    with pytest.raises(ConfigError, match="no trees were given"):
        TASK.refuse_no_text(TASK.choose([])[0])
    run = prepare("run")
    with pytest.raises(RunError, match="is a run of `tsuzuri tree`"):
        Seq2SeqRun(run.folder)
    with pytest.raises(RunError, match="has no finished epoch yet; go on with `tsuzuri tree train --resume"):
        run.load_model()


def test_the_estimate_tells_what_it_will_take(prepare):
    settings = prepare("run").settings
    rows = dict(line.split(None, 1) for line in estimate(TRAINING, settings))
    assert rows["data"].startswith("76 trees, ")
    vocabulary = int(rows["data"].split()[-1])
    assert rows["parameters"] == f"{vocabulary * 6 + 6 * 24 + 12 * 30 + 24 + 6 * 3 + 3:,}"
    assert rows["steps"] == "8 an epoch, 16 in all"


def test_the_sentiment_treebank(data_dir):
    """As published: 8,544, 1,101 and 2,210 sentences, 318,582 phrases to learn from; 6,920, 872 and 1,821 that are not neutral."""
    counts = {}
    for split in ("train", "valid", "test"):
        labels = [tree.labels for tree in open_tree_source("sst").trees(split)]
        counts[split] = len(labels), sum(one[-1] != 2 for one in labels), sum(map(len, labels))
    assert {split: found[:2] for split, found in counts.items()} == {"train": (8544, 6920), "valid": (1101, 872), "test": (2210, 1821)}
    assert counts["train"][2] == 318_582


def test_the_loss_before_training_is_that_of_a_guess(prepare):
    run = prepare("run")
    loss, _, _ = run.new_model().training_loss(*run.batches()[0])
    assert loss.item() == pytest.approx(math.log(3), rel=0.15)
