"""`tsuzuri vectors train`: every flag has an effect or is refused, settings come in layers, any text is read, bad input is one sentence."""
import gzip
import inspect
import io
import sys
from types import SimpleNamespace

import numpy as np
import pytest
from command_line import call

from tsuzuri.cli.vectors import train as command
from tsuzuri.interop.safetensors_store import load
from tsuzuri.settings import fields
from tsuzuri.vectors.settings import BELONGS, METHODS, VectorSettings, choose
from tsuzuri.vectors.word_vectors import WordVectors

SMALL = {"size": 8, "min-count": 2, "threads": 1}
WORDS = ["Sea", "sea", "ship", "wind", "wave", "sail", "sand", "gull", "net", "1805", "1812", "harbour,", "mast.", "rope", "port"]


def made_up(lines, seed=0):
    """Lines of words, among which "new york" stands here and there, and in some lines a rare word."""
    rng = np.random.default_rng(seed)
    chances = 1 / np.arange(2, len(WORDS) + 2)
    for k in range(lines):
        words = list(rng.choice(WORDS, 9, p=chances / chances.sum()))
        if k % 23 == 0:                                      # 4 times: (4 - 2) 827 / (4 4) is above 100, and so a phrase
            words[4:4] = ["new", "york"]
        yield " ".join([*words, *([f"rare{k // 20}"] if k % 10 == 0 else [])])


@pytest.fixture(scope="module")
def text(tmp_path_factory):
    path = tmp_path_factory.mktemp("text") / "text.txt"
    path.write_text("\n".join(made_up(90)) + "\n")
    return path


def arguments(flags):
    """--flag value for each, where a value of True stands for the flag alone and None for nothing."""
    words = []
    for name, value in flags.items():
        if value is not None:
            words += [f"--{name.replace('_', '-')}"] + ([] if value is True else [value])
    return words


def train(data, out, **flags):
    return call("vectors", "train", *([data] if data else []), "--out", out,
                *arguments(SMALL | {name.replace("_", "-"): value for name, value in flags.items()}))


def trained(data, out, **flags):
    """The bytes of the file."""
    done = train(data, out, **flags)
    assert done.code == 0, done.err
    return out.read_bytes()


def refused(done, *words):
    assert done.code == 2, done
    assert done.out == ""
    assert "Traceback" not in done.err
    sentences = [line for line in done.err.splitlines() if line.startswith("tsuzuri: ")]
    assert sentences == [done.err.splitlines()[-1]]
    for word in words:
        assert word in sentences[0]


def kept_settings(out):
    return {name: value for section in load(out).notes["settings"].values() for name, value in section.items()}


# Every flag does something.

SUBWORDS = {"max_n": 4, "buckets": 300}
EFFECTS = {                                                  # flag: (a value, what else is given on both sides)
    "method": ("cbow", {}), "size": (9, {}), "window": (2, {}), "epochs": (2, {}), "alpha": (0.3, {}), "seed": (2, {}),
    "deterministic": (True, {}), "min_count": (8, {}), "vocabulary": (6, {}), "lowercase": (True, {}), "digits": ("zero", {}),
    "punctuation": ("split", {}), "eos": (True, {}), "phrases": (1, {}), "negative": (3, {}), "hs": (True, {}), "sample": (0.2, {}),
    "power": (0.1, {}), "min_alpha": (0.024, {}), "max_n": (3, SUBWORDS), "min_n": (2, SUBWORDS), "buckets": (200, SUBWORDS),
    "across_lines": (True, {"method": "svd"}), "sides": ("left", {"method": "svd"}), "weighting": ("distance", {"method": "svd"}), "smoothing": (0.5, {"method": "svd"}),
    "shift": (1.2, {"method": "svd"}), "exponent": (1.0, {"method": "svd"}), "contexts": ("add", {"method": "svd"}),
    "x_max": (3.0, {"method": "glove"}),
}
SEEN_ELSEWHERE = {"threads", "encoding_errors", "go_on_from"}   # each has a test of its own, here or in vectors/test_training.py
MORE = [("window", 2, {"method": method}) for method in METHODS if method != "skipgram"] + [
    ("epochs", 2, {"method": "glove"}), ("alpha", 0.01, {"method": "glove"}), ("seed", 2, {"method": "glove"}),
    ("weighting", "uniform", {"method": "glove"}), ("across_lines", True, {"method": "glove"}), ("across_lines", True, {"method": "ppmi"}),
    ("weighting", "distance", {"method": "ppmi"}), ("smoothing", 0.5, {"method": "ppmi"}), ("shift", 1.2, {"method": "ppmi"}),
    ("seed", 2, {"method": "svd"}), ("negative", 3, {"method": "cbow"}), ("hs", True, {"method": "cbow"}), ("sample", 0.0, {"method": "cbow"}),
    ("size", 3, {"method": "ppmi"}), ("max_n", 4, {"buckets": 300, "min_n": 4}),
]


