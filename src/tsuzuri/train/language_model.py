"""Training a language model in a run folder: preparing it, going on with it, finishing it."""
import math
import os
import time
from collections.abc import Callable, Iterator
from pathlib import Path

from numpy.random import default_rng

from tsuzuri.array import threads
from tsuzuri.datasets import open_source
from tsuzuri.datasets.sources import DatasetText
from tsuzuri.errors import DataError, RunError, TrainingError
from tsuzuri.files import atomic_write, held_alone, remove_leftovers
from tsuzuri.models.language_model import LanguageModel
from tsuzuri.optim import make_optimizer
from tsuzuri.text import BPTTBatches, Corpus, encode_corpus, train_tokenizer
from tsuzuri.text.aozora import AOZORA
from tsuzuri.text.batches import WINDOWS
from tsuzuri.text.overlap import overlap, run_length
from tsuzuri.train.checkpoint import load_checkpoint, save_checkpoint
from tsuzuri.train.config import CountingConfig
from tsuzuri.train.events import Event, Finished, Stepped, Validated
from tsuzuri.train.loop import Progress, evaluate, fit
from tsuzuri.train.run import DataConfig, Run, Settings, create_run, mend

WINDOW = 512                                                 # tokens of a text that is only read, at a time
LOGGED_A_EPOCH = 100                                         # steps of an epoch that are written to metrics.jsonl


def prepare_run(settings: Settings, out: str | os.PathLike,
                report: Callable[[str], None] = lambda line: None) -> Run:
    """Read the text, learn the tokenizer, write the tokens: a run folder that is ready to be trained."""
    data = settings.data

    def prepare(folder: Path) -> None:
        train, valid = _lines(data)
        report(f"reading {data.data}")
        tokenizer = train_tokenizer(data.unit, train(), **tokenizer_options(data))
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

    return create_run(out, settings, prepare)


def tokenizer_options(data: DataConfig) -> dict:
    """The options of the tokenizer that ``data`` asks for."""
    if data.unit == "bpe":
        return {"size": data.vocabulary or 8000, "nfkc": data.nfkc}
    of_words = {"split_mode": data.split_mode} if data.unit == "sudachi" else {}
    return of_words | {"nfkc": data.nfkc, "max_size": data.vocabulary or None, "min_count": data.min_count, "lowercase": data.lowercase,
            "digits": data.digits, "punctuation": data.punctuation}


def train_run(run: Run, minutes: float = math.inf) -> Iterator[Event]:
    """Train the run to its end, from its last checkpoint where it has one, saving as it goes.

    After ``minutes`` it is saved and left, to be gone on with another time.  A run that is left or killed at any moment and
    trained again ends with the same bytes.  RunError: another process trains it.
    """
    with held_alone(run.metrics) as alone:
        if not alone:
            raise RunError(f"{run.folder} is being trained by another process; wait for it, or stop it.")
        yield from _train_alone(run, minutes)


def _train_alone(run, minutes):
    model, config = run.new_model(), run.settings.training
    if isinstance(config, CountingConfig):
        yield from _count(run, model)
        return
    optimizer = make_optimizer(config.optimizer, model, config.weight_decay)
    batches, held_out = windows(run.corpus(), run.settings), run.held_out()
    valid = None if held_out is None else rows_of(held_out, run.settings)
    progress, logged = None, 0
    remove_leftovers(run.folder, run.best.parent, run.checkpoint.parent)
    if run.checkpoint.exists():
        progress, notes = load_checkpoint(run.checkpoint, model, optimizer)
        logged = notes["logged"]
    os.truncate(run.metrics, min(logged, run.metrics.stat().st_size))
    mend(run.clock)
    yield from _Recorder(run, model, optimizer, len(batches), minutes).record(batches, valid, progress)


def _count(run, model):
    """A model that is counted, in one pass; it is done at once or not at all."""
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


