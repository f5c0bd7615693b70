"""Training a language model in a run folder: preparing it, going on with it, finishing it."""
import math
import os
import time
from collections.abc import Callable, Iterator
from pathlib import Path

from tsuzuri.array import threads
from tsuzuri.datasets import open_source
from tsuzuri.errors import DataError
from tsuzuri.files import remove_leftovers
from tsuzuri.text import BPTTBatches, Corpus, encode_corpus, train_tokenizer
from tsuzuri.text.corpus import checked
from tsuzuri.text.overlap import overlap, run_length
from tsuzuri.train.config import CountingConfig
from tsuzuri.train.drawing import draw_run
from tsuzuri.train.events import Event, Finished, Validated
from tsuzuri.train.folder import mend
from tsuzuri.train.loop import evaluate
from tsuzuri.train.recording import Training, alone, record_training
from tsuzuri.train.run import DataConfig, Run, Settings, stream, windows

WINDOW = 512                                                 # tokens of a text that is only read, at a time


def prepare_run(settings: Settings, out: str | os.PathLike,
                report: Callable[[str], None] = lambda line: None) -> Run:
    """Read the text, learn the tokenizer, write the tokens: a run folder that is ready to be trained."""
    data = settings.data

    def prepare(folder: Path) -> None:
        train, valid = _lines(data)
        report(f"reading {data.data}")
        tokenizer = train_tokenizer(data.unit, train(), **data.options(data.unit))
        tokenizer.save(folder / "tokenizer")
        corpus = encode_corpus(train(), tokenizer, folder / "corpus" / "train")
        report(f"{corpus.tokens:,} tokens of {len(tokenizer):,} kinds")
        windows(corpus, settings)                           # refuses a text that is too short
        if valid:
            held_out = encode_corpus(valid(), tokenizer, folder / "corpus" / "valid")
            try:
                rows_of(held_out, settings)
            except DataError as error:
                raise DataError(f"the validation text: {error}") from None
            report(overlap(corpus.ids, held_out.ids, run_length(data.unit)).sentence())

    return Run.create(out, settings, prepare)


def train_run(run: Run, minutes: float = math.inf) -> Iterator[Event]:
    """Train the run to its end, from its last checkpoint where it has one, saving as it goes.

    After ``minutes`` it is saved and left, to be gone on with another time.  A run that is left or killed at any moment and
    trained again ends with the same bytes.  RunError: another process trains it.
    """
    with alone(run):
        model, corpus, held_out = run.new_model(), checked(run.corpus()), run.held_out()
        if held_out is not None:
            checked(held_out)
        if isinstance(run.settings.training, CountingConfig):
            yield from _count(run, model)
            return
        valid = None if held_out is None else rows_of(held_out, run.settings)
        yield from record_training(run, model, windows(corpus, run.settings), valid, minutes, lambda: draw_run(run, model))


def described(run: Run) -> str:
    """What is learnt from, in a line."""
    corpus = run.corpus()
    return f"{corpus.tokens:,} tokens, {corpus.characters:,} characters, vocabulary {len(run.tokenizer):,}"


def _count(run, model):
    """A model that is counted, in one pass; it is done at once or not at all."""
    if run.final.exists():
        yield Finished(1, 1, "all is counted")
        return
    remove_leftovers(run.folder)
    mend(run.clock)
    started = time.monotonic()
    with threads(run.settings.training.threads):
        model.count(run.corpus().ids)
        held_out = run.held_out()
        valid_loss = None if held_out is None else evaluate(model, windows(held_out, run.settings))[0]
    os.truncate(run.metrics, 0)
    run.log({"step": 1, "epoch": 1, "train_loss": None, "valid_loss": valid_loss, "best": True})
    run.clocked(1, time.monotonic() - started)
    run.save_model(run.final, model, epoch=1, step=1)
    yield Validated(1, 1, None, valid_loss, True)
    yield Finished(1, 1, "all is counted")


def _lines(data: DataConfig):
    """(a reader of the training lines, one of the validation lines or None)."""
    source = open_source(data.data, **data.reading())
    if data.valid == "":
        return lambda: source.lines("train"), lambda: source.lines("valid")
    split = source.first_of("train")
    if data.valid == "none":
        return lambda: source.lines(split), None
    other = open_source(data.valid, **data.reading())
    return lambda: source.lines(split), lambda: other.lines(other.first_of("valid", "test"))


def rows_of(corpus: Corpus, settings: Settings) -> BPTTBatches:
    """The corpus from end to end, as many rows side by side as the training has: for validation."""
    training = settings.training
    return stream(corpus) if isinstance(training, CountingConfig) else BPTTBatches(corpus.ids, training.batch_size, training.bptt)


TRAINING = Training(Run, prepare_run, train_run, described)
