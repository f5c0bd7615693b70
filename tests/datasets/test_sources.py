"""DATA: names, splits, paths and standard input, and what is held out of a plain text."""
import io
import itertools
import os
import sys

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tsuzuri.datasets import dataset_lines, open_source, parse_source
from tsuzuri.datasets.sources import PlainText, _bounds
from tsuzuri.errors import DataError


@pytest.fixture
def text(tmp_path):
    path = tmp_path / "a.txt"
    path.write_text("".join(f"{k}\n" for k in range(100)))
    return path


def test_names_splits_and_paths(text):
    assert parse_source("ptb") == ("ptb", None)
    assert parse_source("ptb:test") == ("ptb", "test")
    assert parse_source("-") == ("-", None)
    assert parse_source(text) == (str(text), None)
    assert parse_source(f"{text.parent}/*.txt") == (f"{text.parent}/*.txt", None)


def test_a_name_means_the_data_set_whatever_lies_in_the_folder(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "ptb").write_text("mine")
    assert parse_source("ptb") == ("ptb", None)
    assert list(open_source("./ptb").lines()) == ["mine"]


ERRORS = {
    "ptbb": '"ptbb" is neither a data set .did you mean "ptb".. nor a file, folder or glob that exists',
    "ptb:tset": 'ptb has no split "tset" .did you mean "test"..; it has train, valid, test',
    "macbeth:test": 'macbeth has no split "test"; it has train, valid',
    "spiral:train": "spiral has no split .*; it has none",
    "spiral": "spiral is points, not text",
    "-:test": "only data sets have splits",
    "nothing.txt": '"nothing.txt" is neither',
}


@pytest.mark.parametrize(("data", "message"), ERRORS.items())
def test_what_cannot_be_found_is_named(data, message):
    with pytest.raises(DataError, match=message):
        open_source(data)


def test_a_split_of_a_file_is_refused(text):
    with pytest.raises(DataError, match="only data sets have splits"):
        open_source(f"{text}:test")
    with pytest.raises(DataError, match="only data sets have splits"):
        open_source(text, "test")
    with pytest.raises(DataError, match="names the split test, but valid"):
        open_source("ptb:test", "valid")
    with pytest.raises(DataError, match='no split "test"; it has train, valid'):
        open_source(text).lines("test")


def test_the_last_twentieth_of_a_file_is_held_out(text):
    source = open_source(text)
    assert source.splits == ("train", "valid")
    assert list(source.lines("valid")) == ["95", "96", "97", "98", "99"]
    assert [*source.lines("train"), *source.lines("valid")] == list(source.lines())


@given(st.integers(2, 300))
def test_parts_are_the_whole_and_never_empty(count):
    lines = [str(k) for k in range(count)]
    source = PlainText("x", lambda: iter(lines))
    train, valid = list(source.lines("train")), list(source.lines("valid"))
    assert train + valid == lines
    assert train
    assert valid
    assert len(valid) == max(1, int(0.05 * count))


def test_one_line_cannot_be_held_out(tmp_path):
    (tmp_path / "a.txt").write_text("one line")
    source = open_source(tmp_path / "a.txt")
    assert list(source.lines()) == ["one line"]
    with pytest.raises(DataError, match="one line is too little to hold out the last 5%"):
        source.lines("train")


def test_standard_input_can_be_read_again_and_again(monkeypatch):
    raw = b"\xef\xbb\xbfa\r\nb\rc"
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(raw), encoding="ascii"))
    source = open_source("-")
    assert list(zip(source.lines(), source.lines(), strict=True)) == [("a", "a"), ("b", "b"), ("c", "c")]
    assert list(source.lines("train")) == ["a", "b"]


def piped(raw):
    """A name as the shell's <(cat a b) gives it, of what can be read once."""
    if not os.path.isdir("/dev/fd"):
        pytest.skip("this system has no names for pipes")
    ours, theirs = os.pipe()
    os.write(theirs, raw)
    os.close(theirs)
    return f"/dev/fd/{ours}"


def test_a_pipe_can_be_read_again_and_again():
    name = piped(b"\xef\xbb\xbfa\r\nb\rc")
    source = open_source(name)
    assert list(zip(source.lines(), source.lines(), strict=True)) == [("a", "a"), ("b", "b"), ("c", "c")]
    assert list(source.lines("train")) == ["a", "b"]
    assert source.name == name


def test_a_pipe_is_named_in_errors():
    with pytest.raises(DataError, match=r"/dev/fd/[0-9]+: line 2, byte 2: 0xff is not UTF-8"):
        list(open_source(piped(b"a\n\xff")).lines())


@pytest.mark.parametrize(("raw", "message"), [(b"", "standard input: there is no text"),
                                              (b"a\n\xff", "standard input: line 2, byte 2")])
def test_standard_input_is_named_in_errors(raw, message, monkeypatch):
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(raw), encoding="ascii"))
    with pytest.raises(DataError, match=message):
        list(open_source("-").lines())


def test_encoding_errors_can_be_replaced(tmp_path):
    (tmp_path / "a.txt").write_bytes(b"a\xff")
    assert list(open_source(tmp_path / "a.txt", errors="replace").lines()) == ["a\ufffd"]


@given(st.lists(st.integers(1, 90), min_size=3, max_size=200))
def test_fractions_cut_at_line_ends_and_cover_everything(weights):
    fractions = [0.9, 0.05, 0.05]
    bounds = [_bounds(weights, fractions, k) for k in range(3)]
    assert bounds[0][0] == 0
    assert bounds[-1][1] == len(weights)
    assert all(a[1] == b[0] and a[0] <= a[1] for a, b in itertools.pairwise(bounds))
    held = sum(weights[:bounds[0][1]])
    assert round(0.9 * sum(weights)) <= held < round(0.9 * sum(weights)) + max(weights)


def test_python_reference_is_there_without_a_download():
    parts = [list(dataset_lines("python-reference", split)) for split in ("train", "valid", "test")]
    total = sum(map(len, parts))
    assert total > 5_000
    assert abs(len(parts[0]) - 0.9 * total) <= 1
    assert abs(len(parts[1]) - 0.05 * total) <= 1
    assert [line for part in parts for line in part] == list(open_source("python-reference").lines())
    assert not any("\n" in line for part in parts for line in part)


def test_a_split_of_a_data_set_is_a_text(data_dir):
    source = open_source("ptb:test")
    assert sum(1 for _ in source.lines()) == 3761
    assert [*source.lines("train"), *source.lines("valid")] == list(dataset_lines("ptb", "test"))
    assert open_source("ptb").splits == ("train", "valid", "test")


@pytest.mark.parametrize("name", ["tinyshakespeare", "macbeth"])
def test_shakespeare_keeps_its_last_tenth(name, data_dir):
    raw = (data_dir / f"shakespeare/{name}.txt").read_text()
    train, valid = ("".join(line + "\n" for line in dataset_lines(name, split))
                    for split in ("train", "valid"))
    assert train + valid == raw
    assert 0 <= len(train) - 0.9 * len(raw) < 100
