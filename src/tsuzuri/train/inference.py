"""What a trained run is used for: a text's perplexity, and new text."""
import math
import tempfile
from collections.abc import Iterator

import numpy as np

from tsuzuri.array import threads
from tsuzuri.datasets import open_source
from tsuzuri.datasets.sources import DatasetText
from tsuzuri.decode import Sampler, generate
from tsuzuri.errors import ConfigError
from tsuzuri.models.language_model import LanguageModel
from tsuzuri.text import BPTTBatches, encode_corpus
from tsuzuri.train.loop import evaluate
from tsuzuri.train.run import Run

WINDOW = 256                                                 # tokens at a time; the state is carried, so any number gives the same


def evaluate_run(run: Run, data: str) -> dict:
    """How well the trained model of a run predicts a text; see ``evaluate_model``."""
    return evaluate_model(run, run.load_model(), data)


def evaluate_model(run: Run, model: LanguageModel, data: str) -> dict:
    """How well a model predicts a text that is cut as the run cuts it, read from end to end with the state carried over.

    ``loss`` is in nats a token, the first token (of which nothing comes before) not counted; a data set without a split
    means its test split, or its valid split where it has no test.
    """
    source = open_source(data, errors=run.settings.data.encoding_errors)
    if isinstance(source, DatasetText):
        source = open_source(data, "test" if "test" in source.splits else "valid")
    with tempfile.TemporaryDirectory(prefix="tsuzuri-") as folder, threads(run.settings.training.threads):
        corpus = encode_corpus(source.lines(), run.tokenizer, folder)
        loss, tokens = evaluate(model, BPTTBatches(corpus.ids, 1, WINDOW))
    bits = loss * corpus.tokens / math.log(2)
    return {"data": source.name, "loss": loss, "perplexity": math.exp(min(loss, 700.0)),
            "bits_per_character": bits / corpus.characters, "bits_per_byte": bits / corpus.bytes, "tokens": tokens,
            "characters": corpus.characters, "bytes": corpus.bytes, "unknown": corpus.unknown}


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
