"""Vectors in a safetensors file, which can be mapped into memory instead of read.

Tensors: ``vectors`` (V, D); ``words`` (uint8), all words as UTF-8, one after the other; ``word_ends`` (V), int64, where each
word ends in it; ``counts`` (V), int64, where they are known.  Others may travel with them (a training keeps what it needs
to go on).  ``notes``, as JSON, are the one entry of the metadata: a million words would make a header that every
reader has to parse, and of several entries the order is nobody's promise.

The file is written here and not by the library, which makes a second copy of every tensor in memory; it is the format
that the library reads.
"""
import json
import math
import os
from collections.abc import Mapping, Sequence
from itertools import pairwise
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from tsuzuri.errors import DataError
from tsuzuri.files import atomic_path
from tsuzuri.interop.table import Table, opened, refuse_twice

LONGEST_HEADER = 1 << 24                                     # bytes
CODES = {"F16": "<f2", "F32": "<f4", "F64": "<f8", "U8": "u1", "I8": "i1", "I16": "<i2", "I32": "<i4", "I64": "<i8",
         "U16": "<u2", "U32": "<u4", "U64": "<u8", "BOOL": "?"}
OTHERS = ("BF16", "F8_E4M3", "F8_E5M2", "F8_E8M0")           # of the format, but not of NumPy
NAMES = {np.dtype(code): name for name, code in CODES.items()}


class Stored(NamedTuple):
    """What a file holds: a table, all other tensors, and notes."""
    table: Table
    others: dict[str, np.ndarray]
    notes: dict[str, Any]


def save(path: Path, table: Table, others: Mapping[str, np.ndarray] | None = None, notes: dict[str, Any] | None = None) -> None:
    """Write a table, and ``others`` and ``notes`` beside it."""
    words, ends = join_words(table.words)
    tensors: dict[str, np.ndarray] = {"vectors": table.vectors, "words": words, "word_ends": ends}
    if table.counts is not None:
        tensors["counts"] = np.asarray(table.counts, np.int64)
    save_tensors(path, tensors | dict(others or {}), notes)


def load(path: Path) -> Stored:
    """What ``save`` wrote, mapped into memory where the machine can.  DataError: the file holds no words and vectors."""
    tensors, notes = load_tensors(path)
    missing = [name for name in ("vectors", "words", "word_ends") if name not in tensors]
    if missing:
        raise DataError(f"{path}: there is no tensor {' and no '.join(missing)} in it; word vectors have vectors, words and "
                        "word_ends")
    vectors, counts = tensors.pop("vectors"), tensors.pop("counts", None)
    words = split_words(path, tensors.pop("words"), tensors.pop("word_ends"))
    fits = vectors.ndim == 2 and len(vectors) == len(words) and (counts is None or counts.shape == (len(words),))
    if not fits or vectors.dtype.kind != "f":
        raise DataError(f"{path}: {len(words):,} words do not fit vectors of shape {vectors.shape} and type {vectors.dtype}; "
                        "get a whole copy")
    refuse_twice(words, str(path))
    return Stored(Table(words, vectors, None if counts is None else counts.tolist()), tensors, notes)


def join_words(words: Sequence[str]) -> tuple[np.ndarray, np.ndarray]:
    """All words as bytes, and where each ends."""
    pieces = [word.encode() for word in words]
    return np.frombuffer(b"".join(pieces), np.uint8), np.cumsum([len(piece) for piece in pieces], dtype=np.int64)


def split_words(path: Path, joined: np.ndarray, ends: np.ndarray) -> list[str]:
    """The inverse of ``join_words``."""
    data, stops = joined.tobytes(), [0, *ends.tolist()]
    if stops != sorted(stops) or stops[-1] != len(data):
        raise DataError(f"{path}: the ends of its words do not fit its words; get a whole copy")
    try:
        return [data[start:stop].decode() for start, stop in pairwise(stops)]
    except UnicodeDecodeError:
        raise DataError(f"{path}: a word is not UTF-8; get a whole copy") from None


def save_tensors(path: Path, tensors: Mapping[str, np.ndarray], notes: dict[str, Any] | None = None) -> None:
    """Write arrays, at once or not at all; the same arrays and notes give the same bytes."""
    order = sorted(tensors, key=lambda name: (-tensors[name].dtype.itemsize, name))          # so that each is aligned
    header: dict[str, Any] = {"__metadata__": {"notes": json.dumps(notes, ensure_ascii=False)}} if notes else {}
    end = 0
    for name in order:
        start, end = end, end + tensors[name].nbytes
        code = NAMES[tensors[name].dtype.newbyteorder("<")]
        header[name] = {"dtype": code, "shape": list(tensors[name].shape), "data_offsets": [start, end]}
    head = json.dumps(header, separators=(",", ":"), ensure_ascii=False).encode()
    head += b" " * (-len(head) % 8)
    with atomic_path(path) as temporary, open(temporary, "wb") as handle:
        handle.write(len(head).to_bytes(8, "little") + head)
        for name in order:
            a = np.ascontiguousarray(tensors[name], tensors[name].dtype.newbyteorder("<"))
            handle.write(a.reshape(-1).view(np.uint8).data)


def load_tensors(path: Path) -> tuple[dict[str, np.ndarray], dict[str, Any]]:
    """All arrays of a file, mapped into memory and not to be changed, and its notes.  DataError: it is damaged, or holds a
    tensor of a type that NumPy lacks."""
    header, start = read_header(path)
    notes = header.pop("__metadata__", {}).get("notes", "{}")
    for name, entry in header.items():
        if entry.get("dtype") in OTHERS:
            raise DataError(f"{path}: {name} is of type {entry['dtype']}, which is not read; save it as F32")
    size = os.path.getsize(path) - start
    data = np.memmap(path, np.uint8, "r", start, size) if size else np.empty(0, np.uint8)
    try:
        return {name: take(data, **entry) for name, entry in header.items()}, json.loads(notes)
    except (TypeError, ValueError, KeyError, AttributeError) as error:
        raise damaged(path, error) from None


def read_header(path: Path) -> tuple[dict[str, Any], int]:
    """The description of the tensors, and where their bytes start."""
    with opened(path) as handle:
        length = int.from_bytes(handle.read(8), "little")
        if not 2 <= length <= min(LONGEST_HEADER, os.path.getsize(path) - 8):
            raise damaged(path, "it does not start with a header")
        try:
            header = json.loads(handle.read(length))
        except (ValueError, RecursionError) as error:
            raise damaged(path, error) from None
    if not isinstance(header, dict) or not all(isinstance(entry, dict) for entry in header.values()):
        raise damaged(path, "its header is no table of tensors")
    return header, 8 + length


def take(data: np.ndarray, dtype: str, shape: list[int], data_offsets: list[int]) -> np.ndarray:
    """One tensor out of the bytes of all: a view where its place allows, else a copy."""
    start, end = data_offsets
    kind = np.dtype(CODES[dtype])
    if not 0 <= start <= end <= len(data) or min(shape, default=0) < 0 or math.prod(shape) * kind.itemsize != end - start:
        raise ValueError("a tensor's place does not fit its shape or the file")
    part = data[start:end]
    if end > start and part.ctypes.data % kind.itemsize:
        part = part.copy()
    return part.view(kind).reshape(shape)


def damaged(path: Path, reason: object) -> DataError:
    return DataError(f"{path}: this is no whole safetensors file ({reason}); take a copy that was saved whole")
