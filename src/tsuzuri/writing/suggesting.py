"""The next words as one types, as on a phone's keyboard.

    p(word | text before it, word begins as typed)

A model of words answers with one look at its distribution.  A model of characters, bytes or Japanese words spells: a
few beams go on from what was typed until the word ends, each time with the probability that it ends there.  ``<unk>``
is never a part of a word; its probability is shared out among the others.

Where a script has no spaces, a word here is a run of letters that ends where kanji or katakana follow hiragana.
"""
import unicodedata
from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np

from tsuzuri.array import threads, to_host
from tsuzuri.errors import check_least
from tsuzuri.kernels.sampling import log_probabilities
from tsuzuri.text.tokenizers.options import inner
from tsuzuri.text.vocabulary import EOS, UNK
from tsuzuri.train.run import Run
from tsuzuri.writing.spelling import LONGEST, Goal, Speller, word_at_end


class Suggestion(NamedTuple):
    """A whole word, the part that is typed included, and its probability among the words that begin so."""

    word: str
    probability: float


class Suggester:
    """A run that proposes words.  A text that goes on from the last one is read from where that one ended."""

    def __init__(self, run: Run):
        self._threads = run.settings.training.threads
        kind = WholeWords if run.tokenizer.unit == "word" else SpelledWords
        self._words = kind(_Reader(run.load_model(), run.tokenizer), run.tokenizer)

    def suggest(self, text: str, count: int = 5) -> list[Suggestion]:
        """The ``count`` most probable words that complete or follow ``text``, best first.

        None where nothing stands before the word and the vocabulary has no line end that it could follow.
        ConfigError: none are asked for.
        """
        check_least("count", count, 1)
        with threads(self._threads):
            return self._words.suggest(text, count)

    def completed(self, text: str, word: str) -> str:
        """``text`` with the word that it ends in made ``word``, or with one more, and a space behind."""
        return f"{self._words.before(text)}{word} "


class _Reader:
    """The model behind the tokens read so far, so that a key costs a token and not the whole text."""

    def __init__(self, model, tokenizer):
        self.model, self._start = model, tokenizer.line_end()
        self._ids: list[int] = []                           # none read yet

    def read(self, ids: Sequence[int]) -> tuple[np.ndarray, Any] | None:
        """logits (1, V) and state behind ``ids``; behind a line end where there are none; None without that too."""
        ids = list(ids) or self._start
        if not ids:
            return None
        known = len(self._ids)
        if not known or ids[:known] != self._ids:
            known, self._state = 0, self.model.start(1)
        if ids[known:]:
            self._logits, self._state = self.model.feed(np.array([ids[known:]]), self._state)
        self._ids = ids
        return to_host(self._logits), self._state


class WholeWords:
    """Words as tokens: those of the vocabulary that begin as typed."""

    def __init__(self, reader: _Reader, tokenizer):
        self._reader, self._tokenizer = reader, tokenizer
        self._tokens = tokenizer.vocabulary.tokens

    def suggest(self, text: str, count: int) -> list[Suggestion]:
        before, typed = self._cut(text)
        begins = self._beginning(typed)
        read = self._reader.read(self._tokenizer.encode(before)) if begins else None
        if read is None:
            return []
        logits, _ = read
        p = np.exp(log_probabilities(logits[0, begins]))
        return [Suggestion(self._tokens[begins[k]], float(p[k])) for k in np.argsort(-p, kind="stable")[:count]]

    def before(self, text: str) -> str:
        """What stands before the word that is being typed; where one has ended, a space too."""
        before, typed = self._cut(text)
        return f"{before} " if before and not typed and not before[-1].isspace() and not _opens(before.split()[-1]) else before

    def _cut(self, text):
        """What stands before the word that is being typed, and that word as the vocabulary would write it."""
        options, typed = self._tokenizer.options, "" if not text or text[-1].isspace() else text.split()[-1]
        if options.punctuation != "keep":
            start, end = inner(typed)
            ended = end < len(typed) and not self._beginning(options.fold(typed[start:]))     # "don'" may become "don't"
            typed = "" if ended else typed[start:]
        return text[:len(text) - len(typed)], options.fold(typed)

    def _beginning(self, typed):
        return [k for k, token in enumerate(self._tokens) if token not in (UNK, EOS) and token.startswith(typed)]


def _opens(end):
    """Whether what stands at the end of a text, between spaces, opens a word: a bracket, or a quotation mark behind no letter."""
    return unicodedata.category(end[-1]) in ("Ps", "Pi") or (end[-1] in "\"'" and inner(end)[0] == len(end))


class SpelledWords:
    """Words spelled from smaller tokens.

    The tokens of what is typed need not be those of the word that it will be: " sa" begins " said", which is one token.
    So the last tokens are taken back, and all ways to write them and to go on are looked at.
    """

    def __init__(self, reader: _Reader, tokenizer):
        self._reader, self._tokenizer = reader, tokenizer
        self._bytes = tokenizer.token_bytes()
        self._speller = Speller(reader.model, self._bytes)
        self._back = 4 if tokenizer.unit == "bpe" else 0

    def suggest(self, text: str, count: int) -> list[Suggestion]:
        ids = self._tokenizer.encode(self._spaced(text))
        kept = self._take_back(ids)
        typed = self._typed(ids)
        goal = Goal(self._text(ids[kept:]), typed.encode())
        read = self._reader.read(ids[:kept])
        if read is None:
            return []
        logits, state = read
        found = self._speller.words(logits, state, goal, count)
        return [Suggestion(word.decode("utf-8", "ignore"), p) for word, p in found]

    def before(self, text: str) -> str:
        """What stands before the word that is being typed, with the space behind a mark."""
        text, fold = self._spaced(text), self._tokenizer.options.fold
        typed = self._typed(self._tokenizer.encode(text))
        longest = min(4 * len(typed), len(text))             # several characters may be folded to one
        written = next((n for n in range(longest, -1, -1) if fold(text[len(text) - n:]) == typed), 0)
        return text[:len(text) - written]

    def _spaced(self, text):
        return f"{text} " if text.endswith(tuple(",.;:!?")) else text

    def _typed(self, ids):
        return word_at_end(self._text(ids[-LONGEST:]).decode("utf-8", "ignore"))

    def _take_back(self, ids):
        """How many ids stay: all but those of the last word, at most ``_back`` tokens, and no half character."""
        kept = len(ids)
        while kept > 0 and len(ids) - kept < self._back:
            kept -= 1
            if self._bytes[ids[kept]][:1].isspace():
                break
        while 0 < kept < len(ids) and 0x80 <= self._bytes[ids[kept]][0] < 0xC0:
            kept -= 1
        return kept

    def _text(self, ids):
        return b"".join(self._bytes[k] for k in ids)
