"""Text from a run: the same seed, several samples, stop strings, beams, and what the vocabulary lacks."""
import numpy as np
import pytest
from writers import made_up_run

from small_runs import made_up
from tsuzuri.decode import Sampler, generate
from tsuzuri.errors import ConfigError
from tsuzuri.writing.text import Writer, write_text

LINES = made_up(40).splitlines()
JAPANESE = ["吾輩は猫である。", "名前はまだ無い。", "どこで生れたかとんと見当がつかぬ。"]
OPTIONS = {"char": {}, "word": {}, "bpe": {"size": 280}}
RUNS = {unit: made_up_run(unit, LINES, **options) for unit, options in OPTIONS.items()}
each_unit = pytest.mark.parametrize("unit", RUNS)


@pytest.fixture
def writer(unit):
    return Writer(RUNS[unit])


@each_unit
def test_the_pieces_are_the_text_of_the_tokens(unit, writer):
    tokenizer = RUNS[unit].tokenizer
    prompt = tokenizer.encode("the cat")
    ids = list(generate(writer.model, prompt, 50, Sampler(), np.random.default_rng(3)))
    whole = tokenizer.decode(prompt + ids)
    text = "".join(write_text(RUNS[unit], "the cat", 50, seed=3))
    assert "the cat" + text == whole.rstrip("\ufffd")


def test_a_piece_comes_as_soon_as_it_is_drawn(monkeypatch):
    """The first before the model takes a step behind the prompt, each of the others after one step more; what is held back comes last."""
    model, steps = RUNS["char"].load_model(), []
    step = model.step
    monkeypatch.setattr(model, "step", lambda *given: steps.append(1) or step(*given))
    came = [len(steps) for _ in write_text(RUNS["char"], "the cat", 5)]
    assert came == [0, 1, 2, 3, 4, 4]


@each_unit
def test_the_same_seed_gives_the_same_texts_however_many(unit, writer):
    one, three = (writer.samples("the ", 40, Sampler(), count, seed=5) for count in (1, 3))
    assert three[:1] == one == ["".join(writer.stream("the ", 40, Sampler(), 5))]
    assert len(set(three)) == 3
    assert writer.samples("the ", 40, Sampler(), 3, seed=5) == three != writer.samples("the ", 40, Sampler(), 3, seed=6)


@each_unit
def test_every_sample_ends_at_its_own_stop_string(unit, writer):
    free = writer.samples("", 80, Sampler(), 4)
    stops = ["a", "ra"]
    stopped = writer.samples("", 80, Sampler(), 4, stops=stops)
    assert stopped == ["".join(by_character(text, stops)) for text in free]
    assert any(len(a) < len(b) for a, b in zip(stopped, free, strict=True))
    assert "".join(writer.stream("", 80, Sampler(), stops=stops)) == stopped[0]


def by_character(text, stops):
    for end in range(len(text) + 1):
        if found := [stop for stop in stops if text[:end].endswith(stop)]:
            return text[:end - max(map(len, found))]
    return text


def test_no_stream_of_japanese_bytes_shows_half_a_character():
    """Of a model that writes bytes as they fall there are marks in the middle, but never one that a later byte takes back."""
    writer = Writer(made_up_run("bpe", JAPANESE, size=256))
    tokenizer = writer.tokenizer
    prompt = tokenizer.encode("猫")
    for seed in range(5):
        ids = list(generate(writer.model, prompt, 60, Sampler(), np.random.default_rng(seed)))
        text = "".join(writer.stream("猫", 60, Sampler(), seed))
        assert "猫" + text == tokenizer.decode(prompt + ids).rstrip("\ufffd")


@each_unit
def test_beams_find_texts_at_least_as_likely_as_greedy(unit, writer):
    tokenizer, prompt = writer.tokenizer, "the cat"
    found = writer.beams(prompt, 6, 4)
    greedy = "".join(writer.stream(prompt, 6, Sampler(0.0)))
    assert [score for _, score in found] == sorted((score for _, score in found), reverse=True)
    assert len({text for text, _ in found}) == 4
    assert writer.beams(prompt, 6, 1)[0][0] == greedy
    ids = tokenizer.encode(prompt + greedy)
    if unit == "char":                                       # a character is a token, so the text gives the ids
        log_p, _ = writer.model.log_probabilities(np.array([ids[:-1]]))
        start = len(tokenizer.encode(prompt))
        assert found[0][1] >= sum(log_p[0, k - 1, ids[k]] for k in range(start, len(ids))) - 1e-9


def test_a_beam_ends_before_a_stop_string():
    writer = Writer(RUNS["char"])
    for text, _ in writer.beams("the cat", 12, 8, 0.6, ["a", "\n"]):
        assert "a" not in text
        assert "\n" not in text


def test_what_the_vocabulary_lacks_is_named_once():
    assert Writer(RUNS["char"]).unknown("the 猫 cät 猫") == ["猫", "ä"]
    assert Writer(RUNS["word"]).unknown("the zebra sat on a zebra <unk> dog") == ["zebra", "dog"]
    assert Writer(RUNS["bpe"]).unknown("the 猫") == []
    assert Writer(RUNS["word"]).unknown("") == []


@pytest.mark.parametrize(("call", "name"), [
    (lambda w: w.stream("", -1, Sampler()), "tokens is -1"), (lambda w: w.stream("", 1, Sampler(), -1), "seed is -1"),
    (lambda w: w.samples("", 1, Sampler(), 0), "samples is 0"), (lambda w: w.stream("", 1, Sampler(), stops=[""]), "stop string is empty"),
    (lambda w: w.beams("", 1, 0), "beams is 0")])
def test_what_does_not_fit_is_refused_before_anything_is_written(call, name):
    with pytest.raises(ConfigError, match=name):
        call(Writer(RUNS["char"]))


def test_an_empty_prompt_needs_a_line_end():
    writer = Writer(made_up_run("word", LINES, eos=False))
    assert "".join(writer.stream("the", 5, Sampler())) == writer.samples("the", 5, Sampler(), 1)[0] != ""
    for write in (writer.stream, lambda *rest: writer.samples(*rest, 2), lambda *rest: writer.beams("", 5, 2)):
        with pytest.raises(ConfigError, match="the prompt is empty, and the vocabulary has no line end"):
            write("", 5, Sampler())
