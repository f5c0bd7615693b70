"""Large host arrays whose memory is used again.

A training step asks for the same large arrays as the step before it.  Fresh ones cost a page fault for every 4 KiB
(for 700 x 10,000 logits some 10 ms a step, docs/decisions/0005-memory.md), so a block goes back to a shelf when the
last array on it is gone, and the next request of about that size gets it.
"""
import ctypes
import math
import os
import sys
import threading

import numpy as np

LARGE = 1 << 20                                              # bytes; smaller arrays are left to NumPy
_KEEP = 1 << 30                                              # bytes that may wait on the shelf

_shelf: dict[int, list[np.ndarray]] = {}
_waiting = 0
_lock = threading.RLock()                                    # a loan may end inside a request: garbage is collected anywhere


def physical() -> int | None:
    """Bytes of memory that this machine has; None where the system does not say."""
    try:
        return os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    except (AttributeError, ValueError, OSError):
        return None


def give_back() -> None:
    """Hand freed memory back to the system where the C library keeps it: glibc does, up to 64 MB after large blocks."""
    if sys.platform == "linux":
        trim = getattr(ctypes.CDLL(None), "malloc_trim", None)
        if trim is not None:
            trim(0)


def empty(shape: tuple[int, ...] | int, dtype: np.dtype) -> np.ndarray:
    """As ``numpy.empty``, from memory that was used before where there is any."""
    dtype = np.dtype(dtype)
    shape = (shape,) if isinstance(shape, int) else tuple(shape)
    size = math.prod(shape) * dtype.itemsize
    if size < LARGE:
        return np.empty(shape, dtype)
    return np.asarray(_Loan(_borrow(_size_class(size)), shape, dtype))


class _Loan:
    """The base of one array and all its views; when the last of them is gone, so is the loan."""

    __slots__ = ("__array_interface__", "block")

    def __init__(self, block, shape, dtype):
        self.block = block
        self.__array_interface__ = {"version": 3, "shape": shape, "typestr": dtype.str,
                                    "data": (block.ctypes.data, False)}

    def __del__(self):
        _give_back(self.block)


def _size_class(size: int) -> int:
    """``size`` rounded up by at most an eighth, so that batches of nearly equal size share blocks."""
    step = 1 << max(size.bit_length() - 4, 12)
    return -(-size // step) * step


def _borrow(size: int) -> np.ndarray:
    global _waiting
    with _lock:
        blocks = _shelf.get(size)
        if blocks:
            _waiting -= size
            return blocks.pop()
    return np.empty(size, np.uint8)


def _give_back(block: np.ndarray) -> None:
    global _waiting
    with _lock:
        if _waiting + block.nbytes <= _KEEP:
            _shelf.setdefault(block.nbytes, []).append(block)
            _waiting += block.nbytes
