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

import numpy as np

from tsuzuri.errors import ConfigError

OTHER = 0
"""the letter of a token that is in none of the phrases"""


class Required:
    """The phrases of every sentence, as tables for many hypotheses at once.    progress (..., P) how much of each is written"""

    def __init__(self, phrases: Sequence[Sequence[Sequence[int]]]):
        alphabets = [sorted({token for phrase in own for token in phrase}) for own in phrases]
        P, L = max(map(len, phrases)), max((len(phrase) for own in phrases for phrase in own), default=0)
        G, A = len(phrases), max(map(len, alphabets))
        self.lengths = np.zeros((G, P), np.int64)
        self._letters = np.full((G, A), -1)
        self._tokens = np.full((G, P, L + 1), -1)            # the one that goes on from there; -1: none does
        self._next = np.zeros((G, P, L + 1, A + 1), np.int64)
        for g, own in enumerate(phrases):
            self._letters[g, :len(alphabets[g])] = alphabets[g]
            for p, phrase in enumerate(own):
                self.lengths[g, p] = len(phrase)
                self._tokens[g, p, :len(phrase)] = phrase
                self._next[g, p, :len(phrase) + 1, 1:len(alphabets[g]) + 1] = _transitions(list(phrase), alphabets[g])
                self._next[g, p, len(phrase)] = len(phrase)

    def advance(self, sentences: np.ndarray, progress: np.ndarray, tokens: np.ndarray) -> np.ndarray:
        """sentences, tokens (...), progress (..., P) -> progress with the tokens (..., P)."""
        same = tokens[..., None] == self._letters[sentences]
        letters = np.where(same.any(-1), same.argmax(-1) + 1, OTHER)
        return self._next[sentences[..., None], np.arange(self.lengths.shape[1]), progress, letters[..., None]]

    def wanted(self, sentences: np.ndarray, progress: np.ndarray) -> np.ndarray:
        """The token that goes on with each phrase (..., P), -1 where it is whole."""
        return self._tokens[sentences[..., None], np.arange(self.lengths.shape[1]), progress]

    def banks(self, sentences: np.ndarray, progress: np.ndarray) -> np.ndarray:
        """The tokens of whole phrases and of the one that is furthest of the others (...)."""
        whole = progress == self.lengths[sentences]
        return np.where(whole, progress, 0).sum(-1) + np.where(whole, 0, progress).max(-1)

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
    def step(written, token):
        text = [*phrase[:written], token]
        return next(n for n in range(min(len(text), len(phrase)), -1, -1) if phrase[:n] == text[len(text) - n:])
    return np.array([[step(written, token) for token in alphabet] for written in range(len(phrase) + 1)]).reshape(len(phrase) + 1, -1)


def prefix_table(prefixes: Sequence[Sequence[int]] | None, limits: np.ndarray, vocabulary: int, end: int | None) -> np.ndarray:
    """The prefixes of the sentences (N, longest + 1), -1 behind their ends.  ConfigError: one that is too long, or its ids."""
    if prefixes is None:
        return np.full((len(limits), 1), -1)
    _expect_one_each("prefixes", prefixes, len(limits))
    for n, prefix in enumerate(prefixes):
        _expect_ids(f"the prefix of sentence {n}", prefix, vocabulary, end)
        if len(prefix) > limits[n]:
            raise ConfigError(f"the prefix of sentence {n} has {len(prefix)} tokens, and most is {limits[n]}; take a larger most.")
    table = np.full((len(limits), max(map(len, prefixes), default=0) + 1), -1)
    for row, prefix in zip(table, prefixes, strict=True):
        row[:len(prefix)] = prefix
    return table


def required_phrases(phrases: Sequence[Sequence[Sequence[int]]] | None, count: int, vocabulary: int, end: int | None) -> Required | None:
    """The phrases of ``count`` sentences; None where there are none.  ConfigError: an empty one, or its ids."""
    if phrases is None:
        return None
    _expect_one_each("required phrases", phrases, count)
    for n, own in enumerate(phrases):
        for phrase in own:
            _expect_ids(f"a required phrase of sentence {n}", phrase, vocabulary, end)
            if not len(phrase):
                raise ConfigError(f"a required phrase of sentence {n} is empty; give its ids, or leave it out.")
    return Required(phrases) if any(map(len, phrases)) else None


def _expect_one_each(what, given, count):
    if len(given) != count:
        raise ConfigError(f"{what} are given for {len(given)} sentences, and there are {count}; give one list for each, [] for none.")


def _expect_ids(what, ids, vocabulary, end):
    for token in ids:
        if not 0 <= token < vocabulary:
            raise ConfigError(f"{what} has the id {token}, and the vocabulary has {vocabulary} tokens; give ids of its tokenizer.")
        if token == end:
            raise ConfigError(f"{what} has the end token {end}, behind which nothing is written; leave it out.")
