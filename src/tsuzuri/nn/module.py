"""Modules: plain objects that hold parameters.  What they hold is found by looking, so nothing has to be registered."""
from collections.abc import Iterator

import numpy as np

from tsuzuri.array import Array
from tsuzuri.errors import RunError, suggest
from tsuzuri.tensor import Tensor


class Parameter(Tensor):
    """A tensor that is trained."""

    __slots__ = ()

    def __init__(self, data: Array):
        super().__init__(data, requires_grad=True)


class Buffer:
    """An array that a model saves and loads with its parameters, but that no gradient moves: what a layer counts while it is trained."""

    __slots__ = ("data",)

    def __init__(self, data: Array):
        self.data = data

    @property
    def shape(self) -> tuple[int, ...]:
        """Of the array."""
        return self.data.shape


class Module:
    """Anything that holds parameters in its attributes, or in lists, tuples, dicts and modules among them."""

    def named_parameters(self) -> Iterator[tuple[str, Parameter]]:
        """(dotted name, parameter) in the order of assignment; a shared one comes once, under its first name."""
        return ((name, held) for name, held in self._named() if isinstance(held, Parameter))

    def _named(self) -> Iterator[tuple[str, Parameter | Buffer]]:
        """The buffers too."""
        seen = set()
        for name, held in _walk(self, ""):
            if id(held) not in seen:
                seen.add(id(held))
                yield name, held

    def parameters(self) -> list[Parameter]:
        """The parameters without their names."""
        return [parameter for _, parameter in self.named_parameters()]

    def parameter_count(self) -> int:
        """How many numbers the parameters hold."""
        return sum(parameter.data.size for parameter in self.parameters())

    def arrays(self) -> dict[str, Array]:
        """The arrays of parameters and buffers by name, as they are saved."""
        return {name: held.data for name, held in self._named()}

    def load(self, arrays: dict[str, Array]) -> None:
        """Copy ``arrays`` into the parameters and buffers.  Raises RunError where a name or a shape does not match."""
        own = dict(self._named())
        for name in arrays:
            if name not in own:
                raise RunError(f'the file holds a parameter "{name}" that the model does not have{suggest(name, own)}.')
        for name, parameter in own.items():
            if name not in arrays:
                raise RunError(f'the file lacks the parameter "{name}" of the model.')
            if arrays[name].shape != parameter.shape:
                raise RunError(f'parameter "{name}" is {arrays[name].shape} in the file and {parameter.shape} in the model.')
        for name, parameter in own.items():                  # now that all of them fit
            parameter.data[...] = arrays[name]

    def zero_grad(self) -> None:
        """Forget the gradients."""
        for parameter in self.parameters():
            parameter.grad = None


def _walk(obj, prefix):
    if isinstance(obj, (Parameter, Buffer)):
        yield prefix, obj
    elif isinstance(obj, (Module, dict, list, tuple)):
        items = enumerate(obj) if isinstance(obj, (list, tuple)) else (obj if isinstance(obj, dict) else vars(obj)).items()
        for key, value in items:
            yield from _walk(value, f"{prefix}.{key}" if prefix else str(key))


def uniform(rng: np.random.Generator, bound: float, shape: tuple[int, ...], dtype) -> Parameter:
    """A parameter drawn evenly from -bound to bound."""
    return Parameter(rng.uniform(-bound, bound, shape).astype(dtype))


def zeros(shape: tuple[int, ...] | int, dtype) -> Parameter:
    """A parameter that starts at zero."""
    return Parameter(np.zeros(shape, dtype))
