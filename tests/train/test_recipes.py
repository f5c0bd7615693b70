"""Every recipe reaches its figure.  The long ones run with -m long."""
import pytest

from tsuzuri.train.language_model import train_run
from tsuzuri.train.recipes import RECIPES, run_recipe

LONG = ("ptb-lstm", "macbeth-char", "tinyshakespeare-char")


def train_quietly(run):
    for _ in train_run(run):
        pass


@pytest.mark.parametrize("name", [pytest.param(name, marks=[pytest.mark.long] if name in LONG else []) for name in RECIPES])
def test_a_recipe_reaches_its_figure(name, tmp_path, request):
    if name != "spiral":
        request.getfixturevalue("data_dir")
    result = run_recipe(name, tmp_path / name, train_quietly)
    assert result.reached, result.sentence()


def test_a_figure_on_the_wrong_side_is_a_miss(tmp_path, monkeypatch):
    from dataclasses import replace
    recipe = RECIPES["spiral"]
    monkeypatch.setitem(RECIPES, "spiral", replace(recipe, figure=lambda recipe, out, watch: recipe.limit - 0.1))
    result = run_recipe("spiral", tmp_path / "spiral", train_quietly)
    assert not result.reached
    assert "MISSED" in result.sentence()
