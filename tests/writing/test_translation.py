"""A run that translates: the same texts however they are asked for, and in one sentence what cannot be translated."""
import shutil

import numpy as np
import pytest

from small_runs import letters, sentences, trained_pairs, write_pairs
from tsuzuri.api import Seq2Seq, train_seq2seq
from tsuzuri.decode import BeamTree, Search
from tsuzuri.errors import ConfigError, DataError, RunError
from tsuzuri.text.tokenizers import train_tokenizer
from tsuzuri.train.events import Finished
from tsuzuri.train.seq2seq_run import Seq2SeqRun
from tsuzuri.writing.translation import Translator, pieces_of

RUNS = ("letters", "words", "words-2", "plain", "bpe", "hard")
SOURCES = {name: ["Anna sees the red cat .", "Quintus knows the big door .", "Ben buys the old clock .", "Dora sees the new song ."] for name in RUNS}
SOURCES["letters"] = SOURCES["hard"] = ["abc", "edcba", "aa", "dbace", "ce"]
every_run = pytest.mark.parametrize("name", RUNS)
SEARCHES = pytest.mark.parametrize("search", [None, Search(beams=3, length_penalty=0.6), Search(beams=4, best=2)], ids=["greedy", "beams", "best"])


@pytest.fixture(scope="module")
def translators():
    return {name: Translator(trained_pairs(name)) for name in RUNS}


def texts(translator, lines, *args, **options):
    return [[one.text for one in found] for found in translator.translate(lines, *args, **options)]


def one(translator, line, *args, **options):
    return texts(translator, [line], *args, **options)[0][0]


@SEARCHES
@every_run
def test_the_same_however_many_lines_stand_side_by_side(name, search, translators):
    """In chunks of any size, from a list or as they are typed; each line its own, in the order in which they came."""
    translator, lines = translators[name], [*SOURCES[name], *SOURCES[name][:2]]
    wanted = [texts(translator, [line], search)[0] for line in lines]
    for chunk in (1, 2, 2048):
        assert texts(translator, iter(lines), search, chunk=chunk) == wanted
    assert [found[0].source_text for found in translator.translate(lines, search)] == lines


def test_lines_that_are_typed_are_answered_one_by_one(translators):
    """Before the next one is read."""
    asked = []

    def typed():
        for line in SOURCES["words"]:
            asked.append(line)
            yield line

    for k, _ in enumerate(translators["words"].translate(typed(), chunk=1)):
        assert len(asked) == k + 1


@every_run
def test_log_p_and_scores(name, translators):
    """log p is that of the text's tokens and its end, stepped alone; the score pays for the length; the best stands first."""
    translator, search = translators[name], Search(beams=4, length_penalty=0.7)
    for found, line in zip(translator.translate(SOURCES[name], search), SOURCES[name], strict=True):
        assert len(found) == 4
        assert [text.score for text in found] == sorted((text.score for text in found), reverse=True)
        assert len({(text.text, tuple(text.tokens)) for text in found}) == 4
        for text in found:
            if name in ("bpe", "letters", "hard") or not text.finished:
                continue                                     # of words the text gives the ids back
            state, before, log_p = translator.model.start(np.array([translator.source_ids(line)]), np.array([len(translator.source_ids(line))])), translator.end, 0.0
            ids = [*translator.target_ids(text.text), translator.end]
            for k in ids:
                logits, state = translator.model.step(np.array([before]), state)
                log_p += logits[0, k] - np.log(np.exp(logits[0].astype(np.float64)).sum())
                before = k
            assert text.log_p == pytest.approx(log_p, rel=1e-4)
            assert text.score == pytest.approx(log_p / ((5 + len(ids)) / 6) ** 0.7, rel=1e-4)


@every_run
def test_tokens_and_attention_belong_to_the_text(name, translators):
    translator = translators[name]
    for search in (None, Search(beams=2)):
        for found, line in zip(translator.translate(SOURCES[name], search), SOURCES[name], strict=True):
            text = found[0]
            assert "".join(text.source) == line.replace(" ", "") if name not in ("bpe", "letters", "hard") else "".join(text.source) == line
            if name != "bpe":                                # whose tokens may be parts of a letter
                assert (" " if name not in ("letters", "hard") else "").join(text.tokens) == text.text
            assert text.finished
            if name == "plain":
                assert text.attention is None
            else:
                assert text.attention.shape == (len(text.tokens), len(text.source))
                np.testing.assert_allclose(text.attention.sum(1), 1, rtol=1e-5)


