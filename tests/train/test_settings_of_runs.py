"""Settings of every architecture: what fits which, what is usual, what config.toml keeps, and what a resumed run refuses."""
import json
from itertools import pairwise
from types import SimpleNamespace

import pytest

from tsuzuri.cli import training
from tsuzuri.cli.arguments import TrainingFlags
from tsuzuri.errors import ConfigError, RunError, TsuzuriError
from tsuzuri.models.language_model import ARCHITECTURES
from tsuzuri.settings import fields, from_environment, from_file
from tsuzuri.train.events import Stepped
from tsuzuri.train.language_model import prepare_run, train_run
from tsuzuri.train.run import TASK, Run, Settings, all_settings, choose, read_settings, settings_type

RECURRENT = "rnn or gru or lstm"
OWN = {
    "rnn": {"weight_drop": 0.25, "connection": "residual", "layers": 3}, "gru": {"output": "mixture", "experts": 3, "embedding_dropout": 0.1},
    "lstm": {"tie": True, "input_dropout": 0.5, "temporal_penalty": 1.5, "windows": "varied", "optimizer": "nt-asgd"},
    "transformer": {"heads": 4, "size": 16, "context": 64, "bptt": 32, "positions": "learnt", "tie": False, "lr": 3e-4},
    "ngram": {"order": 4, "smoothing": "kneser-ney", "threads": 1},
}


def chosen(**flags):
    return choose([("flag", {"data": "text.txt"} | flags)])[0]


@pytest.mark.parametrize(("arch", "name", "value", "having"), [
    ("lstm", "heads", 4, "transformer"), ("gru", "context", 64, "transformer"), ("rnn", "order", 3, "ngram"),
    ("transformer", "weight_drop", 0.5, RECURRENT), ("transformer", "embedding", 4, RECURRENT), ("transformer", "smoothing", "kneser-ney", "ngram"),
    ("ngram", "size", 10, f"{RECURRENT} or transformer"), ("ngram", "lr", 0.1, f"{RECURRENT} or transformer"),
    ("ngram", "positions", "learnt", "transformer"), ("ngram", "seed", 3, f"{RECURRENT} or transformer"),
])
@pytest.mark.parametrize("where", ["flag", "environment", "settings.toml"])
def test_a_setting_of_another_architecture_is_refused_with_those_that_have_it(arch, name, value, having, where):
    with pytest.raises(ConfigError) as caught:
        choose([(where, {name: value}), ("flag", {"arch": arch})])
    assert str(caught.value) == f"{where}: {name} does not fit arch {arch}; leave it out, or take arch {having}."


def test_a_setting_that_nothing_has_is_named_with_the_nearest():
    for arch, name, nearest in (("transformer", "head", "heads"), ("lstm", "weight_dropp", "weight_drop"), ("ngram", "ordr", "order")):
        with pytest.raises(ConfigError, match=f'there is no setting "{name}" \\(did you mean "{nearest}"'):
            choose([("flag", {"arch": arch, name: 1})])


def test_an_architecture_that_there_is_not_is_named_with_the_nearest():
    with pytest.raises(ConfigError, match=r'arch "transfromer" is unknown \(did you mean "transformer"\?\); choose one of rnn, gru, lstm, transformer, ngram\.'):
        choose([("flag", {"arch": "transfromer"})])


def test_every_architecture_has_its_settings_and_no_others():
    for name, archs in all_settings().items():
        assert archs == [arch for arch in ARCHITECTURES if name in fields(settings_type(arch))]
    assert all_settings()["arch"] == list(ARCHITECTURES)
    assert set(fields(settings_type("ngram"))) & set(fields(settings_type("transformer"))) >= {"data", "unit", "arch", "threads"}


