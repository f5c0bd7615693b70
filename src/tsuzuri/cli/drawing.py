"""What the commands that draw a picture share."""
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from tsuzuri.cli.output import note


@contextmanager
def drawn(path: Path) -> Iterator[None]:
    """Around the drawing of a picture: its warnings (letters that no font has) and its name become notes on stderr."""
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("default", UserWarning)
        yield
    for text in dict.fromkeys(str(warning.message) for warning in caught if warning.category is UserWarning):
        note(f"warning: {text}")
    note(f"drawn: {path}")
