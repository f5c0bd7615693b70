"""What a text must begin with, and phrases that it must contain: which of them a hypothesis has written, and beams shared out so that they come in.

How far each phrase is written is kept by itself, as the longest end of the text that the phrase begins with; a whole phrase stays
so (Knuth, Morris and Pratt 1977).  Phrases may thus overlap, and one that is broken off begins anew.

A hypothesis that has written more of the phrases is mostly less probable for now, and would fall out of the beam.  So the
places are shared out to banks: bank c is for the hypotheses with c tokens of whole phrases and of the one that is furthest of the
others.  Each gets an equal share, the last one the rest too; what a bank cannot fill goes to the bank below it, and what is then
left to the best of any.  So the highest bank that is not empty has a place, and as the next token of that furthest phrase is always
tried, it rises at each step: all phrases are written after as many steps as they have tokens, at the latest.

Source: Post and Vilar 2018 (dynamic beam allocation), after Hokamp and Liu 2017 (grid beam search).
"""
from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from tsuzuri.errors import ConfigError

Ids = Sequence[int]
OTHER = 0
"""the letter of a token that is in none of the phrases"""


class Phrase(NamedTuple):
    """The ids of a phrase, and those of it at the very beginning of a text, where that is written otherwise."""

    ids: Ids
    opening: Ids = ()


class Required:
    """The phrases of every sentence, as tables for many hypotheses at once.

    Progress (..., P) is a state of each phrase: 0 to L, how many of its L tokens are written; behind that, where it has an opening,
    how many of that's are, from 0 at the beginning of the text.  The last token of either leads to L.
    """

    def __init__(self, phrases: Sequence[Sequence[Phrase]]):
        alphabets = [sorted({token for phrase in own for token in (*phrase.ids, *phrase.opening)}) for own in phrases]
        P, states = max(map(len, phrases)), 1 + max((len(phrase.ids) + len(phrase.opening) for own in phrases for phrase in own), default=0)
        G, A = len(phrases), max(map(len, alphabets))
        self.lengths = np.zeros((G, P), np.int64)
        self.start = np.zeros((G, P), np.int64)
        self._letters = np.full((G, A), -1)
        self._tokens = np.full((G, P, states, 2), -1)        # those that go on from there, in the phrase and in its opening; -1: none does
        self._next = np.zeros((G, P, states, A + 1), np.int64)
        self._written = np.zeros((G, P, states), np.int64)
        for g, own in enumerate(phrases):
            self._letters[g, :len(alphabets[g])] = alphabets[g]
            for p, phrase in enumerate(own):
                self._add(g, p, phrase, alphabets[g])

    def _add(self, g, p, phrase, alphabet):
        ids, opening, L = list(phrase.ids), list(phrase.opening), len(phrase.ids)
        self.lengths[g, p], self.start[g, p] = L, L + 1 if opening else 0
        self._written[g, p, :L + 1], self._tokens[g, p, :L, 0] = np.arange(L + 1), ids
        self._next[g, p, :L + 1, 1:len(alphabet) + 1] = _transitions(ids, alphabet)
        self._next[g, p, L] = L
        for k, token in enumerate(opening):                  # as far as the text up to there is in the phrase itself, and one token further
            state, within = L + 1 + k, _reached(ids, opening[:k])
            self._next[g, p, state] = self._next[g, p, within]
            whole = k + 1 == len(opening) or _reached(ids, opening[:k + 1]) == L
            self._next[g, p, state, alphabet.index(token) + 1] = L if whole else state + 1
            self._tokens[g, p, state] = -1 if within == L else ids[within], token
            self._written[g, p, state] = max(within, L - len(opening) + k) if k else 0

    def advance(self, sentences: np.ndarray, progress: np.ndarray, tokens: np.ndarray) -> np.ndarray:
        """sentences, tokens (...), progress (..., P) -> progress with the tokens (..., P)."""
        same = tokens[..., None] == self._letters[sentences]
        letters = np.where(same.any(-1), same.argmax(-1) + 1, OTHER)
        return self._next[sentences[..., None], np.arange(self.lengths.shape[1]), progress, letters[..., None]]

    def wanted(self, sentences: np.ndarray, progress: np.ndarray) -> np.ndarray:
        """The tokens that go on with each phrase (..., 2 P), -1 where it is whole."""
        found = self._tokens[sentences[..., None], np.arange(self.lengths.shape[1]), progress]
        return found.reshape(*found.shape[:-2], -1)

    def banks(self, sentences: np.ndarray, progress: np.ndarray) -> np.ndarray:
        """The tokens of whole phrases and of the one that is furthest of the others (...)."""
        whole = progress == self.lengths[sentences]
        written = self._written[sentences[..., None], np.arange(self.lengths.shape[1]), progress]
        return np.where(whole, written, 0).sum(-1) + np.where(whole, 0, written).max(-1)

    def met(self, sentences: np.ndarray, progress: np.ndarray) -> np.ndarray:
        """Whether all phrases are whole (...)."""
        return (progress == self.lengths[sentences]).all(-1)


