"""The log probability of every token of a text, and what else the model expected there."""
from collections.abc import Iterator
from typing import NamedTuple

import numpy as np

from tsuzuri.array import threads, to_host
from tsuzuri.errors import ConfigError
from tsuzuri.train.run import Run

BLOCK = 512                                                  # tokens whose probabilities of the whole vocabulary are held at a time


class Scored(NamedTuple):
    """A token of a text, which stands at text[start:end]; log p in nats; how many tokens were likelier; the likeliest with p."""

    token: str
    start: int
    end: int
    log_probability: float
    likelier: int
    expected: tuple[tuple[str, float], ...]


def score_text(run: Run, text: str, expected: int = 0) -> Iterator[Scored]:
    """Every token of ``text`` as the run's model sees it, with the ``expected`` likeliest tokens at its place.

    The text is read as if a line had just ended, so the first token has a probability too.  Where the vocabulary has no
    line end it has none, and is only read.
    """
    if expected < 0:
        raise ConfigError(f"the number of expected tokens is {expected}; it must not be negative.")
    tokenizer, model = run.tokenizer, run.load_model()
    ids, places = np.array(tokenizer.encode(text), np.int64), tokenizer.offsets(text)
    line_end = tokenizer.line_end()[-1:]
    before = np.array([*line_end, *ids[:-1]], np.int64)
    if not line_end:
        ids, places = ids[1:], places[1:]
    state = model.start(1)
    with threads(run.settings.training.threads):
        for low in range(0, len(ids), BLOCK):
            log_p, state = model.log_probabilities(before[None, low:low + BLOCK], state)
            for row, token, (start, end) in zip(to_host(log_p)[0], ids[low:low + BLOCK], places[low:low + BLOCK], strict=True):
                likeliest = np.argsort(-row, kind="stable")[:expected] if expected else ()
                yield Scored(tokenizer.decode([token]), start, end, float(row[token]), int((row > row[token]).sum()),
                             tuple((tokenizer.decode([k]), float(np.exp(row[k]))) for k in likeliest))
