"""The encoder-decoder with attention: each step of the decoder looks at all tokens of the source, and takes what fits.

    hs = the encoder's output for each source token: the keys and the values        query = the decoder's state

With ``context after`` (Luong, Pham and Manning 2015) a step's state h_t asks, and what it gets stands beside it:

    c_t = attend(h_t)        a_t = tanh([c_t; h_t] W + b)        p_t = softmax(a_t)

so that the decoder reads all its inputs at once, and all its queries are asked at once.  Where a step has to wait for what
the one before saw, the steps follow each other:

    context before   c_t = attend(h_{t-1}) enters the step, h_t = cell([x_t; c_t], h_{t-1})     Bahdanau, Cho and Bengio 2015
    feeding          a_{t-1} enters the step beside x_t                                         Luong, Pham and Manning 2015
    coverage         the sum of the weights so far moves the scores, and to look twice costs    See, Liu and Manning 2017
"""
from typing import Any, NamedTuple

import numpy as np

from tsuzuri import ops
from tsuzuri.array import Array, float_type
from tsuzuri.errors import ConfigError, check_choice
from tsuzuri.kernels.attention_step import attention_step
from tsuzuri.models.seq2seq import RecurrentSeq2SeqConfig, RecurrentSeq2SeqModel
from tsuzuri.nn import Dropout, Linear, Stacked, States, starts
from tsuzuri.nn.copying import CopyingOutput
from tsuzuri.nn.encoder import Encoder
from tsuzuri.nn.recurrent import LSTMState
from tsuzuri.nn.scores import SCORES
from tsuzuri.nn.source_attention import CHOICES, SPANS, Memory, SourceAttention
from tsuzuri.tensor import Tensor, no_grad

CONTEXTS = ("after", "before")
WIDTH = 5                                                    # tokens to either side of a local span's place


class AttentionConfig(RecurrentSeq2SeqConfig, frozen=True, forbid_unknown_fields=True):
    """What an encoder-decoder with attention is made of."""

    arch: str = "attention"
    """attention"""
    bidirectional: bool = False
    """let the encoder read in both directions, with half of the units in each"""
    score: str = "general"
    """how a key is compared with the query: dot, general, additive, scaled or location"""
    span: str = "global"
    """among which tokens of the source is chosen: global (all) or local (those around a place that is pointed at)"""
    width: int = 0
    """tokens to either side of a local span's place; 0: five"""
    choice: str = "soft"
    """what is taken of them: soft (their mean), hard (one that is drawn, REINFORCE) or straight-through (one, trained as soft)"""
    context: str = "after"
    """after: the step's own state asks; before: the state before it, and what is seen enters the step"""
    feeding: bool = False
    """let what a step has seen enter the next"""
    coverage: bool = False
    """let the scores know what was looked at already"""
    copy: bool = False
    """let tokens of the source be copied (pointer); needs ``joint``"""

    def __post_init__(self):
        super().__post_init__()
        for name, choices in (("score", SCORES), ("span", SPANS), ("choice", CHOICES), ("context", CONTEXTS)):
            check_choice(name, getattr(self, name), choices)
        if self.width < 0:
            raise ConfigError(f"width is {self.width}; it must not be negative.")
        if self.width and self.span != "local":
            raise ConfigError(f"width is that of a local span, and span is {self.span}; leave it out, or take span local.")
        if self.feeding and self.context == "before":
            raise ConfigError("feeding does not fit context before, which lets what is seen enter the step already; leave one of them out.")
        if self.bidirectional:
            self.need_even("a bidirectional encoder")
        for name, fits in (("choice", "soft"), ("span", "global")):
            if self.copy and getattr(self, name) != fits:
                raise ConfigError(f"copy takes the weights of {fits} attention as probabilities, and {name} is {getattr(self, name)}; leave one of them out.")
        if self.copy and self.smoothing:
            raise ConfigError(f"smoothing is {self.smoothing}, and copy mixes probabilities that it does not smooth; leave one of them out.")

    @property
    def one_by_one(self) -> bool:
        """Whether a step has to wait for what the one before saw."""
        return self.context == "before" or self.feeding or self.coverage


class AttentionState(NamedTuple):
    """The layers' states; the memory of the source and its ids (N, S) as they were read; where the last step looked (N, S), what it took from
    there or made of it, and the sum of the weights so far, where the next step reads them."""

    layers: States
    memory: Memory
    source: Array
    attention: Array | None = None
    fed: Array | None = None
    seen: Array | None = None

    def take(self, rows: Array) -> "AttentionState":
        """The state of some rows of the batch, in that order."""
        layers, memory, source, *arrays = self
        return AttentionState(layers.take(rows), memory.take(rows), source[rows], *(None if a is None else a[rows] for a in arrays))


