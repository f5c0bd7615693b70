"""Language models of PyTorch: the state dict of an embedding, one nn.LSTM, nn.GRU or nn.RNN (tanh) and a linear layer.

    PREFIX.weight                the embedding (V, E)
    PREFIX.weight_ih_lK          W_ih (G H, D), of layer K;    weight_hh_lK  (G H, H);    bias_ih_lK, bias_hh_lK  (G H)
    PREFIX.weight, PREFIX.bias   the output (V, H), (V); the weight may be the embedding, or missing where it is shared

PyTorch multiplies from the left and has two biases: Wx = W_ih^T, Wh = W_hh^T, b = b_ih + b_hh.  The gates stand in the order
that is used here too: i, f, g, o, and r, z, n.  In a GRU the candidate is n = tanh(W_in x + b_in + r (W_hn h + b_hn)), so
that there b_hn is a weight of its own, bm.  Going back, b becomes b_ih and b_hh is zero, so that there and back is exact.
"""
import re
from collections.abc import Mapping
from pathlib import Path

import numpy as np

from tsuzuri.errors import DataError
from tsuzuri.interop.recurrent_weights import GATES, RecurrentWeights, check_weights
from tsuzuri.interop.safetensors_store import load_tensors, save_tensors

Tensors = Mapping[str, np.ndarray]
_INPUT = re.compile(r"(.*)weight_ih_l(\d+)")
_EMBEDDING = re.compile(r"emb|enc|wte", re.IGNORECASE)       # what an embedding is called


def read_torch(path: Path) -> RecurrentWeights:
    """The weights of a state dict in safetensors.  DataError: it is none of such a model, with the tensors it holds."""
    tensors = load_tensors(path)[0]
    inputs = [match for name in tensors if (match := _INPUT.fullmatch(name))]
    prefixes = sorted({match[1] for match in inputs})
    if len(prefixes) != 1:
        found = f"{len(prefixes)} recurrent stacks ({', '.join(prefixes)})" if prefixes else "no recurrent layer (weight_ih_l0)"
        raise DataError(f"{path}: there is {found} in it, where one is wanted; it holds {_list(tensors)}")
    prefix = prefixes[0]
    own = {name: a for name, a in tensors.items() if name.startswith(prefix) and re.search(r"_l\d+(_reverse)?$", name)}
    arch, layers = _stack(path, prefix, len(inputs), own)
    embed, W, b = _ends(path, {name: a for name, a in tensors.items() if name not in own})
    return check_weights(path, RecurrentWeights(arch, embed, layers, W, b))


def write_torch(path: Path, weights: RecurrentWeights) -> None:
    """Write a state dict with the names of PyTorch's example word_language_model: encoder, rnn, decoder."""
    tensors = {"encoder.weight": weights.embed, "decoder.bias": weights.b,
               "decoder.weight": weights.embed if weights.W is None else weights.W.T}
    for k, (Wx, Wh, b, *bm) in enumerate(weights.layers):
        hidden = np.zeros_like(b)
        if bm:
            hidden[-weights.size:] = bm[0]
        tensors |= {f"rnn.weight_ih_l{k}": Wx.T, f"rnn.weight_hh_l{k}": Wh.T, f"rnn.bias_ih_l{k}": b, f"rnn.bias_hh_l{k}": hidden}
    save_tensors(path, tensors)


def _stack(path: Path, prefix: str, count: int, own: dict[str, np.ndarray]) -> tuple[str, list[tuple[np.ndarray, ...]]]:
    """(arch, the layers) of the tensors under a prefix."""
    kinds = "weight_ih", "weight_hh", "bias_ih", "bias_hh"
    names = [[f"{prefix}{kind}_l{k}" for kind in kinds] for k in range(count)]
    wanted = {name for layer in names for name in layer}
    if missing := sorted(wanted - own.keys()):
        raise DataError(f"{path}: {missing[0]} is missing; it holds {_list(own)}")
    if more := sorted(own.keys() - wanted):
        raise DataError(f"{path}: {more[0]} is no part of a plain stack of LSTM, GRU or RNN layers that read forward; only such "
                        "models can be imported")
    return _arch(path, names[0][1], own[names[0][1]].shape), [_layer(path, layer, own) for layer in names]


def _arch(path, name, shape):
    found = [arch for arch, count in GATES.items() if len(shape) == 2 and shape[0] == count * shape[1]]
    if not found:
        raise DataError(f"{path}: {name} is {shape}; an LSTM's is (4 H, H), a GRU's (3 H, H), an RNN's (H, H)")
    return found[0]


def _layer(path, names, own):
    W_ih, W_hh, b_ih, b_hh = (own[name] for name in names)
    if not W_ih.shape[:1] == W_hh.shape[:1] == b_ih.shape == b_hh.shape or W_ih.ndim != 2 or W_hh.ndim != 2:
        raise DataError(f"{path}: the shapes of a layer do not fit together: {_list({name: own[name] for name in names})}")
    if len(W_hh) != 3 * W_hh.shape[1]:
        return W_ih.T, W_hh.T, b_ih + b_hh
    H = W_hh.shape[1]
    return W_ih.T, W_hh.T, np.concatenate([b_ih[:2 * H] + b_hh[:2 * H], b_ih[2 * H:]]), b_hh[2 * H:]


def _ends(path: Path, rest: Tensors) -> tuple[np.ndarray, np.ndarray | None, np.ndarray]:
    """(embedding, output weight or None where it is the embedding, output bias)."""
    tables = [name for name, a in rest.items() if a.ndim == 2 and name.endswith("weight")]
    biases = [name for name, a in rest.items() if a.ndim == 1 and name.endswith("bias")]
    outputs = [name for name in tables if name.removesuffix("weight") + "bias" in biases]
    embeddings = [name for name in tables if name not in outputs]
    if not outputs and len(embeddings) == 2:                 # an output without a bias: told by their names
        outputs = [name for name in embeddings if not _EMBEDDING.search(name)]
        embeddings = [name for name in embeddings if name not in outputs]
    if len(embeddings) != 1 or len(outputs) > 1 or len(biases) > 1 or len(rest) != len(tables) + len(biases):
        raise DataError(f"{path}: beside the recurrent layers one embedding (PREFIX.weight) and one output (PREFIX.weight, "
                        f"PREFIX.bias) are wanted, but there is {_list(rest) or 'nothing'}; remove what else is there, or rename")
    embed = rest[embeddings[0]]
    W = rest[outputs[0]] if outputs else embed
    b = rest[biases[0]] if biases else np.zeros(len(W), W.dtype)
    return embed, None if np.array_equal(W, embed) else W.T, b


def _list(tensors: Tensors) -> str:
    """The tensors with their shapes, the first dozen of them."""
    named = [f"{name} {'x'.join(map(str, a.shape)) or 'scalar'}" for name, a in sorted(tensors.items())]
    return ", ".join(named[:12]) + (f" and {len(named) - 12} more" if len(named) > 12 else "")
