"""Tokenizers: identities of encode, decode, save and load, and what each option does."""
import string

import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from tsuzuri.datasets import dataset_lines
from tsuzuri.errors import ConfigError, DataError
from tsuzuri.text import BPETokenizer, CharTokenizer, WordTokenizer, load_tokenizer, train_tokenizer
from tsuzuri.text.tokenizers.options import Options
from tsuzuri.text.vocabulary import Vocabulary

LINES = ["You say goodbye and I say hello .", "綴り は つづり 。",
         "I can't, can I? 12 👩‍👩‍👧 <unk> café", "", "\ttab\\n \u3000"]
UNITS = ["char", "word", "bpe"]
TEXTS = st.text(st.characters(codec="utf-8", exclude_categories=["Cs"]))
LINE_TEXTS = st.text(st.characters(codec="utf-8", exclude_characters="\n"))


@pytest.mark.parametrize("unit", UNITS)
def test_ids_are_of_the_vocabulary_and_lines_chain(unit):
    tokenizer = train_tokenizer(unit, LINES)
    chained = [k for line in LINES for k in tokenizer.encode_line(line)]
    whole = tokenizer.encode("\n".join(LINES) + "\n")
    assert whole == chained
    assert tokenizer.encode_array("\n".join(LINES) + "\n").tolist() == chained
    assert min(whole) >= 0
    assert max(whole) < len(tokenizer)
    assert tokenizer.encode("") == []
    assert tokenizer.decode([]) == ""


@given(st.lists(LINE_TEXTS, min_size=1), st.booleans(), st.booleans())
def test_char_decode_undoes_encode_for_known_characters(lines, eos, unk):
    tokenizer = CharTokenizer.train([*lines, "x"], eos=eos, unk=unk)
    text = "\n".join(lines)
    assert tokenizer.decode(tokenizer.encode(text)) == text
    assert tokenizer.decode(tokenizer.encode_line(lines[0])) == lines[0] + "\n"
    assert len(tokenizer) == len(set(text + "x\n")) + unk


BPE = BPETokenizer.train(LINES, size=300)


@given(TEXTS)
def test_bpe_decode_undoes_encode_for_any_text(text):
    assert BPE.decode(BPE.encode(text)) == text


@given(TEXTS, TEXTS)
def test_bpe_cuts_a_prompt_as_it_cut_the_corpus(a, b):
    assert BPE.encode(a + "\n" + b) == BPE.encode(a + "\n") + BPE.encode(b)


@given(st.lists(LINE_TEXTS, min_size=1))
def test_word_encode_undoes_decode(lines):
    assume(not any("<eos>" in line.split() for line in lines))     # is a line end where it stands in the text
    tokenizer = WordTokenizer.train([*lines, "x"])
    ids = [k for line in lines for k in tokenizer.encode_line(line)]
    assert tokenizer.encode(tokenizer.decode(ids)) == ids
    assert tokenizer.decode(ids) == "".join(" ".join(line.split()) + "\n" for line in lines)


@settings(max_examples=40, deadline=None)
@given(st.lists(st.text(), min_size=1), st.sampled_from(["char", "word"]))
def test_saved_vocabularies_load_as_they_were(tmp_path_factory, lines, unit):
    folder = tmp_path_factory.mktemp("tokenizer")
    tokenizer = train_tokenizer(unit, [*lines, *LINES])             # surrogates too: st.text() makes them
    tokenizer.save(folder)
    loaded = load_tokenizer(folder)
    assert type(loaded) is type(tokenizer)
    assert loaded.options == tokenizer.options
    assert loaded.vocabulary.tokens == tokenizer.vocabulary.tokens
    assert loaded.vocabulary.counts == tokenizer.vocabulary.counts
    assert loaded.encode("\n".join(lines)) == tokenizer.encode("\n".join(lines))


def test_a_saved_bpe_loads_as_it_was_and_training_repeats_itself(tmp_path):
    again = BPETokenizer.train(LINES, size=300)
    for name, tokenizer in (("a", BPE), ("b", again), ("c", None)):
        (tokenizer or load_tokenizer(tmp_path / "a")).save(tmp_path / name)
    for file in ("tokenizer.json", "tokenizer.toml"):
        assert len({(tmp_path / name / file).read_bytes() for name in "abc"}) == 1
    assert load_tokenizer(tmp_path / "a").encode("つづり 👩‍👩‍👧") == BPE.encode("つづり 👩‍👩‍👧")
    assert 256 < len(BPE) <= 300


