"""What a recipe trains: into its folder, gone on with, or there already."""
from functools import partial
from pathlib import Path
from typing import Any

from tsuzuri.recipes.recipe import Recipe, Watch
from tsuzuri.train.trainings import training_of
from tsuzuri.vectors.settings import choose
from tsuzuri.vectors.training import SETTINGS, train_vectors
from tsuzuri.vectors.word_vectors import WordVectors


def trained_vectors(recipe: Recipe, out: Path, watch: Watch, name: str = "vectors", **more: Any) -> WordVectors:
    """The vectors in ``out/NAME.safetensors``, trained with the recipe's settings and ``more`` where they are not there yet."""
    path = out / f"{name}.safetensors"
    if path.exists():
        return WordVectors.load(path)
    begun = (out / f"{path.name}.training" / SETTINGS).exists()
    return watch.vectors(train_vectors(choose([("recipe", recipe.settings | more)]), path, resume=begun)).vectors


def trained(command: str, recipe: Recipe, out: Path, watch: Watch, **more: Any) -> Any:
    """The run in ``out`` of a group of commands, trained to its end with the recipe's settings and ``more``."""
    training = training_of(command)
    settings, _ = training.run.task.choose([("recipe", recipe.settings | more)])
    run = training.run(out) if (out / "config.toml").exists() else training.prepare(settings, out)
    watch.run(run)
    return run


trained_run, trained_pairs = partial(trained, "lm"), partial(trained, "seq2seq")
