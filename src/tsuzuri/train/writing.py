"""New text from a trained run."""
from collections.abc import Iterator

import numpy as np

from tsuzuri.array import threads
from tsuzuri.decode import Sampler, generate
from tsuzuri.errors import ConfigError
from tsuzuri.train.run import Run


def write_text(run: Run, prompt: str, tokens: int, sampler: Sampler | None = None, seed: int = 1) -> Iterator[str]:
    """``tokens`` tokens that go on from ``prompt``, as pieces of text.  The same seed gives the same text."""
    if tokens < 0:
        raise ConfigError(f"tokens is {tokens}; it must not be negative.")
    if seed < 0:
        raise ConfigError(f"seed is {seed}; it must not be negative.")
    model, tokenizer = run.load_model(), run.tokenizer
    ids = tokenizer.encode(prompt) or tokenizer.encode("\n")
    new_ids = generate(model, ids, tokens, sampler or Sampler(), np.random.default_rng(seed))
    return _within(run.settings.training.threads, _pieces(tokenizer, ids, new_ids))


def _within(count, pieces):
    with threads(count):
        yield from pieces


def _pieces(tokenizer, ids, new_ids):
    """The text that each new token adds.  A character that is not complete yet waits for its other bytes."""
    recent = list(ids)[-8:]
    shown = tokenizer.decode(recent)
    for token in new_ids:
        recent.append(token)
        text = tokenizer.decode(recent)
        if text.endswith("\N{REPLACEMENT CHARACTER}"):
            continue
        yield text[len(shown):]
        recent = recent[-8:]
        shown = tokenizer.decode(recent)
