"""Tensor and the tape: every value remembers the op that made it; backward walks the ops newest first.

There is no list of ops: the tape is the graph that hangs from the result, and an op is freed with the last tensor that
needs it.  An op keeps arrays and the tensors it was given, never those it made, so no reference cycle forms.
"""
import heapq
import itertools
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

from tsuzuri.array import Array, module_of
from tsuzuri.sparse import RowSparse

_clock = itertools.count()
_silent: dict[int, int] = {}                                 # threads in ``no_grad`` -> how many of its blocks are open


class Tensor:
    """An array and, if it was computed from something with a gradient, the op that made it.

    ``data`` is the array, ``grad`` what ``backward`` added up for a leaf (an array, a RowSparse or None).
    Arithmetic, ``@`` and indexing are attached by ``tsuzuri.ops``.
    """

    __slots__ = ("__weakref__", "data", "grad", "index", "name", "op", "requires_grad")
    __array_ufunc__ = None                                  # so that array + tensor asks the tensor

    def __init__(self, data: Array, requires_grad: bool = False, name: str | None = None):
        self.data, self.requires_grad, self.name = data, requires_grad, name
        self.grad: Array | RowSparse | None = None
        self.op: Op | None = None
        self.index = 0

    shape = property(lambda self: self.data.shape)
    ndim = property(lambda self: self.data.ndim)
    dtype = property(lambda self: self.data.dtype)

    if TYPE_CHECKING:                                       # what tsuzuri.ops attaches
        def __add__(self, other) -> "Tensor": ...
        def __radd__(self, other) -> "Tensor": ...
        def __sub__(self, other) -> "Tensor": ...
        def __rsub__(self, other) -> "Tensor": ...
        def __mul__(self, other) -> "Tensor": ...
        def __rmul__(self, other) -> "Tensor": ...
        def __truediv__(self, other) -> "Tensor": ...
        def __rtruediv__(self, other) -> "Tensor": ...
        def __neg__(self) -> "Tensor": ...
        def __pow__(self, power: float) -> "Tensor": ...
        def __matmul__(self, other) -> "Tensor": ...
        def __getitem__(self, key) -> "Tensor": ...
        def sum(self, axis=None, keepdims: bool = False) -> "Tensor": ...
        def mean(self, axis=None, keepdims: bool = False) -> "Tensor": ...
        def max(self, axis=None, keepdims: bool = False) -> "Tensor": ...
        def reshape(self, *to: int) -> "Tensor": ...
        def transpose(self, *axes: int) -> "Tensor": ...

    def __len__(self) -> int:
        return len(self.data)

    def __repr__(self) -> str:
        made = f", from {type(self.op).__name__}" if self.op else ""
        return f"Tensor{self.shape} {self.dtype}{made}"

    def item(self) -> float:
        """The value of a tensor with one element."""
        return self.data.item()

    def detach(self) -> "Tensor":
        """The same values, cut off from what made them."""
        return Tensor(self.data)

    def backward(self, grad: Array | None = None) -> None:
        """Add the gradient of this scalar (or of <grad, tensor>) to ``.grad`` of every leaf it was computed from, itself if it is one."""
        if not self.requires_grad:
            return
        if grad is None:
            grad = module_of(self.data).ones_like(self.data)
        if self.op is None:
            self.grad = add_gradients(self.grad, grad)
        else:
            _walk(self, grad)


class Op:
    """One step of a computation.  A subclass writes forward and backward on arrays; the instance is the tape's node.

    It is called with tensors; an array beside or instead of them is a constant.
    forward(*arrays) -> array or tuple of arrays, keeping what backward needs in ``self.saved``.
    backward(*douts) -> one gradient (or None) for each input.  A dout is None where that output was not used.
    """

    __slots__ = ("inputs", "outputs", "saved", "time")

    def __call__(self, *inputs: Tensor | Array):
        try:
            recorded = any([t.requires_grad for t in inputs])  # noqa: C419, a list is made quicker than a generator
        except AttributeError:                               # an array is among them
            return self(*[t if isinstance(t, Tensor) else Tensor(t) for t in inputs])
        outs = self.forward(*[t.data for t in inputs])
        many = isinstance(outs, tuple)
        results = [Tensor(o) for o in (outs if many else (outs,))]
        if recorded and not (_silent and threading.get_ident() in _silent):
            self.inputs, self.time, self.outputs = inputs, next(_clock), len(results)
            for k, result in enumerate(results):
                result.op, result.index, result.requires_grad = self, k, True
        return tuple(results) if many else results[0]

    def forward(self, *arrays: Array) -> Array | tuple[Array, ...]:
        """The value."""
        raise TypeError(f"{type(self).__name__} does not say how to compute forward.")

    def backward(self, *douts: Array | None) -> Array | tuple[Array | None, ...]:
        """The gradients of the inputs, from those of the outputs."""
        raise TypeError(f"{type(self).__name__} does not say how to compute backward.")


@contextmanager
def no_grad() -> Iterator[None]:
    """Within the block nothing that this thread computes is recorded: memory stays flat and ``backward`` has nothing to walk."""
    thread = threading.get_ident()
    _silent[thread] = _silent.get(thread, 0) + 1
    try:
        yield
    finally:
        _silent[thread] -= 1
        if not _silent[thread]:
            del _silent[thread]


def add_gradients(a: Array | RowSparse | None, b: Array | RowSparse) -> Array | RowSparse:
    """``a + b`` where ``a`` may be nothing yet and either may be row-sparse."""
    if a is None:
        return b
    return b + a if isinstance(b, RowSparse) else a + b


def _walk(root: Tensor, grad: Array) -> None:
    """An op is younger than its inputs, so newest first is a topological order: a queue, no recursion."""
    assert root.op is not None
    pending = {root.op: _slots(root.op)}
    pending[root.op][root.index] = grad
    queue = [(-root.op.time, root.op)]
    while queue:
        op = heapq.heappop(queue)[1]
        dins = op.backward(*pending.pop(op))
        for tensor, d in zip(op.inputs, dins if isinstance(dins, tuple) else (dins,), strict=True):
            if d is None or not tensor.requires_grad:
                continue
            if tensor.op is None:
                tensor.grad = add_gradients(tensor.grad, d)
                continue
            if tensor.op not in pending:
                pending[tensor.op] = _slots(tensor.op)
                heapq.heappush(queue, (-tensor.op.time, tensor.op))
            if isinstance(d, RowSparse):                     # only a leaf takes rows; ops are given arrays
                d = d.to_dense()
            slots = pending[tensor.op]
            slots[tensor.index] = add_gradients(slots[tensor.index], d)


def _slots(op: Op) -> list[Array | None]:
    return [None] * op.outputs
