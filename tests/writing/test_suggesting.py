"""The next words: the model's own probabilities, renormalised over the words that begin as typed."""
import itertools
import unicodedata
from functools import cache

import numpy as np
import pytest
from writers import made_up_run

from small_runs import made_up
from tsuzuri.errors import ConfigError
from tsuzuri.text.vocabulary import Vocabulary
from tsuzuri.writing.spelling import Goal, Speller, word_at_end
from tsuzuri.writing.suggesting import Suggester

LINES = made_up(40).splitlines()


def next_log_p(run, ids):
    log_p, _ = run.load_model().log_probabilities(np.array([ids]))
    return log_p[0, -1]


# Words as tokens

@pytest.fixture(scope="module")
def words():
    return made_up_run("word", [*LINES, "<unk>"])


@pytest.mark.parametrize(("text", "before", "typed"), [("the cat ", "the cat", ""), ("the cat s", "the cat", "s"), ("f", "\n", "f"),
                                                       ("", "\n", ""), ("the\n", "the\n", ""), ("the cat\nho", "the cat\n", "ho")])
def test_words_of_the_vocabulary_that_begin_so(words, text, before, typed):
    log_p, tokens = next_log_p(words, words.tokenizer.encode(before)), words.tokenizer.vocabulary.tokens
    fitting = {token: np.exp(log_p[k]) for k, token in enumerate(tokens) if token.startswith(typed) and token not in ("<unk>", "<eos>")}
    wanted = {token: p / sum(fitting.values()) for token, p in fitting.items()}
    found = Suggester(words).suggest(text, 100)
    assert [word for word, _ in found] == sorted(wanted, key=lambda word: -wanted[word])
    assert dict(found) == pytest.approx(wanted, rel=1e-9)
    assert Suggester(words).suggest(text, 3) == found[:3]


def test_nothing_begins_so(words):
    assert Suggester(words).suggest("the qq") == []
    with pytest.raises(ConfigError, match="count is 0"):
        Suggester(words).suggest("the", 0)


def test_case_and_marks_are_those_of_the_vocabulary():
    run = made_up_run("word", LINES, lowercase=True, punctuation="split")
    assert [word for word, _ in Suggester(run).suggest("The (RAI", 3)] == ["rain"]


@pytest.mark.parametrize("punctuation", ["split", "drop"])
def test_behind_a_mark_the_word_has_ended(punctuation):
    """As with a space: what follows is proposed, and the mark is read where it is a token."""
    run = made_up_run("word", [*LINES, "yes, no"], punctuation=punctuation)
    assert [word for word, _ in Suggester(run).suggest("ca", 5)] == ["cat"]
    for text in ("the cat,", "yes,", "(the cat)"):
        found = Suggester(run).suggest(text, 100)
        assert len(found) == len(run.tokenizer) - len({"<unk>", "<eos>"} & set(run.tokenizer.vocabulary.tokens))
        assert found == Suggester(run).suggest(f"{text} ", 100)
    with_mark, without = (Suggester(run).suggest(text, 100) for text in ("the cat,", "the cat "))
    assert (with_mark == without) == (punctuation == "drop")


def test_a_mark_within_a_word_does_not_end_it():
    run = made_up_run("word", [*LINES, "don't well-known"], punctuation="split")
    for text in ("don", "don'", "(don'", "don't"):
        assert [word for word, _ in Suggester(run).suggest(text)] == ["don't"]
    assert [word for word, _ in Suggester(run).suggest("well-")] == ["well-known"]


HANGUL = unicodedata.normalize("NFD", "한글")


@pytest.mark.parametrize(("text", "word", "done"), [
    ("", "the", "the "), ("The", "the", "the "), ("he sa", "said", "he said "), ("he ", "said", "he said "), ("he,", "who", "he, who "),
    ("(the cat)", "sat", "(the cat) sat "), ('"no"', "he", '"no" he '), ('he said "', "no", 'he said "no '), ('he said "n', "no", 'he said "no '),
    ("he (", "no", "he (no "), ("he …", "no", "he … no "), ("--n", "no", "--no "), ("he don'", "don't", "he don't "), ("in 19", "0000", "in 0000 "),
    ("see ＡＢ", "abc", "see abc "), (HANGUL, "한글", "한글 "), ("猫で", "猫である", "猫である ")])
