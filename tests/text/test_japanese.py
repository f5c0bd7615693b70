"""Japanese words, the normal form NFKC, and the places of every unit's tokens in the text as it was given."""
import sys
from importlib.util import find_spec

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from tsuzuri.errors import ConfigError, DataError
from tsuzuri.text import BPETokenizer, CharTokenizer, SudachiTokenizer, WordTokenizer, load_tokenizer, train_tokenizer
from tsuzuri.text.tokenizers import japanese
from tsuzuri.text.tokenizers.options import Options
from tsuzuri.text.tokenizers.places import fold

needs_sudachi = pytest.mark.skipif(find_spec("sudachipy") is None or find_spec("sudachidict_core") is None,
                                   reason="SudachiPy or its dictionary is not installed (pip install 'tsuzuri[ja]')")
UNITS = ["char", "word", "bpe", pytest.param("sudachi", marks=needs_sudachi)]
LINES = ["吾輩は猫である。名前はまだ無い。", "選挙管理委員会で  一㌔と½を㍿に、ｶﾞﾗｽ\tはい", "", "Hello, (İstanbul) ΑΣ! 12"]
JAPANESE = st.text(st.sampled_from("吾輩は猫である。、 \u3000\n\tｶﾞか\u3099①㍻㍿½がİΣaA1(") | st.characters(codec="utf-8"))
ANY = st.text() | st.text(st.characters(categories=["Mn", "Mc", "Lo", "Lm", "No"]))
OPTIONS = [{}, {"nfkc": True}, {"lowercase": True, "digits": "zero", "nfkc": True}, {"punctuation": "drop"}, {"eos": True}]


# the words of Sudachi

@needs_sudachi
@pytest.mark.parametrize(("mode", "words"), [("A", "選挙 管理 委員 会"), ("B", "選挙 管理 委員会"), ("C", "選挙管理委員会")])
def test_split_modes_differ(mode, words):
    tokenizer = SudachiTokenizer.train(["選挙管理委員会"], split_mode=mode)
    assert tokenizer.cut("選挙管理委員会") == words.split()


@needs_sudachi
@given(st.lists(JAPANESE.map(lambda text: text.replace("\n", "")), min_size=1), st.sampled_from("ABC"), st.booleans())
def test_decode_undoes_encode(lines, mode, eos):
    tokenizer = SudachiTokenizer.train([*lines, "x"], split_mode=mode, eos=eos, unk=False)
    text = "\n".join(lines)
    assert tokenizer.decode(tokenizer.encode(text)) == text
    assert tokenizer.encode(text + "\n") == [k for line in lines for k in tokenizer.encode_line(line)]


@needs_sudachi
@pytest.mark.parametrize("line", ["猫" * 30_000, "🐈" * 30_000, "吾輩は猫である。" * 4_000, " " * 30_000])
def test_a_line_longer_than_sudachi_takes_is_cut_at_the_ends_of_sentences(line):
    tokenizer = SudachiTokenizer.train([line[:64]])
    words = tokenizer.cut(line)
    assert "".join(words) == line
    if "。" in line:
        assert words == tokenizer.cut("吾輩は猫である。") * 4_000


@needs_sudachi
def test_a_word_that_is_not_in_the_vocabulary_is_spelled():
    tokenizer = SudachiTokenizer.train(["猫と書生と書生と縁側"], min_count=2)
    assert tokenizer.vocabulary.tokens == ["<unk>", "と", "書生", "\n", "側", "猫", "縁", "書", "生"]
    assert tokenizer.vocabulary.counts == [0, 3, 2, 1, 1, 1, 1, 0, 0]
    assert tokenizer.cut("縁側の書生") == ["縁", "側", "の", "書生"]
    assert tokenizer.decode(tokenizer.encode("縁側の書生")) == "縁側<unk>書生"
    with pytest.raises(DataError, match=r'the word "の" .U.306E. is not in the vocabulary'):
        SudachiTokenizer.train(["猫"], unk=False).encode("の")


