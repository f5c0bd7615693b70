"""Gates, cells and outputs of every recurrent layer while a model reads a text.

They are what the forward kernels keep for the way back, so nothing is computed a second time: the model reads the
text once, and the ops of its recurrent layers are found on the tape.  That finds them behind any wrapper.
"""
from typing import Any

import numpy as np

from tsuzuri.array import to_host
from tsuzuri.errors import ConfigError
from tsuzuri.ops import fused
from tsuzuri.tensor import Tensor

Activations = list[dict[str, np.ndarray]]
"""For each layer, from the first: the name of a part -> its values (T, H)."""


def gates(model, ids: np.ndarray) -> Activations:
    """The activations of a recurrent model over ids (T,), from a zero state.

    LSTM: h, c, i, f, g, o; GRU: h, r, z, n; RNN: h; each (T, H), after its sigmoid or tanh.  Names as in the kernels.
    ConfigError: the model has no recurrent layer, or there is nothing to read.
    """
    if not hasattr(model, "recurrent"):
        raise ConfigError(f"a model of arch {model.config.arch} has no recurrent layers; look into one of arch rnn, gru or lstm.")
    if not len(ids):
        raise ConfigError("there is no token to read; give a text.")
    hs, _ = model.features(np.asarray(ids)[None])
    return [{name: to_host(values) for name, values in _PARTS[type(op)](op.saved).items()} for op in _recurrent_ops(hs)]


def default_part(activations: Activations) -> str:
    """The part that carries the memory: the cell of an LSTM, else h."""
    return "c" if "c" in activations[0] else "h"


def in_order_of_likeness(values: np.ndarray) -> np.ndarray:
    """values (T, H) -> the units (H,) in an order in which those that go up and down together are neighbours.

    By the angle of each unit in the plane of the two leading eigenvectors of the units' correlations.
    Source: Friendly 2002 (corrgrams).
    """
    values = values.astype(np.float64)                       # NumPy has no linear algebra of float16
    centred = values - values.mean(0)
    scaled = centred / np.maximum(np.linalg.norm(centred, axis=0), 1e-12)
    axes = np.linalg.svd(scaled, full_matrices=False)[2][:2]
    angles = np.arctan2(axes[-1], axes[0])                   # with one step there is one axis
    order = np.argsort(angles, kind="stable")
    gaps = np.diff(angles[order], append=angles[order[0]] + 2 * np.pi)
    return np.roll(order, -1 - int(np.argmax(gaps)))          # cut the circle where it is widest open


def _recurrent_ops(hs: Tensor) -> list[Any]:
    """The ops of the recurrent layers that ``hs`` was computed by, in the order in which they ran."""
    seen: dict[int, Any] = {}
    todo: list[Any] = [hs.op]
    while todo:
        op = todo.pop()
        if op is not None and id(op) not in seen:
            seen[id(op)] = op
            todo.extend(tensor.op for tensor in op.inputs)
    return sorted((op for op in seen.values() if type(op) in _PARTS), key=lambda op: op.time)


def _of_rnn(cache):
    _, _, _, hs, *_ = cache
    return {"h": hs[1:, 0]}


def _of_gru(cache):
    _, _, _, gates, hs, *_ = cache
    return {"h": hs[1:, 0]} | dict(zip("rzn", np.split(to_host(gates[:, 0]), 3, axis=1), strict=True))


def _of_lstm(cache):
    _, _, _, gates, hs, cs, *_ = cache
    return {"h": hs[1:, 0], "c": cs[1:, 0]} | dict(zip("ifgo", np.split(to_host(gates[:, 0]), 4, axis=1), strict=True))


_PARTS = {fused.RNN: _of_rnn, fused.GRU: _of_gru, fused.LSTM: _of_lstm}