class _Recorder:
    """Writes what ``fit`` does into the run folder."""

    def __init__(self, run, model, optimizer, batches, minutes):
        self.run, self.model, self.optimizer = run, model, optimizer
        self.every = max(1, batches // run.settings.training.accumulate // LOGGED_A_EPOCH)
        self.saved = time.monotonic()
        self.started = self.saved - run.seconds()
        self.until = self.saved + 60 * minutes

    def record(self, batches, valid, progress):
        config = self.run.settings.training
        progress = progress or Progress(default_rng([config.seed, 1]))
        try:
            for event in fit(self.model, batches, self.optimizer, config, valid=valid, progress=progress):
                self._happened(event, progress)
                yield event
                if time.monotonic() >= self.until and not progress.done:
                    return self._save(progress)
        except TrainingError as error:                       # a resumed run cuts this line off again
            self.run.log({"error": str(error)})
            raise

    def _happened(self, event, progress):
        if isinstance(event, Stepped):
            self._stepped(event, progress)
        elif isinstance(event, Validated):
            self._validated(event, progress)
        else:
            self._finished()

    def _stepped(self, event, progress):
        if event.step % self.every == 0:
            self.run.log({"step": event.step, "epoch": event.epoch, "loss": event.loss, "norm": event.norm, "lr": event.lr})
        if time.monotonic() - self.saved >= self.run.settings.training.save_every:
            self._save(progress)

    def _validated(self, event, progress):
        self.run.log({"step": event.step, "epoch": event.epoch, "train_loss": event.train_loss,
                      "valid_loss": event.valid_loss, "best": event.best})
        if event.best:
            with self.optimizer.judged():
                self.run.save_model(self.run.best, self.model, epoch=event.epoch, step=event.step)
        self._save(progress)

    def _save(self, progress):
        save_checkpoint(self.run.checkpoint, self.model, self.optimizer, progress,
                        logged=self.run.metrics.stat().st_size)
        self.saved = time.monotonic()
        self.run.clocked(progress.step, self.saved - self.started)

    def _finished(self):
        atomic_write(self.run.final, self.run.best.read_bytes())
        draw_run(self.run, self.model)


def draw_run(run: Run, model: LanguageModel) -> None:
    """Write ``curves.png`` from the metrics, and ``graph.svg``: the computation of one training step."""
    from tsuzuri.graph import graph_of, save
    from tsuzuri.plots import curves
    records = run.logged()
    series = {"training": [(r["step"], r["loss"]) for r in records if "loss" in r],
              "validation": [(r["step"], r["valid_loss"]) for r in records if r.get("valid_loss") is not None]}
    measure = "bits" if run.settings.data.unit == "char" else "perplexity"
    curves({name: points for name, points in series.items() if points}, run.folder / "curves.png", measure=measure)
    ids, targets = windows(run.corpus(), run.settings)[0]
    save(graph_of(model.loss(ids, targets)[0], names=model), run.folder / "graph.svg")


def _lines(data: DataConfig):
    """(a reader of the training lines, one of the validation lines or None)."""
    source = open_source(data.data, errors=data.encoding_errors, clean=AOZORA[data.aozora])
    if data.valid == "":
        return lambda: source.lines("train"), lambda: source.lines("valid")
    train = (lambda: source.lines("train")) if isinstance(source, DatasetText) else source.lines
    return train, None if data.valid == "none" else open_source(data.valid, errors=data.encoding_errors, clean=AOZORA[data.aozora]).lines


def rows_of(corpus: Corpus, settings: Settings) -> BPTTBatches:
    """The corpus from end to end, as many rows side by side as the training has: for validation."""
    training = settings.training
    return stream(corpus) if isinstance(training, CountingConfig) else BPTTBatches(corpus.ids, training.batch_size, training.bptt)


def stream(corpus: Corpus) -> BPTTBatches:
    """The corpus as one row, in windows so long that what a window costs does not count."""
    return BPTTBatches(corpus.ids, 1, 1 << 16)


def windows(corpus: Corpus, settings: Settings) -> BPTTBatches:
    """The corpus as the batches of the training."""
    training = settings.training
    if isinstance(training, CountingConfig):
        return stream(corpus)
    return WINDOWS[training.windows](corpus.ids, training.batch_size, training.bptt, training.seed)
