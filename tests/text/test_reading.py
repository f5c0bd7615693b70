"""Reading: every line end, no terminator, no byte order mark, and bad bytes named by line and place."""
import gzip
import io
import sys

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tsuzuri.errors import ConfigError, DataError
from tsuzuri.text import read_lines, read_text, reading

LINES = {
    "LF": (b"a\nb\n", ["a", "b"]),
    "CRLF": (b"a\r\nb\r\n", ["a", "b"]),
    "bare CR": (b"a\rb\r", ["a", "b"]),
    "all three, and blank lines": (b"a\r\n\r\nb\r\rc\n\nd", ["a", "", "b", "", "c", "", "d"]),
    "LF then CR is two ends": (b"a\n\rb", ["a", "", "b"]),
    "no end at the end": (b"a\nb", ["a", "b"]),
    "one blank line": (b"\n", [""]),
    "BOM": (b"\xef\xbb\xbfa\nb", ["a", "b"]),
    "a BOM inside is a character": (b"a\xef\xbb\xbf\n", ["a\ufeff"]),
    "form feed and U+2028 do not end a line": ("a\x0cb\u2028c\x85d\n".encode(), ["a\x0cb\u2028c\x85d"]),
    "Japanese and emoji": ("吾輩は猫である。\r👩‍👩‍👧\r\n".encode(), ["吾輩は猫である。", "👩‍👩‍👧"]),
}


@pytest.mark.parametrize(("raw", "lines"), LINES.values(), ids=LINES)
@pytest.mark.parametrize("block", [1, 2, 3, 7, 1 << 20])
def test_lines(raw, lines, block, tmp_path, monkeypatch):
    monkeypatch.setattr(reading, "BLOCK", block)
    (tmp_path / "a.txt").write_bytes(raw)
    assert list(read_lines(tmp_path / "a.txt")) == lines


@given(st.lists(st.tuples(st.text(st.characters(exclude_characters="\r\n", codec="utf-8")),
                          st.sampled_from(["\n", "\r\n", "\r"])), min_size=1))
def test_any_mixture_of_line_ends_reads_as_its_lines(pairs):
    pairs = [(line or "x", end) for line, end in pairs]         # CR, an empty line and LF would be one CRLF
    raw = "".join(line + end for line, end in pairs).encode()
    lines = [line for line, _ in pairs]
    lines[0] = lines[0].removeprefix("\ufeff")
    assert list(reading.decode_lines(io.BytesIO(raw), "x")) == lines


def test_gz_reads_as_the_file(tmp_path):
    (tmp_path / "a.txt.gz").write_bytes(gzip.compress("猫\r犬".encode()))
    assert list(read_lines(tmp_path / "a.txt.gz")) == ["猫", "犬"]


@pytest.mark.parametrize("raw", [b"no gzip", gzip.compress(b"a" * 99, mtime=0)[:-12], gzip.compress(b"a", mtime=0)[:12] + b"z"], ids=["not gzip", "cut short", "spoilt"])
def test_a_damaged_gz_is_named(raw, tmp_path):
    (tmp_path / "a.gz").write_bytes(raw)
    with pytest.raises(DataError, match=r"a\.gz: cannot be read"):
        list(read_lines(tmp_path / "a.gz"))


@pytest.fixture
def folder(tmp_path):
    for name, text in {"b.txt": "b", "a.txt": "a", "sub/c.txt": "c", "notes.md": "no"}.items():
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_text(text)
    return tmp_path


def test_a_folder_is_its_text_files_in_order(folder):
    assert list(read_lines(folder)) == ["a", "b", "c"]


def test_a_glob_is_its_files_in_order(folder):
    assert list(read_lines(f"{folder}/*.txt")) == ["a", "b"]
    assert list(read_lines(f"{folder}/**/*.txt")) == ["a", "b", "c"]


def test_a_file_whose_name_looks_like_a_glob_is_that_file(tmp_path):
    (tmp_path / "a[1].txt").write_text("x")
    assert list(read_lines(tmp_path / "a[1].txt")) == ["x"]


def test_dash_is_standard_input(monkeypatch):
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(b"a\r\nb\rc"), encoding="ascii"))
    assert list(read_lines("-")) == ["a", "b", "c"]


@pytest.mark.parametrize(("raw", "line", "byte"), [
    (b"\xff", 1, 0), (b"ab\xff", 1, 2), (b"a\r\nb\rc\n\xe7\x8c", 4, 7), (b"\xef\xbb\xbfa\n\xff", 2, 5)])
@pytest.mark.parametrize("block", [1, 3, 1 << 20])
def test_bad_bytes_are_named_by_line_and_byte(raw, line, byte, block, tmp_path, monkeypatch):
    monkeypatch.setattr(reading, "BLOCK", block)
    (tmp_path / "play.txt").write_bytes(raw)
    with pytest.raises(DataError, match=rf"play\.txt: line {line}, byte {byte}: 0x{raw[byte]:02x} is not"):
        list(read_lines(tmp_path / "play.txt"))


def test_bad_bytes_can_be_replaced_or_ignored(tmp_path):
    (tmp_path / "a.txt").write_bytes(b"a\xffb\nc")
    assert list(read_lines(tmp_path / "a.txt", errors="replace")) == ["a\ufffdb", "c"]
    assert list(read_lines(tmp_path / "a.txt", errors="ignore")) == ["ab", "c"]
    with pytest.raises(ConfigError, match='did you mean "replace"'):
        read_lines(tmp_path / "a.txt", errors="replce")


@pytest.mark.parametrize("raw", [b"", b"\xef\xbb\xbf"], ids=["empty", "BOM only"])
def test_no_text_is_an_error(raw, tmp_path):
    (tmp_path / "a.txt").write_bytes(raw)
    with pytest.raises(DataError, match=r"a\.txt: there is no text"):
        list(read_lines(tmp_path / "a.txt"))


@pytest.mark.parametrize("name", ["missing.txt", "*.txt", ""])
def test_nothing_of_that_name_is_an_error_at_once(name, tmp_path):
    with pytest.raises(DataError, match=r"no such file|holds no"):
        read_lines(tmp_path / name)


def test_reading_holds_one_block_not_the_file(tmp_path):
    import tracemalloc
    path = tmp_path / "a.txt"
    path.write_bytes(b"x" * 99 * 1024 + (b"\n" + b"y" * 79) * 200_000)          # 16 MB
    tracemalloc.start()
    count = sum(1 for _ in read_lines(path))
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert count == 200_001
    assert peak < 8 << 20


def test_read_text_ends_every_line(tmp_path):
    (tmp_path / "a.txt").write_bytes(b"a\rb")
    assert read_text(tmp_path / "a.txt") == "a\nb\n"


def test_aozora_lines_end_where_cr_stands(data_dir):
    raw = (data_dir / "aozora/neko.txt").read_bytes()
    assert not any("\r" in line or "\n" in line for line in read_lines(data_dir / "aozora/neko.txt"))
    ends = raw.count(b"\n") + raw.count(b"\r") - raw.count(b"\r\n")
    assert sum(1 for _ in read_lines(data_dir / "aozora/neko.txt")) == ends + (raw[-1] not in b"\r\n")
    assert next(read_lines(data_dir / "aozora/wagahaiwa_nekodearu.txt"))[0] != "\ufeff"
