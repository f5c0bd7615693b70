"""Measures of translations, worked out anew from the model's steps, and BLEU and chrF by their formulas."""
import math
import re
from collections import Counter
from types import SimpleNamespace

import numpy as np
import pytest

from small_runs import sentences, trained_pairs, write_pairs
from tsuzuri.decode import Search
from tsuzuri.errors import ConfigError, DataError
from tsuzuri.measuring.translating import corpus_scores, evaluate_pairs, mostly_japanese, pairs_of, score_pairs
from tsuzuri.train.seq2seq_run import TASK
from tsuzuri.writing.translation import Translator, pieces_of

RUNS = ("letters", "words", "plain", "bpe", "words-2")
every_run = pytest.mark.parametrize("name", RUNS)


@pytest.fixture(scope="module")
def translators():
    return {name: Translator(trained_pairs(name)) for name in RUNS}


@pytest.mark.parametrize(("direction", "data", "japanese_first"), [
    ("ja-en", "tatoeba-eng-jpn:test", True), ("en-ja", "tatoeba-eng-jpn:test", False), ("", "tatoeba-eng-jpn:test", False), ("2-1", "{file}", True), ("1-2", "{file}", False)])
def test_another_text_is_read_in_the_direction_of_the_training(direction, data, japanese_first, tmp_path, data_dir):
    file = write_pairs(tmp_path / "pairs.tsv", [("a dog", "犬")])
    settings = SimpleNamespace(pairs=SimpleNamespace(direction=direction, encoding_errors="strict"))
    source, target = pairs_of(SimpleNamespace(run=SimpleNamespace(settings=settings)), data.format(file=file), "")[0]
    assert [source.isascii(), target.isascii()] == [not japanese_first, japanese_first]


def told(translator, source, target):
    """log p of each token of a target and its end, stepped alone; where the model looked most, and the likeliest tokens."""
    ids = translator.run.source.encode(source)
    state, before, found = translator.model.start(np.array([ids]), np.array([len(ids)])), translator.end, []
    for token in [*translator.run.target.encode(target), translator.end]:
        logits, state = translator.model.step(np.array([before]), state)
        log_p = logits[0].astype(np.float64) - np.log(np.exp(logits[0].astype(np.float64)).sum())
        found.append((token, log_p, None if state.attention is None else int(state.attention[0].argmax())))
        before = token
    return found


PAIRS = [*sentences(7, seed=5), ("Anna sees the red cat .", "Anna sieht alte Tür ."), ("Ben buys the clock .", "Ben kauft Uhr .")]


@pytest.fixture(scope="module")
def file(tmp_path_factory):
    return str(write_pairs(tmp_path_factory.mktemp("pairs") / "test.tsv", PAIRS))


@pytest.mark.parametrize("name", ["words", "plain", "words-2", "bpe"])
def test_the_measures_by_their_definitions(name, translators, file):
    translator = translators[name]
    scored = [told(translator, *pair) for pair in PAIRS]
    nats = -sum(log_p[token] for pair in scored for token, log_p, _ in pair)
    tokens = sum(map(len, scored))
    found = evaluate_pairs(translator, file)
    assert found["pairs"] == len(PAIRS)
    assert found["perplexity"] == pytest.approx(math.exp(nats / tokens), rel=1e-5)
    assert found["token_accuracy"] == sum(log_p.argmax() == token for pair in scored for token, log_p, _ in pair) / tokens
    written = [texts[0].text for texts in translator.translate(source for source, _ in PAIRS)]
    assert found["translations"] == written
    assert found["exact_match"] == sum(ours == theirs for ours, (_, theirs) in zip(written, PAIRS)) / len(PAIRS) < 1
    assert {key: found[key] for key in ("bleu", "chrf")} == {key: corpus_scores(written, [t for _, t in PAIRS])[key] for key in ("bleu", "chrf")}


