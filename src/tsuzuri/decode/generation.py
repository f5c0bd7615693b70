"""Going on from a prompt, one text or several side by side."""
from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np

from tsuzuri.array import to_host
from tsuzuri.decode.sampler import Sampler


def generate(model, prompt: Sequence[int], count: int, sampler: Sampler, rng: np.random.Generator) -> Iterator[int]:
    """The ids of ``count`` tokens that go on from ``prompt`` (at least one id), each as soon as it is drawn."""
    for ids in generate_batch(model, prompt, count, sampler, [rng]):
        yield int(ids[0])


def generate_batch(model, prompt: Sequence[int], count: int, sampler: Sampler,
                   rngs: Sequence[np.random.Generator]) -> Iterator[np.ndarray]:
    """As ``generate`` for one text a Generator: the next ids (N,) of all.  The prompt is read once.

    Each text draws from its own Generator, so it does not depend on how many others are written.
    """
    logits, state = feed(model, prompt, len(rngs))
    history = _history(prompt, count, len(rngs)) if sampler.looks_back else None
    for k in range(count):
        length = len(prompt) + k
        ids = sampler.pick(to_host(logits), rngs, None if history is None else history[:, :length])
        yield ids
        if history is not None:
            history[:, length] = ids
        if k + 1 < count:
            logits, state = model.step(ids, state)


def feed(model, prompt: Sequence[int], rows: int) -> tuple[Any, Any]:
    """Read a prompt once -> logits (rows, V) of the next token and the state, the same in every row."""
    logits, state = model.feed(np.array([prompt]), model.start(1))
    first = np.zeros(rows, np.int64)
    return logits[first], state.take(first)


def _history(prompt, count, rows):
    """(rows, T + count) with the prompt in front."""
    history = np.empty((rows, len(prompt) + count), np.int64)
    history[:, :len(prompt)] = prompt
    return history
