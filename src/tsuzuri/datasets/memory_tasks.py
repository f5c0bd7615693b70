"""Tasks that ask for a memory, generated without end: copy, repeat-copy, recall and sort.

A task has ``inputs`` numbers in a step and ``outputs`` bits, and draws sequences of a length: draw(rng, rows, length) -> inputs (N, T, D),
targets (N, T, B), float32, where a target of NaN is not asked for.  While it is asked nothing but zeros comes in.  The same Generator
gives the same sequences on every machine.

    copy          vectors of bits, a mark, then the same vectors are asked for
    repeat-copy   vectors of bits, a mark with a number, then the vectors so many times, and a bit that says that it is over
    recall        items of a few vectors, each behind a mark, then one of them again between two other marks: the item behind it is asked for
    sort          vectors of bits, each with a number from -1 to 1, and a mark: the four fifths with the highest numbers, from the highest down

Source: Graves, Wayne and Danihelka 2014.
"""
from typing import Any, NamedTuple

import numpy as np

from tsuzuri.errors import ConfigError, check_choice

KEPT = 0.8                                                   # the share of what is sorted that is asked for: 16 of 20


class Drawn(NamedTuple):
    """inputs (N, T, D), targets (N, T, B)."""

    inputs: np.ndarray
    targets: np.ndarray


class Copy:
    """T = 2 L + 1, D = bits + 1 (the mark), B = bits."""

    asked = "vectors"
    least = 1
    usual = (1, 20)

    def __init__(self, bits: int = 8):
        self.bits, self.inputs, self.outputs = bits, bits + 1, bits

    def draw(self, rng: np.random.Generator, rows: int, length: int) -> Drawn:
        """Sequences of ``length`` vectors."""
        vectors = _bits(rng, rows, length, self.bits)
        x, y = _blank(rows, 2 * length + 1, self)
        x[:, :length, :self.bits], x[:, length, self.bits] = vectors, 1
        y[:, length + 1:] = vectors
        return Drawn(x, y)


class RepeatCopy:
    """T = L + 2 + L n, D = bits + 2 (the mark, the number n), B = bits + 1 (it is over).

    The number comes in over the largest of the training, ``repeats``, so that one of twice as many has twice the size.
    """

    asked = "vectors"
    least = 1
    usual = (1, 10)

    def __init__(self, bits: int = 8, repeats: int = 10):
        self.bits, self.repeats, self.inputs, self.outputs = bits, repeats, bits + 2, bits + 1

    def draw(self, rng: np.random.Generator, rows: int, length: int, times: int = 0) -> Drawn:
        """Sequences of ``length`` vectors, asked for ``times`` times; 0: as often as is drawn, from 1 to ``repeats``."""
        times = times or int(rng.integers(1, self.repeats + 1))
        vectors = _bits(rng, rows, length, self.bits)
        x, y = _blank(rows, length + 2 + length * times, self)
        x[:, :length, :self.bits], x[:, length, self.bits:] = vectors, (1, times / self.repeats)
        y[:, length + 1:-1, :self.bits], y[:, length + 1:, self.bits] = np.tile(vectors, (1, times, 1)), 0
        y[:, -1] = 0
        y[:, -1, self.bits] = 1
        return Drawn(x, y)


class Recall:
    """T = L (item + 1) + 2 + 2 item, D = bits + 2 (the mark of an item, the mark of the question), B = bits."""

    asked = "items"
    least = 2                                                # the last item has none behind it
    usual = (2, 6)

    def __init__(self, bits: int = 6, item: int = 3):
        self.bits, self.item, self.inputs, self.outputs = bits, item, bits + 2, bits

    def draw(self, rng: np.random.Generator, rows: int, length: int) -> Drawn:
        """Sequences of ``length`` items."""
        items = _bits(rng, rows, length, self.item, self.bits)
        chosen, all_rows = rng.integers(0, length - 1, rows), np.arange(rows)
        start, each = length * (self.item + 1), self.item + 1
        x, y = _blank(rows, start + 2 + 2 * self.item, self)
        listed = x[:, :start].reshape(rows, length, each, self.inputs)
        listed[:, :, 0, self.bits], listed[:, :, 1:, :self.bits] = 1, items
        x[:, :start] = listed.reshape(rows, start, self.inputs)
        x[:, [start, start + each], self.bits + 1] = 1
        x[:, start + 1:start + each, :self.bits] = items[all_rows, chosen]
        y[:, start + each + 1:] = items[all_rows, chosen + 1]
        return Drawn(x, y)


class Sort:
    """T = L + 1 + round(0.8 L), D = bits + 2 (the number, the mark), B = bits."""

    asked = "vectors"
    least = 1
    usual = (20, 20)

    def __init__(self, bits: int = 8):
        self.bits, self.inputs, self.outputs = bits, bits + 2, bits

    def draw(self, rng: np.random.Generator, rows: int, length: int) -> Drawn:
        """Sequences of ``length`` vectors."""
        vectors, priority = _bits(rng, rows, length, self.bits), rng.uniform(-1, 1, (rows, length))
        kept = max(round(KEPT * length), 1)
        order = np.argsort(-priority, axis=1, kind="stable")[:, :kept]
        x, y = _blank(rows, length + 1 + kept, self)
        x[:, :length, :self.bits], x[:, :length, self.bits], x[:, length, self.bits + 1] = vectors, priority, 1
        y[:, length + 1:] = np.take_along_axis(vectors, order[:, :, None], axis=1)
        return Drawn(x, y)


TASKS: dict[str, Any] = {"copy": Copy, "repeat-copy": RepeatCopy, "recall": Recall, "sort": Sort}


class TaskBatches:
    """Batches of one task, drawn anew for every pass; all sequences of a batch have one length.

    Batch k of pass ``number`` follows from ``seed``, ``number`` and k alone.  ``lengths`` are the least and the greatest; ``fixed``
    is handed on to the task's ``draw``.
    """

    goes_on = False

    def __init__(self, task: Any, rows: int, lengths: tuple[int, int], count: int, seed: int, number: int = 1, **fixed: int):
        check_lengths(task, *lengths)
        self.task, self.rows, self.lengths, self.count, self.seed, self.number, self.fixed = task, rows, lengths, count, seed, number, fixed

    def __len__(self) -> int:
        return self.count

    def __getitem__(self, k: int) -> Drawn:
        rng = np.random.default_rng([self.seed, 2, self.number, k])
        return self.task.draw(rng, self.rows, int(rng.integers(self.lengths[0], self.lengths[1] + 1)), **self.fixed)

    def epoch(self, number: int) -> "TaskBatches":
        """The batches of pass ``number``, from 1."""
        return TaskBatches(self.task, self.rows, self.lengths, self.count, self.seed, number, **self.fixed)

    def rate(self, k: int) -> float:
        """All batches weigh the same."""
        return 1.0


def make_task(name: str, **sizes: int) -> Any:
    """The task called ``name``, such as copy."""
    check_choice("task", name, TASKS)
    return TASKS[name](**sizes)


def check_lengths(task: Any, shortest: int, longest: int) -> None:
    """ConfigError where a task has no sequences of these lengths."""
    if not task.least <= shortest <= longest:
        raise ConfigError(f"lengths from {shortest} to {longest} {task.asked} were asked for; the shortest must be at least {task.least}, "
                          "and the longest at least the shortest.")


def _bits(rng, *shape):
    return rng.integers(0, 2, shape).astype(np.float32)


def _blank(rows, steps, task):
    """inputs of zeros, targets of NaN."""
    return np.zeros((rows, steps, task.inputs), np.float32), np.full((rows, steps, task.outputs), np.nan, np.float32)
