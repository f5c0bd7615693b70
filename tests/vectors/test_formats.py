"""Files of word vectors: golden bytes, gensim both ways, round trips, and bad files that get one sentence."""
import gzip
import json
import struct

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tsuzuri.errors import ConfigError, DataError
from tsuzuri.interop import safetensors_store, table, word2vec_format
from tsuzuri.vectors.word_vectors import WordVectors

WORDS = ["the", "new york", "猫", "🙂 ok", "route 66", "#1", "Łódź", "-0.5"]
ODD = [0.1, -0.0, 1e-5, 1e-4, 16777216.0, 1e16, 3.0, 1 / 3]
SUFFIXES = [".txt", ".vec", ".txt.gz", ".vec.gz", ".bin", ".bin.gz", ".glove.txt", ".glove", ".glove.txt.gz", ".safetensors"]


def sample(size=8, words=WORDS):
    x = np.random.default_rng(0).normal(size=(len(words), size)).astype(np.float32)
    x[0, :8] = ODD[:size]
    return WordVectors(words, x, range(len(words), 0, -1))


GOLDEN = WordVectors(["a", "two words", "猫"], np.array([[0.1, -2.0], [1e-5, 1e16], [0.0, 1 / 3]], np.float32))
GOLDEN_TEXT = "3 2\na 0.1 -2.0\ntwo words 1e-05 1e+16\n猫 0.0 0.33333334\n".encode()
GOLDEN_BINARY = (b"3 2\na " + struct.pack("<ff", 0.1, -2.0) + b"two words " + struct.pack("<ff", 1e-5, 1e16) + "猫 ".encode()
                 + struct.pack("<ff", 0.0, 1 / 3))


def same(a, b):
    assert a.words == b.words
    assert a.vectors.dtype == b.vectors.dtype
    assert a.vectors.tobytes() == b.vectors.tobytes()


def test_the_bytes_are_those_that_gensim_writes(tmp_path):
    """The golden bytes were written by gensim 4.4's save_word2vec_format."""
    GOLDEN.save(tmp_path / "g.txt")
    GOLDEN.save(tmp_path / "g.bin")
    GOLDEN.save(tmp_path / "g.glove")
    assert (tmp_path / "g.txt").read_bytes() == GOLDEN_TEXT
    assert (tmp_path / "g.bin").read_bytes() == GOLDEN_BINARY
    assert (tmp_path / "g.glove").read_bytes() == GOLDEN_TEXT.partition(b"\n")[2]


def test_gensim_writes_the_same_bytes_and_reads_ours(tmp_path):
    models = pytest.importorskip("gensim.models")
    plain = [word.replace(" ", "_") for word in WORDS]
    for ours, readable in ((GOLDEN, False), (sample(), False), (sample(100), False), (sample(8, plain), True)):
        theirs = models.KeyedVectors(ours.size)
        theirs.add_vectors(ours.words, ours.vectors)
        for suffix, options in ((".txt", {}), (".bin", {"binary": True}), (".glove", {"write_header": False})):
            theirs.save_word2vec_format(str(tmp_path / f"theirs{suffix}"), **options)
            ours.save(tmp_path / f"ours{suffix}")
            assert (tmp_path / f"ours{suffix}").read_bytes() == (tmp_path / f"theirs{suffix}").read_bytes()
            if readable:
                same(WordVectors.load(tmp_path / f"theirs{suffix}"), ours)
                back = models.KeyedVectors.load_word2vec_format(str(tmp_path / f"ours{suffix}"), binary=suffix == ".bin",
                                                                no_header=suffix == ".glove")
                assert back.index_to_key == ours.words
                assert back.vectors.tobytes() == ours.vectors.tobytes()


@pytest.mark.parametrize("suffix", SUFFIXES)
@pytest.mark.parametrize("size", [8, 100])
def test_what_was_saved_is_loaded(suffix, size, tmp_path):
    sample(size).save(tmp_path / f"v{suffix}")
    loaded = WordVectors.load(tmp_path / f"v{suffix}")
    same(loaded, sample(size))
    assert loaded.counts == (sample().counts if suffix == ".safetensors" else None)
    same(WordVectors.load(tmp_path / f"v{suffix}", 3), WordVectors(WORDS[:3], sample(size).vectors[:3]))
    before = (tmp_path / f"v{suffix}").read_bytes()
    sample(size).save(tmp_path / f"v{suffix}")
    assert (tmp_path / f"v{suffix}").read_bytes() == before


