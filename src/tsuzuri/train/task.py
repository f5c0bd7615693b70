"""A task: a kind of model that is trained in run folders, with its architectures and the settings of each."""
import tomllib
from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, ClassVar

from tsuzuri import settings as settings_
from tsuzuri.array import default_threads
from tsuzuri.errors import ConfigError, RunError
from tsuzuri.optim import USUAL_DECAY, USUAL_RATE

Layers = Sequence[tuple[str, Mapping[str, Any]]]
"""(origin, {setting: value}), a later one winning"""
COMMANDS = {"data": "lm", "pairs": "seq2seq", "memory": "memory", "trees": "tree", "pictures": "caption", "series": "series", "sentences": "tag"}
"""The section of settings that only one task has -> the group of commands that it belongs to."""


class Task(ABC):
    """``command`` is the group of its commands, ``architectures`` the names of its models, ``default`` one of them.

    ``measure`` is what is told of a loss (a name in plots.training.MEASURES), ``unit`` what its targets are.
    """

    command: ClassVar[str]
    architectures: ClassVar[Sequence[str]]
    default: ClassVar[str]
    measure: ClassVar[str] = "perplexity"
    unit: ClassVar[str] = "tokens"

    @abstractmethod
    def settings_type(self, arch: str) -> Any:
        """The settings record of an architecture.  ConfigError: there is no such."""

    @abstractmethod
    def usual(self, arch: str, layers: Layers) -> dict[str, Any]:
        """What an architecture is trained with where nothing else is said."""

    @abstractmethod
    def refuse_no_text(self, settings: Any) -> None:
        """ConfigError where the settings name nothing to learn from."""

    def all_settings(self) -> dict[str, list[str]]:
        """Every setting there is -> the architectures that have it."""
        found: dict[str, list[str]] = {}
        for arch in self.architectures:
            for name in settings_.fields(self.settings_type(arch)):
                found.setdefault(name, []).append(arch)
        return found

    def choose(self, layers: Layers) -> tuple[Any, dict[str, str]]:
        """(the settings, {setting: where its value came from}); what no layer says is the default, which for some settings
        depends on others or on the machine."""
        arch = last("arch", layers, self.default)
        kind = self.settings_type(arch)
        self.refuse_foreign(arch, layers)
        usual = self.usual(arch, layers)
        trained = {} if "optimizer" not in settings_.fields(kind) else _usual_with(last("optimizer", layers, usual.get("optimizer", "adam")))
        return settings_.resolve(kind, [("default", {"threads": default_threads()}), (f"usual for {arch}", usual), *trained.items(), *layers])

    def refuse_foreign(self, arch: str, layers: Layers) -> None:
        """ConfigError where a layer has a setting that only other architectures have."""
        own = settings_.fields(self.settings_type(arch))
        for where, layer in layers:
            for name in layer:
                if name not in own and name in (every := self.all_settings()):
                    raise ConfigError(f"{where}: {name} does not fit arch {arch}; leave it out, or take arch {' or '.join(every[name])}.")

    def read(self, path: Path) -> Any:
        """The settings of a run, as its ``config.toml`` holds them."""
        arch = settings_.from_file(path, self.settings_type(self.default)).get("arch", self.default)
        return settings_.read(path, self.settings_type(str(arch)))

    def refuse_others(self, path: Path) -> None:
        """RunError where the run whose ``config.toml`` is at ``path`` is one of another task."""
        try:
            sections = tomllib.loads(path.read_text(encoding="utf-8"))
        except (tomllib.TOMLDecodeError, UnicodeDecodeError):
            return                                           # reading the settings will tell
        other = next((COMMANDS[name] for name in sections if name in COMMANDS), self.command)
        if other != self.command:
            raise RunError(f"{path.parent} is a run of `tsuzuri {other}`; use it with the commands of that group, or name one that "
                           f"`tsuzuri {self.command} train` wrote.")


def command_of(path: Path) -> str:
    """The group of commands whose settings a TOML file has, by the sections in it; without sections those of language models."""
    try:
        sections = tomllib.loads(path.read_text(encoding="utf-8"))
    except (OSError, tomllib.TOMLDecodeError, UnicodeDecodeError):
        return "lm"                                          # reading the settings will tell
    return next((COMMANDS[name] for name in sections if name in COMMANDS), "lm")


def last(name: str, layers: Layers, default: str) -> str:
    """The value of a setting in the last of the layers that has it."""
    return next((str(layer[name]) for _, layer in reversed(layers) if name in layer), default)


USUAL_WITH = {"nt-asgd": {"schedule": "constant", "patience": 0}}
"""What an optimiser is used with where nothing else is said: averaging begins when others would have stopped."""


def _usual_with(optimizer):
    rates = {"lr": USUAL_RATE.get(optimizer, 0.001), "weight_decay": USUAL_DECAY.get(optimizer, 0.0)}
    return {f"usual for {optimizer}": USUAL_WITH.get(optimizer, {}) | rates}
