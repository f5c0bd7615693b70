"""Finding the loop again in a sequence of steps that a loop has written out.

A loop that ran T times leaves T equal stretches, one after the other, in the order in which the steps were made.  So
the steps are compared with those ``period`` places further on; a run of equal ones is a candidate, and it is a loop if
every stretch is also wired as the others are.
"""
from collections.abc import Callable, Hashable, Iterator, Sequence
from dataclasses import dataclass

import numpy as np

FEWEST = 3                                                   # two equal stretches may be chance, three are a loop
LONGEST = 256                                                # steps in a body


@dataclass(frozen=True)
class Loop:
    """``count`` stretches of ``period`` steps, from step ``start`` on."""

    start: int
    period: int
    count: int

    stop = property(lambda self: self.start + self.period * self.count)

    def place(self, step: int) -> tuple[int, int] | None:
        """(turn, place in the body) of a step; None outside the loop."""
        return divmod(step - self.start, self.period) if self.start <= step < self.stop else None


def find_loops(signatures: Sequence[Hashable], is_loop: Callable[[Loop], bool]) -> list[Loop]:
    """The loops in a sequence, in order and apart from each other; the one that explains the most steps is taken first.

    ``signatures`` are equal where two steps may be the same line of a loop; ``is_loop`` has the last word.
    """
    numbers: dict[Hashable, int] = {}
    codes = np.array([numbers.setdefault(s, len(numbers)) for s in signatures], np.int64)
    free = np.ones(len(codes), bool)
    found = []
    for loop in sorted(_candidates(codes), key=lambda c: (-c.period * c.count, c.period)):
        if free[loop.start:loop.stop].all() and is_loop(loop):
            free[loop.start:loop.stop] = False
            found.append(loop)
    return sorted(found, key=lambda c: c.start)


def _candidates(codes: np.ndarray) -> Iterator[Loop]:
    for period in range(1, min(LONGEST, len(codes) // FEWEST) + 1):
        equal = codes[:-period] == codes[period:]
        edges = np.flatnonzero(np.diff(np.concatenate(([False], equal, [False])).astype(np.int8)))
        for first, last in edges.reshape(-1, 2).tolist():
            count, rest = divmod(last - first + period, period)
            if count >= FEWEST:
                # What is left over is put in front: the first turn of a loop often lacks a line, the last one seldom.
                yield Loop(first + rest, period, count)
