"""What a thesaurus is made of: sets of words with one meaning (synsets), and the relations between them."""
import re
from dataclasses import dataclass, field

from tsuzuri.errors import ConfigError, check_choice, suggest

PARTS = {"n": "noun", "v": "verb", "a": "adj", "r": "adv"}
"""Parts of speech: the letter, and the name that WordNet's files and this package use."""
OTHER_NAMES = {"s": "a", "adjective": "a", "adverb": "r"}

RELATIONS = {
    "hypernyms": ("hypernym", "instance_hypernym"),
    "hyponyms": ("hyponym", "instance_hyponym"),
    "meronyms": ("mero_part", "mero_member", "mero_substance"),
    "holonyms": ("holo_part", "holo_member", "holo_substance"),
}
"""Groups of relations and the kinds in each, named as in WN-LMF: above, below, what it is made of, what it belongs to."""
KINDS = RELATIONS | {kind: (kind,) for kinds in RELATIONS.values() for kind in kinds}

_SENSE = re.compile(r"(?P<word>.+)\.(?P<pos>[nvars])\.(?P<number>\d+)")


@dataclass(frozen=True)
class Synset:
    """Words that share one meaning.

    name: ``car.n.01``, the first sense of the noun that stands first among the words; ``key`` is the place in the files.
    """
    key: str
    pos: str = field(compare=False)
    name: str = field(compare=False)
    words: tuple[str, ...] = field(compare=False)
    definition: str = field(compare=False)


def part_of_speech(name: str) -> str:
    """``n``, ``v``, ``a`` or ``r`` for a letter or a name.  ConfigError: anything else."""
    letters = {name: letter for letter, name in PARTS.items()} | {letter: letter for letter in PARTS} | OTHER_NAMES
    if name.lower() not in letters:
        raise ConfigError(f'part of speech "{name}" is unknown{suggest(name, letters)}; choose one of '
                          f'{", ".join(PARTS.values())}.')
    return letters[name.lower()]


def relation_kinds(name: str) -> tuple[str, ...]:
    """The kinds of relation in a group, or of one kind's own name.  ConfigError: anything else."""
    check_choice("relation", name, KINDS)
    return KINDS[name]


def split_sense(text: str) -> tuple[str, str, int] | None:
    """``car.n.01`` -> ("car", "n", 1); None for anything that is not the notation of a sense."""
    found = _SENSE.fullmatch(text)
    return (found["word"], part_of_speech(found["pos"]), int(found["number"])) if found else None


def sense_name(word: str, pos: str, number: int) -> str:
    """``car.n.01``."""
    return f"{word.lower().replace(' ', '_')}.{pos}.{number:02}"
