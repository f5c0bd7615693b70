"""Bad input of every kind: one sentence on stderr, exit code 2, nothing on stdout, and nothing written."""
import json
import shutil
import struct
from pathlib import Path

import pytest
from command_line import SMALL, call, made_up, process, small


def tree(folder: Path) -> dict[str, int]:
    return {str(p.relative_to(folder)): p.stat().st_mtime_ns for p in folder.rglob("*")}


@pytest.fixture
def room(tmp_path, monkeypatch, text):
    """A folder with all sorts of bad things to name, as the working folder."""
    shutil.copy(text, tmp_path / "text.txt")
    (tmp_path / "empty.txt").write_text("")
    (tmp_path / "short.txt").write_text("a\nb\n")
    (tmp_path / "oneline.txt").write_text("all in one line " * 100)
    (tmp_path / "latin.txt").write_bytes(b"good line\n" * 30 + b"caf\xe9\n" + b"good line\n" * 30)
    (tmp_path / "config.toml").write_text("size = 'big'\n")
    (tmp_path / "typo.toml").write_text("siez = 3\n")
    (tmp_path / "list.toml").write_text("optimizer = ['adam']\n")
    (tmp_path / "broken.toml").write_text("size = = 3\n")
    (tmp_path / "folder").mkdir()
    (tmp_path / "full").mkdir()
    (tmp_path / "full" / "something").write_text("kept")
    monkeypatch.chdir(tmp_path)
    return tmp_path


def refused(done, words=()):
    assert done.code == 2, done
    assert done.out == ""
    lines = done.err.removesuffix("\n").split("\n")
    assert lines[-1].startswith("tsuzuri: ")
    assert not [line for line in lines if "Traceback" in line]
    sentences = [line for line in lines if line.startswith("tsuzuri: ")]
    assert len(sentences) == 1
    for word in words:
        assert word in sentences[0]


TRAIN = [                                                    # (arguments after `lm train`, words of the sentence)
    ("missing.txt --out new", ["missing.txt", "neither a data set nor a file"]),
    ("ptbb --out new", ['did you mean "ptb"']),
    ("ptb:tset --out new", ['did you mean "test"']),
    ("text.txt:test --out new", ["only data sets have splits"]),
    ("spiral --out new", ["points, not text"]),
    ("no*.txt --out new", ["no*.txt", "no such file"]),
    ("folder --out new", ["folder", "no .txt"]),
    ("empty.txt --out new", ["empty.txt", "no text in it"]),
    ("short.txt --out new", ["too short"]),
    ("oneline.txt --out new", ["oneline.txt", "one line"]),
    ("latin.txt --out new", ["latin.txt: line 31, byte 303: 0xe9 is not UTF-8"]),
    ("text.txt --out new --valid nothing.txt", ["nothing.txt"]),
    ("text.txt --out new --valid empty.txt", ["empty.txt"]),
    ("text.txt --out new --arch lstn", ['arch "lstn"', 'did you mean "lstm"', "rnn, gru, lstm"]),
    ("text.txt --out new --unit chars", ['unit "chars"', 'did you mean "char"']),
    ("text.txt --out new --optimizer adma", ['optimizer "adma"', 'did you mean']),
    ("text.txt --out new --schedule cosin", ['schedule "cosin"', 'did you mean "cosine"']),
    ("text.txt --out new --dtype float", ['dtype "float"']),
    ("text.txt --out new --digits none", ['digits "none"']),
    ("text.txt --out new --punctuation none", ['punctuation "none"']),
    ("text.txt --out new --encoding-errors lenient", ["lenient"]),
    ("text.txt --out new --unit char --punctuation split", ["split"]),
    ("text.txt --out new --unit bpe --lowercase", ["lowercase", "bpe"]),
    ("text.txt --out new --unit bpe --vocabulary 20", ["256"]),
    ("text.txt --out new --vocabulary -1", ["vocabulary is -1"]),
    ("text.txt --out new --min-count 0", ["min_count is 0"]),
    ("text.txt --out new --dropout 1.5", ["dropout is 1.5"]),
    ("text.txt --out new --dropout nan", ["dropout is nan"]),
    ("text.txt --out new --size 0", ["size is 0"]),
    ("text.txt --out new --layers 0", ["layers is 0"]),
    ("text.txt --out new --embedding -2", ["embedding is -2"]),
    ("text.txt --out new --embedding 3 --tie", ["tie", "embedding (3)"]),
    ("text.txt --out new --batch-size 0", ["batch_size is 0"]),
    ("text.txt --out new --batch-size 100000", ["too short"]),
    ("text.txt --out new --bptt 0", ["bptt is 0"]),
    ("text.txt --out new --epochs 0", ["epochs is 0"]),
    ("text.txt --out new --threads 0", ["threads is 0"]),
    ("text.txt --out new --seed -1", ["seed is -1"]),
    ("text.txt --out new --lr 0", ["lr is 0"]),
    ("text.txt --out new --lr nan", ["lr is nan"]),
    ("text.txt --out new --clip nan", ["clip is nan"]),
    ("text.txt --out new --weight-decay -1", ["weight_decay is -1"]),
    ("text.txt --out new --patience -1", ["patience is -1"]),
    ("text.txt --out new --size ten", ["--size", "ten"]),
    ("text.txt --out new --size 1.5", ["--size", "1.5"]),
    ("text.txt --out new --siz 3", ["--siz", "--size"]),
    ("text.txt --out new --size", ["--size"]),
    ("text.txt", ["--out"]),
    ("text.txt more.txt --out new", ["more.txt"]),
    ("--out new", ["no text was given"]),
    ("text.txt --out full", ["full exists", "--resume"]),
    ("text.txt --out text.txt", ["text.txt exists"]),
    ("text.txt --out text.txt/run", ["text.txt"]),
    ("text.txt --out a/b/c --arch lstn", ["lstn"]),
    ("missing.txt --out a/b/c", ["missing.txt"]),
    ("short.txt --out a/b/c", ["too short"]),
    ("text.txt --out new --config none.toml", ["none.toml", "cannot be read"]),
    ("text.txt --out new --config config.toml", ["config.toml: size is 'big'"]),
    ("text.txt --out new --config typo.toml", ['there is no setting "siez"', 'did you mean "size"']),
    ("text.txt --out new --config list.toml", ["optimizer is ['adam']"]),
    ("text.txt --out new --config broken.toml", ["broken.toml: is not TOML"]),
]


