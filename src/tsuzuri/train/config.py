"""How a text is cut and a model trained: frozen records, whose fields are the settings of the training commands."""
from typing import Any, ClassVar

import msgspec

from tsuzuri.errors import ConfigError, check_choice, check_least
from tsuzuri.optim import OPTIMIZERS
from tsuzuri.schedules import SCHEDULES
from tsuzuri.text.batches import SHORTEST, WINDOWS
from tsuzuri.text.tokenizers.japanese import SPLIT_MODES
from tsuzuri.text.tokenizers.options import CHOICES


class CountingConfig(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """How a model is counted that has no gradient."""

    seed: ClassVar[int] = 0
    threads: int = 1
    """cores to use"""


class TokenizerConfig(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """How a text becomes tokens, whatever the unit."""

    vocabulary: int = 0
    """largest vocabulary; 0: no limit (bpe: 8000)"""
    min_count: int = 1
    """leave out tokens that are rarer"""
    lowercase: bool = False
    """fold upper case to lower case"""
    digits: str = "keep"
    """keep, or zero: every digit becomes 0"""
    punctuation: str = "keep"
    """keep, split (a mark is a token of its own) or drop"""
    nfkc: bool = False
    """write the text in Unicode's normal form NFKC"""
    split_mode: str = "A"
    """length of Sudachi's words: A (short), B or C (long)"""

    def check_tokenizer(self, *units: str) -> None:
        """ConfigError: a value that there is not, or one that fits none of the units."""
        for name, choices in (("split_mode", SPLIT_MODES), *CHOICES.items()):
            check_choice(name, getattr(self, name), choices)
        for name, least in (("vocabulary", 0), ("min_count", 1)):
            check_least(name, getattr(self, name), least)
        if self.split_mode != "A" and "sudachi" not in units:
            raise ConfigError(f"split_mode does not fit unit {units[0]}; leave it out, or take Japanese words as units.")
        if {*units} == {"bpe"} and (self.min_count, self.lowercase, self.digits, self.punctuation) != (1, False, "keep", "keep"):
            raise ConfigError("min_count, lowercase, digits and punctuation do not fit unit bpe, which keeps every byte; "
                              "leave them out, or take unit word or char.")

    def options(self, unit: str) -> dict[str, Any]:
        """The options of a unit's tokenizer."""
        if unit == "bpe":
            return {"size": self.vocabulary or 8000, "nfkc": self.nfkc}
        of_words = {"split_mode": self.split_mode} if unit == "sudachi" else {}
        return of_words | {"nfkc": self.nfkc, "max_size": self.vocabulary or None, "min_count": self.min_count, "lowercase": self.lowercase,
                           "digits": self.digits, "punctuation": self.punctuation}


class LoopConfig(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """How long, how fast and with what any model is trained."""

    batch_size: int = 20
    """rows that are read side by side"""
    accumulate: int = 1
    """batches whose gradients are added up before a step"""
    optimizer: str = "adam"
    """sgd, nt-asgd, momentum, nesterov, adagrad, rmsprop, adam or adamw"""
    lr: float = 0.001
    """learning rate"""
    weight_decay: float = 0.0
    """share of a weight, times the learning rate, that is taken off in each step"""
    schedule: str = "cosine"
    """constant, step, cosine (with warm-up), inverse-sqrt (with warm-up), hold (constant, then down to zero over the last 30 %) or plateau (divide by 4 when validation stops improving)"""
    clip: float = 5.0
    """longest gradient (global norm); 0: any"""
    epochs: int = 10
    """passes over the text"""
    patience: int = 5
    """stop after so many validations without a new best; 0: never"""
    seed: int = 1
    """number from which all randomness follows"""
    threads: int = 1
    """cores to use"""
    save_every: float = 60.0
    """seconds between checkpoints within an epoch"""

    def __post_init__(self):
        check_choice("optimizer", self.optimizer, OPTIMIZERS)
        check_choice("schedule", self.schedule, SCHEDULES)
        for name in ("batch_size", "accumulate", "epochs", "threads"):
            check_least(name, getattr(self, name), 1)
        for name in ("weight_decay", "clip", "patience", "save_every", "seed"):
            if not getattr(self, name) >= 0:                 # so, because nan is not less either
                raise ConfigError(f"{name} is {getattr(self, name)}; it must not be negative.")
        if not 0 < self.lr < float("inf"):
            raise ConfigError(f"lr is {self.lr}; it must be above 0.")


class TrainingConfig(LoopConfig, frozen=True, forbid_unknown_fields=True):
    """How a language model is trained: each of the rows reads its own part of the text."""

    bptt: int = 35
    """steps through which a gradient flows back"""
    windows: str = "even"
    """how the text is cut: even, varied (lengths are drawn about bptt) or random (from anywhere, no state carried)"""

    def __post_init__(self):
        super().__post_init__()
        check_choice("windows", self.windows, WINDOWS)
        check_least("bptt", self.bptt, 1)
        if self.windows == "varied" and self.bptt < SHORTEST:
            raise ConfigError(f"bptt is {self.bptt}, but windows varied have at least {SHORTEST} tokens; make it larger, or take windows even.")


class AveragingConfig(LoopConfig, frozen=True, forbid_unknown_fields=True):
    """A training whose finished model may be the mean of its last epochs.  Source: Vaswani et al. 2017 (5.4: of the last checkpoints)."""

    average: int = 0
    """last epochs whose weights are averaged for the finished model; 0: the weights of the best epoch"""

    def __post_init__(self):
        super().__post_init__()
        if not 0 <= self.average <= self.epochs:
            raise ConfigError(f"average is {self.average}; it must be 0 to the {self.epochs} epochs of the training.")


class PairTrainingConfig(AveragingConfig, frozen=True, forbid_unknown_fields=True):
    """How a model of pairs is trained: a row is a pair, and the pairs of a batch are of like length."""

    batch_size: int = 128
    """pairs in a batch"""
