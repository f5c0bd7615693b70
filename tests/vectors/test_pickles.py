"""The reader of pickles: the published weights are read, and nothing that a pickle can do is done."""
import io
import struct
from contextlib import suppress

import numpy as np
import pytest

from tsuzuri.errors import DataError
from tsuzuri.interop.pickles import read_pickle
from tsuzuri.vectors.word_vectors import WordVectors

HEAD = b"\x80\x04"
LIST = b"]"


def text(word):
    return b"\x8c" + bytes([len(word)]) + word.encode()


def array(values, order="<", columns=False, shape=None, code=None):
    """The pattern in which NumPy writes an array, by hand."""
    shape = values.shape if shape is None else shape
    dims = b"(" + b"".join(b"J" + struct.pack("<i", n) for n in shape) + b"t"
    kind = (b"cnumpy\ndtype\n" + text(code or values.dtype.str[1:]) + b"\x89\x88\x87R" + b"(K\x03" + text(order)
            + b"NNNJ\xff\xff\xff\xffJ\xff\xff\xff\xffK\x00tb")
    data = values.tobytes("F" if columns else "C")
    return (b"cnumpy.core.multiarray\n_reconstruct\n" + b"cnumpy\nndarray\n" + b"K\x00\x85C\x01b\x87R" + b"(K\x01" + dims + kind
            + (b"\x88" if columns else b"\x89") + b"B" + struct.pack("<I", len(data)) + data + b"tb")


@pytest.fixture
def read(tmp_path):
    def read(data):
        (tmp_path / "p.pkl").write_bytes(data)
        return read_pickle(tmp_path / "p.pkl")
    return read


def test_plain_values_are_read(read):
    import importlib
    plain = {"a": [1, -2, 1 << 40, 2.5, True, False, None, "猫", b"x", (), (1,), (1, 2), (1, 2, 3), (1, 2, 3, 4)], 7: {"b": []}}
    plain["shared"] = plain["a"]
    writer = importlib.import_module("pickle")                # to write, in a test; the product never reads with it
    for protocol in (2, 3, 4, 5):
        if protocol == 2:
            plain["a"][8] = "x"                              # its bytes are written as a call
        found = read(writer.dumps(plain, protocol))
        assert found == plain
        assert found["shared"] is found["a"]


@pytest.mark.parametrize("protocol", [3, 4, 5])
def test_arrays_are_read_as_numpy_wrote_them(read, protocol):
    import importlib
    writer = importlib.import_module("pickle")
    arrays = [np.arange(6, dtype=kind).reshape(2, 3) for kind in ("f2", "f4", "f8", ">f4", "i1", "i8", "u2")]
    arrays += [arrays[0].T, np.zeros((0, 3)), np.array(2.5), np.arange(4)[::2], np.array([True, False])]
    found = read(writer.dumps([*arrays, np.float32(1.5), np.int64(3)], protocol))
    for a, b in zip(arrays, found, strict=False):
        assert (b.dtype, b.shape) == (a.dtype, a.shape)
        assert b.tolist() == a.tolist()
    assert found[-2:] == [1.5, 3]


def test_arrays_by_hand(read):
    a = np.arange(6, dtype="<f4").reshape(2, 3)
    assert read(HEAD + array(a) + b".").tolist() == a.tolist()
    assert read(HEAD + array(a, columns=True) + b".").tolist() == a.tolist()
    assert read(HEAD + array(a.astype(">f4"), order=">") + b".").tolist() == a.tolist()


