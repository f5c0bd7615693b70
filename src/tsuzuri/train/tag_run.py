"""The run folder of a classifier or tagger of sentences: its settings, and what stands in it.

    tokenizer/            how a sentence becomes tokens
    labels.txt            the labels, and how often each was learnt from
    corpus/train, valid   the sentences as tokens, with their labels

and what every run folder has (train.folder).
"""
import os
from typing import Any, Generic, TypeVar

import msgspec
import numpy as np

from tsuzuri.errors import ConfigError, DataError, RunError, check_choice, check_least
from tsuzuri.models.tagging import ARCHITECTURES, Labeller, config_type, make_labeller
from tsuzuri.text.reading import ENCODING_ERRORS
from tsuzuri.text.sentences import SentenceBatches, SentenceCorpus, open_sentence_corpus
from tsuzuri.text.vocabulary import Vocabulary
from tsuzuri.train.config import LoopConfig, TokenizerConfig
from tsuzuri.train.folder import RunFolder
from tsuzuri.train.task import Layers, Task

UNITS = ("char", "word", "ja")
TOKENIZERS = {"ja": "sudachi"}
"""Units whose tokenizer has another name."""
LABELS = "labels.txt"


class SentencesConfig(TokenizerConfig, frozen=True, forbid_unknown_fields=True):
    """Which sentences are learnt from, and how they are cut into tokens."""

    data: str = ""
    """a data set's name, or a file of labelled sentences"""
    valid: str = ""
    """what validates: DATA, "none", or empty for the data set's own split or every 20th sentence"""
    unit: str = "word"
    """char, word or ja (Japanese words); of a tagger: how a text to be labelled is cut, while those that are learnt from are cut already"""
    phrases: bool = False
    """of trees: learn from every phrase that has a label, not from whole sentences alone"""
    binary: bool = False
    """of trees: two labels, negative and positive; neutral ones are left out"""
    longest: int = 200
    """tokens of a sentence: those that have more are left out of the training, and refused afterwards"""
    encoding_errors: str = "strict"
    """what is done about bytes that are not UTF-8: strict (stop), replace or ignore"""

    def __post_init__(self):
        check_choice("unit", self.unit, UNITS)
        check_choice("encoding_errors", self.encoding_errors, ENCODING_ERRORS)
        self.check_tokenizer(self.tokenizer)
        check_least("longest", self.longest, 1)

    @property
    def tokenizer(self) -> str:
        """The unit as the tokenizers call it."""
        return TOKENIZERS.get(self.unit, self.unit)


class SentenceTrainingConfig(LoopConfig, frozen=True, forbid_unknown_fields=True):
    """How a classifier or tagger is trained: a row is a sentence, and the sentences of a batch are of like length."""

    batch_size: int = 32
    """sentences in a batch"""


Model = TypeVar("Model")


class TagSettings(msgspec.Struct, Generic[Model], frozen=True, forbid_unknown_fields=True):
    """All settings of the training of a classifier or tagger."""

    sentences: SentencesConfig
    model: Model
    training: SentenceTrainingConfig

    def __post_init__(self):
        if self.model.arch == "tagger" and self.sentences.punctuation != "keep":
            raise ConfigError(f"punctuation {self.sentences.punctuation} does not fit arch tagger, whose words are those of the data; leave it out.")


class Labelling(Task):
    """Sentences with one label each, or with a label for each word."""

    command, architectures, default = "tag", tuple(ARCHITECTURES), "classifier"
    measure, unit = "loss", "labels"

    def settings_type(self, arch):
        return TagSettings[config_type(arch)]                # type: ignore[misc]

    def usual(self, arch: str, layers: Layers) -> dict[str, Any]:
        return {"min_count": 2, "dropout": 0.5, "embedding_dropout": 0.1}

    def refuse_no_text(self, settings):
        if not settings.sentences.data:
            raise ConfigError("no sentences were given; name a data set (`tsuzuri data list`) or a file of labelled sentences.")


TASK = Labelling()


class TagRun(RunFolder):
    """An opened run folder of a classifier or tagger.  RunError: it is none, or a part of it is damaged."""

    task = TASK

    def __init__(self, folder: str | os.PathLike):
        super().__init__(folder)
        self.tokenizer = self._tokenizer("tokenizer")
        try:
            self.labels = Vocabulary.load(self.folder / LABELS)
        except DataError as error:
            raise RunError(str(error)) from None

    @property
    def tags(self) -> bool:
        """Whether every word has a label, or else the sentence."""
        return self.settings.model.arch == "tagger"

    def corpus(self) -> SentenceCorpus:
        """The sentences that are learnt from."""
        return open_sentence_corpus(self.folder / "corpus" / "train")

    def held_out(self) -> SentenceCorpus | None:
        """The sentences that validate; None where nothing was held out."""
        folder = self.folder / "corpus" / "valid"
        return open_sentence_corpus(folder) if folder.exists() else None

    def batches(self) -> SentenceBatches:
        """The batches of the training."""
        training = self.settings.training
        return SentenceBatches(self.corpus(), training.batch_size, training.seed)

    def new_model(self) -> Labeller:
        """The model with the parameters that it starts its training with."""
        rng = np.random.default_rng([self.settings.training.seed, 0])
        return make_labeller(self.settings.model, len(self.tokenizer), len(self.labels), rng)
