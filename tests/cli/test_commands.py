"""What the commands do when all is well: results on stdout, progress on stderr, JSON in one object, help at once."""
import json
import math
import os
import resource
import shutil
import subprocess
import sys

import pytest
from command_line import SMALL, call, made_up, process, small

from tsuzuri.train.run import Run

COMMANDS = ["", "demo", "lm", "lm train", "lm evaluate", "lm score", "lm generate", "lm suggest", "lm gates",
            "lm forget", "lm saliency", "lm curves", "lm diagnose", "import", "import book", "import torch", "export", "data", "data list", "data get", "recipe", "recipe list",
            "recipe run", "check", "doctor"]
BINARY = shutil.which("tsuzuri", path=os.path.dirname(sys.executable))


def best_of_five(command: list[str]) -> tuple[float, str]:
    """Processor time, which does not count what else runs on the machine."""
    times = []
    for _ in range(5):
        before = resource.getrusage(resource.RUSAGE_CHILDREN)
        done = subprocess.run(command, capture_output=True, text=True, check=True)
        after = resource.getrusage(resource.RUSAGE_CHILDREN)
        times.append(after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime)
        if min(times) < 0.2:
            break
    return min(times), done.stdout


@pytest.mark.parametrize("command", COMMANDS)
def test_help_is_there_at_once(command):
    tsuzuri = [BINARY] if BINARY else [sys.executable, "-c", "from tsuzuri.cli import main; main()"]
    took, text = best_of_five([*tsuzuri, *command.split(), "--help"])
    assert text.startswith("Usage: tsuzuri")
    assert took < 0.4


def test_every_command_has_an_example_or_needs_none():
    for command in ("lm train", "lm evaluate", "lm score", "lm generate", "lm suggest", "lm gates", "lm forget", "lm saliency",
                    "lm curves", "lm diagnose", "import book", "import torch", "export", "data get", "recipe run", "check"):
        assert f"tsuzuri {command} " in call(*command.split(), "--help").out


def test_version():
    from tsuzuri import __version__
    assert call("--version").out.strip() == __version__


# DATA in all its forms

def corpus(folder):
    run = Run(folder)
    return run.tokenizer.decode(run.corpus().ids) + run.tokenizer.decode(run.held_out().ids)


@pytest.mark.parametrize("form", ["file", "folder", "glob", "CRLF and BOM", "CR"])
def test_the_same_text_in_any_form(form, tmp_path, quick):
    lines = made_up(60).splitlines()
    texts = tmp_path / "texts"
    texts.mkdir()
    data = {"file": texts / "a.txt", "folder": texts, "glob": texts / "*.txt"}.get(form, texts / "a.txt")
    if form in ("folder", "glob"):
        (texts / "a.txt").write_text("\n".join(lines[:20]) + "\n")
        (texts / "b.txt").write_text("\n".join(lines[20:]) + "\n")
        (texts / "c.md").write_text("not this\n")
    else:
        end = {"CRLF and BOM": "\r\n", "CR": "\r"}.get(form, "\n")
        (texts / "a.txt").write_bytes((b"\xef\xbb\xbf" if "BOM" in form else b"") + (end.join(lines) + end).encode())
    done = call("lm", "train", data, "--out", tmp_path / "run", *SMALL)
    assert done.code == 0, done.err
    assert corpus(tmp_path / "run") == "\n".join(lines) + "\n"


def test_standard_input(tmp_path, text, trained):
    """Trains to the bytes that the file gives, and is evaluated as the file is."""
    done = process("lm", "train", "-", "--out", tmp_path / "run", *SMALL, given=text.read_bytes())
    assert done.code == 0, done.err
    assert (tmp_path / "run" / "model.safetensors").read_bytes() == (trained / "model.safetensors").read_bytes()
    from_file, from_stdin = (json.loads(process("lm", "evaluate", trained, data, "--json", given=text.read_bytes()).out)
                             for data in (text, "-"))
    assert from_stdin.pop("data") != from_file.pop("data")
    assert from_stdin == from_file


def test_a_data_set_with_and_without_its_split(trained, data_dir):
    """Without one the test split is meant."""
    results = [json.loads(call("lm", "evaluate", trained, name, "--json").out) for name in ("macbeth", "macbeth:valid", "macbeth:train")]
    assert results[0] == results[1] != results[2]