def test_the_table_has_every_flag_and_every_setting():
    flags = set(inspect.signature(command.train).parameters) - {"data", "out", "config", "resume"}
    assert set(EFFECTS) | SEEN_ELSEWHERE == flags == set(fields(VectorSettings)) - {"data"}


@pytest.mark.parametrize(("name", "value", "others"), [(name, *what) for name, what in EFFECTS.items()] + MORE)
def test_a_flag_has_an_effect(name, value, others, text, tmp_path):
    """On words and vectors: .bin holds nothing else."""
    usual = dict(others)
    if name == "max_n" and "max_n" not in others:            # without it, buckets and min_n would be refused
        usual = {}
    assert trained(text, tmp_path / "with.bin", **others | {name: value}) != trained(text, tmp_path / "usual.bin", **usual)


@pytest.mark.parametrize("name", [*BELONGS])
def test_a_flag_that_would_have_no_effect_is_refused(name, text, tmp_path):
    value = EFFECTS[name][0] if name in EFFECTS else text
    for method in sorted(set(METHODS) - set(BELONGS[name])):
        refused(train(text, tmp_path / "v.bin", method=method, **{name: value}), f"flag: {name} has no effect on {method}",
                ", ".join(BELONGS[name]))
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("flags", [{"hs": True, "negative": 5}, {"min_n": 2}, {"buckets": 100}])
def test_flags_that_exclude_each_other(flags, text, tmp_path):
    refused(train(text, tmp_path / "v.bin", **flags), "no effect with")
    assert list(tmp_path.iterdir()) == []


def test_words(text, tmp_path):
    """What each flag about words does to the list of words."""
    def words(**flags):
        trained(text, tmp_path / "v.bin", min_count=1, epochs=1, **flags)
        return set(WordVectors.load(tmp_path / "v.bin").words)

    usual = set(text.read_text().split())
    assert words() == usual
    assert words(lowercase=True) == {word.lower() for word in usual}
    assert words(digits="zero") == {"".join("0" if c.isdigit() else c for c in word) for word in usual}
    assert words(punctuation="drop") == {word.strip(".,") for word in usual}
    assert words(punctuation="split") == {word.strip(".,") for word in usual} | {".", ","}
    assert words(eos=True) == usual | {"<eos>"}
    assert len(words(vocabulary=6)) == 6
    assert "new_york" in words(phrases=1)


def test_encoding_errors(tmp_path):
    path = tmp_path / "latin.txt"
    path.write_bytes("\n".join(made_up(20)).encode() + b"\ncaf\xe9 caf\xe9 caf\xe9 ship\n")
    refused(train(path, tmp_path / "v.bin"), "latin.txt: line 21", "0xe9 is not UTF-8", "--encoding-errors")
    for errors, word in (("replace", "caf\ufffd"), ("ignore", "caf")):
        trained(path, tmp_path / "v.bin", encoding_errors=errors)
        assert word in WordVectors.load(tmp_path / "v.bin")


def test_threads(text, tmp_path, monkeypatch):
    from tsuzuri.vectors import word2vec
    seen, plain = [], word2vec.train_freely
    monkeypatch.setattr(word2vec, "train_freely", lambda *given: (seen.append(given[-1]), plain(*given)))
    for threads in (1, 2):
        seen.clear()
        trained(text, tmp_path / "v.bin", threads=threads)
        assert set(seen) == {threads}


