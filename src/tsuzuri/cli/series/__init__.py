"""tsuzuri series: forecasting and regression on the columns of a table."""
from cyclopts import App

from tsuzuri.cli.series import train, use


def register(app: App) -> None:
    """Put the group into the command line."""
    series = App(name="series", help="Train a forecaster on columns of numbers, measure it, forecast, draw its forecasts.")
    for part in (train, use):
        part.register(series)
    app.command(series)
