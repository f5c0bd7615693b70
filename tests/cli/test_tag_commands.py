"""The commands of tag: every setting is a flag that does something, what they print is so, and bad input is one sentence."""
import io
import json
import re
import sys

import numpy as np
import pytest
from command_line import Group, call, flag_of, help_of, settings_of, values

from tsuzuri import Tagger
from tsuzuri.cli.tag import look, train, use
from tsuzuri.datasets.labelled import open_sentences
from tsuzuri.models.tagging import ARCHITECTURES
from tsuzuri.settings import fields
from tsuzuri.train.tag_run import TASK, TagRun

COMMANDS = {"train": train.train, "evaluate": use.evaluate, "predict": use.predict, "saliency": look.saliency}
TINY = {"--size": "8", "--batch-size": "16", "--epochs": "1", "--lr": "0.01", "--threads": "1", "--min-count": "1"}
GROUP = Group("tag", TINY)
ok, refused, tiny = GROUP.ok, GROUP.refused, GROUP.tiny


@pytest.fixture(autouse=True)
def quick_tag(monkeypatch):
    """Runs end without a picture, which would load matplotlib."""
    monkeypatch.setattr("tsuzuri.train.tagging.draw_run", lambda run, model: None)


@pytest.fixture(scope="module")
def data(tmp_path_factory):
    """Sentences with capitals, figures, marks and full-width letters, of which some are long."""
    path, rng = tmp_path_factory.mktemp("data") / "data.tsv", np.random.default_rng(0)
    lines = [f"{label}\tＡ Film {k % 7}, {' '.join(rng.choice(['good', 'bad', 'Good', 'not!'], rng.integers(1, 9)))}." for k, label in enumerate(rng.choice(["yes", "no"], 60))]
    path.write_text("\n".join(lines) + "\n", encoding="utf-8")
    return path


@pytest.fixture(scope="module")
def runs(tmp_path_factory):
    """A classifier and a tagger that know their generated sets."""
    folder = tmp_path_factory.mktemp("runs")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("tsuzuri.train.tagging.draw_run", lambda run, model: None)
        flags = ["--dropout", "0", "--embedding-dropout", "0", "--lr", "0.01", "--batch-size", "32", "--threads", "1"]
        ok("train", "negation", "--out", folder / "classifier", "--size", "32", "--epochs", "2", *flags)
        ok("train", "homographs", "--out", folder / "tagger", "--arch", "tagger", "--output", "crf", "--size", "16", "--epochs", "1", *flags)
    return {name: folder / name for name in ("classifier", "tagger")}


def base(data, out, *flags):
    ok("train", data, "--out", out, *tiny(*flags))
    return TagRun(out)


@pytest.mark.parametrize("name", COMMANDS)
def test_help_has_examples_and_every_parameter(name):
    GROUP.check_help(name, COMMANDS[name])


def test_every_setting_of_every_architecture_is_a_flag():
    flags = settings_of(train.train)
    assert flags == set(TASK.all_settings())


def test_the_defaults_in_the_help_are_the_defaults():
    text, plain, checked = help_of(train.train), {"yes": True, "no": False}, 0
    for arch in ARCHITECTURES:
        settings, _ = TASK.choose([("test", {"data": "x", "arch": arch})])
        usual = {name: getattr(getattr(settings, section), name) for name, (section, _) in fields(TASK.settings_type(arch)).items()}
        for name, said in re.findall(r"^(\w+)\n    .*\[default: (.*?)\]", text, re.M):
            if name in usual and name not in ("valid", "lr", "threads", "arch"):
                said, value = said.partition(";")[0], usual[name]
                assert value == plain[said] if isinstance(value, bool) else str(value) == said or float(value) == float(said), (name, value)
                checked += 1
    assert checked > 50


# Every flag does something

CLASSIFIER = {
    "valid": ("none", "model"), "unit": ("char", "model"), "vocabulary": (6, "model"), "min_count": (9, "model"), "lowercase": (True, "model"),
    "digits": ("zero", "model"), "punctuation": ("split", "model"), "nfkc": (True, "model"), "longest": (8, "model"), "encoding_errors": ("replace", "other"),
    "cell": ("gru", "model"), "size": (10, "model"), "embedding": (5, "model"), "layers": (2, "model"), "bidirectional": (False, "model"),
    "pooling": ("attention", "model"), "dropout": (0.1, "model"), "embedding_dropout": (0.0, "model"), "smoothing": (0.2, "model"), "dtype": ("float64", "model"),
    "batch_size": (11, "model"), "accumulate": (2, "model"), "optimizer": ("sgd", "model"), "lr": (0.02, "model"), "weight_decay": (0.5, "model"),
    "schedule": ("constant", "model"), "clip": (0.001, "model"), "epochs": (2, "model"), "patience": (1, "other"), "seed": (2, "model"),
    "threads": (2, "other"), "save_every": (0.0, "other"),
}
ELSEWHERE = {"data", "arch", "output", "phrases", "binary", "split_mode"}


