"""Training a forecaster in a run folder: preparing it, going on with it, finishing it."""
import math
import os
from collections.abc import Callable, Iterator
from pathlib import Path

from tsuzuri.models.linear_forecast import LinearForecaster
from tsuzuri.models.series import SeriesModel
from tsuzuri.train.checkpoint import save_arrays
from tsuzuri.train.drawing import draw_run
from tsuzuri.train.events import Event
from tsuzuri.train.recording import Training, alone, record_training
from tsuzuri.train.series_run import SeriesRun, SeriesSettings, open_series, save_series, sizes_of


def prepare_series(settings: SeriesSettings, out: str | os.PathLike, report: Callable[[str], None] = lambda line: None) -> SeriesRun:
    """Read the table, fit the linear model: a run folder that is ready to be trained."""

    def prepare(folder: Path) -> None:
        report(f"reading {settings.series.data}")
        table, outputs = settings.series.read()
        series = open_series(settings, table, outputs)
        sizes = sizes_of(settings, series)
        SeriesModel.refuse(settings.model, sizes)
        save_series(folder, table, outputs)
        linear = LinearForecaster.fit(sizes, series.windows("train").arrays(), series.windows("valid").arrays())
        save_arrays(folder / "linear.safetensors", linear.arrays(), linear.notes())
        report(f"{_parts(series)}; {_season(series, settings.series.season)}")
        report(f"linear model: {linear.sentence()}")

    return SeriesRun.create(out, settings, prepare)


def train_series(run: SeriesRun, minutes: float = math.inf) -> Iterator[Event]:
    """Train the run to its end, from its last checkpoint where it has one, saving as it goes.

    After ``minutes`` it is saved and left, to be gone on with another time.  A run that is left or killed at any moment and
    trained again ends with the same bytes.  RunError: another process trains it.
    """
    with alone(run):
        model = run.new_model()
        yield from record_training(run, model, run.batches(), run.held_out(), minutes, lambda: draw_run(run, model))


def described(run: SeriesRun) -> str:
    """What is learnt from, in a line."""
    return f"{len(run.series.windows('train')):,} windows to train on; {_parts(run.series)}"


TRAINING = Training(SeriesRun, prepare_series, train_series, described)


def _parts(series):
    counts = ", ".join(f"{len(rows):,} {name}" for name, rows in series.parts.items())
    return f"{len(series.table):,} rows ({counts}), {', '.join(series.columns)} from {series.inputs} column{'' if series.inputs == 1 else 's'}"


def _season(series, given):
    if series.season == 1:
        return "no season" + ("" if given else " found")
    return f"a season of {series.season} rows" + ("" if given else ", found by the autocorrelation")
