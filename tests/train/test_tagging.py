"""Trainings of classifiers and taggers: killed and resumed to the same bytes, F1 by its definition, tasks that are learnt."""
import json
from functools import partial

import numpy as np
import pytest
from killing import check_resumes

from small_runs import same
from tsuzuri.datasets.labelled import open_sentences
from tsuzuri.errors import ConfigError, DataError, RunError
from tsuzuri.train.estimate import estimate
from tsuzuri.train.tag_run import TASK, TagRun
from tsuzuri.train.tagging import TRAINING, f1_scores, prepare_sentences, train_sentences

QUICK = {"size": 8, "batch_size": 16, "lr": 0.01, "epochs": 2, "patience": 0, "save_every": 3600.0, "threads": 1, "min_count": 1}
PARTS = {
    "classifier, attention": {"pooling": "attention", "dropout": 0.2, "embedding_dropout": 0.2, "smoothing": 0.1, "layers": 2},
    "tagger, crf": {"arch": "tagger", "output": "crf", "cell": "gru", "accumulate": 2},
    "tagger, plateau": {"arch": "tagger", "schedule": "plateau", "optimizer": "nt-asgd", "lr": 1.0},
}


@pytest.fixture(autouse=True)
def no_curves(monkeypatch):
    monkeypatch.setattr("tsuzuri.train.tagging.draw_run", lambda run, model: None)


def write(path, arch, count=120):
    """Some sentences of a generated set as a file."""
    sentences = [*open_sentences("homographs" if arch == "tagger" else "negation", arch).sentences()][:count]
    if arch == "tagger":
        path.write_text("\n".join("".join(f"{word}\t{label}\n" for word, label in zip(s.text.split(), s.labels, strict=True)) for s in sentences))
    else:
        path.write_text("".join(f"{s.labels[0]}\t{s.text}\n" for s in sentences))
    return path


@pytest.fixture
def prepare(tmp_path):
    def prepared(name, **settings):
        arch = settings.get("arch", "classifier")
        data = settings.pop("data", None) or str(write(tmp_path / f"{arch}.txt", arch))
        return prepare_sentences(TASK.choose([("test", QUICK | {"data": data} | settings)])[0], tmp_path / name)
    return prepared


@pytest.fixture
def train(prepare):
    def trained(name, **settings):
        run = prepare(name, **settings)
        for _ in train_sentences(run):
            pass
        return run
    return trained


@pytest.mark.parametrize("name", PARTS)
def test_a_training_goes_on_where_it_stopped(name, train, prepare):
    """With a checkpoint at every step, and with one at the end of each epoch alone, behind which all is done again."""
    whole = train("whole", **PARTS[name])
    check_resumes(train_sentences, whole, partial(prepare, **PARTS[name]), more=3)


def test_a_label_that_only_what_is_held_out_has(train, tmp_path):
    """It is known, though nothing teaches it."""
    path = tmp_path / "rare.txt"
    path.write_text("yes\tgood film\nrare\todd film\nno\tbad film\n" + "yes\tgood\nno\tbad\n" * 10)
    run = train("run", data=str(path), epochs=1, min_count=1)
    assert run.labels.tokens == ["no", "rare", "yes"]
    assert run.labels.counts == [11, 0, 10]


def test_another_seed_gives_others(train):
    one, two, other = train("one"), train("two"), train("other", seed=7)
    same(one.folder, two.folder)
    assert one.final.read_bytes() != other.final.read_bytes()


@pytest.mark.parametrize(("settings", "least"), [
    ({"data": "negation", "size": 32, "epochs": 3, "dropout": 0.0, "embedding_dropout": 0.0}, 0.97),
    ({"data": "homographs", "size": 16, "epochs": 1, "dropout": 0.0, "embedding_dropout": 0.0, "arch": "tagger"}, 0.99)], ids=["negation", "homographs"])
def test_the_generated_sets_are_learnt(settings, least, train):
    run = train("run", **settings)
    *_, last = (record for record in run.logged() if "accuracy" in record)
    assert last["accuracy"] > least
    assert last["f1"] > least - 0.02


def test_reading_both_ways_tells_homographs_apart(train):
    """What follows decides: from the beginning alone "the can can ..." is not told."""
    accuracy = {}
    for both in (True, False):
        run = train(f"both-{both}", data="homographs", arch="tagger", size=16, epochs=1, dropout=0.0, embedding_dropout=0.0, bidirectional=both)
        *_, last = (record["accuracy"] for record in run.logged() if "accuracy" in record)
        accuracy[both] = last
    assert accuracy[True] > 0.99
    assert accuracy[False] < 0.95


