"""Pairs of texts as token ids on disk, and batches of pairs of like length.

A folder of pairs holds ``ids.bin``, the ids of all pairs, a source and its target after each other, little-endian, two bytes each
while both vocabularies allow it; ``bounds.bin``, where each side begins, as ``<i8``; and ``pairs.toml`` with what the counts are.
The TOML is written last and removed first: where it is, the others are complete.

    ids     s1 s2 s3 y1 y2 end | s1 y1 y2 y3 end         bounds  0 3 6 7 11

A target ends with the line end, a source does not.  The decoder reads the target one place later, from the line end:

    targets (N, T)   y1  y2 end  -1                      inputs (N, T)   end  y1  y2   0
                     y1  y2  y3 end                                      end  y1  y2  y3
"""
import hashlib
import operator
import os
from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Literal

import numpy as np
import tomli_w

from tsuzuri.errors import ConfigError, DataError
from tsuzuri.files import atomic_path, atomic_write
from tsuzuri.text.packed import read_counts
from tsuzuri.text.tokenizers import Tokenizer

IDS, BOUNDS, META = "ids.bin", "bounds.bin", "pairs.toml"
BLOCK = 1 << 18                                                 # ids that are held before they are written
POOL = 100                                                      # batches whose pairs are sorted together
Batch = tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]
Ids = Sequence[int] | np.ndarray


@dataclass
class PairCounts:
    """What stands in ``pairs.toml``; tokens and characters of the targets with their line ends."""
    dtype: Literal["<u2", "<u4"]    # as NumPy writes it
    source_vocabulary: int
    target_vocabulary: int
    longest: int                    # tokens that a side may have, without the line end
    pairs: int = 0
    left_out: int = 0               # pairs that have more
    empty: int = 0                  # pairs left out because a side has no tokens
    source_tokens: int = 0
    target_tokens: int = 0
    source_characters: int = 0
    target_characters: int = 0
    source_unknown: int = 0         # ids that are <unk>
    target_unknown: int = 0
    sha256: str = ""                # of ids.bin, and bounds.bin after it


@dataclass(kw_only=True)
class PairCorpus(PairCounts):
    """Pairs on disk; ``ids`` and ``bounds`` are read-only memory maps, so a corpus may be larger than memory."""
    ids: np.ndarray
    bounds: np.ndarray

    def __len__(self) -> int:
        return self.pairs

    def source(self, k: int) -> np.ndarray:
        """The ids of source k."""
        return self._side(2 * _place(k, self.pairs, "pair"))

    def target(self, k: int) -> np.ndarray:
        """The ids of target k, the line end included."""
        return self._side(2 * _place(k, self.pairs, "pair") + 1)

    def _side(self, k):
        return np.array(self.ids[self.bounds[k]:self.bounds[k + 1]], np.int64, subok=False)

    @property
    def source_lengths(self) -> np.ndarray:
        """How many tokens each source has; an array that is made anew."""
        return np.asarray(self.bounds[1::2] - self.bounds[:-1:2])

    @property
    def target_lengths(self) -> np.ndarray:
        """How many tokens each target has, with its line end; an array that is made anew."""
        return np.asarray(self.bounds[2::2] - self.bounds[1::2])


def encode_pairs(pairs: Iterable[tuple[str, str]], source_tokenizer: Tokenizer, target_tokenizer: Tokenizer,
                 folder: str | os.PathLike, longest: int) -> PairCorpus:
    """Write the ids of ``pairs`` (source, target) to ``folder`` and open them.

    Pairs of which a side has more than ``longest`` tokens, the line end not counted, or none, are left out and counted.  Holds some
    hundred thousand ids at a time.  DataError: no pair is left, or a token that a vocabulary lacks.
    """
    folder = Path(folder)
    folder.mkdir(parents=True, exist_ok=True)
    (folder / META).unlink(missing_ok=True)
    sizes = len(source_tokenizer), len(target_tokenizer)
    counts = PairCounts("<u2" if max(sizes) <= 1 << 16 else "<u4", *sizes, longest)
    with (atomic_path(folder / IDS) as ids_path, atomic_path(folder / BOUNDS) as bounds_path,
          open(ids_path, "wb") as ids_file, open(bounds_path, "wb") as bounds_file):
        ids, bounds, written = [], [0], 0
        for source, target in _encoded(pairs, source_tokenizer, target_tokenizer, counts):
            ids += source
            bounds.append(written + len(ids))
            ids += target
            bounds.append(written + len(ids))
            if len(ids) >= BLOCK:
                written += _flush(ids, counts.dtype, ids_file)
                _flush(bounds, "<i8", bounds_file)
        _flush(ids, counts.dtype, ids_file)
        _flush(bounds, "<i8", bounds_file)
        _refuse_nothing(folder, counts)
    counts.sha256 = _sha256(folder / IDS, folder / BOUNDS)
    atomic_write(folder / META, tomli_w.dumps(asdict(counts)))
    return open_pair_corpus(folder)


