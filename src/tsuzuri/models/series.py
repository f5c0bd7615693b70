"""Forecasting numbers: a recurrent encoder reads a window, and all steps ahead are predicted at once.

    h_1 ... h_T = encoder(z)                   z: the window as models.windows gives it, or its changes where it is differenced
    y_k = sigma (base_k + head_k(h)) + mu      for each step k, column and quantile

    rnn, gru, lstm   the last state tells of all steps: head(h) = h_T W + b
    attention        each step asks with the last state and a vector of its own, and takes from all states what it needs:
                     q_k = h_T W_q + e_k       c_k = sum_t softmax_t(<q_k, h_t W_m> / sqrt(H)) h_t       head_k = [c_k; tanh q_k] W + b

What is forecast is the change from a base: the last row of the window, the row a season before, or (base linear) what ridge regression
makes of the same window, so that the network only learns what a straight line leaves.  The head's weights start at zero: what a
network says before its first step is its base.

Source: several steps at once, by quantiles: Wen et al. 2017; a network on what a linear model leaves: Zhang 2003; attention: Luong,
Pham and Manning 2015.
"""
from typing import Any

import msgspec
import numpy as np

from tsuzuri import ops
from tsuzuri.array import Array, float_type
from tsuzuri.errors import ConfigError, check_choice, check_range, check_share
from tsuzuri.kernels.regression import pinball_losses, squared_errors
from tsuzuri.models.linear_forecast import LinearForecaster
from tsuzuri.models.windows import NORMALS, Sizes, view
from tsuzuri.nn import CELLS, Dropout, Linear, Module, Parameter, Stacked, starts
from tsuzuri.tensor import Tensor, no_grad

BASES = ("none", "last", "season", "linear")
LOSSES = ("pinball", "squared")
LARGEST = 1_000_000                                          # units or layers; more is a slip of the finger


