"""From a text to word vectors in a file, by any method: a generator of events, like every training here.

While it runs, ``FILE.training`` beside FILE holds the text as ids, the settings and, for the methods that predict, the
state of the training as of the last minute.  A run that was killed goes on from there; FILE appears when it is done.
"""
import hashlib
import os
import shutil
import time
from collections.abc import Generator, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import msgspec
import numpy as np

from tsuzuri import array
from tsuzuri import settings as settings_
from tsuzuri.datasets import open_source
from tsuzuri.errors import ConfigError, DataError, RunError, TrainingError
from tsuzuri.files import atomic_write, held_alone, remove_leftovers
from tsuzuri.interop.safetensors_store import Stored, load, load_tensors, save_tensors
from tsuzuri.text.word_corpus import WordCorpus, open_words, reading_words
from tsuzuri.vectors.continuing import MergedCorpus, merged, rows_of
from tsuzuri.vectors.files import writer_of
from tsuzuri.vectors.settings import VectorSettings, choose
from tsuzuri.vectors.word2vec import Trained, Word2Vec, refuse_huge
from tsuzuri.vectors.word_vectors import WordVectors

SAVE_EVERY = 60.0                                            # seconds
SETTINGS, TEXT, RAW, STATE, LOCK = "settings.toml", "text", "raw", "state.safetensors", "lock"


@dataclass(frozen=True)
class Reading:
    """Words of the text read so far."""

    words: int


@dataclass(frozen=True)
class Prepared:
    """The text is read: its words, how many of them are in the vocabulary, and the size of that."""

    read: int
    words: int
    vocabulary: int


@dataclass(frozen=True)
class Counted:
    """The co-occurrences are counted: pairs of words that were met."""

    pairs: int


@dataclass(frozen=True)
class Finished:
    """The vectors, which are in the file now, and the mean loss of each pass."""

    vectors: WordVectors
    losses: list[float]


@dataclass(frozen=True)
class Run:
    """Where a training reads and writes, and how."""

    out: Path
    work: Path
    threads: int
    save_every: float
    base: Stored | None


Event = Reading | Prepared | Counted | Trained | Finished
Corpus = WordCorpus | MergedCorpus


def train_vectors(settings: VectorSettings, out: str | os.PathLike, *, resume: bool = False,
                  save_every: float = SAVE_EVERY) -> Iterator[Event]:
    """Train on the text of ``settings`` into the file ``out``, whose suffix chooses the format.

    ConfigError: a setting or suffix that does not fit.  DataError: the text.  RunError: a training of ``out`` was begun and
    ``resume`` is off, or there is none and it is on, or another process is at it.
    """
    out = Path(out)
    base = settings.vectors.go_on_from
    _check_out(out, settings.words.data, base)
    old = _open_base(settings, Path(base)) if base else None
    work = _work_folder(out)
    with ExitStack() as stack:
        stack.enter_context(_held(work, out))
        _look_for_another(work, out, resume, settings)
        threads = stack.enter_context(array.threads(settings.vectors.threads or None))
        try:
            corpus = yield from _read(settings, work, old)
            run = Run(out, work, threads, save_every, old)
            yield Prepared(corpus.read, corpus.words, len(corpus.vocabulary))
            vectors, losses = yield from _METHODS[settings.vectors.method](settings, corpus, run)
        except TrainingError:                                # its settings lead nowhere: the next attempt has others
            shutil.rmtree(work, ignore_errors=True)
            raise
        except (DataError, ConfigError):
            if not resume:                                   # else it can be gone on with, once the reason is put right
                shutil.rmtree(work, ignore_errors=True)
            raise
        shutil.rmtree(work)
    yield Finished(vectors, losses)


@contextmanager
def _held(work, out):
    """The work folder, made where it is missing, held against other processes; it goes again if it is left empty."""
    work.mkdir(parents=True, exist_ok=True)
    with held_alone(work / LOCK) as alone:
        if not alone:
            raise RunError(f"{out} is being trained by another process; wait for it or take another name.")
        try:
            yield
        finally:
            if work.is_dir() and {path.name for path in work.iterdir()} == {LOCK}:
                shutil.rmtree(work, ignore_errors=True)


