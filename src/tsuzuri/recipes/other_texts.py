"""Language models of other texts: encyclopedia articles, Shakespeare with a Transformer, Soseki in characters and in words."""
from tsuzuri.measuring.evaluation import evaluate_run
from tsuzuri.recipes.penn_treebank import curve
from tsuzuri.recipes.recipe import Measured, Recipe
from tsuzuri.recipes.trained import trained_run


def _perplexity(recipe, out, watch):
    """The test perplexity, and the time it took."""
    run = trained_run(recipe, out, watch)
    return Measured(evaluate_run(run, recipe.test)["perplexity"], (*curve(run), f"{run.seconds() / 60:.1f} minutes of training"))


def _bits(recipe, out, watch):
    """Bits per character, and the time it took."""
    run = trained_run(recipe, out, watch)
    result = evaluate_run(run, recipe.test)
    return Measured(result["bits_per_character"], (
        *curve(run), f"{run.seconds() / 60:.1f} minutes of training",
        f"{result['tokens']:,} tokens ({result['token']}), {result['unknown']:,} unknown; {result['bits_per_byte']:.3f} bits per byte"))


SOSEKI = {"data": "soseki", "tie": True, "dropout": 0.3, "lr": 0.002, "clip": 1.0, "patience": 0}
RECIPES = (
    Recipe("wikitext2-hour", "LSTM 300 x 2 tied, dropout 0.3", "test perplexity", None, "none; beside PyTorch with the same settings",
           _perplexity, test="wikitext2:test",
           settings={"data": "wikitext2", "size": 300, "layers": 2, "tie": True, "dropout": 0.3, "epochs": 2, "optimizer": "sgd",
                     "lr": 20.0, "clip": 0.25, "schedule": "hold", "patience": 0}),
    Recipe("tinyshakespeare-gpt", "Transformer 4 x 256, 4 heads, context 256, AdamW", "bits per character", 2.2,
           "2.12 (nanoGPT's README: loss 1.4697, 6 x 384)", _bits, test="tinyshakespeare:valid",
           settings={"data": "tinyshakespeare", "unit": "char", "arch": "transformer", "size": 256, "layers": 4, "heads": 4,
                     "context": 256, "bptt": 256, "batch_size": 8, "dropout": 0.1, "lr": 0.002, "weight_decay": 0.1, "epochs": 7,
                     "patience": 0}),
    Recipe("soseki-char", "three novels of Soseki, GRU 512, characters", "bits per character", None, "none", _bits, test="soseki:test",
           settings=SOSEKI | {"unit": "char", "arch": "gru", "size": 512, "batch_size": 16, "bptt": 64, "epochs": 10}),
    Recipe("soseki-word", "the same, LSTM 256, Sudachi's words, rare ones spelled", "bits per character", None, "none", _bits, test="soseki:test",
           settings=SOSEKI | {"unit": "sudachi", "min_count": 2, "size": 256, "batch_size": 16, "bptt": 35, "epochs": 10}),
)
