"""Sentiment at every node of the Stanford Sentiment Treebank: labels of the test split's roots, five and two, without outside vectors."""
from tsuzuri.measuring.trees import evaluate_trees
from tsuzuri.recipes.recipe import Measured, Recipe
from tsuzuri.recipes.trained import trained

BEST = 80.0                                                  # percent of two sides that the best must reach


def _roots(recipe, out, watch, sides=None, minutes=30):
    """Percent of the test split's roots labelled right, of five; beside it of two sides, of nodes, and how long it took."""
    run = trained("tree", recipe, out, watch)
    found, took = evaluate_trees(run, "sst"), run.seconds() / 60
    figures = {name: 100 * found[f"{name}_accuracy"] for name in ("root", "node", "binary_root", "binary_node")}
    asked = f" (must be >= {sides:g})" if sides else ""
    details = (f"all nodes {figures['node']:.2f} %; two sides: roots {figures['binary_root']:.2f} %{asked}, nodes {figures['binary_node']:.2f} %",
               f"{took:.1f} minutes of training (must be <= {minutes})")
    return Measured(figures["root"], details, took <= minutes and figures["binary_root"] >= (sides or 0))


def _best(recipe, out, watch):
    return _roots(recipe, out, watch, BEST)


def _sst(name, what, limit, published, settings, reach=_roots):
    return Recipe(name, what, "percent of roots right", limit, published, reach, higher_is_better=True, settings={"data": "sst"} | settings)


_USUAL = {"optimizer": "adagrad", "lr": 0.05, "patience": 0}
_NET = _USUAL | {"dropout": 0.2, "epochs": 6, "average": 4}
RECIPES = (
    _sst("sst-recursive", "recursive net 30", 40.0, "43.2; two sides 82.4 (Socher et al. 2013)", _NET | {"arch": "recursive", "size": 30}),
    _sst("sst-rntn", "recursive neural tensor network 25", 42.0, "45.7; two sides 85.4 (Socher et al. 2013)", _NET | {"arch": "rntn", "size": 25}),
    _sst("sst-tree-lstm", "binary Tree-LSTM 150", 43.0, "51.0 with GloVe vectors, 43.9 without; two sides 88.0 and 82.0 (Tai et al. 2015)",
         _USUAL | {"arch": "tree-lstm", "size": 150, "dropout": 0.5, "epochs": 5, "average": 3}, _best),
)
