"""Images to sentences: scenes of shapes and of digits, whose captions a program judges."""
from functools import partial

from tsuzuri.datasets.pictures import one_scene
from tsuzuri.measuring.captioning import evaluate_captions
from tsuzuri.plots import caption_map
from tsuzuri.recipes.recipe import Measured, Recipe
from tsuzuri.recipes.trained import trained
from tsuzuri.writing.captions import Captioner


def _true(recipe, out, watch, new_too=True):
    """The share of true captions in percent, of held-out scenes or, with ``new_too``, of those with combinations never seen, where that is lower."""
    run = trained("caption", recipe, out, watch)
    captioner = Captioner(run)
    found = evaluate_captions(captioner, recipe.settings["data"])
    known, new = 100 * found["true"], 100 * found["true_unseen"]
    details = [f"{known:.1f} % true of held-out scenes, {new:.1f} % of scenes with combinations never seen in training",
               f"{found['stating_unseen']:,} captions state such a combination, {100 * found['true_stating_unseen']:.1f} % of them are true"]
    if run.settings.model.arch == "attention":
        details.append(_draw(captioner, recipe.settings["data"], out / "attention.png"))
    return Measured(min(known, new) if new_too else known, (*details, f"{run.seconds() / 60:.1f} minutes of training"))


def _draw(captioner, data, path):
    """A picture of where the model looks on a scene that has a combination never seen."""
    picture = one_scene(f"{data}:unseen", 0, captioner.pixels).picture
    seen = captioner.look(picture)
    caption_map(picture, seen.tokens, seen.weights, path, title=" ".join(seen.tokens[:-1]), chosen=seen.hard)
    return f"drawn: {path}"


def _recipe(name, what, limit, settings, reach=_true):
    return Recipe(name, what, "percent true captions", limit, "none", reach, higher_is_better=True, settings=settings)


_COMMON = {"arch": "attention", "context": "fed", "dropout": 0.15, "batch_size": 32, "lr": 0.004, "patience": 0, "threads": 1}
RECIPES = (
    _recipe("shapes-caption", "scenes of coloured shapes: convolutions and an LSTM 128 with attention", 95.0, _COMMON | {"data": "shapes", "scenes": 80_000, "epochs": 7}),
    _recipe("digits-caption", "scenes of MNIST's digits, the same model", 90.0, _COMMON | {"data": "digits", "scenes": 60_000, "epochs": 8}, partial(_true, new_too=False)),
)
