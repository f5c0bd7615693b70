"""How good the forecasts of a run are, beside those of the last value, the seasonal-naive and the linear model on the same windows.

    mae, rmse     of the point, in the numbers as they were written
    mase          mae over that of the seasonal-naive model, one season ahead, on the training rows (Hyndman and Koehler 2006)
    pinball       the mean pinball loss of the quantiles
    coverage      the share of rows within the band from the lowest to the highest quantile
    scaled_mse    and scaled_mae: in deviations of the training rows, as papers on long horizons give them (Zhou et al. 2021)
"""
from typing import Any

import numpy as np

from tsuzuri.datasets.series import PARTS
from tsuzuri.errors import DataError, check_choice
from tsuzuri.kernels.regression import pinball_losses
from tsuzuri.writing.forecasting import Forecast, Forecaster

MEASURES = ("mae", "rmse", "mase", "pinball", "coverage", "scaled_mse", "scaled_mae")


def evaluate_series(forecaster: Forecaster, part: str = "test") -> dict[str, Any]:
    """The measures of the run and of each baseline, the mean over the columns, and of each column by itself.

    DataError: the part has no rows.
    """
    check_choice("part", part, PARTS)
    series = forecaster.series
    windows = series.windows(part)
    if not len(windows):
        raise DataError(f"{forecaster.run.folder}: split {forecaster.run.settings.series.split} leaves no rows for {part}; name another part, or train with another split.")
    truth = series.scale.back(windows.arrays()[1].astype(np.float64))
    rows = series.table.values[:series.parts["train"].stop, :series.outputs]
    of_columns = {model.name: columns_of(model(windows), truth, forecaster.levels, rows, series.season) for model in forecaster.models()}
    band = float(forecaster.levels[-1] - forecaster.levels[0])
    return {"data": series.table.name, "part": part, "windows": len(windows), "horizon": series.horizon, "season": series.season, "band": band,
            "models": {name: {measure: float(np.mean(found[measure])) for measure in MEASURES} for name, found in of_columns.items()},
            "columns": {column: {name: {measure: float(found[measure][k]) for measure in MEASURES} for name, found in of_columns.items()}
                        for k, column in enumerate(series.columns)}}


def columns_of(said: Forecast, truth: np.ndarray, levels: np.ndarray, trained: np.ndarray, season: int) -> dict[str, np.ndarray]:
    """Each measure of each column (C,): a forecast of truth (N, K, C), with the training rows (R, C)."""
    off, (lowest, highest) = said.point - truth, (said.quantiles[..., 0], said.quantiles[..., -1])
    step = np.abs(trained[season:] - trained[:-season]).mean(0)
    deviation = trained.std(0)
    mae, mse = np.abs(off).mean((0, 1)), (off ** 2).mean((0, 1))
    return {"mae": mae, "rmse": np.sqrt(mse), "mase": mae / _above_zero(step), "pinball": pinball_losses(said.quantiles, truth, levels).mean((0, 1)),
            "coverage": ((lowest <= truth) & (truth <= highest)).mean((0, 1)), "scaled_mse": mse / _above_zero(deviation) ** 2,
            "scaled_mae": mae / _above_zero(deviation)}


def _above_zero(a):
    return np.where(a > 0, a, 1.0)                           # a column that never changes in training
