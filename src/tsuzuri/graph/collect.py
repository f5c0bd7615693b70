"""The computation graph of one tensor, that of a training step for example, as data and as an SVG picture.

    save(graph_of(loss, names=model), "step.svg")

A loop over time is folded: an op that runs over a whole sequence is one node with an arrow back to itself, and a loop
that was written out step by step is found again (``tsuzuri.graph.repeats``) and shown as one body with an arrow back.
"""
import inspect
import re
from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Literal

from tsuzuri.graph.repeats import find_loops
from tsuzuri.nn import Module
from tsuzuri.ops.elementwise import Add, Mul
from tsuzuri.ops.fused import Recurrent
from tsuzuri.tensor import Op, Tensor


@dataclass(frozen=True)
class Node:
    """A box: what it is called, its settings, the shapes of what comes out, and how many times a loop goes through it."""

    kind: Literal["parameter", "input", "op", "result"]
    name: str
    shapes: tuple[tuple[int, ...], ...] = ()
    detail: str = ""
    repeat: int = 1


@dataclass(frozen=True)
class Edge:
    """An arrow between the nodes of two numbers.  ``back``: to the next turn of a loop, with how often in ``label``."""

    source: int
    target: int
    back: bool = False
    label: str = ""


@dataclass(frozen=True)
class Graph:
    """Nodes, and edges between their numbers.  Without the edges marked ``back`` there is no cycle."""

    nodes: tuple[Node, ...]
    edges: tuple[Edge, ...]


def graph_of(tensor: Tensor, names: Module | Mapping[str, Tensor] | None = None) -> Graph:
    """How ``tensor`` was computed; to be called before or after ``backward``, which leaves the tape as it is.

    ``names`` gives the leaves their names: a model its parameters', a dictionary those of any tensors.
    """
    return _Collector(tensor, names).graph()


class _Collector:
    """Turns the tape below one tensor into nodes and edges.  Steps are ops in the order in which they were made."""

    def __init__(self, tensor, names):
        self.tensor = tensor
        pairs = names.named_parameters() if isinstance(names, Module) else (names or {}).items()
        self.names = {id(leaf): name for name, leaf in pairs}
        self.steps = _steps_below(tensor)
        self.inputs = [_in_order(op) for op in self.steps]
        self.at = {op: step for step, op in enumerate(self.steps)}
        self.shapes = _used_shapes(tensor, self.steps)
        self.uses = Counter(id(t) for inputs in self.inputs for t in inputs if t.op is None)
        self.signatures = [self._signature(step) for step in range(len(self.steps))]
        self.loops = [self._with_opening(loop) for loop in find_loops(self.signatures, self._alike)]
        self.nodes, self.edges = {}, {}

    def graph(self) -> Graph:
        """The nodes in the order of the computation, inputs before the op that takes them."""
        for step in range(len(self.steps)):
            loop = self._loop_at(step)
            if loop is None:
                self._add(step, [step], 1)
            elif step == loop.first:
                for line in range(loop.period):
                    self._add(loop.start + line, loop.line(line), loop.turns)
        numbers = {key: k for k, key in enumerate(self.nodes)}
        edges = [Edge(numbers[a], numbers[b], back, label) for (a, b, back), label in self.edges.items()]
        if self.tensor.op is not None:
            edges.append(Edge(numbers[self._key(self.at[self.tensor.op])], len(numbers)))
        name = self.names.get(id(self.tensor)) or self.tensor.name or ("loss" if self.tensor.ndim == 0 else "result")
        return Graph((*self.nodes.values(), Node("result", name, (self.tensor.shape,))), tuple(edges))

    # --- which steps are the same line of a loop

    def _signature(self, step):
        """Equal for two steps that may be the same line: the class, the shapes, and the leaves that are used again."""
        inputs = tuple(id(t) if t.op is None and t.requires_grad and self.uses[id(t)] > 1 else t.shape
                       for t in self.inputs[step])
        return type(self.steps[step]), tuple(sorted(self.shapes[self.steps[step]].items())), inputs

    def _alike(self, loop):
        """How many turns at the end are wired as the last one is; what the turn before gives may at first be given."""
        turns = [self._wiring(loop, range(start, start + loop.period)) for start in range(loop.start, loop.stop, loop.period)]
        for count, wiring in enumerate(reversed(turns)):
            if any(o != last and last[0] != "before" for o, last in zip(wiring, turns[-1], strict=True)):
                return count
        return loop.count

    def _with_opening(self, loop):
        """The loop with the turn before its first, if that turn is only lacking lines.

        A first turn often does: nothing is added to the first loss, nothing recorded of a state of zeros.
        """
        lines, step = [], loop.start - 1
        for line in reversed(range(loop.period)):
            if step >= 0 and self.signatures[step] == self.signatures[loop.start + line]:
                lines.insert(0, line)
                step -= 1
        opened = replace(loop, opening=tuple(lines))
        return opened if 2 * len(lines) > loop.period and self._opens(opened) else loop

    def _opens(self, loop):
        """Whether the opening is wired as a turn, apart from what comes from the turn before and from missing lines."""
        for step, line in zip(range(loop.first, loop.start), loop.opening, strict=True):
            usual = self._wiring(loop, [loop.start + loop.period * (loop.count - 1) + line])
            for o, last in zip(self._wiring(loop, [step]), usual, strict=True):
                if o != last and last[0] != "before" and not (last[0] == "now" and last[1] not in loop.opening):
                    return False
        return True

    def _wiring(self, loop, steps):
        """Where each input of some steps comes from, in words that are the same for every turn of a loop."""
        return [self._origin(loop, step, t) for step in steps for t in self.inputs[step]]

    def _origin(self, loop, step, t):
        if t.op is None:
            return "leaf", id(t) if t.requires_grad else None
        turn, source = loop.place(step)[0], loop.place(self.at[t.op])
        if source is None:
            return ("outside",)
        return ("now" if source[0] == turn else "before", source[1], t.index, turn - source[0])

    def _loop_at(self, step):
        return next((loop for loop in self.loops if loop.first <= step < loop.stop), None)

    def _key(self, step):
        """The step that stands for this one: itself, or its line in the first whole turn of its loop."""
        loop = self._loop_at(step)
        return step if loop is None else loop.start + loop.place(step)[1]

    # --- nodes and edges

    def _add(self, key, steps, turns):
        """One node for an op, or for one line of a loop, with the arrows that come to it."""
        ops = [self.steps[step] for step in steps]
        op = ops[-1]
        sources = [source for tensors in zip(*(self.inputs[step] for step in steps), strict=True)
                   for source in self._sources(tensors, op)]
        sources += [self._once(arrays, "input", name) for name, arrays in _arrays_of(ops).items()]
        shapes = tuple(self.shapes[op][k] for k in sorted(self.shapes[op]))
        self.nodes[key] = Node("op", type(op).__name__, shapes, _common(list(map(_settings, ops))), len(ops))
        for source in sources:
            back = isinstance(source, int) and source >= key                  # a later line: it is of the turn before
            self.edges[source, key, back] = f"× {turns}" if back else ""
        if isinstance(op, Recurrent):
            self.edges[key, key, True] = f"{op.inputs[0].shape[1]} steps"

    def _sources(self, tensors, op) -> Iterator:
        """The keys of the nodes that feed one input in all turns: what it starts with, and what goes around."""
        yield from dict.fromkeys(self._key(self.at[t.op]) for t in tensors if t.op is not None)
        leaves = [t for t in tensors if t.op is None and (t.ndim or t.requires_grad)]   # plain numbers are settings
        if leaves:
            first = leaves[0]
            kind = "parameter" if first.requires_grad else "input"
            yield self._once(leaves, kind, self.names.get(id(first)) or first.name or _argument(op, first) or kind)

    def _once(self, things, kind, name):
        """The key of the node of a leaf; the same things, turn by turn, are one node, however many ops take them."""
        distinct = tuple(dict.fromkeys(map(id, things)))
        self.nodes.setdefault(distinct, Node(kind, name, (things[0].shape,), repeat=len(distinct)))
        return distinct


