"""What a search is told, and what it finds."""
from typing import NamedTuple

import msgspec
import numpy as np

from tsuzuri.errors import ConfigError

LEAST_COVERAGE = 1e-6
"""a word at which hard attention never looked counts as so much, else log 0 would outweigh everything"""


class Hypothesis(NamedTuple):
    """A text that was found.    ids (T), attention (T, S)"""

    ids: list[int]
    """without the end token"""
    log_p: float | None
    """log p of the tokens in nats, the end token among them; None: nobody asked"""
    score: float | None
    """what hypotheses are ranked by: log p with the penalties"""
    attention: np.ndarray | None
    """where the model looked when it chose each token; None: it has no attention"""
    finished: bool
    """whether it ended by itself; else the most tokens were written"""


class Search(msgspec.Struct, frozen=True):
    """How a beam search looks for texts.  ConfigError: a number that does not fit.

    A text Y of |Y| tokens, the end token among them, scores

        log p(Y) / lp(Y) + b sum_s log min(sum_t a_ts, 1)        lp(Y) = ((5 + |Y|) / 6)^a

    with a the length penalty and b the coverage penalty, a_ts the weight of source word s when token t was chosen.
    Source: Wu et al. 2016, who take a = 0.6 to 0.7 and b = 0.2.
    """

    beams: int = 5
    """hypotheses side by side"""
    length_penalty: float = 0.0
    """every token makes a text less probable, and this pays longer ones back; 0: it does not"""
    coverage_penalty: float = 0.0
    """how much a source word costs that the attention passed over; 0: nothing"""
    least: int = 0
    """tokens before a text may end"""
    best: int = 0
    """texts given back a sentence; fewer end the search sooner and do not change the first ones.  0: as many as beams"""
    early: bool = False
    """end a sentence when as many texts ended as there are beams, although a longer one could still score more"""

    def __post_init__(self):
        for name, lowest in (("beams", 1), ("least", 0), ("best", 0)):
            value = getattr(self, name)
            if not (value >= lowest and int(value) == value):
                raise ConfigError(f"{name} is {value}; it must be at least {lowest}.")
        for name in ("length_penalty", "coverage_penalty"):
            if not 0 <= getattr(self, name) < float("inf"):
                raise ConfigError(f"{name} is {getattr(self, name)}; it must be 0 or above.")
        if self.best > self.beams:
            raise ConfigError(f"best is {self.best}, and {self.beams} beams find no more than {self.beams} texts; take more beams or a smaller best.")

    def lengths_paid(self, lengths: np.ndarray) -> np.ndarray:
        """lp(Y) of texts of so many tokens."""
        return ((5 + lengths) / 6) ** self.length_penalty

    def coverage(self, totals: np.ndarray) -> np.ndarray:
        """sum_t a_ts (N, S), 1 where there is no word -> what the words passed over cost (N,)."""
        return self.coverage_penalty * np.log(np.clip(totals, LEAST_COVERAGE, 1)).sum(1)
