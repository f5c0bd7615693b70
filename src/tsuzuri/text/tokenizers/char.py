"""The character tokenizer: one token for every Unicode code point, a newline at every line end."""
from collections import Counter
from collections.abc import Iterable
from typing import Self

import numpy as np

from tsuzuri.text.tokenizers.base import VocabularyTokenizer
from tsuzuri.text.tokenizers.options import Options, drop_punctuation
from tsuzuri.text.vocabulary import EOS, Vocabulary


class CharTokenizer(VocabularyTokenizer):
    """Characters as tokens.  With the default options ``decode(encode(s)) == s`` if all characters are known.

    >>> tokenizer = CharTokenizer.train(["綴り", "つづり"])
    >>> tokenizer.decode(tokenizer.encode("つづり、綴り"))
    'つづり<unk>綴り'
    """
    unit = token = "char"

    def __init__(self, vocabulary: Vocabulary, options: Options):
        super().__init__(vocabulary, options)
        self._table = self._make_table()

    @classmethod
    def train(cls, lines: Iterable[str], **options) -> Self:
        """Learn the characters of ``lines``, a newline included.

        Options (see Options): lowercase, digits, punctuation (keep, drop), max_size, min_count, unk (on), eos
        (off; on: ``<eos>`` stands in place of the newline), nfkc (off).
        """
        chosen = Options.of(cls.unit, options)
        line_end = EOS if chosen.eos else "\n"
        counter: Counter[str] = Counter()
        for line in lines:
            counter.update(_kept(chosen.fold(line), chosen))
            counter[line_end] += 1
        return cls._learn(counter, chosen)

    def encode(self, text: str) -> list[int]:
        return self.encode_array(text).tolist()

    def encode_array(self, text: str) -> np.ndarray:
        codes = np.frombuffer(_kept(self.options.fold(text), self.options).encode("utf-32-le", "surrogatepass"), dtype="<u4")
        ids = self._table[np.minimum(codes, len(self._table) - 1)]
        if self.unk_id is None and len(ids) and ids.min() < 0:
            raise self._unknown(chr(codes[ids.argmin()]))
        return ids

    def cut(self, folded: str) -> list[str]:
        line_end = "\n" if self.eos_id is None else EOS
        return [line_end if char == "\n" else char for char in _kept(folded, self.options)]

    def decode(self, ids: Iterable[int]) -> str:
        return "".join(self._tokens(ids))

    def _make_table(self) -> np.ndarray:
        """Code point -> id; one entry past the last known code point stands for all beyond it."""
        codes = {ord(token): k for token, k in self.vocabulary.ids.items() if len(token) == 1}
        if self.eos_id is not None:
            codes[ord("\n")] = self.eos_id
        table = np.full(max(codes, default=0) + 2, -1 if self.unk_id is None else self.unk_id, dtype=np.int64)
        table[list(codes)] = list(codes.values())
        return table


def _kept(folded: str, options: Options) -> str:
    return drop_punctuation(folded) if options.punctuation == "drop" else folded