class SeriesConfig(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What a forecaster is made of."""

    arch: str = "lstm"
    """rnn, gru, lstm or attention"""
    size: int = 32
    """units in a layer"""
    layers: int = 1
    """layers of the encoder"""
    dropout: float = 0.0
    """probability of dropping an element between layers and before the head"""
    base: str = "last"
    """what is added to the forecast: none, last (the window's last row), season (the row a season before) or linear (ridge regression)"""
    normalise: str = "none"
    """window: take the mean and deviation of each window off, and put them back; none"""
    difference: int = 0
    """read the changes over so many rows in place of the values; 0: the values"""
    loss: str = "pinball"
    """pinball (of the quantiles) or squared (of the mean)"""
    quantiles: str = "0.1,0.5,0.9"
    """quantiles that are forecast, 0.5 among them; with loss squared those of the errors on the validation rows"""
    dtype: str = "float32"
    """float32 or float64"""

    def __post_init__(self):
        for name, choices in (("arch", ARCHITECTURES), ("base", BASES), ("normalise", NORMALS), ("loss", LOSSES)):
            check_choice(name, getattr(self, name), choices)
        for name in ("size", "layers"):
            check_range(name, getattr(self, name), 1, LARGEST)
        if self.difference < 0:
            raise ConfigError(f"difference is {self.difference}; it must not be negative.")
        check_share("dropout", self.dropout)
        float_type(self.dtype)
        if self.dtype == "float16":
            raise ConfigError("dtype float16 is too short for series; take float32.")
        self.levels()

    def levels(self) -> np.ndarray:
        """The quantiles (Q,), from the lowest.  ConfigError: they are none, or the median is missing."""
        try:
            found = np.array(sorted({float(part) for part in self.quantiles.split(",")}))
        except ValueError:
            found = np.zeros(0)
        if not len(found) or not (found > 0).all() or not (found < 1).all() or 0.5 not in found:
            raise ConfigError(f'quantiles is "{self.quantiles}"; it must be numbers between 0 and 1, with 0.5 among them, such as 0.1,0.5,0.9.')
        return found


class AttentionSeriesConfig(SeriesConfig, frozen=True, forbid_unknown_fields=True):
    """What a forecaster with attention is made of."""

    arch: str = "attention"
    """attention"""
    cell: str = "lstm"
    """rnn, gru or lstm: the encoder's layers"""

    def __post_init__(self):
        super().__post_init__()
        check_choice("cell", self.cell, CELLS)


class SeriesModel(Module):
    """x (N, W, I + F), scaled -> quantiles or the mean of the steps ahead (N, K, C, Q).

    ``linear`` is what base linear adds.  ConfigError: a base of a column that is not read, or of a season longer than the window.
    """

    def __init__(self, config: SeriesConfig, sizes: Sizes, linear: LinearForecaster | None = None, *, rng: np.random.Generator):
        self.refuse(config, sizes)
        self.config, self.sizes, self.linear = config, sizes, linear
        dtype, H = float_type(config.dtype), config.size
        options: dict[str, Any] = {"rng": rng, "dtype": dtype}
        self.levels = config.levels().astype(dtype) if config.loss == "pinball" else np.array([0.5], dtype)
        widths = [sizes.inputs + sizes.phases, *[H] * config.layers]
        self.encoder = Stacked([starts.recurrent_layer(getattr(config, "cell", config.arch), widths[k], H, **options) for k in range(config.layers)], config.dropout)
        self.dropout = Dropout(config.dropout)
        self.head = ARCHITECTURES[config.arch][1](H, sizes.horizon, sizes.outputs * len(self.levels), **options)

    @staticmethod
    def refuse(config: SeriesConfig, sizes: Sizes) -> None:
        """ConfigError: the settings do not fit the series."""
        if config.difference != sizes.difference:
            raise ConfigError(f"difference is {config.difference}, but the windows have {sizes.difference} rows more in front; make them equal.")
        if config.base == "season" and sizes.season > sizes.window:
            raise ConfigError(f"base season repeats the last {sizes.season} rows, and a window has {sizes.window}; take a window of at least "
                              f"{sizes.season}, or base last.")
        if config.base in ("last", "season") and not sizes.forecast:
            raise ConfigError(f"base is {config.base}, but a column that is estimated from others is not read itself; take base none or linear.")

    def __call__(self, x: Array, rng: np.random.Generator | None = None) -> Tensor:
        seen = view(x, self.sizes, "none" if self.config.base == "linear" else self.config.base, self.config.normalise)
        hs, states = self.encoder(Tensor(self._read(x, seen.z), name="window"), rng=rng)
        y = self.head(hs, states[-1].h, self.dropout, rng).reshape(len(x), self.sizes.horizon, self.sizes.outputs, len(self.levels))
        if self.config.base == "linear":
            assert self.linear is not None
            start = self.linear(x).astype(x.dtype)
        else:
            start = seen.back(np.zeros_like(seen.base))
        return (y * seen.spread[..., None] if self.config.normalise == "window" else y) + start[..., None]

    def training_loss(self, x: Array, targets: Array, state: None = None, rng: np.random.Generator | None = None) -> tuple[Tensor, None, None]:
        """The mean loss, in deviations of the training rows (squared ones with loss squared)."""
        y = self(x, rng)
        if self.config.loss == "squared":
            return ops.squared_error(y.reshape(*targets.shape), targets), None, None
        return ops.pinball(y, targets, self.levels), None, None

    def losses(self, x: Array, targets: Array, state: None = None) -> tuple[Array, None]:
        """The loss of every target (N, K, C), 0 for one that is NaN; nothing is recorded."""
        with no_grad():
            y = self(x).data
        return (squared_errors(y[..., 0], targets) if self.config.loss == "squared" else pinball_losses(y, targets, self.levels)), None

    def predict(self, x: Array) -> Array:
        """(N, K, C, Q), the quantiles from the lowest to the highest; nothing is recorded."""
        with no_grad():
            return np.sort(self(x).data, axis=-1)

    def _read(self, x, z):
        """What the encoder reads (N, T, I + F): the values or their changes, and the calendar."""
        d, I = self.sizes.difference, self.sizes.inputs
        read = z[:, d:] - z[:, :-d] if d else z
        return read if x.shape[2] == I else np.concatenate([read, x[:, d:, I:]], axis=2)


class StateHead(Module):
    """The last state h (N, H) -> (N, K M): all steps at once."""

    def __init__(self, size: int, horizon: int, width: int, *, rng: np.random.Generator, dtype):
        self.out = Linear(size, horizon * width, rng=rng, bound=0.0, dtype=dtype)

    def __call__(self, hs: Tensor, h: Tensor, dropout: Dropout, rng: np.random.Generator | None) -> Tensor:
        return self.out(dropout(h, rng))


class AttentionHead(Module):
    """The states hs (N, T, H), the last one h (N, H) -> (N, K, M): each step looks at the states."""

    def __init__(self, size: int, horizon: int, width: int, *, rng: np.random.Generator, dtype):
        self.query, self.key = Linear(size, size, rng=rng, dtype=dtype), Linear(size, size, rng=rng, dtype=dtype)
        self.steps = Parameter(rng.standard_normal((horizon, size)).astype(dtype))
        self.out, self.scale = Linear(2 * size, width, rng=rng, bound=0.0, dtype=dtype), size ** -0.5

    def __call__(self, hs: Tensor, h: Tensor, dropout: Dropout, rng: np.random.Generator | None) -> Tensor:
        q = self.query(h).reshape(len(h), 1, -1) + self.steps
        context, _ = ops.attention(q, self.key(hs), hs, scale=self.scale)
        return self.out(dropout(ops.concatenate([context, ops.tanh(q)], axis=2), rng))


ARCHITECTURES: dict[str, tuple[type[SeriesConfig], Any]] = {
    "rnn": (SeriesConfig, StateHead), "gru": (SeriesConfig, StateHead), "lstm": (SeriesConfig, StateHead),
    "attention": (AttentionSeriesConfig, AttentionHead)}
"""arch -> the class of its settings and of its head."""