def test_a_proposal_that_is_taken_completes_the_word(text, word, done):
    run = made_up_run("word", [*LINES, "don't 0000 한글 猫である no abc said the"], lowercase=True, nfkc=True, digits="zero", punctuation="split")
    assert Suggester(run).completed(text, word) == done


@pytest.mark.parametrize(("text", "word", "done"), [
    ("", "the", "the "), ("he sa", "said", "he said "), ("he,", "who", "he, who "), ("in 19", "0000", "in 0000 "), ("ＳＡ", "said", "said "),
    (HANGUL, "한글", "한글 "), ("猫で", "猫である", "猫である "), ("私は猫で", "猫である", "私は猫である ")])
def test_a_proposal_that_is_taken_completes_the_letters(text, word, done):
    run = made_up_run("char", [*LINES, "don't 0000 한글 私は猫である no, abc said the who"], lowercase=True, nfkc=True, digits="zero")
    assert Suggester(run).completed(text, word) == done


def test_what_was_read_is_not_read_again(words, monkeypatch):
    """Key by key: the same proposals as for the whole text at once, and each word is fed once."""
    model, fed = words.load_model(), []
    feed, suggester, text = model.feed, Suggester(words), "the cat sat on far"
    monkeypatch.setattr(model, "feed", lambda ids, state: (fed.append(ids.size), feed(ids, state))[1], raising=False)
    typed = [suggester.suggest(text[:k]) for k in range(len(text) + 1)]
    assert sum(fed) == 1 + 4                                 # a line end, and the words in front of "far"
    for k in (3, 9, len(text)):
        for (word, p), (other, q) in zip(typed[k], Suggester(words).suggest(text[:k]), strict=True):
            assert (word, p) == (other, pytest.approx(q, rel=1e-9))


# Words that are spelled

@pytest.fixture(scope="module", params=range(3))
def letters(request):
    return made_up_run("char", ["ab a", "b, ab"], seed=request.param)


def enumerated(run, text, typed, longest):
    """{word: p} of every word of letters up to a length, from the model's probabilities without <unk>."""
    tokenizer = run.tokenizer
    ids = {char: tokenizer.vocabulary.ids[char] for char in "ab ,\n"}
    start = tokenizer.encode(text) or tokenizer.encode("\n")

    @cache
    def p(before):
        row = np.exp(next_log_p(run, start + [ids[c] for c in before]))
        row[tokenizer.unk_id] = 0
        return row / row.sum()

    found = {}
    for length in range(longest + 1):
        for more in map("".join, itertools.product("ab", repeat=length)):
            if typed + more:
                steps = [p(more[:k])[ids[c]] for k, c in enumerate(more)]
                found[typed + more] = np.prod(steps) * sum(p(more)[ids[end]] for end in " ,\n")
    if not typed:                                            # the word has at least a letter
        some = 1 - sum(p("")[ids[end]] for end in " ,\n")
        found = {word: x / some for word, x in found.items()}
    return found


@pytest.mark.parametrize(("text", "typed"), [("ab a", "a"), ("ab ", ""), ("", ""), ("b, ab", "ab"), ("a\n", "")])
def test_words_of_characters_against_all_of_them(letters, text, typed):
    every = enumerated(letters, text, typed, 6)
    best = sorted(every, key=lambda word: -every[word])[:3]
    found = Suggester(letters).suggest(text, 3)
    assert [word for word, _ in found] == best
    assert [p for _, p in found] == pytest.approx([every[word] for word in best], rel=1e-9)


def test_behind_a_mark_a_space_is_taken_as_typed(letters):
    assert Suggester(letters).suggest("ab,") == Suggester(letters).suggest("ab, ")


def test_bytes_of_tokens():
    text = "吾輩は猫 café🐈 it's\n"
    for unit, options in (("char", {}), ("bpe", {"size": 300})):
        tokenizer = made_up_run(unit, [text.strip()] * 3, **options).tokenizer
        table = tokenizer.token_bytes()
        assert len(table) == len(tokenizer)
        assert b"".join(table[k] for k in tokenizer.encode(text)) == text.encode()


