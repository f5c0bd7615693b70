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
from tsuzuri.cli.arguments import TrainingFlags
from tsuzuri.cli.training import NO_SETTINGS

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


def settings_of(train) -> set[str]:
    """The settings that a command ``train`` has a flag for."""
    return (set(inspect.signature(train).parameters) | set(TrainingFlags.__dataclass_fields__)) - set(NO_SETTINGS)


def help_of(train) -> str:
    """What is said of every argument of a command ``train``, its name a line and the text indented below."""
    shared = re.findall(r'^    (\w+): .*\n    """(.*)"""', inspect.getsource(TrainingFlags), re.M)
    return "\n".join([inspect.getdoc(train), *(f"{name}\n    {text}" for name, text in shared)])
