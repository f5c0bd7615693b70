"""The thesaurus: one object that answers whatever its words were read from."""
from abc import ABC, abstractmethod
from collections.abc import Iterable, Iterator
from itertools import product
from typing import NamedTuple

from tsuzuri.errors import ConfigError, DataError, suggest
from tsuzuri.vectors.thesaurus.hierarchy import Hierarchy, Way
from tsuzuri.vectors.thesaurus.synset import (
    PARTS,
    Synset,
    part_of_speech,
    relation_kinds,
    split_sense,
)


class Branch(NamedTuple):
    """A synset in a tree, the kind of relation that led to it, and what hangs below it."""
    synset: Synset
    kind: str
    branches: list["Branch"]


class Thesaurus(ABC):
    """Words, their senses and the relations between them.

    Wherever a word may be given, one of its senses may (``car.n.01``).  A reader of some format gives five
    primitives; everything else is written on them.
    """

    def __init__(self):
        self.hierarchy = Hierarchy(lambda synset: self.related(synset, "hypernyms"), self.longest_way_up)

    @abstractmethod
    def senses(self, word: str, pos: str) -> list[Synset]:
        """The synsets of a word in one part of speech (n, v, a, r), the most frequent first; no other forms are tried."""

    @abstractmethod
    def pointed(self, synset: Synset, kind: str) -> list[Synset]:
        """The synsets to which a relation of this kind leads (the names are those of WN-LMF)."""

    @abstractmethod
    def opposites(self, synset: Synset, word: str) -> list[str]:
        """The antonyms of one word of a synset."""

    @abstractmethod
    def similar_words(self, word: str) -> Iterable[str]:
        """Words among which a misspelt one may be."""

    @abstractmethod
    def longest_way_up(self, pos: str) -> int:
        """The most steps from any synset of a part of speech to a top of its hierarchy."""

    def forms(self, word: str, pos: str) -> list[str]:
        """The words of which ``word`` may be a form."""
        return [word]

    def synsets(self, word: str, pos: str | None = None) -> list[Synset]:
        """The synsets of a word, of the words of which it is a form, or of one sense; empty where it is unknown."""
        parts = [part_of_speech(pos)] if pos else list(PARTS)
        if sense := split_sense(word):
            word, of, number = sense
            return self.senses(word, of)[max(number - 1, 0):number] if of in parts else []
        found = [synset for part in parts for form in self.forms(word.strip(), part) for synset in self.senses(form, part)]
        return list(dict.fromkeys(found))

    def find(self, word: str, pos: str | None = None) -> list[Synset]:
        """As ``synsets``.  DataError: there are none, with a word that may have been meant."""
        found = self.synsets(word, pos)
        if not found:
            raise DataError(self._unknown(word, pos))
        return found

    def related(self, synset: Synset, relation: str) -> list[Synset]:
        """The synsets in a relation, one kind or a group: hypernyms, hyponyms, meronyms (parts), holonyms (wholes)."""
        return [other for kind in relation_kinds(relation) for other in self.pointed(synset, kind)]

    def synonyms(self, word: str, pos: str | None = None) -> list[str]:
        """The other words of all synsets of a word."""
        own = {_plain(form) for form in (word, *self._written(word, pos))}
        return _unique(other for synset in self.find(word, pos) for other in synset.words if _plain(other) not in own)

    def antonyms(self, word: str, pos: str | None = None) -> list[str]:
        """The words that say the opposite."""
        return _unique(other for synset in self.find(word, pos) for other in self.antonyms_in(synset, word))

    def antonyms_in(self, synset: Synset, word: str) -> list[str]:
        """The opposites of a word in one of its senses."""
        return _unique(other for form in self._written(word, None) for other in self.opposites(synset, form))

    def tree(self, synset: Synset, relation: str = "hypernyms", depth: int | None = None) -> Branch:
        """What hangs on a synset by one relation, down to ``depth`` steps (None: all); a circle is cut."""
        if depth is not None and depth < 0:
            raise ConfigError(f"depth {depth} is no number of steps; give 0 or more, or none for the whole tree.")
        return self._branch(synset, "", relation_kinds(relation), -1 if depth is None else depth, (synset,))

    def similarity(self, a: str, b: str, measure: str = "path", pos: str | None = None) -> float | None:
        """The greatest similarity of two senses of one part of speech: path, wup or lch (see ``hierarchy``).

        None where no way leads from one to the other.  DataError: an unknown word.
        """
        return self._nearest(self.find(a, pos), self.find(b, pos), measure)[0]

    def word_similarity(self, a: str, b: str, measure: str = "path") -> float | None:
        """As ``similarity``; None for an unknown word too."""
        return self._nearest(self.synsets(a), self.synsets(b), measure)[0]

    def nearest_senses(self, a: str, b: str, measure: str = "path",
                       pos: str | None = None) -> tuple[float, Synset, Synset] | None:
        """The similarity of two words and the two senses that it is of; None where no way leads from one to the other."""
        score, pair = self._nearest(self.find(a, pos), self.find(b, pos), measure)
        return None if score is None else (score, *pair)

    def first_similarity(self, a: str, b: str, measure: str = "path", pos: str | None = None) -> float | None:
        """The similarity of the most frequent senses; None where no way leads from one to the other."""
        return self._nearest(self.find(a, pos)[:1], self.find(b, pos)[:1], measure)[0]

    def way(self, a: str, b: str, pos: str | None = None) -> Way:
        """The shortest way between two words over their common ancestor.  DataError: there is none."""
        _, pair = self._nearest(self.find(a, pos), self.find(b, pos), "path")
        if not pair:
            raise DataError(f'no way leads from "{a}" to "{b}": only nouns and verbs have hypernyms, and a way joins two '
                            "words of the same part of speech.")
        return self.hierarchy.way(*pair)

    def _nearest(self, ours, theirs, measure):
        """-> (the greatest similarity, its two senses), of equal ones the most frequent senses; (None, ()) for none."""
        best, pair = None, ()
        for a, b in product(ours, theirs):
            score = self.hierarchy.similarity(a, b, measure) if _part(a) == _part(b) else None
            if score is not None and (best is None or score > best):
                best, pair = score, (a, b)
        return best, pair

    def _branch(self, synset, kind, kinds, depth, above) -> Branch:
        below = [(other, by) for by in kinds for other in self.pointed(synset, by) if other not in above] if depth else []
        return Branch(synset, kind, [self._branch(other, by, kinds, depth - 1, (*above, other)) for other, by in below])

    def _written(self, word, pos) -> list[str]:
        """The word itself, without the notation of a sense, and the words of which it is a form."""
        if sense := split_sense(word):
            return [_plain(sense[0])]
        parts = [part_of_speech(pos)] if pos else list(PARTS)
        return _unique(_plain(form) for part in parts for form in self.forms(word.strip(), part))

    def _unknown(self, word, pos):
        if not word.strip():
            return "an empty word has no meaning; give a word."
        among = f" among the {PARTS[part_of_speech(pos)]}s" if pos else ""
        if sense := split_sense(word):
            count = len(self.senses(sense[0], sense[1]))
            if count and not (pos and part_of_speech(pos) != sense[1]):
                return f'"{word}" is no sense: {sense[0]}.{sense[1]} has {count}, from {sense[0]}.{sense[1]}.01 on.'
            word = sense[0]
        near = suggest(_plain(word).replace(" ", "_"), self.similar_words(word))
        return f'"{word}" is not in the thesaurus{among}{near}; try another form or spelling of the word.'


def _part(synset) -> str:
    return "a" if synset.pos == "s" else synset.pos


def _plain(word) -> str:
    return word.strip().lower().replace("_", " ")


def _unique(words: Iterable[str]) -> list[str]:
    return list(dict.fromkeys(words))


def walk(branch: Branch) -> Iterator[tuple[str, Branch]]:
    """Each branch of a tree with the lines that are drawn before it, the trunk first."""
    yield "", branch
    for number, below in enumerate(branch.branches, 1):
        last = number == len(branch.branches)
        for depth, (lines, inner) in enumerate(walk(below)):
            if depth == 0:
                yield ("└── " if last else "├── "), inner
            else:
                yield ("    " if last else "│   ") + lines, inner

