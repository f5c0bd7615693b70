"""A run folder: everything a trained language model needs, and everything its training needs to go on.

    config.toml           every setting; training with it again gives the same bytes
    tokenizer/            how text becomes tokens
    corpus/train, valid   the tokens
    last/checkpoint.safetensors    where the training stands
    best/model.safetensors         the parameters with the lowest validation loss so far
    model.safetensors     the finished model: the best one
    metrics.jsonl         one line a logged step and a validation, append-only
    clock.jsonl           seconds of training at each epoch's end and checkpoint, append-only
    curves.png            the learning curves
    graph.svg             the computation of one training step
"""
import json
import os
import shutil
from collections.abc import Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any, Generic, TypeVar

import msgspec
import numpy as np

from tsuzuri import settings as settings_
from tsuzuri.array import default_threads
from tsuzuri.errors import ConfigError, DataError, RunError
from tsuzuri.files import atomic_write, sync
from tsuzuri.models.language_model import ARCHITECTURES, LanguageModel, config_type, make_language_model
from tsuzuri.optim import USUAL_DECAY, USUAL_RATE
from tsuzuri.text import Corpus, load_tokenizer, open_corpus
from tsuzuri.text.aozora import AOZORA
from tsuzuri.text.reading import ENCODING_ERRORS
from tsuzuri.text.tokenizers import UNITS
from tsuzuri.text.tokenizers.japanese import SPLIT_MODES
from tsuzuri.text.tokenizers.options import CHOICES
from tsuzuri.train.checkpoint import load_arrays, save_arrays
from tsuzuri.train.config import CountingConfig, TrainingConfig


