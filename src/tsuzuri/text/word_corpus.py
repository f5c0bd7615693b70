"""A text as numbers of its words on disk, for word vectors: the vocabulary is learnt and the text encoded in one reading.

Each different word of the raw text gets a number as it is met.  What the options ask for (lower case, marks cut off, rare
words left out) is then decided once for each different word, not for each of its occurrences, and the numbers are
rewritten.  So standard input is read once, and a text larger than memory needs its vocabulary and a fixed buffer.

A folder holds ``words.bin``, the ids as little-endian int32 with LINE_END after each line; ``vocab.txt``; and, written
last, ``words.toml``.
"""
import os
import tomllib
from array import array
from collections import Counter
from collections.abc import Collection, Generator, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np
import tomli_w

from tsuzuri import memory
from tsuzuri.errors import DataError
from tsuzuri.files import atomic_path, atomic_write
from tsuzuri.kernels.words import LINE_END, number_words
from tsuzuri.text.corpus import chunks
from tsuzuri.text.tokenizers.options import Options
from tsuzuri.text.tokenizers.word import cut
from tsuzuri.text.vocabulary import EOS, UNK, Vocabulary

IDS, VOCABULARY, META = "words.bin", "vocab.txt", "words.toml"
DROPPED = -2
BLOCK = 1 << 18                                              # ids that are rewritten or read at a time
CHUNK = 1 << 18                                              # characters whose words are numbered at a time

__all__ = ["LINE_END", "WordCorpus", "open_words", "read_words", "write_words"]


@dataclass(frozen=True)
class WordCorpus:
    """Ids of words on disk.  ``words`` are in the vocabulary and in the text, ``read`` is how many words the text had."""

    folder: Path
    vocabulary: Vocabulary
    words: int
    lines: int
    read: int

    def __len__(self) -> int:
        """Ids on disk, those of line ends among them."""
        return self.words + self.lines

    def blocks(self, size: int = BLOCK, start: int = 0) -> Iterator[np.ndarray]:
        """The ids from number ``start`` on, in arrays of ``size`` int32 (the last may be shorter)."""
        with open(self.folder / IDS, "rb") as file:
            file.seek(4 * start)
            while len(block := np.fromfile(file, "<i4", size)):
                yield block


def read_words(lines: Iterable[str], folder: str | os.PathLike, options: Options, known: Collection[str] = ()) -> WordCorpus:
    """Learn the vocabulary of ``lines`` and write their ids to ``folder``.

    Words that ``options`` leave out are dropped, or become ``<unk>`` where it is on; with ``eos`` on each line ends with
    that word.  Words that are ``known`` stay however rare.  DataError: no word is left.
    """
    reading = reading_words(lines, folder, options, known)
    while True:
        try:
            next(reading)
        except StopIteration as end:
            return end.value


def reading_words(lines: Iterable[str], folder: str | os.PathLike, options: Options,
                  known: Collection[str] = ()) -> Generator[int, None, WordCorpus]:
    """``read_words`` as a generator: yields the number of words read so far, returns the corpus."""
    folder = Path(folder)
    folder.mkdir(parents=True, exist_ok=True)
    lexicon = _Lexicon()
    raw = folder / f".{IDS}.tmp"
    try:
        with open(raw, "wb") as file:
            for source in _ahead(np.frombuffer(bytearray(text, "utf-8"), np.uint8) for text in chunks(lines, CHUNK)):
                lexicon.number(source).tofile(file)
                yield lexicon.read
        pieces = _Pieces.of(lexicon, options, known)
        vocabulary = _vocabulary(pieces, lexicon.lines, options, known)
        (folder / META).unlink(missing_ok=True)
        with atomic_path(folder / IDS) as temporary:
            written = _rewrite(raw, temporary, _Rewriting.of(pieces, vocabulary, options))
    finally:
        raw.unlink(missing_ok=True)
    corpus = _finish(folder, vocabulary, written, lexicon.lines, lexicon.read,
                     {name: value for name, value in asdict(options).items() if value is not None})
    del lexicon, pieces
    memory.give_back()                                       # or a training carries the reading's memory with it
    return corpus


def _ahead(items):
    """The items of an iterator; while one is worked on another thread gets the next."""
    with ThreadPoolExecutor(1) as other:
        coming = other.submit(next, items, None)
        while (item := coming.result()) is not None:
            coming = other.submit(next, items, None)
            yield item