@pytest.mark.parametrize(("arguments", "words"), TRAIN, ids=[a for a, _ in TRAIN])
def test_training(room, arguments, words):
    before = tree(room)
    refused(call("lm", "train", *arguments.split()), words)
    assert tree(room) == before


OTHERS = [
    ("lm trian x", ['Did you mean "train"']), ("train", ["train"]), ("lm evaluate folder text.txt", ["folder is no run folder"]),
    ("lm evaluate nowhere text.txt", ["nowhere is no run folder"]), ("lm evaluate RUN missing.txt", ["missing.txt"]),
    ("lm evaluate RUN empty.txt", ["empty.txt"]), ("lm evaluate RUN", ["DATA"]), ("lm evaluate", ["RUN"]),
    ("lm evaluate RUN latin.txt", ["line 31, byte 303"]), ("lm generate nowhere", ["nowhere"]),
    ("lm generate RUN --prompt x --tokens -1", ["tokens is -1"]), ("lm generate RUN --prompt x --temperature -1", ["temperature"]),
    ("lm generate RUN --prompt x --top-p 0", ["top_p"]), ("lm generate RUN --prompt x --top-k -1", ["top_k"]),
    ("lm generate RUN --prompt x --seed -1", ["seed is -1"]), ("lm generate RUN --tokens many", ["many"]),
    ("recipe run spirall", ['did you mean "spiral"']), ("recipe run", ["NAME"]),
    *((f"recipe run {name} --minutes 1", [f"{name} cannot be left after some minutes"]) for name in ("macbeth-sequential", "ptb-ngram", "ptb-counts")),
    ("data get ptbb", ['did you mean "ptb"']),
    ("check none.toml", ["none.toml"]), ("check config.toml", ["size is 'big'"]), ("check folder", ["folder"]), ("doctor now", ["now"]),
]


@pytest.mark.parametrize(("arguments", "words"), OTHERS, ids=[a for a, _ in OTHERS])
def test_other_commands(room, trained, arguments, words):
    before = tree(room) | tree(trained)
    refused(call(*(str(trained) if a == "RUN" else a for a in arguments.split())), words)
    assert tree(room) | tree(trained) == before


@pytest.mark.parametrize("command", [("lm", "evaluate"), ("lm", "generate")])
@pytest.mark.parametrize("damage", ["cut", "no header", "huge header", "other shapes", "gone", "empty"])
def test_damaged_weights_are_named(room, trained, command, damage):
    run = room / "run"
    shutil.copytree(trained, run)
    path = run / "model.safetensors"
    good = path.read_bytes()
    if damage == "other shapes":
        (run / "config.toml").write_text((run / "config.toml").read_text().replace("size = 8\n", "size = 9\n"))
    elif damage == "gone":
        path.unlink()
        (run / "best" / "model.safetensors").unlink()
    else:
        path.write_bytes({"cut": good[:-7], "no header": b"\0" * 64, "huge header": struct.pack("<Q", 1 << 60) + good[8:], "empty": b""}[damage])
    done = call(*command, run, *(["text.txt"] if command[1] == "evaluate" else ["--prompt", "a"]))
    refused(done, ["run" if damage == "gone" else "model.safetensors"])


