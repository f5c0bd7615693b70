"""How near two synsets are in the hierarchy of hypernyms ("a car is a motor vehicle is a vehicle ...").

path  1 / (1 + d), where d counts the steps of the shortest way over a common ancestor            (Rada and others 1989)
wup   2 c / (a + b), where c is the depth of the deepest common ancestor, counted in synsets from
      the top, and a, b are the depths of the two synsets on their ways over it                   (Wu and Palmer 1994)
lch   -ln((1 + d) / 2 D), where D is the depth of the whole hierarchy                             (Leacock and Chodorow 1998)

Nouns have one top, entity.  Verbs have hundreds; a root is imagined above them, one step above the farthest ancestor of a
verb, and D is one more for it.  Adjectives and adverbs have no hypernyms: path and wup are 1 for one and the same synset,
and there is no similarity of two.

These are NLTK's definitions, ties included: of the common ancestors whose shortest ways to the top are the longest, wup
takes one of the two synsets where it is among them, else the first by name, the imagined root before all, and c is that one's
longest way.  Only where the second synset is an ancestor of the first does NLTK differ at times, as its wup of a and b then is
not its wup of b and a; ours is the one with the ancestor first.
"""
import math
from collections import deque
from collections.abc import Callable, Sequence
from typing import NamedTuple

from tsuzuri.errors import check_choice
from tsuzuri.vectors.thesaurus.synset import Synset

ROOT = Synset("*ROOT*", "v", "*ROOT*", ("(all verbs)",), "the root that is imagined above all verbs")
MEASURES = ("path", "wup", "lch")


class Way(NamedTuple):
    """The shortest way between two synsets: up to their common ancestor ``steps[top]`` and down again."""
    steps: list[Synset]
    top: int


class Hierarchy:
    """The hierarchy that ``parents`` spans; ``deepest`` gives the longest way to the top in one part of speech."""

    def __init__(self, parents: Callable[[Synset], Sequence[Synset]], deepest: Callable[[str], int]):
        self._parents, self._deepest = parents, deepest
        self._above: dict[Synset, dict[Synset, tuple[int, Synset]]] = {ROOT: {ROOT: (0, ROOT)}}
        self._depths: dict[Synset, tuple[int, int]] = {ROOT: (0, 0)}
        self._deepest_of: dict[str, int] = {}

    def distance(self, a: Synset, b: Synset) -> int | None:
        """Steps of the shortest way; None where there is none."""
        top = self._nearest_common(a, b)
        return None if top is None else self.above(a)[top][0] + self.above(b)[top][0]

    def way(self, a: Synset, b: Synset) -> Way | None:
        """The shortest way; None where there is none."""
        top = self._nearest_common(a, b)
        if top is None:
            return None
        up, down = self._climb(a, top), self._climb(b, top)
        return Way(up + down[-2::-1], len(up) - 1)

    def similarity(self, a: Synset, b: Synset, measure: str = "path") -> float | None:
        """``measure`` is path, wup or lch; None where no way leads from one to the other."""
        check_choice("measure", measure, MEASURES)
        distance = self.distance(a, b)
        if distance is None:
            return None
        if measure == "path":
            return 1 / (1 + distance)
        return self._wu_palmer(a, b) if measure == "wup" else self._leacock_chodorow(a, distance)

    def above(self, synset: Synset) -> dict[Synset, tuple[int, Synset]]:
        """Each ancestor, the synset itself among them -> (steps up to it, the synset from which the last step came)."""
        if synset not in self._above:
            found, waiting = {}, deque([(synset, 0, synset)])
            while waiting:
                at, steps, below = waiting.popleft()
                if at not in found:
                    found[at] = steps, below
                    waiting.extend((parent, steps + 1, at) for parent in self._parents(at))
            if synset.pos == "v":
                last, (steps, _) = max(found.items(), key=lambda item: item[1][0])
                found[ROOT] = steps + 1, last
            self._above[synset] = found
        return self._above[synset]

    def depths(self, synset: Synset) -> tuple[int, int]:
        """Steps of the shortest and of the longest way to a top.  A circle of hypernyms is not walked twice."""
        if synset not in self._depths:
            self._depths[synset] = 0, 0
            pairs = [self.depths(parent) for parent in self._parents(synset)]
            if pairs:
                self._depths[synset] = 1 + min(low for low, _ in pairs), 1 + max(high for _, high in pairs)
        return self._depths[synset]

    def _nearest_common(self, a, b):
        if a == b:
            return a
        up, down = self.above(a), self.above(b)
        common = [synset for synset in up if synset in down]
        return min(common, key=lambda synset: up[synset][0] + down[synset][0], default=None)

    def _climb(self, synset, top):
        """The synsets from ``synset`` up to ``top``."""
        above, steps = self.above(synset), [top]
        while steps[-1] != synset:
            steps.append(above[steps[-1]][1])
        return steps[::-1]

    def _wu_palmer(self, a, b):
        common = [synset for synset in self.above(a) if synset in self.above(b)]
        deepest = max(self.depths(synset)[0] for synset in common)
        lowest = [synset for synset in common if self.depths(synset)[0] == deepest]
        top = min(lowest, key=lambda synset: (synset not in (a, b), synset.name))
        depth = self.depths(top)[1] + 1
        return 2 * depth / (self.distance(a, top) + self.distance(b, top) + 2 * depth)

    def _leacock_chodorow(self, a, distance):
        pos = "a" if a.pos == "s" else a.pos
        if pos not in self._deepest_of:
            self._deepest_of[pos] = self._deepest(pos) + (pos == "v")
        depth = self._deepest_of[pos]
        return -math.log((1 + distance) / (2 * depth)) if depth else None
