"""What a training will take, found by preparing the text and timing a few steps of it in a temporary folder."""
import resource
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

import msgspec

from tsuzuri.optim import make_optimizer
from tsuzuri.train.config import CountingConfig
from tsuzuri.train.events import Stepped
from tsuzuri.train.language_model import prepare_run, windows
from tsuzuri.train.loop import fit
from tsuzuri.train.run import Settings
from tsuzuri.train.seq2seq import prepare_pairs
from tsuzuri.train.seq2seq_run import Seq2SeqSettings

MANY = 1_000_000                                             # tokens of which n-grams are counted
STEPS = 12                                                   # of which the first three warm up


def estimate(settings: Settings) -> Iterator[str]:
    """Lines that say how many parameters, steps, how much memory and time the training will take."""
    with tempfile.TemporaryDirectory(prefix="tsuzuri-") as folder:
        run = prepare_run(settings, Path(folder) / "run")
        model, corpus = run.new_model(), run.corpus()
        if isinstance(settings.training, CountingConfig):
            yield from _of_counting(run, model)
            return
        yield f"text        {corpus.tokens:,} tokens, {corpus.characters:,} characters, vocabulary {len(run.tokenizer):,}"
        yield from _of_training(model, windows(corpus, settings), settings.training)


def estimate_pairs(settings: Seq2SeqSettings) -> Iterator[str]:
    """The same of a training on pairs."""
    with tempfile.TemporaryDirectory(prefix="tsuzuri-") as folder:
        run = prepare_pairs(settings, Path(folder) / "run")
        corpus = run.corpus()
        yield (f"text        {len(corpus):,} pairs, {corpus.target_tokens:,} tokens to predict, "
               f"vocabularies {len(run.source):,} and {len(run.target):,}")
        yield from _of_training(run.new_model(), run.batches(), settings.training)


def _of_training(model, batches, config):
    yield f"parameters  {model.parameter_count():,}"
    steps = -(-len(batches) // config.accumulate)
    yield f"steps       {steps:,} an epoch, {steps * config.epochs:,} in all"
    seconds = _seconds_a_step(model, batches, make_optimizer(config.optimizer, model, config.weight_decay), config)
    yield f"memory      {_peak_megabytes():,.0f} MB at most"
    yield f"time        {seconds * 1000:.1f} ms a step, about {_words(seconds * steps * config.epochs)} without validation"


def _of_counting(run, model):
    corpus, started = run.corpus(), time.perf_counter()
    model.count(corpus.ids[:MANY])
    yield f"text        {corpus.tokens:,} tokens, {corpus.characters:,} characters, vocabulary {len(run.tokenizer):,}"
    yield f"n-grams     {model.parameter_count():,} in the first {min(MANY, corpus.tokens):,} tokens"
    yield f"memory      {_peak_megabytes():,.0f} MB at most, for those"
    yield f"time        about {_words((time.perf_counter() - started) * max(1.0, corpus.tokens / MANY))} without validation"


def _seconds_a_step(model, batches, optimizer, config):
    """The median of a few steps; the parameters are moved, so the model is of no further use."""
    once = msgspec.structs.replace(config, epochs=1, patience=0)
    times, last = [], time.perf_counter()
    for event in fit(model, batches, optimizer, once):
        now = time.perf_counter()
        if isinstance(event, Stepped):
            times.append(now - last)
        if len(times) >= STEPS:
            break
        last = now
    steady = sorted(times[3:] or times)
    return steady[len(steady) // 2]


def _peak_megabytes():
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return peak / (1 << 20 if sys.platform == "darwin" else 1 << 10)


def _words(seconds):
    for size, name in ((86400, "days"), (3600, "hours"), (60, "minutes")):
        if seconds >= 2 * size:
            return f"{seconds / size:.1f} {name}"
    return f"{seconds:.0f} seconds"
