"""What a recipe trains: into its folder, gone on with, or there already."""
from pathlib import Path
from typing import Any

from tsuzuri.recipes.recipe import Recipe, Watch
from tsuzuri.train import run as runs
from tsuzuri.train.language_model import prepare_run
from tsuzuri.train.seq2seq import prepare_pairs
from tsuzuri.train.seq2seq_run import TASK, Seq2SeqRun
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


def trained_run(recipe: Recipe, out: Path, watch: Watch, **more: Any) -> runs.Run:
    """The run in ``out``, trained to its end with the recipe's settings and ``more``."""
    settings, _ = runs.choose([("recipe", recipe.settings | more)])
    run = runs.Run(out) if (out / "config.toml").exists() else prepare_run(settings, out)
    watch.run(run)
    return run


def trained_pairs(recipe: Recipe, out: Path, watch: Watch, **more: Any) -> Seq2SeqRun:
    """The run from sequence to sequence in ``out``, trained to its end with the recipe's settings and ``more``."""
    settings, _ = TASK.choose([("recipe", recipe.settings | more)])
    run = Seq2SeqRun(out) if (out / "config.toml").exists() else prepare_pairs(settings, out)
    watch.run(run)
    return run
