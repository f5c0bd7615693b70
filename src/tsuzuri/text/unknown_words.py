"""What it costs to spell the words that a vocabulary lacks, so that models of characters and of words can be compared.

A model of words is asked only for ``<unk>`` where a word is unknown, which hides the word itself.  To write the text down
it would still have to be spelled: here by the frequency of characters among the words of the vocabulary, each word
counted once because unknown words are like rare ones, with an end mark; a character that stands in none of them costs
an escape and the log2 of the number of code points.
"""
import math
from collections import Counter
from collections.abc import Iterable

from tsuzuri.text.corpus import chunks
from tsuzuri.text.tokenizers import Tokenizer
from tsuzuri.text.tokenizers.base import VocabularyTokenizer
from tsuzuri.text.vocabulary import UNK

END, ESCAPE = "end", "escape"                                # longer than a character, so they are none
CODE_POINTS = 0x110000


def spelling_bits(tokenizer: Tokenizer, lines: Iterable[str]) -> float:
    """The bits that spell all unknown words of a text; an ``<unk>`` that stands in the text itself hides nothing more."""
    if tokenizer.unk_id is None:
        return 0.0
    cost = character_costs(tokenizer)
    beyond = cost[ESCAPE] + math.log2(CODE_POINTS)
    return math.fsum(cost.get(character, beyond) for text in chunks(lines) for word in unknown_words(tokenizer, text)
                     for character in (*word, END))


def unknown_words(tokenizer: Tokenizer, text: str) -> list[str]:
    """The words of a text that the vocabulary lacks, folded as the tokenizer folds its text."""
    ids = tokenizer.encode(text)
    if tokenizer.unk_id not in ids:
        return []
    found = (text[start:end] for k, (start, end) in zip(ids, tokenizer.offsets(text), strict=True) if k == tokenizer.unk_id)
    fold = tokenizer.options.fold if isinstance(tokenizer, VocabularyTokenizer) else str
    return [fold(word) for word in found if word != UNK]


def character_costs(tokenizer: Tokenizer) -> dict[str, float]:
    """Bits of each character, of END and of ESCAPE."""
    counts = Counter({ESCAPE: 1})
    for k in range(len(tokenizer)):
        if k not in (tokenizer.unk_id, tokenizer.eos_id):
            counts.update((*tokenizer.decode([k]), END))
    return {character: -math.log2(count / counts.total()) for character, count in counts.items()}
