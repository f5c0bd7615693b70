"""How much of a prediction's gradient reaches each earlier step: vanishing and exploding, measured.

    r_k = the mean over a batch of | d loss_T / d s_{T-k} |        s: the state, h of an RNN or GRU, h and c of an LSTM

The loss is that of the last token alone.  Each step is one piece of tape, from a state that is a leaf to the state after
it; going back, a state's gradient is that of the loss by the next leaf, carried through one piece.
Source: Bengio, Simard and Frasconi 1994; Pascanu, Mikolov and Bengio 2013.
"""
from collections.abc import Iterator
from typing import NamedTuple

import numpy as np

from tsuzuri.array import to_host
from tsuzuri.errors import ConfigError
from tsuzuri.models.recurrent import RecurrentConfig, RecurrentLanguageModel
from tsuzuri.optim import global_norm
from tsuzuri.tensor import Tensor


class Reach(NamedTuple):
    """``norms`` (T,): the gradient 1, 2, ... T steps back; ``whole``: the length of the gradient of all parameters.

    It is ``whole`` that clipping compares with its threshold.
    """

    norms: np.ndarray
    whole: float

    @property
    def rate(self) -> float:
        """The factor by which the gradient changes a step: the geometric mean over the farther half."""
        far = self.norms[len(self.norms) // 2:]
        if len(far) < 2 or not far.all():
            return float("nan")
        return float((far[-1] / far[0]) ** (1 / (len(far) - 1)))


def reach(model, ids: np.ndarray, targets: np.ndarray) -> Reach:
    """How far back the loss of the last step reaches, for ids (N, T) and the tokens after them, targets (N,).

    ConfigError: the model is not recurrent.
    """
    if not hasattr(model, "recurrent"):
        raise ConfigError(f"a model of arch {model.config.arch} carries no gradient from step to step; take one of arch rnn, "
                          "gru or lstm.")
    model.zero_grad()
    leaves, made = _forward(model, ids)
    loss, _ = model.loss(ids[:, -1:], targets[:, None], leaves[-1])
    loss.backward()
    for after, later in zip(reversed(made), reversed(leaves[1:]), strict=True):
        for part, leaf in zip(_parts(after), _parts(later), strict=True):
            if leaf.grad is not None:
                part.backward(leaf.grad)
    whole = global_norm(model.parameters())
    model.zero_grad()
    return Reach(np.array([_mean_norm(state) for state in reversed(leaves)]), whole)


def fresh_models(size: int, vocabulary: int, rng: np.random.Generator) -> dict[str, RecurrentLanguageModel]:
    """An untrained RNN, GRU and LSTM with our usual first weights, in float64 so that nothing underflows."""
    return {arch: RecurrentLanguageModel(RecurrentConfig(arch=arch, size=size, dtype="float64"), vocabulary, rng=rng)
            for arch in ("rnn", "gru", "lstm")}


def with_radius(model, radius: float):
    """The model with every Wh (H, H) of its RNN layers scaled so that its largest eigenvalue has length ``radius``."""
    for layer in model.recurrent.layers:
        _, Wh, *_ = layer.weights()
        Wh.data *= radius / np.abs(np.linalg.eigvals(Wh.data)).max()
    return model


def with_open_gate(model, bias: float = 5.0):
    """The model with the forget gates of its LSTM layers held open, at sigma(5) = 0.993: what it can learn to do."""
    for layer in model.recurrent.layers:
        *_, b = layer.weights()
        b.data[layer.size:2 * layer.size] = bias
    return model


def _forward(model, ids):
    """(the states before each step, as leaves; the states after each step but the last, on the tape)."""
    leaves, made = [_as_leaves(model.start(len(ids)))], []
    for t in range(ids.shape[1] - 1):
        _, after = model.features(ids[:, t:t + 1], leaves[-1])
        made.append(after)
        leaves.append(_as_leaves(after))
    return leaves, made


def _as_leaves(state):
    """The same state, its tensors cut off from what made them and waiting for a gradient."""
    if isinstance(state, Tensor):
        return Tensor(state.data, requires_grad=True)
    parts = [_as_leaves(part) for part in state]
    return type(state)(*parts) if hasattr(state, "_fields") else type(state)(parts)


def _parts(state) -> Iterator[Tensor]:
    """The tensors of a state, of all layers."""
    if isinstance(state, Tensor):
        yield state
    else:
        for part in state:
            yield from _parts(part)


def _mean_norm(state) -> float:
    """The mean over the rows of the length of the gradient; each row had 1/N of the mean loss."""
    squares = sum((to_host(leaf.grad).astype(np.float64) ** 2).sum(1) for leaf in _parts(state) if leaf.grad is not None)
    return float(np.sqrt(squares).sum())