def _in_order(op: Op) -> tuple[Tensor, ...]:
    """The inputs of an op; those of a sum or product by age, so that 0 + loss is as loss + 0."""
    if not isinstance(op, (Add, Mul)):
        return op.inputs
    return tuple(sorted(op.inputs, key=lambda t: -1 if t.op is None else t.op.time))


def _steps_below(tensor: Tensor) -> list[Op]:
    """Every op that ``tensor`` was computed with, oldest first."""
    seen, queue = set(), [tensor.op] if tensor.op is not None else []
    while queue:
        op = queue.pop()
        if op not in seen:
            seen.add(op)
            queue += [t.op for t in op.inputs if t.op is not None]
    return sorted(seen, key=lambda op: op.time)


def _used_shapes(tensor: Tensor, steps: list[Op]) -> dict[Op, dict[int, tuple[int, ...]]]:
    """For each op the shapes of the outputs that something was made of: an op itself remembers no outputs."""
    shapes: dict[Op, dict[int, tuple[int, ...]]] = {op: {} for op in steps}
    for t in (tensor, *(t for op in steps for t in op.inputs)):
        if t.op is not None:
            shapes[t.op][t.index] = t.shape
    return shapes


def _arrays_of(turns: list[Op]) -> dict[str, list]:
    """Arrays that ops were made with (ids, targets, lengths): inputs as well, though without a gradient."""
    return {name: [vars(op)[name] for op in turns] for name, value in vars(turns[0]).items() if getattr(value, "ndim", 0)}


def _settings(op: Op) -> str:
    """What the op was made with, as far as it is numbers or slices, and the plain numbers it was given."""
    made_with = [_text(value) if isinstance(value, (tuple, slice)) or name == "key" else f"{name} {value:g}"
                 for name, value in vars(op).items() if isinstance(value, (int, float, tuple, slice)) and _tells(value)]
    numbers = [f"{t.item():.4g}" for t in op.inputs if t.op is None and t.ndim == 0 and not t.requires_grad]
    return ", ".join(made_with + numbers)


def _tells(value) -> bool:
    """Whether a setting is worth its place: a switch that is off and a share of zero change nothing."""
    return value is not False and not (isinstance(value, float) and value == 0)


def _text(value) -> str:
    if isinstance(value, tuple):
        return f"[{', '.join(map(_text, value))}]"
    if isinstance(value, slice):
        ends = ["" if end is None else str(end) for end in (value.start, value.stop, value.step)]
        return ":".join(ends[:2] if value.step is None else ends)
    return "..." if value is Ellipsis else str(value)


def _common(settings: list[str]) -> str:
    """The settings of a line of a loop: where the turns differ, their numbers are called t."""
    return settings[0] if len(set(settings)) == 1 else re.sub(r"\d+", "t", settings[-1])


def _argument(op: Op, leaf: Tensor) -> str:
    """What a recurrent kernel calls its input; other ops have no telling names for theirs."""
    if not isinstance(op, Recurrent):
        return ""
    slot = next(k for k, t in enumerate(op.inputs) if t is leaf)
    return list(inspect.signature(op.kernels[0]).parameters)[slot]
