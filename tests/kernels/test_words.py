"""Words as numbers: both loops agree, equal ``str.split``, and go on over several calls in tables that grow."""
from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tsuzuri.kernels.inner import compiled
from tsuzuri.kernels.words import LINE_END, number_words

both_twins = pytest.mark.parametrize("on", [False, True], ids=["plain", "compiled"])
ALPHABET = st.sampled_from([*"aab .,-\t", " ", "\n", "\r", "\x0b", "\x0c", "\x1c", "\x1f", "é", "猫", "で", "ある", "😀",
                            "👩‍👧", "\x7f", "x" * 300])
TEXTS = st.lists(ALPHABET, max_size=60).map("".join)


class Tables:
    """The arrays of ``number_words``, with just the room that it asks for, and dirt where nothing was written yet."""

    def __init__(self):
        self.letters, self.ends, self.counts = np.empty(0, np.uint8), np.empty(0, np.int64), np.empty(0, np.int64)
        self.slots, self.used = np.zeros(2, np.int64), 0

    def number(self, text, on, keep_slots=False):
        raw = np.frombuffer(bytearray(text.encode()), np.uint8)
        words = self.used + len(raw) // 2 + 1
        letters = (int(self.ends[self.used - 1]) if self.used else 0) + len(raw)
        self.letters = grown(self.letters, letters)
        self.ends, self.counts = grown(self.ends, words), grown(self.counts, words)
        if not keep_slots or len(self.slots) - 1 < 2 * words:
            self.slots = np.zeros((1 << (2 * words - 1).bit_length()) + 1, np.int64)
        ids = np.full(len(raw) + 1, -9, np.int32)
        with compiled(on):
            self.used, written = number_words(raw, self.letters, self.ends, self.counts, self.slots, self.used, ids)
        return ids[:written].tolist()

    def words(self):
        bounds = [0, *self.ends[:self.used].tolist()]
        return [self.letters[a:b].tobytes().decode() for a, b in pairwise(bounds)]


def grown(array, size):
    larger = np.full(size, 77, array.dtype)
    larger[:len(array)] = array[:size]
    return larger


class Expected:
    """The same with a dictionary and ``str.split``."""

    def __init__(self):
        self.ids, self.counts = {}, []

    def number(self, text):
        out = []
        for k, line in enumerate(text.split("\n")):
            out += [LINE_END] if k else []
            for word in line.split():
                if word not in self.ids:
                    self.ids[word] = len(self.ids)
                    self.counts.append(0)
                self.counts[self.ids[word]] += 1
                out.append(self.ids[word])
        return out


def assert_same(tables, expected):
    assert tables.words() == list(expected.ids)
    assert tables.counts[:tables.used].tolist() == expected.counts


@both_twins
def test_by_hand(on):
    tables = Tables()
    assert tables.number("you say goodbye\nand  I say\n\n hello", on) == [0, 1, 2, -1, 3, 4, 1, -1, -1, 5]
    assert tables.words() == ["you", "say", "goodbye", "and", "I", "hello"]
    assert tables.counts[:6].tolist() == [1, 2, 1, 1, 1, 1]


@both_twins
@pytest.mark.parametrize("text", ["", "\n", "\n\n\n", " \t\r ", "a", "a\n", "\na", "a b", "ab a b ba aa",
                                  "a" * 100_000 + " a"], ids=repr)
def test_edges(text, on):
    tables, expected = Tables(), Expected()
    assert tables.number(text, on) == expected.number(text)
    assert_same(tables, expected)


@both_twins
@given(parts=st.lists(TEXTS, max_size=4))
def test_words_are_those_of_split_over_several_calls(parts, on):
    """A word that was met keeps its number, whether the table of places is the old one or an empty larger one."""
    for keep_slots in (False, True):
        tables, expected = Tables(), Expected()
        for part in parts:
            assert tables.number(part, on, keep_slots) == expected.number(part)
        assert_same(tables, expected)


@given(parts=st.lists(st.tuples(TEXTS, st.booleans()), max_size=5))
def test_twins_can_take_turns(parts):
    """The plain loop does not fill the table of places; the compiled one enters what it finds missing."""
    tables, expected = Tables(), Expected()
    for part, on in parts:
        assert tables.number(part, on, keep_slots=True) == expected.number(part)
    assert_same(tables, expected)


@given(st.text(max_size=60, alphabet=st.sampled_from("ab\u00e9\u732b\U0001f600 \n\t\x00\x07\x1f\x85\xa0\u1680\u2003\u2028\u202f\u3000")))
def test_twins_agree_on_any_text(text):
    """Every character up to 32 stands between words, and so does what else ``str.split`` takes for white space."""
    raw = text.encode()
    seen = []
    for on in (False, True):
        letters, ends, counts = np.zeros(len(raw), np.uint8), np.zeros(len(raw), np.int64), np.zeros(len(raw), np.int64)
        ids = np.zeros(len(raw) + 1, np.int32)
        source = np.frombuffer(bytearray(raw), np.uint8)
        with compiled(on):
            used, written = number_words(source, letters, ends, counts, np.zeros(257, np.int64), 0, ids)
        seen.append((used, ids[:written].tolist(), letters.tobytes(), ends[:used].tolist(), counts[:used].tolist()))
    assert seen[0] == seen[1]
    spaced = "".join(" " if char < " " and char != "\n" else char for char in text)
    assert len(seen[0][1]) == text.count("\n") + sum(len(line.split()) for line in spaced.split("\n"))


@both_twins
def test_many_words_in_a_half_full_table(on):
    rng = np.random.default_rng(0)
    tables, expected = Tables(), Expected()
    for _ in range(5):
        text = " ".join(map(str, rng.integers(0, 30_000, 10_000).tolist()))
        assert tables.number(text, on, keep_slots=True) == expected.number(text)
    assert tables.used > 20_000
    assert_same(tables, expected)


@both_twins
def test_a_word_longer_by_its_first_bytes_is_another(on):
    tables = Tables()
    assert tables.number("cat cats cat\ncats ca", on) == [0, 1, 0, -1, 1, 2]
    assert tables.number("ca cat s cats", on) == [2, 0, 3, 1]
