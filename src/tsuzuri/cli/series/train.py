"""tsuzuri series train."""
from pathlib import Path

from cyclopts import App

from tsuzuri.cli.arguments import Text, TrainingFlags, Whole


def register(series: App) -> None:
    """Put the command into its group."""
    series.command(train)


def train(data: Text | None = None, /, *, out: Path, column: str | None = None, beside: str | None = None,
          date: str | None = None, task: str | None = None, window: Whole | None = None, horizon: Whole | None = None,
          split: str | None = None, season: Whole | None = None, transform: str | None = None,
          calendar: bool | None = None, arch: str | None = None, cell: str | None = None, size: Whole | None = None,
          layers: Whole | None = None, dropout: float | None = None, base: str | None = None,
          normalise: str | None = None, difference: Whole | None = None, loss: str | None = None,
          quantiles: str | None = None, dtype: str | None = None, batch_size: Whole | None = None,
          schedule: str | None = None, clip: float | None = None, epochs: Whole | None = None,
          patience: Whole | None = None, flags: TrainingFlags | None = None) -> None:
    """Train a forecaster on columns of numbers: RNN, GRU, LSTM or attention.

    DATA is a data set's name (`tsuzuri data list`) or a CSV file with a header.
    It is cut in the order of time: rows to train on, to validate, to test.
    Settings come from defaults < --config FILE < environment (TSUZURI_LR ...) <
    flags.

    Examples:

      tsuzuri series train airline --out runs/airline
      tsuzuri series train etth1 --out runs/oil --column OT --beside all --horizon 24 --window 96 --arch attention
      tsuzuri series train sales.csv --out runs/sales --column shoes,hats --horizon 7 --window 28 --calendar
      tsuzuri series train plant.csv --out runs/plant --task estimate --column output --beside pressure,flow --window 24
      tsuzuri series train --out runs/airline --resume

    Parameters
    ----------
    data
        The table to learn from.
    out
        The run folder to write.
    column
        The columns to predict, with a comma between them; all: every column of numbers. [default: all]
    beside
        Columns that are read beside those; all: every other one. [default: none of them]
    date
        The column of the dates; none: there is none. [default: the first, if it holds dates]
    task
        forecast (the rows behind a window) or estimate (the columns of its last row from those beside). [default: forecast]
    window
        Rows that are read. [default: 48]
    horizon
        Rows that are predicted. [default: 1]
    split
        Shares, or numbers, of the rows to train on, to validate and to test. [default: 0.7,0.1,0.2]
    season
        Rows of a season; 1: none; 0: found by the autocorrelation of the training rows. [default: 0]
    transform
        What is done to the numbers before they are scaled: none, log or sqrt. [default: none]
    calendar
        Read the hour, weekday and month beside. [default: no]
    arch
        rnn, gru, lstm or attention. [default: lstm]
    cell
        attention: rnn, gru or lstm. [default: lstm]
    size
        Units in a layer. [default: 32]
    layers
        Layers of the encoder. [default: 1]
    dropout
        Probability of dropping an element. [default: 0]
    base
        What the network's forecast is added to: none, last (row), season (the row a season before) or linear (ridge regression of
        the window). [default: linear]
    normalise
        window: take mean and deviation of each window off, and put them back; none. [default: none]
    difference
        Read the changes over so many rows in place of the values. [default: 0]
    loss
        pinball (of the quantiles) or squared (of the mean). [default: pinball]
    quantiles
        The quantiles of the forecast, 0.5 among them. [default: 0.1,0.5,0.9]
    dtype
        float32 or float64. [default: float32]
    batch_size
        Windows in a batch. [default: 64]
    schedule
        Of the learning rate: constant, step, cosine, inverse-sqrt, hold or plateau. [default: cosine]
    clip
        Longest gradient; 0 for any. [default: 5]
    epochs
        Passes over the windows. [default: 30]
    patience
        Stop after so many epochs without a new best; 0: never. [default: 8]
    flags
        What every training may be told.
    """
    given = {**locals()}
    from tsuzuri.cli import training
    training.train("series", given)
