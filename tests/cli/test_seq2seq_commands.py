"""The commands of seq2seq: every setting is a flag that does something, what they print is so, and bad input is one sentence."""
import inspect
import io
import json
import math
import re
import shutil
import sys
from functools import cache

import pytest
from command_line import SMALL, Group, call, flag_of, help_of, made_up, process, settings_of, values

from small_runs import letters, results, sentences, trained_pairs, write_pairs
from tsuzuri.cli.seq2seq import look, measure, train, use
from tsuzuri.decode import Search
from tsuzuri.decode import greedy as greedy_search
from tsuzuri.measuring.translating import evaluate_pairs, score_pairs
from tsuzuri.models.seq2seq import ARCHITECTURES
from tsuzuri.settings import fields
from tsuzuri.train.seq2seq_run import TASK, Seq2SeqRun
from tsuzuri.writing.translation import Translator

COMMANDS = {"train": train.train, "evaluate": measure.evaluate, "score": measure.score, "predict": use.predict, "chat": use.chat,
            "attend": look.attend, "beams": look.beams}
TINY = {"--unit": "char", "--size": "8", "--batch-size": "16", "--epochs": "1", "--lr": "0.01", "--threads": "1"}
GROUP = Group("seq2seq", TINY)
ok, refused, tiny = GROUP.ok, GROUP.refused, GROUP.tiny
ANNA = "Anna sees the red cat ."


@pytest.fixture(autouse=True)
def quick_seq2seq(monkeypatch):
    """Runs end without a picture, which would load matplotlib."""
    monkeypatch.setattr("tsuzuri.train.seq2seq.draw_run", lambda run, model: None)


@pytest.fixture(scope="module")
def data(tmp_path_factory):
    """Pairs with capitals, figures, marks and full-width letters, of which some are the same, and of which the last ones are longer."""
    pairs = [(f"{a.title()} {k % 7}, ｂ{a}!", f"{b.upper()} {k % 5}. ｃ") for k, (a, b) in enumerate(letters(80))]
    pairs += [(f"{a} {a} {a} {a}", f"{b} {b} {b}") for a, b in letters(20, seed=3)]
    return write_pairs(tmp_path_factory.mktemp("data") / "data.tsv", pairs)


def base(data, out, *flags):
    ok("train", data, "--out", out, *tiny(*flags))
    return Seq2SeqRun(out)


# --help

@pytest.mark.parametrize("name", COMMANDS)
def test_help_has_examples_and_every_parameter(name):
    GROUP.check_help(name, COMMANDS[name])
    shown = process("seq2seq", name, "--help", COLUMNS="400")
    assert "Examples" in shown.out
    text = inspect.getdoc(COMMANDS[name])
    assert len(re.findall(rf"^\s+(?:.*\| )?tsuzuri seq2seq {name} |^\s+echo .*tsuzuri seq2seq {name} ", text, re.M)) >= 2
    for parameter in inspect.signature(COMMANDS[name]).parameters:
        assert re.search(rf"^{parameter}\n    \S", text, re.M), parameter
        if parameter == "search":
            assert all(flag in shown.out for flag in ("--beam", "--length-penalty", "--coverage-penalty", "--least"))


def test_every_setting_of_every_architecture_is_a_flag():
    flags = settings_of(train.train)
    assert flags == set(TASK.all_settings())


def test_the_defaults_in_the_help_are_the_defaults():
    """As they are said of each setting: [default: ...; arch: ...]."""
    text, usual = help_of(train.train), {}
    for arch in ARCHITECTURES:
        settings, _ = TASK.choose([("test", {"data": "x", "arch": arch})])
        usual[arch] = {name: getattr(getattr(settings, section), name) for name, (section, _) in fields(TASK.settings_type(arch)).items()}
    plain = {"yes": True, "no": False}
    checked = 0
    for name, said in re.findall(r"^(\w+)\n    .*\[default: (.*?)\]", text, re.M):
        if name in ("direction", "valid", "target_unit", "lr", "threads", "bpe_dropout", "width"):
            continue
        parts = dict(part.split(": ", 1) if ": " in part else ("", part) for part in said.split("; "))
        for arch in ARCHITECTURES:
            if name not in usual[arch]:
                continue
            wanted = parts.get(arch, parts.get("adamw", parts[""]) if name == "weight_decay" and arch == "transformer" else parts[""])
            value = usual[arch][name]
            if name != "arch":
                assert (value == plain[wanted] if isinstance(value, bool) else str(value) == wanted or float(value) == float(wanted)), (name, arch, value)
            checked += 1
    assert checked > 90


# Every flag does something

