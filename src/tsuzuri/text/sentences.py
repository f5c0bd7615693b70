"""Labelled sentences as token ids on disk, and batches of sentences of like length.

A folder of sentences holds ``ids.bin``, the ids of all sentences after each other, little-endian, two bytes each while the
vocabulary allows it; ``bounds.bin``, where each begins, as ``<i8``; ``labels.bin`` with the numbers of the labels, one for each
sentence or one for each token, as ``<u2``; and ``sentences.toml`` with what the counts are.  The TOML is written last and removed
first: where it is, the others are complete.
"""
import hashlib
import os
from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Literal, NamedTuple

import numpy as np
import tomli_w

from tsuzuri.errors import ConfigError, DataError, suggest
from tsuzuri.files import atomic_write
from tsuzuri.text.packed import read_counts
from tsuzuri.text.pairs import POOL, batch_of, stacked
from tsuzuri.text.tokenizers import Tokenizer
from tsuzuri.text.vocabulary import Vocabulary

IDS, BOUNDS, LABELS, META = "ids.bin", "bounds.bin", "labels.bin", "sentences.toml"
MOST_LABELS = 1 << 16
Batch = tuple[np.ndarray, np.ndarray, np.ndarray]


class Labelled(NamedTuple):
    """A sentence with one label, or its words, joined by spaces, with a label for each; ``where`` it stands, for errors."""

    text: str
    labels: tuple[str, ...]
    where: str = ""


@dataclass
class SentenceCounts:
    """What stands in ``sentences.toml``."""
    dtype: Literal["<u2", "<u4"]    # as NumPy writes it
    vocabulary: int
    kinds: int                      # of labels
    each: bool                      # whether every token has a label, or else the sentence
    longest: int                    # tokens that a sentence may have
    sentences: int = 0
    left_out: int = 0               # sentences that have more
    tokens: int = 0
    unknown: int = 0                # ids that are <unk>
    sha256: str = ""                # of ids.bin, bounds.bin and labels.bin after each other


@dataclass(kw_only=True)
class SentenceCorpus(SentenceCounts):
    """Sentences on disk; ``ids``, ``bounds`` and ``labels`` are read-only memory maps."""
    ids: np.ndarray
    bounds: np.ndarray
    labels: np.ndarray

    def __len__(self) -> int:
        return self.sentences

    @property
    def lengths(self) -> np.ndarray:
        """How many tokens each sentence has; an array that is made anew."""
        return np.diff(self.bounds)

    def source(self, k: int) -> np.ndarray:
        """The ids of sentence k."""
        return np.array(self.ids[self.bounds[k]:self.bounds[k + 1]], np.int64, subok=False)

    def target(self, k: int) -> np.ndarray:
        """The labels of sentence k: one for each token, or the only one."""
        begin, end = (self.bounds[k], self.bounds[k + 1]) if self.each else (k, k + 1)
        return np.array(self.labels[begin:end], np.int64, subok=False)


def count_labels(sentences: Iterable[Labelled], others: Iterable[Labelled] = ()) -> Vocabulary:
    """The labels in the order of the alphabet, with how often each stands; what ``others`` alone have stands 0 times.

    DataError: fewer than two, or too many.
    """
    counts: dict[str, int] = {label: 0 for sentence in others for label in sentence.labels}
    for sentence in sentences:
        for label in sentence.labels:
            counts[label] = counts.get(label, 0) + 1
    if not 2 <= len(counts) <= MOST_LABELS:
        raise DataError(f"the sentences have {len(counts)} kinds of labels; give 2 to {MOST_LABELS:,}")
    return Vocabulary(sorted(counts), [counts[label] for label in sorted(counts)])


def encode_sentences(sentences: Iterable[Labelled], tokenizer: Tokenizer, labels: Vocabulary, folder: str | os.PathLike, longest: int,
                     each: bool) -> SentenceCorpus:
    """Write the ids of sentences and of their labels to ``folder`` and open them; ``each``: every token has a label.

    Sentences of more than ``longest`` tokens are left out and counted.
    DataError: no sentence is left, one has no tokens or a label that is not among ``labels``.
    """
    folder = Path(folder)
    folder.mkdir(parents=True, exist_ok=True)
    (folder / META).unlink(missing_ok=True)
    counts = SentenceCounts("<u2" if len(tokenizer) <= 1 << 16 else "<u4", len(tokenizer), len(labels), each, longest)
    ids: list[int] = []
    bounds, found = [0], []
    for sentence in sentences:
        source, target = token_ids(sentence, tokenizer, each), label_ids(sentence, labels)
        if len(source) > longest:
            counts.left_out += 1
            continue
        ids += source
        found += target
        bounds.append(len(ids))
        counts.unknown += sum(k == tokenizer.unk_id for k in source)
    counts.sentences, counts.tokens = len(bounds) - 1, len(ids)
    _refuse_nothing(folder, counts)
    digest = hashlib.sha256()
    for name, numbers, dtype in ((IDS, ids, counts.dtype), (BOUNDS, bounds, "<i8"), (LABELS, found, "<u2")):
        content = np.array(numbers, dtype).tobytes()
        digest.update(content)
        atomic_write(folder / name, content)
    counts.sha256 = digest.hexdigest()
    atomic_write(folder / META, tomli_w.dumps(asdict(counts)))
    return open_sentence_corpus(folder)


