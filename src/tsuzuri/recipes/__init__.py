"""Trainings with a figure to reach, and the published figure beside it."""
from pathlib import Path

from tsuzuri.errors import ConfigError, suggest
from tsuzuri.recipes import book_vectors, gold_sets, language_models, other_texts, penn_treebank, sequential
from tsuzuri.recipes.recipe import Measured, Recipe, Result, Watch

__all__ = ["RECIPES", "Measured", "Recipe", "Result", "Watch", "run_recipe"]

RECIPES = {recipe.name: recipe for recipe in (*language_models.RECIPES, *penn_treebank.RECIPES, *other_texts.RECIPES, *book_vectors.RECIPES, *gold_sets.RECIPES,
                                              *sequential.RECIPES)}


def run_recipe(name: str, out: Path, watch: Watch) -> Result:
    """Train the recipe called ``name`` into ``out``, or go on with what was begun there."""
    if name not in RECIPES:
        raise ConfigError(f'there is no recipe "{name}"{suggest(name, RECIPES)}; there are {", ".join(RECIPES)}.')
    recipe = RECIPES[name]
    figure, details, rest = recipe.figure(recipe, out, watch)
    return Result(name, recipe.measure, figure, recipe.bound, recipe.published, recipe.reached(figure) and rest, str(out), details)
