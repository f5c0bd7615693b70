"""Words of a text on disk: ids decode to the words of each line, the vocabulary counts them, nothing is half written."""
import os
import re
import string
import tomllib
import unicodedata
from collections import Counter
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tsuzuri.errors import DataError
from tsuzuri.text import read_lines, word_corpus
from tsuzuri.text.tokenizers.options import Options
from tsuzuri.text.vocabulary import Vocabulary
from tsuzuri.text.word_corpus import LINE_END, open_words, read_words, reading_words, write_words

PLAIN = Options(unk=False)
LINES = ["you say goodbye and I say hello .", "", "吾輩は　猫 である\xa0。", "  (Don't) say 'hello' -- 1984 !!", "say"]
ALPHABET = st.sampled_from([*"aabAB19.'(-", " ", " ", "\u3000", "\xa0", "\t", "\x0c", "\x1d", "\x85", "\u2028", "ß",
                            "İ", "Σ", "猫", "。", "「", "😀", "１", "\\n", "\u200b", " <unk> ", " <eos> "])
TEXTS = st.lists(st.lists(ALPHABET, max_size=12).map("".join), min_size=1, max_size=8)
OPTIONS = st.builds(Options, lowercase=st.booleans(), digits=st.sampled_from(["keep", "zero"]),
                    punctuation=st.sampled_from(["keep", "split", "drop"]), max_size=st.sampled_from([None, 3, 5]),
                    min_count=st.sampled_from([1, 1, 2]), unk=st.booleans(), eos=st.booleans())


def is_mark(char):
    return char in string.punctuation or unicodedata.category(char)[0] == "P"


def split_marks(word, keep):
    """``(don't).`` -> ``( don't ) .``, or only ``don't``."""
    if word in ("<unk>", "<eos>"):
        return [word]
    marks = [is_mark(char) for char in word]
    if all(marks):
        return [*word] * keep
    start, end = marks.index(False), len(word) - marks[::-1].index(False)
    return [*word[:start] * keep, word[start:end], *word[end:] * keep]


def words_of(line, options):
    """The words of one line, from the meaning of the options."""
    words = line.split()
    if options.lowercase:
        words = [word.lower() for word in words]
    if options.digits == "zero":
        words = ["".join("0" if char.isdecimal() else char for char in word) for word in words]
    if options.punctuation != "keep":
        words = [part for word in words for part in split_marks(word, options.punctuation == "split")]
    return words + ["<eos>"] * options.eos


def kept_words(counter, options):
    """Specials, then words by falling count, equals in the order of their characters."""
    specials = ["<unk>"] * options.unk + ["<eos>"] * options.eos
    words = sorted((w for w, n in counter.items() if n >= options.min_count and w not in specials),
                   key=lambda word: (-counter[word], word))
    room = len(words) if options.max_size is None else max(options.max_size - len(specials), 0)
    return specials + words[:room]


def ids_of(corpus, **how):
    return np.concatenate([np.empty(0, np.int32), *corpus.blocks(**how)]).tolist()


def decoded(corpus):
    """Lists of words, one for each line end on disk."""
    lines = [[]]
    for k in ids_of(corpus):
        if k == LINE_END:
            lines.append([])
        else:
            lines[-1].append(corpus.vocabulary.tokens[k])
    assert not lines.pop()                                   # every line is ended
    return lines


def assert_is(corpus, lines, options):
    expected = [words_of(line, options) for line in lines]
    counter = Counter(word for words in expected for word in words)
    kept = kept_words(counter, options)
    if options.unk:
        expected = [[word if word in kept else "<unk>" for word in words] for words in expected]
    else:
        expected = [[word for word in words if word in kept] for words in expected]
    assert corpus.vocabulary.tokens == kept
    assert decoded(corpus) == expected
    final = Counter(word for words in expected for word in words)
    assert corpus.vocabulary.counts == [final[word] for word in kept]
    assert (corpus.words, corpus.lines) == (final.total(), len(lines))
    assert corpus.read == sum(len(line.split()) for line in lines)
    assert len(corpus) == corpus.words + corpus.lines


# What stands on disk.

def test_by_hand(tmp_path):
    corpus = read_words(["b a b", "", "c\u3000b\xa0a"], tmp_path, PLAIN)
    assert (corpus.vocabulary.tokens, corpus.vocabulary.counts) == (["b", "a", "c"], [3, 2, 1])
    assert ids_of(corpus) == [0, 1, 0, -1, -1, 2, 0, 1, -1]
    assert np.fromfile(tmp_path / "words.bin", "<i4").tolist() == ids_of(corpus)
    assert (tmp_path / "vocab.txt").read_text() == "b\t3\na\t2\nc\t1\n"
    assert (corpus.words, corpus.lines, corpus.read) == (6, 3, 6)
    assert all(block.dtype == np.int32 for block in corpus.blocks())


