"""Where a thesaurus is found."""
import os
from collections.abc import Iterator
from pathlib import Path

from tsuzuri.errors import DataError
from tsuzuri.vectors.thesaurus.base import Thesaurus
from tsuzuri.vectors.thesaurus.wordnet import WordNet

LMF = (".xml", ".xml.gz", ".xml.xz")
USUAL = ("/usr/share/wordnet", "/usr/local/WordNet-3.0/dict", "/usr/local/WordNet-3.1/dict",
         "/opt/homebrew/opt/wordnet/dict", "/usr/local/opt/wordnet/dict")
NLTK = ("~/nltk_data", "/usr/share/nltk_data", "/usr/local/share/nltk_data", "/usr/lib/nltk_data",
        "/usr/local/lib/nltk_data")
WITHIN = (".", "dict", "wordnet", "corpora/wordnet")


def open_thesaurus(path: str | os.PathLike | None = None, relations: str | os.PathLike | None = None) -> Thesaurus:
    """The thesaurus at ``path``, or the WordNet of this machine.

    A path is a folder with WordNet's own files (or one above it), NLTK's zip file, or a WN-LMF file (.xml, .xml.gz,
    .xml.xz), which needs the library wn.  Without one the variables WNSEARCHDIR and WNHOME are asked, then the usual places.
    relations: a second WN-LMF file whose relations are borrowed, for a wordnet that has words only.
    DataError: there is none, with how to get one.
    """
    if path is not None and str(path).endswith(LMF):
        from tsuzuri.vectors.thesaurus.lmf import LmfThesaurus
        return LmfThesaurus(Path(path), Path(relations) if relations else None)
    if relations is not None:
        raise DataError(f'relations are borrowed for a WN-LMF file only, and "{path or "WordNet"}" brings its own; leave them out.')
    return WordNet(_given(path) if path is not None else _found())


def _given(path) -> Path:
    place = Path(path).expanduser()
    if not place.exists():
        raise DataError(f'"{path}" does not exist; give a folder with the files of WordNet (index.noun, data.noun ...), '
                        "NLTK's zip file, or a WN-LMF file (.xml, .xml.gz).")
    if place.is_file() and place.suffix == ".zip":
        return place
    for folder in _folders(place):
        return folder
    raise DataError(f'"{path}" holds no WordNet: no index.noun there; give the folder that holds it, NLTK\'s zip file, or a '
                    "WN-LMF file (.xml, .xml.gz).")


def _found() -> Path:
    for name, within in (("WNSEARCHDIR", "."), ("WNHOME", "dict")):
        if named := os.environ.get(name):
            for folder in _folders(Path(named) / within):
                return folder
            raise DataError(f'{name} names "{named}", and there is no WordNet; set it right or unset it.')
    for place in _usual():
        if place.suffix == ".zip" and place.is_file():
            return place
        for folder in _folders(place):
            return folder
    raise DataError("no WordNet was found; install one with `apt-get install wordnet-base`, or unpack one from "
                    "https://wordnet.princeton.edu and name its folder (--wordnet FOLDER, or the variable WNSEARCHDIR).")


def _usual() -> Iterator[Path]:
    yield from map(Path, USUAL)
    for folder in (*filter(None, os.environ.get("NLTK_DATA", "").split(os.pathsep)), *NLTK):
        corpora = Path(folder).expanduser() / "corpora"
        yield from (corpora / "wordnet", corpora / "wordnet.zip")


def _folders(place: Path) -> list[Path]:
    """The folder of WordNet's files at ``place`` or right below it."""
    return [place / within for within in WITHIN if (place / within / "index.noun").is_file()][:1]
