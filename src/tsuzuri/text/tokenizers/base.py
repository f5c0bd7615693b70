"""What every tokenizer does, and the part that those with a vocabulary of characters or words share."""
import os
import tomllib
from abc import ABC, abstractmethod
from collections import Counter
from collections.abc import Iterable
from dataclasses import asdict
from pathlib import Path
from typing import Any, ClassVar, Self

import numpy as np
import tomli_w

from tsuzuri.errors import DataError
from tsuzuri.files import atomic_write
from tsuzuri.text.tokenizers.options import Options
from tsuzuri.text.tokenizers.places import Place, fold, in_source, locate
from tsuzuri.text.vocabulary import EOS, UNK, Vocabulary

SETTINGS, VOCABULARY = "tokenizer.toml", "vocab.txt"


class Tokenizer(ABC):
    """Text to ids and back.  A newline in the text is a line end, in a prompt as in a corpus, so that

        encode(a + "\\n" + b) == encode_line(a) + encode(b)

    ``len`` is the size of the vocabulary; ``unk_id`` and ``eos_id`` are None where there is no such token.
    """
    unit: ClassVar[str]
    options: Options
    unk_id: int | None = None
    eos_id: int | None = None

    @classmethod
    @abstractmethod
    def train(cls, lines: Iterable[str], **options) -> Self: ...

    @classmethod
    @abstractmethod
    def load(cls, folder: str | os.PathLike, settings: dict[str, Any]) -> Self: ...

    @abstractmethod
    def save(self, folder: str | os.PathLike) -> None:
        """Write ``tokenizer.toml`` and the vocabulary; the TOML last, so that where it is, the rest is."""

    @abstractmethod
    def __len__(self) -> int: ...

    @abstractmethod
    def encode(self, text: str) -> list[int]:
        """The ids of a text; nothing is added.  DataError: a token is not known and there is no ``<unk>``."""

    @abstractmethod
    def decode(self, ids: Iterable[int]) -> str:
        """The text of the ids.  DataError: an id outside the vocabulary."""

    def token_text(self, token: int) -> str:
        """How one token is written; one that is part of a letter, by its bytes (``\\xe7``)."""
        return self.decode([token])

    @abstractmethod
    def offsets(self, text: str) -> list[Place]:
        """(start, end) of every token of ``encode(text)`` in ``text`` as it is given, before it is folded.

        Places come in order and share no character: one that several tokens have a part of is the first one's, and the
        others have the empty place behind it.  So the pieces ``text[start:end]``, and what lies between them and belongs
        to no token, are the text.
        """

    def unknown(self, text: str) -> list[str]:
        """The tokens of a text that the vocabulary lacks, folded; an ``<unk>`` that stands in the text itself is a token like others."""
        return []

    @abstractmethod
    def token_bytes(self) -> list[bytes]:
        """What every token stands for in UTF-8: a line end for ``<eos>``, nothing for ``<unk>``."""

    def line_end(self) -> list[int]:
        """The ids of a line end, from which a text that nothing stands before is read; none where the vocabulary has no token for it."""
        try:
            return self.encode("\n")
        except DataError:
            return []

    def encode_line(self, line: str) -> list[int]:
        """The ids of one line of a corpus, its line end included."""
        return self.encode(line + "\n")

    def encode_array(self, text: str) -> np.ndarray:
        """``encode`` as an array of ids, for corpora."""
        return np.array(self.encode(text), dtype=np.int64)