def test_the_attention_of_a_greedy_text_is_what_is_drawn(translators):
    """Of a source that is read from its end it is in written order: a string from behind looks from right to left."""
    translator = translators["letters"]
    (text,) = next(translator.translate(["abcde"]))
    seen = translator.look("abcde")
    assert (text.text, seen.source, seen.target) == ("edcba", [*"abcde"], [*"edcba", "(end)"])
    np.testing.assert_allclose(seen.of()[:-1], text.attention, rtol=0, atol=1e-5)
    np.testing.assert_array_equal(seen.of(1, 1), seen.of())
    given = translator.look("abcde", "edcba")
    np.testing.assert_allclose(given.weights, seen.weights, rtol=0, atol=1e-6)
    assert translator.look("abc", "ae").target == ["a", "e", "(end)"]


def test_layers_and_heads_are_counted_from_one(translators):
    seen = translators["bpe"].look("Anna sees the red cat .")
    assert seen.weights.shape[:2] == (1, 2)
    np.testing.assert_allclose(seen.of(), (seen.of(head=1) + seen.of(head=2)) / 2, rtol=1e-6)
    for wrong in ({"layer": 0}, {"layer": 2}, {"head": 3}, {"head": 0}):
        with pytest.raises(ConfigError, match=r"the model has (layers 1 to 1|heads 1 to 2)"):
            seen.of(**wrong)
    assert [translators[name].look(SOURCES[name][0]).hard for name in ("words", "hard")] == [False, True]


def test_white_space_around_a_line_is_nothing(translators):
    assert one(translators["words"], "  Anna   sees the red cat . \t") == one(translators["words"], "Anna sees the red cat .")
    assert one(translators["letters"], " abc\r") == "cba"


# What a text must begin with, and what must be in it

@SEARCHES
@pytest.mark.parametrize(("name", "prefix"), [("words", "Emil"), ("words", "Carl kauft"), ("plain", "Dora"), ("bpe", "Ben"), ("letters", "ba")])
def test_a_prefix_begins_every_text(name, prefix, search, translators):
    for found in texts(translators[name], SOURCES[name], search, prefix=prefix):
        assert all(text.startswith(prefix) for text in found)


def test_a_prefix_that_would_have_come_changes_nothing(translators):
    for name, prefix in (("words", "Anna sieht"), ("letters", "cb")):
        line = SOURCES[name][0]
        assert one(translators[name], line, prefix=prefix) == one(translators[name], line)


@pytest.mark.parametrize(("name", "phrases"), [("words", ["alte"]), ("words", ["Tür", "neue"]), ("words", ["große Uhr"]), ("plain", ["Lied"]), ("words-2", ["Lied"]),
                                               ("bpe", ["alte"]), ("bpe", ["Uhr", "neue"]), ("letters", ["dd"])])
def test_phrases_that_must_be_in_are_in(name, phrases, translators):
    """In every first text, and as words of their own where there are words."""
    for search in (None, Search(beams=5, best=1)):
        for found in texts(translators[name], SOURCES[name], search, required=phrases):
            for phrase in phrases:
                assert phrase in found[0]
                if name != "letters":
                    words, wanted = found[0].split(), phrase.split()
                    assert any(words[k:k + len(wanted)] == wanted for k in range(len(words))), found[0]


def test_a_phrase_that_would_have_come_changes_nothing(translators):
    translator, search = translators["words"], Search(beams=5, best=1)
    assert one(translator, "Anna sees the red cat .", search, required=["rote"]) == one(translator, "Anna sees the red cat .", search)
    translator = translators["bpe"]
    for line in SOURCES["bpe"]:
        free = one(translator, line, search)
        for phrase in (free.split()[0], " ".join(free.split()[:2]), free.split()[1]):        # the first without a space before it
            assert one(translator, line, search, required=[phrase]) == free


@pytest.mark.parametrize("more", [{"prefix": "Xyzzy"}, {"required": ["sieht", "alte Xyzzy"]}])
def test_what_no_target_had_cannot_be_asked_for(more, translators):
    """It would come out as <unk>."""
    with pytest.raises(DataError, match='the translations cannot have "Xyzzy", which the training had in no target; leave it out'):
        texts(translators["words"], SOURCES["words"], **more)
    with pytest.raises(DataError, match='cannot have "z"'):
        texts(translators["letters"], SOURCES["letters"], prefix="z")


