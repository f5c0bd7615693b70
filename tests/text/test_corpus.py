"""Corpora on disk: the ids of the text, the counts beside them, and nothing half written."""
import math

import numpy as np
import pytest

from tsuzuri.errors import DataError
from tsuzuri.text import BPETokenizer, CharTokenizer, WordTokenizer, corpus, encode_corpus, open_corpus
from tsuzuri.text.unknown_words import Spelling

LINES = ["吾輩は 猫 である", "", "you say hello", "名前は 👩‍👩‍👧 まだ無い"] * 50
TOKENIZERS = {"char": CharTokenizer.train(LINES[:4]), "word": WordTokenizer.train(LINES[:3]),
              "bpe": BPETokenizer.train(LINES, size=280)}


@pytest.mark.parametrize("unit", TOKENIZERS)
@pytest.mark.parametrize("chunk", [1, 7, 1 << 20])
def test_the_ids_are_those_of_the_lines(unit, chunk, tmp_path, monkeypatch):
    monkeypatch.setattr(corpus, "CHUNK", chunk)
    tokenizer = TOKENIZERS[unit]
    made = encode_corpus(iter(LINES), tokenizer, tmp_path)
    expected = [k for line in LINES for k in tokenizer.encode_line(line)]
    text = "".join(line + "\n" for line in LINES)
    for c in (made, open_corpus(tmp_path)):
        assert c.ids.tolist() == expected
        assert (c.tokens, c.characters, c.bytes) == (len(expected), len(text), len(text.encode()))
        assert c.unknown == (expected.count(tokenizer.unk_id) if tokenizer.unk_id is not None else 0)
        assert c.vocabulary == len(tokenizer)


def test_the_ids_are_a_read_only_memory_map_of_two_bytes_each(tmp_path):
    c = encode_corpus(LINES, TOKENIZERS["char"], tmp_path)
    assert isinstance(c.ids, np.memmap)
    assert c.ids.dtype == np.uint16
    assert (tmp_path / "ids.bin").stat().st_size == 2 * c.tokens
    with pytest.raises(ValueError, match="read-only"):
        c.ids[0] = 1


@pytest.mark.parametrize(("size", "dtype"), [(1 << 16, np.uint16), ((1 << 16) + 1, np.uint32)])
def test_a_large_vocabulary_takes_four_bytes(size, dtype, tmp_path):
    words = [f"w{k}" for k in range(size)]
    tokenizer = WordTokenizer.train(words, unk=False, eos=False)
    c = encode_corpus(words, tokenizer, tmp_path)
    assert len(tokenizer) == size
    assert c.ids.dtype == dtype
    assert tokenizer.decode(c.ids[-3:]) == " ".join(words[-3:])


def test_the_hash_follows_the_content(tmp_path):
    def sha(lines, name):
        return encode_corpus(lines, TOKENIZERS["char"], tmp_path / name).sha256
    assert sha(LINES, "a") == sha(LINES, "b") != sha(LINES[:-1], "c")


def test_a_text_that_fails_leaves_no_corpus(tmp_path):
    encode_corpus(LINES, TOKENIZERS["char"], tmp_path)

    def broken():
        yield "you"
        raise KeyboardInterrupt
    with pytest.raises(KeyboardInterrupt):
        encode_corpus(broken(), TOKENIZERS["char"], tmp_path)
    with pytest.raises(DataError, match=r"no tokens here \(corpus\.toml is missing\)"):
        open_corpus(tmp_path)
    assert {p.name for p in tmp_path.iterdir()} <= {"ids.bin"}


def test_files_that_do_not_belong_together_are_refused(tmp_path):
    encode_corpus(LINES, TOKENIZERS["char"], tmp_path)
    with open(tmp_path / "ids.bin", "ab") as handle:
        handle.write(b"x")
    with pytest.raises(DataError, match=r"ids\.bin: [\d,]+ bytes, but corpus\.toml says"):
        open_corpus(tmp_path)
    (tmp_path / "corpus.toml").write_text("tokens = 1\n")
    with pytest.raises(DataError, match=r"corpus\.toml: not the description"):
        open_corpus(tmp_path)


def test_the_spelling_of_unknown_words_is_counted_with_the_text(tmp_path, monkeypatch):
    """In pieces of a line or at once; bits a character are those of the tokens and of the spelling."""
    tokenizer, lines = WordTokenizer.train(["ab b b", "ab"]), ["ab zebra", "b", "ba <unk> zebra"]
    wanted = Spelling(tokenizer).bits("zebra ba zebra")
    for size in (1, 1000):
        monkeypatch.setattr(corpus, "CHUNK", size)
        c = encode_corpus(lines, tokenizer, tmp_path / str(size))
        assert (c.unknown, c.tokens, c.characters) == (4, 9, 26)
        assert c.spelling_bits == pytest.approx(wanted, rel=1e-12)
        assert c.bits_per_character(math.log(4)) == pytest.approx((9 * 2 + wanted) / 26, rel=1e-12)


def test_a_corpus_of_an_earlier_version_has_no_bits_where_words_are_unknown(tmp_path):
    for name, lines, known in (("some", ["ab zebra"], False), ("none", ["ab b"], True)):
        encode_corpus(lines, WordTokenizer.train(["ab b b"]), tmp_path / name)
        path = tmp_path / name / "corpus.toml"
        path.write_text("".join(line for line in path.read_text().splitlines(keepends=True) if "spelling" not in line))
        old = open_corpus(tmp_path / name)
        if known:
            assert old.bits(math.log(2)) == 3
        else:
            with pytest.raises(DataError, match="measure loss or perplexity"):
                old.bits(1.0)


def test_a_text_without_tokens_is_refused(tmp_path):
    with pytest.raises(DataError, match="no tokens"):
        encode_corpus(["  "], WordTokenizer.train(["a"], eos=False), tmp_path)


def test_encoding_holds_a_chunk_not_the_corpus(tmp_path):
    import tracemalloc
    lines = ("you say hello " * 5 for _ in range(200_000))                  # 14 MB of text, 28 MB of ids
    tracemalloc.start()
    c = encode_corpus(lines, TOKENIZERS["char"], tmp_path)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert c.characters == 200_000 * 71
    assert peak < 48 << 20          # a chunk at 8 bytes an id, a few times over


@pytest.mark.parametrize(("line", "other"), [('dtype = "<u2"', 'dtype = "zz"'), ('dtype = "<u2"', "dtype = 2"), ("tokens = ", 'tokens = "many"#'),
                                             ("tokens = ", "tokens = -"), ("vocabulary = ", "vocabulary = 1.5#"), ("sha256 = ", "sha256 = 1#")])
def test_a_foreign_description_is_refused(line, other, tmp_path):
    encode_corpus(LINES, TOKENIZERS["char"], tmp_path)
    path = tmp_path / "corpus.toml"
    assert line in path.read_text()
    path.write_text(path.read_text().replace(line, other))
    with pytest.raises(DataError, match=r"corpus\.toml: not the description of tokens"):
        open_corpus(tmp_path)


def test_other_ids_of_the_same_number_are_noticed(tmp_path):
    c = encode_corpus(LINES, TOKENIZERS["char"], tmp_path)
    assert corpus.checked(c) is c
    c.ids[::-1].tofile(tmp_path / "turned")
    (tmp_path / "turned").replace(tmp_path / "ids.bin")
    with pytest.raises(DataError, match=r"ids\.bin: the ids are not those that corpus\.toml speaks of"):
        corpus.checked(open_corpus(tmp_path))
