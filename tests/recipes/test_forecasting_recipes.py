"""The recipes of series in short: the figure is the median of the seeds, and what it does not beat is said."""
from dataclasses import replace
from statistics import median

import pytest

from tsuzuri.measuring.forecasting import evaluate_series
from tsuzuri.recipes import RECIPES, Watch, forecasting, run_recipe
from tsuzuri.train.series import train_series
from tsuzuri.train.series_run import TASK
from tsuzuri.writing.forecasting import Forecaster

NAMES = [recipe.name for recipe in forecasting.RECIPES]


@pytest.fixture
def short(monkeypatch, data_dir):
    """short(name, **settings) -> the recipe with one epoch of small models."""
    monkeypatch.setattr("tsuzuri.train.series.draw_run", lambda run, model: None)
    monkeypatch.setattr(forecasting, "_draw", lambda forecaster, path: f"drawn: {path}")

    def shortened(name, **settings):
        recipe = RECIPES[name]
        monkeypatch.setitem(RECIPES, name, replace(recipe, settings=recipe.settings | {"epochs": 1, "size": 4, "threads": 1} | settings))
        return name
    return shortened


def quietly(run):
    for _ in train_series(run):
        pass


WATCH = Watch(quietly, lambda events: None)


@pytest.mark.parametrize("name", NAMES)
def test_the_settings_of_a_recipe_fit_together(name):
    settings, origin = TASK.choose([("recipe", RECIPES[name].settings)])
    assert {setting for setting, where in origin.items() if where == "recipe"} == set(RECIPES[name].settings)
    assert settings.model.base == "linear"


def test_the_figure_is_the_median_of_three_seeds(short, tmp_path):
    result = run_recipe(short("airline"), tmp_path / "airline", WATCH)
    found = [evaluate_series(Forecaster(tmp_path / "airline" / f"seed-{seed}"))["models"]["gru"]["mase"] for seed in (1, 2, 3)]
    assert len(set(found)) == 3
    assert result.figure == median(found)
    assert [line.split(":")[0] for line in result.details] == ["seed 1", "seed 2", "seed 3", "last value", "seasonal-naive", "linear", "drawn"]
    assert "MASE 1.762" in result.details[4]
    assert run_recipe("airline", tmp_path / "airline", WATCH) == result


def test_what_is_not_beaten_is_said_and_a_miss(short, tmp_path):
    result = run_recipe(short("airline", base="last"), tmp_path / "airline", WATCH)
    assert not result.reached
    assert "below" in result.details[3]
    assert "NOT BELOW, but above" in result.details[4]
    assert "NOT BELOW, but above" in result.details[5]