@every_run
def test_the_perplexity_of_what_was_held_out_is_exp_of_the_validation_loss(name, translators, tmp_path):
    translator = translators[name]
    run = translator.run
    corpus = run.held_out()
    pairs = [(run.source.decode(corpus.source(k)), run.target.decode(corpus.target(k)[:-1])) for k in range(len(corpus))]
    found = evaluate_pairs(translator, str(write_pairs(tmp_path / "held.tsv", pairs)))
    best = [r for r in run.logged() if r.get("best")][-1]
    assert found["perplexity"] == pytest.approx(math.exp(best["valid_loss"]), rel=1e-5)
    assert found["exact_match"] == pytest.approx(best["exact_match"])


def test_what_is_written_is_written_with_the_search_that_is_given(translators, file):
    translator, search = translators["plain"], Search(beams=3, length_penalty=1.0, best=1)
    greedy, beam = evaluate_pairs(translator, file), evaluate_pairs(translator, file, search=search)
    assert beam["translations"] == [texts[0].text for texts in translator.translate([source for source, _ in PAIRS], search)]
    assert {key: greedy[key] for key in ("perplexity", "token_accuracy")} == {key: beam[key] for key in ("perplexity", "token_accuracy")}


def test_it_is_told_how_far_it_is(translators, file, monkeypatch):
    """After every so many pairs, which changes nothing of what is written."""
    seen, whole = [], evaluate_pairs(translators["words"], file)
    monkeypatch.setattr("tsuzuri.measuring.translating.CHUNK", 4)
    assert evaluate_pairs(translators["words"], file, report=lambda done, of: seen.append((done, of))) == whole
    assert seen == [(4, len(PAIRS)), (8, len(PAIRS))]


def test_two_files_are_a_table(translators, file, tmp_path):
    for name, side in (("source", 0), ("target", 1)):
        (tmp_path / name).write_text("".join(f"{pair[side]}\n" for pair in PAIRS))
    assert evaluate_pairs(translators["words"], str(tmp_path / "source"), str(tmp_path / "target")) == evaluate_pairs(translators["words"], file)


@every_run
def test_scores_are_the_log_p_of_the_targets(name, translators, file):
    """Of all 9 of them, in the order of the file, whatever stands beside them in a batch."""
    if name == "letters":
        pytest.skip("has other letters")
    translator = translators[name]
    scored = list(score_pairs(translator, file, expected=3))
    assert [(one.source, one.target) for one in scored] == PAIRS
    for one, pair in zip(scored, PAIRS, strict=True):
        wanted = told(translator, *pair)
        assert one.log_p == pytest.approx(sum(log_p[token] for token, log_p, _ in wanted), rel=1e-4)
        ids = translator.run.source.encode(pair[0])
        for token, (k, log_p, looked) in zip(one.tokens, wanted, strict=True):
            assert token.text == translator.token_text(k)
            assert token.log_p == pytest.approx(log_p[k], rel=1e-4, abs=1e-6)
            assert [p for _, p in token.likeliest] == pytest.approx(sorted(np.exp(log_p), reverse=True)[:3], rel=1e-4)
            assert token.likeliest[0][0] == translator.token_text(int(log_p.argmax()))
            assert token.looked_at == ("" if looked is None else pieces_of(translator.run.source, pair[0], ids)[looked])


def test_many_pairs_are_scored_in_their_order(translators, tmp_path):
    """More than stand side by side."""
    pairs = sentences(150, seed=9)
    path = str(write_pairs(tmp_path / "many.tsv", pairs))
    scored = list(score_pairs(translators["words"], path))
    assert [(one.source, one.target) for one in scored] == pairs
    assert scored[100].log_p == pytest.approx(sum(log_p[token] for token, log_p, _ in told(translators["words"], *pairs[100])), rel=1e-4)
    assert scored[100].tokens == []
    total = sum(one.log_p for one in scored)
    tokens = sum(len(translators["words"].target_ids(target)) + 1 for _, target in pairs)
    assert evaluate_pairs(translators["words"], path)["perplexity"] == pytest.approx(math.exp(-total / tokens), rel=1e-6)