def _finish(folder, vocabulary, written, lines, read, options) -> WordCorpus:
    vocabulary.save(folder / VOCABULARY)
    counts = {"words": written - lines, "lines": lines, "read": read}
    atomic_write(folder / META, tomli_w.dumps(counts | {"vocabulary": len(vocabulary), "options": options}))
    return WordCorpus(folder, vocabulary, **counts)


def open_words(folder: str | os.PathLike) -> WordCorpus:
    """The words that ``read_words`` wrote.  DataError: there are none, or the files do not belong together."""
    folder = Path(folder)
    try:
        meta = tomllib.loads((folder / META).read_text("utf-8"))
        corpus = WordCorpus(folder, Vocabulary.load(folder / VOCABULARY), meta["words"], meta["lines"], meta["read"])
        size, wanted = (folder / IDS).stat().st_size, 4 * len(corpus)
    except (OSError, tomllib.TOMLDecodeError, UnicodeDecodeError, KeyError, TypeError) as error:
        raise DataError(f"{folder}: no text as numbers of words here ({error}); read it again") from None
    if size != wanted or meta["vocabulary"] != len(corpus.vocabulary):
        raise DataError(f"{folder}: {IDS}, {VOCABULARY} and {META} do not belong together; read the text again")
    return corpus


class _Lexicon:
    """The different words met so far, in the arrays of ``kernels.words``, which grow as needed."""

    def __init__(self):
        self.letters, self.ends, self.counts = np.empty(0, np.uint8), np.empty(0, np.int64), np.empty(0, np.int64)
        self.slots, self.used, self.read, self.lines = np.zeros(2, np.int64), 0, 0, 0

    def number(self, source: np.ndarray) -> np.ndarray:
        """The ids of a text of whole lines, UTF-8 as uint8."""
        self._reserve(len(source))
        ids = np.empty(len(source) + 1, np.int32)
        self.used, written = number_words(source, self.letters, self.ends, self.counts, self.slots, self.used, ids)
        lines = int(np.count_nonzero(ids[:written] == LINE_END))
        self.read, self.lines = self.read + written - lines, self.lines + lines
        return ids[:written]

    def words(self, numbers: Iterable[int]) -> Iterator[str]:
        """The words of these numbers."""
        ends = self.ends[:self.used].tolist()
        letters = self.letters[:ends[-1] if ends else 0].tobytes()
        return (letters[ends[w - 1] if w else 0:ends[w]].decode("utf-8") for w in numbers)

    def _reserve(self, more: int) -> None:
        """Room for ``more`` bytes of text, in which every second could be a word."""
        most = self.used + more // 2 + 1
        if len(self.ends) < most:
            self.ends, self.counts = (_grown(a, 2 * most) for a in (self.ends, self.counts))
        if len(self.letters) < (needed := (int(self.ends[self.used - 1]) if self.used else 0) + more):
            self.letters = _grown(self.letters, 2 * needed)
        if len(self.slots) < 2 * most:
            self.slots = np.zeros((1 << (2 * most).bit_length()) + 1, np.int64)


def _grown(array, size):
    larger = np.empty(size, array.dtype)
    larger[:len(array)] = array
    return larger


@dataclass(frozen=True)
class _Pieces:
    """What the raw words become: ``words``, each once, and how often each stands in the text; of raw word w the
    ``lengths[w]`` next ones of ``numbers`` (into ``words``, or -1 for a word too rare to be written out)."""

    words: list[str]
    counts: np.ndarray
    numbers: np.ndarray
    lengths: np.ndarray
    rare: np.ndarray                                         # counts of the words that are not written out

    @classmethod
    def of(cls, lexicon, options, known) -> "_Pieces":
        if options.keeps_words:
            return cls._as_they_are(lexicon, 1 if known or options.eos else options.min_count)
        met: dict[str, int] = {}
        numbers, lengths = array("i"), array("i")
        for raw in lexicon.words(range(lexicon.used)):
            words = cut(raw, options)
            lengths.append(len(words))
            for word in words:
                numbers.append(met.setdefault(word, len(met)))
        counts = np.bincount(numbers, np.repeat(lexicon.counts[:lexicon.used], lengths), len(met)).astype(np.int64)
        return cls(list(met), counts, np.array(numbers, np.int32), np.array(lengths, np.int64), np.empty(0, np.int64))

    @classmethod
    def _as_they_are(cls, lexicon, least) -> "_Pieces":
        counts = lexicon.counts[:lexicon.used]
        often = counts >= least
        numbers = np.where(often, np.cumsum(often) - 1, -1)
        return cls([*lexicon.words(np.flatnonzero(often).tolist())], counts[often], numbers, np.ones(len(counts), np.int64),
                   counts[~often])


