"""The commands of tree: every setting is a flag that does something, what they print is so, and bad input is one sentence."""
import json
import re

import pytest
from command_line import Group, flag_of, help_of, process, settings_of, values

from small_runs import results
from small_trees import opinions, trained_trees, write_trees
from tsuzuri.cli.tree import train, use
from tsuzuri.measuring.trees import evaluate_trees
from tsuzuri.models.trees import ARCHITECTURES
from tsuzuri.settings import fields
from tsuzuri.text.trees import parse_tree
from tsuzuri.train.tree_run import TASK, TreeRun
from tsuzuri.writing.trees import TreeLabeller

COMMANDS = {"train": train.train, "evaluate": use.evaluate, "predict": use.predict, "show": use.show}
TINY = {"--size": "6", "--classes": "5", "--epochs": "1", "--lr": "0.02", "--threads": "1"}
GROUP = Group("tree", TINY)
ok, refused, tiny = GROUP.ok, GROUP.refused, GROUP.tiny


@pytest.fixture(autouse=True)
def quick_trees(monkeypatch):
    """Runs end without a picture, which would load matplotlib."""
    monkeypatch.setattr("tsuzuri.train.trees.draw_run", lambda run, model: None)


@pytest.fixture(scope="module")
def data(tmp_path_factory):
    """Trees with words in capitals and some that stand once."""
    lines = opinions(60, classes=5)
    lines[:3] = ["(4 (2 THE) (4 Superb))", "(0 (0 Dreadful) (2 film))", "(2 (2 A) (2 Film))"]
    return write_trees(tmp_path_factory.mktemp("data") / "data.txt", lines)


def base(data, out, *flags):
    ok("train", data, "--out", out, *tiny(*flags))
    return TreeRun(out)


# --help

@pytest.mark.parametrize("name", COMMANDS)
def test_help_has_examples_and_every_parameter(name):
    GROUP.check_help(name, COMMANDS[name])


def test_every_setting_of_every_architecture_is_a_flag():
    assert settings_of(train.train) == set(TASK.all_settings())


def test_the_defaults_in_the_help_are_the_defaults():
    said = dict(re.findall(r"^(\w+)\n    .*\[default: (.*?)\]", help_of(train.train), re.M))
    assert {"arch", "size", "binary", "batch_size", "average", "schedule"} <= said.keys()
    for arch in ARCHITECTURES:
        settings, _ = TASK.choose([("test", {"data": "x", "arch": arch})])
        for name, (section, _) in fields(TASK.settings_type(arch)).items():
            if name in said and name not in ("valid", "lr", "threads", "arch"):
                value = getattr(getattr(settings, section), name)
                wanted = said[name].split(";")[0]
                assert (value == {"yes": True, "no": False}[wanted] if isinstance(value, bool) else str(value) == wanted or float(value) == float(wanted)), name


# Every flag does something

FLAGS = {
    "valid": ("none", "model"), "classes": (7, "model"), "binary": (True, "model"), "lowercase": (False, "model"), "min_count": (2, "model"),
    "encoding_errors": ("replace", "other"), "arch": ("recursive", "model"), "size": (7, "model"), "embedding": (5, "model"), "dropout": (0.5, "model"),
    "word_dropout": (0.5, "model"), "dtype": ("float64", "model"), "batch_size": (11, "model"), "accumulate": (2, "model"), "optimizer": ("adagrad", "model"),
    "lr": (0.03, "model"), "weight_decay": (0.5, "model"), "schedule": ("cosine", "model"), "clip": (0.001, "model"), "epochs": (2, "model"),
    "patience": (1, "other"), "seed": (2, "model"), "threads": (2, "other"), "save_every": (0.0, "other"),
}


