"""Training a language model in a run folder: preparing it, going on with it, finishing it."""
import os
import time
from collections.abc import Callable, Iterator
from pathlib import Path

from numpy.random import default_rng

from tsuzuri.datasets import open_source
from tsuzuri.datasets.sources import DatasetText
from tsuzuri.errors import RunError
from tsuzuri.files import atomic_write, held_alone, remove_leftovers
from tsuzuri.models.recurrent import RecurrentLanguageModel
from tsuzuri.optim import make_optimizer
from tsuzuri.text import BPTTBatches, Corpus, encode_corpus, train_tokenizer
from tsuzuri.train.checkpoint import load_checkpoint, save_checkpoint
from tsuzuri.train.events import Event, Stepped, Validated
from tsuzuri.train.loop import Progress, fit
from tsuzuri.train.run import DataConfig, Run, Settings, create_run

LOGGED_A_EPOCH = 100                                         # steps of an epoch that are written to metrics.jsonl


def prepare_run(settings: Settings, out: str | os.PathLike,
                report: Callable[[str], None] = lambda line: None) -> Run:
    """Read the text, learn the tokenizer, write the tokens: a run folder that is ready to be trained."""
    def prepare(folder: Path) -> None:
        train, valid = _lines(settings.data)
        report(f"reading {settings.data.data}")
        tokenizer = train_tokenizer(settings.data.unit, train(), **tokenizer_options(settings.data))
        tokenizer.save(folder / "tokenizer")
        corpus = encode_corpus(train(), tokenizer, folder / "corpus" / "train")
        report(f"{corpus.tokens:,} tokens of {len(tokenizer):,} kinds")
        windows(corpus, settings)                           # refuses a text that is too short
        if valid:
            windows(encode_corpus(valid(), tokenizer, folder / "corpus" / "valid"), settings)

    return create_run(out, settings, prepare)


def tokenizer_options(data: DataConfig) -> dict:
    """The options of the tokenizer that ``data`` asks for."""
    if data.unit == "bpe":
        return {"size": data.vocabulary or 8000}
    return {"max_size": data.vocabulary or None, "min_count": data.min_count, "lowercase": data.lowercase,
            "digits": data.digits, "punctuation": data.punctuation}


def train_run(run: Run) -> Iterator[Event]:
    """Train the run to its end, from its last checkpoint where it has one, saving as it goes.

    A run that is killed at any moment and trained again ends with the same bytes.  RunError: another process trains it.
    """
    with held_alone(run.metrics) as alone:
        if not alone:
            raise RunError(f"{run.folder} is being trained by another process; wait for it, or stop it.")
        yield from _train_alone(run)


def _train_alone(run):
    model, config = run.new_model(), run.settings.training
    optimizer = make_optimizer(config.optimizer, model, config.weight_decay)
    batches, held_out = windows(run.corpus(), run.settings), run.held_out()
    valid = None if held_out is None else windows(held_out, run.settings)
    progress, logged = None, 0
    remove_leftovers(run.folder, run.best.parent, run.checkpoint.parent)
    if run.checkpoint.exists():
        progress, notes = load_checkpoint(run.checkpoint, model, optimizer)
        logged = notes["logged"]
    os.truncate(run.metrics, min(logged, run.metrics.stat().st_size))
    yield from _Recorder(run, model, optimizer, len(batches)).record(batches, valid, progress)


class _Recorder:
    """Writes what ``fit`` does into the run folder."""

    def __init__(self, run, model, optimizer, batches):
        self.run, self.model, self.optimizer = run, model, optimizer
        self.every = max(1, batches // run.settings.training.accumulate // LOGGED_A_EPOCH)
        self.saved = time.monotonic()

    def record(self, batches, valid, progress):
        config = self.run.settings.training
        progress = progress or Progress(default_rng([config.seed, 1]))
        for event in fit(self.model, batches, self.optimizer, config, valid=valid, progress=progress):
            if isinstance(event, Stepped):
                self._stepped(event, progress)
            elif isinstance(event, Validated):
                self._validated(event, progress)
            else:
                self._finished()
            yield event

    def _stepped(self, event, progress):
        if event.step % self.every == 0:
            self.run.log({"step": event.step, "epoch": event.epoch, "loss": event.loss, "norm": event.norm, "lr": event.lr})
        if time.monotonic() - self.saved >= self.run.settings.training.save_every:
            self._save(progress)

    def _validated(self, event, progress):
        self.run.log({"step": event.step, "epoch": event.epoch, "train_loss": event.train_loss,
                      "valid_loss": event.valid_loss, "best": event.best})
        if event.best:
            self.run.save_model(self.run.best, self.model, epoch=event.epoch, step=event.step)
        self._save(progress)

    def _save(self, progress):
        save_checkpoint(self.run.checkpoint, self.model, self.optimizer, progress,
                        logged=self.run.metrics.stat().st_size)
        self.saved = time.monotonic()

    def _finished(self):
        atomic_write(self.run.final, self.run.best.read_bytes())
        draw_run(self.run, self.model)


def draw_run(run: Run, model: RecurrentLanguageModel) -> None:
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
    source = open_source(data.data, errors=data.encoding_errors)
    if data.valid == "":
        return lambda: source.lines("train"), lambda: source.lines("valid")
    train = (lambda: source.lines("train")) if isinstance(source, DatasetText) else source.lines
    return train, None if data.valid == "none" else open_source(data.valid, errors=data.encoding_errors).lines


def windows(corpus: Corpus, settings: Settings) -> BPTTBatches:
    """The corpus as the batches of the training."""
    training = settings.training
    return BPTTBatches(corpus.ids, training.batch_size, training.bptt)
