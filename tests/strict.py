"""A stand-in for a GPU's array module that is stricter than one: it shows that an op never leaves the device.

``DeviceArray`` keeps an ndarray to itself.  Every way in which NumPy could take hold of it, or it of a NumPy array,
raises DeviceError: only ``asarray`` of this module brings values in, and only ``get`` brings them out.
"""
import operator
from types import SimpleNamespace

import numpy as np

from tsuzuri.array import register_module
from tsuzuri.errors import DeviceError

_ARITHMETIC = {np.add, np.subtract, np.multiply, np.true_divide, np.power, np.less, np.greater, np.less_equal,
               np.greater_equal, np.equal, np.not_equal}


def _refuse(what):
    raise DeviceError(f"strict: {what} on a device array.")


def _inside(x):
    """What a device function may see: the ndarray in a DeviceArray, numbers, dtypes and lists of these."""
    if isinstance(x, DeviceArray):
        return x._values
    if isinstance(x, np.ndarray):
        _refuse("a host array")
    if isinstance(x, (list, tuple)):
        return type(x)(_inside(v) for v in x)
    return x


def _outside(x):
    if isinstance(x, tuple):
        return tuple(_outside(v) for v in x)
    if isinstance(x, list):
        return [_outside(v) for v in x]
    return DeviceArray(np.asarray(x)) if isinstance(x, (np.ndarray, np.generic)) else x


def _binary(name):
    def method(self, other):
        return _outside(getattr(operator, name)(self._values, _inside(other)))
    return method


def _reflected(name):
    def method(self, other):
        return _outside(getattr(operator, name)(_inside(other), self._values))
    return method


def _in_place(name):
    def method(self, other):
        self._values = getattr(operator, name)(self._values, _inside(other))
        return self
    return method


def _method(name):
    def method(self, *args, **kwargs):
        kwargs = {k: _inside(v) for k, v in kwargs.items()}
        return _outside(getattr(self._values, name)(*(_inside(a) for a in args), **kwargs))
    return method


class DeviceArray:
    """An array that lives elsewhere."""

    __hash__ = None

    def __init__(self, values: np.ndarray):
        self._values = values

    shape = property(lambda self: self._values.shape)
    ndim = property(lambda self: self._values.ndim)
    size = property(lambda self: self._values.size)
    dtype = property(lambda self: self._values.dtype)
    itemsize = property(lambda self: self._values.itemsize)
    flags = property(lambda self: self._values.flags)
    T = property(lambda self: DeviceArray(self._values.T))

    def get(self) -> np.ndarray:
        """The values on the host."""
        return self._values.copy()

    def __len__(self): return len(self._values)
    def __bool__(self): return bool(self._values)
    def __int__(self): return int(self._values)
    def __float__(self): return float(self._values)
    def __neg__(self): return _outside(-self._values)
    def __invert__(self): return _outside(~self._values)
    def __getitem__(self, key): return _outside(self._values[_inside(key)])
    def __setitem__(self, key, value): self._values[_inside(key)] = _inside(value)
    def __repr__(self): return f"DeviceArray({self._values!r})"

    def __array__(self, *args, **kwargs): _refuse("numpy.asarray")
    def __array_function__(self, function, *rest): _refuse(f"numpy.{function.__name__}")

    def __array_ufunc__(self, ufunc, method, *inputs, **kwargs):
        """Only arithmetic with a NumPy number on the left is let through, as CuPy does."""
        if ufunc not in _ARITHMETIC or method != "__call__" or kwargs or not isinstance(inputs[0], np.generic):
            _refuse(f"numpy.{ufunc.__name__}")
        return _outside(ufunc(*(_inside(x) for x in inputs)))


for _name in ("add", "sub", "mul", "truediv", "pow", "matmul", "mod", "floordiv", "and_", "or_", "xor", "rshift",
              "lshift", "lt", "le", "gt", "ge", "eq", "ne"):
    _bare = _name.rstrip("_")
    setattr(DeviceArray, f"__{_bare}__", _binary(_name))
    if _name not in ("lt", "le", "gt", "ge", "eq", "ne"):
        setattr(DeviceArray, f"__r{_bare}__", _reflected(_name))
        setattr(DeviceArray, f"__i{_bare}__", _in_place(f"i{_bare}"))
for _name in ("reshape", "transpose", "swapaxes", "sum", "mean", "max", "min", "astype", "copy", "ravel", "prod"):
    setattr(DeviceArray, _name, _method(_name))
DeviceArray.item = lambda self: self._values.item()


def _function(name):
    def function(*args, **kwargs):
        kwargs = {k: _inside(v) for k, v in kwargs.items()}
        return _outside(getattr(np, name)(*(_inside(a) for a in args), **kwargs))
    function.__name__ = name
    return function


def asarray(x, dtype=None) -> DeviceArray:
    """The one way in: a copy of host values, or a device array itself."""
    return DeviceArray(np.array(x._values if isinstance(x, DeviceArray) else x, dtype=dtype))


FUNCTIONS = ("exp", "expm1", "log", "log1p", "tanh", "sqrt", "square", "abs", "maximum", "where", "concatenate", "stack", "roll",
             "zeros", "empty", "ones", "full", "arange", "zeros_like", "ones_like", "ascontiguousarray", "broadcast_to",
             "take_along_axis", "unique", "nonzero", "repeat", "split")
MODULE = SimpleNamespace(
    __name__="strict", asarray=asarray, float64=np.float64, uint64=np.uint64,
    add=SimpleNamespace(at=lambda a, key, b: np.add.at(a._values, _inside(key), _inside(b))),
    **{name: _function(name) for name in FUNCTIONS})

register_module(DeviceArray, MODULE)
