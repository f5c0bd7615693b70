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


class Module:
    """Anything that holds parameters in its attributes, or in lists, tuples, dicts and modules among them."""

    def named_parameters(self) -> Iterator[tuple[str, Parameter]]:
        """(dotted name, parameter) in the order of assignment; a shared one comes once, under its first name."""
        seen = set()
        for name, parameter in _walk(self, ""):
            if id(parameter) not in seen:
                seen.add(id(parameter))
                yield name, parameter

    def parameters(self) -> list[Parameter]:
        """The parameters without their names."""
        return [parameter for _, parameter in self.named_parameters()]

    def parameter_count(self) -> int:
        """How many numbers the parameters hold."""
        return sum(parameter.data.size for parameter in self.parameters())

    def arrays(self) -> dict[str, Array]:
        """The parameters' arrays by name, as they are saved."""
        return {name: parameter.data for name, parameter in self.named_parameters()}

    def load(self, arrays: dict[str, Array]) -> None:
        """Copy ``arrays`` into the parameters.  Raises RunError where a name or a shape does not match."""
        own = dict(self.named_parameters())
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
    if isinstance(obj, Parameter):
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