def test_the_usual_settings_of_the_transformer_apply_and_every_layer_wins_over_them():
    training_ = chosen(arch="transformer").training
    assert (training_.optimizer, training_.windows, training_.batch_size, training_.bptt, training_.clip) == ("adamw", "random", 12, 256, 1.0)
    assert (training_.lr, training_.weight_decay) == (0.001, 0.01)
    given = {"windows": "even", "batch_size": 3, "bptt": 7, "clip": 0.0, "optimizer": "sgd"}
    for layers in ([("flag", given | {"arch": "transformer"})], [("file", given | {"arch": "transformer"}), ("flag", {})],
                   [("file", given), ("environment", {"arch": "transformer"})]):
        settings, origin = choose(layers)
        assert {name: getattr(settings.training, name) for name in given} == given
        assert (settings.training.lr, settings.training.weight_decay) == (1.0, 0.0)      # those of sgd, not of adamw
        assert origin["lr"] == "usual for sgd"
    settings, origin = choose([("file", {"arch": "transformer", "bptt": 100}), ("flag", {"clip": 2.0})])
    assert {name: origin[name] for name in ("bptt", "clip", "windows", "size", "arch")} == {
        "bptt": "file", "clip": "flag", "windows": "usual for transformer", "size": "default", "arch": "file"}
    assert chosen(arch="lstm").training.windows == "even"
    assert chosen().model.arch == "lstm"


@pytest.mark.parametrize(("optimizer", "lr", "decay"), [("nt-asgd", 1.0, 0.0), ("adamw", 0.001, 0.01), ("momentum", 0.1, 0.0)])
def test_the_usual_rate_is_that_of_the_optimiser_whatever_the_architecture(optimizer, lr, decay):
    for arch in ("lstm", "transformer"):
        training_ = chosen(arch=arch, optimizer=optimizer).training
        assert (training_.lr, training_.weight_decay) == (lr, decay)
        assert chosen(arch=arch, optimizer=optimizer, lr=0.5).training.lr == 0.5


def test_each_kind_of_settings_refuses_what_it_cannot_use():
    for flags, says in (({"arch": "transformer", "size": 10, "heads": 3}, "cannot be shared out evenly to heads 3"),
                        ({"arch": "ngram", "order": 9}, "order is 9; it must be 1 to 8"),
                        ({"windows": "evn"}, r'windows "evn" is unknown \(did you mean "even"\?\); choose one of even, varied, random'),
                        ({"optimizer": "asgd"}, "choose one of sgd, nt-asgd")):
        with pytest.raises(ConfigError, match=says):
            chosen(**flags)


# Files and the environment

def make(arch, text, folder, **more):
    settings = choose([("test", {"arch": arch, "data": str(text), "unit": "char", "threads": 1} | OWN[arch] | more)])[0]
    return prepare_run(settings, folder)


@pytest.mark.parametrize("arch", ARCHITECTURES)
def test_config_toml_of_every_architecture_reads_back_equal(arch, text, tmp_path, no_curves):
    run = make(arch, text, tmp_path / "run")
    wanted = choose([("test", {"arch": arch, "data": str(text), "unit": "char", "threads": 1} | OWN[arch])])[0]
    for read in (run.settings, Run(run.folder).settings, read_settings(run.folder / "config.toml")):
        assert read == wanted
        assert type(read.model) is type(wanted.model)
    flat = from_file(run.folder / "config.toml", Settings)
    assert set(flat) == set(fields(settings_type(arch)))
    assert choose([("file", flat)])[0] == wanted


@pytest.mark.parametrize("arch", ARCHITECTURES)
def test_the_environment_knows_the_settings_of_every_architecture(arch, monkeypatch):
    for name, value in OWN[arch].items():
        monkeypatch.setenv(f"TSUZURI_{name.upper()}", str(value))
    monkeypatch.setenv("TSUZURI_ARCH", arch)
    settings, origin = choose(training.layers(TASK, {"data": "text.txt"}))
    known = fields(settings_type(arch))
    for name, value in OWN[arch].items():
        assert getattr(getattr(settings, known[name][0]), name) == value
        assert origin[name] == "environment"


def test_a_variable_that_is_no_setting_is_an_error(monkeypatch):
    monkeypatch.setenv("TSUZURI_HEDS", "3")
    with pytest.raises(ConfigError, match=r'TSUZURI_HEDS is no setting \(did you mean "TSUZURI_HEADS"\?\)'):
        from_environment(all_settings())


def test_a_data_set_validates_with_its_own_split(tmp_path, no_curves):
    """As where nothing is said: a whole set would hold the text that is learnt."""
    settings = {"data": "python-reference", "arch": "ngram", "unit": "char"}
    usual, named = (prepare_run(choose([("test", settings | more)])[0], tmp_path / name).held_out()
                    for name, more in (("usual", {}), ("named", {"valid": "python-reference"})))
    assert (named.tokens, named.sha256) == (usual.tokens, usual.sha256)


# Going on

