"""Optimisers: what is done to the parameters once their gradients are complete.

Each is a class with its constants; one step on one array is a function in ``kernels.updates``.  A row-sparse gradient
updates the rows it has and leaves the others, and their momentum, as they are: a step costs what it touches.
"""
import math
from collections.abc import Iterable, Iterator
from contextlib import contextmanager

from tsuzuri.array import Array, module_of
from tsuzuri.errors import RunError, check_choice
from tsuzuri.kernels import updates
from tsuzuri.nn import Module, Parameter
from tsuzuri.sparse import RowSparse


def global_norm(parameters: Iterable[Parameter]) -> float:
    """The Euclidean length of all gradients taken as one vector."""
    grads = [p.grad.rows if isinstance(p.grad, RowSparse) else p.grad for p in parameters if p.grad is not None]
    return math.sqrt(sum(updates.sum_of_squares(_flat(g)) for g in grads))


def clip_factor(norm: float, limit: float | None) -> float:
    """What gradients of length ``norm`` are multiplied by to be no longer than ``limit`` (None: no limit).

    Source: Pascanu, Mikolov and Bengio 2013.
    """
    return min(1.0, limit / norm) if limit and norm > 0 else 1.0


class Optimizer:
    """Holds a model's parameters and one array per parameter and slot (a running mean, a sum of squares ...)."""

    slots: tuple[str, ...] = ()

    def __init__(self, model: Module, *, weight_decay: float = 0.0):
        self.parameters = dict(model.named_parameters())
        for p in self.parameters.values():                   # or a flat view of it would be a copy, and stay unmoved
            p.data = p.data if p.data.flags.c_contiguous else p.data.copy(order="C")
        self.weight_decay, self.steps = weight_decay, 0
        self.memory = {f"{slot}.{name}": module_of(p.data).zeros_like(p.data)
                       for slot in self.slots for name, p in self.parameters.items()}

    def step(self, lr: float, scale: float = 1.0) -> None:
        """Move every parameter that has a gradient, taking the gradient times ``scale``, and forget the gradients."""
        self.steps += 1
        for name, p in self.parameters.items():
            if p.grad is not None:
                memory = [self.memory[f"{slot}.{name}"] for slot in self.slots]
                self._move(p, memory, lr, scale)
                p.grad = None

    def _move(self, p, memory, lr, scale):
        if not isinstance(p.grad, RowSparse):
            self.update(_flat(p.data), _flat(p.grad), *map(_flat, memory), lr, scale)
            return
        ids = p.grad.ids
        arrays = [p.data, *memory]
        rows = [a[ids] for a in arrays]
        self.update(_flat(rows[0]), _flat(p.grad.rows), *map(_flat, rows[1:]), lr, scale)
        for a, row in zip(arrays, rows, strict=True):
            a[ids] = row

    def update(self, w: Array, g: Array, *rest) -> None:
        """One step on one flat array: (w, g, *slots, lr, scale)."""
        raise TypeError(f"{type(self).__name__} does not say how to update.")

    def validated(self, loss: float) -> None:
        """Be told a validation loss in nats."""

    @contextmanager
    def judged(self) -> Iterator[None]:
        """Within the block the model holds the parameters that are to be validated and kept: here those it has."""
        yield

    def arrays(self) -> dict[str, Array]:
        """The slots by name, as they are saved."""
        return self.memory

    def notes(self) -> dict:
        """What else must be kept, as plain numbers."""
        return {"steps": self.steps}

    def load(self, arrays: dict[str, Array], notes: dict) -> None:
        """Copy saved slots and notes back."""
        if arrays.keys() != self.memory.keys() or notes.keys() != self.notes().keys():
            raise RunError("the checkpoint was written by another optimiser or model; resume with the settings it began with.")
        for name, a in arrays.items():
            self.memory[name][...] = a
        vars(self).update(notes)


class SGD(Optimizer):
    """w -= lr g.  Source: Robbins and Monro 1951."""

    def update(self, w, g, lr, scale):
        updates.sgd(w, g, lr, scale, self.weight_decay)


