"""A corpus as token ids on disk: written in bounded memory, read through a memory map.

A corpus folder holds ``ids.bin``, the ids and nothing else, little-endian, two bytes each while the
vocabulary allows it; and ``corpus.toml`` with what the counts are.  The TOML is written last and removed
first: where it is, the ids are complete.
"""
import hashlib
import math
import os
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Literal

import msgspec
import numpy as np
import tomli_w

from tsuzuri.errors import DataError
from tsuzuri.files import atomic_path, atomic_write
from tsuzuri.text.packed import read_counts
from tsuzuri.text.tokenizers import Tokenizer
from tsuzuri.text.unknown_words import Spelling

IDS, META = "ids.bin", "corpus.toml"
CHUNK = 1 << 20                                                 # characters that are encoded at a time


@dataclass(frozen=True)
class Counts:
    """What stands in ``corpus.toml``; characters and bytes are of the text as read, newlines counted."""
    dtype: Literal["<u2", "<u4"]    # as NumPy writes it
    vocabulary: int                 # size of the vocabulary that the ids index
    tokens: Annotated[int, msgspec.Meta(ge=1)]
    characters: int
    bytes: int                      # in UTF-8
    unknown: int                    # ids that are <unk>
    sha256: str                     # of ids.bin
    spelling_bits: float = math.nan  # what it costs to spell the words that they hide; corpora of earlier versions do not say


@dataclass(frozen=True, kw_only=True)
class Corpus(Counts):
    """Token ids on disk; ``ids`` is a read-only memory map, so a corpus may be larger than memory."""
    ids: np.memmap

    def bits_per_character(self, loss: float) -> float:
        """Of the whole text at ``loss`` nats a token, the spelling of unknown words included, so that models of any unit can be compared."""
        return self.bits(loss) / self.characters

    def bits_per_byte(self, loss: float) -> float:
        """Likewise, in UTF-8."""
        return self.bits(loss) / self.bytes

    def bits(self, loss: float) -> float:
        """Likewise, all of them.  DataError: what its unknown words cost was not counted."""
        if self.unknown and math.isnan(self.spelling_bits):
            raise DataError(f"{self.ids.filename}: {self.unknown:,} tokens are <unk>, and an earlier version did not count what they cost to spell; "
                            "measure loss or perplexity, or train again.")
        return loss * self.tokens / math.log(2) + (self.spelling_bits if self.unknown else 0.0)


def encode_corpus(lines: Iterable[str], tokenizer: Tokenizer, folder: str | os.PathLike) -> Corpus:
    """Write the ids of ``lines`` to ``folder`` and open them.

    Holds about a mebibyte of text at a time, or one line where that is longer.  DataError: the text has no tokens, or
    one that the vocabulary lacks.
    """
    folder = Path(folder)
    folder.mkdir(parents=True, exist_ok=True)
    (folder / META).unlink(missing_ok=True)
    dtype: Literal["<u2", "<u4"] = "<u2" if len(tokenizer) <= 1 << 16 else "<u4"
    digest, tokens, characters, size, unknown = hashlib.sha256(), 0, 0, 0, 0
    spelling, spelled = Spelling(tokenizer), 0.0
    with atomic_path(folder / IDS) as temporary, open(temporary, "wb") as out:
        for text in chunks(lines, CHUNK):
            ids = tokenizer.encode_array(text)
            if tokenizer.unk_id is not None and (hidden := int(np.count_nonzero(ids == tokenizer.unk_id))):
                unknown, spelled = unknown + hidden, spelled + spelling.bits(text)
            raw = ids.astype(dtype).tobytes()
            out.write(raw)
            digest.update(raw)
            tokens, characters, size = tokens + len(ids), characters + len(text), size + _utf8_bytes(text)
        if not tokens:
            raise DataError(f"{folder}: the text has no tokens; give a source with at least one")
    counts = Counts(dtype, len(tokenizer), tokens, characters, size, unknown, digest.hexdigest(), spelled)
    atomic_write(folder / META, tomli_w.dumps(vars(counts)))
    return open_corpus(folder)


def open_corpus(folder: str | os.PathLike) -> Corpus:
    """The corpus in ``folder``.  DataError: there is none, or its two files do not belong together."""
    folder = Path(folder)
    counts = read_counts(folder / META, Counts, "tokens", lambda counts: {IDS: counts.tokens * np.dtype(counts.dtype).itemsize})
    return Corpus(**vars(counts), ids=np.memmap(folder / IDS, dtype=counts.dtype, mode="r"))


def checked(corpus: Corpus) -> Corpus:
    """The corpus itself.  DataError: its ids are not those that were written."""
    if hashlib.sha256(corpus.ids.data).hexdigest() != corpus.sha256:
        raise DataError(f"{corpus.ids.filename}: the ids are not those that {META} speaks of; take a copy that was saved whole, or "
                        "encode the text again")
    return corpus


def chunks(lines: Iterable[str], size: int) -> Iterator[str]:
    """Texts of whole lines, each line with its newline, about ``size`` characters long."""
    pending, length = [], 0
    for line in lines:
        pending.append(line)
        length += len(line) + 1
        if length >= size:
            yield "\n".join(pending) + "\n"
            pending, length = [], 0
    if pending:
        yield "\n".join(pending) + "\n"


def _utf8_bytes(text: str) -> int:
    return len(text) if text.isascii() else len(text.encode("utf-8", "surrogatepass"))