def test_options_by_hand(tmp_path):
    def read(line, **options):
        return decoded(read_words([line], tmp_path, Options(**{"unk": False, **options})))[0]

    assert " ".join(read("(Don't) «say» ... 12x", punctuation="split")) == "( Don't ) « say » . . . 12x"
    assert read("(Don't) «say» ... 12x", punctuation="drop") == ["Don't", "say", "12x"]
    assert read("(Don't) ٣x 12x", lowercase=True, digits="zero") == ["(don't)", "0x", "00x"]
    assert read("a b a", unk=True, min_count=2, eos=True) == ["a", "<unk>", "a", "<eos>"]
    assert read("a b b c c c", max_size=2) == ["b", "b", "c", "c", "c"]
    assert read("a b b c c c", max_size=2, unk=True) == ["<unk>"] * 3 + ["c"] * 3


@pytest.mark.parametrize("options", [PLAIN, Options(), Options(eos=True), Options(unk=False, eos=True),
                                     Options(unk=False, min_count=2), Options(min_count=2, lowercase=True),
                                     Options(max_size=4, unk=False),
                                     Options(punctuation="split", unk=False),
                                     Options(punctuation="drop", digits="zero")], ids=repr)
@pytest.mark.parametrize(("chunk", "block"), [(1, 1), (7, 3), (1 << 16, 1 << 20)])
def test_the_ids_decode_to_the_words_of_each_line(options, chunk, block, tmp_path, monkeypatch):
    """In whatever portions the text is numbered and the numbers are rewritten."""
    monkeypatch.setattr(word_corpus, "CHUNK", chunk)
    monkeypatch.setattr(word_corpus, "BLOCK", block)
    assert_is(read_words(iter(LINES * 5), tmp_path, options), LINES * 5, options)
    assert_is(open_words(tmp_path), LINES * 5, options)


@given(TEXTS, OPTIONS)
def test_any_text_with_any_options(lines, options):
    counter = Counter(word for line in lines for word in words_of(line, options))
    with TemporaryDirectory() as folder:
        if len(kept_words(counter, options)) == options.unk + options.eos:
            with pytest.raises(DataError):
                read_words(lines, folder, options)
        else:
            assert_is(read_words(lines, folder, options), lines, options)
            assert_is(open_words(folder), lines, options)


def test_opened_again_it_is_the_same(tmp_path):
    made = read_words(LINES, str(tmp_path), Options(eos=True))
    opened = open_words(str(tmp_path))
    assert (opened.words, opened.lines, opened.read, opened.folder) == (made.words, made.lines, made.read, made.folder)
    assert (opened.vocabulary.tokens, opened.vocabulary.counts) == (made.vocabulary.tokens, made.vocabulary.counts)
    assert ids_of(opened) == ids_of(made) == ids_of(opened)
    assert tomllib.loads((tmp_path / "words.toml").read_text())["options"]["eos"] is True


def test_a_text_read_into_the_same_folder_replaces_the_old_one(tmp_path):
    read_words(LINES * 9, tmp_path, PLAIN)
    read_words(["a b"], tmp_path, PLAIN)
    assert decoded(open_words(tmp_path)) == [["a", "b"]]
    assert sorted(path.name for path in tmp_path.iterdir()) == ["vocab.txt", "words.bin", "words.toml"]


@pytest.mark.parametrize("size", [1, 2, 7, 1 << 20])
def test_blocks_of_any_size_from_any_start(size, tmp_path):
    corpus = read_words(LINES, tmp_path, Options(eos=True))
    whole = ids_of(corpus)
    for start in range(len(corpus) + 1):
        blocks = list(corpus.blocks(size, start))
        assert [k for block in blocks for k in block.tolist()] == whole[start:]
        assert all(len(block) == size for block in blocks[:-1])
        assert all(len(block) for block in blocks)


def test_progress_is_told_the_words_read_so_far(tmp_path, monkeypatch):
    monkeypatch.setattr(word_corpus, "CHUNK", 40)
    reading, told = reading_words(LINES * 20, tmp_path, PLAIN), []
    try:
        while True:
            told.append(next(reading))
    except StopIteration as end:
        corpus = end.value
    assert told == sorted(told)
    assert len(told) > 10
    assert told[-1] == corpus.read == len(" ".join(LINES * 20).split())
    assert_is(corpus, LINES * 20, PLAIN)


def test_a_reading_given_up_leaves_what_was_there(tmp_path):
    read_words(LINES, tmp_path, PLAIN)
    reading = reading_words(["something else"], tmp_path, PLAIN)
    next(reading)
    reading.close()
    assert open_words(tmp_path).read == sum(len(line.split()) for line in LINES)
    assert not list(tmp_path.glob(".*"))


