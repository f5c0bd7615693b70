"""tsuzuri series evaluate, forecast and plot."""
from pathlib import Path
from typing import Annotated

from cyclopts import App, Parameter

from tsuzuri.cli.arguments import Text, Whole


def register(series: App) -> None:
    """Put the commands into their group."""
    series.command(evaluate)
    series.command(forecast)
    series.command(plot)


def evaluate(run: Path, /, *, part: str = "test", json: Annotated[bool, Parameter(negative="")] = False) -> None:
    """Measure a run on the rows held out, beside the last value, the seasonal-naive and the linear model on the same windows.

    Examples:

      tsuzuri series evaluate runs/airline
      tsuzuri series evaluate runs/oil --part valid --json

    Parameters
    ----------
    run
        A run folder.
    part
        Which rows: train, valid or test.
    json
        Print one JSON object, with every column by itself.
    """
    from tsuzuri.cli.output import print_json, print_table
    from tsuzuri.measuring.forecasting import MEASURES, evaluate_series
    from tsuzuri.writing.forecasting import Forecaster
    found = evaluate_series(Forecaster(run), part)
    if json:
        return print_json(found)
    parts = found["columns"] if len(found["columns"]) > 1 else {"": found["models"]}
    rows = [[column, name, *(f"{measures[measure]:.4g}" for measure in MEASURES)] for column, models in parts.items() for name, measures in models.items()]
    if len(parts) > 1:
        rows += [["mean", name, "", "", *(f"{measures[measure]:.4g}" for measure in MEASURES[2:])] for name, measures in found["models"].items()]
    head = ["column", "model", "MAE", "RMSE", "MASE", "pinball", "coverage", "scaled MSE", "scaled MAE"]
    season = f"season {found['season']}" if found["season"] > 1 else "no season: seasonal-naive is the last value"
    print_table(([cell for k, cell in enumerate(row) if k or len(parts) > 1] for row in rows), head if len(parts) > 1 else head[1:],
                title=f"{found['data']}, {part}: {found['windows']:,} windows of {found['horizon']} ahead; {season}; band {found['band']:.0%}")


def forecast(run: Path, file: Text = "", /, *, steps: Whole = 0, out: Path | None = None) -> None:
    """Print what comes behind the end of a series as CSV: the forecast of each column and its quantiles.

    Of a run that estimates, the last rows of the file.

    Examples:

      tsuzuri series forecast runs/airline --steps 12
      tsuzuri series forecast runs/sales sales-until-today.csv > sales-to-come.csv

    Parameters
    ----------
    run
        A run folder.
    file
        A CSV file of the same columns, or a data set. [default: what was learnt from]
    steps
        How many rows; 0: as many as the run predicts at once. [default: 0]
    out
        Write to this file. [default: print]
    """
    import csv
    import io

    from tsuzuri.cli.output import note
    from tsuzuri.files import atomic_write
    from tsuzuri.writing.forecasting import Forecaster
    forecaster = Forecaster(run)
    ahead, series = forecaster.ahead(file, steps), forecaster.series
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(["step" if ahead.labels[0].startswith("+") else "date", *(f"{column}{level}" for column in series.columns
                                                                              for level in ("", *(f" {q:g}" for q in forecaster.levels)))])
    for k, label in enumerate(ahead.labels):
        writer.writerow([label, *(f"{number:.6g}" for c in range(series.outputs) for number in (ahead.point[k, c], *ahead.quantiles[k, c]))])
    if len(ahead.labels) > series.horizon and series.forecast:
        note(f"rows behind the first {series.horizon} are forecast from forecasts; their quantiles are those of {series.horizon} steps, and so too narrow")
    if out:
        atomic_write(out, text.getvalue())
    else:
        print(text.getvalue(), end="")


def plot(run: Path, /, *, out: Path, part: str = "test", rows: Whole = 0, title: str = "") -> None:
    """Draw the last rows of a part with what the run and the baselines had forecast, one horizon after the other.

    Examples:

      tsuzuri series plot runs/airline --out airline.png
      tsuzuri series plot runs/oil --rows 168 --out oil.svg

    Parameters
    ----------
    run
        A run folder.
    out
        The picture to write; .png, .svg or .pdf.
    part
        Which rows: train, valid or test.
    rows
        How many rows of forecasts; 0: some horizons. [default: 0]
    title
        A title of your own.
    """
    from tsuzuri.cli.drawing import drawn
    from tsuzuri.plots import forecast_chart
    from tsuzuri.writing.charts import chart_of
    from tsuzuri.writing.forecasting import Forecaster
    chart = chart_of(Forecaster(run), part, rows)
    with drawn(out):
        forecast_chart(chart, out, title=title)