def _encoded(pairs, source_tokenizer, target_tokenizer, counts):
    """The ids of every pair that is kept, and ``counts`` brought up to date."""
    end = line_end(target_tokenizer)
    for source_text, target_text in pairs:
        source, target = source_tokenizer.encode(source_text), target_tokenizer.encode(target_text)
        if not (source and target):
            counts.empty += 1
            continue
        if max(len(source), len(target)) > counts.longest:
            counts.left_out += 1
            continue
        target.append(end)
        counts.pairs += 1
        counts.source_tokens, counts.target_tokens = counts.source_tokens + len(source), counts.target_tokens + len(target)
        counts.source_characters += len(source_text)
        counts.target_characters += len(target_text) + 1
        counts.source_unknown += source.count(source_tokenizer.unk_id)
        counts.target_unknown += target.count(target_tokenizer.unk_id)
        yield source, target


def line_end(tokenizer: Tokenizer) -> int:
    """The token that ends a target and that the decoder starts from.  ConfigError: there is none."""
    ids = tokenizer.encode("\n")
    if len(ids) != 1:
        raise ConfigError(f"the tokenizer of the targets has {len(ids) or 'no'} tokens for a line end, which must be one; "
                          "train it with eos on")
    return ids[0]


def _flush(numbers: list[int], dtype: str, file) -> int:
    """Write the numbers and forget them; how many there were."""
    count = file.write(np.array(numbers, dtype).tobytes()) // np.dtype(dtype).itemsize
    numbers.clear()
    return count


def _refuse_nothing(folder, counts):
    if counts.pairs:
        return
    if counts.left_out:
        raise DataError(f"{folder}: no pair is left; {counts.left_out:,} have a side of more than {counts.longest} tokens, "
                        "so raise longest")
    if counts.empty:
        raise DataError(f"{folder}: no pair is left; a side of each of {counts.empty:,} has no tokens, so give others, "
                        "or train the tokenizers with other options")
    raise DataError(f"{folder}: there are no pairs; give a source with at least one")


def _sha256(*paths: Path) -> str:
    digest = hashlib.sha256()
    for path in paths:
        with open(path, "rb") as file:
            hashlib.file_digest(file, lambda: digest)           # which goes on with it
    return digest.hexdigest()


def open_pair_corpus(folder: str | os.PathLike) -> PairCorpus:
    """The pairs in ``folder``.  DataError: there are none, or its files do not belong together."""
    folder = Path(folder)
    counts = read_counts(folder / META, PairCounts, "pairs", lambda counts: {
        IDS: (counts.source_tokens + counts.target_tokens) * np.dtype(counts.dtype).itemsize, BOUNDS: 8 * (2 * counts.pairs + 1)})
    return PairCorpus(**asdict(counts), ids=np.memmap(folder / IDS, counts.dtype, "r"), bounds=np.memmap(folder / BOUNDS, "<i8", "r"))