def test_f1_by_its_definition():
    """Three labels; of the second 3 of 4 are found, and 1 of 4 that are taken for it is another."""
    counts = np.array([[5, 1, 0], [1, 3, 0], [0, 0, 0]])
    precision, recall = 3 / 4, 3 / 4
    assert f1_scores(counts)[1] == pytest.approx(2 * precision * recall / (precision + recall))
    assert f1_scores(counts)[0] == pytest.approx(2 * (5 / 6) * (5 / 6) / (5 / 6 + 5 / 6))
    assert f1_scores(counts)[2] == 0


def test_the_log_has_the_f1_of_each_label_after_each_epoch(train):
    run = train("run", arch="tagger")
    lines = [json.loads(line) for line in run.metrics.read_text().splitlines()]
    each = [line["f1"] for line in lines if set(line) == {"f1"}]
    means = [line["f1"] for line in lines if "valid_loss" in line]
    assert len(each) == len(means) == 2
    assert {*each[0]} == {*run.labels.tokens}
    assert means[0] == pytest.approx(np.mean([score for label, score in each[0].items()]), abs=0.2)


def test_the_vocabulary_of_phrases_is_that_of_sentences(tmp_path):
    """A rare word stands in many phrases of its one sentence, and stays rare."""
    data = tmp_path / "trees.txt"
    data.write_text("(3 (2 good) (4 (2 rare) (4 good)))\n(1 (2 bad) (2 good))\n")
    settings = TASK.choose([("test", QUICK | {"data": str(data), "valid": "none", "phrases": True, "min_count": 2})])[0]
    run = prepare_sentences(settings, tmp_path / "run")
    assert [run.tokenizer.decode([k]) for k in range(len(run.tokenizer))][2:] == ["good"]
    assert len(run.corpus()) == 7                            # good twice, with two labels, rare, bad, "rare good", both sentences


def test_files_that_validate_may_be_others(prepare, tmp_path):
    other = tmp_path / "other.tsv"
    other.write_text("positive\tthe film is good .\nnegative\tthe film is bad .\n")
    run = prepare("run", valid=str(other))
    assert (len(run.corpus()), len(run.held_out())) == (120, 2)
    assert prepare("none", valid="none").held_out() is None
    other.write_text("postive\tthe film is good .\nnegative\tthe film is bad .\n")
    with pytest.raises(DataError, match=r'other.tsv: line 1 has the label "postive" \(did you mean "positive"\?\)'):
        prepare("wrong", valid=str(other))
    assert not (tmp_path / "wrong").exists()


def test_tokens_of_each_unit(prepare, tmp_path):
    chars = prepare("chars", unit="char")
    assert chars.tokenizer.unit == "char"
    words = prepare("words", lowercase=True, vocabulary=10)
    assert len(words.tokenizer) == 10
    tagger = prepare("tagger", arch="tagger", unit="char")
    assert tagger.tokenizer.unit == "word"                   # its words are those of the data


@pytest.mark.parametrize(("given", "words"), [
    ({"data": ""}, "no sentences were given"), ({"unit": "bpe"}, 'unit "bpe" is unknown'), ({"longest": 0}, "longest is 0"),
    ({"arch": "tagger", "pooling": "max"}, "pooling does not fit arch tagger; leave it out, or take arch classifier"),
    ({"output": "crf"}, "output does not fit arch classifier; leave it out, or take arch tagger"), ({"split_mode": "C"}, "split_mode does not fit unit word"),
    ({"arch": "tagger", "punctuation": "split"}, "punctuation split does not fit arch tagger"), ({"arch": "tagr"}, 'arch "tagr" is unknown'),
    ({"bptt": 5}, 'there is no setting "bptt"'), ({"binary": "perhaps"}, "binary is 'perhaps'; it must be true or false"),
])
def test_settings_that_do_not_fit(given, words):
    with pytest.raises(ConfigError) as caught:
        TASK.refuse_no_text(TASK.choose([("flag", {"data": "x"} | given)])[0])
    assert words in str(caught.value)
    assert "\n" not in str(caught.value)


def test_runs_of_another_task_are_refused(prepare, tmp_path):
    run = prepare("run")
    from tsuzuri.train.run import Run
    with pytest.raises(RunError, match="is a run of `tsuzuri tag`"):
        Run(run.folder)
    with pytest.raises(RunError, match="has no finished epoch yet; go on with `tsuzuri tag train --resume"):
        run.load_model()
    (run.folder / "labels.txt").unlink()
    with pytest.raises(RunError, match="there is no vocabulary file here"):
        TagRun(run.folder)


def test_an_estimate_says_what_it_will_take(prepare, tmp_path):
    data = write(tmp_path / "some.txt", "classifier")
    lines = dict(line.split(maxsplit=1) for line in estimate(TRAINING, TASK.choose([("test", QUICK | {"data": str(data)})])[0]))
    assert lines["data"].startswith("114 sentences, ")
    assert lines["data"].endswith(", 2 labels")
    assert {"parameters", "steps", "memory", "time"} <= lines.keys()
