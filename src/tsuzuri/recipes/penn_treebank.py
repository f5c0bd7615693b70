"""Language models of the Penn Treebank, from published weights to what two cores reach in an hour, and beyond."""
from functools import partial
from math import exp

from tsuzuri.datasets import fetch
from tsuzuri.measuring.evaluation import evaluate_run
from tsuzuri.recipes.recipe import Measured, Recipe
from tsuzuri.recipes.trained import trained_run
from tsuzuri.train.importing import import_book
from tsuzuri.train.run import Run

TEST = "ptb:test"
SGD = {"optimizer": "sgd", "lr": 20.0, "clip": 0.25, "schedule": "hold", "patience": 0}


def _book(recipe, out, watch):
    """The published weights, with the batches of the book: 10 rows, 35 steps at a time."""
    run = Run(out) if (out / "config.toml").exists() else import_book(fetch("book-rnnlm").paths[0], out)
    whole = evaluate_run(run, TEST)["perplexity"]
    figure = evaluate_run(run, TEST, rows=10, window=35)["perplexity"]
    return Measured(figure, (f"read as one row, from end to end: {whole:.2f}",), abs(figure - 136.08) <= 0.05)


def _counted(recipe, out, watch):
    """The test perplexity of counted n-grams, and the time they took."""
    run = trained_run(recipe, out, watch)
    result = evaluate_run(run, TEST)
    return Measured(result["perplexity"], (f"{run.seconds():.1f} s to count and to validate",))


def _test(recipe, out, watch, minutes=None, mixed=False):
    """The test perplexity, of the model alone and beside counted 5-grams and with a cache; the time that all of them took."""
    run = trained_run(recipe, out, watch)
    alone = evaluate_run(run, TEST)["perplexity"]
    cached = evaluate_run(run, TEST, adapt="cache")["perplexity"]
    details = [f"alone {alone:.2f}; with a cache of the last words {cached:.2f}", *curve(run)]
    figure, seconds = alone, run.seconds()
    if mixed:
        counted = trained_run(NGRAM, out.with_name(f"{out.name}-ngram"), watch)
        result = evaluate_run(run, TEST, mix=[counted])
        figure, seconds = result["perplexity"], seconds + counted.seconds()
        details.append(f"with 5-grams, weighed {result['weights'][1]:.2f} by the validation text: {figure:.2f}")
    if minutes is None:
        return Measured(figure, tuple(details))
    took = seconds / 60
    return Measured(figure, (*details, f"{took:.1f} minutes of training{' and counting' if mixed else ''} (must be <= {minutes})"), took <= minutes)


def curve(run: Run) -> list[str]:
    """Validation perplexity after each epoch, and the time of a step."""
    validations = [record for record in run.logged() if record.get("valid_loss") is not None]
    if not validations:
        return []
    steps = validations[-1]["step"]
    each = 1000 * run.seconds(steps) / steps
    shown = ", ".join(f"{exp(record['valid_loss']):.2f}" for record in validations)
    return [f"validation perplexity after each epoch: {shown}",
            f"{each:.0f} ms a step with validation, {steps // validations[-1]['epoch']:,} steps an epoch"]


NGRAM = Recipe("ptb-ngram", "5-grams, modified Kneser-Ney", "test perplexity", 148.0, "141 to 148 (Mikolov et al. 2010; SRILM)",
               _counted, stops=False, settings={"data": "ptb", "arch": "ngram", "order": 5, "smoothing": "modified-kneser-ney"})
RECIPES = (
    Recipe("book-rnnlm", "the weights published with the book, PTB test, batch 10, T 35", "test perplexity", 136.13,
           "136.07 (Saito 2018, Deep Learning from Scratch 2, 6.4)", _book, stops=False),
    NGRAM,
    Recipe("ptb-10-minutes", "LSTM 200 x 2 tied, dropout 0.2, beside 5-grams", "test perplexity", 104.0,
           "93.68 (PyTorch, the LSTM alone, 10 minutes; 107.4 when the aim was set)", partial(_test, minutes=10, mixed=True),
           settings={"data": "ptb", "size": 200, "layers": 2, "tie": True, "dropout": 0.2, "epochs": 8} | SGD),
    Recipe("ptb-hour", "LSTM 400 x 2 tied, dropout 0.4", "test perplexity", 90.0, "none", partial(_test, minutes=60),
           settings={"data": "ptb", "size": 400, "layers": 2, "tie": True, "dropout": 0.4, "epochs": 13} | SGD),
    Recipe("ptb-better-rnnlm", "LSTM 650 x 2 tied, dropout 0.5, SGD 20, divided by 4 without a new best, 40 epochs", "test perplexity",
           78.0, "75.76 (Saito 2018, Deep Learning from Scratch 2, 6.5)", _test,
           settings={"data": "ptb", "size": 650, "layers": 2, "tie": True, "dropout": 0.5, "epochs": 40} | SGD | {"schedule": "plateau"}),
    Recipe("ptb-awd-lstm", "AWD-LSTM 400 / 1150 x 3", "test perplexity", 60.0, "58.8, with a cache 52.8 (Merity et al. 2018)", _test,
           settings={"data": "ptb", "embedding": 400, "size": 1150, "layers": 3, "tie": True, "start": "even", "dropout_kind": "variational",
                     "dropout": 0.25, "input_dropout": 0.4, "output_dropout": 0.4, "embedding_dropout": 0.1, "weight_drop": 0.5,
                     "activation_penalty": 2.0, "temporal_penalty": 1.0, "batch_size": 20, "bptt": 70, "windows": "varied",
                     "optimizer": "nt-asgd", "lr": 30.0, "weight_decay": 1.2e-6, "clip": 0.25, "schedule": "constant",
                     "epochs": 500, "patience": 0}),
)