def test_a_phrase_of_nothing_is_refused(translators):
    for name in ("words", "bpe", "letters"):
        with pytest.raises(ConfigError, match="phrase of sentence 1 is empty"):
            texts(translators[name], SOURCES[name], required=[""])


# Unknown words

def test_unknown_words_are_those_that_were_looked_at(translators):
    """A name that was seen once is <unk> on both sides; with ``replace_unknown`` it is the one that stood in the source."""
    translator = translators["words"]
    for line in ("Quintus knows the big door .", "Mallory buys the red song ."):
        name, *rest = one(translator, line).split()
        assert name == "<unk>"
        assert one(translator, line, replace_unknown=True).split() == [line.split()[0], *rest]
        assert one(translator, line, Search(beams=3, best=1), replace_unknown=True).split() == [line.split()[0], *rest]
        (text,) = next(translator.translate([line], replace_unknown=True))
        assert text.tokens[0] == line.split()[0]
    known = "Anna sees the red cat ."
    assert one(translator, known, replace_unknown=True) == one(translator, known)


def test_without_attention_nothing_can_be_replaced(translators):
    with pytest.raises(ConfigError, match="has no attention, which would say what stands for an unknown word; leave out replace_unknown"):
        texts(translators["plain"], SOURCES["plain"], replace_unknown=True)


# What cannot be translated

@pytest.mark.parametrize(("name", "lines", "words"), [
    ("words", ["Anna sees the red cat .", "", "Ben"], "line 2 is empty; give a sentence in every line"),
    ("words", [" \t "], "line 1 is empty"),
    ("words", ["Anna " * 13], "line 1 has 13 tokens, and "), ("words", ["Anna " * 13], "was trained with 12 at most; cut it into shorter lines"),
    ("letters", ["abc", "abx"], 'line 2: the character "x" was never seen in training'), ("letters", ["猫"], 'line 1: the character "猫"'),
    ("words", ["Ben sieht alte Katze ."], "line 1 looks like the language of the targets (60% of its words are unknown as a source)"),
    ("bpe", ["Anna sees the red cat .", "Ben sieht die alte Katze ."], "line 2 looks like the language of the targets (its tokens are frequent there"),
])
def test_what_is_no_source_is_said_in_one_sentence(name, lines, words, translators):
    with pytest.raises(DataError) as caught:
        texts(translators[name], lines)
    assert words in str(caught.value)
    assert "\n" not in str(caught.value)


def test_a_run_that_was_moved_without_its_pairs_translates_as_before(translators, tmp_path):
    """Only, of byte pairs, it can no longer say what looks like a target."""
    wanted = texts(translators["bpe"], SOURCES["bpe"])
    shutil.copytree(trained_pairs("bpe"), tmp_path / "moved")
    shutil.rmtree(tmp_path / "moved" / "corpus")
    moved = Translator(tmp_path / "moved")
    assert texts(moved, SOURCES["bpe"]) == wanted
    assert one(moved, "Ben sieht die alte Katze .")


def test_targets_of_unseen_characters_are_refused(translators):
    with pytest.raises(DataError, match='cannot have "猫", which the training had in no target'):
        translators["letters"].look("abc", "cb猫")
    assert translators["words"].look("Anna sees the red cat .", "Anna sieht Xyzzy").target[2] == "<unk>"


def test_as_long_as_the_longest_may_be(translators):
    assert isinstance(one(translators["words"], "Anna " * 12), str)
    assert isinstance(one(translators["letters"], "abcde" * 20), str)
    with pytest.raises(DataError):
        one(translators["letters"], "abcde" * 20 + "a")


def test_a_line_of_which_nothing_is_left_is_named(tmp_path, monkeypatch):
    """It has characters, and the training dropped them; of lines of other lengths it is the right number."""
    monkeypatch.setattr("tsuzuri.train.seq2seq.draw_run", lambda run, model: None)
    model = train_seq2seq(str(write_pairs(tmp_path / "data.tsv", letters(60))), tmp_path / "run", unit="char", punctuation="drop", size=8, epochs=1, threads=1)
    with pytest.raises(DataError, match="line 2 has no tokens"):
        model.predict(["abc!", "?!", "a"])


