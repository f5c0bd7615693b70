"""A language model's run folder: everything the trained model needs, and everything its training needs to go on.

    tokenizer/            how text becomes tokens
    corpus/train, valid   the tokens

and what every run folder has (train.folder).
"""
import os
from typing import Any, Generic, TypeVar

import msgspec
import numpy as np

from tsuzuri.errors import ConfigError, RunError, check_choice
from tsuzuri.models.language_model import ARCHITECTURES, LanguageModel, config_type, make_language_model
from tsuzuri.text import BPTTBatches, Corpus, open_corpus
from tsuzuri.text.aozora import AOZORA
from tsuzuri.text.batches import WINDOWS
from tsuzuri.text.reading import ENCODING_ERRORS
from tsuzuri.text.tokenizers import UNITS
from tsuzuri.train.config import CountingConfig, TokenizerConfig, TrainingConfig
from tsuzuri.train.folder import RunFolder
from tsuzuri.train.task import Layers, Task, last


class DataConfig(TokenizerConfig, frozen=True, forbid_unknown_fields=True):
    """Which text is read, and how it is cut into tokens."""

    data: str = ""
    """file, folder, glob, - or a data set's name"""
    valid: str = ""
    """what validates: DATA, "none", or empty for the data set's own split or the last 5 % of the lines"""
    unit: str = "word"
    """char, word, bpe or sudachi (Japanese words)"""
    aozora: str = "keep"
    """keep, or clean: leave out ruby, notes, header and footer of Aozora files"""
    encoding_errors: str = "strict"
    """what is done about bytes that are not UTF-8: strict (stop), replace or ignore"""

    def __post_init__(self):
        for name, choices in (("unit", UNITS), ("aozora", AOZORA), ("encoding_errors", ENCODING_ERRORS)):
            check_choice(name, getattr(self, name), choices)
        self.check_tokenizer(self.unit)

    def reading(self) -> dict[str, Any]:
        """How files are read for this run, for ``read_text`` and ``open_source``."""
        return {"errors": self.encoding_errors, "clean": AOZORA[self.aozora]}


Model = TypeVar("Model")
Training = TypeVar("Training")


class Settings(msgspec.Struct, Generic[Model, Training], frozen=True, forbid_unknown_fields=True):
    """All settings of a language model's training."""

    data: DataConfig
    model: Model
    training: Training

    def __post_init__(self):
        context = getattr(self.model, "context", None)
        if context is not None and self.training.bptt > context:
            raise ConfigError(f"bptt is {self.training.bptt}, but a model of context {context} looks at no more; make bptt smaller or "
                              "context larger.")
        if context is not None and self.training.windows == "varied":
            raise ConfigError("windows varied does not fit arch transformer, whose windows may not be longer than its context; take random or even.")
        if self.model.arch != "ngram" and self.model.dtype == "float16" and self.training.optimizer not in ("sgd", "nt-asgd", "momentum", "nesterov"):
            raise ConfigError(f"optimizer {self.training.optimizer} divides by numbers too small for dtype float16; take sgd or momentum, or float32.")


USUAL = {"transformer": {"optimizer": "adamw", "windows": "random", "batch_size": 12, "bptt": 256, "clip": 1.0}}
"""What an architecture is trained with where nothing else is said."""


class LanguageModelling(Task):
    """Language models: how likely is the next token?"""

    command, architectures, default = "lm", tuple(ARCHITECTURES), "lstm"
    def settings_type(self, arch):
        return Settings[config_type(arch), CountingConfig if arch == "ngram" else TrainingConfig]    # type: ignore[misc]

    def usual(self, arch: str, layers: Layers) -> dict[str, Any]:
        context = last("context", layers, "")
        as_long = {"bptt": int(context)} if arch == "transformer" and context.isdigit() else {}
        return USUAL.get(arch, {}) | as_long

    def refuse_no_text(self, settings):
        if not settings.data.data:
            raise ConfigError("no text was given; name a file, a folder, a data set (`tsuzuri data list`) or - for standard input.")


TASK = LanguageModelling()
choose, all_settings, settings_type, read_settings = TASK.choose, TASK.all_settings, TASK.settings_type, TASK.read


class Run(RunFolder):
    """An opened run folder of a language model.  RunError: it is none, or a part of it is damaged."""

    task = TASK

    def __init__(self, folder: str | os.PathLike):
        super().__init__(folder)
        self.tokenizer = self._tokenizer("tokenizer")

    def corpus(self) -> Corpus:
        """The tokens that are learnt from.  RunError: the weights came from elsewhere, without a text."""
        if not (self.folder / "corpus" / "train").exists():
            raise RunError(f"{self.folder} holds no text (its weights were imported), and this needs one; name a run that was trained here.")
        return open_corpus(self.folder / "corpus" / "train")

    def held_out(self) -> Corpus | None:
        """The tokens that validate; None where nothing was held out."""
        folder = self.folder / "corpus" / "valid"
        return open_corpus(folder) if folder.exists() else None

    def batches(self) -> BPTTBatches:
        """The batches of the training."""
        return windows(self.corpus(), self.settings)

    @property
    def measure(self) -> str:
        """Bits are per character where a token is one."""
        return "bits" if self.settings.data.unit == "char" else "perplexity"

    def new_model(self) -> LanguageModel:
        """The model with the parameters that it starts its training with."""
        rng = np.random.default_rng([self.settings.training.seed, 0])
        return make_language_model(self.settings.model, len(self.tokenizer), rng)


def stream(corpus: Corpus) -> BPTTBatches:
    """The corpus as one row, in windows so long that what a window costs does not count."""
    return BPTTBatches(corpus.ids, 1, 1 << 16)


def windows(corpus: Corpus, settings: Settings) -> BPTTBatches:
    """The corpus as the batches of the training."""
    training = settings.training
    if isinstance(training, CountingConfig):
        return stream(corpus)
    return WINDOWS[training.windows](corpus.ids, training.batch_size, training.bptt, training.seed)