class PairBatches:
    """A sequence of (source (N, S), lengths (N,), inputs (N, T), targets (N, T)), int64: sources padded with 0, targets with -1.

    A batch has pairs of like length, so that little is padding: pairs are shuffled, those of 100 batches sorted by the lengths of
    target and source, cut into batches, and the batches of the pass shuffled.  All of it follows from the seed and the number of
    the pass.  Not ``shuffled``, all pairs are in order of length, the shortest first.  The last batch cut may be smaller.
    ``end`` is the line end.  In memory are the order of the pairs and one batch.
    ConfigError: a batch size below 1.
    """

    goes_on = False

    def __init__(self, corpus: PairCorpus, batch_size: int, end: int, seed: int, number: int = 1, shuffled: bool = True):
        if batch_size < 1:
            raise ConfigError(f"batch size {batch_size} does not fit; it is a number of pairs from 1")
        self.corpus, self.batch_size, self.end = corpus, batch_size, end
        self.seed, self.number, self.shuffled = seed, number, shuffled
        self._ids, self._bounds = np.asarray(corpus.ids), np.asarray(corpus.bounds)     # plain views: a memory map's own slices are slow
        self._order, self._turns = np.arange(len(corpus)), np.arange(len(self))
        if shuffled:
            rng = np.random.default_rng([seed, 4, number])
            rng.shuffle(self._order)
            rng.shuffle(self._turns)
        pool = POOL * batch_size if shuffled else len(corpus)
        for start in range(0, len(corpus), pool):
            self._sort(self._order[start:start + pool])

    def _sort(self, rows):
        """Bring ``rows`` in the order of their lengths; where these are equal they stay as they were."""
        begin, middle, stop = self._sides(rows)
        rows[:] = rows[np.lexsort((middle - begin, stop - middle))]

    def _sides(self, rows):
        """Where the sources of ``rows`` begin, their targets, and what follows them."""
        return self._bounds[2 * rows], self._bounds[2 * rows + 1], self._bounds[2 * rows + 2]

    def __len__(self) -> int:
        return -(-len(self.corpus) // self.batch_size)

    @property
    def tokens(self) -> int:
        """How many tokens one pass predicts."""
        return self.corpus.target_tokens

    def epoch(self, number: int) -> "PairBatches":
        """The batches of pass ``number``, from 1."""
        if number == self.number or not self.shuffled:
            return self
        return PairBatches(self.corpus, self.batch_size, self.end, self.seed, number)

    def rate(self, k: int) -> float:
        """What the learning rate is multiplied by at batch k."""
        return 1.0

    def rows(self, k: int) -> np.ndarray:
        """Which pairs of the corpus are in batch k, in the order of its rows."""
        start = self._turns[_place(k, len(self), "batch")] * self.batch_size
        return self._order[start:start + self.batch_size]

    def __getitem__(self, k: int) -> Batch:
        begin, middle, stop = self._sides(self.rows(k))
        targets = _padded(self._ids, middle, stop - middle, -1)
        return _padded(self._ids, begin, middle - begin, 0), middle - begin, shifted(targets, self.end), targets


def padded_batch(sources: Sequence[Sequence[int]], targets: Sequence[Sequence[int]], end: int) -> Batch:
    """Pairs as a batch; the targets have their line ends."""
    source, lengths = batch_of(sources)
    wanted = stacked(targets, -1)
    return source, lengths, shifted(wanted, end), wanted


def shifted(targets, end):
    """What the decoder reads: the targets one place later, from the line end."""
    inputs = np.where(targets >= 0, np.roll(targets, 1, axis=1), 0)
    inputs[:, 0] = end
    return inputs


def batch_of(sources: Sequence[Ids]) -> tuple[np.ndarray, np.ndarray]:
    """Sources to decode as (source (N, S), lengths (N,)), padded with 0.  DataError: one has no tokens, or there is none."""
    lengths = np.array([len(ids) for ids in sources], np.int64)
    if not lengths.all() or not len(lengths):
        what = f"source {int(lengths.argmin()) + 1} of {len(lengths)} has no tokens" if len(lengths) else "there are no sources"
        raise DataError(f"{what}; give a text with at least one")
    return stacked(sources, 0), lengths


def stacked(texts: Sequence[Ids], fill: int) -> np.ndarray:
    """Texts as the rows of an array, with ``fill`` behind their ends."""
    lengths = np.array([len(ids) for ids in texts], np.int64)
    ids = np.concatenate([np.asarray(text, np.int64) for text in texts])
    return _padded(ids, lengths.cumsum() - lengths, lengths, fill)


def _padded(ids: np.ndarray, starts: np.ndarray, lengths: np.ndarray, fill: int) -> np.ndarray:
    """Runs of ``ids`` as the rows of an array (N, longest), with ``fill`` behind them."""
    places = np.arange(lengths.max())
    inside = places < lengths[:, None]
    rows = np.full(inside.shape, fill, np.int64)
    rows[inside] = ids[(starts[:, None] + places)[inside]]
    return rows


def _place(k: int, size: int, what: str) -> int:
    """k counted from the end where it is negative.  IndexError: there is none."""
    k = operator.index(k)
    if not -size <= k < size:
        raise IndexError(f"{what} {k} of {size}")
    return k % size