def token_ids(sentence: Labelled, tokenizer: Tokenizer, each: bool) -> list[int]:
    """The ids of a sentence.  DataError: it has none, or, where ``each`` has a label, not one for every label."""
    try:
        ids = tokenizer.encode(sentence.text)
    except DataError as error:
        raise DataError(f"{sentence.where}: {error}") from None
    if not ids:
        raise DataError(f"{sentence.where} has no tokens; give a sentence with at least one")
    if each and len(ids) != len(sentence.labels):
        raise DataError(f"{sentence.where}: {len(sentence.labels)} labels, but {len(ids)} tokens; give one for each")
    return ids


def label_ids(sentence: Labelled, labels: Vocabulary) -> list[int]:
    """The numbers of a sentence's labels.  DataError: one is not known."""
    unknown = next((label for label in sentence.labels if label not in labels.ids), None)
    if unknown is not None:
        raise DataError(f'{sentence.where} has the label "{unknown}"{suggest(unknown, labels.ids)}, which the training does not have; '
                        f"it has {_some(labels.tokens)}")
    return [labels.ids[label] for label in sentence.labels]


def _some(names: Sequence[str], most: int = 12) -> str:
    return ", ".join(names[:most]) + (f" and {len(names) - most} more" if len(names) > most else "")


def _refuse_nothing(folder, counts):
    if not counts.sentences:
        why = f"{counts.left_out:,} have more than {counts.longest} tokens, so raise longest" if counts.left_out else "give some"
        raise DataError(f"{folder}: no sentence is left; {why}")


def open_sentence_corpus(folder: str | os.PathLike) -> SentenceCorpus:
    """The sentences in ``folder``.  DataError: there are none, or its files do not belong together."""
    folder = Path(folder)
    counts = read_counts(folder / META, SentenceCounts, "sentences", lambda counts: {
        IDS: counts.tokens * np.dtype(counts.dtype).itemsize, BOUNDS: 8 * (counts.sentences + 1),
        LABELS: 2 * (counts.tokens if counts.each else counts.sentences)})
    ids, bounds, labels = (np.memmap(folder / name, dtype, "r") for name, dtype in ((IDS, counts.dtype), (BOUNDS, "<i8"), (LABELS, "<u2")))
    return SentenceCorpus(**asdict(counts), ids=ids, bounds=bounds, labels=labels)


class SentenceBatches:
    """A sequence of (source (N, T), lengths (N,), targets), int64: sources padded with 0; targets (N,), or (N, T) padded with -1.

    A batch has sentences of like length, so that little is padding: sentences are shuffled, those of 100 batches sorted by length,
    cut into batches, and the batches of the pass shuffled.  All of it follows from the seed and the number of the pass.  Not
    ``shuffled``, all sentences are in order of length, the shortest first.  The last batch cut may be smaller.
    ConfigError: a batch size below 1.
    """

    goes_on = False

    def __init__(self, corpus: SentenceCorpus, batch_size: int, seed: int, number: int = 1, shuffled: bool = True):
        if batch_size < 1:
            raise ConfigError(f"batch size {batch_size} does not fit; it is a number of sentences from 1")
        self.corpus, self.batch_size = corpus, batch_size
        self.seed, self.number, self.shuffled = seed, number, shuffled
        self._order, self._turns = np.arange(len(corpus)), np.arange(len(self))
        if shuffled:
            rng = np.random.default_rng([seed, 4, number])
            rng.shuffle(self._order)
            rng.shuffle(self._turns)
        pool, lengths = POOL * batch_size if shuffled else len(corpus), corpus.lengths
        for start in range(0, len(corpus), pool):
            rows = self._order[start:start + pool]
            rows[:] = rows[np.argsort(lengths[rows], kind="stable")]

    def __len__(self) -> int:
        return -(-len(self.corpus) // self.batch_size)

    def epoch(self, number: int) -> "SentenceBatches":
        """The batches of pass ``number``, from 1."""
        if number == self.number or not self.shuffled:
            return self
        return SentenceBatches(self.corpus, self.batch_size, self.seed, number)

    def rate(self, k: int) -> float:
        """What the learning rate is multiplied by at batch k."""
        return 1.0

    def rows(self, k: int) -> np.ndarray:
        """Which sentences of the corpus are in batch k, in the order of its rows."""
        start = self._turns[k] * self.batch_size
        return self._order[start:start + self.batch_size]

    def __getitem__(self, k: int) -> Batch:
        rows, corpus = self.rows(k), self.corpus
        source, lengths = batch_of([corpus.source(row) for row in rows])
        targets = [corpus.target(row) for row in rows]
        return source, lengths, stacked(targets, -1) if corpus.each else np.concatenate(targets)
