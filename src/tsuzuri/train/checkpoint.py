"""A checkpoint: one safetensors file that holds everything a training needs to go on, bit for bit.

One file, because a rename replaces one file at once: a kill at any moment leaves the old checkpoint or the new one.
Its arrays are the parameters (``model.``), the optimiser's slots (``optimizer.``) and the carried state (``state.``);
its notes hold the rest of ``Progress``.
"""
import json
import os
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np

from tsuzuri.array import restore_rng, rng_state, to_host
from tsuzuri.errors import RunError
from tsuzuri.files import atomic_path
from tsuzuri.models.language_model import LanguageModel
from tsuzuri.nn import States
from tsuzuri.optim import Optimizer
from tsuzuri.tensor import Tensor
from tsuzuri.train.loop import Progress


def save_arrays(path: str | os.PathLike, arrays: dict[str, np.ndarray], notes: dict[str, Any] | None = None) -> None:
    """Write arrays to a safetensors file, at once or not at all; the same arrays and notes give the same bytes.

    ``notes`` are one entry of its metadata, as JSON: of several the library changes the order from call to call.
    """
    from safetensors.numpy import save_file
    host = {name: np.ascontiguousarray(to_host(a)) for name, a in arrays.items()}    # it writes wrong bytes for others
    with atomic_path(path) as temporary:
        temporary.touch()
        mode = temporary.stat().st_mode
        save_file(host, temporary, metadata={"notes": json.dumps(notes)} if notes else None)
        temporary.chmod(mode)                                # it makes a file that only its owner may read


def load_arrays(path: str | os.PathLike) -> tuple[dict[str, np.ndarray], dict[str, Any]]:
    """The arrays and notes of a safetensors file.  RunError: it is missing or damaged."""
    from safetensors import SafetensorError, safe_open
    try:
        with safe_open(path, framework="numpy") as file:
            notes = json.loads((file.metadata() or {}).get("notes", "{}"))
            return {name: file.get_tensor(name) for name in file.keys()}, notes  # noqa: SIM118
    except FileNotFoundError:
        raise RunError(f"{path} is missing.") from None
    except (SafetensorError, OSError, json.JSONDecodeError) as error:
        raise RunError(f"{path} is damaged ({error}); take a copy that was saved whole.") from None


def save_checkpoint(path: Path, model: LanguageModel, optimizer: Optimizer, progress: Progress, **notes: int) -> None:
    """Write all that ``load_checkpoint`` needs; ``notes`` are numbers of the caller's own."""
    arrays = {f"model.{name}": a for name, a in model.arrays().items()}
    arrays |= {f"optimizer.{name}": a for name, a in optimizer.arrays().items()}
    arrays |= {f"state.{k}": part.data for k, part in enumerate(_parts(progress.carried))}
    record = asdict(Progress(**{**vars(progress), "rng": None, "carried": None}))
    record |= {"rng": rng_state(progress.rng), "optimizer": optimizer.notes(), "notes": notes}
    save_arrays(path, arrays, record)


def load_checkpoint(path: Path, model: LanguageModel, optimizer: Optimizer) -> tuple[Progress, dict[str, int]]:
    """Fill the model and the optimiser; returns the Progress and the notes.  RunError: the file is no checkpoint of this run."""
    arrays, record = load_arrays(path)
    try:
        return _restore(arrays, record, model, optimizer)
    except (KeyError, TypeError, ValueError, AttributeError, StopIteration) as error:
        raise RunError(f"{path} is no checkpoint of this run ({type(error).__name__}: {error}); without it the run cannot go on, so start "
                       "a new one.") from None


def _restore(arrays, record, model, optimizer):
    groups: dict[str, dict] = {"model": {}, "optimizer": {}, "state": {}}
    for name, a in arrays.items():
        group, _, rest = name.partition(".")
        groups[group][rest] = a
    model.load(groups["model"])
    optimizer.load(groups["optimizer"], record.pop("optimizer"))
    notes = record.pop("notes")
    rng = restore_rng(record.pop("rng"))
    parts = [groups["state"][str(k)] for k in range(len(groups["state"]))]
    carried = _rebuild(model.start(len(parts[0])), iter(parts)) if parts else None
    return Progress(**{**record, "rng": rng, "carried": carried}), notes


def _parts(state) -> list[Tensor]:
    """The tensors of a nested state, in order."""
    if state is None:
        return []
    return [state] if isinstance(state, Tensor) else [part for inner in state for part in _parts(inner)]


def _rebuild(template, parts):
    if isinstance(template, Tensor):
        return Tensor(next(parts))
    inner = [_rebuild(part, parts) for part in template]
    return States(inner) if isinstance(template, States) else type(template)(*inner)