def test_known_words_stay_however_rare(tmp_path):
    corpus = read_words(["a b c a b d d a"], tmp_path, Options(unk=False, min_count=3), known={"c", "not there"})
    assert (corpus.vocabulary.tokens, corpus.vocabulary.counts) == (["a", "c"], [3, 1])
    assert decoded(corpus) == [["a", "c", "a", "a"]]


def test_written_blocks_are_opened_as_if_they_had_been_read(tmp_path):
    vocabulary = Vocabulary(["b", "a_b", "<x>"], [3, 1, 0])
    blocks = [np.array(ids, np.int64) for ids in ([0, -1, -1, 0], [], [1, 0, -1])]
    made = write_words(tmp_path, iter(blocks), vocabulary, 9, {"phrases": 2})
    for corpus in (made, open_words(tmp_path)):
        assert decoded(corpus) == [["b"], [], ["b", "a_b", "b"]]
        assert (corpus.words, corpus.lines, corpus.read) == (4, 3, 9)
        assert (corpus.vocabulary.tokens, corpus.vocabulary.counts) == (vocabulary.tokens, vocabulary.counts)
    assert tomllib.loads((tmp_path / "words.toml").read_text())["options"] == {"phrases": 2}


def test_blocks_that_break_off_leave_nothing_to_open(tmp_path):
    def blocks():
        yield np.array([0, -1], np.int32)
        raise OSError("the disk went away")

    vocabulary = read_words(["a"], tmp_path, PLAIN).vocabulary
    with pytest.raises(OSError, match="went away"):
        write_words(tmp_path, blocks(), vocabulary, 1, {})
    with pytest.raises(DataError):
        open_words(tmp_path)


def test_reading_holds_the_vocabulary_not_the_text(tmp_path):
    import tracemalloc
    read_words(LINES, tmp_path, PLAIN)                       # compiles
    tracemalloc.start()
    lines = (f"{k % 500} und " * 20 for k in range(50_000))  # 8 MB of text, 8 MB of ids
    corpus = read_words(lines, tmp_path, PLAIN)
    ids = sum(len(block) for block in corpus.blocks(1 << 12))
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert ids == 50_000 * 41
    assert peak < 48 << 20                                   # 2^20 ids at a time, with a few int64 beside each


# Errors.

@pytest.mark.parametrize("eos", [False, True])
@pytest.mark.parametrize(("lines", "options"), [([], {}), ([""], {}), (["  ", "\u3000\t", ""], {}),
                                                (["... !"], {"punctuation": "drop"})])
def test_no_words_are_an_error(lines, options, eos, tmp_path):
    with pytest.raises(DataError, match="the text has no words"):
        read_words(lines, tmp_path, Options(eos=eos, **options))


@pytest.mark.parametrize("unk", [False, True])
@pytest.mark.parametrize("eos", [False, True])
def test_nothing_left_names_the_largest_count(unk, eos, tmp_path):
    lines = ["a b", "b c", "b", "", "", ""]
    with pytest.raises(DataError, match=r"no word is left.*\b3\b words.*met 3 times.*--min-count from 4"):
        read_words(lines, tmp_path, Options(min_count=4, unk=unk, eos=eos))


def test_where_only_unknown_words_are_frequent_the_largest_count_is_of_a_word(tmp_path):
    with pytest.raises(DataError, match=r"met 1 time.*--min-count from 3"):
        read_words(["<unk> a <unk> <unk> b <unk>"], tmp_path, Options(min_count=3))


@pytest.mark.parametrize("options", [Options(max_size=1), Options(max_size=2, eos=True)], ids=repr)
def test_a_vocabulary_too_small_for_a_word_is_not_blamed_on_min_count(options, tmp_path):
    with pytest.raises(DataError) as error:
        read_words(["a b a"], tmp_path, options)
    assert "max" in str(error.value)
    assert "min-count" not in str(error.value)


def test_a_line_end_that_becomes_two_does_not_hide_a_word_that_becomes_none(tmp_path):
    """One more and one less: as many ids as raw words, but not one for each."""
    corpus = read_words(["say , say now", "now say"], tmp_path, Options(unk=False, eos=True, punctuation="drop"))
    words = [corpus.vocabulary.tokens[k] if k >= 0 else "|" for block in corpus.blocks() for k in block.tolist()]
    assert " ".join(words) == "say say now <eos> | now say <eos> |"


def failing():
    yield from LINES
    raise OSError("the disk went away")


def test_a_reading_that_fails_leaves_what_was_there(tmp_path):
    before = [block.tolist() for block in read_words(LINES, tmp_path, PLAIN).blocks()]
    with pytest.raises(OSError, match="went away"):
        read_words(failing(), tmp_path, PLAIN)
    assert [block.tolist() for block in open_words(tmp_path).blocks()] == before
    assert not list(tmp_path.glob(".*"))                     # no temporary file stays


