"""Reading published weights out of a pickle without executing anything.

A pickle is a program: it names functions and calls them.  Here it is read by an interpreter of its own that knows no
functions: lists, tuples, dicts, strings, numbers, and the two patterns in which NumPy writes arrays and scalars, which are
rebuilt from their bytes.  Every other instruction and every other name is refused.  The standard library's
``pickletools.genops`` cuts the file into instructions; it runs none of them.

No instruction makes more than the bytes it stands for: arrays are exactly as large as their bytes in the file, values
are shared, not copied, and keys of dicts are strings and small whole numbers (hashing nested tuples, or many large numbers
that were chosen to collide, can take for ever).
"""
import os
import pickletools
from collections.abc import Callable, Iterable
from enum import Enum
from math import prod
from pathlib import Path
from typing import Any

import numpy as np

from tsuzuri.errors import DataError
from tsuzuri.interop.table import opened

LARGEST_FILE = 1 << 31                                       # bytes
DEEPEST = 50                                                 # values within values
MOST_AXES = 8
MOST = 1 << 31                                               # numbers along an axis, and the largest whole number as a key
ELEMENTS = {"f2", "f4", "f8", "i1", "i2", "i4", "i8", "u1", "u2", "u4", "u8", "b1"}


class Refused(Exception):
    """What the file asks for is not allowed, or makes no sense."""


class Name(Enum):
    """What a pickle may name: the parts of NumPy's two patterns, as marks without any action."""
    RECONSTRUCT = "_reconstruct"
    SCALAR = "scalar"
    FROM_BUFFER = "_frombuffer"
    ARRAY = "ndarray"
    TYPE = "dtype"


NAMES = {
    **{f"numpy.{core}.multiarray {name.value}": name for core in ("core", "_core") for name in (Name.RECONSTRUCT, Name.SCALAR)},
    **{f"numpy.{core}.numeric {Name.FROM_BUFFER.value}": Name.FROM_BUFFER for core in ("core", "_core")},
    "numpy ndarray": Name.ARRAY, "numpy dtype": Name.TYPE,
}


class Type:
    """A NumPy dtype in the making; its byte order comes with BUILD."""

    def __init__(self, code: object, align: object = False, copy: object = True):
        if not isinstance(code, str) or code not in ELEMENTS:
            raise Refused("an array of something else than numbers")
        self.dtype = np.dtype(code)

    def build(self, state: object) -> None:
        order = state[1] if isinstance(state, tuple) and len(state) == 8 else None
        if order not in ("<", ">", "|", "=") or state[2:5] != (None, None, None):       # type: ignore[index]
            raise Refused("arrays with fields of their own")
        self.dtype = self.dtype.newbyteorder(order)


class Array:
    """A NumPy array in the making; its shape and bytes come with BUILD."""

    def __init__(self, kind: object, shape: object, code: object):
        if kind is not Name.ARRAY or shape != (0,) or code not in (b"b", "b"):
            raise Refused("an array of an unknown kind")
        self.values: np.ndarray | None = None

    def build(self, state: object) -> None:
        if not isinstance(state, tuple) or len(state) != 5 or self.values is not None:
            raise Refused("an array in an unknown form")
        _, shape, kind, by_columns, data = state
        self.values = make_array(data, kind, shape, "F" if by_columns else "C")


def make_array(data: object, kind: object, shape: object, order: object) -> np.ndarray:
    """An array over ``data``, which must hold exactly the bytes that its type and shape ask for."""
    if not isinstance(kind, Type) or not isinstance(data, bytes) or order not in ("C", "F"):
        raise Refused("an array in an unknown form")
    if not isinstance(shape, tuple) or len(shape) > MOST_AXES or not all(type(n) is int and 0 <= n < MOST for n in shape):
        raise Refused("an array of an unknown shape")
    if prod(shape) * kind.dtype.itemsize != len(data):
        raise Refused(f"an array of shape {shape} from {len(data):,} bytes")
    return np.frombuffer(data, kind.dtype).reshape(shape, order="F" if order == "F" else "C")


def make_scalar(kind: object, data: object) -> bool | int | float:
    return make_array(data, kind, (), "C").item()


def read_pickle(path: Path) -> Any:
    """The dicts, lists, tuples, strings, numbers and arrays of a pickle.  DataError: it asks for anything else."""
    with opened(path) as handle:
        if os.path.getsize(path) > LARGEST_FILE:
            raise DataError(f"{path}: the file has {os.path.getsize(path):,} bytes; a pickle is read up to {LARGEST_FILE:,}")
        data = handle.read(LARGEST_FILE)
    try:
        return Reader().read(pickletools.genops(data))
    except Refused as error:
        raise DataError(f"{path}: the pickle holds or does what is refused: {error}; only lists, dicts, text, numbers and NumPy "
                        "arrays are read, and nothing is executed") from None
    except (ValueError, IndexError, KeyError, TypeError, AttributeError, OverflowError, RecursionError):
        raise DataError(f"{path}: this is no whole pickle; get a whole copy") from None


