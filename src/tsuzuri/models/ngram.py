"""The count-based language model: interpolated Kneser-Ney n-grams, the baseline that a trained model has to beat.

It answers the same questions as the recurrent one but is counted, not trained.  The recursion is in ``kernels.ngram``.
"""
from typing import NamedTuple

import msgspec
import numpy as np

from tsuzuri.array import Array, to_host
from tsuzuri.errors import RunError, check_choice, check_range
from tsuzuri.kernels.ngram import SMOOTHINGS, Level, distribution, empty_level, estimate, find
from tsuzuri.models.language_model import LanguageModel
from tsuzuri.tensor import Tensor

HIGHEST = 8                                                  # words; from 6 on a text's n-grams are nearly all seen once


class NgramConfig(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What an n-gram language model is made of."""

    arch: str = "ngram"
    """ngram"""
    order: int = 5
    """words of the longest n-gram: a word is predicted from ``order`` - 1 before it"""
    smoothing: str = "modified-kneser-ney"
    """kneser-ney (one discount an order) or modified-kneser-ney (three)"""

    def __post_init__(self):
        check_choice("arch", self.arch, ("ngram",))
        check_choice("smoothing", self.smoothing, SMOOTHINGS)
        check_range("order", self.order, 1, HIGHEST)


class NgramState(NamedTuple):
    """numbers (N, order): of the 0-gram, 1-gram, ... that end at the last token; -1 where the counted text has none."""

    numbers: np.ndarray

    def detach(self) -> "NgramState":
        """The state itself: it records nothing."""
        return self

    def take(self, rows: Array) -> "NgramState":
        """The state of some rows of the batch, in that order."""
        return NgramState(self.numbers[to_host(rows)])


class NgramLanguageModel(LanguageModel):
    """p(next token | the ``order`` - 1 tokens before it).    Before ``count`` every token is as likely.

    Text is one stream, as for the recurrent model: ``<eos>`` and ``<unk>`` are tokens like others, and n-grams run
    across line ends.  At the start nothing comes before, and the lower orders answer.
    """

    def __init__(self, config: NgramConfig, vocabulary: int, *, rng: np.random.Generator | None = None):
        self.config, self.vocabulary = config, vocabulary    # nothing is drawn from rng
        self.levels = [empty_level(int(n == 1)) for n in range(1, config.order + 1)]

    def count(self, ids: Array) -> None:
        """Learn from the ids of a text (T,), which may be a memory map, in place of what was learnt before."""
        self.levels = estimate(to_host(ids), self.config.order, self.vocabulary, SMOOTHINGS[self.config.smoothing])

    def losses(self, ids: Array, targets: Array, state: NgramState | None = None) -> tuple[np.ndarray, NgramState]:
        """ids, targets (N, T) -> nats of each target (N, T), 0 for targets of -1; state."""
        contexts, state = self._contexts(ids, state)
        targets = to_host(targets)
        p = np.full(targets.shape, 1 / self.vocabulary)
        for level, context in zip(self.levels, contexts, strict=True):
            p = level.discounted[find(level.keys, context, targets, self.vocabulary)] + level.backoff[context] * p
        return np.where(targets < 0, 0.0, -np.log(p)), state

    def loss(self, ids: Array, targets: Array, state: NgramState | None = None,
             rng: np.random.Generator | None = None) -> tuple[Tensor, NgramState]:
        """Mean loss in nats a token, without a gradient, and the state after the last one."""
        losses, state = self.losses(ids, targets, state)
        return Tensor(np.asarray(losses.sum() / max(np.count_nonzero(to_host(targets) >= 0), 1))), state

    def log_probabilities(self, ids: Array, state: NgramState | None = None) -> tuple[np.ndarray, NgramState]:
        """ids (N, T) -> log p of every next token (N, T, V), state."""
        contexts, state = self._contexts(ids, state)
        return self._log_distributions(contexts), state

    def start(self, rows: int = 1) -> NgramState:
        """The state before the first token."""
        numbers = np.full((rows, self.config.order), -1)
        numbers[:, 0] = 0
        return NgramState(numbers)

    def step(self, ids: Array, state: NgramState) -> tuple[np.ndarray, NgramState]:
        """ids (N,), state -> log p of the next token (N, V), state."""
        return self.feed(ids[:, None], state)

    def feed(self, ids: Array, state: NgramState) -> tuple[np.ndarray, NgramState]:
        """ids (N, T), state -> log p of the token after the last (N, V), state."""
        _, state = self._contexts(ids, state)
        return self._log_distributions(state.numbers.T), state

    def parameter_count(self) -> int:
        """How many n-grams were counted, of all orders."""
        return sum(len(level.keys) for level in self.levels)

    def arrays(self) -> dict[str, np.ndarray]:
        """The levels' arrays by name, as they are saved; how large they are depends on the text."""
        return {f"order{n}.{name}": a for n, level in enumerate(self.levels, 1) for name, a in level._asdict().items()}

    def load(self, arrays: dict[str, np.ndarray]) -> None:
        """Take the levels from ``arrays``.  RunError: they are not those of a model of this order and vocabulary."""
        if arrays.keys() != self.arrays().keys():
            odd = sorted(arrays.keys() ^ self.arrays().keys())[0]
            raise RunError(f'the file and an n-gram model of order {self.config.order} do not both have an array "{odd}".')
        levels, contexts = [], 1
        for n in range(1, self.config.order + 1):
            level = Level(*(arrays[f"order{n}.{name}"] for name in Level._fields))
            top = int(level.keys[-1]) if level.keys.size else -1
            if [a.shape for a in level[1:]] != [(len(level.keys) + 1,), (contexts + 1,)] or top >= contexts * self.vocabulary:
                raise RunError(f"the arrays of order {n} do not fit together, or not a vocabulary of {self.vocabulary}.")
            levels.append(level)
            contexts = len(level.keys)
        self.levels = levels

    def _contexts(self, ids, state):
        """The numbers (order, N, T) of the n-grams of 0 to ``order`` - 1 words that end at each token, and the state."""
        ids = to_host(ids)
        before = (self.start(len(ids)) if state is None else state).numbers
        contexts = np.zeros((self.config.order, *ids.shape), np.int64)
        for n, level in enumerate(self.levels[:-1]):
            previous = np.concatenate([before[:, n:n + 1], contexts[n, :, :-1]], axis=1)
            contexts[n + 1] = find(level.keys, previous, ids, self.vocabulary)
        return contexts, NgramState(contexts[:, :, -1].T)

    def _log_distributions(self, contexts):
        """contexts (order, ...) -> log p (..., V)."""
        out = np.empty((*contexts.shape[1:], self.vocabulary))
        for place in np.ndindex(*contexts.shape[1:]):
            np.log(distribution(self.levels, contexts[:, *place], self.vocabulary), out=out[place])
        return out