def test_a_line_that_is_no_source_of_the_run_is_named(translators, tmp_path):
    path = write_pairs(tmp_path / "test.tsv", [*PAIRS, ("Anna " * 13, "Anna")])
    with pytest.raises(DataError, match=r"line 10 has 13 tokens, and .* was trained with 12 at most"):
        evaluate_pairs(translators["words"], str(path))
    many = write_pairs(tmp_path / "many.tsv", [*sentences(80), ("Anna " * 13, "Anna")])
    with pytest.raises(DataError, match="line 81 has 13 tokens"):
        list(score_pairs(translators["words"], str(many)))


def turned_run(tmp_path, data, direction):
    settings, _ = TASK.choose([("test", {"data": str(data), "direction": direction})])
    return SimpleNamespace(run=SimpleNamespace(settings=settings), source_ids=None)


@pytest.mark.parametrize("direction", ["", "1-2", "2-1"])
def test_a_file_is_read_in_the_direction_of_the_training(direction, tmp_path, translators):
    """The one that was trained on and another with its columns; two files are given as sources and targets anyway."""
    for name in ("train.tsv", "test.tsv"):
        write_pairs(tmp_path / name, PAIRS)
    for name, side in (("source", 0), ("target", 1)):
        (tmp_path / name).write_text("".join(f"{pair[side]}\n" for pair in PAIRS))
    translator = turned_run(tmp_path, tmp_path / "train.tsv", direction)
    wanted = [pair[::-1] for pair in PAIRS] if direction == "2-1" else PAIRS
    assert pairs_of(translator, str(tmp_path / "train.tsv"), "") == wanted
    assert pairs_of(translator, str(tmp_path / "test.tsv"), "") == wanted
    assert pairs_of(translator, str(tmp_path / "source"), str(tmp_path / "target")) == PAIRS


# BLEU and chrF

def bleu(written, right):
    """By its formula, of texts that are words between spaces: precision of 1 to 4 words, and what is too short pays."""
    matches, totals = Counter(), Counter()
    for ours, theirs in zip(written, right, strict=True):
        for n in range(1, 5):
            mine, its = (Counter(tuple(words[k:k + n]) for k in range(len(words) - n + 1)) for words in (ours.split(), theirs.split()))
            matches[n] += (mine & its).total()
            totals[n] += mine.total()
    have, need = (sum(len(text.split()) for text in texts) for texts in (written, right))
    return 100 * min(1.0, math.exp(1 - need / have)) * math.exp(sum(math.log(matches[n] / totals[n]) for n in range(1, 5)) / 4)


def chrf(written, right):
    """F2 of precision and recall of 1 to 6 characters, spaces left out, counted over all texts."""
    precision, recall = [], []
    for n in range(1, 7):
        same = ours = theirs = 0
        for one, other in zip(written, right, strict=True):
            mine, its = (Counter(text[k:k + n] for k in range(len(text) - n + 1)) for text in (one.replace(" ", ""), other.replace(" ", "")))
            same, ours, theirs = same + (mine & its).total(), ours + mine.total(), theirs + its.total()
        precision.append(same / ours)
        recall.append(same / theirs)
    p, r = np.mean(precision), np.mean(recall)
    return 100 * 5 * p * r / (4 * p + r)


def test_bleu_and_chrf_by_their_formulas():
    rng = np.random.default_rng(0)
    right = [target for _, target in sentences(30, seed=3)]
    written = [" ".join(word for word in target.split() if rng.random() > 0.1) for target in right]
    found = corpus_scores(written, right)
    assert found["bleu"] == pytest.approx(bleu(written, right), rel=1e-9)
    assert found["chrf"] == pytest.approx(chrf(written, right), rel=1e-9)
    assert re.match(r"nrefs:1\|case:mixed\|eff:no\|tok:13a\|smooth:exp\|version:", found["bleu_signature"])
    assert "nc:6|nw:0" in found["chrf_signature"]
    same = corpus_scores(right, right)
    assert (same["bleu"], same["chrf"]) == pytest.approx((100, 100))


