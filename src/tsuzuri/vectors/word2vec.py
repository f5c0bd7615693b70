"""word2vec: vectors that predict a word from the ones around it (CBOW), or those from it (skip-gram).

The mathematics stand in ``kernels/word2vec.py``.  Here is what surrounds it: which words are dropped because they are
frequent, which serve as noise, the learning rate on its way to zero, and a training that can stop after any block of
text and go on.

Sources: Mikolov et al. 2013 (arXiv:1301.3781, arXiv:1310.4546); Bojanowski et al. 2017 for subwords.
"""
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import msgspec
import numpy as np

from tsuzuri import memory
from tsuzuri.errors import ConfigError, DataError, TrainingError
from tsuzuri.interop.safetensors_store import save
from tsuzuri.interop.table import Table
from tsuzuri.kernels.word2vec import Grams, Noise, Step, Text, Tree, train_freely, train_in_rounds
from tsuzuri.text.vocabulary import Vocabulary
from tsuzuri.text.word_corpus import WordCorpus
from tsuzuri.vectors.files import suffix_of
from tsuzuri.vectors.settings import VectorSettings
from tsuzuri.vectors.word_vectors import WordVectors

BLOCK = 1 << 18                                              # ids between two looks at the training
PIECE = 2048                                                 # ids of one thread's turn
SLOTS, SLOT = 8, 128                                         # pieces of a round, and their ids, where threads must not matter
LINE = 64                                                    # bytes: rows begin at a cache line and fill whole ones
ALL = (1 << 32) - 1


@dataclass(frozen=True)
class Trained:
    """How far a training is: ``done`` of all passes (0 to 1), and the mean loss of the present pass so far, in nats a
    prediction: a pair of words for skip-gram, a word with its window for CBOW."""

    epoch: int
    epochs: int
    done: float
    words: int
    loss: float
    pairs: int
    epoch_ends: bool