class Steps(NamedTuple):
    """What was made of a target: hs (N, T, H) for the output layer, contexts (N, T, H), weights (N, T, S); log p (N, T) of hard choices."""

    hs: Tensor
    contexts: Tensor
    weights: Tensor
    log_p: Tensor | None


class AttentionModel(RecurrentSeq2SeqModel):
    """p(target | source), looking at the source in every step."""

    def __init__(self, config: AttentionConfig, source: int, target: int, *, joint: bool = False, longest: int = 100,
                 rng: np.random.Generator):
        self.config, self.vocabulary = config, target
        dtype, size, embedding = float_type(config.dtype), config.size, config.embedding or config.size
        options: dict[str, Any] = {"rng": rng, "dtype": dtype}
        self.source_embed = starts.embedding(source, embedding, joint and config.tie, **options)
        self.encoder = Encoder(self.source_embed, embedding, size, config.layers, config.cell,
                               config.layers if config.bidirectional else 0, dropout=config.dropout, **options)
        self.embed = self.source_embed if joint else starts.embedding(target, embedding, config.tie, **options)
        fed = size if config.feeding or config.context == "before" else 0
        sizes = [embedding + fed, *[size] * config.layers]
        self.decoder = Stacked([starts.recurrent_layer(config.cell, sizes[k], size, **options) for k in range(config.layers)], config.dropout)
        self.attend = SourceAttention(size, config.score, config.span, config.choice, config.coverage, longest, config.width or WIDTH, **options)
        self.join = Linear(2 * size, size, **options)
        self.dropout = Dropout(config.dropout)
        self.out = starts.output(size, target, self.embed.W if config.tie else None, **options)
        self.copying = CopyingOutput(self.out, size, **options) if config.copy else None
        self.as_one = self.attend.at_once and (config.cell, config.layers) == ("lstm", 1) and not (config.one_by_one or config.copy)

    def _seen(self, source, lengths, inputs, rng):
        return self._read(source, lengths, inputs, rng).hs

    def training_loss(self, source, lengths, inputs, targets, state=None, rng=None):
        steps = self._read(source, lengths, inputs, rng)
        if self.copying:
            loss = self.copying.loss(steps.hs, steps.weights, self._as_read(source, lengths), targets)
        else:
            loss = self.out.loss(steps.hs, targets, rng, self.config.smoothing)
        return loss, self._penalty(steps, targets), None

    def losses(self, source, lengths, inputs, targets, state=None):
        if not self.copying:
            return super().losses(source, lengths, inputs, targets)
        with no_grad():
            steps = self._read(source, lengths, inputs, None)
        return self.copying.losses(steps.hs, steps.weights, self._as_read(source, lengths), targets), None

    def attention(self, source, lengths, inputs):
        with no_grad():
            weights = self._read(source, lengths, inputs, None).weights.data
        return self._as_written(weights, lengths)[None, None]

    def start(self, source, lengths):
        with no_grad():
            memory, states = self._encode(source, lengths, None)
        rows, size, dtype = len(source), self.config.size, self.join.W.dtype
        fed = np.zeros((rows, size), dtype) if self.config.feeding else None
        return AttentionState(states.detach(), memory, self._as_read(source, lengths), None, fed, np.zeros(source.shape, dtype) if self.config.coverage else None)

    def step(self, ids, state):
        if self.as_one:
            return self._step_as_one(ids, state)
        with no_grad():
            x, memory = self.embed.W.data[ids], state.memory
            if self.config.context == "before":
                attended = self._look(state.layers[-1].h.reshape(len(ids), 1, -1), memory, None, state.seen)
                x = np.concatenate([x, attended.context.data[:, 0]], axis=1)
            if state.fed is not None:
                x = np.concatenate([x, state.fed], axis=1)
            h, layers = self.decoder.step(x, state.layers)
            if self.config.context == "after":
                attended = self._look(Tensor(h[:, None]), memory, None, state.seen)
        weights, a = attended.weights.data[:, 0], np.tanh(self.join.apply(np.concatenate([attended.context.data[:, 0], h], axis=1)))
        logits = self.copying.logits(a, weights, state.source) if self.copying else self.out.logits(a)
        shown = self._as_written(weights[:, None], memory.lengths)[:, 0]
        seen = None if state.seen is None else state.seen + weights
        return logits, AttentionState(layers, memory, state.source, shown, None if state.fed is None else a, seen)

    def _step_as_one(self, ids, state):
        """``step`` of the most usual model, as one kernel."""
        memory, (layer,), (before,) = state.memory, self.decoder.layers, state.layers
        seen = memory.keys.data, memory.values.data, memory.lengths, self.attend.score.scale_of(self.config.size)
        logits, weights, h, c = attention_step(self.embed.W.data[ids], before.h.data, before.c.data, tuple(w.data for w in layer.weights()), seen,
                                               (self.join.W.data, self.join.b.data), (self.out.matrix(), self.out.b.data))
        shown = self._as_written(weights[:, None], memory.lengths)[:, 0]
        return logits, AttentionState(States([LSTMState(Tensor(h), Tensor(c))]), memory, state.source, shown)

    def _encode(self, source, lengths, rng):
        """The memory, and the states that the decoder starts from."""
        read = self.encoder(self._as_read(source, lengths), lengths, rng)
        return self.attend.memory(read.hs, lengths), read.states

    def _read(self, source, lengths, inputs, rng) -> Steps:
        memory, states = self._encode(source, lengths, rng)
        x = self.dropout(self.embed(inputs), rng)
        if self.config.one_by_one:
            steps = self._step_by_step(x, states, memory, rng)
        else:
            hs, _ = self.decoder(x, states, rng=rng)
            seen = self.attend(hs, memory, rng)
            steps = Steps(self._joined(seen.context, hs), seen.context, seen.weights, seen.log_p)
        return steps._replace(hs=self.dropout(steps.hs, rng))

    def _step_by_step(self, x, states, memory, rng):
        """As ``step``, recorded, for all inputs x (N, T, D)."""
        N = len(x)
        fed, covered, found = Tensor(np.zeros((N, 1, self.config.size), x.dtype)), None, []
        if self.config.coverage:
            covered = Tensor(np.zeros((N, 1, memory.values.shape[1]), x.dtype))
        for step in ops.split(x):
            parts = [step]
            if self.config.context == "before":
                seen = self.attend(states[-1].h.reshape(N, 1, -1), memory, rng, covered)
                parts.append(seen.context)
            elif self.config.feeding:
                parts.append(fed)
            h, states = self.decoder(ops.concatenate(parts, axis=2), states, rng=rng)
            if self.config.context == "after":
                seen = self.attend(h, memory, rng, covered)
            fed = self._joined(seen.context, h)
            covered = None if covered is None else covered + seen.weights
            found.append((fed, *seen))
        return Steps(*(None if parts[0] is None else ops.concatenate(parts, axis=1) for parts in zip(*found, strict=True)))

    def _look(self, query, memory, rng, seen):
        return self.attend(query, memory, rng, None if seen is None else Tensor(seen[:, None]))

    def _joined(self, context, hs):
        return ops.tanh(self.join(ops.concatenate([context, hs], axis=2)))

    def _penalty(self, steps, targets):
        """What coverage and hard choices add to the loss in training."""
        count = (targets >= 0).astype(steps.hs.dtype)
        twice = _looked_twice(steps.weights) * count if self.config.coverage else None
        penalties = [] if twice is None else [twice.sum() * float(1 / count.sum())]
        if steps.log_p is not None:
            losses = self._token_losses(steps.hs, targets)
            costs = losses if twice is None else losses + twice.data             # a choice that later steps hear of moves their weights too
            penalties.append(cost_of_choices(steps.log_p, costs, count, self.config.one_by_one))
        return sum(penalties[1:], penalties[0]) if penalties else None


def _looked_twice(weights: Tensor) -> Tensor:
    """sum_s min(a_ts, sum_{t' < t} a_t's) of each step, (N, T).  Source: See, Liu and Manning 2017."""
    T = weights.shape[1]
    before = Tensor(np.tril(np.ones((T, T), weights.dtype), -1)) @ weights
    return ops.minimum(weights, before).sum(axis=2)


def cost_of_choices(log_p: Tensor, losses: Array, count: Array, onward: bool) -> Tensor:
    """Its gradient is that of the expected loss: log p of each choice, times what it cost more than the other rows' of its step.

    Their mean is without the row's own cost, which depends on its choice and would make the gradient too short: of one row nothing.
    A choice costs the loss of its own token, and where it goes ``onward`` to later steps theirs too.
    Source: Williams 1992; Xu et al. 2015 (whose baseline is a running mean).
    """
    costs = losses[:, ::-1].cumsum(1)[:, ::-1] if onward else losses
    mean = ((costs * count).sum(0) - costs) / np.maximum(count.sum(0) - 1, 1)
    return (log_p * ((costs - mean) * count).astype(log_p.dtype)).sum() * float(1 / count.sum())
