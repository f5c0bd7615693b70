"""What a training of word vectors can be told, and which setting belongs to which method."""
from collections.abc import Iterable, Mapping
from typing import Any

import msgspec

from tsuzuri import settings as settings_
from tsuzuri.errors import ConfigError, check_choice, check_least
from tsuzuri.text.tokenizers.options import Options

COUNTED, PREDICTED = ("ppmi", "svd", "glove"), ("cbow", "skipgram")
METHODS = (*COUNTED, *PREDICTED)
USUAL: dict[str, dict[str, Any]] = {                                                    # of a setting that is 0: what is usual for the method
    "size": {"ppmi": 2000}, "epochs": {"glove": 25, "cbow": 5, "skipgram": 5},
    "alpha": {"cbow": 0.05, "skipgram": 0.025, "glove": 0.05},
}
BELONGS = {                                                  # settings that only some methods have
    "epochs": ("glove", *PREDICTED), "alpha": ("glove", *PREDICTED), "seed": ("svd", "glove", *PREDICTED),
    "deterministic": PREDICTED, "go_on_from": PREDICTED, "across_lines": COUNTED, "sides": COUNTED, "weighting": COUNTED, "smoothing": ("ppmi", "svd"),
    "shift": ("ppmi", "svd"), "exponent": ("svd",), "contexts": ("svd",), "x_max": ("glove",),
    **dict.fromkeys(("negative", "hs", "power", "sample", "min_alpha", "min_n", "max_n", "buckets"), PREDICTED),
}


def _from(record, least, *names):
    for name in names:
        check_least(name, getattr(record, name), least)


def _up_to(record, most, *names):
    for name in names:
        if getattr(record, name) > most:
            raise ConfigError(f"{name} is {getattr(record, name):,}; it must be at most {most:,}.")


class Words(msgspec.Struct, frozen=True):
    """The text, and what of it are words."""

    data: str = ""
    lowercase: bool = False
    digits: str = "keep"
    punctuation: str = "keep"
    encoding_errors: str = "strict"
    min_count: int = 5
    vocabulary: int = 0
    eos: bool = False
    phrases: int = 0

    def __post_init__(self):
        _from(self, 0, "vocabulary", "phrases")
        _from(self, 1, "min_count")

    def options(self) -> Options:
        """How the text becomes words."""
        return Options(lowercase=self.lowercase, digits=self.digits, punctuation=self.punctuation, unk=False, eos=self.eos,
                       min_count=self.min_count, max_size=self.vocabulary or None)


class Vectors(msgspec.Struct, frozen=True):
    """What all methods have, 0 where it depends on the method."""

    method: str = "skipgram"
    size: int = 0
    window: int = 5
    epochs: int = 0
    alpha: float = 0.0
    seed: int = 1
    threads: int = 0
    deterministic: bool = False
    go_on_from: str = ""

    def __post_init__(self):
        check_choice("method", self.method, METHODS)
        _from(self, 0, "size", "epochs", "alpha", "threads", "seed")
        _from(self, 1, "window")
        _up_to(self, 10_000, "window")

    def usual(self, name: str) -> Any:
        """The value of a setting, or what is usual for the method."""
        return getattr(self, name) or USUAL[name].get(self.method, 100)


class Counting(msgspec.Struct, frozen=True):
    """How words are counted and what is made of the counts; see ``cooccurrence``, ``association``, ``svd``, ``glove``."""

    across_lines: bool = False
    sides: str = "both"
    weighting: str = ""
    smoothing: float = 1.0
    shift: float = 1.0
    exponent: float = 0.25
    contexts: str = "none"
    x_max: float = 10.0


class Predicting(msgspec.Struct, frozen=True):
    """How words are predicted; see ``word2vec``."""

    negative: int = 5
    hs: bool = False
    power: float = 0.75
    sample: float = 1e-3
    min_alpha: float = 1e-4
    min_n: int = 3
    max_n: int = 0
    buckets: int = 2_000_000

    def __post_init__(self):
        _from(self, 0, "power", "sample", "min_alpha", "max_n")
        _from(self, 1, "negative", "min_n", "buckets")
        _up_to(self, 1000, "negative")
        if self.max_n and self.max_n < self.min_n:
            raise ConfigError(f"max_n is {self.max_n}, below min_n {self.min_n}; subwords have from min_n to max_n characters.")


class VectorSettings(msgspec.Struct, frozen=True):
    """All settings of a training."""

    words: Words = Words()
    vectors: Vectors = Vectors()
    counting: Counting = Counting()
    predicting: Predicting = Predicting()


def choose(layers: Iterable[tuple[str, Mapping[str, Any]]]) -> VectorSettings:
    """The settings of the layers, a later one first.  ConfigError: one that does not exist, fit, or belong to the method."""
    settings, origin = settings_.resolve(VectorSettings, layers)
    method = settings.vectors.method
    given = {name for name, where in origin.items() if where == "flag" or _differs(settings, name)}
    for name in ("size", "epochs", "alpha"):
        if origin[name] == "flag" and not getattr(settings.vectors, name):
            raise ConfigError(f"{name} is 0; it must be above 0 (leave it out for what is usual for the method).")
    for name, methods in BELONGS.items():
        if name in given and method not in methods:
            raise ConfigError(f"{origin[name]}: {name} has no effect on {method}; it belongs to {', '.join(methods)}.")
    if settings.predicting.hs and "negative" in given:
        raise ConfigError(f"{origin['negative']}: negative has no effect with hs, the hierarchical softmax; take one of them.")
    if not settings.predicting.max_n and given & {"min_n", "buckets"}:
        raise ConfigError("min_n and buckets have no effect without max_n, the longest subword; give --max-n 6 as fastText does.")
    return settings


def _differs(settings, name):
    section, _ = settings_.fields(VectorSettings)[name]
    return getattr(getattr(settings, section), name) != getattr(getattr(VectorSettings(), section), name)