def resume(run, config=None, **given):
    training.train("lm", given | {"out": run.folder, "flags": TrainingFlags(config=config, resume=True)})


@pytest.mark.parametrize("where", ["flag", "environment", "file"])
@pytest.mark.parametrize(("was", "now"), [("lstm", "gru"), ("lstm", "transformer"), ("transformer", "lstm"), ("ngram", "rnn"), ("gru", "ngram")])
def test_a_run_is_not_gone_on_with_as_another_architecture(was, now, where, text, tmp_path, no_curves, monkeypatch):
    run, given, config = make(was, text, tmp_path / "run"), {}, None
    if where == "flag":
        given = {"arch": now}
    elif where == "environment":
        monkeypatch.setenv("TSUZURI_ARCH", now)
    else:
        config = tmp_path / "settings.toml"
        config.write_text(f'arch = "{now}"\n')
    with pytest.raises(RunError, match=f"arch was '{was}' when the run began, but is '{now}' now .*; resume without it, or start a new run"):
        resume(run, config, **given)
    assert not run.checkpoint.exists()


def test_a_setting_that_was_otherwise_is_refused_and_an_equal_one_is_not(text, tmp_path, no_curves):
    run = make("transformer", text, tmp_path / "run", epochs=1, layers=1)
    with pytest.raises(RunError, match=r"heads was 4 when the run began, but is 2 now \(flag\)"):
        resume(run, heads=2)
    resume(run, heads=4)
    assert run.final.exists()


def test_a_setting_of_another_architecture_is_refused_as_one_when_a_run_is_gone_on_with(text, tmp_path, no_curves):
    """As it is for a new run: the setting exists, and nothing near it is what was meant."""
    run = make("transformer", text, tmp_path / "run")
    with pytest.raises(TsuzuriError) as caught:
        resume(run, weight_drop=0.5)
    assert "weight_drop does not fit arch transformer" in str(caught.value)


def clock(run):
    return [json.loads(line) for line in run.clock.read_text().splitlines()]


def test_the_clock_goes_on_where_it_stood(text, tmp_path, no_curves, monkeypatch):
    """Left after every fourth step: each line says more seconds than the one before, those between the parts are not counted."""
    now = [1000.0]

    def tick():
        now[0] += 0.25
        return now[0]

    monkeypatch.setattr("tsuzuri.train.recording.time", SimpleNamespace(monotonic=tick))
    run = make("rnn", text, tmp_path / "run", epochs=2, size=8, batch_size=4, bptt=50, save_every=0.0)
    assert run.seconds() == 0
    parts, read = 0, []
    while not run.final.exists():
        steps, events = 0, train_run(Run(run.folder))
        for event in events:
            steps += isinstance(event, Stepped)
            if steps == 4:
                break
        events.close()
        now[0] += 3600                                       # an hour in which nothing is trained
        read.append(Run(run.folder).seconds())
        parts += 1
    lines = clock(run)
    assert parts > 2
    assert all(a["seconds"] < b["seconds"] and a["step"] <= b["step"] for a, b in pairwise(lines))
    assert read == sorted(read)
    assert read[-1] == run.seconds() == lines[-1]["seconds"] < 3600
    for line in lines:
        assert run.seconds(line["step"]) >= line["seconds"]
    half = lines[len(lines) // 2]["step"]
    assert 0 < run.seconds(half) < run.seconds()
    assert run.seconds(0) == 0


def test_the_clock_of_a_killed_training_counts_what_was_saved(text, tmp_path, no_curves):
    """Without a checkpoint in it, an epoch that is broken off leaves nothing behind, neither steps nor seconds."""
    run = make("rnn", text, tmp_path / "run", epochs=2, size=8, batch_size=4, bptt=10, save_every=3600.0)
    events = train_run(run)
    next(events), next(events)
    events.close()
    assert (run.seconds(), run.checkpoint.exists()) == (0, False)
    list(train_run(Run(run.folder)))
    assert [line["step"] for line in clock(run)] == [r["step"] for r in run.logged() if "valid_loss" in r]


def test_a_counted_run_has_a_clock_too(text, tmp_path, no_curves):
    run = make("ngram", text, tmp_path / "run")
    list(train_run(run))
    assert [line["step"] for line in clock(run)] == [1]
    assert run.seconds() >= 0
    first = run.final.read_bytes()
    list(train_run(Run(run.folder)))
    assert run.final.read_bytes() == first
