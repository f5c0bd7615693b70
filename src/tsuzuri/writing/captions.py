"""Describing pictures with a trained run."""
import os
from collections.abc import Iterable, Iterator, Sequence
from itertools import islice
from typing import NamedTuple

import numpy as np

from tsuzuri.datasets.pictures import read_picture
from tsuzuri.decode.captions import describe
from tsuzuri.decode.search import Hypothesis, Search
from tsuzuri.errors import ConfigError, DataError
from tsuzuri.train.caption_run import CaptionRun

CHUNK = 1024                                                 # pictures that are read before they are described


class Caption(NamedTuple):
    """What a picture shows: the text and its tokens, log p in nats (None: not asked for), where each token looked (T, h, w)."""

    text: str
    tokens: list[str]
    log_p: float | None
    score: float | None
    attention: np.ndarray | None


class Described(NamedTuple):
    """Where a model looked: weights (T, h, w) for each of the tokens, the last of which is the end; hard: whether it takes one place alone."""

    weights: np.ndarray
    tokens: list[str]
    hard: bool


class Captioner:
    """The model of a run.  RunError: the folder is no run."""

    def __init__(self, folder: str | os.PathLike | CaptionRun):
        self.run = folder if isinstance(folder, CaptionRun) else CaptionRun(folder)
        self.model = self.run.load_model()
        self.pixels, _, self.channels = self.run.corpus().shape

    def read(self, path: str | os.PathLike) -> np.ndarray:
        """An image as the model sees it.  DataError: it cannot be read."""
        return read_picture(path, self.pixels, self.channels)

    def captions(self, pictures: Iterable[np.ndarray], search: Search | None = None) -> Iterator[list[Caption]]:
        """The captions of every picture, bytes (pixels, pixels, channels), best first; without a ``search`` the greedy one."""
        given = iter(pictures)
        while some := list(islice(given, CHUNK)):
            for picture in some:
                self.check(picture)
            for texts in describe(self.model, np.stack(some), self.run.end, self.run.settings.pictures.longest, search):
                yield [self._read(text) for text in texts]

    def look(self, picture: np.ndarray, caption: str = "") -> Described:
        """Where the model looks while it writes ``caption``, or what it says itself, token by token and at the end.

        ConfigError: it has no attention.  DataError: a word that no caption had.
        """
        self.check(picture)
        tokenizer, end = self.run.tokenizer, self.run.end
        ids = tokenizer.encode(caption) if caption else describe(self.model, picture[None], end, self.run.settings.pictures.longest)[0][0].ids
        if caption and tokenizer.unk_id is not None and tokenizer.unk_id in ids:
            raise DataError(f'"{caption}" has a word that no caption of the training had; use words that {self.run.folder} was trained on.')
        weights = self.model.attention(picture[None], np.array([[end, *ids]]))
        if weights is None:
            raise ConfigError(f"{self.run.folder} is of arch {self.run.settings.model.arch}, which looks at the picture once and has no attention to draw; "
                              "name a run of arch attention.")
        return Described(weights[0], [*self._words(ids), "(end)"], self.run.settings.model.choice != "soft")

    def check(self, picture: np.ndarray) -> None:
        """DataError where a picture is not as those that the model was trained on."""
        wanted = self.pixels, self.pixels, self.channels
        if picture.shape != wanted or picture.dtype != np.uint8:
            raise DataError(f"a picture of the shape {picture.shape} and the type {picture.dtype} was given; {self.run.folder} describes bytes of {wanted}.")

    def _words(self, ids: Sequence[int]) -> list[str]:
        return [self.run.tokenizer.decode([k]) for k in ids]

    def _read(self, text: Hypothesis) -> Caption:
        grid = None if text.attention is None else text.attention.reshape(-1, self.model.grid, self.model.grid)
        return Caption(self.run.tokenizer.decode(text.ids).strip(), self._words(text.ids), text.log_p, text.score, grid)