class VocabularyTokenizer(Tokenizer):
    """A tokenizer that looks tokens up in a vocabulary: characters or words."""
    token: ClassVar[str]
    options_class: ClassVar[type[Options]] = Options

    def __init__(self, vocabulary: Vocabulary, options: Options):
        self.vocabulary, self.options = vocabulary, options
        self.unk_id = vocabulary.ids[UNK] if options.unk else None
        self.eos_id = vocabulary.ids[EOS] if options.eos else None

    def __len__(self) -> int:
        return len(self.vocabulary)

    @abstractmethod
    def cut(self, folded: str) -> list[str]:
        """The tokens of a text that the options have folded; ``<eos>`` may stand for a newline."""

    def encode(self, text: str) -> list[int]:
        tokens, ids = self.cut(self.options.fold(text)), self.vocabulary.ids
        if self.unk_id is not None:
            return [ids.get(token, self.unk_id) for token in tokens]
        try:
            return [ids[token] for token in tokens]
        except KeyError as error:
            raise self._unknown(error.args[0]) from None

    def unknown(self, text: str) -> list[str]:
        return [token for token in self.cut(self.options.fold(text)) if token not in self.vocabulary.ids]

    def offsets(self, text: str) -> list[Place]:
        folded, places = fold(text, self.options)
        return in_source(locate(self.cut(folded), folded, self.options.eos), places)

    @classmethod
    def _learn(cls, counter: Counter[str], options: Options) -> Self:
        specials = [UNK] * options.unk + [EOS] * options.eos
        vocabulary = cls._choose(counter, specials, options)
        if len(vocabulary) == len(specials):
            raise DataError(f"no {cls.token} of the text is left for the vocabulary; give more text, a larger "
                            "vocabulary or a smaller min_count")
        return cls(vocabulary, options)

    @classmethod
    def _choose(cls, counter: Counter[str], specials: list[str], options: Options) -> Vocabulary:
        return Vocabulary.build(counter, specials, options.max_size, options.min_count)

    def _settings(self) -> dict[str, Any]:
        return {"unit": self.unit, **asdict(self.options)}

    def save(self, folder: str | os.PathLike) -> None:
        self.vocabulary.save(Path(folder) / VOCABULARY)
        write_settings(folder, self._settings())

    @classmethod
    def load(cls, folder: str | os.PathLike, settings: dict[str, Any]) -> Self:
        vocabulary = Vocabulary.load(Path(folder) / VOCABULARY)
        options = cls.options_class.of(cls.unit, settings)
        for token, wanted in ((UNK, options.unk), (EOS, options.eos)):
            if wanted and token not in vocabulary.ids:
                raise DataError(f"{Path(folder) / VOCABULARY}: {token} is missing, but {SETTINGS} asks for "
                                "it; train the tokenizer again")
        return cls(vocabulary, options)

    def token_bytes(self) -> list[bytes]:
        special = {self.unk_id: b"", self.eos_id: b"\n"}
        return [special.get(k, token.encode("utf-8", "surrogatepass")) for k, token in enumerate(self.vocabulary.tokens)]

    def _tokens(self, ids: Iterable[int]) -> list[str]:
        tokens = self.vocabulary.tokens
        ids = [int(k) for k in ids]
        check_ids(ids, len(tokens))
        return ["\n" if k == self.eos_id else tokens[k] for k in ids]

    def _unknown(self, token: str) -> DataError:
        codes = " ".join(f"U+{ord(char):04X}" for char in token[:4])
        return DataError(f'the {self.token} "{token}" ({codes}) is not in the vocabulary of {len(self)}, '
                         "which has no <unk>; remove it from the text or train the tokenizer with unk on")


def check_ids(ids: list[int], size: int) -> None:
    """DataError when an id is not one of a vocabulary of ``size``."""
    bad = next((k for k in ids if not 0 <= k < size), None)
    if bad is not None:
        raise DataError(f"id {bad} is outside the vocabulary; ids go from 0 to {size - 1}")


def write_settings(folder: str | os.PathLike, settings: dict[str, Any]) -> None:
    atomic_write(Path(folder) / SETTINGS, tomli_w.dumps({name: value for name, value in settings.items() if value is not None}))


def read_settings(folder: str | os.PathLike) -> dict[str, Any]:
    path = Path(folder) / SETTINGS
    try:
        return tomllib.loads(path.read_text("utf-8"))
    except (FileNotFoundError, NotADirectoryError):
        raise DataError(f"{folder}: there is no tokenizer here ({SETTINGS} is missing); name a folder that "
                        "holds one") from None
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise DataError(f"{path}: not TOML ({error}); train the tokenizer again") from None