text_words = st.lists(st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\r\n"), min_size=1, max_size=12)
                      .filter(lambda word: word == word.strip()), min_size=1, max_size=8, unique=True)


@given(text_words, st.integers(1, 6), st.integers(0, 99))
def test_any_words_survive_text(words, size, seed):
    import tempfile
    from pathlib import Path
    x = np.random.default_rng(seed).normal(size=(len(words), size)).astype(np.float32)
    with tempfile.TemporaryDirectory() as folder:
        for name in ("v.txt", "v.safetensors"):
            WordVectors(words, x).save(Path(folder, name))
            same(WordVectors.load(Path(folder, name)), WordVectors(words, x))


@pytest.mark.parametrize("chunk", [1, 100, 1 << 24])
def test_binary_files_with_spaces_line_ends_and_any_chunks(tmp_path, monkeypatch, chunk):
    """The original tool ends a vector with a line end; words with spaces are told by what follows them."""
    monkeypatch.setattr(word2vec_format, "CHUNK", chunk)
    monkeypatch.setattr(word2vec_format, "LONGEST", 40)
    rng = np.random.default_rng(1)
    words = [word for k in range(60) for word in (f"word{k}", f"abc def{k}", f"a bc d{k}", f"日 本{k}", f"to {k:03} x")]
    x = (rng.normal(size=(len(words), 20)) * 0.1).astype(np.float32)
    records = [word.encode() + b" " + row.tobytes() for word, row in zip(words, x, strict=True)]
    for end in (b"", b"\n"):
        (tmp_path / "v.bin").write_bytes(b"%d 20\n" % len(words) + end.join(records) + end)
        same(WordVectors.load(tmp_path / "v.bin"), WordVectors(words, x))


def test_odd_numbers_in_a_binary_file_do_not_make_odd_words(tmp_path):
    x = np.array([[1e-30, 2.0], [1e30, -1e-20], [0.5, 0.0]], np.float32)
    WordVectors(["a", "b", "c"], x).save(tmp_path / "v.bin")
    same(WordVectors.load(tmp_path / "v.bin"), WordVectors(["a", "b", "c"], x))


def test_text_as_other_tools_write_it(tmp_path):
    (tmp_path / "v.vec").write_bytes(b"2 3\r\nthe 1 2 3 \r\ncat 4 5e0 -6 \r\n\r\n")        # fastText: a space at the end
    same(WordVectors.load(tmp_path / "v.vec"), WordVectors(["the", "cat"], np.array([[1, 2, 3], [4, 5, -6]], np.float32)))
    (tmp_path / "v.glove.txt").write_bytes(b". . . 1 2\n7 3 4")                             # GloVe 840B: words with spaces
    assert WordVectors.load(tmp_path / "v.glove.txt").vectors.tolist() == [[1, 2], [3, 4]]


def test_the_suffix_argument_reads_a_file_under_another_name(tmp_path):
    (tmp_path / "glove.6B.2d.txt").write_text("the 1 2\n")
    assert WordVectors.load(tmp_path / "glove.6B.2d.txt", suffix=".glove").words == ["the"]
    with pytest.raises(DataError, match=r"first line is not the number of vectors .* ends in \.glove\.txt"):
        WordVectors.load(tmp_path / "glove.6B.2d.txt")


@pytest.mark.parametrize("dtype", [np.float16, np.float32, np.float64])
def test_safetensors_keeps_the_type_and_is_mapped(tmp_path, dtype):
    vectors = WordVectors(WORDS, np.random.default_rng(0).normal(size=(8, 5)).astype(dtype))
    vectors.save(tmp_path / "v.safetensors")
    loaded = WordVectors.load(tmp_path / "v.safetensors")
    same(loaded, vectors)
    base = loaded.vectors
    while base is not None and not isinstance(base, np.memmap):
        base = base.base
    assert isinstance(base, np.memmap)
    assert not loaded.vectors.flags.writeable
    assert loaded.most_similar("the") == vectors.most_similar("the")


