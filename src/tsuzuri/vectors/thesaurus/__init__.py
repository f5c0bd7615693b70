"""Meaning by hand: a thesaurus of words, their senses and the relations between them.

    from tsuzuri.vectors.thesaurus import open_thesaurus
    thesaurus = open_thesaurus()
    thesaurus.synonyms("car")
    thesaurus.similarity("car", "dog", measure="path")
"""
from tsuzuri.vectors.thesaurus.base import Branch, Thesaurus, walk
from tsuzuri.vectors.thesaurus.hierarchy import MEASURES, Way
from tsuzuri.vectors.thesaurus.places import open_thesaurus
from tsuzuri.vectors.thesaurus.synset import PARTS, RELATIONS, Synset

__all__ = ["MEASURES", "PARTS", "RELATIONS", "Branch", "Synset", "Thesaurus", "Way", "open_thesaurus", "walk"]
