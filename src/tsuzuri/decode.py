"""Writing text with a model, token by token, over one protocol:

    start(rows) -> state        step(ids (N,), state) -> logits (N, V), state        (arrays; nothing is recorded)
"""
from collections.abc import Iterator, Sequence

import msgspec
import numpy as np

from tsuzuri.array import to_host
from tsuzuri.errors import ConfigError
from tsuzuri.kernels.sampling import draw, keep_top_k, keep_top_p


class Sampler(msgspec.Struct, frozen=True):
    """How the next token is picked from its logits.  Temperature 0 takes the most probable."""

    temperature: float = 1.0
    top_k: int = 0
    """only among the k most probable; 0: among all"""
    top_p: float = 1.0
    """only among the fewest whose probabilities reach p"""

    def __post_init__(self):
        if not 0 <= self.temperature < float("inf"):
            raise ConfigError(f"temperature is {self.temperature}; it must be 0 (the most probable) or above.")
        if self.top_k < 0:
            raise ConfigError(f"top_k is {self.top_k}; it must be at least 1, or 0 for all tokens.")
        if not 0 < self.top_p <= 1:
            raise ConfigError(f"top_p is {self.top_p}; it must be above 0 and at most 1.")

    def pick(self, logits: np.ndarray, rng: np.random.Generator) -> int:
        """logits (V,) -> an id; one number is drawn from ``rng`` unless the temperature is 0."""
        if self.temperature == 0:
            return int(logits.argmax())
        temperature = self.temperature
        if self.top_k:
            logits = keep_top_k(logits, self.top_k)
        if self.top_p < 1:
            logits, temperature = keep_top_p((logits - logits.max()) / temperature, self.top_p), 1.0
        return int(draw(logits, temperature, rng.random()))


def generate(model, prompt: Sequence[int], count: int, sampler: Sampler, rng: np.random.Generator) -> Iterator[int]:
    """The ids of ``count`` tokens that go on from ``prompt`` (at least one id), each as soon as it is drawn."""
    state = model.start(1)
    for token in prompt:
        logits, state = model.step(np.array([token]), state)
    for _ in range(count):
        token = sampler.pick(to_host(logits)[0], rng)
        yield token
        logits, state = model.step(np.array([token]), state)
