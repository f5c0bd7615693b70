"""Training a model that describes pictures in a run folder: preparing it, going on with it, finishing it."""
import math
import os
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from tsuzuri.datasets.made_scenes import SETS
from tsuzuri.datasets.picture_corpus import write_pictures
from tsuzuri.datasets.pictures import PictureSource, held_out_scenes, made_set, open_pictures
from tsuzuri.datasets.scenes import is_true
from tsuzuri.decode.captions import describe
from tsuzuri.errors import ConfigError
from tsuzuri.text import train_tokenizer
from tsuzuri.train.caption_run import UNITS, CaptionRun, CaptionSettings, PictureConfig
from tsuzuri.train.drawing import draw_run
from tsuzuri.train.events import Event
from tsuzuri.train.recording import Training, alone, record_training

CHECKED = 500                                                # held-out scenes that are described after each epoch


def prepare_pictures(settings: CaptionSettings, out: str | os.PathLike, report: Callable[[str], None] = lambda line: None) -> CaptionRun:
    """Read or draw the pictures, learn the tokens: a run folder that is ready to be trained."""
    config = settings.pictures

    def prepare(folder: Path) -> None:
        source = source_of(config)
        report(f"{'drawing' if source.made else 'reading'} {config.data}")
        for part in ("train", "valid"):
            corpus = write_pictures(source.pictures(part, config.pixels), folder / "corpus" / part, config.pixels, source.channels)
            report(f"{len(corpus):,} pictures{' to validate' if part == 'valid' else ''}, {corpus.captions:,} captions")
            if part == "train":
                tokenizer = train_tokenizer(UNITS[config.unit], (caption for said in corpus.said for caption in said), **config.options(UNITS[config.unit]))
                tokenizer.save(folder / "tokenizer")

    return CaptionRun.create(out, settings, prepare)


def source_of(config: PictureConfig) -> PictureSource:
    """The pictures that are learnt from.  ConfigError: so many scenes of what is not generated."""
    if config.scenes != PictureConfig().scenes and not made_set(config.data):
        raise ConfigError(f"scenes is for sets that are generated, and {config.data} is a folder of images; leave it out.")
    return open_pictures(config.data, config.captions, config.scenes)


def train_pictures(run: CaptionRun, minutes: float = math.inf) -> Iterator[Event]:
    """Train the run to its end, from its last checkpoint where it has one, saving as it goes.

    After ``minutes`` it is saved and left, to be gone on with another time.  A run that is left or killed at any moment and
    trained again ends with the same bytes.  After each epoch held-out scenes are described greedily, and the share of what was
    said that is true is noted.  RunError: another process trains it.
    """
    with alone(run):
        model, made = run.new_model(), made_set(run.settings.pictures.data)
        measure = (lambda: {"share_true": share_true(run, model, made)}) if made else None
        yield from record_training(run, model, run.batches(), run.batches("valid"), minutes, lambda: draw_run(run, model), measure)


def share_true(run: CaptionRun, model: Any, made: str) -> float:
    """The share of the first held-out scenes of which the greedy caption is true."""
    corpus, config = run.corpus("valid"), run.settings.pictures
    found = describe(model, corpus.images[:CHECKED], run.end, config.longest)
    nouns = SETS[made].nouns
    return sum(is_true(run.tokenizer.decode(texts[0].ids), scene, nouns) for texts, scene in zip(found, held_out_scenes(made))) / len(found)


def described(run: CaptionRun) -> str:
    """What is learnt from, in a line."""
    corpus = run.corpus()
    return f"{len(corpus):,} pictures of {corpus.pixels} x {corpus.pixels} x {corpus.channels}, {corpus.captions:,} captions, vocabulary {len(run.tokenizer):,}"


TRAINING = Training(CaptionRun, prepare_pictures, train_pictures, described)
