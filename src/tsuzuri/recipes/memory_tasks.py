"""Tasks that ask for a memory: a Neural Turing Machine copies, repeats, recalls and sorts what it has read, an LSTM beside it."""
from dataclasses import replace
from typing import Any

from tsuzuri.measuring.answering import evaluate_answers
from tsuzuri.plots import memory_picture
from tsuzuri.recipes.recipe import Measured, Recipe
from tsuzuri.recipes.trained import trained
from tsuzuri.writing.answering import Answerer

GRAVES = "Graves et al. 2014"
LONG, AT_MOST = 50, 0.1                                      # vectors that nobody trained on, and the share of their bits that may be wrong
SEQUENCES = 200


def _answers(recipe, out, watch):
    """Wrong bits a sequence of the longest of the training, with a picture."""
    run = trained("memory", recipe, out, watch)
    answerer = Answerer(out)
    found = evaluate_answers(answerer, sequences=SEQUENCES)
    return Measured(found["wrong_bits"], (_told(found), _draw(answerer, out / "memory.png"), f"{run.seconds() / 60:.1f} minutes of training"))


def _copy(recipe, out, watch):
    """As ``_answers``; beside it sequences that are longer than those of the training, and an LSTM of as many parameters."""
    figure, details, _ = _answers(recipe, out, watch)
    answerer = Answerer(out)
    longer = evaluate_answers(answerer, LONG, SEQUENCES)
    drawn = _draw(answerer, out / f"memory-{LONG}.png", LONG)
    beside = replace(recipe, settings={name: value for name, value in recipe.settings.items() if name != "controller"} | _LSTM)
    run = trained("memory", beside, out / "lstm", watch)
    lstm = Answerer(out / "lstm")
    compared = [f"LSTM {run.settings.model.size}, {lstm.model.parameter_count():,} parameters (the machine has {answerer.model.parameter_count():,}), "
                f"{run.seconds() / 60:.1f} minutes:", *(f"    {_told(evaluate_answers(lstm, length, SEQUENCES))}" for length in (0, LONG))]
    details = (*details, f"{_told(longer)}; must be below {100 * AT_MOST:g} %", drawn, *compared)
    return Measured(figure, details, longer["wrong"] < AT_MOST)


def _told(found):
    return (f"{found['length']} long: {found['wrong_bits']:.4g} wrong bits of {found['bits']:,.4g} a sequence ({100 * found['wrong']:.2f} %), "
            f"{100 * found['right']:.0f} % of the sequences without one")


def _draw(answerer, path, length=0):
    seen = answerer.watch(length)
    memory_picture(seen.inputs, seen.targets, seen.p, seen.weights, seen.reads, path)
    return f"drawn: {path}"


def _task(name, what, limit, published, reach=_answers, **settings: Any):
    return Recipe(name, what, "wrong bits a sequence", limit, published, reach, settings=settings)


_LSTM = {"arch": "lstm", "size": 120}
_USUAL = {"lr": 0.003, "batch_size": 8, "clip": 0.3, "batches": 200}
RECIPES = (
    _task("ntm-copy", "copy 1 to 20 vectors of 8 bits, LSTM controller 100", 0.1, f"solves, generalises to 120 ({GRAVES})", _copy, task="copy", epochs=20, **_USUAL),
    _task("ntm-repeat", "repeat 1 to 10 vectors of 8 bits 1 to 10 times, LSTM controller 24", 0.1, f"solves ({GRAVES})", task="repeat-copy", size=24,
          epochs=60, **_USUAL),
    _task("ntm-recall", "the item behind one of 2 to 6 items of 3 vectors of 6 bits, feed-forward controller 100", 0.1, f"solves ({GRAVES})",
          task="recall", controller="feedforward", epochs=30, **_USUAL | {"lr": 0.001}),
    _task("ntm-sort", "the 16 highest of 20 vectors of 8 bits in order, feed-forward controller 100, 4 + 4 heads", None,
          f"no number; better than an LSTM ({GRAVES})", task="sort", controller="feedforward", read_heads=4, write_heads=4, epochs=50, **_USUAL),
)
