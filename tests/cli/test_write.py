"""`lm generate` and `lm suggest` as a user meets them: every flag has an effect, and what does not go together is refused."""
import contextlib
import json
import os
import pty
import subprocess
import sys
import time

import pytest
from command_line import call, process

from tsuzuri.cli import main
from tsuzuri.cli.lm.typing import type_text
from tsuzuri.models.recurrent import RecurrentLanguageModel


def write(run, *flags, prompt="the cat", tokens=60):
    done = call("lm", "generate", run, "--prompt", prompt, "--tokens", tokens, *flags)
    assert (done.code, done.err) == (0, ""), done.err
    return done.out


@pytest.mark.parametrize("flags", [("--top-k", 2), ("--top-p", 0.5), ("--min-p", 0.5), ("--typical", 0.3), ("--repetition-penalty", 5),
                                   ("--no-repeat", 2), ("--temperature", 0.2), ("--seed", 2), ("--beams", 2), ("--stop", "a")], ids=str)
def test_a_flag_has_an_effect_and_the_same_seed_gives_the_same_text(trained, flags):
    assert write(trained, *flags) == write(trained, *flags) != write(trained)


def test_neutral_values_change_nothing(trained):
    neutral = ("--temperature", 1, "--top-k", 0, "--top-p", 1, "--min-p", 0, "--typical", 1, "--repetition-penalty", 1, "--no-repeat", 0,
               "--seed", 1, "--samples", 1)
    assert write(trained, *neutral) == write(trained)


def test_each_piece_is_out_before_the_model_goes_on(trained, tmp_path, monkeypatch):
    """In a file, which is buffered as a pipe is: the prompt and one character more at every step."""
    path, seen, step = tmp_path / "out.txt", [], RecurrentLanguageModel.step
    monkeypatch.setattr(RecurrentLanguageModel, "step", lambda self, *given: seen.append(path.read_text()) or step(self, *given))
    with open(path, "w") as out, contextlib.redirect_stdout(out), pytest.raises(SystemExit):
        main(["lm", "generate", str(trained), "--prompt", "the cat", "--tokens", "6"])
    assert seen == [path.read_text()[:len("the cat") + k] for k in range(1, 6)]


def test_samples_stand_one_below_the_other(trained):
    """The first is the text without --samples, and the first two of three are the two of two."""
    two, three = (write(trained, "--samples", count, "--no-repeat", 3) for count in (2, 3))
    parts = three.removeprefix("--- sample 1 ---\n").replace("\n\n--- sample 3 ---\n", "\n\n--- sample 2 ---\n").split("\n\n--- sample 2 ---\n")
    assert parts[0] + "\n" == write(trained, "--no-repeat", 3)
    assert len(parts) == 3
    assert three.startswith(two.rstrip("\n"))


def test_it_ends_before_a_stop_string(trained):
    free = write(trained, tokens=200)
    for stops in (["a"], ["e ", "\\n"], ["t"]):
        new = write(trained, *(word for stop in stops for word in ("--stop", stop)), tokens=200).removesuffix("\n")
        assert free.startswith(new)
        assert not any(stop.replace("\\n", "\n") in new.removeprefix("the cat") for stop in stops)
    assert len(new) < len(free)


def test_two_temperatures_side_by_side(trained):
    """The same seed in both columns; joined again, each is the text of its temperature alone."""
    table = write(trained, "--temperature", 0.2, "--temperature", 1.3, "--stop", "\\n", tokens=40)
    head = next(line for line in table.splitlines() if "temperature 0.2" in line)
    assert "temperature 1.3" in head
    middle = head.index("temperature 1.3")
    body = [line for line in table.splitlines()[3:] if line.strip()]
    for temperature, cells in ((0.2, [line[:middle] for line in body]), (1.3, [line[middle:] for line in body])):
        alone = write(trained, "--temperature", temperature, "--stop", "\\n", tokens=40)
        assert "".join("".join(cells).split()) == "".join(alone.split())


def test_beams(trained):
    best = write(trained, "--beams", 4, tokens=12)
    several = write(trained, "--beams", 4, "--samples", 4, tokens=12)
    assert several.startswith("--- beam 1, score -")
    assert best.rstrip("\n") in several
    assert several.count("--- beam") == 4
    assert write(trained, "--beams", 1, tokens=12) == write(trained, "--temperature", 0, tokens=12)


def test_a_length_penalty_pays_longer_texts_back(trained):
    """Without it the shortest text, which a stop ends at once, is the likeliest of all that are found."""
    def sizes(penalty):
        found = write(trained, "--beams", 4, "--samples", 4, "--stop", " ", "--length-penalty", penalty, tokens=12)
        return [len(text.split("---\n")[1].strip()) for text in found.split("--- beam")[1:]]
    assert sizes(0)[0] < sizes(20)[0]


def test_what_the_vocabulary_lacks_is_said(trained):
    done = call("lm", "generate", trained, "--prompt", "the 猫 ü", "--tokens", 3)
    assert done.err == "not in the vocabulary, so read as <unk>: 猫 ü\n"
    assert done.out.startswith("the 猫 ü")