def test_safetensors_are_those_of_the_library(tmp_path):
    from safetensors.numpy import load_file, save_file
    extra = {"contexts": np.arange(6, dtype=np.float32).reshape(2, 3).T, "flags": np.array([True, False]), "none": np.empty((0, 4)),
             "one": np.array(3, np.int32), "odd": np.arange(3, dtype=np.uint8), "half": np.arange(5, dtype=np.float16)}
    notes = {"method": "cbow", "seed": 1}
    given_table = table.Table(WORDS, sample().vectors, sample().counts)
    safetensors_store.save(tmp_path / "v.safetensors", given_table, extra, notes)
    theirs = load_file(tmp_path / "v.safetensors")
    stored = safetensors_store.load(tmp_path / "v.safetensors")
    assert stored.notes == notes
    for name, a in extra.items():
        for b in (theirs[name], stored.others[name]):
            assert (b.shape, b.dtype) == (a.shape, a.dtype)
            assert b.tolist() == a.tolist()
    assert bytes(theirs["words"]).decode() == "".join(WORDS)
    save_file({name: np.ascontiguousarray(a) for name, a in theirs.items()}, tmp_path / "again.safetensors")
    same(WordVectors.load(tmp_path / "again.safetensors"), sample())
    header = json.loads((tmp_path / "v.safetensors").read_bytes()[8:].split(b"}}")[0].decode() + "}}")
    assert list(header["__metadata__"]) == ["notes"]


def test_a_tensor_at_an_odd_place_is_copied(tmp_path):
    head = json.dumps({"a": {"dtype": "U8", "shape": [1], "data_offsets": [0, 1]},
                       "b": {"dtype": "F32", "shape": [2], "data_offsets": [1, 9]}}).encode()
    (tmp_path / "t.safetensors").write_bytes(len(head).to_bytes(8, "little") + head + b"x" + struct.pack("<ff", 1, 2))
    tensors, _ = safetensors_store.load_tensors(tmp_path / "t.safetensors")
    assert tensors["b"].tolist() == [1, 2]


TEXT = b"2 2\na 1 2\nb 3 4\n"
BINARY = b"2 1\na " + struct.pack("<f", 1) + b"b " + struct.pack("<f", 2)
BAD = [
    ("v.txt", b"", "the file is empty"),
    ("v.txt", b"hello world\n", "first line is not the number"),
    ("v.txt", b"a 1 2\nb 3 4\n", "GloVe"),
    ("v.txt", b"2\na 1\n", "first line is not the number"),
    ("v.txt", b"0 5\n", "declares 0 vectors"),
    ("v.txt", b"-2 5\na 1\n", "first line is not the number"),
    ("v.txt", b"3 2\na 1 2\nb 3 4\n", "declares 3 vectors, the file has 2"),
    ("v.txt", b"1 2\na 1 2\nb 3 4\n", "more vectors than the 1"),
    ("v.txt", b"2 2\na 1 2\nb 3\n", 'line 3: a word and 2 numbers.*not "b 3"'),
    ("v.txt", b"2 2\na 1 2\nb 3 x\n", "line 3: a word and 2 numbers"),
    ("v.txt", b"2 2\na 1 2\nb 3 4 5\n\n", None),                                    # the word is "b 3"
    ("v.txt", b"2 2\na 1 2\nb nan 4\n", 'the vector of "b" .row 2. has a number that is NaN'),
    ("v.txt", b"2 2\na 1 2\nb 1e99 4\n", "NaN or infinite"),
    ("v.txt", b"2 2\na 1 2\na 3 4\n", '"a" stands in row 1 and again in row 2'),
    ("v.txt", b"2 2\na 1 2\n\xff 3 4\n", "line 3: the word has the byte 0xff, which is not UTF-8"),
    ("v.txt", b"9000000000 300\na 1 2\n", "too short"),
    ("v.txt", b"99999999999999999999 300\na 1 2\n", "first line is not the number"),
    ("v.txt", b"1 9000000000\na 1 2\n", "too short"),
    ("v.txt.gz", gzip.compress(b"9000000000 300\na 1 2\n", mtime=0), "too short"),
    ("v.txt.gz", gzip.compress(TEXT, mtime=0)[:-12], "cannot be read"),
    ("v.txt.gz", b"no gzip", "cannot be read"),
    ("v.glove", b"", "first line is not a word and its numbers"),
    ("v.glove", b"one two\n", "first line is not a word and its numbers"),
    ("v.glove", b"a 1 2\nb 1\n", "line 2: a word and 2 numbers"),
    ("v.bin", b"", "the file is empty"),
    ("v.bin", b"\x00\x01\x02", "first line is not the number"),
    ("v.bin", BINARY[:-1], "file ends, or no longer makes sense, after 1 of the 2"),
    ("v.bin", BINARY[:8], "too short"),
    ("v.bin", BINARY + b"more", "bytes follow the 2 vectors"),
    ("v.bin", b"2 1\na " + struct.pack("<f", np.nan) + b"b " + struct.pack("<f", 2), "NaN or infinite"),
    ("v.bin", BINARY.replace(b"b ", b"a "), "stands in row 1 and again"),
    ("v.bin", BINARY.replace(b"b ", b"\xe3 "), "word 2: the word has the byte 0xe3"),
    ("v.bin", b"8000000000 300\n" + b"a" * 99, "too short"),
    ("v.safetensors", b"", "no whole safetensors file"),
    ("v.safetensors", b"\xff" * 99, "no whole safetensors file"),
    ("v.safetensors", b"\x02" + bytes(7) + b"[]", "header is no table"),
    ("v.safetensors", b"\x02" + bytes(7) + b"{}", "no tensor vectors"),
]


