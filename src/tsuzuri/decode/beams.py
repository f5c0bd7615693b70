"""Beam search: the most probable texts, as far as a few hypotheses side by side can see; for many sentences at once.

At each step every hypothesis is extended by its most probable tokens.  Of a sentence's extensions the best ``beams`` go on, and those
that end and are better than the last of these are put aside.  A sentence is done when no hypothesis that goes on can still get
among the best: log p only falls, no length penalty is larger than at the end, and the coverage penalty is never above 0.

Source: Graves 2012; in translation: Sutskever, Vinyals and Le 2014.  The scores are in ``search``, required phrases in ``constraints``.
"""
import sys
from collections.abc import Callable, Sequence
from typing import NamedTuple

import numpy as np

from tsuzuri.array import to_host
from tsuzuri.decode.constraints import Ids, Phrase, allot, prefix_table, required_phrases
from tsuzuri.decode.search import Hypothesis, Search
from tsuzuri.decode.steps import as_limits, attention_of, begin, most_probable, take_each, token_log_p
from tsuzuri.decode.tree import ROOT, BeamTree, Nodes
from tsuzuri.errors import ConfigError


def beam_search(model, state, first: np.ndarray, end: int | None, most: int | np.ndarray, search: Search | None = None, *,
                ends: Callable[[list[int]], bool] | None = None, prefixes: Sequence[Ids] | None = None,
                required: Sequence[Sequence[Phrase | Ids]] | None = None, lengths: np.ndarray | None = None,
                tree: BeamTree | None = None) -> list[list[Hypothesis]]:
    """The best texts of every sentence, best first, written on from ``state`` and the tokens ``first`` (N,) or (N, T).

    A text ends with the token ``end`` (None: there is none) or where ``ends(ids)`` says so, and has at most ``most`` tokens (one
    number, or one a sentence; the end token counts).  Where there is an ``end``, texts cut off at ``most`` come after those that ended.
    ``prefixes``: the ids that a sentence's text begins with.  ``required``: the phrases (ids) that must be in it; where ``most``
    leaves room for their tokens they are in the first text, and one that lacks some is cut off and comes last.  ``lengths`` (N,):
    the source words of each sentence, where some are padded.  ``tree``: a new one, to be filled.  ConfigError: what does not fit.

    With one beam, and ``early`` or no penalty, this is greedy; with as many beams as there are texts it is exact.
    """
    search = search or Search()
    limits = as_limits(most, len(first))
    if search.least and (limits - (end is not None) < search.least).any():
        raise ConfigError(f"least is {search.least}, and a text has at most {limits.min()} tokens, its end counted, so none could end; give a smaller least.")
    rows, logits, state = begin(model, state, first, limits)
    vocabulary = logits.shape[1] if len(rows) else sys.maxsize            # where nothing is written, any id will do
    beams = _Beams(search, limits, end, ends, prefix_table(prefixes, limits, vocabulary, end),
                   required_phrases(required, len(first), vocabulary, end), tree or BeamTree())
    beams.begin(rows, attention_of(state), lengths)
    while len(rows):
        rows, tokens = beams.extend(to_host(logits), attention_of(state))
        if len(rows):
            same = len(rows) == len(logits) and (rows == np.arange(len(rows))).all()
            logits, state = model.step(tokens, state if same else state.take(rows))
    return beams.results(lengths)


class _Found:
    """The best texts of every sentence: scores and nodes (N, best), best first, -inf where there are fewer."""

    def __init__(self, count, best):
        self.scores, self.nodes = np.full((count, best), -np.inf), np.full((count, best), ROOT)
        self.counts = np.zeros(count, np.int64)

    def add(self, sentences, scores, nodes):
        """Others of some sentences (G, K), -inf where there is none."""
        self.counts[sentences] += (scores > -np.inf).sum(1)
        scores = np.concatenate([self.scores[sentences], scores], axis=1)
        nodes = np.concatenate([self.nodes[sentences], nodes], axis=1)
        order = np.argsort(-scores, axis=1, kind="stable")[:, :self.scores.shape[1]]
        self.scores[sentences], self.nodes[sentences] = take_each(scores, order), take_each(nodes, order)

    def of(self, sentence):
        """(score, node) of one sentence's."""
        there = self.scores[sentence] > -np.inf
        return list(zip(self.scores[sentence][there].tolist(), self.nodes[sentence][there].tolist(), strict=True))


