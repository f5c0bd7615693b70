"""Opening data that was packed into files of numbers: a TOML file says how many there are, and so how large the files must be."""
import tomllib
from collections.abc import Callable, Mapping
from dataclasses import fields
from pathlib import Path
from typing import TypeVar

import msgspec

from tsuzuri.errors import DataError

Counts = TypeVar("Counts")


def read_counts(meta: Path, kind: type[Counts], what: str, sizes: Callable[[Counts], Mapping[str, int]]) -> Counts:
    """The counts, a dataclass of ``kind``, in the TOML file ``meta`` of packed ``what``; ``sizes`` of them: the bytes of the files beside it.

    DataError: a file is missing or of another size, or the TOML file does not hold such counts.
    """
    try:
        table = tomllib.loads(meta.read_text("utf-8"))
        counts = msgspec.convert({field.name: table[field.name] for field in fields(kind) if field.name in table}, kind)       # type: ignore[arg-type]
        wanted = sizes(counts)
        found = {name: (meta.parent / name).stat().st_size for name in wanted}
    except FileNotFoundError as error:
        raise DataError(f"{meta.parent}: no {what} here ({Path(error.filename).name} is missing); prepare them again") from None
    except (tomllib.TOMLDecodeError, UnicodeDecodeError, msgspec.ValidationError) as error:
        raise DataError(f"{meta}: not the description of {what} ({error}); prepare them again") from None
    for name, size in found.items():
        if size != wanted[name]:
            raise DataError(f"{meta.parent / name}: {size:,} bytes, but {meta.name} says {wanted[name]:,}; prepare the {what} again")
    return counts