@pytest.fixture(scope="module")
def usual(data, tmp_path_factory):
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("tsuzuri.train.tagging.draw_run", lambda run, model: None)
        return base(data, tmp_path_factory.mktemp("flags") / "usual")


def test_the_tables_have_every_setting():
    assert set(CLASSIFIER) | ELSEWHERE == set(TASK.all_settings())


@pytest.mark.parametrize("name", CLASSIFIER)
def test_a_flag_is_kept_and_has_an_effect(name, data, tmp_path, usual):
    value, effect = CLASSIFIER[name]
    run = base(data, tmp_path / "run", *flag_of(name, value))
    assert values(run) == values(usual) | {name: value}
    assert (run.final.read_bytes() != usual.final.read_bytes()) == (effect == "model")


def test_trees_and_their_settings(tmp_path):
    path = tmp_path / "trees.txt"
    path.write_text("(3 (2 It) (4 (2 's) (4 good)))\n(0 (1 Too) (0 (2 It) (1 slow)))\n(2 (2 So) (2 what))\n" * 10)
    plain, phrases, two = (base(path, tmp_path / name, *flags) for name, flags in (("plain", []), ("phrases", ["--phrases"]), ("two", ["--binary"])))
    assert plain.labels.tokens == ["neutral", "positive", "very negative"]
    assert len(phrases.corpus()) > len({*map(tuple, (plain.corpus().source(k) for k in range(len(plain.corpus()))))})
    assert two.labels.tokens == ["negative", "positive"]
    assert "binary is for trees" in refused("train", "negation", "--out", tmp_path / "no", *tiny("--binary"))
    assert not (tmp_path / "no").exists()


def test_what_a_tagger_calls_a_word(tmp_path, runs):
    """--unit and --split-mode say how a text is cut that is to be labelled."""
    pytest.importorskip("sudachipy")
    path = tmp_path / "tagged.txt"
    path.write_text("選挙\tN\n管理\tN\nと\tP\n\n委員会\tN\nが\tP\n\n" * 10)
    cut = {}
    for name, flags in (("word", []), ("char", ["--unit", "char"]), ("A", ["--unit", "ja"]), ("C", ["--unit", "ja", "--split-mode", "C"])):
        ok("train", path, "--out", tmp_path / name, *tiny("--arch", "tagger", *flags))
        cut[name] = Tagger(tmp_path / name).labeller.cut("選挙管理委員会 と")[0]
    assert cut == {"word": ["選挙管理委員会", "と"], "char": [*"選挙管理委員会と"], "A": ["選挙", "管理", "委員", "会", "と"], "C": ["選挙管理委員会", "と"]}


def test_bytes_that_are_not_utf8(tmp_path):
    path = tmp_path / "latin.tsv"
    path.write_bytes(b"a\tcaf\xe9\n" + b"b\tba\n" * 30)
    assert "0xe9 is not UTF-8" in refused("train", path, "--out", tmp_path / "no", *tiny())
    base(path, tmp_path / "run", "--encoding-errors", "ignore")


def test_a_dry_run_and_a_resumed_one(data, tmp_path, usual):
    done = ok("train", data, "--out", tmp_path / "run", *tiny(), "--dry-run")
    assert re.search(r"^pooling +last +default$", done.out, re.M)
    assert re.search(r"^dropout +0.5 +usual for classifier$", done.out, re.M)
    assert "2 labels" in done.out
    assert not (tmp_path / "run").exists()
    ok("train", data, "--out", tmp_path / "run", *tiny("--minutes", "1e-9"))
    assert not (tmp_path / "run" / "model.safetensors").exists()
    while not (tmp_path / "run" / "model.safetensors").exists():
        ok("train", "--out", tmp_path / "run", "--resume", "--minutes", "1e-9")
    assert (tmp_path / "run" / "model.safetensors").read_bytes() == usual.final.read_bytes()
    assert "pooling was 'last' when the run began" in refused("train", "--out", tmp_path / "run", "--resume", "--pooling", "max")


# What they print

