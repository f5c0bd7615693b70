"""What a recipe is: settings, a way to measure, and the figure to reach; it has no training code of its own."""
import math
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, NamedTuple

from tsuzuri.train.events import Event as TrainingEvent
from tsuzuri.train.folder import RunFolder
from tsuzuri.vectors.training import Event, Finished


class Watch(NamedTuple):
    """Who trains and shows how it goes: a run folder to its end, the events of word vectors to theirs; or who
    only shows the events of so many steps and epochs as they pass."""

    run: Callable[[RunFolder], None]
    vectors: Callable[[Iterator[Event]], Finished]
    events: Callable[[Iterator[TrainingEvent], int, int], Iterator[TrainingEvent]] = lambda passing, steps, epochs: passing


class Measured(NamedTuple):
    """The figure, lines to print before it, and whether what else was asked holds."""

    figure: float
    details: tuple[str, ...] = ()
    rest: bool = True


@dataclass(frozen=True)
class Recipe:
    """``reach(recipe, out, watch)`` trains into the folder ``out`` and measures; ``limit`` None: any number will do."""

    name: str
    what: str
    measure: str
    limit: float | None
    published: str
    reach: Callable[["Recipe", Path, Watch], Measured]
    higher_is_better: bool = False
    settings: dict[str, Any] = field(default_factory=dict)
    test: str = ""
    stops: bool = True
    """Can its training be left after some minutes, to go on another time?"""

    @property
    def bound(self) -> str:
        """The limit with its direction."""
        return "a number" if self.limit is None else f"{'>=' if self.higher_is_better else '<='} {self.limit:g}"

    def reached(self, figure: float) -> bool:
        """Is the figure on the right side?"""
        if self.limit is None:
            return math.isfinite(figure)
        return figure >= self.limit if self.higher_is_better else figure <= self.limit


class Result(NamedTuple):
    """What a recipe reached."""

    name: str
    measure: str
    figure: float
    bound: str
    published: str
    reached: bool
    folder: str
    details: tuple[str, ...]

    def sentence(self) -> str:
        """One line to print."""
        return (f"{self.name}: {self.measure} {self.figure:.4g} (must be {self.bound}: {'reached' if self.reached else 'MISSED'}; "
                f"published: {self.published}); {self.folder}")
