"""A vocabulary: tokens with their counts, in a text file that a person can read and a tool can compare.

``vocab.txt`` has a line for every id, from 0: the token, a tab, how often it stood in the training text.
White space, control characters and backslashes inside a token are escaped as in Python: ``\\n``, ``\\x20``.
"""
import re
from collections import Counter
from collections.abc import Collection, Sequence
from pathlib import Path

from tsuzuri.errors import DataError
from tsuzuri.files import atomic_write

UNK, EOS = "<unk>", "<eos>"
_SHORT = {"\\": "\\\\", "\t": "\\t", "\n": "\\n", "\r": "\\r"}
_LONG = {text: char for char, text in _SHORT.items()}
_ESCAPE = re.compile(r"\\(?:[\\tnr]|x[0-9a-f]{2}|u[0-9a-f]{4}|U[0-9a-f]{8})")


class Vocabulary:
    """Tokens in the order of their ids, how often each was counted, and ``ids``: token -> id."""

    def __init__(self, tokens: Sequence[str], counts: Sequence[int]):
        self.tokens, self.counts = list(tokens), list(counts)
        self.ids = {token: k for k, token in enumerate(self.tokens)}

    def __len__(self) -> int:
        return len(self.tokens)

    @classmethod
    def build(cls, counter: Counter[str], specials: Sequence[str], max_size: int | None,
              min_count: int, known: Collection[str] = ()) -> "Vocabulary":
        """Specials first, then the most frequent tokens, equals in the order of their characters.

        ``max_size`` counts the specials too.  Tokens that are ``known`` need not reach ``min_count``.  What is left out
        adds to the count of ``<unk>``.
        """
        kept = sorted((t for t, n in counter.items() if (n >= min_count or t in known) and t not in specials),
                      key=lambda token: (-counter[token], token))
        if max_size is not None:
            del kept[max(max_size - len(specials), 0):]
        counts = {token: counter[token] for token in (*specials, *kept)}
        if UNK in specials:
            counts[UNK] += counter.total() - sum(counts.values())
        return cls(list(counts), list(counts.values()))

    def save(self, path: Path) -> None:
        lines = (f"{escape(token)}\t{count}\n" for token, count in zip(self.tokens, self.counts, strict=True))
        atomic_write(path, "".join(lines))

    @classmethod
    def load(cls, path: Path) -> "Vocabulary":
        """DataError: the file is missing, or a line is not ``token<tab>count`` or repeats a token."""
        try:
            lines = path.read_bytes().decode("utf-8").split("\n")
        except FileNotFoundError:
            raise DataError(f"{path}: there is no vocabulary file here; copy it back or train the tokenizer "
                            "again") from None
        except UnicodeDecodeError as error:
            raise DataError(f"{path}: byte {error.start} is not UTF-8; train the tokenizer again") from None
        counts: dict[str, int] = {}
        for number, line in enumerate(lines[:-1] if not lines[-1] else lines, 1):
            token, _, count = line.removesuffix("\r").partition("\t")
            token = unescape(token)
            if not (count.isascii() and count.isdigit()) or token in counts:
                raise DataError(f"{path}: line {number}: {line!r} is not a new token, a tab and its count; "
                                "correct the line or train the tokenizer again")
            counts[token] = int(count)
        return cls(list(counts), list(counts.values()))


def escape(token: str) -> str:
    """``token`` without white space, control characters and lone backslashes."""
    if token.isprintable() and " " not in token and "\\" not in token:
        return token
    return "".join(map(_escape_char, token))


def unescape(text: str) -> str:
    """The inverse of ``escape``."""
    return _ESCAPE.sub(lambda match: _LONG.get(match[0]) or chr(int(match[0][2:], 16)), text)


def _escape_char(char: str) -> str:
    if char in _SHORT:
        return _SHORT[char]
    if char.isprintable() and char != " ":
        return char
    code = ord(char)
    return f"\\x{code:02x}" if code < 0x100 else f"\\u{code:04x}" if code < 0x10000 else f"\\U{code:08x}"