CALL = b"\x85R."                                             # one argument, call, end
HOSTILE = {
    "os.system by GLOBAL": b"cposix\nsystem\n" + text("touch hacked") + CALL,
    "eval": b"c__builtin__\neval\n" + text("1") + CALL,
    "STACK_GLOBAL": text("os") + text("system") + b"\x93" + text("touch hacked") + CALL,
    "names from numbers": b"K\x01K\x02\x93.",
    "names from lists": LIST + text("x") + b"\x93.",
    "INST": b"(" + text("touch hacked") + b"ios\nsystem\n.",
    "OBJ": b"(cos\nsystem\n" + text("touch hacked") + b"o.",
    "NEWOBJ": b"cos\nsystem\n)\x81.",
    "NEWOBJ_EX": b"cos\nsystem\n)}\x92.",
    "OBJ of numpy": b"(cnumpy\nndarray\no.",
    "NEWOBJ of numpy": b"cnumpy\nndarray\n)\x81.",
    "EXT1": b"\x82\x01.", "EXT2": b"\x83\x01\x00.", "EXT4": b"\x84\x01\x00\x00\x00.",
    "PERSID": b"Pwho\n.", "BINPERSID": text("who") + b"Q.",
    "NEXT_BUFFER": b"\x97.", "READONLY_BUFFER": b"\x97\x98.",
    "sets": b"\x8f(K\x01\x90.",
    "other numpy": b"cnumpy\nload\n" + text("x") + CALL,
    "numpy f2py": b"cnumpy.testing._private.utils\nrunstring\n" + text("x") + CALL,
    "a nested name": text("numpy") + text("core.multiarray._reconstruct") + b"\x93.",
    "codecs": b"c_codecs\nencode\n" + text("x") + text("latin1") + b"\x86R.",
    "calling a list": LIST + text("x") + CALL,
    "calling a number": b"K\x01" + text("x") + CALL,
    "calling ndarray": b"cnumpy\nndarray\n" + text("x") + CALL,
    "calling an array": array(np.zeros(1)) + text("x") + CALL,
    "reconstruct another type": b"cnumpy.core.multiarray\n_reconstruct\ncnumpy\ndtype\nK\x00\x85C\x01b\x87R.",
    "a state for a dict": b"}" + b"}" + text("__setstate__") + b"K\x01sb.",
    "a state for a list": LIST + b"}b.",
    "a state for a name": b"cnumpy\nndarray\n}b.",
    "a name as a value": b"cnumpy\nndarray\n.",
    "an array without a state": b"cnumpy.core.multiarray\n_reconstruct\ncnumpy\nndarray\nK\x00\x85C\x01b\x87R.",
    "an array of objects": array(np.zeros(1), code="O8"),
    "an array of records": array(np.zeros(1), code="V8"),
    "a list as a type": b"cnumpy\ndtype\n" + LIST + CALL,
    "fewer bytes than the shape": array(np.zeros(2), shape=(1 << 30,)) + b".",
    "more bytes than the shape": array(np.zeros(2), shape=(1,)) + b".",
    "a negative shape": array(np.zeros(2), shape=(-1, -2)) + b".",
    "many axes": array(np.zeros(1), shape=(1,) * 40) + b".",
    "huge axes": array(np.zeros(0), shape=(0,) + (2147483647,) * 7) + b".",
    "a dict with a tuple as key": b"}K\x01\x85K\x02s.",
    "a dict with a huge number as key": b"}\x8a\x09" + bytes(8) + b"\x01K\x02s.",
    "a dict with a list as key": b"}" + LIST + b"K\x02s.",
    "a list in itself": LIST + b"\x94h\x00a.",
    "a deep list": LIST * 1000 + b"a" * 999 + b".",
    "a very deep list": LIST * 300_000 + b"a" * 299_999 + b".",
    "a deep tuple": b")" + b"\x85" * 300_000 + b".",
    "a tuple that doubles as key": b"}" + b")" + b"\x94h\x00\x86" + b"".join(b"\x94h" + bytes([k]) + b"\x86" for k in range(1, 90)) + b"K\x01s.",
    "a tuple that doubles": b")" + b"".join(b"\x94h" + bytes([k]) + b"\x86" for k in range(90)) + b".",
    "a name that doubles": b")" + b"".join(b"\x94h" + bytes([k]) + b"\x86" for k in range(90)) + text("x") + b"\x93.",
    "declared text": b"X\xff\xff\xff\x7fabc.",
    "declared long text": b"\x8d" + b"\xff" * 7 + b"\x00abc.",
    "declared bytes": b"B\xff\xff\xff\xffabc.",
    "declared long bytes": b"\x8e" + b"\xff" * 7 + b"\x00abc.",
    "declared bytearray": b"\x96" + b"\xff" * 7 + b"\x00abc.",
    "declared number": b"\x8b\xff\xff\xff\x7fabc.",
    "text that is not text": b"\x8c\x02\xff\xfe.",
    "an empty stack": b".", "no end": b"K\x01", "nothing": b"", "reduce of nothing": b"R.", "build of nothing": b"b.",
    "memo of nothing": b"h\x07.", "mark of nothing": b"t.", "append to nothing": b"a.", "items of a number": b"K\x01(K\x01K\x02u.",
    "odd items": b"}(K\x01u.", "append to a number": b"K\x01K\x02a.", "protocol 0": b"(lp0\nI1\na.",
}