ALIASES = {"--vector-size": ("size", 9), "--workers": ("threads", 2), "--iter": ("epochs", 3), "--max-final-vocab": ("vocabulary", 7),
           "--ns-exponent": ("power", 0.5), "--bucket": ("buckets", 123)}


@pytest.mark.parametrize("alias", ALIASES)
def test_names_of_gensim_word2vec_and_fasttext(alias, monkeypatch, text, tmp_path):
    """Each gives the settings that our own name gives."""
    seen = []
    monkeypatch.setattr("tsuzuri.vectors.training.train_vectors", lambda chosen, *rest, **more: seen.append(chosen) or [None])
    monkeypatch.setattr("tsuzuri.cli.vectors.watch.watch", list)
    name, value = ALIASES[alias]
    for flag in (alias, f"--{name}"):
        assert call("vectors", "train", text, "--out", tmp_path / "v.bin", flag, value, *(["--max-n", 4] * (name == "buckets"))).code == 0
    assert seen[0] == seen[1]
    assert kept(seen[0])[name] == value


def kept(chosen):
    return {name: getattr(getattr(chosen, section), name) for name, (section, _) in fields(VectorSettings).items()}


def test_defaults_are_those_of_gensim_and_word2vec():
    usual = choose([])
    values = kept(usual)
    assert (values["window"], values["min_count"], values["negative"], values["power"], values["sample"]) == (5, 5, 5, 0.75, 1e-3)
    assert (values["min_alpha"], values["seed"]) == (1e-4, 1)
    assert [usual.vectors.usual(name) for name in ("size", "epochs", "alpha")] == [100, 5, 0.025]
    assert choose([("flag", {"method": "cbow"})]).vectors.usual("alpha") == 0.05


# Layers of settings.

def test_flags_win_over_the_environment_and_that_over_a_file(text, tmp_path, monkeypatch):
    (tmp_path / "settings.toml").write_text("window = 2\nsize = 5\n[predicting]\nnegative = 3\n")
    monkeypatch.setenv("TSUZURI_SIZE", "6")
    monkeypatch.setenv("TSUZURI_SEED", "8")
    trained(text, tmp_path / "v.safetensors", size=None, config=tmp_path / "settings.toml", seed=9)
    values = kept_settings(tmp_path / "v.safetensors")
    assert (values["window"], values["negative"], values["size"], values["seed"], values["alpha"]) == (2, 3, 6, 9, 0.0)
    assert WordVectors.load(tmp_path / "v.safetensors").vectors.shape[1] == 6


def test_a_setting_of_the_file_or_the_environment_is_checked_too(text, tmp_path, monkeypatch):
    for content, words in (("windw = 2", 'did you mean "window"'), ("size = 'big'", "size is 'big'"), ("= =", "is not TOML"),
                           ("method = 'svd'\nepochs = 3", "epochs has no effect on svd")):
        (tmp_path / "settings.toml").write_text(content)
        refused(train(text, tmp_path / "v.bin", size=None, config=tmp_path / "settings.toml"), "settings.toml", words)
    refused(train(text, tmp_path / "v.bin", config=tmp_path / "none.toml"), "none.toml: cannot be read")
    monkeypatch.setenv("TSUZURI_SZIE", "8")
    refused(train(text, tmp_path / "v.bin"), "TSUZURI_SZIE is no setting", "TSUZURI_SIZE")


# The text.

@pytest.mark.parametrize("kind", ["gz", "folder", "glob", "-", "flag in front"])
def test_any_text_gives_the_vectors_of_the_file(kind, text, tmp_path, monkeypatch):
    content = text.read_bytes()
    (tmp_path / "folder").mkdir()
    (tmp_path / "folder" / "part.txt").write_bytes(content)
    (tmp_path / "text.txt.gz").write_bytes(gzip.compress(content))
    monkeypatch.setattr(sys, "stdin", SimpleNamespace(buffer=io.BytesIO(content), isatty=lambda: False))
    data = {"gz": tmp_path / "text.txt.gz", "folder": tmp_path / "folder", "glob": tmp_path / "folder" / "*.txt", "-": "-"}.get(kind)
    whole = trained(text, tmp_path / "file.bin")
    if kind == "flag in front":
        assert call("vectors", "train", *arguments(SMALL), "--out", tmp_path / "v.bin", text).code == 0
    else:
        trained(data, tmp_path / "v.bin")
    assert (tmp_path / "v.bin").read_bytes() == whole