def allot(banks: np.ndarray, last: np.ndarray, going: np.ndarray, ending: np.ndarray, beams: int) -> tuple[np.ndarray, np.ndarray]:
    """Which candidates are kept and which end: banks, going, ending (G, M) in the order of their scores, the last bank (G) of each.

    One that ends is taken where it would have had a place in its bank's share.
    """
    numbers = np.arange(last.max() + 1)
    inside = going & (banks == numbers[:, None, None])       # (banks, G, M)
    before = np.take_along_axis(inside.cumsum(2) - inside, banks[None], 0)[0]
    share = np.where(numbers <= last[:, None], (beams // (last + 1))[:, None], 0)
    share[np.arange(len(last)), last] += beams % (last + 1)
    sentences = np.arange(len(last))[:, None]
    kept = going & (before < _filled(share, inside.sum(2).T)[sentences, banks])
    others = going & ~kept
    kept |= others & (others.cumsum(1) <= beams - kept.sum(1, keepdims=True))
    return kept, ending & (before < share[sentences, banks])


def _filled(share, there):
    """share (G, banks) with what is more than ``there`` handed down from bank to bank."""
    share = share.copy()
    for bank in range(share.shape[1] - 1, 0, -1):
        spare = np.maximum(share[:, bank] - there[:, bank], 0)
        share[:, bank] -= spare
        share[:, bank - 1] += spare
    return share


def _transitions(phrase, alphabet):
    """(L + 1, A): from so much of the phrase with each letter to how much of it."""
    return np.array([[_reached(phrase, [*phrase[:written], token]) for token in alphabet] for written in range(len(phrase) + 1)]).reshape(len(phrase) + 1, -1)


def _reached(phrase, text):
    """How much of the phrase stands at the end of a text."""
    return next(n for n in range(min(len(text), len(phrase)), -1, -1) if phrase[:n] == text[len(text) - n:])


def prefix_table(prefixes: Sequence[Sequence[int]] | None, limits: np.ndarray, vocabulary: int, end: int | None) -> np.ndarray:
    """The prefixes of the sentences (N, longest + 1), -1 behind their ends.  ConfigError: one that is too long, or its ids."""
    if prefixes is None:
        return np.full((len(limits), 1), -1)
    _expect_one_each("prefixes", prefixes, len(limits))
    for n, prefix in enumerate(prefixes):
        _expect_ids(f"the prefix of sentence {n + 1}", prefix, vocabulary, end)
        if len(prefix) > limits[n]:
            raise ConfigError(f"the prefix of sentence {n + 1} has {len(prefix)} tokens, and a text at most {limits[n]}; give a shorter prefix.")
    table = np.full((len(limits), max(map(len, prefixes), default=0) + 1), -1)
    for row, prefix in zip(table, prefixes, strict=True):
        row[:len(prefix)] = prefix
    return table


def required_phrases(phrases: Sequence[Sequence[Phrase | Ids]] | None, count: int, vocabulary: int, end: int | None) -> Required | None:
    """The phrases of ``count`` sentences; None where there are none.  ConfigError: an empty one, or its ids."""
    if phrases is None:
        return None
    _expect_one_each("required phrases", phrases, count)
    made = [[phrase if isinstance(phrase, Phrase) else Phrase(phrase) for phrase in own] for own in phrases]
    for n, own in enumerate(made):
        for phrase in own:
            _expect_ids(f"a required phrase of sentence {n + 1}", (*phrase.ids, *phrase.opening), vocabulary, end)
            if not len(phrase.ids):
                raise ConfigError(f"a required phrase of sentence {n + 1} is empty; give its ids, or leave it out.")
    return Required(made) if any(map(len, made)) else None


def _expect_one_each(what, given, count):
    if len(given) != count:
        raise ConfigError(f"{what} are given for {len(given)} sentences, and there are {count}; give one list for each, [] for none.")


def _expect_ids(what, ids, vocabulary, end):
    for token in ids:
        if not 0 <= token < vocabulary:
            raise ConfigError(f"{what} has the id {token}, and the vocabulary has {vocabulary} tokens; give ids of its tokenizer.")
        if token == end:
            raise ConfigError(f"{what} has the end token {end}, behind which nothing is written; leave it out.")