def begun_with(out: str | os.PathLike) -> dict[str, Any]:
    """The settings that a training of ``out`` was begun with, by name.  RunError: there is none."""
    path = _work_folder(Path(out)) / SETTINGS
    if not path.exists():
        raise RunError(f"there is no training of {out} to go on with ({path} is missing); start it without resume.")
    return settings_.from_file(path, VectorSettings)


def _work_folder(out: Path) -> Path:
    return out.with_name(f"{out.name}.training")


def _check_out(out, text, base):
    writer_of(out)
    if out.is_dir():
        raise ConfigError(f"{out} is a folder; name a file to write the vectors to.")
    for what, path in (("the text itself", Path(text)), ("what is to be gone on from", Path(base))):
        if out.exists() and path.is_file() and out.samefile(path):
            raise ConfigError(f"{out} is {what}; name another file to write the vectors to.")


def _look_for_another(work, out, resume, settings):
    if not resume and (work / SETTINGS).exists():
        raise RunError(f"a training of {out} was begun and not finished; go on with it by --resume, or remove {work}.")
    if resume and _on_any_threads(choose([("begun", begun_with(out))])) != _on_any_threads(settings):
        raise RunError(f"the training of {out} was begun with other settings ({work / SETTINGS}); resume with those, or remove "
                       f"{work}.")


def _on_any_threads(settings):
    return msgspec.structs.replace(settings, vectors=msgspec.structs.replace(settings.vectors, threads=0))


def _read(settings, work, old) -> Generator[Event, None, Corpus]:
    """The text as ids, read now or by the run that is gone on with."""
    words, folder = settings.words, work / TEXT
    remove_leftovers(work, folder)
    if not (work / SETTINGS).exists():
        for begun in (folder, work / RAW):
            shutil.rmtree(begun, ignore_errors=True)
        lines, options = open_source(words.data, errors=words.encoding_errors).lines(), words.options()
        known = frozenset(old.table.words) if old else frozenset()
        if words.phrases:
            raw = yield from _reading(lines, work / RAW, replace(options, min_count=1, max_size=None), known)
            from tsuzuri.vectors.phrases import join_phrases
            join_phrases(raw, folder, min_count=options.min_count, passes=words.phrases, max_size=options.max_size,
                         known=known)
            shutil.rmtree(work / RAW)
        else:
            yield from _reading(lines, folder, options, known)
        atomic_write(work / SETTINGS, settings_.to_toml(settings))
    corpus = open_words(folder)
    return merged(old.table, corpus) if old else corpus


def _reading(lines, folder, options, known) -> Generator[Event, None, WordCorpus]:
    reading, shown = reading_words(lines, folder, options, known), time.monotonic()
    while True:
        try:
            words = next(reading)
        except StopIteration as end:
            return end.value
        if time.monotonic() - shown > 0.2:
            shown = time.monotonic()
            yield Reading(words)


def _ppmi(settings, corpus, run):
    """Rows of the PPMI matrix, its columns the most frequent words as far as ``size`` goes."""
    matrix = yield from _association(settings, corpus)
    width = min(settings.vectors.usual("size"), matrix.shape[1])
    refuse_huge(matrix.shape[0], width)
    return _plain(corpus, matrix[:, :width].astype(np.float32).toarray(), run), []


def _svd(settings, corpus, run):
    from tsuzuri.vectors.svd import svd_vectors
    counting, vectors = settings.counting, settings.vectors
    refuse_huge(len(corpus.vocabulary), 4 * vectors.usual("size") + 100)                # the space it looks for them in
    matrix = yield from _association(settings, corpus)
    return _plain(corpus, svd_vectors(matrix, min(vectors.usual("size"), len(corpus.vocabulary)), exponent=counting.exponent,
                                      contexts=counting.contexts, rng=np.random.default_rng(vectors.seed)), run), []


def _association(settings, corpus):
    from tsuzuri.vectors.association import ppmi
    counts = yield from _counts(settings, corpus, "uniform")
    matrix = ppmi(counts, settings.counting.shift, settings.counting.smoothing)
    if not matrix.nnz:
        raise DataError("no two words stand together more often than chance would have it; give more text or a smaller shift")
    return matrix


