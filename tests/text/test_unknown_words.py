"""What unknown words cost, worked out by hand in fractions of a tiny vocabulary."""
import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tsuzuri.text.tokenizers import UNITS
from tsuzuri.text.tokenizers.char import CharTokenizer
from tsuzuri.text.tokenizers.word import WordTokenizer
from tsuzuri.text.unknown_words import CODE_POINTS, END, ESCAPE, Spelling

# Words of the vocabulary: ab, b.  Letters a 1, b 2, ends 2, escape 1: of 6.
A, B, STOP, ELSE = math.log2(6), math.log2(3), math.log2(3), math.log2(6) + math.log2(0x110000)


@pytest.fixture(scope="module")
def tiny():
    return WordTokenizer.train(["ab b b", "ab"])


def test_characters_cost_their_share_among_the_words_of_the_vocabulary(tiny):
    """Each word is counted once, however often it stands in the text; <unk> and <eos> are no words."""
    assert Spelling(tiny).costs == pytest.approx({"a": A, "b": B, END: STOP, ESCAPE: math.log2(6)}, rel=1e-15)
    assert CODE_POINTS == 0x10FFFF + 1


@pytest.mark.parametrize(("line", "bits"), [
    ("ab b", 0), ("a", A + STOP), ("ba", B + A + STOP), ("ba ab ba", 2 * (B + A + STOP)), ("c", ELSE + STOP), ("綴り", 2 * ELSE + STOP),
    ("acb b", A + ELSE + B + STOP), ("<unk>", 0), ("<unk> a <unk>", A + STOP), ("<UNK>", 5 * ELSE + STOP), ("", 0), ("end", 3 * ELSE + STOP),
])
def test_the_bits_of_a_line(tiny, line, bits):
    assert Spelling(tiny).bits(line + "\n") == pytest.approx(bits, rel=1e-14)
    assert Spelling(tiny).bits(f"{line}\nab\n{line}") == pytest.approx(2 * bits, rel=1e-14)


def test_probabilities_of_the_spelling_sum_to_one(tiny):
    for tokenizer in (tiny, CharTokenizer.train(["ab b", "c"])):
        assert sum(2 ** -cost for cost in Spelling(tokenizer).costs.values()) == pytest.approx(1, rel=1e-14)


def test_unknown_characters_are_words_of_one_letter():
    """Characters: a, b and the line end, each once with its end, and the escape: of 7.  The one that is unknown stands in none."""
    tokenizer = CharTokenizer.train(["ab", "b"])
    assert Spelling(tokenizer).costs == pytest.approx({"a": math.log2(7), "b": math.log2(7), "\n": math.log2(7),
                                                        END: math.log2(7 / 3), ESCAPE: math.log2(7)}, rel=1e-15)
    assert tokenizer.unknown("abXb\nY") == ["X", "Y"]
    assert Spelling(tokenizer).bits("aXb") == pytest.approx(math.log2(7) + math.log2(0x110000) + math.log2(7 / 3), rel=1e-14)


def test_a_line_end_that_is_an_eos_is_known():
    tokenizer = CharTokenizer.train(["ab"], eos=True)
    assert tokenizer.unknown("ab\nc\n") == ["c"]
    assert [text[0] for text in map("ab\nc\n".__getitem__, (slice(*place) for place in tokenizer.offsets("ab\nc\n")))] == list("ab\nc\n")


@given(st.text("aｶﾞB㍿ \nc<", max_size=12))
def test_the_unknown_are_those_that_encode_to_unk(text):
    for tokenizer in (WordTokenizer.train(["a ガ 株式会社"], nfkc=True, lowercase=True, punctuation="split"), CharTokenizer.train(["aカ"], nfkc=True)):
        assert len(tokenizer.unknown(text)) == tokenizer.encode(text).count(tokenizer.unk_id)


def test_marks_that_are_split_off_are_words_of_their_own():
    tokenizer = WordTokenizer.train(["ab b"], punctuation="split")
    assert tokenizer.unknown("ab, (b!) ba.\n") == [",", "(", "!", ")", "ba", "."]


def test_a_unit_that_knows_everything_spells_nothing():
    assert Spelling(UNITS["bpe"].train(["ab b ab"], size=260)).bits("綴り ba") == 0


@given(st.lists(st.text("ab c<", max_size=12), max_size=6))
def test_the_bits_of_a_text_are_the_sum_over_its_words(lines):
    tokenizer = WordTokenizer.train(["ab b b", "ab"])
    letters, words = {"a": A, "b": B}, [word for line in lines for word in line.split() if word not in ("ab", "b")]
    wanted = sum(sum(letters.get(letter, ELSE) for letter in word) + STOP for word in words)
    assert Spelling(tokenizer).bits("\n".join(lines)) == pytest.approx(wanted, rel=1e-12)