ATTENTION = {
    "direction": ("2-1", "model"), "valid": ("none", "model"), "unit": ("word", "model"), "target_unit": ("word", "model"), "joint": (True, "model"),
    "vocabulary": (12, "model"), "min_count": (40, "model"), "lowercase": (True, "model"), "digits": ("zero", "model"), "punctuation": ("drop", "model"),
    "nfkc": (True, "model"), "longest": (12, "model"), "encoding_errors": ("replace", "other"),
    "arch": ("gnmt", "model"), "cell": ("gru", "model"), "size": (10, "model"), "embedding": (5, "model"), "layers": (2, "model"), "reverse": (True, "model"),
    "bidirectional": (True, "model"), "score": ("additive", "model"), "span": ("local", "model"), "choice": ("hard", "model"), "context": ("before", "model"),
    "feeding": (True, "model"), "coverage": (True, "model"), "dropout": (0.5, "model"), "smoothing": (0.2, "model"), "tie": (True, "model"), "dtype": ("float64", "model"),
    "batch_size": (11, "model"), "accumulate": (2, "model"), "optimizer": ("sgd", "model"), "lr": (0.02, "model"), "weight_decay": (0.5, "model"),
    "schedule": ("cosine", "model"), "clip": (0.001, "model"), "epochs": (2, "model"), "patience": (1, "other"), "average": (1, "model"), "seed": (2, "model"),
    "threads": (2, "other"), "save_every": (0.0, "other"),
}
BESIDE = {                                                   # a flag that does something beside others
    "width": (["--span", "local"], 1), "copy": (["--joint"], True), "average": (["--epochs", "3"], 2), "punctuation": (["--unit", "word"], "split"),
    "bpe_dropout": (["--unit", "bpe", "--vocabulary", "290"], 0.3), "peeky": (["--arch", "encoder-decoder"], True),
    "heads": (["--arch", "transformer"], 2), "positions": (["--arch", "transformer"], "learnt"), "tie": (["--arch", "transformer"], False),
    "dropout": (["--arch", "transformer"], 0.0), "smoothing": (["--arch", "transformer"], 0.0), "score": (["--arch", "gnmt", "--layers", "2"], "dot"),
    "layers": (["--arch", "transformer"], 1), "schedule": (["--arch", "transformer"], "constant"),
}
ELSEWHERE = {"valid_target", "split_mode", "target", "data"}


