"""What a trained model may learn from the text it is being tested on, token by token, each only after it was predicted.

A strategy wraps a model and reads as the model does: ``start(rows) -> state``, ``losses(ids, targets, state) ->
(losses (N, T) in nats, state)``, nothing recorded.  The losses are the same for any cut of a text into calls.

    state = strategy.start(1)
    for ids, targets in windows:
        losses, state = strategy.losses(ids, targets, state)
"""
import copy
import inspect
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np

from tsuzuri.array import Array
from tsuzuri.errors import ConfigError, check_choice, suggest
from tsuzuri.kernels.dynamic import adapt
from tsuzuri.kernels.product import matmul
from tsuzuri.kernels.softmax import softmax_rows
from tsuzuri.kernels.token_losses import blocks
from tsuzuri.models.recurrent import RecurrentLanguageModel
from tsuzuri.sparse import RowSparse
from tsuzuri.tensor import no_grad
from tsuzuri.train.language_model import windows
from tsuzuri.train.loop import Batches
from tsuzuri.train.run import Run

STATISTICS = 500                                             # windows of the training text whose gradients are looked at
BLOCK = 256                                                  # tokens that are compared with their pasts in one product


class CacheState(NamedTuple):
    """The state of the model, and of the last tokens what the output layer saw (N, L, H) and what came next (N, L)."""

    model: Any
    keys: Array | None
    words: Array | None


class ContinuousCache:
    """Words come back: p = (1 - weight) p_model + weight p_cache.

    p_cache(w) is the share that the places before which w came have in the sum of e^{theta <h_t, h_i>} over the last
    ``window`` places i; h is what the output layer sees.  A larger theta asks for more alike contexts; 0 counts words.
    Before the first token p is p_model.  Each row of a batch has a cache of its own.

    Source: Grave, Joulin and Usunier 2017, "Improving neural language models with a continuous cache".
    """

    def __init__(self, model: RecurrentLanguageModel, window: int = 500, theta: float = 0.4, weight: float = 0.13):
        if window < 1:
            raise ConfigError(f"window is {window}; a cache holds at least 1 token.")
        if not 0 <= theta < np.inf:
            raise ConfigError(f"theta is {theta}; it must be a number from 0.")
        if not 0 <= weight < 1:
            raise ConfigError(f"weight is {weight}; the cache's share must be at least 0 and below 1.")
        self.model, self.window, self.theta, self.weight = model, window, theta, weight

    def start(self, rows: int = 1) -> CacheState:
        """The state before the first token: an empty cache."""
        return CacheState(self.model.start(rows), None, None)

    def losses(self, ids: Array, targets: Array, state: CacheState | None = None) -> tuple[Array, CacheState]:
        """ids and targets (N, T) -> losses (N, T), state."""
        state = self.start(len(ids)) if state is None else state
        with no_grad():
            hs, after = self.model.features(ids, state.model)
        losses = _token_losses(self.model, hs.data, targets)
        keys, words = (hs.data, targets) if state.keys is None else (
            np.concatenate([state.keys, hs.data], axis=1), np.concatenate([state.words, targets], axis=1))
        before = words.shape[1] - targets.shape[1]
        for row, row_keys, row_words in zip(losses, keys, words, strict=True):
            for block in blocks(len(row), BLOCK):
                row[block] = self._mix(row[block], row_keys, row_words, before + block.start)
        return losses, CacheState(after.detach(), keys[:, -self.window:], words[:, -self.window:])

    def _mix(self, losses, keys, words, first):
        """The model's losses (B,) of the words from place ``first`` on -> those of the mixture."""
        oldest, end = max(first - self.window, 0), first + len(losses)
        at, now = np.arange(oldest, end), np.arange(first, end)[:, None]
        past, targets = words[oldest:end], words[first:end]
        seen = (at < now) & (at >= now - self.window) & (past >= 0)
        empty = ~seen.any(1)
        scores = matmul(keys[first:end], keys[oldest:end].T) * keys.dtype.type(self.theta)
        scores[~seen & ~empty[:, None]] = -np.inf
        share = (softmax_rows(scores) * (seen & (past == targets[:, None]))).sum(1)
        with np.errstate(divide="ignore"):                   # the logarithm of a share of zero is -inf, as it should be
            mixed = -np.logaddexp(np.log1p(-self.weight) - losses, np.log(self.weight) + np.log(share))
        return np.where(empty | (targets < 0), losses, mixed)


@dataclass
class DynamicState:
    """A model that adapts, its state before the segment that is being read, and what was read of that segment."""

    adapting: RecurrentLanguageModel
    model: Any
    ids: Array
    targets: Array