@pytest.mark.parametrize(("flags", "words"), [
    ("--beams 2 --temperature 0.5", ["beams", "temperature would have no effect"]), ("--beams 2 --top-k 3 --seed 4", ["top_k, seed would have no effect"]),
    ("--beams 0", ["beams is 0"]), ("--beams 2 --samples 3", ["samples is 3", "at most 2"]), ("--beams 2 --length-penalty -1 --stop x", ["length_penalty is -1"]),
    ("--length-penalty 0.6", ["length_penalty is 0.6", "--beams"]), ("--beams 2 --length-penalty 0.6", ["length_penalty is 0.6", "give --stop too"]), ("--samples 0", ["samples is 0"]), ("--samples -2", ["samples is -2"]),
    ("--temperature 0.5 --temperature 1 --samples 2", ["2 temperatures and 2 samples"]), ("--min-p 2", ["min_p is 2"]),
    ("--typical 0", ["typical is 0"]), ("--repetition-penalty 0", ["repetition_penalty is 0"]), ("--no-repeat -1", ["no_repeat is -1"]),
    ("--temperature 1 --temperature -1", ["temperature is -1"]), ("--no-repeat 1 --tokens 500", ["no_repeat is 1", "every token would repeat"]),
    ("--samples 2 --seed -1", ["seed is -1"])])
def test_what_does_not_go_together_is_one_sentence(trained, flags, words):
    done = call("lm", "generate", trained, *flags.split())
    assert done.code == 2
    assert done.err.startswith("tsuzuri: ")
    assert done.err.count("\n") == 1
    assert all(word in done.err for word in words), done.err


# The next words

def test_suggestions_for_every_line_of_a_pipe(trained):
    done = process("lm", "suggest", trained, "--count", 3, given=b"the ca\n\nlow d\n")
    assert (done.code, done.err) == (0, "")
    rows = [line.split("\t") for line in done.out.splitlines()]
    assert [len(row) for row in rows] == [6, 6, 6]
    assert all(word.startswith("ca") for word in rows[0][::2])
    for row in rows:
        p = [float(x) for x in row[1::2]]
        assert p == sorted(p, reverse=True)
        assert 0 < sum(p) <= 1.001
    once = call("lm", "suggest", trained, "--once", "the ca", "--count", 3)
    assert once.out.splitlines() == done.out.splitlines()[:1]
    answer = json.loads(call("lm", "suggest", trained, "--once", "the ca", "--count", 3, "--json").out)
    assert answer["text"] == "the ca"
    assert [s["word"] for s in answer["suggestions"]] == rows[0][::2]


def test_a_count_that_does_not_fit(trained):
    done = call("lm", "suggest", trained, "--once", "a", "--count", 0)
    assert (done.code, done.err) == (2, "tsuzuri: count is 0; it must be at least 1.\n")


def proposals(text):
    """said and says behind sa, else nothing."""
    return [("said", 0.6), ("says", 0.4)] if text.endswith("sa") else []


@pytest.mark.parametrize(("keys", "text"), [("he sa\t.", "he said ."), ("x\t", "x"), ("ab\x7fc", "ac"), ("a\x1b[Ab\x1b[3~c", "abc"),
                                            ("a\x1bOPb\x1bxc", "abc"), ("a\nb", "a\nb"), ("ab\x04cd", "ab"), ("猫", "猫"), ("\x7f\x01a", "a")])
def test_keys_make_a_text(keys, text):
    shown = []
    assert type_text(keys, proposals, lambda text, word: f"{text[:-2]}{word} ", lambda text, found: shown.append((text, found))) == text
    assert shown[0] == ("", [])
    assert shown[-1] == (text, proposals(text))


def test_typing_on_a_terminal(trained):
    """Proposals come behind the cursor, Tab takes the first, Ctrl-D ends, and the terminal is as it was."""
    import termios
    ours, theirs = pty.openpty()
    before = termios.tcgetattr(theirs)
    command = [sys.executable, "-c", "from tsuzuri.cli import main; main()", "lm", "suggest", str(trained)]
    child = subprocess.Popen(command, stdin=theirs, stdout=theirs, stderr=subprocess.PIPE)
    seen = read_until(ours, b"%")
    for key, wanted in ((b"c", b"%"), (b"\t", b" \x1b7"), (b"\x04", b"\n")):
        os.write(ours, key)
        seen += read_until(ours, wanted)
    assert child.wait(20) == 0
    assert child.stderr.read() == b""
    first = seen.decode().split("\x1b[2m")[2].split()[0]     # what was proposed behind "c"
    assert first.startswith("c")
    assert f"\r\x1b[K{first} \x1b7" in seen.decode()
    assert termios.tcgetattr(theirs) == before


def read_until(terminal, mark):
    seen, end = b"", time.monotonic() + 60
    while mark not in seen and time.monotonic() < end:
        seen += os.read(terminal, 1000)
    assert mark in seen
    return seen


@pytest.mark.parametrize("columns", [1, 2, 3, 10])
def test_the_narrowest_terminal_is_shown_something(columns, monkeypatch, capsys):
    from tsuzuri.cli.lm.typing import _show
    monkeypatch.setenv("COLUMNS", str(columns))
    _show("the company sa", proposals("the company sa"))
    assert capsys.readouterr().out.startswith("\r")