class _Candidates(NamedTuple):
    """Extensions (G, M) of the G sentences still at work, the most probable first; log_p is -inf where there is none."""

    rows: np.ndarray
    tokens: np.ndarray
    log_p: np.ndarray


class _Beams:
    """A search as it goes on.  The rows of the model's batch are hypotheses; those of a sentence stand together, best first.

    sentences (G) at work; of each row: ``group`` its place among them, log_p, node, progress (R, P) with the required phrases,
    covered (R, S) the attention its source words got, texts its ids (only where a predicate reads them).
    """

    def __init__(self, search, limits, end, ends, forced, required, tree):
        self.search, self.limits, self.end, self.ends = search, limits, end, ends
        self.forced, self.required, self.tree = forced, required, tree
        best = search.best or search.beams
        self.done, self.cut, self.lacking = (_Found(len(limits), best) for _ in range(3))
        self.written = 0

    def begin(self, sentences, attention, lengths):
        """One empty hypothesis for each of the sentences; the others want no tokens and are ready."""
        others = np.setdiff1d(np.arange(len(self.limits)), sentences)
        self.cut.add(others, np.zeros((len(others), 1)), np.full((len(others), 1), ROOT))
        self.sentences, self.group = sentences, np.arange(len(sentences))
        self.log_p, self.node = np.zeros(len(sentences)), np.full(len(sentences), ROOT)
        self.texts = [[] for _ in sentences] if self.ends else None
        self.progress = None if self.required is None else self.required.start[sentences]
        self.covered = None
        if self.search.coverage_penalty and len(sentences):
            if attention is None:
                raise ConfigError(f"coverage_penalty is {self.search.coverage_penalty}, and the model has no attention; leave it out.")
            words = np.full(len(sentences), attention.shape[1]) if lengths is None else np.asarray(lengths)[sentences]
            self.covered = (np.arange(attention.shape[1]) >= words[:, None]).astype(np.float64)

    def extend(self, logits, attention):
        """logits (R, V), attention (R, S) or None -> the rows that go on, repeated where several do, and their next tokens."""
        if self.covered is not None:
            self.covered = self.covered + attention
        found, progress, ending, going = self._considered(logits)
        kept, ended = self._chosen(going, ending, progress)
        self.written += 1
        scores = self._scores(found)
        nodes = self._write_down(found, scores, kept, ended, attention)
        if ended.any():
            self.done.add(self.sentences, np.where(ended, scores, -np.inf), nodes)
        at_work = self._at_work(found, progress, scores, kept, nodes)
        return self._go_on(found, progress, kept & at_work[:, None], nodes, at_work)

    def _considered(self, logits):
        """Candidates, their progress, which of them end and which go on; more are tried while texts that end crowd those out that go on."""
        endings, vocabulary = self.search.beams if self.ends else 1, logits.shape[1]
        while True:
            found = self._candidates(logits, endings)
            progress = self._progress(found)
            ending, going = self._sorted_out(found, progress)
            if not (self.ends and self._crowded(found, going)) or self.search.beams + endings >= vocabulary:
                return found, progress, ending, going
            endings *= 2

    def _crowded(self, found, going):
        """Does the predicate end so many texts of a sentence that fewer go on than there are beams?"""
        by_text = (found.log_p > -np.inf) & ~going & (found.tokens != self.end)
        return bool((by_text.any(1) & (going.sum(1) < self.search.beams)).any())

    def _candidates(self, logits, endings):
        tokens = most_probable(logits, self.search.beams + endings)
        if self.required is not None:
            tokens = np.concatenate([tokens, self.required.wanted(self.sentences[self.group], self.progress)], axis=1)
        log_p = self.log_p[:, None] + token_log_p(logits, tokens)
        if self.required is not None:
            log_p[_repeated(tokens) | (tokens < 0)] = -np.inf
        if self.written + 1 < self.forced.shape[1]:
            self._force(logits, tokens, log_p)
        return self._in_order(tokens, log_p, self.search.beams + max(endings, self.search.beams))

    def _force(self, logits, tokens, log_p):
        """Leave the rows of sentences with a prefix nothing but its next token."""
        prefix = self._prefixes()[self.group]
        rows = np.flatnonzero(prefix >= 0)
        log_p[rows] = -np.inf
        tokens[rows, 0] = prefix[rows]
        log_p[rows, 0] = self.log_p[rows] + token_log_p(logits[rows], prefix[rows, None])[:, 0]

    def _prefixes(self):
        """The next token of each sentence's prefix (G), -1 behind its end."""
        return self.forced[self.sentences, min(self.written, self.forced.shape[1] - 1)]

    def _in_order(self, tokens, log_p, most):
        """tokens, log_p (R, C) -> candidates; of those that are not to be sorted into banks, the ``most`` that can be chosen."""
        table, columns = self._table(), log_p.shape[1]
        if table.size > len(log_p):                          # sentences of fewer rows: an impossible one stands in
            log_p = np.pad(log_p, ((0, 1), (0, 0)), constant_values=-np.inf)
        log_p = log_p[table].reshape(len(table), -1)
        order = np.argsort(-log_p, axis=1, kind="stable")[:, :None if self.required is not None else most]
        places, columns = np.divmod(order, columns)
        rows = np.minimum(take_each(table, places), len(tokens) - 1)
        return _Candidates(rows, tokens[rows, columns], take_each(log_p, order))

    def _table(self):
        """The rows of every sentence (G, most rows of one), R where it has fewer."""
        counts, R = np.bincount(self.group), len(self.group)
        widest = counts.max()
        if len(counts) * widest == R:
            return np.arange(R).reshape(len(counts), widest)
        table = np.full((len(counts), widest), R)
        table[self.group, np.arange(R) - (counts.cumsum() - counts)[self.group]] = np.arange(R)
        return table

    def _progress(self, found):
        """With the required phrases (G, M, P)."""
        return None if self.required is None else self.required.advance(self.sentences[:, None], self.progress[found.rows], found.tokens)

    def _sorted_out(self, found, progress):
        """Which candidates end and which go on (G, M); one that may not end yet does neither."""
        possible = found.log_p > -np.inf
        by_token = possible & (found.tokens == self.end) if self.end is not None else np.zeros_like(possible)
        by_text = self._texts_that_end(found, possible & ~by_token) if self.ends else np.zeros_like(possible)
        ending = by_token | by_text
        may = (by_token & (self.written >= self.search.least)) | (by_text & (self.written + 1 >= self.search.least))
        if progress is not None:
            may &= self.required.met(self.sentences[:, None], progress)
        return may, possible & ~ending

    def _texts_that_end(self, found, possible):
        """What the predicate says of the candidates; it is asked of no more than can be chosen, and not within a prefix."""
        ending = np.zeros_like(possible)
        for g in np.flatnonzero(self._prefixes() < 0):
            left = self.search.beams
            for k in np.flatnonzero(possible[g]):
                if left == 0 and self.required is None:
                    break
                ending[g, k] = self.ends([*self.texts[found.rows[g, k]], int(found.tokens[g, k])])
                left -= not ending[g, k]
        return ending

    def _chosen(self, going, ending, progress):
        """Which of them are kept and which are put aside (G, M)."""
        if self.required is not None:
            return allot(self.required.banks(self.sentences[:, None], progress), self.required.lengths[self.sentences].sum(1), going, ending,
                         self.search.beams)
        room = going.cumsum(1) - going < self.search.beams
        return going & room, ending & room

    def _scores(self, found):
        scores = found.log_p / self.search.lengths_paid(self.written)
        return scores if self.covered is None else scores + self.search.coverage(self.covered)[found.rows]

    def _write_down(self, found, scores, kept, ended, attention):
        """The nodes (G, M) of those that are kept or end."""
        chosen = kept | ended
        group, _ = np.nonzero(chosen)
        rows = found.rows[chosen]
        nodes = np.full(chosen.shape, ROOT)
        nodes[chosen] = self.tree.add(Nodes(self.node[rows], rows, self.sentences[group], found.tokens[chosen], found.log_p[chosen],
                                            scores[chosen], ended[chosen]), attention)
        return nodes

    def _at_work(self, found, progress, scores, kept, nodes):
        """Which sentences (G) go on; texts that reached their most tokens are put aside."""
        limits, done = self.limits[self.sentences], self.done.scores[self.sentences, -1]
        cut = limits <= self.written
        if cut.any():
            whole = kept if progress is None else kept & self.required.met(self.sentences[:, None], progress)
            for those, place in ((whole, self.cut), (kept & ~whole, self.lacking)):
                place.add(self.sentences[cut], np.where(those, scores, -np.inf)[cut], nodes[cut])
        hope = np.where(kept, found.log_p, -np.inf).max(1) / self.search.lengths_paid(limits)
        decided = (done > -np.inf) & (hope <= done)
        if self.search.early:
            decided |= self.done.counts[self.sentences] >= self.search.beams
        return ~cut & ~decided & kept.any(1)

    def _go_on(self, found, progress, kept, nodes, at_work):
        """The hypotheses that were kept are the rows from now on."""
        group, _ = np.nonzero(kept)
        rows, tokens = found.rows[kept], found.tokens[kept]
        if self.texts is not None:
            self.texts = [[*self.texts[row], token] for row, token in zip(rows.tolist(), tokens.tolist(), strict=True)]
        if progress is not None:
            self.progress = progress[kept]
        if self.covered is not None:
            self.covered = self.covered[rows]
        self.log_p, self.node = found.log_p[kept], nodes[kept]
        self.sentences, self.group = self.sentences[at_work], (at_work.cumsum() - 1)[group]
        return rows, tokens

    def results(self, lengths):
        """The best texts of every sentence."""
        found = []
        for sentence in range(len(self.limits)):
            ready = [(*entry, place is self.done) for place in (self.done, self.cut) for entry in place.of(sentence)]
            if self.end is None:
                ready.sort(key=lambda entry: -entry[0])
            ready = [*ready, *((*entry, False) for entry in self.lacking.of(sentence))][:self.search.best or self.search.beams]
            if ready:
                self.tree.choose(sentence, ready[0][1])
            words = None if lengths is None else int(lengths[sentence])
            found.append([self._hypothesis(*entry, words) for entry in ready])
        return found

    def _hypothesis(self, score, node, finished, words):
        path = self.tree.path(node)
        log_p = self.tree.log_p(node)
        if finished and self.end is not None and self.tree.tokens(path[-1:]) == [self.end]:
            path = path[:-1]
        attention = self.tree.attention(path)
        return Hypothesis(self.tree.tokens(path), log_p, score, None if attention is None else attention[:, :words], finished)


def _repeated(tokens):
    """Which of each row's tokens (N, C) stood there before."""
    order = np.argsort(tokens, axis=1, kind="stable")
    ordered = take_each(tokens, order)
    again = np.zeros(tokens.shape, bool)
    np.put_along_axis(again, order[:, 1:], ordered[:, 1:] == ordered[:, :-1], 1)
    return again
