"""WordNet read from its own files, in a folder or in NLTK's zip file."""
from collections.abc import Iterator
from functools import cache
from pathlib import Path

from tsuzuri.vectors.thesaurus import wndb
from tsuzuri.vectors.thesaurus.base import Thesaurus
from tsuzuri.vectors.thesaurus.forms import base_forms
from tsuzuri.vectors.thesaurus.synset import PARTS, Synset, sense_name


class WordNet(Thesaurus):
    """The WordNet whose files ``index.noun``, ``data.noun``, ``noun.exc`` and so on lie in ``place``."""

    def __init__(self, place: Path):
        super().__init__()
        self.place = place
        self._buffer = cache(lambda name: wndb.open_buffer(place, name))
        self._exceptions = cache(lambda pos: wndb.read_exceptions(self._buffer(f"{PARTS[pos]}.exc")))
        self._offsets = cache(lambda word, pos: wndb.find_offsets(self._buffer(f"index.{PARTS[pos]}"), word))
        self._record = cache(lambda pos, offset: wndb.read_record(self._buffer(f"data.{PARTS[pos]}"), offset))
        self._synset = cache(self._make)

    def senses(self, word: str, pos: str) -> list[Synset]:
        return [self._synset(pos, offset) for offset in self._offsets(_written(word), pos)]

    def pointed(self, synset: Synset, kind: str) -> list[Synset]:
        return [self._synset(_file(to.pos), to.offset) for to in self._pointers(synset)
                if to.kind == kind and not to.source]

    def opposites(self, synset: Synset, word: str) -> list[str]:
        numbers = [number for number, other in enumerate(synset.words, 1) if _written(other) == _written(word)]
        return [self._synset(_file(to.pos), to.offset).words[to.target - 1] for to in self._pointers(synset)
                if to.kind == "antonym" and to.source in numbers]

    def similar_words(self, word: str) -> Iterator[str]:
        for part in PARTS.values():
            yield from wndb.words_from(self._buffer(f"index.{part}"), _written(word)[:1])

    def longest_way_up(self, pos: str) -> int:
        return wndb.longest_way_up(self._buffer(f"data.{PARTS[pos]}"))

    def forms(self, word: str, pos: str) -> list[str]:
        return base_forms(_written(word), pos, self._exceptions(pos), lambda form: bool(self._offsets(form, pos)))

    def _make(self, pos, offset):
        record = self._record(pos, offset)
        first = _written(record.words[0])
        offsets = self._offsets(first, pos)
        number = offsets.index(offset) + 1 if offset in offsets else 0
        name = sense_name(first, record.pos, number)
        return Synset(f"{offset:08}-{pos}", record.pos, name, record.words, record.definition)

    def _pointers(self, synset):
        offset, pos = synset.key.split("-")
        return self._record(pos, int(offset)).pointers


def _written(word) -> str:
    """As the index has it."""
    return word.strip().lower().replace(" ", "_")


def _file(pos) -> str:
    """Adjectives that cluster around another one (s) lie in the same file."""
    return "a" if pos == "s" else pos