def test_a_data_set_by_name(tmp_path):
    trained("python-reference", tmp_path / "v.bin", epochs=1, vocabulary=200, size=4)
    assert "the" in WordVectors.load(tmp_path / "v.bin")


# What is printed.

@pytest.mark.parametrize("method", METHODS)
def test_the_name_goes_to_stdout_and_progress_to_stderr(method, text, tmp_path):
    out = tmp_path / "v.txt"
    done = train(text, out, method=method)
    assert (done.code, done.out) == (0, f"{out}\n")
    words = text.read_text().split()
    frequent = {word for word in words if words.count(word) >= 2}
    first = done.err.splitlines()[0]
    assert [str(n) in first for n in (len(words), sum(word in frequent for word in words), len(frequent))] == [True] * 3
    assert f"{len(frequent)} vectors of 8 numbers" in done.err
    passes = {"skipgram": 5, "cbow": 5, "glove": 25}.get(method, 0)
    assert [line.split("  loss ")[0] for line in done.err.splitlines() if "loss" in line] == [f"pass {k}/{passes}" for k in range(1, passes + 1)]
    assert sorted(path.name for path in tmp_path.iterdir()) == ["v.txt"]


def test_ppmi_columns_are_the_most_frequent_words(text, tmp_path):
    trained(text, tmp_path / "all.safetensors", method="ppmi", size=None)
    trained(text, tmp_path / "some.safetensors", method="ppmi", size=3)
    every, some = (load(tmp_path / f"{name}.safetensors").table.vectors for name in ("all", "some"))
    assert every.shape == (len(every), len(every))
    np.testing.assert_array_equal(some, every[:, :3])


# Going on after a stop.

@pytest.fixture
def begun(text, tmp_path, monkeypatch):
    """A training that the user stopped in the second pass."""
    from tsuzuri.vectors import word2vec
    out, passes, plain = tmp_path / "v.safetensors", [], word2vec.train_freely

    def stop(*given):
        passes.append(1)
        if len(passes) == 2:
            raise KeyboardInterrupt
        plain(*given)

    with monkeypatch.context() as patch:
        patch.setattr(word2vec, "train_freely", stop)
        assert train(text, out, window=3).code == 130
    assert (tmp_path / "v.safetensors.training").is_dir()
    return out


def test_resume_needs_nothing_but_the_file(begun, text, tmp_path):
    done = call("vectors", "train", "--out", begun, "--resume")
    assert (done.code, done.out) == (0, f"{begun}\n"), done.err
    assert begun.read_bytes() == trained(text, tmp_path / "whole" / "v.safetensors", window=3)
    assert not (tmp_path / "v.safetensors.training").exists()
    refused(call("vectors", "train", "--out", begun, "--resume"), "there is no training of", "v.safetensors.training")


def test_what_is_said_to_other_commands(begun, text):
    refused(train(text, begun, window=3), "was begun and not finished", "--resume", "remove")
    refused(train(text, begun, window=4, resume=True), "was begun with other settings")
    assert train(text, begun, window=3, resume=True).code == 0                          # the same settings, named again


# Bad input.