def test_a_text_to_validate_with(tmp_path, text, quick):
    (tmp_path / "other.txt").write_text(made_up(12, seed=5))
    assert call("lm", "train", text, "--out", tmp_path / "run", *SMALL, "--valid", tmp_path / "other.txt").code == 0
    run = Run(tmp_path / "run")
    assert run.tokenizer.decode(run.corpus().ids) == text.read_text()
    assert run.tokenizer.decode(run.held_out().ids) == made_up(12, seed=5)


def test_what_of_a_text_to_validate_with_was_also_learnt_from_is_said_before_training(tmp_path, text, quick):
    """Three lines of 7 tokens that were copied and three of words that are in no other: 14 of 35 runs of 8."""
    (tmp_path / "other.txt").write_text("".join(text.read_text().splitlines(keepends=True)[10:13]) + "and what is it to us\n" * 3)
    flags, found = small("--unit", "word"), []
    for valid in (tmp_path / "other.txt", text, "none"):
        done = call("lm", "train", text, "--out", tmp_path / str(len(found)), *flags, "--valid", valid)
        assert done.code == 0, done.err
        before, _, _ = done.err.partition("epoch 1/1")
        found.append([line for line in before.splitlines() if "also stand" in line])
        assert done.err.count("also stand") == len(found[-1])
    sentence = "{} % of the validation text's runs of 8 tokens also stand in the training text"
    assert found == [[sentence.format("40.0")], [sentence.format("100.0")], []]


# Results

def test_results_on_stdout_and_progress_on_stderr(tmp_path, text):
    done = process("lm", "train", text, "--out", tmp_path / "run", *small("--epochs", 2))
    assert done.out == f"{tmp_path / 'run'}\n"
    assert "epoch 2/2  train" in done.err
    assert "\x1b" not in done.err                            # no colours where there is no terminal
    assert {"config.toml", "model.safetensors", "tokenizer", "metrics.jsonl", "last", "best", "curves.png"} <= set(os.listdir(tmp_path / "run"))
    assert (tmp_path / "run" / "curves.png").read_bytes()[:4] == b"\x89PNG"


def test_evaluation_is_consistent_in_itself(trained, text, tmp_path):
    """Bits per character: the loss of every token of the text, at the mean of those that were predicted."""
    (tmp_path / "kana.txt").write_text("かな cat\n" * 30)
    for data in (text, tmp_path / "kana.txt"):
        done = call("lm", "evaluate", trained, data, "--json")
        r = json.loads(done.out)
        assert done.out.count("\n") == 1
        assert {"data", "loss", "perplexity", "bits_per_character", "bits_per_byte", "tokens", "token", "characters", "bytes", "unknown",
                "spelling_bits"} == set(r)
        content = data.read_bytes()
        assert (r["characters"], r["bytes"], r["tokens"]) == (len(content.decode()), len(content), len(content.decode()) - 1)
        assert r["perplexity"] == pytest.approx(math.exp(r["loss"]), rel=1e-12)
        bits = r["loss"] * (r["tokens"] + 1) / math.log(2) + r["spelling_bits"]
        assert r["bits_per_character"] == pytest.approx(bits / r["characters"], rel=1e-12)
        assert r["bits_per_byte"] * r["bytes"] == pytest.approx(r["bits_per_character"] * r["characters"], rel=1e-12)
    assert r["unknown"] == 60
    plain = call("lm", "evaluate", trained, data).out
    assert f"{r['loss']:.4f} nats" in plain


def test_generation(trained):
    """stdout holds the prompt, what follows it, and a line end; nothing else is said."""
    def write(*flags):
        done = call("lm", "generate", trained, "--prompt", "the cat", "--tokens", 30, *flags)
        assert (done.code, done.err) == (0, "")
        assert done.out.startswith("the cat")
        assert done.out.endswith("\n")
        assert len(done.out) == len("the cat") + 30 + 1
        return done.out
    assert write() == write("--seed", 1) != write("--seed", 2)
    assert write("--temperature", 0) == write("--top-k", 1) == write("--temperature", 0, "--seed", 5)
    assert write("--top-p", 1e-9) == write("--top-k", 1) != write("--top-p", 0.9)
    assert process("lm", "generate", trained, "--prompt", "the cat", "--tokens", 30).out == write()


@pytest.mark.parametrize("prompt", ["", "- a", "--", "ünknown", "a\nb", "🙂"])
def test_any_prompt_will_do(trained, prompt):
    done = call("lm", "generate", trained, f"--prompt={prompt}", "--tokens", 3)
    assert done.code == 0
    assert not done.err or done.err.startswith("not in the vocabulary, so read as <unk>: ")
    assert done.out.startswith(prompt)


