"""What every run folder has, whatever is trained in it.

    config.toml           every setting; training with it again gives the same bytes
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
from abc import ABC, abstractmethod
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any, ClassVar, Self

from tsuzuri import settings as settings_
from tsuzuri.errors import DataError, RunError
from tsuzuri.files import atomic_write, remove_abandoned, sync
from tsuzuri.nn import Module
from tsuzuri.text import load_tokenizer
from tsuzuri.text.tokenizers import Tokenizer
from tsuzuri.train.checkpoint import load_arrays, save_arrays
from tsuzuri.train.task import Task


class RunFolder(ABC):
    """An opened run folder.  RunError: it is none, one of another task, or a part of it is damaged."""

    task: ClassVar[Task]

    def __init__(self, folder: str | os.PathLike):
        self.folder = Path(folder)
        path = self.folder / "config.toml"
        if not path.exists():
            raise RunError(f"{folder} is no run folder (it has no config.toml); name one that `tsuzuri {self.task.command} train` wrote.")
        self.task.refuse_others(path)
        self.settings = self.task.read(path)

    checkpoint = property(lambda self: self.folder / "last" / "checkpoint.safetensors")
    best = property(lambda self: self.folder / "best" / "model.safetensors")
    final = property(lambda self: self.folder / "model.safetensors")
    metrics = property(lambda self: self.folder / "metrics.jsonl")
    clock = property(lambda self: self.folder / "clock.jsonl")

    @abstractmethod
    def new_model(self) -> Module:
        """The model with the parameters that it starts its training with."""

    @abstractmethod
    def batches(self) -> Any:
        """The batches of the training."""

    @property
    def measure(self) -> str:
        """What is drawn of a loss."""
        return self.task.measure

    def load_model(self) -> Any:
        """The trained model: the finished one, or the best so far where the training is not over."""
        path = self.final if self.final.exists() else self.best
        if not path.exists():
            raise RunError(f"{self.folder} has no finished epoch yet; go on with `tsuzuri {self.task.command} train --resume --out {self.folder}`.")
        model = self.new_model()
        try:
            model.load(load_arrays(path)[0])
        except RunError as error:
            raise RunError(str(error) if str(path) in str(error) else f"{path}: {error}") from None
        return model

    def save_model(self, path: Path, model: Module, **notes: float) -> None:
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

    def _tokenizer(self, name: str) -> Tokenizer:
        try:
            return load_tokenizer(self.folder / name)
        except DataError as error:
            raise RunError(f"{self.folder}: {error}") from None

    @classmethod
    def create(cls, folder: str | os.PathLike, settings: Any, prepare: Callable[[Path], None]) -> Self:
        """A new run folder, filled by ``prepare(temporary folder)`` and then moved into place at once.

        RunError: something is there already, or it is the working folder, which cannot be replaced under who works in it.
        """
        folder = Path(folder)
        if folder.exists() and (not folder.is_dir() or any(folder.iterdir())):
            raise RunError(f"{folder} exists; go on with --resume, or choose another --out.")
        if folder.exists() and folder.samefile("."):
            raise RunError(f"{folder} is the working folder; choose another --out, such as a folder in it.")
        made = [parent for parent in folder.parents if not parent.exists()]
        folder.parent.mkdir(parents=True, exist_ok=True)
        temporary = folder.with_name(f".{folder.name}.{os.getpid()}.tmp")
        shutil.rmtree(temporary, ignore_errors=True)        # of a process of the same number that was killed
        remove_abandoned(folder)
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
            for parent in made:                             # nothing is left of a preparation that failed
                with suppress(OSError):
                    parent.rmdir()
        return cls(folder)


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