class NTASGD(SGD):
    """SGD that begins to average the weights of its steps once validation stops improving, and is judged by the average.

    That is when a validation loss is above the best of those that lie more than ``patience`` validations back.
    Source: Merity, Keskar and Socher 2018; averaging: Polyak and Juditsky 1992.
    """

    slots = ("average",)

    def __init__(self, model: Module, *, weight_decay: float = 0.0, patience: int = 5):
        super().__init__(model, weight_decay=weight_decay)
        self.patience, self.averaged = patience, -1
        self.losses: list[float] = []

    def step(self, lr, scale=1.0):
        super().step(lr, scale)
        if self.averaged < 0:
            return
        self.averaged += 1
        for name, p in self.parameters.items():
            updates.average(_flat(self.memory[f"average.{name}"]), _flat(p.data), 1 / self.averaged)

    def _move(self, p, memory, lr, scale):
        super()._move(p, [], lr, scale)

    def validated(self, loss):
        if self.averaged < 0 and loss > min(self.losses[:max(len(self.losses) - self.patience, 0)], default=math.inf):
            self.averaged = 0
        self.losses.append(loss)

    @contextmanager
    def judged(self):
        if self.averaged < 1:
            yield
            return
        self._swap()
        try:
            yield
        finally:
            self._swap()

    def _swap(self):
        for name, p in self.parameters.items():
            p.data, self.memory[f"average.{name}"] = self.memory[f"average.{name}"], p.data

    def notes(self):
        return {"steps": self.steps, "losses": self.losses, "averaged": self.averaged}


class Momentum(Optimizer):
    """SGD with a velocity.  Source: Polyak 1964."""

    slots = ("velocity",)
    nesterov = False

    def __init__(self, model: Module, *, momentum: float = 0.9, weight_decay: float = 0.0):
        super().__init__(model, weight_decay=weight_decay)
        self.momentum = momentum

    def update(self, w, g, v, lr, scale):
        updates.momentum(w, g, v, lr, scale, self.weight_decay, self.momentum, self.nesterov)


class Nesterov(Momentum):
    """Momentum that looks ahead.  Source: Nesterov 1983; this form: Sutskever et al. 2013."""

    nesterov = True


class AdaGrad(Optimizer):
    """A rate for each weight that falls with its squared gradients.  Source: Duchi, Hazan and Singer 2011."""

    slots = ("squares",)

    def update(self, w, g, s, lr, scale):
        updates.adagrad(w, g, s, lr, scale, self.weight_decay, 1e-10)


class RMSprop(Optimizer):
    """AdaGrad that forgets.  Source: Hinton 2012, lecture 6e."""

    slots = ("squares",)

    def __init__(self, model: Module, *, rho: float = 0.99, weight_decay: float = 0.0):
        super().__init__(model, weight_decay=weight_decay)
        self.rho = rho

    def update(self, w, g, s, lr, scale):
        updates.rmsprop(w, g, s, lr, scale, self.weight_decay, self.rho, 1e-8)


class Adam(Optimizer):
    """Running means of gradient and square, both corrected for their start at zero.  Source: Kingma and Ba 2015."""

    slots = ("mean", "squares")

    def __init__(self, model: Module, *, beta1: float = 0.9, beta2: float = 0.999, weight_decay: float = 0.0):
        super().__init__(model, weight_decay=weight_decay)
        self.beta1, self.beta2 = beta1, beta2

    def update(self, w, g, m, s, lr, scale):
        updates.adam(w, g, m, s, lr, scale, self.weight_decay, self.beta1, self.beta2, 1e-8, self.steps)


class AdamW(Adam):
    """Adam meant to be used with weight decay (0.01 is usual).  Source: Loshchilov and Hutter 2019."""


OPTIMIZERS = {"sgd": SGD, "nt-asgd": NTASGD, "momentum": Momentum, "nesterov": Nesterov, "adagrad": AdaGrad, "rmsprop": RMSprop,
              "adam": Adam, "adamw": AdamW}
USUAL_RATE = {"sgd": 1.0, "nt-asgd": 1.0, "momentum": 0.1, "nesterov": 0.1, "adagrad": 0.01, "rmsprop": 0.001, "adam": 0.001,
              "adamw": 0.001}
USUAL_DECAY = {name: 0.01 if name == "adamw" else 0.0 for name in OPTIMIZERS}


def make_optimizer(name: str, model: Module, weight_decay: float = 0.0) -> Optimizer:
    """The optimiser called ``name``."""
    check_choice("optimizer", name, OPTIMIZERS)
    return OPTIMIZERS[name](model, weight_decay=weight_decay)


def _flat(a: Array) -> Array:
    return a.reshape(-1)