class Reader:
    """A stack machine without functions."""

    def __init__(self) -> None:
        self.stack: list[Any] = []
        self.marks: list[int] = []
        self.memo: dict[int, Any] = {}

    def read(self, instructions: Iterable[tuple[pickletools.OpcodeInfo, Any, int | None]]) -> Any:
        for code, argument, _ in instructions:
            if code.name == "STOP":
                return finished(self.stack.pop(), {})
            if code.name in CONSTANTS:
                self.stack.append(LITERALS.get(code.name, argument))
            elif code.name in ACTIONS:
                ACTIONS[code.name](self, argument)
            elif code.name not in ("PROTO", "FRAME"):
                raise Refused(f"the instruction {code.name}")
        raise Refused("no end")

    def since_mark(self) -> list[Any]:
        start = self.marks.pop()
        items = self.stack[start:]
        del self.stack[start:]
        return items

    def mark(self, _: object) -> None:
        self.marks.append(len(self.stack))

    def put(self, index: int) -> None:
        self.memo[index] = self.stack[-1]

    def memoize(self, _: object) -> None:
        self.memo[len(self.memo)] = self.stack[-1]

    def get(self, index: int) -> None:
        self.stack.append(self.memo[index])

    def take(self, count: int) -> list[Any]:
        """The last ``count`` values, off the stack."""
        if len(self.stack) < count:
            raise IndexError
        items = self.stack[-count:]
        del self.stack[-count:]
        return items

    def extend(self, items: list[Any]) -> None:
        if not isinstance(self.stack[-1], list):
            raise Refused("adding to what is no list")
        self.stack[-1].extend(items)

    def update(self, items: list[Any]) -> None:
        if type(self.stack[-1]) is not dict:
            raise Refused("setting items of what is no dict")
        self.stack[-1].update(pairs(items))

    def name(self, name: str) -> None:
        if name not in NAMES:
            raise Refused(f"the name {name.replace(' ', '.')[:80]!r}")
        self.stack.append(NAMES[name])

    def stack_name(self, _: object) -> None:
        module, name = self.take(2)
        if not isinstance(module, str) or not isinstance(name, str):
            raise Refused("a name that is no text")
        self.name(f"{module} {name}")

    def reduce(self, _: object) -> None:
        called, arguments = self.take(2)
        if not isinstance(called, Name) or called not in PATTERNS or not isinstance(arguments, tuple):
            raise Refused("a call")
        self.stack.append(PATTERNS[called](*arguments))

    def build(self, _: object) -> None:
        state = self.stack.pop()
        if not isinstance(self.stack[-1], (Array, Type)):
            raise Refused("a state for what has none")
        self.stack[-1].build(state)


def pairs(items: list[Any]) -> dict[Any, Any]:
    """A dict of keys and values in turn; keys are strings and whole numbers."""
    keys, values = items[::2], items[1::2]
    if not all(type(key) is str or (type(key) is int and abs(key) < MOST) for key in keys):
        raise Refused("a dict with keys that are neither text nor small whole numbers")
    return dict(zip(keys, values, strict=True))


def finished(value: Any, done: dict[int, Any], depth: int = 0) -> Any:
    """``value`` with its arrays ready; what is shared is finished once."""
    if depth > DEEPEST:
        raise Refused(f"more than {DEEPEST} values within values")
    if isinstance(value, (Name, Type)) or (isinstance(value, Array) and value.values is None):
        raise Refused("a part of an array instead of an array")
    if isinstance(value, Array):
        return value.values
    if not isinstance(value, (list, tuple, dict)):
        return value
    if id(value) not in done:
        done[id(value)] = BUSY
        inner = [finished(item, done, depth + 1) for item in (value.values() if isinstance(value, dict) else value)]
        done[id(value)] = dict(zip(value, inner, strict=True)) if isinstance(value, dict) else type(value)(inner)
    if done[id(value)] is BUSY:
        raise Refused("a value that holds itself")
    return done[id(value)]


BUSY = object()
CONSTANTS = {"NONE", "NEWTRUE", "NEWFALSE", "BININT", "BININT1", "BININT2", "LONG1", "LONG4", "BINFLOAT",
             "BINUNICODE", "SHORT_BINUNICODE", "BINUNICODE8", "BINBYTES", "SHORT_BINBYTES", "BINBYTES8"}
LITERALS = {"NONE": None, "NEWTRUE": True, "NEWFALSE": False}
ACTIONS: dict[str, Callable[[Reader, Any], object]] = {
    "MARK": Reader.mark, "POP": lambda r, _: r.stack.pop(), "POP_MARK": lambda r, _: r.since_mark(),
    "BINPUT": Reader.put, "LONG_BINPUT": Reader.put, "MEMOIZE": Reader.memoize,
    "BINGET": Reader.get, "LONG_BINGET": Reader.get,
    "EMPTY_LIST": lambda r, _: r.stack.append([]), "EMPTY_DICT": lambda r, _: r.stack.append({}),
    "EMPTY_TUPLE": lambda r, _: r.stack.append(()),
    "TUPLE": lambda r, _: r.stack.append(tuple(r.since_mark())), "TUPLE1": lambda r, _: r.stack.append(tuple(r.take(1))),
    "TUPLE2": lambda r, _: r.stack.append(tuple(r.take(2))), "TUPLE3": lambda r, _: r.stack.append(tuple(r.take(3))),
    "APPEND": lambda r, _: r.extend(r.take(1)), "APPENDS": lambda r, _: r.extend(r.since_mark()),
    "SETITEM": lambda r, _: r.update(r.take(2)), "SETITEMS": lambda r, _: r.update(r.since_mark()),
    "BYTEARRAY8": lambda r, data: r.stack.append(bytes(data)),
    "GLOBAL": Reader.name, "STACK_GLOBAL": Reader.stack_name, "REDUCE": Reader.reduce, "BUILD": Reader.build,
}
PATTERNS: dict[Name, Callable[..., Any]] = {
    Name.RECONSTRUCT: Array, Name.TYPE: Type, Name.SCALAR: make_scalar, Name.FROM_BUFFER: make_array,
}
