"""The word tokenizer: what stands between white space, and ``<eos>`` at every line end."""
import re
from collections import Counter
from collections.abc import Iterable
from typing import Self

from tsuzuri.text.tokenizers.base import VocabularyTokenizer
from tsuzuri.text.tokenizers.options import Options, inner, split_punctuation
from tsuzuri.text.vocabulary import EOS

_AROUND_NEWLINE = re.compile(" ?\n ?")


class WordTokenizer(VocabularyTokenizer):
    """Words as tokens.  ``decode`` joins them with single spaces and writes ``<eos>`` as a newline.

    ``<unk>`` and ``<eos>`` that stand in the text as words (as in the Penn Treebank) are these very tokens.

    >>> tokenizer = WordTokenizer.train(["you say goodbye", "and i say hello ."])
    >>> tokenizer.decode(tokenizer.encode_line("you  say hello"))
    'you say hello\\n'
    """
    unit = token = "word"

    @classmethod
    def train(cls, lines: Iterable[str], **options) -> Self:
        """Learn the words of ``lines``.

        Options (see Options): lowercase, digits, punctuation (keep, split, drop), max_size, min_count, unk
        (on), eos (on), nfkc (off).
        """
        chosen = Options.of(cls.unit, {"eos": True, **options})
        counter: Counter[str] = Counter()
        for line in lines:
            counter.update(cut(line + "\n", chosen))
        return cls._learn(counter, chosen)

    def cut(self, folded: str) -> list[str]:
        return _words(folded, self.options)

    def decode(self, ids: Iterable[int]) -> str:
        return _AROUND_NEWLINE.sub("\n", " ".join(self._tokens(ids)))


def cut(text: str, options: Options) -> list[str]:
    """The words of a text, ``<eos>`` for every newline where the options ask for it."""
    return _words(options.fold(text), options)


def _words(text: str, options: Options) -> list[str]:
    if options.eos:
        text = text.replace("\n", f" {EOS} ")
    words = text.split()
    if options.punctuation == "split":
        return [token for word in words for token in split_punctuation(word)]
    if options.punctuation == "drop":
        return [word[start:end] for word in words for start, end in [inner(word)] if start < end]
    return words
