"""The run folder of a model that describes pictures: its settings, and what stands in it.

    tokenizer/            how a caption becomes tokens
    corpus/train, valid   pictures and captions

and what every run folder has (train.folder).
"""
import os
from typing import Any, Generic, TypeVar

import msgspec
import numpy as np

from tsuzuri.datasets.picture_corpus import CaptionBatches, PictureCorpus, open_picture_corpus
from tsuzuri.errors import ConfigError, check_choice, check_range
from tsuzuri.models.captions import ARCHITECTURES, CaptionModel, config_type, make_captions
from tsuzuri.text.pairs import line_end
from tsuzuri.train.config import LoopConfig, TokenizerConfig
from tsuzuri.train.folder import RunFolder
from tsuzuri.train.task import Layers, Task

UNITS = {"char": "char", "word": "word", "bpe": "bpe", "ja": "sudachi"}
"""unit -> the tokenizer's name"""


class PictureConfig(TokenizerConfig, frozen=True, forbid_unknown_fields=True):
    """Which pictures are described, how large they are, and how captions are cut into tokens."""

    data: str = ""
    """a set of scenes (shapes, digits), or a folder of images"""
    captions: str = ""
    """the file of the captions of a folder; empty: its captions.txt"""
    scenes: int = 20_000
    """scenes that are made to learn from"""
    pixels: int = 32
    """height and width of a picture as it is learnt from"""
    unit: str = "word"
    """char, word, bpe or ja (Japanese words)"""
    longest: int = 40
    """tokens of a caption; longer ones are cut"""

    def __post_init__(self):
        check_choice("unit", self.unit, UNITS)
        self.check_tokenizer(UNITS[self.unit])
        for name, least, most in (("scenes", 1, 10_000_000), ("pixels", 8, 512), ("longest", 1, 10_000)):
            check_range(name, getattr(self, name), least, most)


class CaptionTrainingConfig(LoopConfig, frozen=True, forbid_unknown_fields=True):
    """How a model of pictures is trained: a row is a picture with one of its captions, another in each pass."""

    batch_size: int = 64
    """pictures in a batch"""

    def __post_init__(self):
        super().__post_init__()
        if self.optimizer == "nt-asgd":
            raise ConfigError("optimizer nt-asgd averages weights, but not the running moments of batch norm that go with them; take sgd, momentum or adam.")


Model = TypeVar("Model")


class CaptionSettings(msgspec.Struct, Generic[Model], frozen=True, forbid_unknown_fields=True):
    """All settings of a training on pictures."""

    pictures: PictureConfig
    model: Model
    training: CaptionTrainingConfig


class Captioning(Task):
    """Images to sentences."""

    command, architectures, default = "caption", tuple(ARCHITECTURES), "attention"

    def settings_type(self, arch):
        return CaptionSettings[config_type(arch)]            # type: ignore[misc]

    def usual(self, arch: str, layers: Layers) -> dict[str, Any]:
        return {}

    def refuse_no_text(self, settings):
        if not settings.pictures.data:
            raise ConfigError("no pictures were given; name a set of scenes (shapes, digits) or a folder of images with their captions.")


TASK = Captioning()


class CaptionRun(RunFolder):
    """An opened run folder of a model that describes pictures.  RunError: it is none, or a part of it is damaged."""

    task = TASK

    def __init__(self, folder: str | os.PathLike):
        super().__init__(folder)
        self.tokenizer = self._tokenizer("tokenizer")
        self.end = line_end(self.tokenizer)

    def corpus(self, part: str = "train") -> PictureCorpus:
        """The pictures that are learnt from, or those that validate (valid)."""
        return open_picture_corpus(self.folder / "corpus" / part)

    def batches(self, part: str = "train") -> CaptionBatches:
        """The batches of the training, or those that validate."""
        training = self.settings.training
        return CaptionBatches(self.corpus(part), self.tokenizer, self.end, self.settings.pictures.longest, training.batch_size, training.seed,
                              shuffled=part == "train")

    def new_model(self) -> CaptionModel:
        """The model with the parameters that it starts its training with."""
        rng = np.random.default_rng([self.settings.training.seed, 0])
        return make_captions(self.settings.model, self.corpus().shape, len(self.tokenizer), rng)
