"""Ways to change the logits before a token is drawn, each a small class, found by name in ``STRATEGIES``.

    strategy(logits (N, V), history (N, T)) -> logits (N, V)        history: the prompt and what was written so far

``STRATEGIES`` is in the order in which they are applied: penalties, temperature, truncations.  The penalties change
what the model says, so they come first.  A truncation keeps a share of the distribution that is drawn from, so it must
see it as the temperature leaves it; Holtzman et al. 2020 define top-p so, and Hugging Face's library has this order
too.  llama.cpp puts the temperature last: there a truncation keeps the same tokens at any temperature.  With top-k alone
both orders are one.
"""
from abc import ABC, abstractmethod
from typing import ClassVar

import numpy as np

from tsuzuri.errors import ConfigError
from tsuzuri.kernels import sampling


class Strategy(ABC):
    """One way with its one number.  ConfigError: a number that does not fit."""

    name: ClassVar[str]
    neutral: ClassVar[float]
    """the number with which nothing is changed"""
    must: ClassVar[str]
    """what fits, in words"""
    kind: ClassVar[type] = float

    def __init__(self, value: float):
        if not self.fits(value) or self.kind(value) != value:
            raise ConfigError(f"{self.name} is {value}; it must be {self.must}.")
        self.value = self.kind(value)

    @staticmethod
    @abstractmethod
    def fits(value: float) -> bool:
        """Whether the number is one that means something."""

    @abstractmethod
    def __call__(self, logits: np.ndarray, history: np.ndarray) -> np.ndarray: ...


class RepetitionPenalty(Strategy):
    """Tokens that stand in the history become less probable (Keskar et al. 2019, who take 1.2).

    It depends on where the logits' zero is; where a model gives log probabilities every logit is multiplied.
    """

    name, neutral, must = "repetition_penalty", 1.0, "above 0; 1 changes nothing, above 1 tokens repeat less"

    @staticmethod
    def fits(value):
        return 0 < value < float("inf")

    def __call__(self, logits, history):
        return sampling.discount_repeated(logits, history, self.value)


class NoRepeat(Strategy):
    """No n tokens in a row come twice (Paulus et al. 2018).  ConfigError: every token would repeat."""

    name, neutral, must, kind = "no_repeat", 0, "a length of at least 1, or 0 to let anything repeat", int

    @staticmethod
    def fits(value):
        return 0 <= value < float("inf")

    def __call__(self, logits, history):
        logits = sampling.forbid_repeats(logits, history, self.value)
        if np.isneginf(logits.max(-1)).any():
            raise ConfigError(f"no_repeat is {self.value}, and after {history.shape[1]} tokens every token would repeat; "
                              "take a larger no_repeat or fewer tokens.")
        return logits


class Temperature(Strategy):
    """Logits are divided by it: below 1 likelier, above 1 more surprising; 0 leaves the first of the most probable."""

    name, neutral, must = "temperature", 1.0, "0 (the most probable) or above"

    @staticmethod
    def fits(value):
        return 0 <= value < float("inf")

    def __call__(self, logits, history):
        if self.value == 0:
            best = logits.argmax(-1)[:, None]
            return np.where(np.arange(logits.shape[-1]) == best, logits, logits.dtype.type(-np.inf))
        with np.errstate(over="ignore"):                    # -inf is right
            return (logits - logits.max(-1, keepdims=True)) / self.value


class TopK(Strategy):
    """Only the k most probable (Fan et al. 2018)."""

    name, neutral, must, kind = "top_k", 0, "at least 1, or 0 for all tokens", int

    @staticmethod
    def fits(value):
        return 0 <= value < float("inf")

    def __call__(self, logits, history):
        return sampling.keep_top_k(logits, self.value)


class TopP(Strategy):
    """Only the fewest most probable whose probabilities reach p (Holtzman et al. 2020)."""

    name, neutral, must = "top_p", 1.0, "above 0 and at most 1"

    @staticmethod
    def fits(value):
        return 0 < value <= 1

    def __call__(self, logits, history):
        return sampling.keep_top_p(logits, self.value)


class MinP(Strategy):
    """Only those at least p times as probable as the most probable (Nguyen et al. 2024)."""

    name, neutral, must = "min_p", 0.0, "at least 0 and at most 1"

    @staticmethod
    def fits(value):
        return 0 <= value <= 1

    def __call__(self, logits, history):
        return sampling.keep_min_p(logits, self.value)


class Typical(Strategy):
    """Only those about as surprising as the model expects to be, the fewest that reach a mass (Meister et al. 2023)."""

    name, neutral, must = "typical", 1.0, "above 0 and at most 1"

    @staticmethod
    def fits(value):
        return 0 < value <= 1

    def __call__(self, logits, history):
        return sampling.keep_typical(logits, self.value)


STRATEGIES: dict[str, type[Strategy]] = {
    strategy.name: strategy for strategy in (RepetitionPenalty, NoRepeat, Temperature, TopK, TopP, MinP, Typical)}
