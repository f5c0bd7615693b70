"""Finding the loop again in a sequence of steps that a loop has written out.

A loop that ran T times leaves T equal stretches, one after the other, in the order in which the steps were made.  So
the steps are compared with those ``period`` places further on; a run of equal ones is a candidate, and it is a loop if
the stretches are also wired alike.
"""
import heapq
from collections.abc import Callable, Hashable, Iterator, Sequence
from dataclasses import dataclass

import numpy as np

FEWEST = 3                                                   # two equal stretches may be chance, three are a loop
LONGEST = 256                                                # steps in a body


@dataclass(frozen=True)
class Loop:
    """``count`` turns of ``period`` steps, from step ``start`` on.

    ``opening``: the steps right before ``start`` are a turn as well, but have only these lines of the body.
    """

    start: int
    period: int
    count: int
    opening: tuple[int, ...] = ()

    first = property(lambda self: self.start - len(self.opening))
    stop = property(lambda self: self.start + self.period * self.count)
    turns = property(lambda self: self.count + bool(self.opening))

    def place(self, step: int) -> tuple[int, int] | None:
        """(turn, line in the body) of a step, the opening being turn -1; None outside the loop."""
        if not self.first <= step < self.stop:
            return None
        return divmod(step - self.start, self.period) if step >= self.start else (-1, self.opening[step - self.first])

    def line(self, line: int) -> list[int]:
        """The steps that are this line of the body, one for each turn."""
        opening = [self.first + self.opening.index(line)] if line in self.opening else []
        return opening + list(range(self.start + line, self.stop, self.period))


def find_loops(signatures: Sequence[Hashable], alike: Callable[[Loop], int]) -> list[Loop]:
    """The loops in a sequence, in order and apart from each other; the one that explains the most steps is taken first.

    ``signatures`` are equal where two steps may be the same line of a loop; ``alike`` says how many turns at the end of
    a candidate are wired in the same way.
    """
    numbers: dict[Hashable, int] = {}
    codes = np.array([numbers.setdefault(s, len(numbers)) for s in signatures], np.int64)
    queue = [(-loop.period * loop.count, loop.period, loop.start, loop) for loop in _candidates(codes)]
    heapq.heapify(queue)
    free = np.ones(len(codes), bool)
    found = []
    while queue:
        loop = heapq.heappop(queue)[-1]
        if not free[loop.start:loop.stop].all():
            continue
        turns = alike(loop)
        if turns == loop.count:
            free[loop.start:loop.stop] = False
            found.append(loop)
        elif turns >= FEWEST:
            rest = Loop(loop.stop - turns * loop.period, loop.period, turns)
            heapq.heappush(queue, (-rest.period * turns, rest.period, rest.start, rest))
    return sorted(found, key=lambda loop: loop.start)


def _candidates(codes: np.ndarray) -> Iterator[Loop]:
    for period in range(1, min(LONGEST, len(codes) // FEWEST) + 1):
        equal = codes[:-period] == codes[period:]
        edges = np.flatnonzero(np.diff(np.concatenate(([False], equal, [False])).astype(np.int8)))
        for first, last in edges.reshape(-1, 2).tolist():
            count, rest = divmod(last - first + period, period)
            if count >= FEWEST:
                # What is left over is put in front: the first turn of a loop often lacks a line, the last one seldom.
                yield Loop(first + rest, period, count)