@pytest.fixture(scope="module")
def usual(data, tmp_path_factory):
    """The run that the others are compared with."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("tsuzuri.train.seq2seq.draw_run", lambda run, model: None)
        return base(data, tmp_path_factory.mktemp("flags") / "usual")


def test_the_tables_have_every_setting():
    assert set(ATTENTION) | set(BESIDE) | ELSEWHERE == set(TASK.all_settings())


@pytest.mark.parametrize("name", ATTENTION)
def test_a_flag_is_kept_and_has_an_effect(name, data, tmp_path, usual):
    value, effect = ATTENTION[name]
    run = base(data, tmp_path / "run", *flag_of(name, value))
    assert values(run)[name] == value
    if name != "arch":
        assert values(run) == values(usual) | {name: value} | ({"lr": 0.01} if name == "optimizer" else {})
    assert (run.final.read_bytes() != usual.final.read_bytes()) == (effect == "model")


@pytest.mark.parametrize("name", BESIDE)
def test_a_flag_has_an_effect_beside_another(name, data, tmp_path):
    flags, value = BESIDE[name]
    one, other = base(data, tmp_path / "one", *flags), base(data, tmp_path / "other", *flags, *flag_of(name, value))
    assert values(other) == values(one) | {name: value}
    assert one.final.read_bytes() != other.final.read_bytes()


def test_two_files_and_two_more_to_validate_with(data, tmp_path, usual):
    for side in (0, 1):
        (tmp_path / f"{side}.txt").write_text("".join(line.split("\t")[side] + "\n" for line in data.read_text().splitlines()))
        (tmp_path / f"valid-{side}.txt").write_text("Abc 1\n" * 3)
    files = [tmp_path / "0.txt", tmp_path / "1.txt"]
    ok("train", *files, "--out", tmp_path / "run", *tiny())
    assert Seq2SeqRun(tmp_path / "run").final.read_bytes() == usual.final.read_bytes()
    ok("train", *files, "--out", tmp_path / "valid", *tiny("--valid", tmp_path / "valid-0.txt", "--valid-target", tmp_path / "valid-1.txt"))
    assert len(Seq2SeqRun(tmp_path / "valid").held_out()) == 3
    assert len(Seq2SeqRun(tmp_path / "valid").corpus()) == 100
    assert "lines" in refused("train", *files, "--out", tmp_path / "no", *tiny("--valid", tmp_path / "valid-0.txt", "--valid-target", tmp_path / "0.txt"))


def test_length_of_japanese_words(tmp_path):
    pytest.importorskip("sudachipy")
    pairs = write_pairs(tmp_path / "ja.tsv", [("選挙管理委員会と言う。", "the board"), ("猫がいる。", "a cat")] * 30)
    kinds = {}
    for mode in ("A", "C"):
        ok("train", pairs, "--out", tmp_path / mode, *tiny("--unit", "ja", "--target-unit", "word", "--split-mode", mode))
        run = Seq2SeqRun(tmp_path / mode)
        kinds[mode] = {run.source.decode([k]) for k in range(len(run.source))}
        assert {run.target.decode([k]) for k in range(len(run.target))} >= {"the", "board"}
    assert "選挙管理委員会" in kinds["C"] - kinds["A"]


def test_bytes_that_are_not_utf8(tmp_path):
    path = tmp_path / "latin.tsv"
    path.write_bytes(b"caf\xe9\tba\n" + b"ab\tba\n" * 20 + b"ba\tab\n" * 20)
    assert "0xe9 is not UTF-8" in refused("train", path, "--out", tmp_path / "no", *tiny())
    found = {}
    for errors in ("replace", "ignore"):
        run = base(path, tmp_path / errors, "--encoding-errors", errors)
        found[errors] = {run.source.decode([k]) for k in range(len(run.source))}
    assert "\ufffd" in found["replace"] - found["ignore"]


def test_patience(data, tmp_path):
    """A rate so small that nothing moves: no epoch after the first is a new best."""
    for patience, count in ((0, 4), (1, 2)):
        run = base(data, tmp_path / str(patience), "--lr", "1e-30", "--optimizer", "sgd", "--epochs", "4", "--patience", patience)
        assert sum("valid_loss" in r for r in run.logged()) == count


@pytest.mark.parametrize(("seconds", "saves"), [(0.0, "each step"), (3600.0, "each epoch")])
def test_save_every(data, tmp_path, monkeypatch, seconds, saves):
    from tsuzuri.train import recording
    saved, save = [], recording.save_checkpoint
    monkeypatch.setattr(recording, "save_checkpoint", lambda *a, **k: (saved.append(1), save(*a, **k)))
    run = base(data, tmp_path / "run", "--save-every", seconds)
    assert len(saved) == (run.logged()[-1]["step"] + 1 if saves == "each step" else 1)


def test_settings_of_a_file_the_environment_and_flags(data, tmp_path, monkeypatch, usual):
    (tmp_path / "settings.toml").write_text('arch = "transformer"\nheads = 2\nlayers = 2\nseed = 7\n')
    monkeypatch.setenv("TSUZURI_LAYERS", "1")
    monkeypatch.setenv("TSUZURI_SEED", "8")
    run = base(data, tmp_path / "run", "--config", tmp_path / "settings.toml", "--seed", 9)
    assert (run.settings.model.arch, run.settings.model.heads, run.settings.model.layers, run.settings.training.seed) == ("transformer", 2, 1, 9)
    monkeypatch.delenv("TSUZURI_LAYERS")
    monkeypatch.delenv("TSUZURI_SEED")
    ok("train", "--config", usual.folder / "config.toml", "--out", tmp_path / "again")
    assert results(tmp_path / "again") == results(usual.folder)


def test_a_dry_run_tells_and_writes_nothing(data, tmp_path):
    done = ok("train", data, "--out", tmp_path / "run", *tiny("--arch", "transformer"), "--dry-run")
    assert not (tmp_path / "run").exists()
    rows = {line.split()[0]: line.split()[1:] for line in done.out.splitlines() if line.split()}
    assert rows["size"] == ["8", "flag"]
    assert rows["smoothing"] == ["0.1", "usual", "for", "transformer"]
    assert rows["positions"] == ["sinusoidal", "default"]
    assert {"data", "parameters", "steps", "memory", "time"} <= rows.keys()


def test_minutes_and_resume(data, tmp_path, usual):
    done = ok("train", data, "--out", tmp_path / "run", *tiny(), "--minutes", "1e-9")
    assert "left after 1e-09 minutes; go on with `tsuzuri seq2seq train --resume --out" in done.err
    assert "lr was 0.01 when the run began, but is 0.5 now (flag)" in refused("train", "--resume", "--out", tmp_path / "run", "--lr", "0.5")
    assert "arch was 'attention'" in refused("train", "--resume", "--out", tmp_path / "run", "--arch", "gnmt")
    assert ok("train", "--resume", "--out", tmp_path / "run").out == f"{tmp_path / 'run'}\n"
    assert results(tmp_path / "run") == results(usual.folder)
    before = results(tmp_path / "run")
    ok("train", "--resume", "--out", tmp_path / "run")
    assert results(tmp_path / "run") == before


# What is asked of a run

@cache
def translator(name):
    return Translator(trained_pairs(name))


@pytest.fixture(scope="module")
def file(tmp_path_factory):
    return write_pairs(tmp_path_factory.mktemp("pairs") / "test.tsv", [*sentences(6, seed=5), (ANNA, "Anna sieht alte Tür .")])


@pytest.fixture
def lines(tmp_path):
    path = tmp_path / "source.txt"
    path.write_text(f"{ANNA}\nQuintus knows the big door .\nBen buys the old clock .\n")
    return path


def test_evaluate_prints_what_the_measures_are(file, tmp_path):
    wanted = evaluate_pairs(translator("words"), str(file))
    texts = wanted.pop("translations")
    assert json.loads(ok("evaluate", trained_pairs("words"), file, "--json").out) == wanted
    assert {"exact_match", "token_accuracy", "perplexity", "bleu", "chrf"} <= wanted.keys()
    done = ok("evaluate", trained_pairs("words"), file, "--out", tmp_path / "written.txt")
    assert (tmp_path / "written.txt").read_text().splitlines() == texts
    for number in (f"{100 * wanted['exact_match']:.2f} % exactly right", f"{100 * wanted['token_accuracy']:.2f} % of the tokens",
                   f"perplexity {wanted['perplexity']:.2f}", f"BLEU {wanted['bleu']:.2f}", f"chrF {wanted['chrf']:.2f}", wanted["bleu_signature"]):
        assert number in done.out


def test_the_perplexity_of_the_held_out_pairs_is_exp_of_the_validation_loss(tmp_path):
    """Of a set by its name, whose split is taken without saying."""
    path = tmp_path / "run"
    ok("train", "reverse", "--out", path, *tiny("--batch-size", "512", "--minutes", "1e-9"))
    assert "has no finished epoch yet" in refused("evaluate", path, "reverse")
    run = Seq2SeqRun(trained_pairs("letters"))
    held = write_pairs(tmp_path / "held.tsv", [(run.source.decode(run.held_out().source(k)), run.target.decode(run.held_out().target(k)[:-1]))
                                               for k in range(len(run.held_out()))])
    found = json.loads(ok("evaluate", run.folder, held, "--json").out)
    best = [r for r in run.logged() if r.get("best")][-1]
    assert found["perplexity"] == pytest.approx(math.exp(best["valid_loss"]), rel=1e-5)
    assert found["exact_match"] == best["exact_match"]


@pytest.mark.parametrize("flags", [["--beam", "4"], ["--beam", "4", "--length-penalty", "2"], ["--beam", "4", "--coverage-penalty", "3"], ["--least", "8"]])
def test_the_flags_of_a_search_reach_it(flags, file, lines):
    found = dict(zip(flags[::2], flags[1::2], strict=True))
    search = Search(beams=int(found.get("--beam", 1)), length_penalty=float(found.get("--length-penalty", 0)),
                    coverage_penalty=float(found.get("--coverage-penalty", 0)), least=int(found.get("--least", 0)), best=1)
    run = trained_pairs("words-2")
    wanted = [texts[0] for texts in translator("words-2").translate(lines.read_text().splitlines(), search)]
    printed = [json.loads(line)["translations"][0] for line in ok("predict", run, lines, *flags, "--json").out.splitlines()]
    assert [one["text"] for one in printed] == [one.text for one in wanted]
    assert [one["score"] for one in printed] == pytest.approx([one.score for one in wanted])
    assert json.loads(ok("evaluate", run, file, *flags, "--json").out)["bleu"] == evaluate_pairs(translator("words-2"), str(file), search=search)["bleu"]


def test_score_prints_log_p(file):
    wanted = list(score_pairs(translator("words"), str(file), expected=2))
    assert ok("score", trained_pairs("words"), file).out.splitlines() == [f"{one.log_p:.4f}\t{one.source}\t{one.target}" for one in wanted]
    records = [json.loads(line) for line in ok("score", trained_pairs("words"), file, "--json", "--explain", "--top", "2").out.splitlines()]
    assert records == json.loads(json.dumps([one.as_dict() for one in wanted]))
    shown = ok("score", trained_pairs("words"), file, "--explain").out
    for one in wanted:
        assert all(f"{token.log_p:.3f}" in shown and token.looked_at in shown for token in one.tokens)
    assert shown.count("%") == 3 * sum(len(one.tokens) for one in wanted)
    assert ok("score", trained_pairs("words"), file, "--explain", "--top", 1).out.count("%") == sum(len(one.tokens) for one in wanted)


def test_predict_a_file_standard_input_and_typed_lines_alike(lines, monkeypatch):
    wanted = "".join(f"{texts[0].text}\n" for texts in translator("words").translate(lines.read_text().splitlines()))
    assert ok("predict", trained_pairs("words"), lines).out == wanted
    for typed in (False, True):
        class Input(io.TextIOWrapper):
            def isatty(self, typed=typed):
                return typed
        monkeypatch.setattr(sys, "stdin", Input(io.BytesIO(lines.read_bytes()), encoding="utf-8"))
        assert ok("predict", trained_pairs("words")).out == wanted


def test_predict_as_a_user_does(lines):
    """Its own process; nothing but the translations on stdout."""
    done = process("seq2seq", "predict", trained_pairs("letters"), "-", given=b"abc\nedcba\n")
    assert (done.code, done.out, done.err) == (0, "cba\nabcde\n", "")


def test_n_best_in_their_order(lines):
    found = [line.split("\t") for line in ok("predict", trained_pairs("words"), lines, "--n-best", "3").out.splitlines()]
    wanted = [text for texts in translator("words").translate(lines.read_text().splitlines(), Search(beams=3, best=3)) for text in texts]
    assert [text for _, text in found] == [one.text for one in wanted]
    assert [score for score, _ in found] == [f"{one.score:.4f}" for one in wanted]
    records = [json.loads(line) for line in ok("predict", trained_pairs("words"), lines, "--n-best", "2", "--beam", "5", "--json").out.splitlines()]
    assert [record["source"] for record in records] == lines.read_text().splitlines()
    assert all(len(record["translations"]) == 2 for record in records)


def test_predict_tells_log_p_whatever_the_search(lines):
    """Of the greedy text too; stepped alone it is the same."""
    records = [json.loads(line) for line in ok("predict", trained_pairs("words"), lines, "--json").out.splitlines()]
    import numpy as np
    model = translator("words").model
    for record, line in zip(records, lines.read_text().splitlines(), strict=True):
        ids = np.array([translator("words").source_ids(line)])
        (text,) = greedy_search(model, model.start(ids, np.array([ids.shape[1]])), np.array([translator("words").end]), translator("words").end, 50, measured=True)
        assert record["translations"][0]["log_p"] == pytest.approx(text.log_p, rel=1e-4)


def test_what_a_translation_must_have(lines):
    words, bpe = trained_pairs("words"), trained_pairs("bpe")
    assert all("alte" in line and "Lied" in line for line in ok("predict", words, lines, "--must", "alte", "--must", "Lied", "--beam", "6").out.splitlines())
    assert all("alte" in line.split() for line in ok("predict", bpe, lines, "--must", "alte", "--beam", "6").out.splitlines())
    assert all(line.startswith("Emil ") for line in ok("predict", words, lines, "--prefix", "Emil").out.splitlines())
    first = [ok("predict", words, lines, *more).out.splitlines()[1].split()[0] for more in ([], ["--replace-unknown"])]
    assert first == ["<unk>", "Quintus"]


def test_an_ensemble(lines, file):
    both = Translator(trained_pairs("words"), trained_pairs("words-2"))
    wanted = [f"{text.score:.4f}\t{text.text}" for texts in both.translate(lines.read_text().splitlines(), Search(beams=2, best=2)) for text in texts]
    run, more = trained_pairs("words"), ["--ensemble", trained_pairs("words-2")]
    assert ok("predict", run, lines, *more, "--n-best", "2").out.splitlines() == wanted
    found = json.loads(ok("evaluate", run, file, *more, "--json").out)
    assert found["perplexity"] == pytest.approx(evaluate_pairs(both, str(file))["perplexity"])


def test_chat(monkeypatch, tmp_path):
    """A line in, a line out, until an empty one; what is no source is said, and the conversation goes on."""
    monkeypatch.setattr(sys, "stdin", io.StringIO("abc\nabx\nedcba\n\nabc\n"))
    done = ok("chat", trained_pairs("letters"))
    assert done.out == "> abc\n< cba\n> abx\n> edcba\n< abcde\n"
    assert 'this line: the character "x" was never seen' in done.err
    monkeypatch.setattr(sys, "stdin", io.StringIO("aa\n"))
    assert len(ok("chat", trained_pairs("letters"), "--least", "9").out.splitlines()[1]) >= 11


def test_attend_draws(tmp_path):
    pictures = {}
    for name, arguments in {"words": [trained_pairs("words"), ANNA], "target": [trained_pairs("words"), ANNA, "Ben kennt"],
                            "title": [trained_pairs("words"), ANNA, "--title", "mine"], "hard": [trained_pairs("hard"), "abc"],
                            "bpe": [trained_pairs("bpe"), ANNA], "head": [trained_pairs("bpe"), ANNA, "--head", "2"],
                            "layer": [trained_pairs("bpe"), ANNA, "--layer", "1"], "every": [trained_pairs("bpe"), ANNA, "--every"]}.items():
        done = ok("attend", *arguments, "--out", tmp_path / f"{name}.svg")
        pictures[name] = re.sub(rf"{name}\.svg", "", (tmp_path / f"{name}.svg").read_text())
        assert ("it looks at " in done.out) == (name != "every")
        assert "drawn: " in done.err
    assert pictures.pop("layer") == pictures["bpe"]                         # the last is the only one
    assert len(set(pictures.values())) == len(pictures)
    assert "of 3 characters on average" in ok("attend", trained_pairs("letters"), "abc", "--out", tmp_path / "a.png").out
    assert (tmp_path / "a.png").read_bytes().startswith(b"\x89PNG")


def test_beams_draws_and_saves(tmp_path):
    done = ok("beams", trained_pairs("words"), ANNA, "--beam", "3", "--out", tmp_path / "tree.json")
    nodes = json.loads((tmp_path / "tree.json").read_text())["nodes"]
    best = [node["text"] for node in nodes if node["state"] == "best"]
    assert f"{' '.join(best[:-1])}\n" == done.out
    assert best[-1] == "(end)"
    ok("beams", trained_pairs("words"), ANNA, "--out", tmp_path / "tree.svg")
    ok("beams", trained_pairs("words"), ANNA, "--beam", "2", "--out", tmp_path / "two.svg", "--title", "mine")
    assert "<svg" in (tmp_path / "tree.svg").read_text()
    assert (tmp_path / "tree.svg").read_text() != (tmp_path / "two.svg").read_text()


# Bad input

@pytest.fixture
def room(tmp_path, monkeypatch):
    """A folder with all sorts of bad things to name, as the working folder."""
    monkeypatch.chdir(tmp_path)
    write_pairs(tmp_path / "good.tsv", letters(60))
    (tmp_path / "empty.tsv").write_text("")
    (tmp_path / "one.tsv").write_text("ab\tba\n")
    (tmp_path / "notab.tsv").write_text("ab\tba\nabc\n")
    (tmp_path / "tabs.tsv").write_text("ab\tba\tc\td\n")
    (tmp_path / "side.tsv").write_text("ab\tba\n\tba\n")
    (tmp_path / "blank.txt").write_text("abc\n\nab\n")
    (tmp_path / "three.txt").write_text("abc\nbc\nab\n")
    (tmp_path / "two.txt").write_text("abc\nbc\n")
    (tmp_path / "latin.tsv").write_bytes(b"ab\tba\ncaf\xe9\tba\n")
    (tmp_path / "strange.txt").write_text("abc\nabx\n")
    (tmp_path / "long.txt").write_text("abc\n" + "abcde" * 21 + "\n")
    (tmp_path / "foreign.txt").write_text("Ben sieht alte Katze .\n")
    (tmp_path / "english.txt").write_text("Anna sees the red cat .\n")
    (tmp_path / "typo.toml").write_text("siez = 3\n")
    (tmp_path / "lm.toml").write_text("bptt = 3\n")
    (tmp_path / "folder").mkdir()
    (tmp_path / "full").mkdir()
    (tmp_path / "full" / "something").write_text("kept")
    for name in ("letters", "words", "plain", "bpe"):
        (tmp_path / name).symlink_to(trained_pairs(name))
    return tmp_path


@pytest.fixture(scope="module")
def lm_run(tmp_path_factory):
    folder = tmp_path_factory.mktemp("lm")
    (folder / "text.txt").write_text(made_up(40))
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("tsuzuri.train.language_model.draw_run", lambda run, model: None)
        assert call("lm", "train", folder / "text.txt", "--out", folder / "run", *SMALL).code == 0
    return folder / "run"


def tree(folder):
    return {str(path.relative_to(folder)): path.lstat().st_mtime_ns for path in folder.rglob("*")}


TRAIN = [                                                    # (arguments after `seq2seq train`, words of the sentence)
    ("--out new", ["no pairs were given"]), ("missing.tsv --out new", ["missing.tsv", "neither a data set nor a file"]),
    ("addittion --out new", ['did you mean "addition"']), ("dates:tset --out new", ["dates", "train, valid"]), ("good.tsv:valid --out new", ["only data sets have splits"]),
    ("ptb --out new", ["ptb is not pairs of texts"]), ("folder --out new", ["folder"]), ("- --out new", ["not from standard input"]),
    ("empty.tsv --out new", ["empty.tsv", "no text in it"]), ("one.tsv --out new", ["too little to hold out"]), ("notab.tsv --out new", ["line 2 has no tab"]),
    ("tabs.tsv --out new", ["line 1 has 3 tabs"]), ("side.tsv --out new", ["line 2 has an empty first side"]), ("latin.tsv --out new", ["line 2", "0xe9 is not UTF-8"]),
    ("three.txt two.txt --out new", ["three.txt has 3 lines and two.txt has 2"]), ("blank.txt three.txt --out new", ["blank.txt: line 2 is empty"]),
    ("three.txt missing.txt --out new", ["missing.txt"]), ("dates two.txt --out new", ["dates is a data set, to which no file of targets"]),
    ("good.tsv --out new --direction ja-en", ['direction "ja-en" does not fit good.tsv; there are 1-2 and 2-1']), ("tanaka --out new --direction 2-1", ["en-ja and ja-en"]),
    ("good.tsv --out new --valid missing.tsv", ["missing.tsv"]), ("good.tsv --out new --valid-target two.txt", ["valid_target is two.txt", "give both"]),
    ("good.tsv --out new --valid none --valid-target two.txt", ["valid_target is two.txt"]), ("good.tsv --out new --width 3", ["width", "span"]), ("good.tsv --out new --longest 1", ["no pair is left"]), ("good.tsv --out full", ["full exists"]),
    ("good.tsv --out .", ["exists"]), ("good.tsv --out new --arch atention", ['did you mean "attention"']), ("good.tsv --out new --heads 2", ["heads does not fit arch attention"]),
    ("good.tsv --out new --arch transformer --reverse", ["reverse does not fit arch transformer"]), ("good.tsv --out new --peeky", ["take arch encoder-decoder"]),
    ("good.tsv --out new --copy", ["take joint too"]), ("good.tsv --out new --joint --copy --choice hard", ["copy takes the weights of soft attention"]),
    ("good.tsv --out new --joint --copy --span local", ["copy takes the weights of global attention"]), ("good.tsv --out new --joint --copy --smoothing 0.1", ["smoothing"]),
    ("good.tsv --out new --joint --target-unit word", ["joint asks for one vocabulary"]), ("good.tsv --out new --unit bpe --bpe-dropout 1", ["bpe_dropout is 1.0"]),
    ("good.tsv --out new --bpe-dropout 0.1", ["bpe_dropout does not fit unit"]), ("good.tsv --out new --unit bpe --min-count 2", ["do not fit unit bpe"]),
    ("good.tsv --out new --unit bpe --vocabulary 100", ["256 bytes"]), ("good.tsv --out new --size 0", ["size is 0"]), ("good.tsv --out new --size 1.5", ['"1.5" is no whole number']),
    ("good.tsv --out new --size 7 --bidirectional", ["make it even"]), ("good.tsv --out new --arch gnmt --layers 1", ["at least 2"]), ("good.tsv --out new --lr 0", ["lr is 0.0"]),
    ("good.tsv --out new --average 11", ["average is 11"]), ("good.tsv --out new --minutes 0", ["minutes is 0.0"]), ("good.tsv --out new --config typo.toml", ["typo.toml", "siez"]),
    ("good.tsv --out new --config lm.toml", ["lm.toml", "bptt"]), ("good.tsv --out new --config none.toml", ["none.toml"]), ("good.tsv --out new --colour red", ["--colour"]),
    ("good.tsv", ["out"]), ("good.tsv --out new --feeding --context before", ["feeding does not fit context before"]),
    ("good.tsv --out new --tie --embedding 5", ["tie shares one table"]), ("good.tsv --out new --dtype float16", ["float16 is too short"]),
]
USE = [                                                      # (arguments after `seq2seq`, words of the sentence)
    ("predict folder three.txt", ["folder is no run folder"]), ("predict letters missing.txt", ["missing.txt: no such file"]), ("predict letters empty.tsv", ["no text in it"]),
    ("predict letters blank.txt", ["line 2 is empty"]), ("predict letters strange.txt", ["line 2", 'character "x"']), ("predict letters long.txt", ["line 2 has 105 tokens", "100 at most"]),
    ("predict words foreign.txt", ["looks like the language of the targets"]), ("predict letters latin.tsv", ["not UTF-8"]),
    ("predict letters three.txt --beam 0", ["beam", "at least 1"]), ("predict letters three.txt --beam -3", ["at least 1"]), ("predict letters three.txt --n-best 0", ["n-best is 0"]),
    ("predict letters three.txt --n-best -1", ["n-best is -1"]), ("predict letters three.txt --length-penalty -1", ["length_penalty is -1.0"]),
    ("predict letters three.txt --length-penalty nan", ["length_penalty is nan"]), ("predict letters three.txt --least -1", ["least is -1"]),
    ("predict letters three.txt --least 1000", ["least is 1000"]), ("predict plain english.txt --replace-unknown", ["has no attention"]),
    ("predict letters three.txt --prefix xyz", ['cannot have "x"']), ("predict letters three.txt --must z --beam 4", ['cannot have "z"']),
    ("predict letters three.txt --ensemble words", ["have other tokens"]), ("predict letters three.txt --ensemble folder", ["folder is no run folder"]),
    ("predict letters three.txt --colour red", ["--colour"]), ("chat folder", ["is no run folder"]), ("chat letters --beam 0", ["beams is 0"]),
    ("evaluate letters notab.tsv", ["line 2 has no tab"]), ("evaluate letters three.txt", ["line 1 has no tab"]), ("evaluate letters three.txt two.txt", ["three.txt has 3 lines"]),
    ("evaluate letters missing.tsv", ["missing.tsv"]), ("evaluate letters ptb:test", ["not pairs"]), ("evaluate letters good.tsv --beam 0 --out written.txt", ["beams is 0"]),
    ("evaluate letters side.tsv --out written.txt", ["empty first side"]), ("evaluate folder good.tsv", ["is no run folder"]),
    ("evaluate plain good.tsv --beam 2 --coverage-penalty 0.2 --out written.txt", ["no attention"]),
    ("score letters notab.tsv", ["no tab"]), ("score letters good.tsv --top 2", ["add --explain"]), ("score letters good.tsv --explain --top 0", ["--top is 0"]),
    ("score letters good.tsv --explain --top -1", ["--top is -1"]),
    ("attend plain Anna --out a.png", ["encoder-decoder", "no attention to draw"]), ("attend letters abc --out a.gif", ["no name for a picture"]),
    ("attend letters abx --out a.png", ['character "x"']), ("attend letters abc --layer 2 --out a.png", ["layers 1 to 1"]), ("attend bpe Anna --head 0 --out a.png", ["heads 1 to 2"]),
    ("attend bpe Anna --every --head 1 --out a.png", ["--every draws all"]), ("attend letters abc", ["out"]),
    ("beams letters abc --beam 0 --out a.svg", ["beams is 0"]), ("beams letters abx --out a.svg", ['character "x"']), ("beams letters abc --out a.gif", ["no name for a picture"]),
    ("beams folder abc --out a.svg", ["is no run folder"]), ("predict", ["RUN"]), ("evaluate letters", ["DATA"]),
]


@pytest.mark.parametrize(("arguments", "sentence"), TRAIN, ids=[arguments for arguments, _ in TRAIN])
def test_what_cannot_be_trained_on_writes_nothing(arguments, sentence, room):
    before = tree(room)
    given = arguments.split()
    more = [word for flag, value in (TINY | {"--epochs": "10"}).items() if flag not in given for word in (flag, value)]
    said = refused("train", *given, *more)
    assert all(word in said for word in sentence), said
    assert tree(room) == before


@pytest.mark.parametrize(("arguments", "sentence"), USE, ids=[arguments for arguments, _ in USE])
def test_what_cannot_be_asked_of_a_run_writes_nothing(arguments, sentence, room):
    before = tree(room)
    said = refused(*arguments.split())
    assert all(word in said for word in sentence), said
    assert tree(room) == before


def test_a_line_far_behind_is_refused_before_anything_is_printed(room, monkeypatch):
    monkeypatch.setattr("tsuzuri.writing.translation.CHUNK", 1)
    (room / "bad.txt").write_text("abc\ncab\nabx\n")
    done = call("seq2seq", "predict", "letters", "bad.txt")
    assert (done.code, done.out) == (2, "")
    assert 'line 3: the character "x"' in done.err


@pytest.mark.parametrize("arguments", ["predict {} three.txt", "evaluate {} good.tsv", "score {} good.tsv", "chat {}", "attend {} abc --out a.png",
                                       "beams {} abc --out a.png", "train --resume --out {}"])
def test_a_run_of_a_language_model_is_said_to_be_one(arguments, room, lm_run):
    assert "is a run of `tsuzuri lm`; use it with the commands of that group" in refused(*(word.format(lm_run) for word in arguments.split()))


@pytest.mark.parametrize("arguments", ["lm evaluate {} ptb", "lm generate {}", "lm curves {} --out a.png"])
def test_a_run_of_pairs_is_none_of_a_language_model(arguments, room):
    done = call(*(word.format(trained_pairs("letters")) for word in arguments.split()))
    assert done.code == 2
    assert "is a run of `tsuzuri seq2seq`" in done.err


def test_a_run_whose_files_are_damaged(tmp_path):
    whole = trained_pairs("letters")
    for name, damage in (("config.toml", b"size = = 3\n"), ("source/vocab.txt", b""), ("model.safetensors", b"half"), ("target/tokenizer.toml", b"unit = ")):
        copy = tmp_path / name.replace("/", "-")
        shutil.copytree(whole, copy)
        (copy / name).write_bytes(damage)
        (tmp_path / "three.txt").write_text("abc\n")
        assert str(copy) in refused("predict", copy, tmp_path / "three.txt")


def test_data_list_has_the_sets_of_pairs():
    names = {row["name"] for row in json.loads(call("data", "list", "--json").out)["datasets"]}
    assert {"addition", "dates", "copy", "reverse", "sort", "tanaka", "tatoeba-eng-jpn", "multi30k", "dialogue"} <= names