def test_a_run_that_is_not_finished_uses_its_best(tmp_path, trained):
    shutil.copytree(trained, tmp_path / "run")
    before = call("lm", "generate", trained).out
    (tmp_path / "run" / "model.safetensors").unlink()
    assert call("lm", "generate", tmp_path / "run").out == before


# Looking before

def test_dry_run(tmp_path, text, monkeypatch):
    from tsuzuri.settings import fields
    from tsuzuri.train.run import settings_type
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("TSUZURI_LAYERS", "2")
    (tmp_path / "c.toml").write_text("bptt = 12\n")
    done = call("lm", "train", text, "--out", "a/b", "--unit", "char", "--size", 8, "--batch-size", 4, "--config", "c.toml", "--dry-run")
    assert done.code == 0, done.err
    rows = {line.split()[0]: line for line in done.out.split("\n\n")[0].splitlines()}
    assert set(rows) == set(fields(settings_type("lstm")))
    for name, value, origin in [("size", "8", "flag"), ("layers", "2", "environment"), ("bptt", "12", "c.toml"),
                                ("lr", "0.001", "usual for adam"), ("dropout", "0.0", "default")]:
        assert rows[name].split()[1] == value
        assert rows[name].endswith(origin)
    facts = {line.split()[0]: line for line in done.out.split("\n\n")[1].splitlines()}
    assert set(facts) == {"data", "parameters", "steps", "memory", "time"}
    vocabulary = int(facts["data"].split()[-1])
    parameters = vocabulary * 8 + 2 * (2 * 8 * 32 + 32) + 8 * vocabulary + vocabulary
    assert facts["parameters"].split()[1] == f"{parameters:,}"
    assert os.listdir(tmp_path) == ["c.toml"]


def test_dry_run_of_a_resume(trained):
    done = call("lm", "train", "--resume", "--out", trained, "--dry-run")
    assert done.code == 0, done.err
    assert "config.toml" in done.out.splitlines()[0]


def test_check(trained, tmp_path, monkeypatch):
    good = call("check", trained / "config.toml")
    assert (good.code, good.err) == (0, "")
    assert "every gradient is right" in good.out
    from tsuzuri.ops import fused
    right = fused.LSTM.backward
    monkeypatch.setattr(fused.LSTM, "backward", lambda self, *d: (*right(self, *d)[:-1], right(self, *d)[-1] * 1.01))
    bad = call("check", trained / "config.toml")
    assert bad.code == 1
    assert bad.err.startswith("tsuzuri: the gradient of recurrent.layers.0.b is wrong")


# The other groups

def test_data_list():
    record = json.loads(call("data", "list", "--json").out)
    names = [row["name"] for row in record["datasets"]]
    assert {"python-reference", "spiral", "ptb", "wikitext2", "tinyshakespeare", "macbeth"} <= set(names)
    plain = call("data", "list")
    assert plain.err == ""
    assert all(name in plain.out for name in names)


def test_data_get_of_what_is_here(data_dir):
    done = call("data", "get", "macbeth")
    assert done.code == 0
    assert [os.path.isfile(line) for line in done.out.splitlines()] == [True]
    assert "was here already" in done.err


def test_doctor():
    record = json.loads(call("doctor", "--json").out)
    assert {"tsuzuri", "python", "numpy", "numba", "cores", "blas", "advice"} <= set(record)
    plain = call("doctor").out
    assert record["numpy"] in plain


def test_recipe_list():
    out = call("recipe", "list").out
    for name, bound in [("spiral", ">= 97"), ("rnnlm-1000-words", "<= 6"), ("ptb-lstm", "<= 136.1"), ("macbeth-char", "<= 2.6"),
                        ("tinyshakespeare-char", "<= 2.2")]:
        (line,) = [line for line in out.splitlines() if line.split()[:1] == [name]]
        assert bound in line


def test_a_table_shows_tokens_as_they_are(capsys):
    """Not as the markup of the library that draws it."""
    from tsuzuri.cli.output import print_table
    print_table([(" [/INST]", ":smile: [bold]x[/bold]")], ["[red]token", "b"], "a [/title]")
    out = capsys.readouterr().out
    assert all(text in out for text in ("[/INST]", ":smile: [bold]x[/bold]", "[red]token", "a [/title]"))


def test_the_package_is_the_command():
    done = subprocess.run([sys.executable, "-m", "tsuzuri", "--version"], capture_output=True, text=True, timeout=60)
    assert (done.returncode, done.stdout) == (0, call("--version").out)
