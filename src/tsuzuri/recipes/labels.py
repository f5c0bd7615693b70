"""Labels: the sentiment of sentences, and the part of speech of Japanese words."""
from functools import partial

from tsuzuri.measuring.labelling import evaluate_sentences
from tsuzuri.recipes.recipe import Measured, Recipe
from tsuzuri.recipes.trained import trained
from tsuzuri.writing.labelling import SentenceLabeller


def _sentiment(recipe, out, watch):
    """Accuracy on the test sentences in five classes, in percent; beside it that of two classes, and of always the same label."""
    figures, details = [], []
    for name, more in (("five", {}), ("two", {"binary": True})):
        run = trained("tag", recipe, out / name, watch, **more)
        found = evaluate_sentences(SentenceLabeller(run), "sst:test")
        figures.append(100 * found["accuracy"])
        details.append(f"{name} classes: {figures[-1]:.2f} % of {found['sentences']:,} test sentences right ({100 * found['baseline']:.2f} % "
                       f"without a model), on the dev split {_best(run):.2f} %; {run.seconds() / 60:.1f} minutes")
    return Measured(figures[0], tuple(details))


def _best(run):
    """The accuracy of the finished model on the validation sentences, in percent."""
    *_, best = (record["accuracy"] for record in run.logged() if record.get("best"))
    return 100 * best


def _parts(recipe, out, watch, data):
    """Accuracy on the test words, in percent; it must lie above the most frequent label of each word."""
    run = trained("tag", recipe, out, watch)
    found = evaluate_sentences(SentenceLabeller(run), data)
    accuracy, baseline = 100 * found["accuracy"], 100 * found["baseline"]
    unknown = found["unknown_accuracy"]
    return Measured(accuracy, (
        f"{found['words']:,} words of {data}, labels of Sudachi's (silver); the most frequent label of each word: {baseline:.2f} (must lie below)",
        f"whole sentences {100 * found['whole_sentences']:.2f} %, mean F1 {100 * found['f1']:.2f}, words that the training had once or never "
        f"{100 * (unknown or 0):.2f} % of {found['unknown']:,}; {run.seconds() / 60:.1f} minutes"), accuracy > baseline)


RECIPES = (
    Recipe("sst-sentences", "bidirectional LSTM on the sentences and phrases of SST, without outside vectors", "percent right of five classes",
           44.0, "49.1, and 87.5 of two classes (Tai et al. 2015, bidirectional LSTM with GloVe)", _sentiment, higher_is_better=True,
           settings={"data": "sst", "phrases": True, "lowercase": True, "pooling": "max", "size": 256, "embedding": 300, "dropout": 0.4,
                     "batch_size": 64, "epochs": 3, "patience": 0}),
    Recipe("japanese-pos", "bidirectional LSTM with a CRF on tanaka-pos", "percent of words right", 98.5, "none", partial(_parts, data="tanaka-pos:test"),
           higher_is_better=True, settings={"data": "tanaka-pos", "arch": "tagger", "unit": "ja", "output": "crf", "size": 200, "embedding": 128,
                                            "dropout": 0.2, "lr": 0.003, "batch_size": 64, "epochs": 3, "patience": 0}),
)
