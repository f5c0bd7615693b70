"""Trainings with a figure to reach, and the published figure beside it."""
from pathlib import Path

from tsuzuri.errors import ConfigError, suggest
from tsuzuri.recipes import (
    book_vectors,
    captions,
    forecasting,
    gold_sets,
    labels,
    language_models,
    learners_tasks,
    memory_tasks,
    other_texts,
    penn_treebank,
    sequential,
    translation,
    trees,
)
from tsuzuri.recipes.recipe import Measured, Recipe, Result, Watch

__all__ = ["RECIPES", "Measured", "Recipe", "Result", "Watch", "find_recipe", "run_recipe"]

ROOMS = (language_models, penn_treebank, other_texts, book_vectors, gold_sets, sequential, learners_tasks, translation, labels, trees, captions, forecasting, memory_tasks)
RECIPES = {recipe.name: recipe for room in ROOMS for recipe in room.RECIPES}


def find_recipe(name: str) -> Recipe:
    """The recipe called ``name``.  ConfigError: there is none."""
    if name not in RECIPES:
        raise ConfigError(f'there is no recipe "{name}"{suggest(name, RECIPES)}; there are {", ".join(RECIPES)}.')
    return RECIPES[name]


def run_recipe(name: str, out: Path, watch: Watch) -> Result:
    """Train the recipe called ``name`` into ``out``, or go on with what was begun there."""
    recipe = find_recipe(name)
    figure, details, rest = recipe.reach(recipe, out, watch)
    return Result(name, recipe.measure, figure, recipe.bound, recipe.published, recipe.reached(figure) and rest, str(out), details)