def test_evaluate_says_what_is_so(runs):
    found = json.loads(ok("evaluate", runs["classifier"], "negation", "--json").out)
    sentences = [*open_sentences("negation", "classifier").sentences("valid")]
    ours = Tagger(runs["classifier"]).predict([s.text for s in sentences])
    assert found["accuracy"] == pytest.approx(np.mean([s.labels[0] == label for s, label in zip(sentences, ours, strict=True)]))
    assert found["accuracy"] > 0.9
    assert np.array(found["confusion"]).sum() == found["sentences"] == 600
    assert found["labels"] == ["negative", "positive"]
    for k, label in enumerate(found["labels"]):
        row, counts = found["of_each"][label], np.array(found["confusion"])
        assert row["recall"] == pytest.approx(counts[k, k] / counts[k].sum())
        assert row["precision"] == pytest.approx(counts[k, k] / counts[:, k].sum())
        assert row["f1"] == pytest.approx(2 * counts[k, k] / (counts[k].sum() + counts[:, k].sum()))
    assert found["f1"] == pytest.approx(np.mean([row["f1"] for row in found["of_each"].values()]))
    out = ok("evaluate", runs["classifier"], "negation").out
    assert out.startswith(f"600 sentences: {100 * found['accuracy']:.2f} % right ({100 * found['baseline']:.2f} % without a model)")


def test_the_baseline_of_a_tagger_is_each_words_most_frequent_label(runs):
    found = json.loads(ok("evaluate", runs["tagger"], "homographs:valid", "--json").out)
    counts = {}
    source = open_sentences("homographs", "tagger")
    for sentence in source.sentences("train"):
        for word, label in zip(sentence.text.split(), sentence.labels, strict=True):
            counts.setdefault(word, {}).setdefault(label, 0)
            counts[word][label] += 1
    right = [max(counts[word], key=counts[word].get) == label for sentence in source.sentences("valid")
             for word, label in zip(sentence.text.split(), sentence.labels, strict=True)]
    assert found["baseline"] == pytest.approx(np.mean(right), abs=2e-3)
    assert found["words"] == len(right)
    assert found["accuracy"] > 0.99 > 0.85 > found["baseline"]
    assert (found["unknown"], found["unknown_accuracy"]) == (0, None)


def test_a_label_that_the_training_did_not_have_is_never_right(runs, tmp_path):
    path = tmp_path / "other.tsv"
    path.write_text("maybe\tthe film is good .\npositive\tthe film is good .\n")
    found = json.loads(ok("evaluate", runs["classifier"], path, "--json").out)
    assert found["labels"] == ["negative", "positive", "maybe"]
    assert (found["accuracy"], found["of_each"]["maybe"]["mostly_taken_for"]) == (0.5, "positive")
    assert "maybe" in ok("evaluate", runs["classifier"], path).out


def test_predict_prints_what_can_be_trained_on(runs, monkeypatch, tmp_path):
    texts = ["the film is never good .", "the music is bad but the plot is good ."]
    monkeypatch.setattr(sys, "stdin", SimpleStdin("\n".join(texts) + "\n"))
    out = ok("predict", runs["classifier"]).out
    assert out == "".join(f"{label}\t{text}\n" for label, text in zip(Tagger(runs["classifier"]).predict(texts), texts, strict=True))
    assert out.startswith("negative\t")
    path = tmp_path / "texts.txt"
    path.write_text("the duck watch saw .\nshe can fish .\n")
    (tmp_path / "tagged.txt").write_text(ok("predict", runs["tagger"], path).out)
    found = [*open_sentences(tmp_path / "tagged.txt", "tagger").sentences()]
    assert [s.text for s in found] == path.read_text().splitlines()
    assert found[0].labels == ("DET", "MOD", "NOUN", "VERB", "END")


class SimpleStdin(io.StringIO):
    """Standard input that is no terminal."""

    @property
    def buffer(self):
        return io.BytesIO(self.getvalue().encode())


def test_predict_gives_probabilities_as_json(runs, tmp_path):
    path = tmp_path / "texts.txt"
    path.write_text("the duck watch saw .\n")
    (line,) = ok("predict", runs["tagger"], path, "--json").out.splitlines()
    found = json.loads(line)
    assert found["words"] == ["the", "duck", "watch", "saw", "."]
    for label, p in zip(found["labels"], found["probabilities"], strict=True):
        assert max(p, key=p.get) == label
        assert sum(p.values()) == pytest.approx(1, abs=1e-5)
    path.write_text("the film is good .\n")
    found = json.loads(ok("predict", runs["classifier"], path, "--json").out)
    assert found["label"] == max(found["probabilities"], key=found["probabilities"].get)


