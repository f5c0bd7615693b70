"""Wordnets of other languages and makers: WN-LMF files, read through the library wn (Goodman and Bond 2021).

The library keeps what it reads in a database.  Ours lies in the package's own cache, one for each file's checksum, so
the user's own data of wn is never touched.
"""
import gzip
import hashlib
import json
import lzma
import sqlite3
import sys
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from functools import cache
from itertools import chain
from pathlib import Path

from tsuzuri.datasets.cache import cache_folder
from tsuzuri.errors import ConfigError, DataError
from tsuzuri.files import atomic_write
from tsuzuri.vectors.thesaurus.base import Thesaurus
from tsuzuri.vectors.thesaurus.forms import base_forms
from tsuzuri.vectors.thesaurus.synset import Synset, sense_name

CONTENTS = "contents.json"
INFERRED = "*INFERRED*"                                      # the id of a synset that only the borrowed relations know


class LmfThesaurus(Thesaurus):
    """The wordnets in the WN-LMF file ``path``; ``relations`` is a second file that lends its relations.

    The first use of a file takes up to minutes, as the library reads it into its database; later ones are quick.
    A synset that only the second file has words for is named by these.
    """

    def __init__(self, path: Path, relations: Path | None = None):
        super().__init__()
        self.place, self._wn = path, _library()
        files = [path, *([relations] if relations else [])]
        for file in files:
            _check_start(file)
        self._folder = cache_folder() / "wn" / "-".join(_checksum(file)[:16] for file in files)
        with self._own_data():
            contents = self._filled(files)
            lexicons = [" ".join(names) for names in contents]
            self._wordnet = self._wn.Wordnet(lexicons[0], expand=" ".join(lexicons[1:]))
            self._lender = self._wn.Wordnet(lexicons[-1], expand="")
            self._languages = {lexicon.language for lexicon in self._wordnet.lexicons()}
        self._objects: dict = {}                             # key -> the library's synset
        self._senses, self._pointed, self._synset = cache(self._find_senses), cache(self._find_pointed), cache(self._make)

    def senses(self, word: str, pos: str) -> list[Synset]:
        return self._senses(_written(word), pos)

    def pointed(self, synset: Synset, kind: str) -> list[Synset]:
        return self._pointed(synset.key, kind)

    def opposites(self, synset: Synset, word: str) -> list[str]:
        with self._own_data():
            return [other.word().lemma() for sense in self._objects[synset.key].senses()
                    if sense.word().lemma().lower() == word.lower() for other in sense.get_related("antonym")]

    def similar_words(self, word: str) -> Iterable[str]:
        with self._own_data():
            return [lemma for lemma in self._wordnet.lemmas() if lemma[:1].lower() == word[:1].lower()]

    def longest_way_up(self, pos: str) -> int:
        with self._own_data():
            found = [synset for part in _parts(pos) for source in (self._wordnet, self._lender)
                     for synset in source.synsets(pos=part)]
            return max((self.hierarchy.depths(self._taken(synset))[1] for synset in found), default=0)

    def forms(self, word: str, pos: str) -> list[str]:
        """English words are brought to their base forms by rule; other languages have their forms in the file."""
        if "en" not in self._languages:
            return [word]
        return base_forms(_written(word), pos, {}, lambda form: bool(self.senses(form, pos)))

    def _find_senses(self, word, pos):
        with self._own_data():
            return list(dict.fromkeys(map(self._taken, self._synsets_of(self._wordnet, word, _parts(pos)))))

    def _find_pointed(self, key, kind):
        with self._own_data():
            return [self._taken(other) for other in self._objects[key].get_related(kind)]

    def _taken(self, synset) -> Synset:
        """The library's synset as one of ours."""
        key = f"{synset.ili}" if synset.id == INFERRED else synset.id
        self._objects.setdefault(key, synset)
        return self._synset(key)

    def _make(self, key):
        synset, source = self._objects[key], self._wordnet
        if synset.id == INFERRED and (lent := self._lender.synsets(ili=key)):
            synset, source = lent[0], self._lender
        words = tuple(synset.lemmas())
        if not words:
            return Synset(key, synset.pos or "n", key, (key,), synset.definition() or "")
        of_first = [other.id for other in self._synsets_of(source, words[0], (synset.pos,))]
        number = of_first.index(synset.id) + 1 if synset.id in of_first else 0
        return Synset(key, synset.pos, sense_name(words[0], synset.pos, number), words, synset.definition() or "")

    def _synsets_of(self, source, word, parts):
        entries = (entry for part in parts for entry in source.words(word, pos=part))
        return list(dict.fromkeys(synset for entry in entries for synset in entry.synsets()))

    @contextmanager
    def _own_data(self) -> Iterator[None]:
        """Let the library work on this object's database, and afterwards on the user's again."""
        wn = self._wn
        before = wn.config.database_path.parent
        wn.config.data_directory = self._folder
        try:
            yield
        except (wn.Error, sqlite3.Error) as error:
            raise DataError(f"{self.place}: the library wn cannot read this WN-LMF file ({error}); check the file, or remove "
                            f"{self._folder}.") from error
        finally:
            wn.config.data_directory = before

    def _filled(self, files) -> list[list[str]]:
        """The names of each file's wordnets, which are read into the database unless that was done to its end before."""
        done = self._folder / CONTENTS
        if not done.is_file():
            self._folder.mkdir(parents=True, exist_ok=True)
            self._wn.reset_database()
            contents: list[list[str]] = []
            for file in files:
                print(f"reading {file}, once", file=sys.stderr)
                self._add(file)
                names = [lexicon.specifier() for lexicon in self._wn.lexicons()]
                contents.append([name for name in names if name not in chain(*contents)])
            atomic_write(done, json.dumps(contents))
        return json.loads(done.read_bytes())

    def _add(self, file):
        from xml.parsers.expat import ExpatError
        try:
            self._wn.add(file, progress_handler=None)
        except (self._wn.Error, ExpatError, OSError, EOFError, ValueError, KeyError, TypeError) as error:
            raise _unreadable(file, str(error)) from error


def _library():
    try:
        import wn
    except ImportError:
        raise ConfigError('a WN-LMF file is read with the library wn, which is not installed; install it with `pip install '
                          '"tsuzuri[thesaurus]"`.') from None
    return wn


def _check_start(path: Path) -> None:
    """Refuse what is plainly something else before a database is made for it."""
    if not path.is_file():
        raise DataError(f'"{path}" does not exist; give a WN-LMF file (.xml, .xml.gz, .xml.xz).')
    opened: dict[str, Callable] = {".gz": gzip.open, ".xz": lzma.open}
    try:
        with opened.get(path.suffix, open)(path, "rb") as file:
            start = file.read(4096)
    except (OSError, EOFError, lzma.LZMAError) as error:
        raise _unreadable(path, str(error)) from error
    if b"<LexicalResource" not in start:
        raise _unreadable(path, "it does not start with a LexicalResource")


def _unreadable(path: Path, reason: str) -> DataError:
    return DataError(f"{path}: this is no WN-LMF file that can be read ({reason}); such files are listed at "
                     "https://github.com/goodmami/wn#available-wordnets.")


def _checksum(path: Path) -> str:
    with open(path, "rb") as handle:
        return hashlib.file_digest(handle, "sha256").hexdigest()


def _parts(pos) -> tuple[str, ...]:
    """Adjectives that cluster around another one have a letter of their own."""
    return ("a", "s") if pos == "a" else (pos,)


def _written(word) -> str:
    return word.strip().replace("_", " ")