def test_the_vocabulary_file_can_be_read(tmp_path):
    WordTokenizer.train(["b a b", "a\\b 猫"]).save(tmp_path)
    assert (tmp_path / "vocab.txt").read_text("utf-8") == "<unk>\t0\n<eos>\t2\nb\t2\na\t1\na\\\\b\t1\n猫\t1\n"
    CharTokenizer.train(["a \u3000\t"], unk=False).save(tmp_path)
    assert (tmp_path / "vocab.txt").read_text("utf-8") == "\\t\t1\n\\n\t1\n\\x20\t1\na\t1\n\\u3000\t1\n"
    assert (tmp_path / "tokenizer.toml").read_text().startswith('unit = "char"\nlowercase = false\n')


def test_unknown_words_are_unk_or_an_error_that_names_them():
    tokenizer = WordTokenizer.train(["a b"])
    assert tokenizer.decode(tokenizer.encode("a zebra")) == "a <unk>"
    with pytest.raises(DataError, match=r'the word "zebra" .*unk'):
        WordTokenizer.train(["a b"], unk=False).encode("a zebra")
    for text in ("aé", "a\U0001f600", "\x01"):
        with pytest.raises(DataError, match=rf"the char .*U\+{ord(text[-1]):04X}"):
            CharTokenizer.train(["ab"], unk=False).encode(text)
        assert CharTokenizer.train(["ab"]).encode(text)[-1] == CharTokenizer.train(["ab"]).unk_id


def test_a_literal_unk_in_the_text_is_the_unknown_word():
    tokenizer = WordTokenizer.train(["the <unk> said", "<unk>"])
    assert tokenizer.encode("<unk>") == tokenizer.encode("zebra") == [tokenizer.unk_id]
    assert tokenizer.vocabulary.counts[tokenizer.unk_id] == 2


OPTIONS = [
    ({"lowercase": True}, "Ab ÉA", "ab éa"),
    ({"digits": "zero"}, "a 1987 ５ 3.5", "a 0000 0 0.0"),
    ({"punctuation": "split"}, "(don't). 「猫」 x-y $5 --", "( don't ) . 「 猫 」 x-y $ 5 - -"),
    ({"punctuation": "drop"}, "(don't). 「猫」 x-y $5 -- <unk>", "don't 猫 x-y 5 <unk>"),
    ({"max_size": 3}, "b b b a", "b b b <unk>"),
    ({"min_count": 2}, "b b a", "b b <unk>"),
]


@pytest.mark.parametrize(("options", "text", "decoded"), OPTIONS, ids=lambda x: str(x)[:24])
def test_word_options(options, text, decoded):
    tokenizer = WordTokenizer.train([text], **options)
    assert tokenizer.decode(tokenizer.encode(text)) == decoded


def test_char_options():
    def shown(text, **options):
        tokenizer = CharTokenizer.train([text], **options)
        return tokenizer.decode(tokenizer.encode(text))
    assert shown("Ab1", lowercase=True, digits="zero") == "ab0"
    assert shown("「猫」, a-b.", punctuation="drop") == "猫 ab"
    assert shown("bba", max_size=3) == "bb<unk>"                    # <unk>, b and one of newline and a
    assert CharTokenizer.train(["ab"]).eos_id is None
    with_eos = CharTokenizer.train(["ab"], eos=True)
    assert with_eos.encode_line("a")[-1] == with_eos.eos_id


def test_eos_ends_every_line_and_can_be_off():
    on, off = WordTokenizer.train(["a b"]), WordTokenizer.train(["a b"], eos=False)
    assert on.encode_line("a") == [*on.encode("a"), on.eos_id]
    assert off.encode_line("a") == off.encode("a")
    assert off.eos_id is None


def test_max_size_counts_the_specials_and_equals_go_by_character():
    tokenizer = WordTokenizer.train(["d c b a"], max_size=4)
    assert tokenizer.vocabulary.tokens == ["<unk>", "<eos>", "a", "b"]
    assert tokenizer.vocabulary.counts == [2, 1, 1, 1]