def test_an_ensemble_takes_no_longer_source_than_each_of_its_runs(translators):
    assert Translator(trained_pairs("words"), trained_pairs("words-2")).longest == 12


def test_unknown_words_alone_are_no_reason_to_refuse(translators):
    """A sentence of names that neither side knows may well be a source."""
    assert one(translators["words"], "Xaver foo bar baz the")
    assert one(translators["words"], "Katze Tür")             # of two words nothing is said


def test_the_number_of_a_line_goes_on_through_the_chunks(translators):
    with pytest.raises(DataError, match="line 5 is empty"):
        texts(translators["words"], [*SOURCES["words"], ""], chunk=2)


# Several runs

@SEARCHES
def test_an_ensemble_is_the_mean_of_the_probabilities(search, translators):
    """By its definition, token by token, and for the attention the mean of those that have one."""
    names = ("words", "words-2", "plain")
    together = Translator(*(trained_pairs(name) for name in names))
    for line in SOURCES["words"]:
        found = next(together.translate([line], search))
        text = found[0]
        ids = together.source_ids(line)
        models = [translators[name].model for name in names]
        states, before, log_p = [model.start(np.array([ids]), np.array([len(ids)])) for model in models], together.end, 0.0
        for t, k in enumerate([*together.target_ids(text.text), together.end]):
            steps = [model.step(np.array([before]), state) for model, state in zip(models, states, strict=True)]
            p = np.mean([np.exp(z[0].astype(np.float64)) / np.exp(z[0].astype(np.float64)).sum() for z, _ in steps], axis=0)
            states, before = [state for _, state in steps], k
            log_p += np.log(p[k])
            if search is None:
                assert p.argmax() == k
            if t < len(text.tokens):
                np.testing.assert_allclose(text.attention[t], (states[0].attention[0] + states[1].attention[0]) / 2, rtol=0, atol=1e-5)
        if search:
            assert text.log_p == pytest.approx(log_p, rel=1e-4)


def test_an_ensemble_of_a_run_with_itself_is_the_run(translators):
    twice, search = Translator(trained_pairs("words"), trained_pairs("words")), Search(beams=3)
    ours, theirs = (list(t.translate(SOURCES["words"], search)) for t in (twice, translators["words"]))
    assert [[x.text for x in found] for found in ours] == [[x.text for x in found] for found in theirs]
    np.testing.assert_allclose([x.log_p for found in ours for x in found], [x.log_p for found in theirs for x in found], rtol=1e-4)


def test_runs_of_other_tokens_cannot_decide_together():
    with pytest.raises(ConfigError, match="have other tokens, so they cannot decide together"):
        Translator(trained_pairs("words"), trained_pairs("letters"))


def test_of_several_runs_there_is_no_one_attention_to_draw():
    with pytest.raises(ConfigError, match="several runs"):
        Translator(trained_pairs("words"), trained_pairs("words-2")).look("Anna sees the red cat .")


def test_a_run_without_attention_has_none_to_draw(translators):
    with pytest.raises(ConfigError, match="is an encoder-decoder, which has no attention to draw"):
        translators["plain"].look("Anna sees the red cat .")


def test_a_tree_of_what_was_tried(translators):
    translator, tree = translators["words"], BeamTree()
    (found,) = translator.translate(["Anna sees the red cat ."], Search(beams=3), tree=tree)
    nodes = tree.to_dict()["nodes"]
    best = [translator.token_text(node["token"]) for node in nodes if node["state"] == "best"]
    assert best == [*found[0].tokens, "(end)"]
    last = [node for node in nodes if node["state"] == "best"][-1]
    assert last["log_p"] == pytest.approx(found[0].log_p, rel=1e-9)


# The folder and the API

def test_a_folder_that_is_no_run(tmp_path):
    with pytest.raises(RunError, match=r"is no run folder \(it has no config.toml\)"):
        Translator(tmp_path)