class DataConfig(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Which text is read, and how it is cut into tokens."""

    data: str = ""
    """file, folder, glob, - or a data set's name"""
    valid: str = ""
    """what validates: DATA, "none", or empty for the data set's own split or the last 5 % of the lines"""
    unit: str = "word"
    """char, word, bpe or sudachi (Japanese words)"""
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
    aozora: str = "keep"
    """keep, or clean: leave out ruby, notes, header and footer of Aozora files"""
    encoding_errors: str = "strict"
    """what is done about bytes that are not UTF-8: strict (stop), replace or ignore"""

    def __post_init__(self):
        for name, choices in (("unit", UNITS), ("encoding_errors", ENCODING_ERRORS), ("split_mode", SPLIT_MODES),
                              ("aozora", AOZORA), *CHOICES.items()):
            settings_.check_choice(name, getattr(self, name), choices)
        for name, least in (("vocabulary", 0), ("min_count", 1)):
            if getattr(self, name) < least:
                raise ConfigError(f"{name} is {getattr(self, name)}; it must be at least {least}.")
        if self.split_mode != "A" and self.unit != "sudachi":
            raise ConfigError(f"split_mode does not fit unit {self.unit}; leave it out, or take unit sudachi.")
        if self.unit == "bpe" and (self.min_count, self.lowercase, self.digits, self.punctuation) != (1, False, "keep", "keep"):
            raise ConfigError("min_count, lowercase, digits and punctuation do not fit unit bpe, which keeps every byte; "
                              "leave them out, or take unit word or char.")


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


USUAL_WITH = {"nt-asgd": {"schedule": "constant", "patience": 0}}
"""What an optimiser is used with where nothing else is said: averaging begins when others would have stopped."""
USUAL = {"transformer": {"optimizer": "adamw", "windows": "random", "batch_size": 12, "bptt": 256, "clip": 1.0}}
"""What an architecture is trained with where nothing else is said."""


def settings_type(arch: str) -> Any:
    """The settings record of an architecture."""
    return Settings[config_type(arch), CountingConfig if arch == "ngram" else TrainingConfig]    # type: ignore[misc]


def all_settings() -> dict[str, list[str]]:
    """Every setting there is -> the architectures that have it."""
    found: dict[str, list[str]] = {}
    for arch in ARCHITECTURES:
        for name in settings_.fields(settings_type(arch)):
            found.setdefault(name, []).append(arch)
    return found


def choose(layers: Sequence[tuple[str, Mapping[str, Any]]]) -> tuple[Settings, dict[str, str]]:
    """(the settings, {setting: where its value came from}) of layers (origin, {setting: value}), a later one winning.

    What no layer says is the default, which for some settings depends on others or on the machine.
    """
    arch = _last("arch", layers, "lstm")
    kind = settings_type(arch)
    refuse_foreign(kind, arch, layers)
    usual = USUAL.get(arch, {})
    if arch == "transformer" and (context := _last("context", layers, "")).isdigit():
        usual = usual | {"bptt": int(context)}
    optimizer = _last("optimizer", layers, usual.get("optimizer", "adam"))
    rates = USUAL_WITH.get(optimizer, {}) | {"lr": USUAL_RATE.get(optimizer, 0.001), "weight_decay": USUAL_DECAY.get(optimizer, 0.0)}
    return settings_.resolve(kind, [("default", {"threads": default_threads()}), (f"usual for {arch}", usual),
                                    *([] if arch == "ngram" else [(f"usual for {optimizer}", rates)]), *layers])


def _last(name, layers, default):
    return next((str(layer[name]) for _, layer in reversed(layers) if name in layer), default)


def refuse_foreign(kind: Any, arch: str, layers: Sequence[tuple[str, Mapping[str, Any]]]) -> None:
    """ConfigError where a layer has a setting that only other architectures have."""
    own = settings_.fields(kind)
    for where, layer in layers:
        for name in layer:
            if name not in own and name in (every := all_settings()):
                raise ConfigError(f"{where}: {name} does not fit arch {arch}; leave it out, or take arch {' or '.join(every[name])}.")


class Run:
    """An opened run folder.  RunError: it is none, or a part of it is damaged."""

    def __init__(self, folder: str | os.PathLike):
        self.folder = Path(folder)
        if not (self.folder / "config.toml").exists():
            raise RunError(f"{folder} is no run folder (it has no config.toml); name one that `tsuzuri lm train` wrote.")
        self.settings = read_settings(self.folder / "config.toml")
        try:
            self.tokenizer = load_tokenizer(self.folder / "tokenizer")
        except DataError as error:
            raise RunError(f"{folder}: {error}") from None

    checkpoint = property(lambda self: self.folder / "last" / "checkpoint.safetensors")
    best = property(lambda self: self.folder / "best" / "model.safetensors")
    final = property(lambda self: self.folder / "model.safetensors")
    metrics = property(lambda self: self.folder / "metrics.jsonl")
    clock = property(lambda self: self.folder / "clock.jsonl")

    def corpus(self) -> Corpus:
        """The tokens that are learnt from.  RunError: the weights came from elsewhere, without a text."""
        if not (self.folder / "corpus" / "train").exists():
            raise RunError(f"{self.folder} holds no text (its weights were imported), and this needs one; name a run that was trained here.")
        return open_corpus(self.folder / "corpus" / "train")

    def held_out(self) -> Corpus | None:
        """The tokens that validate; None where nothing was held out."""
        folder = self.folder / "corpus" / "valid"
        return open_corpus(folder) if folder.exists() else None

    def new_model(self) -> LanguageModel:
        """The model with the parameters that it starts its training with."""
        rng = np.random.default_rng([self.settings.training.seed, 0])
        return make_language_model(self.settings.model, len(self.tokenizer), rng)

    def load_model(self) -> LanguageModel:
        """The trained model: the finished one, or the best so far where the training is not over."""
        path = self.final if self.final.exists() else self.best
        if not path.exists():
            raise RunError(f"{self.folder} has no finished epoch yet; go on with `tsuzuri lm train --resume --out {self.folder}`.")
        model = self.new_model()
        try:
            model.load(load_arrays(path)[0])
        except RunError as error:
            raise RunError(str(error) if str(path) in str(error) else f"{path}: {error}") from None
        return model

    def save_model(self, path: Path, model: LanguageModel, **notes: float) -> None:
        """Write the parameters, with numbers about them beside."""
        save_arrays(path, model.arrays(), notes)

    def log(self, record: dict) -> None:
        """Append one line to ``metrics.jsonl``."""
        _append(self.metrics, record)

    def logged(self) -> list[dict]:
        """The lines of ``metrics.jsonl``."""
        return _lines(self.metrics)

    def clocked(self, step: int, seconds: float) -> None:
        """Note that the training has taken ``seconds`` up to ``step``.  Beside the metrics, which a run that is killed and
        resumed writes to the same bytes."""
        _append(self.clock, {"step": step, "seconds": round(seconds, 2)})

    def seconds(self, step: int | None = None) -> float:
        """What the training took, up to ``step`` where one is given; the work of a killed process after its last checkpoint
        is not counted."""
        return max((line["seconds"] for line in _lines(self.clock) if step is None or line["step"] <= step), default=0.0)


def read_settings(path: Path) -> Settings:
    """The settings of a run, as ``config.toml`` holds them."""
    arch = settings_.from_file(path, Settings).get("arch", "lstm")
    return settings_.read(path, settings_type(str(arch)))


def mend(path: Path) -> None:
    """Cut off a line that was being written when its process ended, or the next would be glued to it."""
    if path.exists():
        os.truncate(path, path.read_bytes().rfind(b"\n") + 1)


def _append(path, record):
    with open(path, "a", encoding="utf-8") as file:
        file.write(json.dumps(record) + "\n")


def _lines(path):
    if not path.exists():
        return []
    whole, _, _ = path.read_text(encoding="utf-8").rpartition("\n")             # a line that was being written when all ended is none
    try:
        return [json.loads(line) for line in whole.splitlines()]
    except json.JSONDecodeError as error:
        raise RunError(f"{path} is damaged ({error}); take a copy that was saved whole.") from None


def create_run(folder: str | os.PathLike, settings: Settings, prepare) -> Run:
    """A new run folder, filled by ``prepare(temporary folder)`` and then moved into place at once.

    RunError: something is there already.
    """
    folder = Path(folder)
    if folder.exists() and (not folder.is_dir() or any(folder.iterdir())):
        raise RunError(f"{folder} exists; go on with --resume, or choose another --out.")
    made = [parent for parent in folder.parents if not parent.exists()]
    folder.parent.mkdir(parents=True, exist_ok=True)
    temporary = folder.with_name(f".{folder.name}.{os.getpid()}.tmp")
    shutil.rmtree(temporary, ignore_errors=True)            # of a process of the same number that was killed
    try:
        temporary.mkdir()
        prepare(temporary)
        atomic_write(temporary / "config.toml", settings_.to_toml(settings))
        if folder.exists():
            folder.rmdir()
        temporary.rename(folder)
        sync(folder.parent)
    finally:
        shutil.rmtree(temporary, ignore_errors=True)
        for parent in made:                                 # nothing is left of a preparation that failed
            with suppress(OSError):
                parent.rmdir()
    return Run(folder)
