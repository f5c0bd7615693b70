"""Tokenizers: characters, words, byte pairs, Japanese words; and the two functions that pick one by its unit."""
import os
from collections.abc import Iterable
from pathlib import Path

from tsuzuri.errors import ConfigError, DataError, check_choice
from tsuzuri.text.tokenizers.base import SETTINGS, Tokenizer, read_settings
from tsuzuri.text.tokenizers.bpe import BPETokenizer
from tsuzuri.text.tokenizers.char import CharTokenizer
from tsuzuri.text.tokenizers.japanese import SudachiTokenizer
from tsuzuri.text.tokenizers.word import WordTokenizer

UNITS: dict[str, type[Tokenizer]] = {t.unit: t for t in (CharTokenizer, WordTokenizer, BPETokenizer, SudachiTokenizer)}

__all__ = ["UNITS", "BPETokenizer", "CharTokenizer", "SudachiTokenizer", "Tokenizer", "WordTokenizer", "load_tokenizer",
           "train_tokenizer"]


def train_tokenizer(unit: str, lines: Iterable[str], **options) -> Tokenizer:
    """A char, word, bpe or sudachi tokenizer, learnt from ``lines`` with the options of its ``train``."""
    return _tokenizer_class(unit).train(lines, **options)


def load_tokenizer(folder: str | os.PathLike) -> Tokenizer:
    """The tokenizer that was saved in ``folder``.  DataError: there is none, or a file of it is damaged."""
    settings = read_settings(folder)
    try:
        return _tokenizer_class(settings.pop("unit", "")).load(folder, settings)
    except ConfigError as error:
        raise DataError(f"{Path(folder) / SETTINGS}: {error}") from None


def _tokenizer_class(unit: str) -> type[Tokenizer]:
    check_choice("unit", unit, UNITS)
    return UNITS[unit]