ERRORS = [
    ("word", {"lower_case": True}, 'no option "lower_case" .did you mean "lowercase"'),
    ("bpe", {"digits": "zero"}, 'the bpe tokenizer has no option "digits"; it has size, min_count'),
    ("word", {"digits": "zeros"}, 'digits "zeros" is unknown .did you mean "zero".*choose one of keep, zero'),
    ("char", {"punctuation": "split"}, "does not fit the char tokenizer"),
    ("word", {"max_size": 0}, "max_size 0 does not fit"),
    ("bpe", {"size": 100}, "vocabulary 100 does not fit the bpe tokenizer"),
    ("wrod", {}, 'unit "wrod" is unknown .did you mean "word".*choose one of char, word, bpe, sudachi'),
]


@pytest.mark.parametrize(("unit", "options", "message"), ERRORS)
def test_options_that_do_not_exist_are_refused(unit, options, message):
    with pytest.raises(ConfigError, match=message):
        train_tokenizer(unit, ["a b"], **options)


@pytest.mark.parametrize("text", ["unit = ", 'unit = "wrod"', 'unit = "word"\nlower = true'], ids=["no TOML", "unknown unit", "unknown option"])
def test_a_damaged_file_of_settings_is_named(text, tmp_path):
    WordTokenizer.train(["a b"]).save(tmp_path)
    (tmp_path / "tokenizer.toml").write_text(text)
    with pytest.raises(DataError, match=r"tokenizer\.toml: "):
        load_tokenizer(tmp_path)


@pytest.mark.parametrize("unit", UNITS)
@pytest.mark.parametrize("bad", [-1, 10_000])
def test_ids_outside_the_vocabulary_are_refused(unit, bad):
    with pytest.raises(DataError, match=f"id {bad} is outside"):
        train_tokenizer(unit, LINES).decode(np.array([1, bad]))


@pytest.mark.parametrize("unit", UNITS)
def test_damaged_files_are_named(unit, tmp_path):
    with pytest.raises(DataError, match="there is no tokenizer here"):
        load_tokenizer(tmp_path)
    train_tokenizer(unit, LINES).save(tmp_path)
    vocabulary = next(p for p in tmp_path.iterdir() if p.name != "tokenizer.toml")
    content = vocabulary.read_bytes()
    for damage in (content + b"tail\n", content + b"\xff", content[len(content) // 2:]):
        vocabulary.write_bytes(damage)
        with pytest.raises(DataError, match=vocabulary.name):
            load_tokenizer(tmp_path)
    vocabulary.unlink()
    with pytest.raises(DataError, match=vocabulary.name):
        load_tokenizer(tmp_path)


def test_text_that_leaves_no_token_is_refused():
    with pytest.raises(DataError, match="no word of the text is left"):
        WordTokenizer.train(["a b"], min_count=9)


def test_half_a_surrogate_is_named_by_bpe():
    with pytest.raises(DataError, match="surrogate"):
        BPE.encode("a\udcff")


def test_ptb_gives_the_published_counts(data_dir, monkeypatch):
    tokenizer = WordTokenizer.train(dataset_lines("ptb", "train"))
    assert len(tokenizer) == 10_000
    counts = [sum(len(tokenizer.encode_line(line)) for line in dataset_lines("ptb", split))
              for split in ("train", "valid", "test")]
    assert counts == [929_589, 73_760, 82_430]


def test_tinyshakespeare_has_65_characters(data_dir):
    tokenizer = CharTokenizer.train(dataset_lines("tinyshakespeare", "train"), unk=False)
    assert len(tokenizer) == 65
    assert set(tokenizer.vocabulary.tokens) == set("\n !$&',-.3:;?" + string.ascii_letters)


@pytest.mark.parametrize("tokenizer", [WordTokenizer.train(["a b"]), CharTokenizer.train(["ab"], unk=False), BPETokenizer.train(["a b"], size=256)],
                         ids=lambda t: t.unit)
def test_a_line_end_is_one_token(tokenizer):
    (token,) = tokenizer.line_end()
    assert tokenizer.decode([token]) == "\n"


@pytest.mark.parametrize("tokenizer", [WordTokenizer.train(["a b"], eos=False), CharTokenizer(Vocabulary(["a", "b"], [1, 1]), Options(unk=False))],
                         ids=lambda t: t.unit)
def test_a_vocabulary_may_lack_a_line_end(tokenizer):
    assert tokenizer.line_end() == []
