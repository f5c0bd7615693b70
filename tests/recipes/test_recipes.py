"""Every recipe reaches its figure, and what is said of it is so.  The long ones run with -m long."""
import json
from dataclasses import replace

import numpy as np
import pytest

from tsuzuri.datasets import fetch
from tsuzuri.recipes import RECIPES, Measured, Watch, run_recipe
from tsuzuri.recipes.book_vectors import PUBLISHED, toy_floor
from tsuzuri.recipes.gold_sets import bound
from tsuzuri.train.language_model import train_run
from tsuzuri.vectors.word_vectors import WordVectors

LONG = ("ptb-lstm", "macbeth-char", "tinyshakespeare-char", "novels-skipgram", "novels-svd", "macbeth-sequential", "ptb-10-minutes",
        "tinyshakespeare-gpt", "soseki-char", "soseki-word")
HOURS = ("ptb-hour", "ptb-better-rnnlm", "ptb-awd-lstm", "wikitext2-hour")           # no test: an hour and more
GENERATED = ("spiral", "toy-cbow", "toy-skipgram")


def train_quietly(run):
    for _ in train_run(run):
        pass


def last(events):
    *_, finished = events
    return finished


QUIETLY = Watch(train_quietly, last)


def untrained(_):
    raise AssertionError("this was trained again")


@pytest.mark.parametrize("name", [pytest.param(name, marks=[pytest.mark.long] if name in LONG else [])
                                  for name in RECIPES if name not in ("ptb-cbow", *HOURS)])
def test_a_recipe_reaches_its_figure(name, tmp_path, request):
    if name not in GENERATED:
        request.getfixturevalue("data_dir")
    result = run_recipe(name, tmp_path / name, QUIETLY)
    assert result.reached, "\n".join([*result.details, result.sentence()])


def test_ptb_cbow_answers_three_of_four_and_the_books_question(data_dir, tmp_path):
    """king - man + woman is missed; README says why."""
    result = run_recipe("ptb-cbow", tmp_path / "ptb-cbow", QUIETLY)
    missed = [line.split("  ")[0] for line in result.details if "MISSED" in line]
    assert (result.figure, missed) == (3, ["king - man + woman"]), "\n".join(result.details)
    assert result.details[-1].startswith("king : man = queen : ?  woman")


@pytest.mark.parametrize(("measured", "limit", "reached"), [
    (Measured(96.9), 97.0, False), (Measured(97.0), 97.0, True), (Measured(98.0, rest=False), 97.0, False),
    (Measured(-5.0), None, True), (Measured(float("nan")), None, False), (Measured(float("nan")), 97.0, False)])
def test_a_figure_on_the_wrong_side_is_a_miss(tmp_path, monkeypatch, measured, limit, reached):
    monkeypatch.setitem(RECIPES, "spiral", replace(RECIPES["spiral"], limit=limit, figure=lambda recipe, out, watch: measured))
    result = run_recipe("spiral", tmp_path / "spiral", QUIETLY)
    assert result.reached is reached
    assert ("MISSED" in result.sentence()) is not reached


def test_the_floors_of_the_toy_text_are_those_worked_by_hand():
    """CBOW: two of six words stand between the same two words (say, and), so 2/6 ln 2.  Skip-gram: each of six words has two
    words around it; "say" twice, with four different ones, so (2 ln 4 + 4 ln 2)/6."""
    assert toy_floor("cbow") == pytest.approx(np.log(2) / 3, abs=1e-12)
    assert toy_floor("skipgram") == pytest.approx(4 / 3 * np.log(2), abs=1e-12)


def test_vectors_that_are_there_are_not_trained_again(tmp_path, data_dir):
    first = run_recipe("ptb-counts", tmp_path, QUIETLY)
    assert {path.name for path in tmp_path.iterdir()} == {"vectors.safetensors", "neighbours.png"}
    assert run_recipe("ptb-counts", tmp_path, Watch(untrained, untrained)) == first


def test_a_training_that_was_killed_is_gone_on_with(tmp_path, data_dir):
    def killed(events):
        next(events)
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        run_recipe("ptb-counts", tmp_path, Watch(untrained, killed))
    events = []
    run_recipe("ptb-counts", tmp_path, Watch(untrained, lambda given: last(events.append(e) or e for e in given)))
    assert "Reading" not in {type(event).__name__ for event in events}


def test_the_published_cosines_are_those_of_float16(data_dir):
    """Taken in the float16 of the file they are 0.71875 and 0.65234375, which are printed as 0.719 and 0.652."""
    vectors = WordVectors.load(fetch("book").paths[0])
    assert vectors.vectors.dtype == np.float16
    year, *others = (vectors[word] / np.sqrt((vectors[word] ** 2).sum()) for word in ("year", "month", "week"))
    for name, other in zip(("month", "week"), others):
        assert round(float(other @ year), 3) == PUBLISHED[name][0]


def test_a_bound_is_the_mean_less_the_spread():
    assert bound((0.5, 0.4, 0.6)) == pytest.approx(0.3)


def test_the_command_prints_the_details_and_then_the_figure(tmp_path, capsys):
    from tsuzuri.cli.recipe import run
    assert run("toy-skipgram", out=tmp_path) == 0
    *details, sentence = capsys.readouterr().out.splitlines()
    assert details[-1].endswith("0.9242 is the least that any model of this text reaches")
    assert sentence.startswith("toy-skipgram: ")
    assert (tmp_path / "curve.png").exists()
    assert run("toy-skipgram", out=tmp_path, json=True) == 0
    assert json.loads(capsys.readouterr().out)["details"] == details