@needs_sudachi
def test_max_size_leaves_room_for_every_character():
    text = "猫と書生と書生と縁側"                                # <unk>, 7 characters with the newline, then words
    assert {"書生", *text, "\n", "<unk>"} == set(SudachiTokenizer.train([text], max_size=9).vocabulary.tokens)
    with pytest.raises(ConfigError, match="vocabulary 8 has no room for words, because the text has 7 different characters"):
        SudachiTokenizer.train([text], max_size=8)


@needs_sudachi
def test_options_of_other_tokenizers_work_on_words():
    def shown(text, **options):
        tokenizer = SudachiTokenizer.train([text], **options)
        return tokenizer.decode(tokenizer.encode(text))
    assert shown("ＡＢＣの12匹", nfkc=True, lowercase=True, digits="zero") == "abcの00匹"
    assert shown("「猫」、犬。", punctuation="drop") == "猫犬"
    with pytest.raises(ConfigError, match='punctuation "split" does not fit the sudachi tokenizer'):
        SudachiTokenizer.train(["猫"], punctuation="split")
    with pytest.raises(ConfigError, match='split_mode "D" is unknown; choose one of A, B, C'):
        SudachiTokenizer.train(["猫"], split_mode="D")
    with pytest.raises(DataError, match="surrogate"):
        SudachiTokenizer.train(["猫"]).encode("\ud800")


@needs_sudachi
def test_a_saved_tokenizer_loads_as_it_was_and_warns_of_another_dictionary(tmp_path, recwarn):
    tokenizer = SudachiTokenizer.train(LINES, split_mode="C", nfkc=True, min_count=2)
    tokenizer.save(tmp_path / "a")
    loaded = load_tokenizer(tmp_path / "a")
    assert not recwarn.list
    assert (loaded.options, loaded.versions) == (tokenizer.options, tokenizer.versions)
    assert loaded.encode("\n".join(LINES)) == tokenizer.encode("\n".join(LINES))
    toml = tmp_path / "a" / "tokenizer.toml"
    toml.write_text(toml.read_text().replace(f'"{tokenizer.versions["sudachidict_core"]}"', '"20190101"'))
    with pytest.warns(UserWarning, match="sudachidict_core 20190101, but .* is installed"):
        other = load_tokenizer(tmp_path / "a")
    other.save(tmp_path / "b")
    assert (tmp_path / "b" / "tokenizer.toml").read_text() == toml.read_text()


def test_without_sudachi_the_error_says_what_to_install(monkeypatch):
    japanese._sudachi.cache_clear()
    monkeypatch.setitem(sys.modules, "sudachipy", None)         # an import of it fails
    with pytest.raises(ConfigError, match=r"install them with `pip install 'tsuzuri\[ja\]'`"):
        train_tokenizer("sudachi", ["猫"])


# the normal form

@pytest.mark.parametrize("unit", UNITS)
@pytest.mark.parametrize(("text", "wanted"), [("ｶﾞﾗｽ", "ガラス"), ("①", "1"), ("㍻", "平成"), ("か\u3099", "が"), ("ＡＢＣ１", "ABC1")])
def test_nfkc_is_what_is_cut_and_read_back(unit, text, wanted, tmp_path):
    tokenizer = train_tokenizer(unit, [text], nfkc=True)
    assert tokenizer.decode(tokenizer.encode(text)) == wanted
    assert tokenizer.encode(text) == tokenizer.encode(wanted)
    tokenizer.save(tmp_path)
    assert load_tokenizer(tmp_path).encode(text) == tokenizer.encode(text)
    kept = train_tokenizer(unit, [text])
    assert kept.decode(kept.encode(text)) == text


def test_a_bpe_saved_before_there_was_nfkc_loads(tmp_path):
    BPETokenizer.train(LINES, size=300).save(tmp_path)
    toml = tmp_path / "tokenizer.toml"
    toml.write_text(toml.read_text().replace("nfkc = false\n", ""))
    assert load_tokenizer(tmp_path).decode(BPETokenizer.train(LINES, size=300).encode("①")) == "①"


