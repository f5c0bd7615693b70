"""The command line, called in this process (fast) or in one of its own (true)."""
import contextlib
import inspect
import io
import os
import re
import subprocess
import sys
from pathlib import Path
from typing import NamedTuple

import numpy as np
import pytest

from tsuzuri.cli import main
from tsuzuri.cli.arguments import TextFlags, TrainingFlags
from tsuzuri.cli.training import NO_SETTINGS
from tsuzuri.settings import fields

WORDS = ["the", "cat", "sat", "on", "a", "mat", "and", "low", "dogs", "ran", "far", "from", "home", "in", "Rain", "42"]
SMALL = ["--unit", "char", "--size", "8", "--batch-size", "4", "--bptt", "10", "--epochs", "1", "--lr", "0.01", "--threads", "1"]


class Done(NamedTuple):
    code: int
    out: str
    err: str


def small(*more: object) -> list[str]:
    """The flags of SMALL, with those of ``more`` (--flag value ...) in place of theirs."""
    chosen = dict(zip(SMALL[::2], SMALL[1::2], strict=True))
    return [word for flag, value in chosen.items() if flag not in more for word in (flag, value)] + [str(word) for word in more]


def made_up(lines: int, seed: int = 0) -> str:
    rng = np.random.default_rng(seed)
    return "".join(" ".join(rng.choice(WORDS, 6)) + ".\n" for _ in range(lines))


def process(*arguments: object, cwd: Path | None = None, given: bytes = b"", **variables: str) -> Done:
    """Run ``tsuzuri`` as a user does."""
    done = subprocess.run([sys.executable, "-c", "from tsuzuri.cli import main; main()", *map(str, arguments)], cwd=cwd,
                          input=given, capture_output=True, env=os.environ | variables, timeout=120)
    return Done(done.returncode, done.stdout.decode(), done.stderr.decode())


def call(*arguments: object) -> Done:
    """Run ``tsuzuri`` within this process."""
    out, err = io.StringIO(), io.StringIO()
    with contextlib.redirect_stdout(out), contextlib.redirect_stderr(err), pytest.raises(SystemExit) as left:
        main([str(a) for a in arguments])
    return Done(left.value.code or 0, out.getvalue(), err.getvalue())


class Group:
    """The commands of one group, called within this process, by default with the flags ``tiny``."""

    def __init__(self, name: str, tiny: dict[str, str]):
        self.name, self._tiny = name, tiny

    def ok(self, *arguments: object) -> Done:
        """What a command printed that succeeded."""
        done = call(self.name, *arguments)
        assert done.code == 0, done.err
        return done

    def refused(self, *arguments: object) -> str:
        """The one sentence with which a command refused its input."""
        done = call(self.name, *arguments)
        assert (done.code, done.out) == (2, "")
        assert len([line for line in done.err.splitlines() if line.startswith("tsuzuri: ")]) == 1
        assert "Traceback" not in done.err
        return done.err

    def tiny(self, *more: object, without: tuple[str, ...] = ()) -> list[str]:
        """The flags of a small training, with those of ``more`` in place of theirs."""
        return [word for flag, value in self._tiny.items() if flag not in (*more, *without) for word in (flag, value)] + [str(word) for word in more]

    def check_help(self, name: str, command) -> None:
        """The help of a command shows how it is used, two examples, and a text for every parameter."""
        shown = process(self.name, name, "--help", COLUMNS="400")
        assert shown.code == 0
        assert shown.out.count(f"tsuzuri {self.name} {name} ") >= 3
        text = inspect.getdoc(command)
        for parameter in inspect.signature(command).parameters:
            assert re.search(rf"^{parameter}\n    \S", text, re.M), parameter


def flag_of(name: str, value: object) -> list[str]:
    """The words on the command line that give a setting a value."""
    flag = f"--{name.replace('_', '-')}"
    return [flag] if value is True else [f"--no-{flag[2:]}"] if value is False else [flag, str(value)]


def values(run) -> dict[str, object]:
    """Every setting of a run."""
    return {name: getattr(getattr(run.settings, section), name)
            for name, (section, _) in fields(run.task.settings_type(run.settings.model.arch)).items()}


def settings_of(train) -> set[str]:
    """The settings that a command ``train`` has a flag for."""
    own = inspect.signature(train).parameters
    shared = [name for kind in shared_by(train) for name in kind.__dataclass_fields__]
    return {*own, *shared} - {*NO_SETTINGS}


def shared_by(train) -> list[type]:
    """The classes of the flags that a command ``train`` shares with others."""
    return [kind for name, kind in (("text", TextFlags), ("flags", TrainingFlags)) if name in inspect.signature(train).parameters]


def help_of(train) -> str:
    """What is said of every argument of a command ``train``, its name a line and the text indented below."""
    shared = [found for kind in shared_by(train)
              for found in re.findall(r'^    (\w+): .*\n    """((?:.|\n)*?)"""', inspect.getsource(kind), re.M)]
    return "\n".join([inspect.getdoc(train), *(f"{name}\n    {text}" for name, text in shared)])
