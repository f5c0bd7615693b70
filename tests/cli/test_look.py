"""Commands that look inside a run and into its log."""
import gzip
import json
import shutil

import pytest
from command_line import call, small

from tsuzuri.inside import gates, reach, saliency
from tsuzuri.text import BPTTBatches
from tsuzuri.train.run import Run


@pytest.fixture(scope="module")
def words(text, tmp_path_factory):
    """A finished run of words, with two layers of GRU."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("tsuzuri.train.language_model.draw_run", lambda *run: None)
        out = tmp_path_factory.mktemp("look") / "words"
        done = call("lm", "train", text, "--out", out, *small("--unit", "word", "--arch", "gru", "--layers", "2", "--epochs", "3"))
        assert done.code == 0, done.err
    return out


def drawn(path):
    data = path.read_bytes()
    path.unlink()
    return data


def ok(*arguments):
    done = call(*arguments)
    assert done.code == 0, done.err
    return done


def refused(*arguments):
    done = call(*arguments)
    assert done.code == 2
    return done.err


def test_gates_of_all_units_and_of_one(trained, tmp_path):
    path, text = tmp_path / "a.svg", ("--text", "the cat sat on a mat.")
    pictures = [drawn(path) for more in ([], ["--part", "f"], ["--unit", "3"], ["--unit", "4"], ["--title", "mine"], ["--layer", "1"])
                for _ in [ok("lm", "gates", trained, *text, "--out", path, *more)]]
    assert pictures[0] == pictures[-1]                       # one layer is the last
    assert len(set(pictures)) == 5
    (tmp_path / "a.txt").write_text("the cat sat on a mat.")
    ok("lm", "gates", trained, "--file", tmp_path / "a.txt", "--out", path)
    assert drawn(path) == pictures[0]


def test_find_prints_the_five_best(trained, tmp_path):
    done = ok("lm", "gates", trained, "--find", "word", "--out", tmp_path / "a.png")
    rows = [line.split() for line in done.out.splitlines() if line.split() and line.split()[0] == "1"]
    run = Run(trained)
    ids = run.held_out().ids[:10_000]
    from tsuzuri.inside import find_units, pieces
    found = find_units(gates(run.load_model(), ids), "c", pieces(run.tokenizer, ids), "word")
    assert [[int(row[1]), *map(float, row[2:])] for row in rows] == [[one.unit, round(one.chosen, 2), round(one.held_out, 2)]
                                                                     for one in found[:5]]
    assert (tmp_path / "a.png").exists()


def test_gates_refuses_what_is_not_there(trained, tmp_path):
    out = ("--out", tmp_path / "a.png")
    assert "units 0 to 7" in refused("lm", "gates", trained, "--unit", 8, *out)
    assert "layers 1 to 1" in refused("lm", "gates", trained, "--layer", 2, *out)
    assert "choose one of h, c, i, f, g, o" in refused("lm", "gates", trained, "--part", "z", *out)
    assert "leave out --unit 3" in refused("lm", "gates", trained, "--unit", 3, "--find", "word", *out)
    assert 'did you mean "length"' in refused("lm", "gates", trained, "--find", "lenght", *out)
    assert "give one of them" in refused("lm", "gates", trained, "--text", "a", "--file", "b", *out)
    assert "none.txt: no such file" in refused("lm", "gates", trained, "--file", tmp_path / "none.txt", *out)
    assert not (tmp_path / "a.png").exists()


def test_forget_prints_what_it_draws(trained, words, tmp_path):
    done = ok("lm", "forget", trained, words, "--steps", "12", "--out", tmp_path / "a.png")
    for folder in (trained, words):
        run = Run(folder)
        ids = run.held_out().ids
        inputs, targets = BPTTBatches(ids, min(16, (len(ids) - 1) // 12), 12)[0]
        found = reach(run.load_model(), inputs, targets[:, -1])
        line = next(line for line in done.out.splitlines() if folder.name in line)
        assert all(number in line for number in (run.settings.model.arch, f"{found.norms[0]:.3g}", f"{found.norms[-1]:.3g}",
                                                 f"{found.whole:.3g}"))
    assert (tmp_path / "a.png").exists()


def test_forget_of_untrained_models(tmp_path):
    done = ok("lm", "forget", "--size", "8", "--steps", "20", "--clip", "0.001", "--out", tmp_path / "a.svg")
    rows = [line for line in done.out.splitlines() if "RNN" in line or "LSTM" in line or "GRU" in line]
    assert len(rows) == 6
    assert all(row.rstrip().endswith("yes") for row in rows)             # all are longer than 0.001
    first = drawn(tmp_path / "a.svg")
    ok("lm", "forget", "--size", "8", "--steps", "20", "--clip", "0.001", "--seed", "2", "--out", tmp_path / "a.svg")
    assert drawn(tmp_path / "a.svg") != first
    assert "--steps 0 one from 2" in refused("lm", "forget", "--steps", "0", "--out", tmp_path / "a.svg")


def test_forget_refuses_a_text_that_is_too_short(trained, tmp_path):
    assert "take fewer --steps" in refused("lm", "forget", trained, "--steps", 100_000, "--out", tmp_path / "a.png")


def test_saliency_prints_what_it_draws(words, tmp_path):
    done = ok("lm", "saliency", words, "--text", "the cat sat", "--next", "dogs", "--out", tmp_path / "a.png")
    run = Run(words)
    found = saliency(run.load_model(), run.tokenizer.encode("the cat sat"), run.tokenizer.encode("dogs")[0])
    assert f"log p(“dogs”) = {found.log_p:.3f}" in done.out
    for token, size, effect in zip(["the", "cat", "sat"], found.size, found.effect, strict=True):
        line = next(line for line in done.out.splitlines() if token in line and "e" in line)
        assert f"{size:.2e}" in line
        assert f"{effect:+.2e}" in line
    likeliest = saliency(run.load_model(), run.tokenizer.encode("the cat sat")).log_p
    assert f" = {likeliest:.3f}" in ok("lm", "saliency", words, "--text", "the cat sat", "--out", tmp_path / "a.png").out


def test_saliency_says_which_token_it_took(words, trained, tmp_path):
    out = ("--out", tmp_path / "a.png")
    assert "<unk> is looked at" in ok("lm", "saliency", words, "--text", "the cat", "--next", "zebra", *out).err
    assert "the first, “d”" in ok("lm", "saliency", trained, "--text", "the cat", "--next", "dogs", *out).err
    assert "no tokens" in refused("lm", "saliency", words, "--text", " ", *out)


def test_curves_of_runs(trained, words, tmp_path):
    path = tmp_path / "a.svg"
    done = ok("lm", "curves", trained, words, "--out", path)
    assert "different units" not in done.err                 # bits by default, which compare
    pictures = [drawn(path)]
    for more in (["--by", "step"], ["--by", "token"], ["--measure", "loss"], ["--title", "mine"]):
        ok("lm", "curves", trained, words, "--out", path, *more)
        pictures.append(drawn(path))
    assert len(set(pictures)) == 5
    assert "only --measure bits compares" in ok("lm", "curves", trained, words, "--measure", "perplexity", "--out", path).err
    assert "name one or more" in refused("lm", "curves", "--out", path)
    assert "choose one of perplexity" in refused("lm", "curves", trained, "--measure", "bit", "--out", path)


@pytest.fixture
def untaught(text, tmp_path, quick):
    """A run whose rate was far too low."""
    ok("lm", "train", text, "--out", tmp_path / "run", *small("--lr", "1e-9"))
    return tmp_path / "run"


def test_diagnose_in_words_and_as_json(untaught):
    found = json.loads(ok("lm", "diagnose", untaught, "--json").out)
    told = ok("lm", "diagnose", untaught).out
    assert found["run"] == str(untaught)
    assert f"best loss {found['best_loss']:.3f}" in told
    assert "nothing_learnt" in [finding["name"] for finding in found["findings"]]
    for finding in found["findings"]:
        assert finding["what"][1:] in told
        assert finding["evidence"] in told
        assert finding["try_this"] in told


def test_the_command_to_try_runs(untaught):
    findings = json.loads(ok("lm", "diagnose", untaught, "--json").out)["findings"]
    assert findings
    for finding in findings:
        arguments = finding["try_this"].split()[1:]
        ok(*arguments)
        assert Run(arguments[arguments.index("--out") + 1]).final.exists()


def test_diagnose_says_where_nothing_is_wrong(trained):
    assert json.loads(ok("lm", "diagnose", trained, "--json").out)["findings"] == []
    assert ok("lm", "diagnose", trained).out.endswith("The log shows nothing wrong.\n")


def test_two_runs_of_one_name_are_two_curves(trained, words, tmp_path, monkeypatch):
    """Each under the path that was typed."""
    monkeypatch.chdir(tmp_path)
    for part, run in (("a", trained), ("b", words)):
        shutil.copytree(run, tmp_path / part / "run")
    done = ok("lm", "forget", "a/run", "b/run", "--steps", "12", "--out", "a.png")
    assert "a/run (lstm)" in done.out
    assert "b/run (gru)" in done.out


@pytest.mark.parametrize("flag", ["--size", "--seed"])
def test_what_only_untrained_models_have_is_refused_beside_runs(trained, flag, tmp_path):
    assert "runs were named; leave them out, or the runs" in refused("lm", "forget", trained, flag, "3", "--out", tmp_path / "a.png")


def test_a_file_is_read_as_the_training_read_its_text(trained, tmp_path):
    """Packed, with a byte order mark, other line ends or none at its end."""
    picture = []
    for name, raw in {"a.txt": b"the cat\nsat", "b.txt": b"\xef\xbb\xbfthe cat\r\nsat\r\n", "c.txt.gz": gzip.compress(b"the cat\nsat\n")}.items():
        (tmp_path / name).write_bytes(raw)
        ok("lm", "gates", trained, "--file", tmp_path / name, "--out", tmp_path / "a.svg")
        picture.append(drawn(tmp_path / "a.svg"))
    assert len(set(picture)) == 1
    (tmp_path / "a.txt").write_text("\n")
    assert "the text has no tokens" in refused("lm", "gates", trained, "--file", tmp_path / "a.txt", "--out", tmp_path / "a.svg")


def test_a_file_of_aozora_is_cleaned_as_the_text_of_the_training_was(tmp_path, quick):
    """In pictures and in `lm score`, as in `lm evaluate`."""
    ruby, plain = tmp_path / "ruby.txt", tmp_path / "plain.txt"
    ruby.write_text("吾輩《わがはい》は猫である。［＃改ページ］\n" * 20, encoding="utf-8")
    plain.write_text("吾輩は猫である。\n" * 20, encoding="utf-8")
    ok("lm", "train", ruby, "--out", tmp_path / "run", *small("--unit", "char", "--aozora", "clean"))
    pictures, scores = [], []
    for file in (ruby, plain):
        ok("lm", "gates", tmp_path / "run", "--file", file, "--out", tmp_path / "a.svg")
        pictures.append(drawn(tmp_path / "a.svg"))
        scores.append(ok("lm", "score", tmp_path / "run", file).out)
    assert pictures[0] == pictures[1]
    assert scores[0] == scores[1]
    assert "<unk>" not in scores[0]


def test_a_run_of_float16_is_looked_into(text, tmp_path, quick):
    """NumPy has no linear algebra of float16."""
    ok("lm", "train", text, "--out", tmp_path / "run", *small("--dtype", "float16", "--optimizer", "sgd"))
    for more in (["--text", "the cat sat"], ["--unit", "3", "--text", "the cat"], ["--find", "word"]):
        ok("lm", "gates", tmp_path / "run", "--out", tmp_path / "a.svg", *more)
    ok("lm", "forget", tmp_path / "run", "--steps", "12", "--out", tmp_path / "a.svg")
    ok("lm", "saliency", tmp_path / "run", "--text", "the cat", "--out", tmp_path / "a.svg")
