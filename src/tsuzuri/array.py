"""NumPy or CuPy, decided in one place: which module an array belongs to, moving, dtypes, randomness, threads.

Kernels and ops ask ``module_of`` for the module instead of importing NumPy's functions, so the same lines run on
host and device arrays, and a mixture is refused with a sentence instead of a silent copy over the bus.
"""
import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from types import ModuleType
from typing import Any

import numpy as np

from tsuzuri import memory
from tsuzuri.errors import DeviceError, check_choice, check_least

Array = Any
"""A NumPy array or a device array with the same methods."""

DTYPES = ("float16", "float32", "float64")

_modules: dict[type, Any] = {np.ndarray: np, np.memmap: np}


def register_module(array_type: type, module: Any) -> None:
    """Teach ``module_of`` that arrays of ``array_type`` are worked on by ``module`` (a device back end)."""
    _modules[array_type] = module


def module_of(*arrays: Array) -> ModuleType | Any:
    """The one module that all ``arrays`` belong to.  ``None``s and Python or NumPy scalars belong to any.

    Raises DeviceError where host and device arrays are mixed.
    """
    found = None
    for a in arrays:
        module = _modules.get(type(a))
        if module is None:
            if a is None or isinstance(a, (int, float, np.generic)):
                continue
            raise DeviceError(f"an array was expected, not a {type(a).__name__}; make one with numpy.asarray.")
        if found is None:
            found = module
        elif found is not module:
            names = sorted({_modules[type(x)].__name__ for x in arrays if type(x) in _modules})
            raise DeviceError(f"arrays of {' and '.join(names)} were mixed in one operation; move them to one device.")
    return np if found is None else found


def empty(like: Array, shape: tuple[int, ...], dtype: np.dtype | None = None) -> Array:
    """An array of that shape with unset values, on the device of ``like`` and by default of its dtype."""
    module = module_of(like)
    return (memory if module is np else module).empty(shape, dtype or like.dtype)


def like(reference: Array, host: np.ndarray) -> Array:
    """``host`` on the device of ``reference``: the same array where that is the host."""
    module = module_of(reference)
    return host if module is np else module.asarray(host)


def to_host(a: Array) -> np.ndarray:
    """A NumPy array with the values of ``a``: ``a`` itself where it is on the host."""
    return a if module_of(a) is np else a.get()


def float_type(name: str) -> np.dtype:
    """The dtype called ``name``: float16, float32 or float64."""
    check_choice("dtype", name, DTYPES)
    return np.dtype(name)


def rng_state(rng: np.random.Generator) -> Mapping[str, Any]:
    """The state of a generator as plain numbers and words, fit for JSON."""
    return rng.bit_generator.state


def restore_rng(state: Mapping[str, Any]) -> np.random.Generator:
    """The generator whose state ``rng_state`` gave: its next draws are the ones that generator would have made."""
    rng = np.random.Generator(np.random.PCG64())
    rng.bit_generator.state = state
    return rng


def default_threads() -> int:
    """The cores this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


@contextmanager
def threads(count: int | None) -> Iterator[int]:
    """Within the block BLAS and the compiled loops use ``count`` threads (None: all cores this process may use)."""
    from threadpoolctl import threadpool_limits

    from tsuzuri.kernels.compiled import set_threads
    count = default_threads() if count is None else count
    check_least("threads", count, 1)
    before = set_threads(count)
    try:
        with threadpool_limits(count, user_api="blas"):
            yield count
    finally:
        set_threads(before)
