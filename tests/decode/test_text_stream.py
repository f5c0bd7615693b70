"""Text as it comes: never half a character, never a part of a stop string."""
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tsuzuri.decode import TextStream
from tsuzuri.errors import ConfigError
from tsuzuri.text.tokenizers import train_tokenizer

JAPANESE = "吾輩は猫である。名前はまだ無い。\nどこで生れたかとんと見当がつかぬ。🐈\n"


class Pieces:
    """A tokenizer whose ids are places in a list of texts."""

    unit = "char"

    def __init__(self, pieces):
        self.pieces = pieces

    def decode(self, ids):
        return "".join(self.pieces[k] for k in ids)


def streamed(pieces, stops):
    stream = TextStream(Pieces(pieces), [], stops)
    shown = [stream.add(k) for k in range(len(pieces))]
    return [*shown, stream.rest()], stream


def by_character(text, stops):
    """Before the stop string that is complete first."""
    for end in range(len(text) + 1):
        found = [stop for stop in stops if text[:end].endswith(stop)]
        if found:
            return text[:end - max(map(len, found))]
    return text


@given(text=st.text("abc", max_size=30), cuts=st.sets(st.integers(0, 30)),
       stops=st.lists(st.text("abc", min_size=1, max_size=4), max_size=3))
def test_a_stop_string_over_the_borders_of_tokens(text, cuts, stops):
    """However the text is cut into tokens, it ends where it would end character by character."""
    places = sorted({0, len(text), *(k for k in cuts if k < len(text))})
    pieces = [text[a:b] for a, b in pairwise(places)]
    shown, stream = streamed(pieces, stops)
    wanted = by_character(text, stops)
    assert "".join(shown) == wanted
    assert stream.ended == any(stop in text for stop in stops)
    for k in range(len(shown)):                              # what was shown is never taken back
        assert wanted.startswith("".join(shown[:k]))


def test_only_what_may_become_a_stop_string_is_held_back():
    shown, _ = streamed(["one ", "EN", "E", " EN", "D!", "never"], ["END"])
    assert shown == ["one ", "", "EN", "E ", "", "", ""]
    shown, _ = streamed(["one ", "EN"], ["END"])
    assert shown == ["one ", "", "EN"]


def test_a_replacement_character_that_is_a_token_is_text():
    """It stands for bytes that a text had wrong, and is half of nothing where tokens are characters."""
    assert streamed(["b", "\ufffd", "c", "\ufffd"], ())[0] == ["b", "\ufffd", "c", "\ufffd", ""]


def test_an_empty_stop_string_is_refused():
    with pytest.raises(ConfigError, match="a stop string is empty"):
        TextStream(Pieces([]), [], [".", ""])


@pytest.fixture(scope="module")
def bpe():
    return train_tokenizer("bpe", [JAPANESE] * 3, size=270)


def test_japanese_from_bytes_comes_in_whole_characters(bpe):
    """Most characters are three tokens here, and every piece is text that a terminal can show."""
    ids = bpe.encode(JAPANESE)
    assert len(ids) > 1.5 * len(JAPANESE)
    for prompt in ("\n", "吾輩は", JAPANESE):
        stream = TextStream(bpe, bpe.encode(prompt))
        pieces = [stream.add(k) for k in ids]
        assert not any("\ufffd" in piece for piece in pieces)
        assert "".join(pieces) == JAPANESE


def test_half_a_character_at_the_end_is_not_shown(bpe):
    ids = bpe.encode("猫🐈")
    for length in range(len(ids)):
        stream = TextStream(bpe, bpe.encode("\n"))
        text = "".join(stream.add(k) for k in ids[:length]) + stream.rest()
        assert text in ("", "猫")
        assert text == bpe.decode(ids[:length]).rstrip("\ufffd")


@given(ids=st.lists(st.integers(0, 269), max_size=60))
def test_any_tokens_of_bytes_give_the_text_of_them_all(bpe, ids):
    """Bytes that are no UTF-8 become a mark once that is certain; only an end that may go on is missing."""
    stream = TextStream(bpe, bpe.encode("\n"))
    text = "".join(map(stream.add, ids))
    assert text == bpe.decode(ids).rstrip("\ufffd")


def test_a_stop_string_of_japanese(bpe):
    ids = bpe.encode(JAPANESE)
    stream = TextStream(bpe, bpe.encode("\n"), ["。名"])
    assert "".join(stream.add(k) for k in ids) == "吾輩は猫である"