@pytest.mark.parametrize("name", ["vocab.txt", "words.toml"])
def test_whatever_write_fails_there_is_nothing_to_open(name, tmp_path, monkeypatch):
    """words.toml is the last to be written."""
    read_words(LINES, tmp_path, PLAIN)

    def replace(source, target, replace=os.replace):
        if Path(target).name == name:
            raise OSError("no space left")
        replace(source, target)

    monkeypatch.setattr("os.replace", replace)
    with pytest.raises(OSError, match="no space"):
        read_words(["other words"], tmp_path, PLAIN)
    monkeypatch.undo()
    assert not (tmp_path / "words.toml").exists()
    with pytest.raises(DataError):
        open_words(tmp_path)


def damage_length(folder):
    raw = (folder / "words.bin").read_bytes()
    (folder / "words.bin").write_bytes(raw[:-4])


def damage_vocabulary(folder):
    """A vocabulary of another text: its ids end earlier than those on disk."""
    lines = (folder / "vocab.txt").read_text().splitlines(keepends=True)
    (folder / "vocab.txt").write_text("".join(lines[:-2]))


DAMAGE = {
    "no folder": lambda folder: folder.rename(folder.with_name("away")),
    "no words.toml": lambda folder: (folder / "words.toml").unlink(),
    "no words.bin": lambda folder: (folder / "words.bin").unlink(),
    "no vocab.txt": lambda folder: (folder / "vocab.txt").unlink(),
    "words.toml is not TOML": lambda folder: (folder / "words.toml").write_text("words = "),
    "words.toml is not UTF-8": lambda folder: (folder / "words.toml").write_bytes(b"words = \xff"),
    "words.toml is empty": lambda folder: (folder / "words.toml").write_text(""),
    "words.toml lacks a count": lambda folder: (folder / "words.toml").write_text("words = 5\nlines = 2\n"),
    "words.toml has text for a count": lambda folder: (folder / "words.toml").write_text('words="5"\nlines=2\nread=3'),
    "words.bin is cut": damage_length,
    "words.bin is empty": lambda folder: (folder / "words.bin").write_bytes(b""),
    "vocab.txt is cut": lambda folder: (folder / "vocab.txt").write_text("you\t1\nsay"),
    "vocab.txt belongs to another text": damage_vocabulary,
    "words.toml is a folder": lambda folder: ((folder / "words.toml").unlink(), (folder / "words.toml").mkdir()),
}


@pytest.mark.parametrize("damage", DAMAGE.values(), ids=DAMAGE)
def test_a_damaged_folder_is_named(damage, tmp_path):
    folder = tmp_path / "corpus"
    read_words(LINES, folder, PLAIN)
    damage(folder)
    with pytest.raises(DataError, match=re.escape(str(folder))):
        open_words(folder)


# Real text.

def test_penn_treebank(data_dir, tmp_path):
    path = data_dir / "ptb/ptb.train.txt"
    raw = path.read_text("utf-8").split("\n")
    counter = Counter(word for line in raw for word in line.split())
    assert (counter.total(), len(counter), raw.count(""), len(raw) - 1) == (887_521, 9_999, 1, 42_068)
    corpus = read_words(read_lines(path), tmp_path, PLAIN)
    assert (corpus.words, corpus.read, corpus.lines) == (887_521, 887_521, 42_068)
    assert dict(zip(corpus.vocabulary.tokens, corpus.vocabulary.counts)) == counter
    assert corpus.vocabulary.counts == sorted(counter.values(), reverse=True)
    tokens = [*corpus.vocabulary.tokens, "\n"]               # id -1 is the last
    assert " ".join(tokens[k] for block in corpus.blocks(10_007) for k in block.tolist()).split(" \n")[:-1] == [
        " ".join(line.split()) if k == 0 else " " + " ".join(line.split()) for k, line in enumerate(raw[:-1])]


def test_penn_treebank_without_its_rare_words(data_dir, tmp_path):
    path = data_dir / "ptb/ptb.valid.txt"
    counter = Counter(path.read_text("utf-8").split())
    frequent = {word: count for word, count in counter.items() if count >= 5}
    corpus = read_words(read_lines(path), tmp_path, Options(unk=False, min_count=5))
    assert dict(zip(corpus.vocabulary.tokens, corpus.vocabulary.counts)) == frequent
    assert corpus.words == sum(frequent.values()) < corpus.read == counter.total()


def test_a_japanese_novel(data_dir, tmp_path):
    lines = list(read_lines(data_dir / "aozora/wagahaiwa_nekodearu.txt"))
    assert any("\u3000" in line for line in lines)
    assert decoded(read_words(lines, tmp_path, PLAIN)) == [line.split() for line in lines]
