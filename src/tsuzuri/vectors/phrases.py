"""Phrases: two words that stand together far more often than their counts suggest become one word, new york new_york.

    score(a, b) = (n(a b) - delta) / (n(a) n(b)) * N              a phrase where it is above ``threshold``

n(a b) is how often b follows a within a line, N the number of words of the text.  The formula is that of Mikolov et al.
2013 (arXiv:1310.4546, eq. 6); the factor N and the defaults are those of their program word2phrase, where delta is
min_count.  (gensim multiplies by the number of different words and pairs instead, so its thresholds are smaller.)

The text is read three times a pass, in blocks.  Only pairs that can be phrases are counted one by one: the first reading
counts all pairs in a table of fixed size, by a hash, so that what it says of a pair is never too low; the second counts
the pairs whose bucket reaches the threshold (Park, Chen and Yu 1995); the third joins.
"""
import os
from collections import Counter
from collections.abc import Callable, Collection, Iterator
from dataclasses import asdict, dataclass
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np

from tsuzuri.errors import ConfigError, DataError
from tsuzuri.text.vocabulary import EOS, UNK, Vocabulary
from tsuzuri.text.word_corpus import BLOCK, DROPPED, LINE_END, WordCorpus, write_words

FEWEST, MOST = 16, 26                                        # bits of a bucket's number: 256 KiB to 256 MiB of counts
_GOLDEN = np.uint64(0x9E3779B97F4A7C15)


def join_phrases(corpus: WordCorpus, folder: str | os.PathLike, *, min_count: int = 5, threshold: float = 100.0,
                 delta: float | None = None, passes: int = 1, separator: str = "_", max_size: int | None = None,
                 known: Collection[str] = ()) -> WordCorpus:
    """Write the text with its phrases joined to ``folder``, and open it.

    Read the corpus with ``min_count=1``: words that were left out would have made their neighbours adjacent.  Here words and
    pairs met less than ``min_count`` times are in no phrase, and what is rarer in the end, or after the ``max_size`` most
    frequent, is left out.  delta: None for min_count.  A line's phrases are taken from left to right and share no word;
    each further pass joins phrases with what stands beside them.
    ConfigError: a setting that does not fit.  DataError: no word is left.
    """
    rule = _Rule(min_count, threshold, min_count if delta is None else delta, passes, separator)
    folder = Path(folder)
    if folder.resolve() == corpus.folder.resolve():
        raise ConfigError(f"{folder}: this is the folder of the text itself; give another one for the text with phrases")
    folder.mkdir(parents=True, exist_ok=True)
    text = _Text(corpus.vocabulary.tokens, np.array(corpus.vocabulary.counts, np.int64), corpus.blocks)
    with TemporaryDirectory(prefix=".phrases", suffix=".tmp", dir=folder) as rooms:
        for number in range(passes):
            phrases = _find(text, rule)
            if not len(phrases):
                break
            text = _join(text, phrases, Path(rooms, str(number)), separator)
        vocabulary, new = _vocabulary(text, min_count, max_size, known)
        blocks = (ids[ids != DROPPED] for ids in (new[block] for block in text.blocks()))
        return write_words(folder, blocks, vocabulary, corpus.read, asdict(rule))


@dataclass(frozen=True)
class _Rule:
    """The settings."""

    min_count: int
    threshold: float
    delta: float
    passes: int
    separator: str

    def __post_init__(self):
        for name in ("min_count", "passes"):
            if getattr(self, name) < 1:
                raise ConfigError(f"{name} {getattr(self, name)} does not fit; it is a whole number from 1")
        for name in ("threshold", "delta"):
            if not 0 <= getattr(self, name) < np.inf:
                raise ConfigError(f"{name} {getattr(self, name)} does not fit; it is a number from 0")
        if not self.separator or self.separator.split() != [self.separator]:
            raise ConfigError(f"separator {self.separator!r} does not fit; it is one or more characters without white space")

    def holds(self, pairs: np.ndarray, a: np.ndarray, b: np.ndarray, words: int) -> np.ndarray:
        """Are pairs met so many times, of words met a and b times in a text of so many words, phrases?  All (P)."""
        score = (pairs - self.delta) / (a.astype(np.float64) * b) * words
        return (pairs >= self.min_count) & (score > self.threshold)


@dataclass(frozen=True)
class _Text:
    """V tokens, how often each stands in the text (V), and what gives the text's ids in blocks."""

    tokens: list[str]
    counts: np.ndarray
    blocks: Callable[[], Iterator[np.ndarray]]


