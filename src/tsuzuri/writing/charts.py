"""What a picture of forecasts shows: rows as they came, and what each model had said of them one horizon before the other."""
from tsuzuri.datasets.series import PARTS
from tsuzuri.errors import ConfigError, DataError, check_choice
from tsuzuri.plots.series import Chart
from tsuzuri.writing.forecasting import Forecaster

FORECASTS, LEAST, MOST = 4, 48, 240                          # horizons that are drawn where nothing is said, and fewest and most rows of them
HISTORY = 0.6                                                # of the rows that are forecast, drawn before them


def chart_of(forecaster: Forecaster, part: str = "test", rows: int = 0) -> Chart:
    """The last rows of a part in the run's numbers, cut into whole horizons; 0: four of them, or some more where they are short.

    DataError: the part has no rows.  ConfigError: fewer than a horizon, or more than the part has.
    """
    check_choice("part", part, PARTS)
    series, K = forecaster.series, forecaster.series.horizon
    windows = series.windows(part)
    if not len(windows):
        raise DataError(f"{forecaster.run.folder}: split {forecaster.run.settings.series.split} leaves no rows for {part}; name another part.")
    most = len(windows) + K - 1
    if rows and not K <= rows <= most:
        raise ConfigError(f"rows is {rows}; it must be {K} to {most:,}, a horizon to all that {part} has.")
    count = min(rows or min(max(FORECASTS * K, LEAST), max(MOST, K)), most) // K
    stop = int(windows.starts[-1]) + K
    first = stop - count * K
    shown = windows[len(windows) - 1 - (count - 1) * K::K]
    said = {model.name: model(shown) for model in forecaster.models()}
    start = max(0, first - max(int(HISTORY * count * K), K))
    return Chart(columns=series.columns, dates=series.table.dates[start:stop], start=start, first=first - start, horizon=K,
                 truth=series.table.values[start:stop, :series.outputs], points={name: one.point for name, one in said.items()},
                 quantiles=said[forecaster.name].quantiles, band=float(forecaster.levels[-1] - forecaster.levels[0]))
