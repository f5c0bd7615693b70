"""What can be said of a scene of things, and whether it is true: a small grammar, and a program that decides.

    sentence    group | group "and" group | one relation one
    group       one | ("two" | "three" | "four") nouns
    one         "a" noun
    relation    "left of" | "right of" | "above" | "below"

"a red circle" asks for at least one, "two red circles" for exactly two; "a red circle above a blue square" for one of each whose
centres lie so, clearly: at least half a place apart.  What the grammar does not have is false.
"""
from collections.abc import Collection
from typing import NamedTuple

NUMBERS = ("two", "three", "four")
TURNED = {"left of": "right of", "above": "below"}
RELATIONS = (*TURNED, *TURNED.values())
Combination = tuple[str, str, str]
"""a kind, "left of" or "above", another kind"""


class Thing(NamedTuple):
    """A thing in a scene: its kind, which is its noun, and its centre, from the left and from the top."""

    kind: str
    x: int
    y: int


class Scene(NamedTuple):
    """Things, and how far apart (in the units of their places) they lie clearly left of or above each other."""

    things: tuple[Thing, ...]
    apart: int

    def lies(self, a: Thing, relation: str, b: Thing) -> bool:
        """Does a lie so to b?"""
        right, down = b.x - a.x, b.y - a.y
        return {"left of": right, "right of": -right, "above": down, "below": -down}[relation] >= self.apart

    def count(self, kind: str) -> int:
        """How many things of a kind there are."""
        return sum(thing.kind == kind for thing in self.things)


class Group(NamedTuple):
    """So many of a kind; ``number`` 1 is at least one."""

    number: int
    kind: str

    def holds(self, scene: Scene) -> bool:
        """Is it so?"""
        found = scene.count(self.kind)
        return found >= 1 if self.number == 1 else found == self.number


class Relation(NamedTuple):
    """One of a kind that lies so to one of another."""

    first: str
    relation: str
    second: str

    def holds(self, scene: Scene) -> bool:
        """Is it so of any two?"""
        return any(scene.lies(a, self.relation, b) for a in scene.things if a.kind == self.first for b in scene.things if b.kind == self.second)

    @property
    def combination(self) -> Combination:
        """Both kinds and how they lie; "b right of a" is "a left of b"."""
        first, relation, second = self
        if relation in TURNED:
            return first, relation, second
        return second, next(name for name, turned in TURNED.items() if turned == relation), first


Claim = Group | Relation


def plural(noun: str) -> str:
    """Several of a noun."""
    return f"{noun}es" if noun.endswith("ss") else f"{noun}s"


def claims(sentence: str, nouns: Collection[str]) -> list[Claim] | None:
    """What a sentence says of things that have these nouns; None where it is none of the grammar."""
    words = " ".join(sentence.split())
    for relation in RELATIONS:
        first, between, second = words.partition(f" {relation} ")
        if between:
            ones = [_one(part, nouns) for part in (first, second)]
            return None if None in ones else [Relation(ones[0].kind, relation, ones[1].kind)]    # type: ignore[union-attr]
    groups = [_group(part, nouns) for part in words.split(" and ")]
    return None if None in groups or len(groups) > 2 else groups                                 # type: ignore[return-value]


def _one(words, nouns) -> Group | None:
    article, _, noun = words.partition(" ")
    return Group(1, noun) if article == "a" and noun in nouns else None


def _group(words, nouns) -> Group | None:
    number, _, noun = words.partition(" ")
    kind = next((kind for kind in nouns if plural(kind) == noun), None)
    return Group(2 + NUMBERS.index(number), kind) if number in NUMBERS and kind else _one(words, nouns)


def is_true(sentence: str, scene: Scene, nouns: Collection[str]) -> bool:
    """Is a sentence one of the grammar, and all that it says so?"""
    found = claims(sentence, nouns)
    return found is not None and all(claim.holds(scene) for claim in found)


def combinations(sentence: str, nouns: Collection[str]) -> set[Combination]:
    """How which two kinds lie to each other, by a sentence; nothing where it says none of it or is none of the grammar."""
    return {claim.combination for claim in claims(sentence, nouns) or () if isinstance(claim, Relation)}


def counted(number: int, kind: str) -> str:
    """The words for so many of a kind."""
    return f"a {kind}" if number == 1 else f"{NUMBERS[number - 2]} {plural(kind)}"


def sentences(scene: Scene) -> list[str]:
    """What is said of a scene: how two things of different kinds lie to each other, else how many there are of each kind."""
    kinds = list(dict.fromkeys(thing.kind for thing in scene.things))
    if len(scene.things) == len(kinds) == 2:
        a, b = scene.things
        return [f"a {one.kind} {relation} a {other.kind}" for one, other in ((a, b), (b, a)) for relation in RELATIONS
                if scene.lies(one, relation, other)]
    groups = [counted(scene.count(kind), kind) for kind in kinds]
    return [" and ".join(order) for order in ((groups, groups[::-1]) if len(groups) > 1 else (groups,))]


def all_combinations(scene: Scene) -> set[Combination]:
    """How any two kinds lie to each other in a scene, said or not."""
    return {(a.kind, relation, b.kind) for a in scene.things for b in scene.things for relation in TURNED if scene.lies(a, relation, b)}