def _find(text, rule):
    """The keys a V + b of all phrases a b, rising, int64 (P)."""
    V, counts, words = len(text.tokens), text.counts, int(text.counts.sum())
    bits = min(max(words.bit_length(), FEWEST), MOST)
    met = np.zeros(1 << bits, np.int32)
    for a, b in _pairs(text, rule.min_count):
        np.add.at(met, _bucket(a * V + b, bits), 1)
    tally = _Tally()
    for a, b in _pairs(text, rule.min_count):
        likely = rule.holds(met[_bucket(a * V + b, bits)], counts[a], counts[b], words)
        tally.add(a[likely] * V + b[likely])
    keys, pairs = tally.total()
    return keys[rule.holds(pairs, counts[keys // V], counts[keys % V], words)]


def _pairs(text, min_count):
    """Blocks (a, b) of ids, int64, of words that stand side by side and may be joined."""
    may = np.append(text.counts >= min_count, False)         # the last for LINE_END
    may[[k for k, token in enumerate(text.tokens) if token in (UNK, EOS)]] = False
    last = np.empty(0, np.int32)
    for block in text.blocks():
        ids = np.concatenate([last, block])
        usable = may[ids]
        at = np.flatnonzero(usable[:-1] & usable[1:])
        yield ids[at].astype(np.int64), ids[at + 1].astype(np.int64)
        last = ids[-1:]


def _bucket(keys, bits):
    """A number below 2^bits for each key, by its product with the golden ratio."""
    return (keys.astype(np.uint64) * _GOLDEN >> np.uint64(64 - bits)).astype(np.int64)


class _Tally:
    """Different keys with their counts; keys wait until they are as many as are counted, so each is sorted few times."""

    def __init__(self):
        self.keys, self.counts = np.empty(0, np.int64), np.empty(0, np.int64)
        self.waiting, self.size = [], 0

    def add(self, keys):
        self.waiting.append(keys)
        self.size += len(keys)
        if self.size > max(len(self.keys), BLOCK):
            self.total()

    def total(self):
        """(keys, rising; their counts)"""
        more, counts = np.unique(np.concatenate([*self.waiting, self.keys[:0]]), return_counts=True)
        self.waiting, self.size = [], 0
        self.keys, place = np.unique(np.concatenate([self.keys, more]), return_inverse=True)
        counts = np.concatenate([self.counts, counts])
        self.counts = np.bincount(place, counts, len(self.keys)).astype(np.int64)
        return self.keys, self.counts


def _join(text, phrases, path, separator):
    """The text with its phrases joined, its ids in a file; a phrase that was a word already keeps that word's id."""
    V, ids = len(text.tokens), {token: k for k, token in enumerate(text.tokens)}
    names = [text.tokens[a] + separator + text.tokens[b] for a, b in zip(*(k.tolist() for k in np.divmod(phrases, V)))]
    numbers = np.array([ids.setdefault(name, len(ids)) for name in names], np.int32)
    counts = np.zeros(len(ids), np.int64)
    with open(path, "wb") as file:
        for block in _joined(text.blocks(), phrases, numbers, V):
            counts += np.bincount(block[block != LINE_END], minlength=len(ids))
            block.tofile(file)
    return _Text(list(ids), counts, lambda: _read(path))


def _joined(blocks, phrases, numbers, V):
    """Blocks of ids in which every phrase has become its number; a last word waits for the next block."""
    begins, ends = np.zeros((2, V + 1), bool)                # the last of each for LINE_END
    begins[phrases // V] = ends[phrases % V] = True
    rest = np.empty(0, np.int32)
    for block in blocks:
        ids = np.concatenate([rest, block])
        at = np.flatnonzero(begins[ids[:-1]] & ends[ids[1:]])
        keys = ids[at].astype(np.int64) * V + ids[at + 1]
        place = np.minimum(np.searchsorted(phrases, keys), len(phrases) - 1)
        at, place = (a[phrases[place] == keys] for a in (at, place))
        taken = _every_other(at)
        ids[at[taken]] = numbers[place[taken]]
        kept = np.ones(len(ids), bool)
        kept[at[taken] + 1] = False
        whole = len(ids) - int(kept[-1])
        yield ids[:whole][kept[:whole]]
        rest = ids[whole:]
    yield rest


def _every_other(at):
    """Of rising places those that a walk from left to right takes if each bars the place after it: in every run of
    neighbours the first, the third and so on."""
    order = np.arange(len(at))
    first = np.maximum.accumulate(np.where(np.diff(at, prepend=-2) > 1, order, 0))
    return (order - first) % 2 == 0


def _read(path):
    with open(path, "rb") as file:
        while len(block := np.fromfile(file, np.int32, BLOCK)):
            yield block


def _vocabulary(text, min_count, max_size, known):
    """The vocabulary of what is frequent enough, and for each old id its new one; the last is that of LINE_END."""
    counter = Counter(dict(zip(text.tokens, text.counts.tolist())))
    vocabulary = Vocabulary.build(counter, [token for token in (UNK, EOS) if token in counter], max_size, min_count,
                                  known)
    if not set(vocabulary.ids) - {UNK, EOS}:
        raise DataError(f"no word or phrase was met {min_count} times or more; take a smaller min_count, or more text")
    other = vocabulary.ids.get(UNK, DROPPED)
    return vocabulary, np.array([*(vocabulary.ids.get(token, other) for token in text.tokens), LINE_END], np.int32)
