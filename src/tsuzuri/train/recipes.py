"""Trainings with a figure to reach, and the published figure beside it.

A recipe is settings and a way to measure; it has no training code of its own.
"""
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, NamedTuple

from tsuzuri.datasets import open_source
from tsuzuri.errors import ConfigError, suggest
from tsuzuri.files import atomic_write
from tsuzuri.train.inference import evaluate_run
from tsuzuri.train.language_model import prepare_run
from tsuzuri.train.run import Run, choose

Watch = Callable[[Run], None]


@dataclass(frozen=True)
class Recipe:
    """``figure(recipe, out, watch)`` trains and returns the figure; ``watch(run)`` does the training of a run."""

    name: str
    what: str
    measure: str
    limit: float
    published: str
    figure: Callable[["Recipe", Path, Watch], float]
    higher_is_better: bool = False
    settings: dict[str, Any] = field(default_factory=dict)
    test: str = ""

    @property
    def bound(self) -> str:
        """The limit with its direction."""
        return f"{'>=' if self.higher_is_better else '<='} {self.limit:g}"


class Result(NamedTuple):
    """What a recipe reached."""

    name: str
    measure: str
    figure: float
    bound: str
    published: str
    reached: bool
    folder: str

    def sentence(self) -> str:
        """One line to print."""
        return (f"{self.name}: {self.measure} {self.figure:.4g} (must be {self.bound}: {'reached' if self.reached else 'MISSED'}; "
                f"published: {self.published}); {self.folder}")


def run_recipe(name: str, out: Path, watch: Watch) -> Result:
    """Train the recipe called ``name`` into ``out``."""
    if name not in RECIPES:
        raise ConfigError(f'there is no recipe "{name}"{suggest(name, RECIPES)}; there are {", ".join(RECIPES)}.')
    recipe = RECIPES[name]
    figure = recipe.figure(recipe, out, watch)
    reached = figure >= recipe.limit if recipe.higher_is_better else figure <= recipe.limit
    return Result(name, recipe.measure, figure, recipe.bound, recipe.published, reached, str(out))


def _trained(recipe, out, watch, **more) -> Run:
    settings, _ = choose([("recipe", recipe.settings | more)])
    run = Run(out) if (out / "config.toml").exists() else prepare_run(settings, out)
    watch(run)
    return run


def _perplexity(recipe, out, watch):
    return evaluate_run(_trained(recipe, out, watch), recipe.test)["perplexity"]


def _bits(recipe, out, watch):
    return evaluate_run(_trained(recipe, out, watch), recipe.test)["bits_per_character"]


def _first_words(recipe, out, watch):
    """The training perplexity of the last epoch on the first 1000 words of PTB."""
    from math import exp
    words = [word for line in open_source("ptb", "train").lines() for word in [*line.split(), "\n"]][:1000]
    text = out.with_name(f"{out.name}.txt")
    atomic_write(text, " ".join(words).replace(" \n ", "\n").strip() + "\n")
    run = _trained(recipe, out, watch, data=str(text))
    losses = [record["train_loss"] for record in run.logged() if "train_loss" in record]
    print(f"training perplexity {exp(losses[0]):.4g} after epoch 1")
    return exp(losses[-1])


def _spiral(recipe, out, watch):
    """The share of the points on the right side, in percent."""
    from numpy.random import default_rng

    from tsuzuri.train.spiral import draw_spiral, train_spiral
    result = train_spiral(default_rng(1))
    draw_spiral(result, out)
    return 100 * result.accuracy


RECIPES = {recipe.name: recipe for recipe in (
    Recipe("spiral", "two layers, hidden 10, sigmoid, SGD 1.0, batch 30, 300 epochs", "percent right", 97.0,
           "97 (a reference run)", _spiral, higher_is_better=True),
    Recipe("rnnlm-1000-words", "first 1000 PTB words, RNN 100, batch 10, T 5, SGD 0.1, 100 epochs", "training perplexity", 6.0,
           "5.25 after 100 epochs, 401 after the first (a reference run)", _first_words,
           settings={"valid": "none", "arch": "rnn", "size": 100, "batch_size": 10, "bptt": 5, "optimizer": "sgd", "lr": 0.1,
                     "schedule": "constant", "clip": 0.0, "epochs": 100, "patience": 0}),
    Recipe("ptb-lstm", "LSTM 100, batch 20, T 35, SGD 20, clip 0.25, 4 epochs", "test perplexity", 136.1,
           "136.07 (Saito 2018, Deep Learning from Scratch 2, 6.4)", _perplexity, test="ptb:test",
           settings={"data": "ptb", "size": 100, "batch_size": 20, "bptt": 35, "optimizer": "sgd", "lr": 20.0,
                     "schedule": "constant", "clip": 0.25, "epochs": 4, "patience": 0}),
    Recipe("macbeth-char", "LSTM 300 x 2, dropout 0.2, sequences of 50, Adam, last tenth held out", "bits per character", 2.6,
           "none", _bits, test="macbeth:valid",
           settings={"data": "macbeth", "unit": "char", "size": 300, "layers": 2, "dropout": 0.2, "batch_size": 20, "bptt": 50,
                     "lr": 0.002, "epochs": 20, "patience": 3}),
    Recipe("tinyshakespeare-char", "GRU 512, dropout 0.3, last tenth held out", "bits per character", 2.2,
           "2.12 (nanoGPT's README: loss 1.4697, 10.7 M parameters)", _bits, test="tinyshakespeare:valid",
           settings={"data": "tinyshakespeare", "unit": "char", "arch": "gru", "size": 512, "dropout": 0.3, "batch_size": 32,
                     "bptt": 96, "lr": 0.004, "clip": 1.0, "epochs": 10, "patience": 3}),
)}