def test_saliency_in_the_terminal_and_as_a_picture(runs, tmp_path):
    text = "the film is not dull ."
    shown = ok("saliency", runs["classifier"], text, "--out", tmp_path / "words.png")
    assert (tmp_path / "words.png").read_bytes().startswith(b"\x89PNG")
    seen = Tagger(runs["classifier"]).saliency(text)
    assert shown.out.startswith(f"p({seen.label}) = {seen.p:.3f}\n")
    rows = re.findall(r"^ *(\S+) +([+-]\d\S*)", shown.out, re.M)
    assert [word for word, _ in rows] == text.split()
    assert [float(value) for _, value in rows] == pytest.approx(seen.effect.tolist(), rel=5.1e-3)
    other = Tagger(runs["classifier"]).saliency(text, by="occlusion", label="negative")
    assert f"p(negative) = {other.p:.3f}" in ok("saliency", runs["classifier"], text, "--by", "occlusion", "--label", "negative").out
    assert ok("saliency", runs["tagger"], "the duck watch saw .", "--word", "2", "--title", "x", "--out", tmp_path / "t.svg").out.startswith("p(MOD of duck) = ")


def test_the_picture_of_what_was_taken_for_what(runs, tmp_path):
    ok("evaluate", runs["tagger"], "homographs", "--out", tmp_path / "taken.svg")
    drawn = (tmp_path / "taken.svg").read_text()
    assert "<svg" in drawn


@pytest.mark.parametrize(("arguments", "said"), [
    (["predict", "{classifier}", "{empty}"], "line 2 is empty"), (["predict", "{classifier}", "{long}"], "was trained with 200 at most"),
    (["saliency", "{classifier}", "the film", "--word", "1"], "a classifier gives the sentence one label"),
    (["saliency", "{tagger}", "the duck"], "say which word's is meant"), (["saliency", "{tagger}", "the duck", "--word", "3"], "the sentence has words 1 to 2"),
    (["saliency", "{classifier}", "the film", "--label", "postive"], 'there is no label "postive" (did you mean "positive"?)'),
    (["saliency", "{classifier}", "the film", "--by", "luck"], 'by "luck" is unknown'), (["saliency", "{classifier}", " "], "line 1 is empty"),
    (["saliency", "{classifier}", "the film", "--out", "{folder}/a.gif"], "is no name for a picture"),
    (["evaluate", "{classifier}", "homographs"], "has no labels that a classifier learns"), (["evaluate", "{classifier}", "nothing"], "neither a data set"),
    (["evaluate", "{classifier}", "{bad}"], "line 1 has no tab"), (["evaluate", "{tagger}", "{blank}"], "there are no labelled sentences"), (["evaluate", "{folder}", "negation"], "is no run folder"),
    (["train", "--out", "{folder}/x"], "no sentences were given"), (["train", "{bad}", "--out", "{folder}/x"], "line 1 has no tab"),
])
def test_bad_input_is_one_sentence_and_writes_nothing(arguments, said, runs, tmp_path):
    files = {"empty": "the film\n\n", "long": "good " * 201 + "\n", "bad": "no label\n", "blank": "\n\n"}
    for name, text in files.items():
        (tmp_path / name).write_text(text)
    places = {**{name: tmp_path / name for name in files}, **runs, "folder": tmp_path}
    before = sorted(tmp_path.rglob("*"))
    done = call("tag", *(str(a).format(**places) for a in arguments))
    assert done.code == 2
    assert said in done.err
    assert "Traceback" not in done.err
    assert sorted(tmp_path.rglob("*")) == before


def test_the_python_interface(runs):
    from tsuzuri import train_tagger
    model = Tagger.from_pretrained(runs["tagger"])
    assert model.predict(["she can fish ."]) == [[("she", "PRON"), ("can", "AUX"), ("fish", "VERB"), (".", "END")]]
    assert model.probabilities(["she can fish ."])[0][1]["AUX"] > 0.5
    assert model.evaluate("homographs")["accuracy"] > 0.99
    assert callable(train_tagger)


def test_train_from_python(data, tmp_path):
    from tsuzuri import train_tagger
    events = []
    model = train_tagger(str(data), tmp_path / "run", report=events.append, size=8, epochs=1, threads=1)
    assert model.predict(["a good film"])[0] in ("yes", "no")
    assert len(events) > 2
