"""The language model published with "Deep Learning from Scratch 2" (Saito 2018): ``Rnnlm.pkl``.

A pickled list of six float16 arrays: embedding (V, E), the LSTM's Wx, Wh and b with the gates in the order f, g, i, o, output
W and b.  Word k is the k-th new word of the Penn Treebank's training text, with <eos> for every line end.
"""
from pathlib import Path

import numpy as np

from tsuzuri.errors import DataError
from tsuzuri.interop.pickles import read_pickle
from tsuzuri.interop.recurrent_weights import RecurrentWeights, check_weights


def read_rnnlm(path: Path) -> RecurrentWeights:
    """The weights as float32.  Nothing is executed.  DataError: the file holds something else."""
    arrays = read_pickle(path)
    axes = [a.ndim if isinstance(a, np.ndarray) else None for a in arrays] if isinstance(arrays, list) else None
    if axes != [2, 2, 2, 1, 2, 1]:
        raise DataError(f"{path}: the pickle is not a list of embedding, Wx, Wh, b, W and b, as the book's Rnnlm.pkl is")
    embed, Wx, Wh, b, W, out_b = (a.astype(np.float32) for a in arrays)
    if not Wx.shape[1] == Wh.shape[1] == len(b) == 4 * len(Wh):
        raise DataError(f"{path}: Wx is {Wx.shape}, Wh {Wh.shape} and b {b.shape}, which are no LSTM's (D, 4 H), (H, 4 H) and (4 H); "
                        "get a whole copy")
    layer = tuple(gates_in_order(a) for a in (Wx, Wh, b))
    return check_weights(path, RecurrentWeights("lstm", embed, [layer], W, out_b))


def gates_in_order(a: np.ndarray) -> np.ndarray:
    """Blocks f, g, i, o of the last axis as i, f, g, o."""
    f, g, i, o = np.split(a, 4, axis=-1)
    return np.concatenate([i, f, g, o], axis=-1)