@pytest.fixture(scope="module")
def pairs():
    return made_up_run("bpe", LINES, size=300)


def spelled(run, ids, left, ends):
    """p of all ways to cut ``left`` into tokens, with p of the tokens that may follow: a loop over the vocabulary each time."""
    p, table = np.exp(next_log_p(run, ids)), run.tokenizer.token_bytes()
    if not left:
        return sum(p[k] for k, token in enumerate(table) if ends(token))
    return sum(p[k] * spelled(run, [*ids, k], left[len(token):], ends) for k, token in enumerate(table) if left.startswith(token))


def begun(run, ids, left):
    """p of all ways to begin with ``left`` and to stay in the word."""
    p, table = np.exp(next_log_p(run, ids)), run.tokenizer.token_bytes()
    over = sum(p[k] for k, token in enumerate(table) if token.startswith(left) and token[len(left):][:1] not in MARKS)
    return over + sum(p[k] * begun(run, [*ids, k], left[len(token):])
                      for k, token in enumerate(table) if left.startswith(token) and token != left)


MARKS = {bytes([k]) for k in range(128) if chr(k).isspace() or chr(k) in '!"#$%&()*+,./:;<=>?@[\\]^`{|}~'}


def test_a_word_of_byte_pairs_may_be_cut_in_any_way(pairs):
    """" do" is one token, "gs" another, " dogs" a third: all ways to write a word count, over all words that begin so."""
    tokenizer, model = pairs.tokenizer, pairs.load_model()
    assert len(tokenizer.encode(" dogs")) == 1
    context = tokenizer.encode("the low")
    logits, state = model.feed(np.array([context]), model.start(1))
    found = Speller(model, tokenizer.token_bytes(), beams=300).words(logits, state, Goal(b" do", b"do"), 100)[:4]
    total = begun(pairs, context, b" do")
    for word, p in found:
        exact = spelled(pairs, context, b" " + word, lambda token: token[:1] in MARKS) / total
        assert 0.99 * exact <= p <= exact * (1 + 1e-9)


def test_a_typed_word_is_completed_whatever_its_tokens(pairs):
    for text in ("the do", "the low dog", "Ra", "the cat s"):
        typed = text.split()[-1]
        found = Suggester(pairs).suggest(text, 5)
        assert found
        assert all(word.startswith(typed) for word, _ in found)
        assert 0 < sum(p for _, p in found) <= 1 + 1e-9


@pytest.mark.parametrize(("text", "word"), [("", ""), ("the ca", "ca"), ("the ", ""), ("it's", "it's"), ("(well-kno", "well-kno"),
                                            ("one,", ""), ("吾輩は猫", "猫"), ("吾輩は", "吾輩は"), ("雪。と", "と"), ("はカメ", "カメ")])
def test_where_a_word_begins(text, word):
    assert word_at_end(text) == word


def test_japanese_words_end_where_kanji_follow_hiragana():
    """In a text that says nothing else, は is followed by 猫, with which a new word begins."""
    run = made_up_run("char", ["猫は猫は猫は"])
    found = dict(Suggester(run).suggest("猫は", 3))
    assert all(word.startswith("猫は") and "は猫" not in word for word in found)


@pytest.mark.parametrize("unit", ["word", "char"])
def test_without_a_line_end_nothing_follows_nothing(unit):
    """A text that has begun is gone on with as ever."""
    run = made_up_run(unit, LINES, unk=False, **({"eos": False} if unit == "word" else {}))
    if unit == "char":
        marked = ["~" if token == "\n" else token for token in run.tokenizer.vocabulary.tokens]
        run.tokenizer = type(run.tokenizer)(Vocabulary(marked, run.tokenizer.vocabulary.counts), run.tokenizer.options)
    assert run.tokenizer.line_end() == []
    suggester = Suggester(run)
    assert suggester.suggest("") == []
    found = suggester.suggest("the ca")
    assert found
    assert all(word.startswith("ca") for word, _ in found)
    assert suggester.suggest("") == []