def test_bleu_of_japanese_is_of_its_words():
    pytest.importorskip("sudachipy")
    right, written = ["私は毎日学校へ行きます。", "猫が庭で寝ている。"], ["私は毎日学校に行きます。", "猫が庭で寝ている。"]
    found = corpus_scores(written, right, japanese=True)
    assert found["bleu_signature"].endswith("|words:sudachi-A")
    assert "tok:none" in found["bleu_signature"]
    from tsuzuri.text.tokenizers.japanese import words_of
    cut = [[" ".join(words_of(line)) for line in lines] for lines in (written, right)]
    assert found["bleu"] == pytest.approx(bleu(*cut), rel=1e-9)
    assert 40 < found["bleu"] < 95
    assert corpus_scores(written, right)["bleu"] < found["bleu"]             # as one word each, one of two is right


@pytest.mark.parametrize(("right", "japanese"), [
    (["私は毎日学校へ行きます。", "猫が庭で寝ている。", "東京"], True), (["私 は 毎日 学校 へ 行き ます 。", "猫 が 庭 で 寝 て いる 。"], False),
    (["今天天气很好。", "我喜欢学习。"], False), (["Ben sieht die Uhr .", "カタカナ", "a dog"], False), (["カタカナ"], True)])
def test_japanese_is_what_has_kana_and_no_spaces(right, japanese):
    """Whatever unit the run's targets have."""
    assert mostly_japanese(right) == japanese


def test_without_sudachi_japanese_is_compared_by_characters(monkeypatch):
    right, written = ["私は毎日学校へ行きます。"], ["私は毎日学校に行きます。"]

    def missing(line):
        raise ConfigError("not installed")
    monkeypatch.setattr("tsuzuri.text.tokenizers.japanese.words_of", missing)
    found = corpus_scores(written, right, japanese=True)
    assert "tok:char" in found["bleu_signature"]
    assert found["bleu"] == pytest.approx(bleu([" ".join(written[0])], [" ".join(right[0])]), rel=1e-9)


def test_the_texts_decide_how_bleu_is_counted(translators, file, tmp_path):
    assert "tok:13a" in evaluate_pairs(translators["words"], file)["bleu_signature"]
    pytest.importorskip("sudachipy")
    japanese = str(write_pairs(tmp_path / "ja.tsv", [("Anna sees the red cat .", "猫が庭で寝ている。"), ("Ben buys the clock .", "時計を買う。")]))
    assert "|words:sudachi-A" in evaluate_pairs(translators["bpe"], japanese)["bleu_signature"]


def test_unknown_words_of_the_targets_are_counted(translators, file, tmp_path):
    path = str(write_pairs(tmp_path / "unknown.tsv", [("Anna sees the red cat .", "Anna sieht Xyzzy Plugh .")]))
    assert evaluate_pairs(translators["words"], path)["unknown"] == 2
    assert evaluate_pairs(translators["bpe"], path)["unknown"] == 0


def test_a_target_of_unseen_characters_is_not_scored(translators, tmp_path):
    path = str(write_pairs(tmp_path / "unseen.tsv", [("abc", "cba"), ("abc", "cb猫")]))
    with pytest.raises(DataError, match='pair 2: the translations cannot have "猫"'):
        list(score_pairs(translators["letters"], path))


def test_what_was_looked_at_is_said_in_the_source_s_own_words(translators, tmp_path):
    """Of an unknown word the word; of a letter that byte pairs take apart, its bytes."""
    path = str(write_pairs(tmp_path / "unseen.tsv", [("Xyzzy Plugh the red cat .", "Anna sieht alte Tür .")]))
    (scored,) = score_pairs(translators["words"], path, expected=1)
    assert {token.looked_at for token in scored.tokens} <= {"Xyzzy", "Plugh", "the", "red", "cat", "."}
    (scored,) = score_pairs(translators["bpe"], str(write_pairs(tmp_path / "letter.tsv", [("the red cat .", "猫")])), expected=1)
    assert [token.text for token in scored.tokens] == ["\\xe7", "\\x8c", "\\xab", "(end)"]
    source = translators["bpe"].run.source
    assert pieces_of(source, "the 猫 sees", source.encode("the 猫 sees"))[-4:-1] == ["猫", "\\x8c", "\\xab"]