@pytest.fixture(scope="module")
def usual(data, tmp_path_factory):
    """The run that the others are compared with."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("tsuzuri.train.trees.draw_run", lambda run, model: None)
        return base(data, tmp_path_factory.mktemp("flags") / "usual")


def test_the_table_has_every_setting():
    assert set(FLAGS) | {"data", "average"} == set(TASK.all_settings())


@pytest.mark.parametrize("name", FLAGS)
def test_a_flag_is_kept_and_has_an_effect(name, data, tmp_path, usual):
    value, effect = FLAGS[name]
    run = base(data, tmp_path / "run", *flag_of(name, value))
    assert values(run)[name] == value
    if name != "arch":
        assert values(run) == values(usual) | {name: value}
    assert (run.final.read_bytes() != usual.final.read_bytes()) == (effect == "model")


def test_average_and_patience(data, tmp_path):
    """A rate so small that nothing moves: no epoch after the first is a new best."""
    one, two = (base(data, tmp_path / str(average), "--epochs", "2", "--average", average) for average in (0, 2))
    assert one.final.read_bytes() != two.final.read_bytes()
    for patience, count in ((0, 3), (1, 2)):
        run = base(data, tmp_path / f"patience-{patience}", "--lr", "1e-30", "--optimizer", "sgd", "--epochs", "3", "--patience", patience)
        assert sum("valid_loss" in record for record in run.logged()) == count


def test_bytes_that_are_not_utf8(tmp_path):
    path = tmp_path / "latin.txt"
    path.write_bytes(b"(2 (2 caf\xe9) (2 a))\n" + "\n".join(opinions(30, classes=5)).encode() + b"\n")
    assert "line 1, byte 9: 0xe9 is not UTF-8" in refused("train", path, "--out", tmp_path / "no", *tiny())
    run = base(path, tmp_path / "replace", "--encoding-errors", "replace")
    assert run.number("caf\ufffd") > 0


def test_settings_of_a_file_the_environment_and_flags(data, tmp_path, monkeypatch, usual):
    (tmp_path / "settings.toml").write_text('arch = "rntn"\nsize = 3\nseed = 7\nepochs = 1\n')
    monkeypatch.setenv("TSUZURI_SIZE", "4")
    run = base(data, tmp_path / "run", "--config", tmp_path / "settings.toml", "--seed", 9, "--size", 5)
    assert (run.settings.model.arch, run.settings.model.size, run.settings.training.seed) == ("rntn", 5, 9)
    monkeypatch.delenv("TSUZURI_SIZE")
    ok("train", "--config", usual.folder / "config.toml", "--out", tmp_path / "again")
    assert results(tmp_path / "again") == results(usual.folder)
    assert "embedding does not fit arch recursive" in refused("train", data, "--out", tmp_path / "no", "--arch", "recursive", "--embedding", "5")


def test_a_dry_run_tells_and_writes_nothing(data, tmp_path):
    done = ok("train", data, "--out", tmp_path / "run", *tiny("--arch", "rntn"), "--dry-run")
    assert not (tmp_path / "run").exists()
    rows = {line.split()[0]: line.split()[1:] for line in done.out.splitlines() if line.split()}
    assert (rows["size"], rows["schedule"]) == (["6", "flag"], ["constant", "usual", "for", "rntn"])
    assert {"data", "parameters", "steps", "memory", "time"} <= rows.keys()


def test_a_look_before_a_training_that_averages(data, tmp_path):
    assert "about" in ok("train", data, "--out", tmp_path / "run", *tiny("--epochs", 5, "--average", 3), "--dry-run").out


def test_minutes_and_resume(data, tmp_path, usual):
    done = ok("train", data, "--out", tmp_path / "run", *tiny(), "--minutes", "1e-9")
    assert "left after 1e-09 minutes; go on with `tsuzuri tree train --resume --out" in done.err
    assert "lr was 0.02 when the run began, but is 0.5 now (flag)" in refused("train", "--resume", "--out", tmp_path / "run", "--lr", "0.5")
    assert ok("train", "--resume", "--out", tmp_path / "run").out == f"{tmp_path / 'run'}\n"
    assert results(tmp_path / "run") == results(usual.folder)


# What is asked of a run

@pytest.fixture(scope="module")
def run():
    return trained_trees(classes=5)


def test_evaluate_prints_what_the_measures_are(run, tmp_path):
    file = write_trees(tmp_path / "new.txt", opinions(40, seed=3, classes=5))
    wanted = evaluate_trees(TreeRun(run), str(file))
    assert json.loads(ok("evaluate", run, file, "--json").out) == wanted
    shown = ok("evaluate", run, file).out.splitlines()
    assert shown == [
        "40 trees",
        f"all labels: {100 * wanted['root_accuracy']:.2f} % of 40 roots, {100 * wanted['node_accuracy']:.2f} % of {wanted['nodes']:,} nodes",
        f"two sides: {100 * wanted['binary_root_accuracy']:.2f} % of {wanted['binary_roots']} roots, "
        f"{100 * wanted['binary_node_accuracy']:.2f} % of {wanted['binary_nodes']} nodes",
        f"loss: {wanted['loss']:.4f} nats a node, {wanted['root_loss']:.4f} a root"]
    assert "no node of 1 trees has a label" in refused("evaluate", run, write_trees(tmp_path / "none.txt", ["((a) (film))"]))
    assert "line 2 has the label 5" in refused("evaluate", run, write_trees(tmp_path / "high.txt", ["(2 a)", "(5 a)"]))


def test_predict_in_three_ways_from_a_file_and_standard_input(run, tmp_path):
    lines = ["(not good)", "", "The film, not bad", '["a", {"word": "great", "label": 0}]']
    file = write_trees(tmp_path / "lines.txt", lines)
    labeller = TreeLabeller(run)
    found = list(labeller.label(labeller.read(line) for line in lines if line))
    assert ok("predict", run, file).out.splitlines() == [
        f"{one.labels[-1]}\t{one.p[-1].max():.4f}\t{text}" for one, text in zip(found, ("not good", "The film , not bad", "a great"), strict=True)]
    assert [json.loads(line) for line in ok("predict", run, file, "--json").out.splitlines()] == [one.as_dict() for one in found]
    shown = [parse_tree(line) for line in ok("predict", run, file, "--nodes").out.splitlines()]
    assert [tree.labels for tree in shown] == [one.labels for one in found]
    assert [tree.spans()[-1] for tree in shown] == ["not good", "The film , not bad", "a great"]
    assert process("tree", "predict", run, given=file.read_bytes()).out == ok("predict", run, file).out
    assert "leave --nodes out" in refused("predict", run, file, "--nodes", "--json")


def test_the_shape_of_a_sentence(run, tmp_path):
    file = write_trees(tmp_path / "lines.txt", ["a film not bad"])
    shown = {shape: re.sub(r"\d ", "", ok("predict", run, file, "--shape", shape, "--nodes").out.strip()) for shape in ("balanced", "right", "left")}
    assert shown == {"balanced": "(((a) (film)) ((not) (bad)))", "right": "((a) ((film) ((not) (bad))))", "left": "((((a) (film)) (not)) (bad))"}
    assert ok("predict", run, file, "--nodes").out == ok("predict", run, file, "--shape", "balanced", "--nodes").out
    assert 'shape "straight" is unknown' in refused("predict", run, file, "--shape", "straight")


@pytest.mark.parametrize("name", ["tree.png", "tree.svg", "tree.json"])
def test_show_draws_or_writes_and_tells_the_root(name, run, tmp_path):
    done = ok("show", run, "(4 (2 not) (0 bad))", "--out", tmp_path / name, "--title", "Not bad")
    assert done.out.startswith("4\t")
    assert done.out.endswith("\tnot bad\n")
    if name.endswith("json"):
        (found,) = TreeLabeller(run).label([parse_tree("(not bad)")])
        assert json.loads((tmp_path / name).read_text()) == found.as_dict()
    elif name.endswith("svg"):
        assert "Not bad" in (tmp_path / name).read_text()
    other = tmp_path / f"right-{name}"
    ok("show", run, "a film not bad", "--shape", "right", "--out", other)
    ok("show", run, "a film not bad", "--out", tmp_path / f"balanced-{name}")
    assert other.read_bytes() != (tmp_path / f"balanced-{name}").read_bytes()


@pytest.mark.parametrize(("arguments", "message"), [
    (["predict", "RUN", "BAD"], "BAD: line 2 is not closed"), (["predict", "RUN", "WIDE"], "WIDE: line 1 has a node with 3 children"),
    (["show", "RUN", "(2 (1 a", "--out", "OUT.png"], 'the tree is not closed; it lacks 2 ")"'), (["show", "RUN", "(7 a)", "--out", "OUT.png"], "the tree has the label 7"),
    (["show", "RUN", "(a b)", "--out", "OUT.gif"], "is no name for a picture"), (["show", "RUN", "", "--out", "OUT.png"], "the tree has no words"),
    (["evaluate", "RUN", "dates"], "dates is no set of trees"), (["predict", "OUT", "BAD"], "is no run folder"), (["train", "BAD", "--out", "OUT"], "BAD: line 2 is not closed"),
    (["train", "--out", "OUT"], "no trees were given")])
def test_bad_input_is_one_sentence_and_writes_nothing(arguments, message, run, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    write_trees(tmp_path / "BAD", ["(2 a)", "(2 (2 a) (2 b)"])
    write_trees(tmp_path / "WIDE", ["(2 a b c)"])
    assert message in refused(*[run if word == "RUN" else word for word in arguments])
    assert sorted(path.name for path in tmp_path.iterdir()) == ["BAD", "WIDE"]


def test_the_python_api(run, tmp_path):
    """fit, evaluate, predict: the same as the commands."""
    from tsuzuri import TreeClassifier, train_trees
    file = write_trees(tmp_path / "new.txt", opinions(40, seed=3, classes=5))
    model = TreeClassifier.from_pretrained(run)
    assert model.evaluate(str(file)) == evaluate_trees(TreeRun(run), str(file))
    assert model.predict([("not", "good"), {"left": "not", "right": "bad"}, "(not (not good))", "great"]) == [0, 4, 4, 4]
    assert [found.labels for found in model.label([["not", "good"]])] == [[2, 4, 0]]
    told = []
    made = train_trees(str(file), tmp_path / "made", report=told.append, epochs=1, size=4, threads=1)
    assert type(told[-1]).__name__ == "Finished"
    assert made.predict(["good"])[0] in range(5)
