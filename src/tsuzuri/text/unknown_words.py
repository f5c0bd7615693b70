"""What it costs to spell the words that a vocabulary lacks, so that models of characters and of words can be compared.

A model of words is asked only for ``<unk>`` where a word is unknown, which hides the word itself.  To write the text down
it would still have to be spelled: here by the frequency of characters among the words of the vocabulary, each word
counted once because unknown words are like rare ones, with an end mark; a character that stands in none of them costs
an escape and the log2 of the number of code points.
"""
import math
from collections import Counter
from functools import cached_property

from tsuzuri.text.tokenizers import Tokenizer

END, ESCAPE = "end", "escape"                                # longer than a character, so they are none
CODE_POINTS = 0x110000


class Spelling:
    """The prices of a tokenizer's unknown words; they are worked out when the first such word is met."""

    def __init__(self, tokenizer: Tokenizer):
        self.tokenizer = tokenizer

    def bits(self, text: str) -> float:
        """The bits that spell all unknown words of a text; an ``<unk>`` that stands in the text itself hides nothing more."""
        return math.fsum(self.costs.get(character, self._beyond) for word in self.tokenizer.unknown(text) for character in (*word, END))

    @cached_property
    def costs(self) -> dict[str, float]:
        """Bits of each character, of END and of ESCAPE."""
        counts, tokenizer = Counter({ESCAPE: 1}), self.tokenizer
        for k in range(len(tokenizer)):
            if k not in (tokenizer.unk_id, tokenizer.eos_id):
                counts.update((*tokenizer.decode([k]), END))
        return {character: -math.log2(count / counts.total()) for character, count in counts.items()}

    @cached_property
    def _beyond(self):
        return self.costs[ESCAPE] + math.log2(CODE_POINTS)