@pytest.mark.parametrize(("name", "content", "message"), BAD)
def test_a_bad_file_gets_one_sentence(name, content, message, tmp_path):
    (tmp_path / name).write_bytes(content)
    if message is None:
        assert WordVectors.load(tmp_path / name).words == ["a", "b 3"]
        return
    with pytest.raises(DataError, match=message) as caught:
        WordVectors.load(tmp_path / name)
    assert "\n" not in str(caught.value)
    assert str(tmp_path / name) in str(caught.value)


def header(path):
    data = path.read_bytes()
    size = int.from_bytes(data[:8], "little")
    return json.loads(data[8:8 + size]), data[8 + size:]


@pytest.mark.parametrize(("tensor", "key", "value"), [
    ("vectors", "shape", [1 << 40, 1 << 40]), ("vectors", "shape", [-1, -64]), ("vectors", "data_offsets", [0, 1 << 60]),
    ("vectors", "data_offsets", [-8, 248]), ("vectors", "dtype", "F8"), ("vectors", "shape", "x"), ("vectors", "shape", [64]),
    ("words", "shape", [3]), ("word_ends", "dtype", "F64"), ("counts", "shape", [4, 2])])
def test_a_safetensors_header_that_lies_is_refused(tensor, key, value, tmp_path):
    sample().save(tmp_path / "v.safetensors")
    entries, data = header(tmp_path / "v.safetensors")
    entries[tensor][key] = value
    head = json.dumps(entries).encode()
    (tmp_path / "v.safetensors").write_bytes(len(head).to_bytes(8, "little") + head + data)
    with pytest.raises(DataError):
        WordVectors.load(tmp_path / "v.safetensors")


def test_huge_declared_sizes_are_refused_before_memory_is_asked_for(tmp_path, monkeypatch):
    monkeypatch.setattr(np, "empty", lambda *args, **options: pytest.fail("memory was asked for"))
    for name in ("v.txt", "v.bin"):
        (tmp_path / name).write_bytes(b"900000000 300\na 1 2\n")
        with pytest.raises(DataError, match="too short"):
            WordVectors.load(tmp_path / name)


@pytest.mark.parametrize(("vectors", "name", "error"), [
    (WordVectors(["a\nb"], np.ones((1, 2))), "v.txt", "holds a line end"),
    (WordVectors(["a\rb"], np.ones((1, 2))), "v.glove", "holds a line end"),
    (WordVectors(["\na"], np.ones((1, 2))), "v.bin", "starts with a line end"),
    (WordVectors(["a"], np.array([[1, np.nan]])), "v.safetensors", "NaN or infinite"),
    (GOLDEN, "v.pkl", "never written"),
    (GOLDEN, "v.tx", r'did you mean "\.txt"'),
    (GOLDEN, "vectors", "does not end in a format"),
])
def test_what_cannot_be_saved_leaves_the_file_that_was_there(vectors, name, error, tmp_path):
    (tmp_path / name).write_bytes(b"as it was")
    with pytest.raises((DataError, ConfigError), match=error):
        vectors.save(tmp_path / name)
    assert [path.name for path in tmp_path.iterdir()] == [name]
    assert (tmp_path / name).read_bytes() == b"as it was"


def test_numbers_too_large_for_a_type_are_refused():
    with pytest.raises(DataError, match='as float16: the vector of "two words"'):
        GOLDEN.astype(np.float16)
    same(GOLDEN.astype(np.float64).astype(np.float32), GOLDEN)


def test_a_missing_file_is_named(tmp_path):
    for suffix in (".txt", ".bin", ".safetensors", ".pkl", ".glove"):
        with pytest.raises(DataError, match="there is no such file"):
            WordVectors.load(tmp_path / f"v{suffix}")
