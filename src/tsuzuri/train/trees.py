"""Training a model over trees in a run folder: preparing it, going on with it, finishing it."""
import math
import os
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from tsuzuri.datasets.trees import EVERY, open_tree_source
from tsuzuri.text.forest import TreeBatches, TreeCorpus, write_trees
from tsuzuri.text.trees import Tree
from tsuzuri.train.drawing import draw_run
from tsuzuri.train.events import Event
from tsuzuri.train.recording import Training, alone, record_training
from tsuzuri.train.tree_run import TreeRun, TreeSettings, checker, learn_words, word_number

Trees = Callable[[], Iterator[Tree]]
ROWS = 100                                                   # trees that are measured side by side


def prepare_trees(settings: TreeSettings, out: str | os.PathLike, report: Callable[[str], None] = lambda line: None) -> TreeRun:
    """Read the trees, number their words: a run folder that is ready to be trained."""
    config = settings.trees

    def prepare(folder: Path) -> None:
        train, valid = readers(settings)
        report(f"reading {config.data}")
        held_out = config.valid or f"{config.data}, of which every {EVERY}th tree is held out (set valid to a file or none)"
        words = learn_words(config, (word for tree in train() for word in tree.words if word is not None))
        words.save(folder / "words")
        for name, trees in (("train", train), ("valid", valid)):
            if trees is None:
                continue
            corpus = write_trees(map(config.labelled, trees()), lambda word: word_number(words, word), folder / "corpus" / name,
                                 vocabulary=len(words), classes=config.learnt, unknown=words.unk_id, name=config.data if name == "train" else held_out)
            report(_told(corpus, name))

    return TreeRun.create(out, settings, prepare)


def readers(settings: TreeSettings) -> tuple[Trees, Trees | None]:
    """(a reader of the trees that are learnt from, one of those that validate or None)."""
    config = settings.trees
    options: dict[str, Any] = {"check": checker(settings), "encoding_errors": config.encoding_errors}
    source = open_tree_source(config.data, **options)
    if not config.valid:
        return lambda: source.trees("train"), lambda: source.trees("valid")
    split = source.first_of("train")
    if config.valid == "none":
        return lambda: source.trees(split), None
    other = open_tree_source(config.valid, **options)
    return lambda: source.trees(split), lambda: other.trees(other.first_of("valid"))


def train_trees(run: TreeRun, minutes: float = math.inf) -> Iterator[Event]:
    """Train the run to its end, from its last checkpoint where it has one, saving as it goes.

    After ``minutes`` it is saved and left, to be gone on with another time.  A run that is left or killed at any moment and
    trained again ends with the same bytes.  What validates, and chooses the best epoch, is the loss at the roots (at all nodes where
    no root has a label); the accuracies at the roots and at all nodes are noted.  RunError: another process trains it.
    """
    with alone(run):
        model, held_out = run.new_model(), run.held_out()
        valid = None if held_out is None else TreeBatches(held_out, ROWS, shuffled=False, roots=held_out.counts.labelled_roots > 0)
        measure = None if held_out is None else lambda: accuracies(model, held_out)
        yield from record_training(run, model, run.batches(), valid, minutes, lambda: draw_run(run, model), measure)


def accuracies(model: Any, corpus: TreeCorpus) -> dict[str, float]:
    """The share of labelled roots, and of labelled nodes, whose likeliest label is the right one."""
    right, count = [0, 0], [0, 0]
    batches = TreeBatches(corpus, ROWS, shuffled=False)
    for k in range(len(batches)):
        forest = batches[k]
        hit, known = model.log_probabilities(forest).argmax(1) == forest.labels, forest.labels >= 0
        for which, nodes in enumerate((forest.roots[known[forest.roots]], known)):
            right[which] += int(hit[nodes].sum())
            count[which] += len(hit[nodes])
    return {name: right[k] / count[k] for k, name in enumerate(("root_accuracy", "node_accuracy")) if count[k]}


def described(run: TreeRun) -> str:
    """What is learnt from, in a line."""
    counts = run.corpus().counts
    return f"{counts.trees:,} trees, {counts.nodes:,} nodes, {counts.labelled:,} labels to predict, vocabulary {len(run.words):,}"


TRAINING = Training(TreeRun, prepare_trees, train_trees, described)


def _told(corpus, name):
    counts = corpus.counts
    return (f"{counts.trees:,} trees{' to validate' * (name == 'valid')}, {counts.nodes:,} nodes, {counts.labelled:,} labels, "
            f"{counts.words:,} words, {counts.unknown:,} of them unknown")
