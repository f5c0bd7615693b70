"""Labelled sentences that are generated: small tasks that a classifier and a tagger are tried on.

    negation      "the music is not dull but the film is never good ."    negative: what is said of the last thing, and turned around
    homographs    "the duck can watch the town saw ."                     DET NOUN AUX VERB DET MOD NOUN END: what a word is hangs on its
                                                                          neighbours, those before it and those behind

Neither can be told from single words: of a sentence of ``negation`` no word alone says anything, and the words of ``homographs`` have
up to three labels, but in its place each has one only: "the duck watch ." is a noun and a verb, "the duck watch saw ." a noun that
goes with the next one, and the verb behind.  Each set is drawn from a seed of its own and is the same on every machine.
All its sentences are different.
"""
from collections.abc import Callable, Mapping
from functools import lru_cache
from types import MappingProxyType

import numpy as np

from tsuzuri.text.sentences import Labelled

HELD_OUT = 0.1
_THINGS = ("film", "plot", "music", "story", "ending", "cast")
_GOOD, _BAD = ("good", "funny", "moving", "clever", "fine"), ("bad", "dull", "slow", "silly", "weak")
_NOT, _MORE, _AND = ("", "", "not", "never"), ("", "very", "quite"), ("and", "but")
_ARTICLES, _PRONOUNS, _ADJECTIVES = ("the", "a", "that"), ("she", "he", "we"), ("open", "clean", "dry", "old", "small")
_NOUNS, _AUXILIARIES = ("fish", "duck", "watch", "saw", "man", "town"), ("can", "will", "must")
_VERBS = ("can", "saw", "fish", "duck", "watch", "open", "clean", "dry", "see")


def made_sentences(name: str, split: str) -> tuple[Labelled, ...]:
    """The sentences of one split of a generated set: the last tenth is ``valid``, the others are ``train``."""
    sentences = _whole(name)
    kept = len(sentences) - int(HELD_OUT * len(sentences))
    return sentences[:kept] if split == "train" else sentences[kept:]


@lru_cache(maxsize=2)
def _whole(name: str) -> tuple[Labelled, ...]:
    seed, count, draw = MADE[name]
    rng = np.random.default_rng(seed)
    found: dict[str, tuple[str, ...]] = {}
    while len(found) < count:
        words, labels = draw(lambda choices: choices[rng.integers(len(choices))])
        found.setdefault(" ".join(filter(None, words)), tuple(labels))
    return tuple(Labelled(text, labels, f"{name}: sentence {k}") for k, (text, labels) in enumerate(found.items(), 1))


def _negation(pick):
    """One to three clauses; the last one counts."""
    words, label = [], ""
    for k in range(pick((1, 2, 3))):
        good, turned = pick((True, False)), pick(_NOT)
        words += [pick(_AND) if k else "", "the", pick(_THINGS), "is", turned, pick(_MORE), pick(_GOOD if good else _BAD)]
        label = "positive" if good != bool(turned) else "negative"
    return [*words, "."], [label]


def _homographs(pick):
    """Somebody, perhaps an auxiliary, a verb, and perhaps an object."""
    parts = _somebody(pick)
    if pick((True, False)):
        parts.append((pick(_AUXILIARIES), "AUX"))
    parts.append((pick(_VERBS), "VERB"))
    if pick((True, False)):
        parts += _somebody(pick)
    return zip(*parts, (".", "END"), strict=True)


def _somebody(pick):
    if pick((True, False, False)):
        return [(pick(_PRONOUNS), "PRON")]
    article = (pick(_ARTICLES), "DET")
    if pick((True, False)):
        return [article, (pick((*_NOUNS, *_AUXILIARIES[:2])), "NOUN")]
    return [article, (pick(_ADJECTIVES), "ADJ") if pick((True, False, False)) else (pick(_NOUNS), "MOD"), (pick(_NOUNS), "NOUN")]


MADE: Mapping[str, tuple[int, int, Callable]] = MappingProxyType({"negation": (1, 6_000, _negation), "homographs": (2, 6_000, _homographs)})
"""name -> seed, how many sentences, and what draws one"""
