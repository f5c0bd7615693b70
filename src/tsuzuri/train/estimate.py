"""What a training will take, found by preparing the data and timing a few steps of it in a temporary folder."""
import resource
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import msgspec

from tsuzuri.optim import make_optimizer
from tsuzuri.train.config import CountingConfig
from tsuzuri.train.events import Stepped
from tsuzuri.train.loop import fit
from tsuzuri.train.recording import Training

MANY = 1_000_000                                             # tokens of which n-grams are counted
STEPS = 12                                                   # of which the first three warm up


def estimate(training: Training, settings: Any) -> Iterator[str]:
    """Lines that say how many parameters, steps, how much memory and time the training will take."""
    with tempfile.TemporaryDirectory(prefix="tsuzuri-") as folder:
        run = training.prepare(settings, Path(folder) / "run")
        yield f"data        {training.described(run)}"
        if isinstance(settings.training, CountingConfig):
            yield from _of_counting(run, run.new_model())
        else:
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
    yield f"n-grams     {model.parameter_count():,} in the first {min(MANY, corpus.tokens):,} tokens"
    yield f"memory      {_peak_megabytes():,.0f} MB at most, for those"
    yield f"time        about {_words((time.perf_counter() - started) * max(1.0, corpus.tokens / MANY))} without validation"


def _seconds_a_step(model, batches, optimizer, config):
    """The median of a few steps; the parameters are moved, so the model is of no further use."""
    to_the_end = msgspec.structs.replace(config, patience=0)
    times, last = [], time.perf_counter()
    for event in fit(model, batches, optimizer, to_the_end):
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
