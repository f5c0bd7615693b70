"""What the commands that draw a picture share."""
import warnings
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from tsuzuri.cli.output import note


def names_of(runs: Sequence[Path]) -> list[str]:
    """The folders' names, or the whole paths where two are the same."""
    names = [run.name for run in runs]
    return names if len(set(names)) == len(names) else [str(run) for run in runs]


@contextmanager
def drawn(path: Path) -> Iterator[None]:
    """Around the drawing of a picture: its warnings (letters that no font has) and its name become notes on stderr."""
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("default", UserWarning)
        yield
    for text in dict.fromkeys(str(warning.message) for warning in caught if warning.category is UserWarning):
        note(f"warning: {text}")
    note(f"drawn: {path}")