@pytest.mark.parametrize("name", ["config.toml", "tokenizer/tokenizer.toml", "tokenizer/vocab.txt", "corpus/train/corpus.toml",
                                  "corpus/train/ids.bin", "last/checkpoint.safetensors"])
@pytest.mark.parametrize("damage", ["cut", "gone", "noise"])
def test_a_damaged_run_is_not_gone_on_with(room, trained, name, damage):
    """What is damaged is named by its path; the last checkpoint that is gone means starting at the beginning."""
    if (name, damage) in (("last/checkpoint.safetensors", "gone"), ("config.toml", "gone")):
        pytest.skip("is a run that has yet to begin")
    if (name, damage) == ("tokenizer/vocab.txt", "noise"):
        pytest.skip("is a vocabulary, though not the one")
    run = room / "run"
    shutil.copytree(trained, run)
    path = run / name
    good = path.read_bytes()
    path.unlink()
    if damage != "gone":
        path.write_bytes(good[:len(good) // 2] if damage == "cut" else b"\x01 = [\n\n")
    refused(call("lm", "train", "--resume", "--out", run), ["run"])


def test_a_checkpoint_that_is_none_is_named(room, trained):
    run = room / "run"
    shutil.copytree(trained, run)
    shutil.copy(run / "model.safetensors", run / "last" / "checkpoint.safetensors")
    refused(call("lm", "train", "--resume", "--out", run), ["checkpoint.safetensors is no checkpoint"])


@pytest.mark.parametrize(("flags", "name"), [
    ("--lr 0.5", "lr was 0.01"), ("--size 9", "size was 8"), ("--unit word", "unit was 'char'"), ("--epochs 3", "epochs was 1"),
    ("--seed 2", "seed was 1"), ("other.txt", "data was"), ("--config other.toml", "dropout was 0.0")])
def test_a_resumed_run_goes_on_as_it_began(room, trained, flags, name):
    (room / "other.toml").write_text("dropout = 0.5\n")
    before = tree(trained)
    refused(call("lm", "train", "--resume", "--out", trained, *flags.split()), [name])
    assert tree(trained) == before


def test_the_environment_counts_as_a_change_too(room, trained, monkeypatch):
    monkeypatch.setenv("TSUZURI_BPTT", "11")
    refused(call("lm", "train", "--resume", "--out", trained), ["bptt was 10", "environment"])


@pytest.mark.parametrize(("variable", "value", "words"), [
    ("TSUZURI_SIZE", "many", ["environment: size is 'many'"]), ("TSUZURI_SIZES", "3", ["TSUZURI_SIZES", "TSUZURI_SIZE"])])
def test_bad_variables(room, monkeypatch, variable, value, words):
    monkeypatch.setenv(variable, value)
    refused(call("lm", "train", "text.txt", "--out", "new"), words)
    assert not (room / "new").exists()


def test_a_size_that_can_only_be_a_slip_is_refused(room):
    refused(call("lm", "train", "text.txt", "--out", "new", "--size", "1000000000"), ["size", "1,000,000"])


def test_a_model_larger_than_memory_is_refused(room):
    done = call("lm", "train", "text.txt", "--out", "new", "--size", "900000")
    refused(done, ["not enough memory"])


def test_a_process_of_its_own_does_the_same(room):
    for arguments in ("lm train missing.txt --out new", "lm generate full", "lm train text.txt", "lm trian"):
        refused(process(*arguments.split()))
    refused(process("lm", "train", "-", "--out", "new", *SMALL, given=b"good\nb\xffd\n"), ["standard input: line 2, byte 6"])
    refused(process("lm", "train", "-", "--out", "new", *SMALL), ["standard input", "no text"])
    assert not (room / "new").exists()


def test_a_training_that_diverges_says_so(room):
    """The run it leaves behind can be looked at; --resume says the same again."""
    big = ["--optimizer", "sgd", "--lr", "1e38", "--clip", "0", "--out", "new"]
    for more in ((), ("--resume",)):
        done = process("lm", "train", "text.txt", *small(*big), *more)
        refused(done, ["epoch 1, step", "smaller lr"])
        assert "Warning" not in done.err


def test_json_says_nothing_where_there_is_an_error(room, trained):
    refused(call("lm", "evaluate", trained, "missing.txt", "--json"))
    with pytest.raises(json.JSONDecodeError):
        json.loads(call("data", "get", "ptbb").out)


def test_a_pipe_that_closes_early_is_no_error(trained):
    import subprocess
    import sys
    command = f'"{sys.executable}" -c "from tsuzuri.cli import main; main()" lm generate "{trained}" --tokens 20000 | head -c 10'
    done = subprocess.run(["bash", "-c", command], capture_output=True, text=True, timeout=60)
    assert len(done.stdout) == 10
    assert "Traceback" not in done.stderr
    assert "Exception" not in done.stderr


def test_made_up_text_is_what_it_says():
    assert made_up(3).count("\n") == 3
