"""Pictures with captions on disk, and batches of them.

A folder holds ``pictures.bin``, the bytes of all pictures, line by line, the channels of a pixel side by side; ``captions.tsv``, the
number of a picture, a tab and a caption in every line; and ``pictures.toml`` with what the counts are, written last.
"""
import hashlib
import operator
import os
from collections.abc import Iterable
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np
import tomli_w

from tsuzuri.datasets.pictures import Pictured
from tsuzuri.errors import ConfigError, DataError
from tsuzuri.files import atomic_path, atomic_write
from tsuzuri.text.packed import read_counts
from tsuzuri.text.pairs import shifted, stacked
from tsuzuri.text.tokenizers import Tokenizer

PICTURES, CAPTIONS, META = "pictures.bin", "captions.tsv", "pictures.toml"
Batch = tuple[np.ndarray, np.ndarray, np.ndarray]


@dataclass
class PictureCounts:
    """What stands in ``pictures.toml``."""
    pixels: int
    channels: int
    pictures: int = 0
    captions: int = 0
    text_bytes: int = 0             # of captions.tsv
    sha256: str = ""                # of pictures.bin, and captions.tsv after it


@dataclass(kw_only=True)
class PictureCorpus(PictureCounts):
    """Pictures on disk; ``images`` (N, pixels, pixels, channels) is a read-only memory map, ``said`` the captions of each."""
    images: np.ndarray
    said: list[list[str]]

    def __len__(self) -> int:
        return self.pictures

    @property
    def shape(self) -> tuple[int, int, int]:
        """That of a picture."""
        return self.pixels, self.pixels, self.channels


def write_pictures(pictures: Iterable[Pictured], folder: Path, pixels: int, channels: int) -> PictureCorpus:
    """Write pictures and captions to ``folder``, one at a time in memory, and open them.  DataError: there are none."""
    folder.mkdir(parents=True, exist_ok=True)
    (folder / META).unlink(missing_ok=True)
    counts, digest = PictureCounts(pixels, channels), hashlib.sha256()
    lines = []
    with atomic_path(folder / PICTURES) as path, open(path, "wb") as file:
        for pictured in pictures:
            content = pictured.picture.tobytes()
            file.write(content)
            digest.update(content)
            lines += [f"{counts.pictures}\t{caption}\n" for caption in pictured.captions]
            counts.pictures += 1
        if not counts.pictures:
            raise DataError(f"{folder}: there are no pictures; give a source with at least one")
    text = "".join(lines).encode()
    digest.update(text)
    counts.captions, counts.text_bytes, counts.sha256 = len(lines), len(text), digest.hexdigest()
    atomic_write(folder / CAPTIONS, text)
    atomic_write(folder / META, tomli_w.dumps(asdict(counts)))
    return open_picture_corpus(folder)


def open_picture_corpus(folder: str | os.PathLike) -> PictureCorpus:
    """The pictures in ``folder``.  DataError: there are none, or its files do not belong together."""
    folder = Path(folder)
    counts = read_counts(folder / META, PictureCounts, "pictures", lambda counts: {
        PICTURES: counts.pictures * counts.pixels * counts.pixels * counts.channels, CAPTIONS: counts.text_bytes})
    said: list[list[str]] = [[] for _ in range(counts.pictures)]
    for line in (folder / CAPTIONS).read_text("utf-8").split("\n")[:-1]:
        number, _, caption = line.partition("\t")
        said[int(number)].append(caption)
    shape = counts.pictures, counts.pixels, counts.pixels, counts.channels
    return PictureCorpus(**asdict(counts), images=np.memmap(folder / PICTURES, np.uint8, "r", shape=shape), said=said)


class CaptionBatches:
    """A sequence of (pictures (N, pixels, pixels, channels), inputs (N, T), targets (N, T)), targets padded with -1.

    A pass has every picture once, in a new order, with one of its captions, drawn anew; not ``shuffled``, every caption of every
    picture in order.  All of it follows from the seed and the number of the pass.  Captions of more than ``longest`` tokens are cut.
    """

    goes_on = False

    def __init__(self, corpus: PictureCorpus, tokenizer: Tokenizer, end: int, longest: int, batch_size: int, seed: int, number: int = 1,
                 shuffled: bool = True, ids: list[list[list[int]]] | None = None):
        if batch_size < 1:
            raise ConfigError(f"batch size {batch_size} does not fit; it is a number of pictures from 1")
        self.corpus, self.batch_size, self.seed, self.number, self.shuffled = corpus, batch_size, seed, number, shuffled
        self._given = tokenizer, end, longest
        self._ids = ids or [[[*tokenizer.encode(caption)[:longest], end] for caption in captions] for captions in corpus.said]
        self._images = np.asarray(corpus.images)             # a plain view: a memory map's own slices are slow
        self._rows = np.array([(k, c) for k, captions in enumerate(self._ids) for c in range(len(captions))])
        if shuffled:
            rng = np.random.default_rng([seed, 4, number])
            counts = np.array([len(captions) for captions in self._ids])
            self._rows = np.stack([np.arange(len(counts)), rng.integers(counts)], axis=1)
            rng.shuffle(self._rows)

    def __len__(self) -> int:
        return -(-len(self._rows) // self.batch_size)

    def epoch(self, number: int) -> "CaptionBatches":
        """The batches of pass ``number``, from 1."""
        if number == self.number or not self.shuffled:
            return self
        return CaptionBatches(self.corpus, *self._given, self.batch_size, self.seed, number, ids=self._ids)

    def rate(self, k: int) -> float:
        """What the learning rate is multiplied by at batch k."""
        return 1.0

    def __getitem__(self, k: int) -> Batch:
        k = operator.index(k)
        if not -len(self) <= k < len(self):
            raise IndexError(f"batch {k} of {len(self)}")
        start = k % len(self) * self.batch_size
        rows = self._rows[start:start + self.batch_size]
        targets = stacked([self._ids[picture][caption] for picture, caption in rows.tolist()], -1)
        return self._images[rows[:, 0]], shifted(targets, self._given[1]), targets
