"""Why are two words similar?  The contexts they share, what each brings to their similarity, and sentences that show it.

The similarity of two words in a corpus is the cosine of their rows of PPMI (association.py), which is a sum over the
contexts c that both are drawn to:

    cos(a, b) = sum of  PPMI(a, c) PPMI(b, c) / (|PPMI(a)| |PPMI(b)|)

A term of it is what the context c brings.  Of the counts only the two rows are needed and how often each word is a
context at all, so the text is streamed once for these and once more for the sentences.
"""
import math
from collections import Counter
from collections.abc import Callable, Container, Iterable, Iterator
from dataclasses import dataclass

from tsuzuri.errors import ConfigError, DataError

AROUND = 8                                                   # words of a sentence kept to both sides of what it shows

Reading = Callable[[], Iterator[list[str]]]
"""Starts to read the text anew: the words of each line."""


@dataclass(frozen=True)
class SharedContext:
    """A word near both; for each of the two how often, and their PPMI in nats; and what it brings to the cosine."""

    word: str
    counts: tuple[int, int]
    ppmi: tuple[float, float]
    share: float


@dataclass(frozen=True)
class Explanation:
    """How often the two words stand in the text, the cosine of their rows, the contexts they share, largest share first."""

    occurrences: tuple[int, int]
    cosine: float
    contexts: list[SharedContext]


@dataclass(frozen=True)
class Sentence:
    """Words of a line around a word and its context; ``marked`` are the places of these two."""

    words: list[str]
    marked: tuple[int, int]


def explain(read: Reading, known: Container[str], pair: tuple[str, str], window: int = 5) -> Explanation:
    """The contexts that ``pair`` shares in a text within ``window`` words; words that are not ``known`` are left out.

    ConfigError: a word twice, or a window below 1.  DataError: one of the two has no neighbours in the text.
    """
    if pair[0] == pair[1]:
        raise ConfigError(f'"{pair[0]}" is given twice; give two different words')
    if window < 1:
        raise ConfigError(f"window {window} does not fit; it is a number of words to each side, from 1")
    rows, contexts, occurrences = _count(read(), known, pair, window)
    for word, row in zip(pair, rows):
        if not row:
            raise DataError(f'"{word}" has no neighbours in the text; give a text in which it stands, cut into words as '
                            "the vectors' own (--lowercase, --punctuation, --digits)")
    return _compare(rows, contexts, occurrences)


def find_sentences(read: Reading, known: Container[str], pair: tuple[str, str], contexts: list[str], window: int = 5,
                   most: int = 1) -> dict[tuple[str, str], list[Sentence]]:
    """(word of ``pair``, context) -> the first ``most`` sentences in which they stand within ``window`` words."""
    found: dict[tuple[str, str], list[Sentence]] = {(word, context): [] for word in pair for context in contexts}
    wanted = set(found) if most > 0 else set()
    lines = read() if wanted else iter(())
    for line in lines:
        if pair[0] in line or pair[1] in line:
            for word, context, sentence in _shown(line, known, pair, wanted, window):
                found[word, context].append(sentence)
            wanted = {key for key in wanted if len(found[key]) < most}
            if not wanted:
                break
    return found


def _count(lines: Iterable[list[str]], known: Container[str], pair: tuple[str, str], window: int):
    """The counts of the two rows, how often each word is a context of any, how often the two stand in the text."""
    rows: tuple[Counter[str], Counter[str]] = (Counter(), Counter())
    words: Counter[str] = Counter()
    missing: Counter[str] = Counter()                        # neighbours that words near the ends of lines do not have
    for line in lines:
        kept = [word for word in line if word in known]
        words.update(kept)
        for k in range(min(window, len(kept))):
            missing[kept[k]] += window - k
            missing[kept[-1 - k]] += window - k
        for word, row in zip(pair, rows):
            if word in kept:
                for at in _places(kept, word):
                    row.update(kept[max(at - window, 0):at])
                    row.update(kept[at + 1:at + 1 + window])
    contexts = {word: 2 * window * count - missing[word] for word, count in words.items()}
    return rows, contexts, (words[pair[0]], words[pair[1]])


def _compare(rows, contexts, occurrences):
    """The marginal counts of a word as a row and as a context are the same, because windows reach to both sides."""
    total = sum(contexts.values())
    one, other = ({c: value for c, n in row.items() if (value := math.log(n * total / (row.total() * contexts[c]))) > 0}
                  for row in rows)
    lengths = math.hypot(*one.values()) * math.hypot(*other.values())
    shared = [SharedContext(c, (rows[0][c], rows[1][c]), (one[c], other[c]), one[c] * other[c] / lengths)
              for c in one if c in other]
    shared.sort(key=lambda context: (-context.share, context.word))
    return Explanation(occurrences, math.fsum(context.share for context in shared), shared)


def _shown(line, known, pair, wanted, window):
    """(word, context, sentence) for the pairs in ``wanted`` that a line shows, each once."""
    places = [k for k, word in enumerate(line) if word in known]
    kept = [line[k] for k in places]
    met = set()
    for word in pair:
        for at in _places(kept, word):
            for near in (*range(at - 1, max(at - window, 0) - 1, -1), *range(at + 1, min(at + 1 + window, len(kept)))):
                key = word, kept[near]
                if key in wanted and key not in met:
                    met.add(key)
                    yield *key, _cut_out(line, places[at], places[near])


def _cut_out(line, one, other):
    start, stop = max(min(one, other) - AROUND, 0), max(one, other) + 1 + AROUND
    words = line[start:stop]
    before = ["…"] * (start > 0)
    return Sentence([*before, *words, *["…"] * (stop < len(line))], (one - start + len(before), other - start + len(before)))


def _places(words, word):
    return [k for k, other in enumerate(words) if other == word]