@pytest.mark.parametrize("name", HOSTILE)
def test_what_a_pickle_could_do_is_refused_with_one_sentence(name, read, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    with pytest.raises(DataError) as caught:
        read(HEAD + HOSTILE[name])
    assert "\n" not in str(caught.value)
    assert len(str(caught.value)) < 400
    assert [path.name for path in tmp_path.iterdir()] == ["p.pkl"]


def test_the_reader_imports_and_runs_nothing(read):
    """Python itself audits importing, compiling and running."""
    import sys
    seen = []
    watching = True
    sys.addaudithook(lambda event, _: seen.append(event) if watching and event in (
        "import", "exec", "compile", "os.system", "subprocess.Popen", "pickle.find_class", "code.__new__") else None)
    for data in HOSTILE.values():
        with pytest.raises(DataError):
            read(HEAD + data)
    watching = False
    assert "pickle.find_class" not in seen
    assert not {"os.system", "subprocess.Popen", "exec", "compile"} & set(seen)


def test_any_cut_of_a_pickle_is_refused(read):
    whole = HEAD + b"}" + text("a") + array(np.arange(3, dtype="<f4")) + b"s."
    assert list(read(whole)) == ["a"]
    for end in range(len(whole)):
        with pytest.raises(DataError):
            read(whole[:end])


def test_damaged_bytes_never_raise_anything_else(read):
    whole = HEAD + b"}" + text("a") + array(np.arange(3, dtype="<f4")) + b"s."
    rng = np.random.default_rng(0)
    for _ in range(300):
        data = bytearray(whole)
        for at in rng.integers(len(data), size=2):
            data[at] = rng.integers(256)
        with suppress(DataError):
            read(bytes(data))


def test_the_published_vectors_give_the_published_answers(data_dir):
    vectors = WordVectors.load(data_dir / "book/cbow_params.pkl")
    assert vectors.vectors.dtype == np.float16
    assert vectors.vectors.shape == (10_000, 100)
    near = vectors.most_similar("year", topn=2)
    assert [word for word, _ in near] == ["month", "week"]
    assert [score for _, score in near] == pytest.approx([0.719, 0.652], abs=1e-3)         # printed from float16 sums
    assert vectors.analogy("take", "took", "go", topn=1, method="dot") == [("went", pytest.approx(4.55, abs=5e-3))]
    assert vectors.analogy("take", "took", "go", topn=1)[0][0] == "went"


def test_the_published_language_model_is_read(data_dir):
    parts = read_pickle(data_dir / "book/Rnnlm.pkl")
    assert [part.shape for part in parts] == [(10_000, 100), (100, 400), (100, 400), (400,), (100, 10_000), (10_000,)]
    assert {part.dtype for part in parts} == {np.dtype(np.float16)}
    assert all(np.isfinite(part.astype(np.float32)).all() for part in parts)
    with pytest.raises(DataError, match="not a dict with word_vecs"):
        WordVectors.load(data_dir / "book/Rnnlm.pkl")


def book(vectors, names):
    import importlib
    out = io.BytesIO()
    importlib.import_module("pickle").dump({"word_vecs": vectors, "id_to_word": names}, out)
    return out.getvalue()


@pytest.mark.parametrize(("names", "message"), [
    ({0: "a"}, "does not name the 2 rows"), ({0: "a", 1: 2}, "does not name"), ({0: "a", 2: "b"}, "does not name"),
    (["a", "b"], "not a dict with word_vecs"), ({0: "a", 1: "a"}, "stands in row 1 and again")])
def test_a_book_whose_words_do_not_fit_is_refused(names, message, tmp_path):
    (tmp_path / "v.pkl").write_bytes(book(np.ones((2, 3), np.float16), names))
    with pytest.raises(DataError, match=message):
        WordVectors.load(tmp_path / "v.pkl")
