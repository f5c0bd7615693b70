"""Kneser-Ney smoothing: how often runs of n words stand in a text, and how probable the next word is from that.

The probability of word w after the n - 1 words h is interpolated with the one after h', which is h without its first word:

    p(w | h)  =  max(c(h w) - D, 0) / S(h)  +  b(h) p(w | h')           S(h) = sum over w of c(h w)
    b(h)      =  sum over w of D / S(h)                                 what the discounts D took away; 1 where S(h) = 0

down to p(w | nothing) = 1/V.  Both parts are at least 0 and sum to one over w, so p does.  The idea is what is counted:
c is the number of times only in the highest order.  In a lower one, which is asked where the higher one knows little,
it is the *continuation count*: after how many different words "h w" was seen.  *Francisco* is frequent but stands only
after *San*, so after any other word it is improbable.  The beginning of the text counts as one more such word.

An n-gram is the number of the (n - 1)-gram that it begins with, its context, and a word: key = context V + word.  Its own
number is the place of its key among the sorted keys of its order.  The one 0-gram has number 0, and the words after a
context lie side by side.  A number of -1 says that the text does not have the n-gram.

Sources: Kneser and Ney 1995; interpolation and three discounts: Chen and Goodman 1998 (TR-10-98).
"""
from typing import NamedTuple

import numpy as np


class Level(NamedTuple):
    """What is known of the n-grams of one order: M of them, after C contexts."""

    keys: np.ndarray
    """(M,) int64, sorted: context V + word"""
    discounted: np.ndarray
    """(M + 1,): (c(h w) - D) / S(h); at last 0, for number -1"""
    backoff: np.ndarray
    """(C + 1,): b(h); at last 1, for number -1"""


def estimate(ids: np.ndarray, order: int, V: int, discounts) -> list[Level]:
    """ids (T,) -> the levels of the orders 1 to ``order``; ``discounts`` is a function of SMOOTHINGS."""
    levels, contexts = [], 1
    for keys, counts in count_ngrams(ids, order, V):
        levels.append(_level(keys, counts, contexts, V, discounts(counts)))
        contexts = len(keys)
    return levels


def count_ngrams(ids: np.ndarray, order: int, V: int) -> list[tuple[np.ndarray, np.ndarray]]:
    """ids (T,) -> (keys (M,), counts (M,)) of each order from 1: how often in the highest, after how many words in the others."""
    found: list[tuple[np.ndarray, np.ndarray]] = []
    numbers = np.zeros(len(ids) + 1, np.int64)               # of the (n - 1)-grams, from the first in the text to the last
    for n in range(1, order + 1):
        keys, places, counts = np.unique(numbers[:-1] * V + ids[n - 1:], return_inverse=True, return_counts=True)
        if n > 1:                                            # each n-gram is one more word before the (n - 1)-gram it ends with
            ending = np.empty(len(keys), np.int64)
            ending[places] = numbers[1:]
            after = np.bincount(ending, minlength=len(found[-1][0]))
            after[numbers[:1]] += 1                          # the beginning of the text
            found[-1] = found[-1][0], after
        found.append((keys, counts))
        numbers = places
    return found


def _level(keys, counts, contexts, V, discounts):
    context, discount = keys // V, discounts[np.minimum(counts, len(discounts)) - 1]
    total = np.bincount(context, counts, contexts)
    seen = total > 0                                         # the text may end with a context that nothing follows
    backoff = np.ones(contexts + 1)
    backoff[:-1][seen] = np.bincount(context, discount, contexts)[seen] / total[seen]
    return Level(keys, np.append((counts - discount) / total[context], 0.0), backoff)


def one_discount(counts: np.ndarray) -> np.ndarray:
    """D = n1 / (n1 + 2 n2), where nk n-grams have count k (Kneser and Ney 1995); 1/2 where n1 or n2 is 0."""
    n1, n2 = (np.count_nonzero(counts == k) for k in (1, 2))
    return np.array([n1 / (n1 + 2 * n2) if n1 and n2 else 0.5])


def three_discounts(counts: np.ndarray) -> np.ndarray:
    """D1, D2 and D3 for counts of 1, 2 and 3 or more: Dk = k - (k + 1) Y n(k+1) / nk, Y = n1 / (n1 + 2 n2) (Chen and Goodman 1998).

    k/2 where that leaves 0 to k or has no n to go by: in short texts, and for characters, of which few are rare.
    """
    n, k = np.array([np.count_nonzero(counts == k) for k in (1, 2, 3, 4)]), np.arange(1, 4)
    if n.all():
        discounts = k - (k + 1) * n[0] / (n[0] + 2 * n[1]) * n[1:] / n[:-1]
        if ((discounts > 0) & (discounts <= k)).all():
            return discounts
    return k / 2


SMOOTHINGS = {"kneser-ney": one_discount, "modified-kneser-ney": three_discounts}


def empty_level(contexts: int) -> Level:
    """A level without n-grams: everything is left to the order below."""
    return Level(np.zeros(0, np.int64), np.zeros(1), np.ones(contexts + 1))


def find(keys: np.ndarray, contexts: np.ndarray, words: np.ndarray, V: int) -> np.ndarray:
    """The numbers of the n-grams "context word", -1 where there is none; contexts and words of one shape."""
    wanted = contexts * V + words                            # below 0 for a context of -1, so never found
    places = np.searchsorted(keys, wanted)
    found = places < len(keys)
    found[found] = keys[places[found]] == wanted[found]
    return np.where(found, places, -1)


def distribution(levels: list[Level], contexts: np.ndarray, V: int) -> np.ndarray:
    """p of every word (V,) after the contexts of one place, given by their numbers for each order (order,)."""
    p = np.full(V, 1 / V)
    for level, context in zip(levels, contexts.tolist(), strict=True):
        first, last = np.searchsorted(level.keys, (context * V, (context + 1) * V))
        p *= level.backoff[context]
        p[level.keys[first:last] - context * V] += level.discounted[first:last]
    return p