def test_a_run_whose_weights_are_cut_off_is_said_to_be_damaged(tmp_path):
    copy = tmp_path / "run"
    shutil.copytree(trained_pairs("hard"), copy)
    data = (copy / "model.safetensors").read_bytes()
    (copy / "model.safetensors").write_bytes(data[:len(data) // 2])
    with pytest.raises(RunError, match=r"model\.safetensors"):
        Translator(copy)


def test_the_best_so_far_translates_where_the_training_is_not_over(tmp_path):
    copy = tmp_path / "run"
    shutil.copytree(trained_pairs("words"), copy)
    (copy / "model.safetensors").unlink()
    assert texts(Translator(copy), SOURCES["words"]) == texts(Translator(trained_pairs("words")), SOURCES["words"])


def test_the_api_trains_and_translates(tmp_path, monkeypatch, translators):
    monkeypatch.setattr("tsuzuri.train.seq2seq.draw_run", lambda run, model: None)
    events = []
    model = train_seq2seq(str(write_pairs(tmp_path / "data.tsv", sentences(120))), tmp_path / "run", report=events.append, unit="word", size=8,
                          epochs=2, threads=1, batch_size=16)
    assert isinstance(events[-1], Finished)
    assert model.predict(SOURCES["words"]) == [found[0] for found in texts(Translator(tmp_path / "run"), SOURCES["words"])]
    with pytest.raises(ConfigError, match='no setting "colour"'):
        train_seq2seq("x", tmp_path / "other", colour=1)
    words = Seq2Seq.from_pretrained(trained_pairs("words"))
    search = Search(beams=3, length_penalty=1.0, coverage_penalty=0.2, least=7, best=1)
    assert words.predict(SOURCES["words"], beam=3, length_penalty=1.0, coverage_penalty=0.2, least=7) == [
        found[0] for found in texts(translators["words"], SOURCES["words"], search)]
    assert words.predict(SOURCES["words"], must=["alte"], prefix="Ben") == [found[0] for found in texts(translators["words"], SOURCES["words"], required=["alte"], prefix="Ben")]
    assert words.attention("Anna sees the red cat .").source == ["Anna", "sees", "the", "red", "cat", "."]
    assert Seq2Seq(trained_pairs("words"), trained_pairs("words-2")).predict(SOURCES["words"][:1]) == ["Anna sieht rote Katze ."]


@pytest.mark.parametrize("search", [Search(beams=3, length_penalty=2.0), Search(beams=3, coverage_penalty=3.0), Search(beams=3, least=9)])
def test_every_option_of_a_search_has_an_effect(search, translators):
    plain = [[(x.text, x.score) for x in found] for found in translators["words-2"].translate(SOURCES["words"], Search(beams=3))]
    found = [[(x.text, x.score) for x in found] for found in translators["words-2"].translate(SOURCES["words"], search)]
    assert found != plain
    if search.least:
        assert all(len(text.split()) >= 9 for some in found for text, _ in some)


@every_run
def test_the_pieces_of_a_source_are_the_source(name, translators):
    tokenizer = translators[name].run.source
    for line in SOURCES[name]:
        pieces = pieces_of(tokenizer, line, tokenizer.encode(line))
        assert len(pieces) == len(tokenizer.encode(line))
        assert "".join(pieces).replace(" ", "") == line.replace(" ", "")


@pytest.mark.parametrize(("unit", "options"), [("char", {"nfkc": True, "lowercase": True}), ("char", {"punctuation": "drop", "digits": "zero"}),
                                               ("word", {"punctuation": "split", "nfkc": True}), ("word", {"punctuation": "drop", "max_size": 8}),
                                               ("bpe", {"size": 300, "nfkc": True}), ("sudachi", {"nfkc": True}), ("sudachi", {"punctuation": "drop", "split_mode": "C"})])
def test_there_is_a_piece_for_every_token(unit, options):
    """However the text was folded: one token may come of several characters, and several tokens of one."""
    if unit == "sudachi":
        pytest.importorskip("sudachipy")
    lines = ["Ａ ㌔ metre, (ｶﾞ) ① 12!", "猫が  庭で「寝て」いる。", "don't, café e\u0301 \u3000 x", "Ⅷ ﬁne"]
    tokenizer = train_tokenizer(unit, lines, **options)
    for line in [*lines, "unseen Ω ﬃ ㍿"]:
        ids = tokenizer.encode(line)
        assert len(pieces_of(tokenizer, line, ids)) == len(ids)


def test_the_source_is_cut_by_the_settings_of_its_run(translators):
    assert translators["words"].run.settings == Seq2SeqRun(trained_pairs("words")).settings
    assert translators["words"].longest == 12
