"""What a recipe trains: into its folder, gone on with, or there already."""
from functools import partial
from pathlib import Path
from typing import Any

import msgspec

from tsuzuri.errors import ConfigError, RunError
from tsuzuri.recipes.recipe import Recipe, Watch
from tsuzuri.train.trainings import training_of
from tsuzuri.vectors.settings import choose
from tsuzuri.vectors.training import SETTINGS, train_vectors
from tsuzuri.vectors.word_vectors import WordVectors

THE_MACHINES = {"threads", "save_every"}                     # settings that are the machine's, not the recipe's


def trained_vectors(recipe: Recipe, out: Path, watch: Watch, name: str = "vectors", **more: Any) -> WordVectors:
    """The vectors in ``out/NAME.safetensors``, trained with the recipe's settings and ``more`` where they are not there yet."""
    path = out / f"{name}.safetensors"
    if path.exists():
        return WordVectors.load(path)
    begun = (out / f"{path.name}.training" / SETTINGS).exists()
    return watch.vectors(train_vectors(choose([("recipe", recipe.settings | more)]), path, resume=begun)).vectors


def trained(command: str, recipe: Recipe, out: Path, watch: Watch, **more: Any) -> Any:
    """The run in ``out`` of a group of commands, trained with the recipe's settings and ``more`` to its end or as far as ``watch`` lets it.

    ConfigError: the run that is there was begun with other settings.  RunError: it has not finished an epoch.
    """
    training = training_of(command)
    settings, _ = training.run.task.choose([("recipe", recipe.settings | more)])
    if (out / "config.toml").exists():
        run = training.run(out)
        own = {"data"} & more.keys()                         # a text that the recipe writes itself lies where ``out`` says
        _refuse_other(out, _flat(run.settings), _flat(settings), recipe.name, THE_MACHINES | own)
    else:
        run = training.prepare(settings, out)
    watch.run(run)
    if not (run.final.exists() or run.best.exists()):
        raise RunError(f"{run.folder} has no finished epoch to measure; run {recipe.name} again to go on.")
    return run


def _refuse_other(out, begun, wanted, recipe, free):
    for name in sorted(wanted.keys() - free, key=lambda name: (name != "arch", name)):
        if begun.get(name) != wanted[name]:
            raise ConfigError(f"{out} was begun with {name} {begun.get(name)}, and {recipe} takes {wanted[name]}; give another --out.")


def _flat(settings):
    """{setting: value} without the sections."""
    return {name: value for section in msgspec.to_builtins(settings).values() for name, value in section.items()}


trained_run, trained_pairs = partial(trained, "lm"), partial(trained, "seq2seq")
