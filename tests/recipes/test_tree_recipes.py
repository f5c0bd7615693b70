"""The recipes of trees: their settings fit, what they measure is so, and they are judged by figure, time and two sides."""
from dataclasses import replace
from types import SimpleNamespace

import pytest

from small_trees import opinions, write_trees
from tsuzuri.measuring.trees import evaluate_trees
from tsuzuri.recipes import RECIPES, Watch, run_recipe, trees
from tsuzuri.train.tree_run import TASK, TreeRun
from tsuzuri.train.trees import train_trees

NAMES = [recipe.name for recipe in trees.RECIPES]


def train_quietly(run):
    for _ in train_trees(run):
        pass


QUIETLY = Watch(train_quietly, None)


@pytest.mark.parametrize("name", NAMES)
def test_the_settings_of_a_recipe_fit_together(name):
    settings, origin = TASK.choose([("recipe", RECIPES[name].settings)])
    assert {setting for setting, where in origin.items() if where == "recipe"} == set(RECIPES[name].settings)
    assert settings.trees.data == "sst"


@pytest.mark.parametrize("name", NAMES)
def test_a_recipe_in_short(name, tmp_path, monkeypatch):
    """On opinions in place of the treebank: the figure is that of the command, and measured again nothing is trained."""
    data, test = (write_trees(tmp_path / f"{seed}.txt", opinions(60, seed=seed, classes=5)) for seed in (1, 2))
    monkeypatch.setattr("tsuzuri.train.trees.draw_run", lambda run, model: None)
    monkeypatch.setattr(trees, "evaluate_trees", lambda run, name: evaluate_trees(run, str(test)))
    small = {"data": str(data), "size": 6, "epochs": 2, "average": 2, "threads": 1}
    monkeypatch.setitem(RECIPES, name, replace(RECIPES[name], settings=RECIPES[name].settings | small, limit=101.0))
    result = run_recipe(name, tmp_path / "run", QUIETLY)
    found = evaluate_trees(TreeRun(tmp_path / "run"), str(test))
    assert (result.figure, result.reached) == (100 * found["root_accuracy"], False)
    assert f"roots {100 * found['binary_root_accuracy']:.2f} %" in result.details[0]
    before = (tmp_path / "run" / "last" / "checkpoint.safetensors").stat().st_mtime_ns
    assert run_recipe(name, tmp_path / "run", QUIETLY).figure == result.figure
    assert (tmp_path / "run" / "last" / "checkpoint.safetensors").stat().st_mtime_ns == before


@pytest.mark.parametrize(("name", "root", "sides", "minutes", "reached"), [
    ("sst-tree-lstm", 43.0, 80.0, 30.0, True), ("sst-tree-lstm", 42.9, 90.0, 3.0, False), ("sst-tree-lstm", 50.0, 79.9, 3.0, False),
    ("sst-tree-lstm", 50.0, 90.0, 30.1, False), ("sst-rntn", 42.0, 60.0, 3.0, True), ("sst-recursive", 39.9, 90.0, 3.0, False)])
def test_a_recipe_is_judged_by_its_figure_its_time_and_its_sides(name, root, sides, minutes, reached, monkeypatch, tmp_path):
    monkeypatch.setattr(trees, "trained", lambda command, recipe, out, watch: SimpleNamespace(seconds=lambda: 60 * minutes))
    monkeypatch.setattr(trees, "evaluate_trees", lambda run, data: {
        "root_accuracy": root / 100, "binary_root_accuracy": sides / 100, "node_accuracy": 0.8, "binary_node_accuracy": 0.8})
    result = run_recipe(name, tmp_path / "x", QUIETLY)
    assert (result.figure, result.reached) == (root, reached)
    assert ("(must be >= 80)" in result.details[0]) == (name == "sst-tree-lstm")
    assert result.details[1] == f"{minutes:.1f} minutes of training (must be <= 30)"