class DynamicEvaluation:
    """The model goes on learning: after each segment of a text was scored, one step of gradient descent on it.

    ``segment`` is in tokens of each row.  The weights that score a token have learnt from all segments before its own,
    and the gradient does not reach back beyond the segment's beginning: a short one learns sooner and oftener, from
    less context, and takes longer to run.  The gradient is that of the mean loss over the segment, so ``lr`` keeps its
    meaning.

    ``statistics`` are those of ``gradient_statistics`` on the training text; they scale each weight's step and its way
    back to the trained value (kernels/dynamic.py).  Without them steps are plain, and lr is larger: about 0.1.

    Each state holds a copy of the model, which learns in place: a state is used up by the call it is given to.  The
    rows of a batch share the copy.  The wrapped model stays as it is.

    Source: Krause, Kahembwe, Murray and Renals 2018.
    """

    def __init__(self, model: RecurrentLanguageModel, lr: float = 5e-4, *, segment: int = 5, decay: float = 0.02,
                 statistics: dict[str, Array] | None = None, epsilon: float = 1e-3):
        if segment < 1:
            raise ConfigError(f"segment is {segment}; it must hold at least 1 token.")
        if not 0 <= lr < np.inf:
            raise ConfigError(f"lr is {lr}; it must be a number from 0.")
        if not 0 <= decay <= 1:
            raise ConfigError(f"decay is {decay}; the way back to the trained weights must be a share from 0 to 1.")
        if not 0 < epsilon < np.inf:
            raise ConfigError(f"epsilon is {epsilon}; it must be a number above 0.")
        self.model, self.lr, self.segment, self.decay, self.epsilon = model, lr, segment, decay, epsilon
        self.trained = {name: p.data.ravel() for name, p in model.named_parameters()}
        self.rms = {name: a[:0] if statistics is None else statistics[name].ravel() for name, a in self.trained.items()}
        if statistics is not None:
            self.decay /= sum(a.sum(dtype=float) for a in self.rms.values()) / sum(a.size for a in self.rms.values())

    def start(self, rows: int = 1) -> DynamicState:
        """The state before the first token: the model as it was trained."""
        none = np.zeros((rows, 0), np.int64)
        adapting = copy.deepcopy(self.model)
        for p in adapting.parameters():                      # or a flat view of it would be a copy, and stay unmoved
            p.data = np.ascontiguousarray(p.data)
        return DynamicState(adapting, adapting.start(rows), none, none)

    def losses(self, ids: Array, targets: Array, state: DynamicState | None = None) -> tuple[Array, DynamicState]:
        """ids and targets (N, T) -> losses (N, T), state."""
        state = self.start(len(ids)) if state is None else state
        found, done = [np.zeros((len(ids), 0))], 0
        while done < ids.shape[1]:
            begun = state.ids.shape[1]
            stop = done + self.segment - begun
            losses, state = self._read(np.concatenate([state.ids, ids[:, done:stop]], axis=1),
                                       np.concatenate([state.targets, targets[:, done:stop]], axis=1), state)
            found.append(losses[:, begun:])
            done = stop
        return np.concatenate(found, axis=1), state

    def _read(self, ids, targets, state):
        """A segment from its beginning as far as it is known, and where it is complete the step that it teaches."""
        model = state.adapting
        if ids.shape[1] < self.segment:
            with no_grad():
                hs, _ = model.features(ids, state.model)
            return _token_losses(model, hs.data, targets), DynamicState(model, state.model, ids, targets)
        hs, after = model.features(ids, state.model)
        losses = _token_losses(model, hs.data, targets)
        model.out.loss(hs, targets).backward()
        for name, p in model.named_parameters():
            if p.grad is not None:
                adapt(p.data.reshape(-1), _flat(p.grad), self.trained[name], self.rms[name], self.lr, self.decay, self.epsilon)
        model.zero_grad()
        return losses, DynamicState(model, after.detach(), ids[:, :0], targets[:, :0])


ADAPTATIONS: dict[str, type] = {"cache": ContinuousCache, "dynamic": DynamicEvaluation}


def adapted(run: Run, name: str, options: Mapping[str, float]) -> Any:
    """The trained model of a run under the strategy called ``name``; dynamic evaluation knows the run's training text.

    ConfigError: no such strategy, an option that it does not have or that does not fit, or a model that it cannot read with.
    """
    check_choice("adapt", name, ADAPTATIONS)
    settings: dict[str, Any] = _settings(name, options)
    model = run.load_model()
    if not isinstance(model, RecurrentLanguageModel):
        raise ConfigError(f"adapt {name} goes with recurrent models, and arch of {run.folder} is {run.settings.model.arch}; leave adapt out.")
    if name == "dynamic":
        settings["statistics"] = gradient_statistics(model, windows(run.corpus(), run.settings), STATISTICS)
    return ADAPTATIONS[name](model, **settings)


def _settings(name, options):
    """The options, those that count something as whole numbers."""
    known = {p.name: p.annotation for p in inspect.signature(ADAPTATIONS[name]).parameters.values()
             if p.annotation in (int, float)}
    for option, value in options.items():
        if option not in known:
            raise ConfigError(f'{name} has no option "{option}"{suggest(option, known)}; it has {", ".join(known)}.')
        if known[option] is int and value % 1:
            raise ConfigError(f"{option} is {value}; it must be a whole number.")
    return {option: known[option](value) for option, value in options.items()}


def gradient_statistics(model: RecurrentLanguageModel, batches: Batches, most: int = STATISTICS) -> dict[str, Array]:
    """Name -> root mean square of each weight's gradient over the first ``most`` batches of a training text, read in order.

    The size of a batch matters: the mean gradient of many tokens is smaller than that of few.
    """
    squares = {name: np.zeros_like(p.data) for name, p in model.named_parameters()}
    state, count = None, min(len(batches), most)
    for k in range(count):
        ids, targets = batches[k]
        loss, state = model.loss(ids, targets, state if batches.goes_on else None)
        loss.backward()
        for name, p in model.named_parameters():
            if p.grad is not None:
                squares[name] += _flat(p.grad).reshape(p.shape) ** 2
        model.zero_grad()
    return {name: np.sqrt(a / max(count, 1)) for name, a in squares.items()}


def _flat(grad: Array | RowSparse) -> Array:
    """A gradient as one row of numbers."""
    return (grad.to_dense() if isinstance(grad, RowSparse) else grad).ravel()


def _token_losses(model, hs, targets):
    """hs (N, T, H), targets (N, T) -> losses (N, T)."""
    return model.out.losses(hs.reshape(-1, hs.shape[-1]), targets.reshape(-1)).reshape(targets.shape)
