"""How the next token is picked: the strategies of a command line, put together."""
from collections.abc import Sequence
from functools import cached_property

import msgspec
import numpy as np

from tsuzuri.array import Array
from tsuzuri.decode.strategies import STRATEGIES, NoRepeat, RepetitionPenalty, Strategy, Temperature
from tsuzuri.kernels.sampling import draw


class Sampler(msgspec.Struct, frozen=True, dict=True):
    """How the next token is picked from its logits.  Temperature 0 takes the most probable.

    ConfigError: a number that does not fit.
    """

    temperature: float = 1.0
    """below 1 likelier, above 1 more surprising tokens"""
    top_k: int = 0
    """only among the k most probable; 0: among all"""
    top_p: float = 1.0
    """only among the fewest whose probabilities reach p"""
    min_p: float = 0.0
    """only among those at least p times as probable as the most probable"""
    typical: float = 1.0
    """only among the fewest of nearly the expected surprise whose probabilities reach this"""
    repetition_penalty: float = 1.0
    """above 1: what was there before is less probable"""
    no_repeat: int = 0
    """no so many tokens in a row come twice; 0: they may"""

    def __post_init__(self):
        for name, strategy in STRATEGIES.items():
            strategy(getattr(self, name))

    @cached_property
    def strategies(self) -> list[Strategy]:
        """Those that change something, in their order."""
        return [strategy(getattr(self, name)) for name, strategy in STRATEGIES.items() if getattr(self, name) != strategy.neutral]

    @cached_property
    def looks_back(self) -> bool:
        """Whether what was written so far matters."""
        return any(isinstance(strategy, (RepetitionPenalty, NoRepeat)) for strategy in self.strategies)

    @cached_property
    def _plan(self) -> tuple[list[Strategy], float]:
        """The strategies before the draw, and the draw's temperature: a temperature that comes last costs nothing there."""
        if self.strategies and isinstance(self.strategies[-1], Temperature):
            return self.strategies[:-1], self.temperature
        return self.strategies, 0.0 if self.temperature == 0 else 1.0

    def pick(self, logits: np.ndarray, rngs: Sequence[np.random.Generator], history: Array = None) -> np.ndarray:
        """logits (N, V), a Generator a row, history (N, T) where it ``looks_back`` -> ids (N,).

        One number is drawn from each Generator, none where the temperature is 0.
        """
        strategies, temperature = self._plan
        for strategy in strategies:
            logits = strategy(logits, history)
        if temperature == 0:
            return logits.argmax(-1)
        if len(rngs) == 1:                                   # as usual: a loop of one would take as long as the draw
            return np.array([draw(logits[0], temperature, rngs[0].random())])
        return np.array([draw(logits[k], temperature, rng.random()) for k, rng in enumerate(rngs)])
