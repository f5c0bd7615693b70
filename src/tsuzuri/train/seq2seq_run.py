"""The run folder of a model from sequence to sequence: its settings, and what stands in it.

    source/, target/      how a text of either side becomes tokens
    corpus/train, valid   the pairs as tokens

and what every run folder has (train.folder).
"""
import os
from typing import Any, Generic, TypeVar

import msgspec
import numpy as np

from tsuzuri.errors import ConfigError, check_choice, check_least, check_share
from tsuzuri.models.seq2seq import ARCHITECTURES, Seq2SeqModel, config_type, make_seq2seq
from tsuzuri.text.bpe_dropout import DroppedPairBatches, MergeDropout
from tsuzuri.text.pairs import PairBatches, PairCorpus, line_end, open_pair_corpus
from tsuzuri.text.reading import ENCODING_ERRORS
from tsuzuri.text.tokenizers import BPETokenizer
from tsuzuri.train.config import PairTrainingConfig, TokenizerConfig
from tsuzuri.train.folder import RunFolder
from tsuzuri.train.task import Layers, Task

UNITS = ("char", "word", "bpe", "ja")


class PairConfig(TokenizerConfig, frozen=True, forbid_unknown_fields=True):
    """Which pairs are learnt from, and how they are cut into tokens."""

    data: str = ""
    """a data set's name, a file of pairs (a tab between the two), or the file of the sources"""
    target: str = ""
    """the file of the targets, where DATA is that of the sources"""
    direction: str = ""
    """which side is translated to which: en-ja, ja-en ... of a data set, 1-2 or 2-1 of files; empty: first to second"""
    valid: str = ""
    """what validates: DATA, "none", or empty for the data set's own split or every 20th pair"""
    valid_target: str = ""
    """the file of the targets that validate, where VALID is that of the sources"""
    unit: str = "word"
    """char, word, bpe or ja (Japanese words)"""
    target_unit: str = ""
    """the unit of the targets; empty: as ``unit``"""
    joint: bool = False
    """one vocabulary for both sides"""
    bpe_dropout: float = 0.0
    """probability of leaving out a merge of bpe, drawn anew whenever a sentence is read in training"""
    longest: int = 100
    """tokens of a side: pairs that have more are left out of the training, and longer sources refused afterwards"""
    encoding_errors: str = "strict"
    """what is done about bytes that are not UTF-8: strict (stop), replace or ignore"""

    def __post_init__(self):
        for name, choices in (("unit", UNITS), ("target_unit", ("", *UNITS)), ("encoding_errors", ENCODING_ERRORS)):
            check_choice(name, getattr(self, name), choices)
        self.check_tokenizer(*(TOKENIZERS.get(unit, unit) for unit in self.units()))
        if self.valid_target and self.valid in ("", "none"):
            raise ConfigError(f"valid_target is {self.valid_target}, the file of the targets of valid, which names none of sources; give both, or leave it out.")
        check_least("longest", self.longest, 1)
        check_share("bpe_dropout", self.bpe_dropout)
        if self.bpe_dropout and {*self.units()} != {"bpe"}:
            raise ConfigError(f"bpe_dropout does not fit unit {self.unit}; leave it out, or take unit bpe on both sides.")
        if self.joint and len({*self.units()}) > 1:
            raise ConfigError(f"joint asks for one vocabulary, but unit is {self.unit} and target_unit {self.target_unit}; make them equal, or leave joint out.")

    def options(self, unit: str) -> dict[str, Any]:
        """The options of a unit's tokenizer; marks are tokens of their own already where the other side's words are split from them."""
        options = super().options(unit)
        if options.get("punctuation") == "split" and unit != "word" and "word" in self.units():
            options["punctuation"] = "keep"
        return options

    def units(self) -> tuple[str, str]:
        """The units of the sources and of the targets."""
        return self.unit, self.target_unit or self.unit


TOKENIZERS = {"ja": "sudachi"}
"""Units whose tokenizer has another name."""
Model = TypeVar("Model")


class Seq2SeqSettings(msgspec.Struct, Generic[Model], frozen=True, forbid_unknown_fields=True):
    """All settings of a training from sequence to sequence."""

    pairs: PairConfig
    model: Model
    training: PairTrainingConfig

    def __post_init__(self):
        if getattr(self.model, "copy", False) and not self.pairs.joint:
            raise ConfigError("copy needs words of the source to be words of the target; take joint too.")


USUAL = {"transformer": {"optimizer": "adamw", "schedule": "inverse-sqrt", "clip": 1.0, "smoothing": 0.1}}
"""What an architecture is trained with where nothing else is said."""


class SequenceToSequence(Task):
    """Sequence to sequence: translate, answer, normalise, sort ..."""

    command, architectures, default = "seq2seq", tuple(ARCHITECTURES), "attention"

    def settings_type(self, arch):
        return Seq2SeqSettings[config_type(arch)]            # type: ignore[misc]

    def usual(self, arch: str, layers: Layers) -> dict[str, Any]:
        return {"schedule": "constant"} | USUAL.get(arch, {})

    def refuse_no_text(self, settings):
        if not settings.pairs.data:
            raise ConfigError("no pairs were given; name a data set (`tsuzuri data list`), a file with a tab in every line, or two files.")


TASK = SequenceToSequence()


class Seq2SeqRun(RunFolder):
    """An opened run folder of a model from sequence to sequence.  RunError: it is none, or a part of it is damaged."""

    task = TASK

    def __init__(self, folder: str | os.PathLike):
        super().__init__(folder)
        self.source, self.target = self._tokenizer("source"), self._tokenizer("target")

    def corpus(self) -> PairCorpus:
        """The pairs that are learnt from."""
        return open_pair_corpus(self.folder / "corpus" / "train")

    def held_out(self) -> PairCorpus | None:
        """The pairs that validate; None where nothing was held out."""
        folder = self.folder / "corpus" / "valid"
        return open_pair_corpus(folder) if folder.exists() else None

    def batches(self) -> PairBatches:
        """The batches of the training."""
        training, p = self.settings.training, self.settings.pairs.bpe_dropout
        given = self.corpus(), training.batch_size, line_end(self.target), training.seed
        if not p:
            return PairBatches(*given)
        assert isinstance(self.source, BPETokenizer)         # bpe_dropout fits no other unit
        assert isinstance(self.target, BPETokenizer)
        return DroppedPairBatches(*given, MergeDropout(self.source, p), MergeDropout(self.target, p))

    def new_model(self) -> Seq2SeqModel:
        """The model with the parameters that it starts its training with."""
        settings = self.settings
        rng = np.random.default_rng([settings.training.seed, 0])
        return make_seq2seq(settings.model, len(self.source), len(self.target), rng, joint=settings.pairs.joint, longest=settings.pairs.longest)