class Word2Vec:
    """A training of word2vec: its matrices and how far it is."""

    def __init__(self, vocabulary: Vocabulary, settings: VectorSettings):
        if sum(count > 0 for count in vocabulary.counts) < 2:
            raise DataError(f'the text has one word only, "{vocabulary.tokens[0]}"; word2vec learns from words among others')
        self.vocabulary, self.settings = vocabulary, settings
        self.size = settings.vectors.usual("size")
        rows = len(vocabulary) + (settings.predicting.buckets if settings.predicting.max_n else 0)
        refuse_huge(rows + len(vocabulary), self.size)
        self.noise, self.tree, self.grams = self._tables()
        self.vectors, self.contexts = aligned_zeros(rows, self.size), aligned_zeros(len(vocabulary), self.size)
        fill(self.vectors, self.size, np.random.default_rng(settings.vectors.seed))
        self.epoch, self.position, self.loss, self.pairs = 0, 0, 0.0, 0

    def train(self, corpus: WordCorpus, threads: int) -> Iterator[Trained]:
        """Go on to the last pass, with an event after each block.  TrainingError: the loss is no longer a number."""
        epochs = self.settings.vectors.usual("epochs")
        keep = keep_chances(np.array(self.vocabulary.counts), self.settings.predicting.sample)
        while self.epoch < epochs:
            for ids in corpus.blocks(BLOCK, self.position):
                self._train_block(ids, keep, epochs * len(corpus), threads)
                ends = self.position == len(corpus)
                self._check(ends)
                yield Trained(self.epoch + 1, epochs, (self.epoch + self.position / len(corpus)) / epochs,
                              int((self.epoch + self.position / len(corpus)) * corpus.words), float(self.loss / max(self.pairs, 1)),
                              self.pairs, ends)
            self.epoch, self.position, self.loss, self.pairs = self.epoch + 1, 0, 0.0, 0

    def _train_block(self, ids, keep, total, threads):
        vectors, predicting = self.settings.vectors, self.settings.predicting
        piece = SLOT if vectors.deterministic else PIECE
        starts = self.epoch * (total // vectors.usual("epochs")) + self.position + np.arange(0, len(ids), piece)
        rates = np.maximum(vectors.usual("alpha") * (1 - starts / total), predicting.min_alpha).astype(np.float32)
        losses, pairs = np.zeros(len(rates)), np.zeros(len(rates), np.int64)
        key = np.random.default_rng([vectors.seed, self.epoch]).integers(1 << 63, dtype=np.uint64)
        text = Text(ids, self.position, key, keep, vectors.window)
        step = Step(mean=vectors.method == "cbow" or predicting.max_n > 0,
                    pairs=vectors.method == "skipgram" and predicting.max_n > 0)
        train, *slots = (train_in_rounds, SLOTS) if vectors.deterministic else (train_freely,)
        train(self.vectors, self.contexts, text, self.noise, self.tree, self.grams, step, rates, piece, losses, pairs, threads,
              *slots)
        self.position += len(ids)
        self.loss, self.pairs = self.loss + float(losses.sum()), self.pairs + int(pairs.sum())

    def _check(self, ends):
        if not np.isfinite(self.loss):
            raise TrainingError(f"the loss of pass {self.epoch + 1} is {self.loss}; train with a smaller alpha than "
                                f"{self.settings.vectors.usual('alpha'):g}.")
        if ends and not self.pairs:
            raise DataError("no two words are left beside each other in a line after frequent ones were dropped; give more text "
                            "or a larger --sample (0 drops none)")

    def _tables(self):
        """Noise, tree and subwords; those that are not used are empty."""
        predicting, counts = self.settings.predicting, np.array(self.vocabulary.counts)
        nothing = np.empty(0, np.int64), np.empty(0, np.int32)
        tree, grams = Tree(*nothing, np.empty(0, np.int8)), Grams(*nothing)
        if predicting.hs:
            from tsuzuri.vectors.huffman import huffman_tree
            noise, tree = noise_of(counts, 0, 0), huffman_tree(counts)
        else:
            noise = noise_of(counts, predicting.power, predicting.negative)
        if predicting.max_n:
            from tsuzuri.vectors.subwords import subword_grams
            grams = subword_grams(self.vocabulary.tokens, predicting.min_n, predicting.max_n, predicting.buckets)
        return noise, tree, grams

    def progress(self) -> dict[str, Any]:
        """How far the training is, fit for JSON."""
        return {"epoch": self.epoch, "position": self.position, "loss": self.loss, "pairs": self.pairs}

    def word_vectors(self) -> WordVectors:
        """The vectors so far; with subwords, those that give unknown words a vector too."""
        trained, predicting = self.vectors[:, :self.size], self.settings.predicting
        words, counts = self.vocabulary.tokens, self.vocabulary.counts
        if not predicting.max_n:
            return WordVectors(words, trained, counts)
        from tsuzuri.vectors.subwords import Parts, SubwordVectors
        return SubwordVectors.of(words, trained, counts, Parts(predicting.min_n, predicting.max_n, predicting.buckets))

    def save(self, path: Path) -> WordVectors:
        """Write the vectors; a safetensors file also keeps what a later training needs to go on from it."""
        vectors = self.word_vectors()
        if suffix_of(path) == ".safetensors" and not self.settings.predicting.max_n:
            save(path, Table(vectors.words, vectors.vectors, vectors.counts), {"contexts": self.contexts[:, :self.size]},
                 {"settings": self._noted_settings()})
        else:
            vectors.save(path)
        return vectors

    def _noted_settings(self) -> dict[str, Any]:
        """The settings that say how the vectors came about; the number of threads does not."""
        noted = msgspec.to_builtins(self.settings)
        del noted["vectors"]["threads"]
        return noted

    def take_up(self, vectors: np.ndarray, contexts: np.ndarray, progress: dict[str, Any] | None = None) -> None:
        """Go on with matrices (R, D), (V, D) that another training left, from where it stopped."""
        self.vectors[:, :self.size], self.contexts[:, :self.size] = vectors, contexts
        for name, value in (progress or {}).items():
            setattr(self, name, value)


def refuse_huge(rows: int, size: int) -> None:
    """ConfigError where so many vectors are more than the machine's memory, which would only show when they are trained."""
    room = memory.physical()
    if room is not None and 4 * rows * size > room:
        raise ConfigError(f"{rows:,} vectors of {size:,} numbers take {4 * rows * size / 1e9:,.0f} GB and this machine has "
                          f"{room / 1e9:,.0f}; take a smaller size, or fewer words (min_count, vocabulary)")


def aligned_zeros(rows: int, size: int) -> np.ndarray:
    """(rows, D) float32 zeros, D the next multiple of 16 from ``size``, whose rows begin at cache lines."""
    depth = -(-size // (LINE // 4)) * (LINE // 4)
    room = np.zeros(rows * depth + LINE // 4, np.float32)
    start = -room.ctypes.data % LINE // 4
    return room[start:start + rows * depth].reshape(rows, depth)


def fill(matrix: np.ndarray, size: int, rng: np.random.Generator) -> None:
    """Uniform numbers within 1/size around 0 for the first ``size`` columns, a block of rows at a time."""
    for start in range(0, len(matrix), 1 << 10):
        part = matrix[start:start + (1 << 10), :size]
        part[:] = (2 * rng.random(part.shape, np.float32) - 1) / np.float32(size)


def noise_of(counts: np.ndarray, power: float, negative: int) -> Noise:
    """Words drawn in proportion to counts ** power (V,).  ConfigError: nearly all would be one word, which is drawn again
    and again where it is the target itself."""
    with np.errstate(over="ignore"):
        weights = np.asarray(counts, float) ** power
    if not weights.max() < 0.9999 * weights.sum():
        raise ConfigError(f"with power {power:g} nearly all noise is one word, the most frequent; take a smaller power, or hs.")
    return Noise(*alias_table(weights), negative)


def keep_chances(counts: np.ndarray, sample: float) -> np.ndarray:
    """Chances in 2^32 that an occurrence of each word is kept (V,).

    With f the word's share of the text: (sqrt(f / sample) + 1) sample / f, as in word2vec's program; the paper has
    sqrt(sample / f).  ``sample`` 0 keeps everything.
    """
    if not sample:
        return np.full(len(counts), ALL, np.uint32)
    share = np.maximum(counts / max(counts.sum(), 1), 1e-300) / sample
    return (np.minimum((np.sqrt(share) + 1) / share, 1) * ALL).astype(np.uint32)


def alias_table(weights: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """weights (V,) -> odds (V,) in 2^32 and aliases (V,), to draw in one step in proportion to the weights (Walker 1977).

    A place keeps its own word with its odds and else gives its alias: words with less than the mean weight are filled up
    by those with more.
    """
    share = np.asarray(weights, float) / np.sum(weights) * len(weights)
    odds, alias = np.ones(len(share)), np.arange(len(share), dtype=np.int32)
    few, many = ([*np.flatnonzero(side).tolist()] for side in (share < 1, share >= 1))
    left = share.tolist()
    while few and many:
        small, large = few.pop(), many[-1]
        odds[small], alias[small] = left[small], large
        left[large] -= 1 - left[small]
        if left[large] < 1:
            few.append(many.pop())
    return (odds * ALL).astype(np.uint32), alias