def _counts(settings, corpus, weighting):
    from tsuzuri.vectors.cooccurrence import count_cooccurrences
    _refuse_one_word(corpus.vocabulary)
    counts = count_cooccurrences(corpus, settings.vectors.window, weighting=settings.counting.weighting or weighting,
                                 sides=settings.counting.sides, across_lines=settings.counting.across_lines)
    yield Counted(counts.nnz)
    return counts


def _refuse_one_word(vocabulary):
    if len(vocabulary) < 2:
        raise DataError(f'the text has one word only, "{vocabulary.tokens[0]}"; vectors come from words among others')


def _glove(settings, corpus, run):
    from tsuzuri.vectors.glove import train_glove
    vectors, losses = settings.vectors, []
    counts = yield from _counts(settings, corpus, "distance")
    epochs = vectors.usual("epochs")
    for epoch in train_glove(counts, vectors.usual("size"), epochs, rng=np.random.default_rng(vectors.seed),
                             x_max=settings.counting.x_max, rate=vectors.usual("alpha")):
        losses.append(epoch.loss)
        yield Trained(epoch.epoch, epochs, epoch.epoch / epochs, epoch.epoch * corpus.words, epoch.loss, counts.nnz, True)
    return _plain(corpus, epoch.vectors, run), losses


def _plain(corpus, vectors, run) -> WordVectors:
    trained = WordVectors(corpus.vocabulary.tokens, vectors, corpus.vocabulary.counts)
    trained.save(run.out)
    return trained


def _predict(settings, corpus, run):
    model, losses = Word2Vec(corpus.vocabulary, settings), []
    if run.base:
        _start_from(model, run.base)
    if (run.work / STATE).exists():
        tensors, progress = load_tensors(run.work / STATE)
        losses = progress.pop("losses")
        if progress.pop("words") != _digest(model.vocabulary):
            raise DataError(f"{run.work / STATE} belongs to another vocabulary: {settings.vectors.go_on_from or 'its text'} was "
                            f"changed since; put it back, or remove {run.work}")
        model.take_up(tensors["vectors"], tensors["contexts"], progress)
    saved = time.monotonic()
    for event in model.train(corpus, run.threads):
        if event.epoch_ends:
            losses.append(event.loss)
        if event.done < 1 and time.monotonic() - saved > run.save_every:
            _save_state(run.work / STATE, model, losses)
            saved = time.monotonic()
        yield event
    return model.save(run.out), losses


def _save_state(path, model, losses):
    size = model.size
    save_tensors(path, {"vectors": model.vectors[:, :size], "contexts": model.contexts[:, :size]},
                 model.progress() | {"losses": losses, "words": _digest(model.vocabulary)})


def _digest(vocabulary):
    return hashlib.sha256("\n".join(vocabulary.tokens).encode()).hexdigest()


def _open_base(settings, base) -> Stored:
    """What another training left, if it can be gone on with."""
    stored, size, predicting = load(base), settings.vectors.usual("size"), settings.predicting
    hs = predicting.hs or stored.notes.get("settings", {}).get("predicting", {}).get("hs")
    contexts = stored.others.get("contexts")
    if contexts is None or not contexts.shape == stored.table.vectors.shape == (len(stored.table.words), size) or hs or predicting.max_n:
        raise DataError(f"{base}: it cannot be gone on with: that takes a .safetensors file of cbow or skipgram without subwords "
                        f"and hs (its tree belongs to one vocabulary), and the same size (there {stored.table.vectors.shape[1]}, "
                        f"here {size})")
    return stored


def _start_from(model, base):
    """Put the vectors of another training into the rows of their words."""
    rows = rows_of(base.table.words, model.vocabulary)
    model.vectors[rows, :model.size], model.contexts[rows, :model.size] = base.table.vectors, base.others["contexts"]


_METHODS = {"ppmi": _ppmi, "svd": _svd, "glove": _glove, "cbow": _predict, "skipgram": _predict}
