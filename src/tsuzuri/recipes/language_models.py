"""Small language models, and the spiral before them."""
from math import exp

from tsuzuri.datasets import open_source
from tsuzuri.files import atomic_write
from tsuzuri.measuring.evaluation import evaluate_run
from tsuzuri.recipes.recipe import Measured, Recipe
from tsuzuri.recipes.trained import trained_run


def _perplexity(recipe, out, watch):
    return Measured(evaluate_run(trained_run(recipe, out, watch), recipe.test)["perplexity"])


def _bits(recipe, out, watch):
    return Measured(evaluate_run(trained_run(recipe, out, watch), recipe.test)["bits_per_character"])


def _first_words(recipe, out, watch):
    """The training perplexity of the last epoch on the first 1000 words of PTB."""
    words = [word for line in open_source("ptb", "train").lines() for word in [*line.split(), "\n"]][:1000]
    text = out.with_name(f"{out.name}.txt")
    atomic_write(text, " ".join(words).replace(" \n ", "\n").strip() + "\n")
    run = trained_run(recipe, out, watch, data=str(text))
    losses = [record["train_loss"] for record in run.logged() if "train_loss" in record]
    return Measured(exp(losses[-1]), (f"training perplexity {exp(losses[0]):.4g} after epoch 1",))


def _spiral(recipe, out, watch):
    """The share of the points on the right side, in percent."""
    from numpy.random import default_rng

    from tsuzuri.train.spiral import draw_spiral, train_spiral
    result = train_spiral(default_rng(1))
    draw_spiral(result, out)
    return Measured(100 * result.accuracy)


RECIPES = (
    Recipe("spiral", "two layers, hidden 10, sigmoid, SGD 1.0, batch 30, 300 epochs", "percent right", 97.0,
           "97 (a reference run)", _spiral, higher_is_better=True, stops=False),
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
)
