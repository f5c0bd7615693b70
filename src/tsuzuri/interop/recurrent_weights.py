"""The weights of a recurrent language model in the order of this library, whatever file they came from."""
from itertools import pairwise
from pathlib import Path
from typing import NamedTuple

import numpy as np

from tsuzuri.errors import DataError

GATES = {"rnn": 1, "gru": 3, "lstm": 4}                      # blocks of H columns


class RecurrentWeights(NamedTuple):
    """embed (V, E); layers of Wx (D, G H), Wh (H, G H), b (G H) and, in a GRU, bm (H); W (H, V), None where it is embed,
    transposed; b (V).  Gates in the order i, f, g, o (LSTM) or r, z, n (GRU)."""

    arch: str
    embed: np.ndarray
    layers: list[tuple[np.ndarray, ...]]
    W: np.ndarray | None
    b: np.ndarray

    @property
    def size(self) -> int:
        """H, of all layers."""
        return len(self.layers[0][1])

    @property
    def dtype(self) -> np.dtype:
        """The one type that holds all of them."""
        output = self.embed if self.W is None else self.W
        return np.result_type(self.embed, *(a for layer in self.layers for a in layer), output, self.b)


def check_weights(path: Path, weights: RecurrentWeights) -> RecurrentWeights:
    """The weights.  DataError: their shapes do not fit together, or a number is not finite."""
    V, H, blocks = len(weights.embed), weights.size, GATES[weights.arch] * weights.size
    widths = [weights.embed.shape[-1], *(H for _ in weights.layers)]
    wanted = [("embedding", weights.embed, (V, widths[0])), ("output bias", weights.b, (V,))]
    wanted += [("output weight", weights.W, (H, V))] if weights.W is not None else [("tied embedding", weights.embed, (V, H))]
    for k, (layer, (D, _)) in enumerate(zip(weights.layers, pairwise(widths), strict=True)):
        shapes = (D, blocks), (H, blocks), (blocks,), (H,)
        names = "input weight", "recurrent weight", "bias", "bias of the candidate's recurrent part"
        wanted += [(f"{name} of layer {k + 1}", a, shape) for name, a, shape in zip(names, layer, shapes, strict=False)]
    for name, a, shape in wanted:
        if a.shape != shape:
            raise DataError(f"{path}: the {name} is {a.shape}, but {shape} fits the other weights; get a whole copy of one model")
        if a.dtype.kind != "f" or not np.isfinite(a).all():
            raise DataError(f"{path}: the {name} holds something else than finite numbers; get a whole copy")
    return weights