def _vocabulary(pieces, lines, options, known) -> Vocabulary:
    specials = [UNK] * options.unk + [EOS] * options.eos
    counter = Counter({word: n for word, n in zip(pieces.words, pieces.counts.tolist())
                       if n >= options.min_count or word in known or word in specials})
    _refuse_nothing(counter, pieces, specials, options)
    if options.unk:
        counter[UNK] += int(pieces.counts.sum() + pieces.rare.sum()) - counter.total()
    if options.eos:
        counter[EOS] += lines
    return Vocabulary.build(counter, specials, options.max_size, options.min_count, known)


def _refuse_nothing(counter, pieces, specials, options):
    if counter.keys() - set(specials):
        if options.max_size is not None and options.max_size <= len(specials):
            raise DataError(f"no word is left: a vocabulary of at most {options.max_size} (max_size) has no room beside "
                            f"{' and '.join(specials)}; take a larger one")
        return
    counts = [n for word, n in zip(pieces.words, pieces.counts.tolist()) if word not in specials] + pieces.rare.tolist()
    if not counts:
        raise DataError("the text has no words; give a source with at least one")
    raise DataError(f"no word is left: the most frequent of {len(counts):,} words was met {max(counts):,} times; "
                    f"lower --min-count from {options.min_count}")


@dataclass(frozen=True)
class _Rewriting:
    """Raw number w becomes ``ids[starts[w]:starts[w] + lengths[w]]`` without DROPPED; the last stands for a line end."""

    ids: np.ndarray
    starts: np.ndarray
    lengths: np.ndarray
    one_each: bool

    @classmethod
    def of(cls, pieces, vocabulary, options) -> "_Rewriting":
        find, other = vocabulary.ids.get, vocabulary.ids[UNK] if options.unk else DROPPED
        line_end = [vocabulary.ids[EOS], LINE_END] if options.eos else [LINE_END]
        ids = np.array([*(find(word, other) for word in pieces.words), other], np.int32)[pieces.numbers]
        ids, lengths = np.append(ids, np.array(line_end, np.int32)), np.append(pieces.lengths, len(line_end))
        return cls(ids, np.cumsum(lengths) - lengths, lengths, bool((lengths == 1).all()))

    def __call__(self, raw: np.ndarray) -> np.ndarray:
        if self.one_each:
            ids = self.ids[raw]
        else:
            lengths = self.lengths[raw]
            first = np.cumsum(lengths) - lengths
            ids = self.ids[np.repeat(self.starts[raw] - first, lengths) + np.arange(lengths.sum())]
        return ids[ids != DROPPED]


def _rewrite(source, target, rewriting) -> int:
    """Rewrite the ids of a file into another; returns how many those are."""
    written = 0
    with open(source, "rb") as old, open(target, "wb") as new:
        while len(raw := np.fromfile(old, np.int32, BLOCK)):
            ids = rewriting(raw)
            ids.astype("<i4", copy=False).tofile(new)
            written += len(ids)
    return written


def write_words(folder: str | os.PathLike, blocks: Iterable[np.ndarray], vocabulary: Vocabulary, read: int,
                options: dict[str, object]) -> WordCorpus:
    """Write blocks of ids that were made from another text as ``read_words`` writes its own, and say which options made them."""
    folder = Path(folder)
    folder.mkdir(parents=True, exist_ok=True)
    (folder / META).unlink(missing_ok=True)
    written = lines = 0
    with atomic_path(folder / IDS) as temporary, open(temporary, "wb") as file:
        for block in blocks:
            block.astype("<i4", copy=False).tofile(file)
            written, lines = written + len(block), lines + int(np.count_nonzero(block == LINE_END))
    return _finish(folder, vocabulary, written, lines, read, options)