BAD = {
    "missing": ("missing.txt", {}, ["missing.txt", "neither a data set nor a file"]),
    "a data set misspelt": ("ptbb", {}, ['did you mean "ptb"']),
    "no text": ("", {}, ["no text was given", "standard input"]),
    "empty": ("empty.txt", {}, ["empty.txt", "no text in it"]),
    "only space": ("space.txt", {}, ["no words"]),
    "all rare": ("text.txt", {"min_count": 10000}, ["no word is left", "--min-count"]),
    **{f"one word, {method}": ("one.txt", {"method": method}, ['one word only, "la"']) for method in METHODS},
    **{f"one word a line, {method}": ("column.txt", {"method": method}, ["line"]) for method in METHODS},
    "nothing left": ("text.txt", {"sample": 1e-12}, ["no two words are left", "--sample"]),
    "loss": ("text.txt", {"alpha": 1e30}, ["loss of pass 1 is nan", "smaller alpha"]),
    "loss of glove": ("text.txt", {"alpha": 1e30, "method": "glove"}, ["loss of epoch 1 is nan"]),
    "noise": ("skew.txt", {"power": 50.0, "sample": 0.0}, ["power 50", "smaller power"]),
    "format": ("text.txt", {"out": "v.vce"}, ["v.vce", 'did you mean ".vec"']),
    "format before text": ("missing.txt", {"out": "v.xyz"}, ["v.xyz", "format of word vectors"]),
    "only read": ("text.txt", {"out": "v.pkl"}, ["never written"]),
    "method": ("text.txt", {"method": "skipgrm"}, ['did you mean "skipgram"']),
    "size and a half": ("text.txt", {"size": 1.5}, ["--size", "no whole number"]),
    **{f"{name} {value}": ("text.txt", {"max_n": 4 if name in ("min_n", "buckets") else None, name: value}, [f"{name} is {value}"])
       for name in ("size", "epochs", "window", "negative", "min_n", "buckets", "min_count") for value in (0, -1)},
    **{f"{name} -1": ("text.txt", {name: -1}, [f"{name} is -1"]) for name in ("threads", "seed", "vocabulary", "phrases", "max_n")},
    **{f"{name} {value}": ("text.txt", {name: value}, [f"{name} is {value}"])
       for name in ("alpha", "sample", "power", "min_alpha") for value in (-1.0, "nan")},
    "alpha 0": ("text.txt", {"alpha": 0}, ["alpha is 0"]),
    "max_n below min_n": ("text.txt", {"max_n": 2}, ["max_n is 2, below min_n 3"]),
    "digits": ("text.txt", {"digits": "none"}, ['digits "none"']),
    "weighting": ("text.txt", {"method": "svd", "weighting": "near"}, ['weighting "near"']),
    "shift": ("text.txt", {"method": "ppmi", "shift": 0.5}, ["shift 0.5"]),
    "shift above all": ("text.txt", {"method": "ppmi", "shift": 1e9}, ["smaller shift"]),
    "exponent": ("text.txt", {"method": "svd", "exponent": 3.0}, ["exponent 3"]),
    "contexts": ("text.txt", {"method": "svd", "contexts": "both"}, ['contexts "both"']),
    "x_max": ("text.txt", {"method": "glove", "x_max": 0.0}, ["x_max 0"]),
    "no base": ("text.txt", {"go_on_from": "none.safetensors"}, ["none.safetensors", "no such file"]),
    "base of other kind": ("text.txt", {"go_on_from": "text.txt"}, ["text.txt", "no whole safetensors file"]),
    "onto the text": ("words.txt", {"out": "words.txt"}, ["the text itself"]),
    "onto a folder": ("text.txt", {"out": "folder.bin"}, ["is a folder"]),
    "no flag": ("--sise", {}, ["--sise"]),
}


@pytest.mark.parametrize(("data", "flags", "words"), BAD.values(), ids=BAD)
def test_bad_input_is_one_sentence_and_changes_nothing(data, flags, words, text, tmp_path, monkeypatch):
    """Neither the file that would have been replaced nor anything beside it."""
    monkeypatch.chdir(tmp_path)
    for name, content in {"empty.txt": "", "space.txt": " \n\n \t\n", "one.txt": "la la la la la la\n" * 3, "text.txt": text.read_text(),
                          "column.txt": "a\nb\n" * 9, "skew.txt": "a a a a a a a a a b\n" * 300, "words.txt": text.read_text(),
                          "v.bin": "old", "v.xyz": "old", "v.pkl": "old"}.items():
        (tmp_path / name).write_text(content)
    (tmp_path / "folder.bin").mkdir()
    before = {path.name: path.is_file() and path.read_bytes() for path in tmp_path.iterdir()}
    flags = dict(flags)
    refused(train(data, flags.pop("out", "v.bin"), **flags), *words)
    assert {path.name: path.is_file() and path.read_bytes() for path in tmp_path.iterdir()} == before
