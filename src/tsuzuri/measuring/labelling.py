"""How good the labels of a run are: accuracy, precision, recall and F1 of each label, and what was taken for what.

Beside it stands what needs no model: of a classifier always the label that the training had most often; of a tagger the label that
each word had most often there, and for other words the most frequent one.  The training's words are those of its vocabulary: rarer
ones count together.  A label that the training did not have is never right.
"""
from collections import Counter
from itertools import repeat
from typing import Any

import numpy as np

from tsuzuri.errors import DataError
from tsuzuri.text.sentences import token_ids
from tsuzuri.train.tag_run import TagRun
from tsuzuri.train.tagging import open_source
from tsuzuri.writing.labelling import SentenceLabeller


def evaluate_sentences(labeller: SentenceLabeller, data: str) -> dict[str, Any]:
    """``sentences``, ``accuracy``, ``f1`` (the mean of the labels that occur), ``baseline``, ``of_each`` label, ``labels`` and ``confusion``
    (right ones in rows, ours in columns); of a tagger ``words``, ``whole_sentences``, ``unknown`` and ``unknown_accuracy`` too.

    DataError: what is no source for this run.
    """
    run = labeller.run
    source = open_source(run.settings.sentences, run.settings.model.arch, data)
    found = list(source.sentences(source.first_of("test", "valid")))
    if not found:
        raise DataError(f"{data}: there are no labelled sentences to measure; give at least one.")
    ids = [token_ids(sentence, run.tokenizer, run.tags) for sentence in found]
    ours = [np.atleast_1d(best).tolist() for best, _ in labeller.labels(ids)]
    names = [*labeller.names, *sorted({label for sentence in found for label in sentence.labels} - {*labeller.names})]
    number = {name: k for k, name in enumerate(names)}
    right = [[number[label] for label in sentence.labels] for sentence in found]
    counts = np.zeros((len(names), len(names)), np.int64)
    np.add.at(counts, (np.concatenate(right), np.concatenate(ours)), 1)
    guessed = _without_a_model(run, ids)
    result: dict[str, Any] = {"sentences": len(found), "accuracy": float(np.trace(counts) / counts.sum()), "f1": 0.0,
              "baseline": float(np.mean(np.concatenate(right) == np.concatenate(guessed)))}
    result["of_each"] = {name: _of_label(counts, k, names) for k, name in enumerate(names) if counts[k].any() or counts[:, k].any()}
    result["f1"] = float(np.mean([row["f1"] for row in result["of_each"].values() if row["count"]]))
    return result | (_of_words(run, ids, right, ours) if run.tags else {}) | {"labels": names, "confusion": counts.tolist()}


def _of_label(counts, k, names):
    found, count, both = int(counts[:, k].sum()), int(counts[k].sum()), int(counts[k, k])
    others = np.where(np.arange(len(names)) == k, 0, counts[k])
    return {"count": count, "precision": both / max(found, 1), "recall": both / max(count, 1), "f1": 2 * both / max(found + count, 1),
            "mostly_taken_for": names[int(others.argmax())] if others.any() else ""}


def _of_words(run: TagRun, ids, right, ours):
    """What is asked of a tagger only."""
    unknown = np.concatenate([np.array(sentence) == run.tokenizer.unk_id for sentence in ids])
    correct = np.concatenate(right) == np.concatenate(ours)
    return {"words": len(correct), "whole_sentences": float(np.mean([a == b for a, b in zip(right, ours, strict=True)])),
            "unknown": int(unknown.sum()), "unknown_accuracy": float(correct[unknown].mean()) if unknown.any() else None}


def _without_a_model(run: TagRun, ids) -> list[list[int]]:
    """The labels that the training had most often: of each word, or at all."""
    corpus = run.corpus()
    labels = np.asarray(corpus.labels, np.int64)
    most = int(np.bincount(labels).argmax())
    if not run.tags:
        return [[most]] * len(ids)
    pairs = Counter(zip(np.asarray(corpus.ids).tolist(), labels.tolist(), strict=True))
    best: dict[int, int] = {}
    for (word, label), _ in reversed(pairs.most_common()):
        best[word] = label
    return [list(map(best.get, sentence, repeat(most))) for sentence in ids]
