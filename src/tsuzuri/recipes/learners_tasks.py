"""Learner's tasks from sequence to sequence: sums, dates, copying and sorting, where every answer is right or wrong."""
from statistics import median

from tsuzuri.errors import RunError
from tsuzuri.measuring.alignment import alignment_entropy
from tsuzuri.plots import attention_map
from tsuzuri.recipes.recipe import Measured, Recipe
from tsuzuri.recipes.trained import trained_pairs
from tsuzuri.writing.translation import Translator

SAITO = "Saito 2018, Deep Learning from Scratch 2, 7 and 8"
SEEDS = (1, 2, 3)
DATE, ISO = "TUESDAY, SEPTEMBER 25, 1984", "1984-09-25"
PARTS = {"year": ("1984", "1984"), "month": ("SEPTEMBER", "09"), "day": ("25", "25")}


def _exact(recipe, out, watch):
    """The share of held-out questions answered exactly after the last epoch, in percent."""
    return _last(trained_pairs(recipe, out, watch))


def _last(run):
    found = accuracies(run)
    return Measured(found[-1], (_curve(found), f"{run.seconds() / 60:.1f} minutes"))


def _dates(recipe, out, watch, second=98.0):
    """The median over the seeds after the last epoch; the one after the second must reach ``second``."""
    runs = [trained_pairs(recipe, out / f"seed-{seed}", watch, seed=seed) for seed in SEEDS]
    found = [accuracies(run) for run in runs]
    if min(map(len, found)) < 2:
        raise RunError(f"{out}: what is known after the second epoch is judged too, and not all seeds have finished it; run {recipe.name} again to go on.")
    after_two = median(one[1] for one in found)
    details = [f"seed {seed}: {_curve(one)}" for seed, one in zip(SEEDS, found, strict=True)]
    details.append(f"median after epoch 2: {after_two:.2f} (must be >= {second:g})")
    details += [f"seed {seed}: {_aligned(run)}" for seed, run in zip(SEEDS, runs, strict=True)]
    details.append(_draw(runs[0], out / "attention.png"))
    return Measured(median(one[-1] for one in found), tuple(details), after_two >= second)


def _drawn(recipe, out, watch):
    """As ``_exact``, with a picture of one date."""
    run = trained_pairs(recipe, out, watch)
    figure, details, rest = _last(run)
    return Measured(figure, (*details, _draw(run, out / "attention.png")), rest)


def accuracies(run) -> list[float]:
    """The exact matches after each epoch, in percent."""
    return [100 * record["exact_match"] for record in run.logged() if "exact_match" in record]


def _curve(found):
    return "percent right after each epoch: " + ", ".join(f"{value:.1f}" for value in found)


def _aligned(run):
    """The mean weight that the digits of each part of the answer give to that part of the date."""
    seen = Translator(run).look(DATE)
    written = "".join(seen.target[:-1])
    if written != ISO:
        return f"{DATE} was written {written}"
    weights = seen.of()
    shares = {part: weights[ISO.index(ours):][:len(ours), DATE.index(theirs):][:, :len(theirs)].sum(1).mean() for part, (theirs, ours) in PARTS.items()}
    return "weight that lies on its own part of the date: " + ", ".join(f"{part} {share:.0%}" for part, share in shares.items())


def _draw(run, path):
    seen = Translator(run).look(DATE)
    weights = seen.of()
    attention_map(weights, seen.source, seen.target, path, title=f"{DATE} -> {''.join(seen.target[:-1])}",
                  chosen=weights.argmax(-1) if seen.hard else None)
    return f"drawn: {path}; alignment entropy {float(alignment_entropy(weights)):.2f}"


_ADDITION = {"data": "addition", "unit": "char", "arch": "encoder-decoder", "size": 128, "embedding": 16, "optimizer": "adam", "clip": 5.0,
             "batch_size": 128, "epochs": 25, "patience": 0}
_DATES = {"data": "dates", "unit": "char", "arch": "attention", "size": 256, "embedding": 16, "reverse": True, "score": "dot",
          "optimizer": "adam", "clip": 5.0, "batch_size": 128, "epochs": 4, "patience": 0}
_TRANSFORMER = {"arch": "transformer", "size": 128, "layers": 2, "heads": 4, "smoothing": 0.0, "dropout": 0.0, "lr": 0.001}


def _right(name, what, limit, published, settings, figure=_exact):
    return Recipe(name, what, "percent exactly right", limit, published, figure, higher_is_better=True, settings=settings)


RECIPES = (
    _right("addition-plain", "LSTM 128 encoder-decoder, 25 epochs", 6.0, f"6.3 (a reference run); about 10 ({SAITO})", _ADDITION),
    _right("addition-reverse", "the same, the source read from its end", 45.0, f"44.3 (a reference run); about 55 ({SAITO})", _ADDITION | {"reverse": True}),
    _right("addition-peeky", "the same, peeky too", 97.0, f"96.6 to 99.2 (a reference run); about 98 ({SAITO})", _ADDITION | {"reverse": True, "peeky": True}),
    _right("addition-attention", "LSTM 128 with dot attention, reverse", 99.5, "none",
           _ADDITION | {"arch": "attention", "score": "dot", "reverse": True, "lr": 0.003, "schedule": "cosine"}),
    _right("addition-transformer", "Transformer 128, 2 layers", 99.5, "none", {name: value for name, value in _ADDITION.items() if name != "embedding"} | _TRANSFORMER),
    _right("dates-attention", "LSTM 256 with dot attention, reverse, median of three seeds", 99.9, f"100 after epoch 3 ({SAITO})", _DATES, _dates),
    _right("dates-hard-attention", "the same with a hard choice", 99.0, "none", _DATES | {"choice": "hard", "epochs": 8}, _drawn),
    *(_right(f"{data}-{arch}", f"{data} 1 to 12 letters, {arch}", 100.0, "none",
             {"data": data, "unit": "char", "batch_size": 64, "epochs": 16, "schedule": "cosine", "patience": 0} | more)
      for data in ("copy", "sort") for arch, more in (("transformer", _TRANSFORMER), ("gnmt", {"arch": "gnmt", "size": 128, "layers": 3, "dropout": 0.1, "lr": 0.002, "epochs": 20}))),
)
