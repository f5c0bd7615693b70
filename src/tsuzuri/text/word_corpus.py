"""A text as numbers of its words on disk, for word vectors: the vocabulary is learnt and the text encoded in one reading.

Each different word of the raw text gets a number as it is met.  What the options ask for (lower case, marks cut off, rare
words left out) is then decided once for each different word, not for each of its occurrences, and the numbers are
rewritten.  So standard input is read once, and a text larger than memory needs its vocabulary and a fixed buffer.

A folder holds ``words.bin``, the ids as little-endian int32 with LINE_END after each line; ``vocab.txt``; and, written
last, ``words.toml``.
"""
import os
import re
import tomllib
from collections import Counter
from collections.abc import Collection, Generator, Iterable, Iterator
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np
import tomli_w

from tsuzuri.errors import DataError
from tsuzuri.files import atomic_path, atomic_write
from tsuzuri.kernels.words import LINE_END, number_words
from tsuzuri.text.corpus import chunks
from tsuzuri.text.tokenizers.options import Options
from tsuzuri.text.tokenizers.word import cut
from tsuzuri.text.vocabulary import EOS, UNK, Vocabulary

IDS, VOCABULARY, META = "words.bin", "vocab.txt", "words.toml"
DROPPED = -2
_WIDE_SPACE = re.compile(r"[^\S\x00-\x20]")                # white space beyond ASCII, of which Japanese text is full
BLOCK = 1 << 20                                              # ids that are rewritten at a time
CHUNK = 1 << 16                                              # characters whose words are numbered at a time

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
            for text in chunks(lines, CHUNK):
                lexicon.number(text).tofile(file)
                yield lexicon.read
        pieces = [cut(word, options) for word in lexicon.words()]
        vocabulary = _vocabulary(pieces, lexicon, options, known)
        (folder / META).unlink(missing_ok=True)
        with atomic_path(folder / IDS) as temporary:
            written = _rewrite(raw, temporary, _Rewriting.of(pieces, vocabulary, options))
    finally:
        raw.unlink(missing_ok=True)
    return _finish(folder, vocabulary, written, lexicon.lines, lexicon.read,
                   {name: value for name, value in asdict(options).items() if value is not None})


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
        size, whole = (folder / IDS).stat().st_size, meta["vocabulary"] == len(corpus.vocabulary) and len(corpus) >= 0
    except (OSError, tomllib.TOMLDecodeError, UnicodeDecodeError, KeyError, TypeError) as error:
        raise DataError(f"{folder}: no text as numbers of words here ({error}); read it again") from None
    if size != 4 * len(corpus) or not whole:
        raise DataError(f"{folder}: {IDS}, {VOCABULARY} and {META} do not belong together; read the text again")
    return corpus


class _Lexicon:
    """The different words met so far, in the arrays of ``kernels.words``, which grow as needed."""

    def __init__(self):
        self.letters, self.ends, self.counts = np.empty(0, np.uint8), np.empty(0, np.int64), np.empty(0, np.int64)
        self.slots, self.used, self.read, self.lines = np.zeros(2, np.int64), 0, 0, 0

    def number(self, text: str) -> np.ndarray:
        """The ids of a text of whole lines."""
        if not text.isascii():
            text = _WIDE_SPACE.sub(" ", text)
        source = np.frombuffer(text.encode("utf-8"), np.uint8)
        self._reserve(len(source))
        ids = np.empty(len(source) + 1, np.int32)
        self.used, written = number_words(source, self.letters, self.ends, self.counts, self.slots, self.used, ids)
        lines = int(np.count_nonzero(ids[:written] == LINE_END))
        self.read, self.lines = self.read + written - lines, self.lines + lines
        return ids[:written]

    def words(self) -> list[str]:
        """The words, in the order of their numbers."""
        letters, ends = self.letters.tobytes(), self.ends[:self.used].tolist()
        return [letters[start:end].decode("utf-8") for start, end in zip([0, *ends[:-1]], ends)]

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


def _vocabulary(pieces, lexicon, options, known) -> Vocabulary:
    counter: Counter[str] = Counter()
    for words, count in zip(pieces, lexicon.counts.tolist()):
        for word in words:
            counter[word] += count
    specials = [UNK] * options.unk + [EOS] * options.eos
    _refuse_nothing(Counter({word: n for word, n in counter.items() if word not in specials}), options, known)
    if options.eos:
        counter[EOS] += lexicon.lines
    return Vocabulary.build(counter, specials, options.max_size, options.min_count, known)


def _refuse_nothing(words, options, known):
    if not words:
        raise DataError("the text has no words; give a source with at least one")
    most = max(words.values())
    if most < options.min_count and not any(word in known for word in words):
        raise DataError(f"no word is left: the most frequent of {len(words):,} words was met {most:,} times; "
                        f"lower --min-count from {options.min_count}")
    if options.max_size is not None and options.max_size <= options.unk + options.eos:
        raise DataError(f"no word is left: a vocabulary of at most {options.max_size} (max_size) has no room beside "
                        f"{' and '.join([UNK] * options.unk + [EOS] * options.eos)}; take a larger one")


@dataclass(frozen=True)
class _Rewriting:
    """Raw number w becomes ``ids[starts[w]:starts[w] + lengths[w]]``; the last raw number stands for a line end."""

    ids: np.ndarray
    starts: np.ndarray
    lengths: np.ndarray

    @classmethod
    def of(cls, pieces, vocabulary, options) -> "_Rewriting":
        other = vocabulary.ids[UNK] if options.unk else DROPPED
        new = [[k for word in words if (k := vocabulary.ids.get(word, other)) != DROPPED] for words in pieces]
        new.append([vocabulary.ids[EOS], LINE_END] if options.eos else [LINE_END])
        lengths = np.fromiter(map(len, new), np.int64, len(new))
        return cls(np.fromiter((k for ids in new for k in ids), np.int32), np.cumsum(lengths) - lengths, lengths)

    def __call__(self, raw: np.ndarray) -> np.ndarray:
        lengths = self.lengths[raw]
        first = np.cumsum(lengths) - lengths
        return self.ids[np.repeat(self.starts[raw] - first, lengths) + np.arange(lengths.sum())]


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
