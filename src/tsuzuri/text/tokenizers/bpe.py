"""The byte-pair tokenizer: a thin face over the ``tokenizers`` library, imported when it is first needed."""
import os
from collections.abc import Iterable
from functools import cached_property
from itertools import accumulate
from pathlib import Path
from typing import TYPE_CHECKING, Any, Self

import numpy as np

from tsuzuri.errors import ConfigError, DataError
from tsuzuri.files import atomic_write
from tsuzuri.text.tokenizers.base import Tokenizer, check_ids, write_settings
from tsuzuri.text.tokenizers.options import Options, check_options
from tsuzuri.text.tokenizers.places import Place, fold, in_source

if TYPE_CHECKING:
    import tokenizers

MERGES = "tokenizer.json"
BYTES = 256
_PRINTABLE = [*range(0x21, 0x7F), *range(0xA1, 0xAD), *range(0xAE, 0x100)]
_OTHERS = [byte for byte in range(256) if byte not in _PRINTABLE]
BYTE_OF = {chr(byte): byte for byte in _PRINTABLE} | {chr(256 + k): byte for k, byte in enumerate(_OTHERS)}
"""What the characters of a token's name stand for: printable bytes are themselves, the others come from U+0100 on (Radford et al. 2019)."""


class BPETokenizer(Tokenizer):
    """Byte pairs as tokens (Sennrich et al. 2016; on bytes: Radford et al. 2019).

    Every byte is a token, so nothing is unknown and ``decode(encode(s)) == s`` for every s, or its normal form NFKC
    where that is asked for.  A line is cut by itself: no token goes over a line end.
    """
    unit = "bpe"

    def __init__(self, library: "tokenizers.Tokenizer", settings: dict[str, Any]):
        self.library, self._settings = library, settings
        self.options, self._size = Options(nfkc=settings["nfkc"]), library.get_vocab_size()

    @classmethod
    def train(cls, lines: Iterable[str], **options) -> Self:
        """Learn merges from ``lines`` until the vocabulary has ``size`` tokens (8000), or no pair stands
        ``min_count`` times (2).  ``nfkc`` (off): of the text's normal form.  The same lines give the same tokenizer."""
        settings: dict[str, Any] = {"size": 8000, "min_count": 2, "nfkc": False}
        check_options(cls.unit, options, settings)
        settings |= options
        if settings["size"] < BYTES:
            raise ConfigError(f"vocabulary {settings['size']} does not fit the bpe tokenizer; it starts from the "
                              f"{BYTES} bytes, so take more than that")
        from tokenizers import Tokenizer as Library
        from tokenizers import decoders, models, pre_tokenizers, trainers
        library = Library(models.BPE())
        library.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
        library.decoder = decoders.ByteLevel()
        alphabet = sorted(pre_tokenizers.ByteLevel.alphabet())
        trainer = trainers.BpeTrainer(vocab_size=settings["size"], min_frequency=settings["min_count"],
                                      initial_alphabet=alphabet, show_progress=False)
        chosen = Options(nfkc=settings["nfkc"])
        library.train_from_iterator((chosen.fold(line) + "\n" for line in lines), trainer)
        return cls(library, settings)

    def __len__(self) -> int:
        return self._size

    def encode(self, text: str) -> list[int]:
        return [k for ids in self._encode_lines(text) for k in ids]

    def offsets(self, text: str) -> list[Place]:
        folded, places = fold(text, self.options)
        lines = _lines(folded)
        starts = accumulate(map(len, lines), initial=0)
        encodings = self._encoded(lines, self.library.encode_batch)
        return in_source([(at + start, at + end) for at, encoding in zip(starts, encodings) for start, end in encoding.offsets],
                         places)

    def encode_array(self, text: str) -> np.ndarray:
        return np.concatenate([np.array(ids, dtype=np.int64) for ids in self._encode_lines(text)])

    def decode(self, ids: Iterable[int]) -> str:
        """Bytes that are not a whole character, as generation may end on, become U+FFFD."""
        ids = [int(k) for k in ids]
        check_ids(ids, self._size)
        return self.library.decode(ids, skip_special_tokens=False)

    def token_text(self, token: int) -> str:
        text = self.decode([token])
        return self._bytes[token].decode("utf-8", "backslashreplace") if "\ufffd" in text else text

    @cached_property
    def _bytes(self):
        return self.token_bytes()

    def token_bytes(self) -> list[bytes]:
        names = sorted(self.library.get_vocab().items(), key=lambda item: item[1])
        return [bytes(BYTE_OF[char] for char in name) for name, _ in names]

    def save(self, folder: str | os.PathLike) -> None:
        atomic_write(Path(folder) / MERGES, self.library.to_str(pretty=True))
        write_settings(folder, {"unit": self.unit, **self._settings})

    @classmethod
    def load(cls, folder: str | os.PathLike, settings: dict[str, Any]) -> Self:
        from tokenizers import Tokenizer as Library
        path = Path(folder) / MERGES
        try:
            library = Library.from_str(path.read_text("utf-8"))
        except FileNotFoundError:
            raise DataError(f"{path}: the merges are missing; copy the file back or train the tokenizer "
                            "again") from None
        except Exception as error:                  # the library raises a bare Exception for foreign JSON
            raise DataError(f"{path}: cannot be read ({error}); train the tokenizer again") from error
        settings.setdefault("nfkc", False)          # tokenizers of earlier versions do not say
        return cls(library, settings)

    def _encode_lines(self, text: str) -> list[list[int]]:
        lines = _lines(self.options.fold(text))
        return [encoding.ids for encoding in self._encoded(lines, self.library.encode_batch_fast)]

    def _encoded(self, lines, encode):
        try:
            return encode(lines)
        except TypeError:                           # a lone surrogate, from bytes that were not UTF-8
            raise DataError("the text holds half a surrogate pair, which has no UTF-8; give "
                            "valid UTF-8") from None


def _lines(text: str) -> list[str]:
    """The lines of a text with their ends, and what follows the last of them."""
    lines = text.split("\n")
    return [line + "\n" for line in lines[:-1]] + lines[-1:]
