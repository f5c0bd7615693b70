"""Training a classifier or tagger of sentences in a run folder: preparing it, going on with it, finishing it."""
import math
import os
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path

import numpy as np

from tsuzuri.datasets.labelled import SentenceSource, open_sentences
from tsuzuri.models.tagging import Labeller
from tsuzuri.text import train_tokenizer
from tsuzuri.text.sentences import Labelled, SentenceBatches, count_labels, encode_sentences
from tsuzuri.text.tokenizers import Tokenizer
from tsuzuri.train.drawing import draw_run
from tsuzuri.train.events import Event
from tsuzuri.train.recording import Training, alone, record_training
from tsuzuri.train.tag_run import LABELS, SentencesConfig, TagRun, TagSettings

Sentences = Callable[[], Iterator[Labelled]]


def prepare_sentences(settings: TagSettings, out: str | os.PathLike, report: Callable[[str], None] = lambda line: None) -> TagRun:
    """Read the sentences, learn the tokenizer and the labels, write the tokens: a run folder that is ready to be trained."""
    config, each = settings.sentences, settings.model.arch == "tagger"

    def prepare(folder: Path) -> None:
        train, whole, valid = readers(config, settings.model.arch)
        report(f"reading {config.data}")
        tokenizer = make_tokenizer(config, each, whole)
        tokenizer.save(folder / "tokenizer")
        labels = count_labels(train(), valid() if valid and not config.valid else ())      # what is held out of the same data
        labels.save(folder / LABELS)
        corpus = encode_sentences(train(), tokenizer, labels, folder / "corpus" / "train", config.longest, each)
        report(f"{len(corpus):,} sentences, {corpus.tokens:,} tokens of {len(tokenizer):,} kinds, {len(labels)} labels{_left_out(corpus, config)}")
        if valid:
            held_out = encode_sentences(valid(), tokenizer, labels, folder / "corpus" / "valid", config.longest, each)
            report(f"{len(held_out):,} sentences to validate{_left_out(held_out, config)}")

    return TagRun.create(out, settings, prepare)


def readers(config: SentencesConfig, arch: str) -> tuple[Sentences, Sentences, Sentences | None]:
    """Readers of what is learnt from, of its whole sentences (of trees the former may be phrases), and of what validates, or None."""
    source = open_source(config, arch)
    split = source.first_of("train") if config.valid else source.part("train")
    phrases = open_source(config, arch, phrases=config.phrases)
    train, whole = partial(phrases.sentences, split), partial(source.sentences, split)
    if config.valid == "none":
        return train, whole, None
    valid = open_source(config, arch, config.valid)
    return train, whole, partial(valid.sentences, valid.first_of("valid", "test") if config.valid else "valid")


def open_source(config: SentencesConfig, arch: str, data: str = "", phrases: bool = False) -> SentenceSource:
    """The sentences that DATA names (by default those of the settings), with labels as the settings want them."""
    name = data or config.data
    return open_sentences(name, arch, phrases=phrases, binary=config.binary, encoding_errors=config.encoding_errors)


def make_tokenizer(config: SentencesConfig, each: bool, sentences: Sentences) -> Tokenizer:
    """The tokenizer, learnt from whole sentences; where ``each`` word has a label, words are what the data has as such."""
    unit = "word" if each else config.tokenizer
    return train_tokenizer(unit, (sentence.text for sentence in sentences()), **config.options(unit))


def train_sentences(run: TagRun, minutes: float = math.inf) -> Iterator[Event]:
    """Train the run to its end, from its last checkpoint where it has one, saving as it goes.

    After ``minutes`` it is saved and left, to be gone on with another time.  A run that is left or killed at any moment and
    trained again ends with the same bytes.  After each epoch the held-out sentences are labelled, and the share of right labels and
    the F1 of each label are noted.  RunError: another process trains it.
    """
    with alone(run):
        model, held_out, training = run.new_model(), run.held_out(), run.settings.training
        valid = None if held_out is None else SentenceBatches(held_out, training.batch_size, training.seed, shuffled=False)
        measure = None if valid is None else lambda: _measured(run, model, valid)
        yield from record_training(run, model, run.batches(), valid, minutes, lambda: draw_run(run, model), measure)


def _measured(run, model, valid):
    """Accuracy and the mean F1 of the labels; the F1 of each is a line of its own in the log."""
    counts = confusion(model, valid)
    scores = f1_scores(counts)
    run.log({"f1": dict(zip(run.labels.tokens, scores.tolist(), strict=True))})
    return {"accuracy": float(np.trace(counts) / counts.sum()), "f1": float(scores[counts.sum(1) > 0].mean())}


def confusion(model: Labeller, batches: SentenceBatches) -> np.ndarray:
    """How often label i (rows) was taken for label j (columns)."""
    counts = np.zeros((model.labels, model.labels), np.int64)
    for k in range(len(batches)):
        source, lengths, targets = batches[k]
        known = targets >= 0
        np.add.at(counts, (targets[known], model.best(source, lengths)[known]), 1)
    return counts


def f1_scores(counts: np.ndarray) -> np.ndarray:
    """The F1 of each label, twice the right ones over all that are it or were taken for it; 0 where there are none."""
    return 2 * np.diag(counts) / np.maximum(counts.sum(0) + counts.sum(1), 1)


def described(run: TagRun) -> str:
    """What is learnt from, in a line."""
    corpus = run.corpus()
    return f"{len(corpus):,} sentences, {corpus.tokens:,} tokens, vocabulary {len(run.tokenizer):,}, {len(run.labels)} labels"


TRAINING = Training(TagRun, prepare_sentences, train_sentences, described)


def _left_out(corpus, config):
    return f"; {corpus.left_out:,} left out, which have more than {config.longest} tokens" if corpus.left_out else ""
