"""Several models that decide together: the mean of their probabilities.

    log p = log (1/M) sum_m e^{log p_m} = t + log sum_m e^{log p_m - t} - log M,     t = max_m log p_m

Source: Hansen and Salamon 1990; of translation models: Sutskever, Vinyals and Le 2014.
"""
import math
from collections.abc import Sequence
from functools import reduce
from typing import Any, NamedTuple

from tsuzuri.array import Array, module_of
from tsuzuri.errors import ConfigError
from tsuzuri.kernels.softmax import log_softmax_forward


class EnsembleState(NamedTuple):
    """The states of the models, in their order."""

    states: tuple[Any, ...]

    def take(self, rows: Array) -> "EnsembleState":
        """The state of some rows of the batch, in that order."""
        return EnsembleState(tuple(state.take(rows) for state in self.states))

    @property
    def attention(self) -> Array | None:
        """(N, S) the mean of those that have one."""
        weights = [a for state in self.states if (a := getattr(state, "attention", None)) is not None]
        return sum(weights[1:], weights[0]) / len(weights) if weights else None


class Ensemble:
    """Models with the same tokens, used as one to write with.  ConfigError: none, or vocabularies that differ in size."""

    def __init__(self, models: Sequence[Any]):
        if not models:
            raise ConfigError("an ensemble has no models; give at least one.")
        self.models = tuple(models)

    def start(self, *source: Any) -> EnsembleState:
        """The state before the first token, each model's from the same arguments."""
        return EnsembleState(tuple(model.start(*source) for model in self.models))

    def step(self, ids: Array, state: EnsembleState) -> tuple[Array, EnsembleState]:
        """ids (N,), state -> log p of the next token (N, V), state."""
        return _together([model.step(ids, own) for model, own in zip(self.models, state.states, strict=True)])

    def feed(self, ids: Array, state: EnsembleState) -> tuple[Array, EnsembleState]:
        """ids (N, T), state -> log p of the token after the last (N, V), state."""
        return _together([model.feed(ids, own) for model, own in zip(self.models, state.states, strict=True)])


def _together(steps):
    sizes = sorted({logits.shape[1] for logits, _ in steps})
    if len(sizes) > 1:
        raise ConfigError(f"the models of an ensemble have vocabularies of {' and '.join(map(str, sizes))} tokens; take models that share one.")
    log_ps = [log_softmax_forward(logits)[0] for logits, _ in steps]
    xp = module_of(*log_ps)
    top = reduce(xp.maximum, log_ps)
    total = sum(xp.exp(log_p - top) for log_p in log_ps)
    return top + (xp.log(total) - math.log(len(log_ps))), EnsembleState(tuple(state for _, state in steps))