# places

@given(ANY | JAPANESE, st.booleans(), st.booleans())
@example("a\u0323\u0307b", True, False)
@example("가\u11a8İ", True, True)
def test_every_folded_character_has_the_place_of_what_it_was_made_from(text, nfkc, lowercase):
    options = Options(nfkc=nfkc, lowercase=lowercase)
    folded, places = fold(text, options)
    assert folded == options.fold(text)
    assert len(places) == len(folded)
    distinct = list(dict.fromkeys(places))
    assert [k for start, end in distinct for k in range(start, end)] == list(range(len(text)))
    for start, end in distinct:                                 # each part by itself gives the characters at its place
        made = "".join(char for char, place in zip(folded, places) if place == (start, end))
        assert made.replace("ς", "σ") == options.fold(text[start:end]).replace("ς", "σ")


TOKENIZERS = [CharTokenizer.train(LINES, **options) for options in OPTIONS]
TOKENIZERS += [WordTokenizer.train(LINES, **options) for options in (*OPTIONS, {"punctuation": "split"}, {"eos": False})]
TOKENIZERS += [BPETokenizer.train(LINES, size=300, nfkc=nfkc) for nfkc in (False, True)]


def check_places(tokenizer, text):
    places = tokenizer.offsets(text)
    assert len(places) == len(tokenizer.encode(text))
    at, rebuilt, between = 0, "", ""
    for start, end in [*places, (len(text), len(text))]:
        assert at <= start <= end <= len(text)
        rebuilt += text[at:start] + text[start:end]
        between, at = between + text[at:start], end
    assert rebuilt == text
    if tokenizer.unit == "bpe" or tokenizer.options.punctuation != "drop":
        assert not between.strip() if tokenizer.unit == "word" else not between


@pytest.mark.parametrize("tokenizer", TOKENIZERS, ids=lambda t: t.unit)
@given(text=JAPANESE)
@example(text="<eos> a\n<eos>")
def test_pieces_and_what_lies_between_them_are_the_text(tokenizer, text):
    check_places(tokenizer, text)


@needs_sudachi
@pytest.mark.parametrize("options", [*OPTIONS, {"split_mode": "C"}], ids=str)
@given(text=JAPANESE)
def test_pieces_of_japanese_words_are_the_text(options, text):
    check_places(SudachiTokenizer.train(LINES, **options), text)


@given(st.text())
def test_places_of_characters_hold_for_half_surrogates_too(text):
    check_places(TOKENIZERS[2], text)


PLACES = [
    ("char", {"nfkc": True}, "½ｶﾞ", ["½", "", "", "ｶﾞ"]),       # 1 ⁄ 2 ガ
    ("char", {"lowercase": True}, "İa", ["İ", "", "a"]),
    ("char", {"punctuation": "drop"}, "「猫」", ["猫"]),
    ("word", {}, " a  b\nc", ["a", "b", "\n", "c"]),
    ("word", {"punctuation": "split"}, "(don't).", ["(", "don't", ")", "."]),
    ("word", {"nfkc": True}, "ｶﾞﾗｽ\u3000㌔", ["ｶﾞﾗｽ", "㌔"]),
    ("bpe", {"size": 256}, "猫a", ["猫", "", "", "a"]),          # three bytes
    pytest.param("sudachi", {}, "選挙管理委員会\nだ", ["選挙", "管理", "委員", "会", "\n", "だ"], marks=needs_sudachi),
    pytest.param("sudachi", {"nfkc": True}, "㍿だ", ["㍿", "", "だ"], marks=needs_sudachi),     # 株式 会社
]


@pytest.mark.parametrize(("unit", "options", "text", "pieces"), PLACES)
def test_places_of_examples(unit, options, text, pieces):
    tokenizer = train_tokenizer(unit, [text], **options)
    assert [text[start:end] for start, end in tokenizer.offsets(text)] == pieces
