"""The tokenizer of Japanese words, as SudachiPy and its dictionary find them; both are imported when first needed."""
import os
import re
import warnings
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass
from functools import cache
from importlib.metadata import PackageNotFoundError, version
from typing import Any, Self

from tsuzuri.errors import ConfigError, DataError, check_choice
from tsuzuri.text.tokenizers.base import VocabularyTokenizer
from tsuzuri.text.tokenizers.options import Options, drop_punctuation
from tsuzuri.text.vocabulary import EOS, Vocabulary

SPLIT_MODES = ("A", "B", "C")
PACKAGES = ("sudachipy", "sudachidict_core")
LONGEST = 12_000                                # characters: Sudachi refuses more than 49,149 bytes, which these never are
_SENTENCES = re.compile(rf".{{0,{LONGEST - 1}}}[。！？!?]|.{{1,{LONGEST}}}")


@dataclass(frozen=True)
class JapaneseOptions(Options):
    """split_mode: A, the shortest units (選挙 管理 委員 会); B, between (選挙 管理 委員会); C, the longest."""
    split_mode: str = "A"

    def __post_init__(self):
        super().__post_init__()
        check_choice("split_mode", self.split_mode, SPLIT_MODES)


class SudachiTokenizer(VocabularyTokenizer):
    """Japanese words as tokens, white space and line ends among them (Takaoka et al. 2018).

    A word that is not in the vocabulary is spelled: its characters, which are tokens too, stand for it.  So
    ``decode(encode(s)) == s`` if all characters are known, and the loss of words is of the same text as that of
    characters.  The versions of Sudachi and its dictionary are kept, since others may cut a text otherwise.
    """
    unit, token = "sudachi", "word"
    options_class = JapaneseOptions
    options: JapaneseOptions

    def __init__(self, vocabulary: Vocabulary, options: Options):
        super().__init__(vocabulary, options)
        self.versions = _installed()

    @classmethod
    def train(cls, lines: Iterable[str], **options) -> Self:
        """Learn the words of ``lines`` and all their characters.

        Options (see Options and JapaneseOptions): split_mode (A), lowercase, digits, punctuation (keep; drop: words of
        nothing but marks), nfkc, max_size, min_count (of words of more than one character), unk (on), eos (off).
        ConfigError: SudachiPy is not installed; max_size leaves no room for words beside the characters.
        """
        chosen = JapaneseOptions.of(cls.unit, options)
        counter: Counter[str] = Counter()
        for line in lines:
            counter.update(_words(chosen.fold(line) + "\n", chosen))
        return cls._learn(counter, chosen)

    def cut(self, folded: str) -> list[str]:
        known = self.vocabulary.ids
        return [token for word in _words(folded, self.options) for token in ([word] if word in known else word)]

    def decode(self, ids: Iterable[int]) -> str:
        return "".join(self._tokens(ids))

    @classmethod
    def load(cls, folder: str | os.PathLike, settings: dict[str, Any]) -> Self:
        """As it was saved; a UserWarning where the installed Sudachi or dictionary is not the one it was trained with."""
        versions = {name: settings.pop(name) for name in PACKAGES if name in settings}
        tokenizer = super().load(folder, settings)
        if tokenizer.versions and tokenizer.versions != versions:
            warnings.warn(f"{folder}: the words were cut with {_shown(versions)}, but {_shown(tokenizer.versions)} is installed, which "
                          "may cut some otherwise; install the former, or train the tokenizer again.", stacklevel=2)
        tokenizer.versions = versions
        return tokenizer

    def _settings(self) -> dict[str, Any]:
        return super()._settings() | self.versions

    @classmethod
    def _choose(cls, counter: Counter[str], specials: list[str], options: Options) -> Vocabulary:
        """All characters, then the most frequent words; the counts are of the tokens that the text becomes."""
        counts = Counter(dict.fromkeys((char for word in counter if word not in specials for char in word), 0))
        room = None if options.max_size is None else options.max_size - len(specials) - len(counts)
        if room is not None and room < 1:
            raise ConfigError(f"vocabulary {options.max_size} has no room for words, because the text has {len(counts)} different "
                              "characters; take more, or the unit char")
        longer = Counter({word: n for word, n in counter.items() if len(word) > 1 and word not in specials})
        kept = {*specials, *Vocabulary.build(longer, (), room, options.min_count).tokens}
        for word, n in counter.items():
            for token in [word] if word in kept else word:
                counts[token] += n
        return Vocabulary.build(counts, specials, None, 0)


def words_of(line: str, split_mode: str = "A") -> list[str]:
    """The words of a line of Japanese, white space left out.  ConfigError: SudachiPy is not installed."""
    return [word for word in _words(line, JapaneseOptions(split_mode=split_mode)) if not word.isspace()]


def words_with_parts(line: str, split_mode: str = "A") -> list[tuple[str, str]]:
    """The words of a line of Japanese with their parts of speech, such as 名詞-普通名詞 (Sudachi's first two), white space left out."""
    found = [(word.surface(), word.part_of_speech()) for part in _parts(line) for word in _sudachi(split_mode).tokenize(part)]
    return [(surface, part[0] if part[1] == "*" else f"{part[0]}-{part[1]}") for surface, part in found if not surface.isspace() and surface]


def _words(folded: str, options: JapaneseOptions) -> list[str]:
    """The words of a text and its line ends; one behind the other they are the text, if no punctuation is dropped."""
    sudachi, line_end = _sudachi(options.split_mode), EOS if options.eos else "\n"
    words: list[str] = []
    try:
        for k, line in enumerate(folded.split("\n")):
            words += [line_end] * (k > 0)
            for part in _parts(line):
                words += filter(None, (word.surface() for word in sudachi.tokenize(part)))
    except UnicodeEncodeError:                  # a lone surrogate, from bytes that were not UTF-8
        raise DataError("the text holds half a surrogate pair, which has no UTF-8; give valid UTF-8") from None
    return [word for word in words if drop_punctuation(word)] if options.punctuation == "drop" else words


def _parts(line: str) -> Iterable[str]:
    """A line, cut at the ends of sentences where it is too long for Sudachi."""
    return [line] if len(line) <= LONGEST else _SENTENCES.findall(line)


@cache
def _sudachi(split_mode: str):
    try:
        from sudachipy import Dictionary, SplitMode
        return Dictionary(dict="core").tokenizer(mode=getattr(SplitMode, split_mode))
    except ImportError:                         # of the dictionary too
        raise ConfigError("Japanese words need SudachiPy and its dictionary; install them with "
                          "`pip install 'tsuzuri[ja]'`, or take the unit char or bpe") from None


def _installed() -> dict[str, str]:
    """The versions of Sudachi and its dictionary; none where one of them is missing."""
    try:
        return {name: version(name) for name in PACKAGES}
    except PackageNotFoundError:
        return {}


def _shown(versions: dict[str, str]) -> str:
    return " and ".join(f"{name} {number}" for name, number in versions.items()) or "unknown versions"
