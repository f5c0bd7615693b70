"""From ids to text while they come: no half characters, and nothing that may turn out to be a stop string."""
from collections.abc import Sequence

from tsuzuri.errors import ConfigError

WINDOW = 8
"""tokens that are decoded again with a new one: more than a character or the space between two words takes"""


class TextStream:
    """The text that new tokens add behind ``prompt`` (ids), until it ends in one of ``stops``.

    A character whose bytes are not all there waits for them.  A stop string may begin in one token and end in another:
    what may become one is held back, and the stop string itself is never given out.  ConfigError: an empty stop string.
    """

    def __init__(self, tokenizer, prompt: Sequence[int], stops: Sequence[str] = ()):
        if "" in stops:
            raise ConfigError("a stop string is empty; give the text at which writing ends.")
        self._tokenizer, self._stops, self._of_bytes = tokenizer, tuple(stops), tokenizer.unit == "bpe"
        self._recent = list(prompt)[-WINDOW:]
        self._shown = tokenizer.decode(self._recent)
        self._held = ""
        self.ended = False

    def add(self, token: int) -> str:
        """The text that may be shown now that ``token`` is there; often a part of it, or none."""
        if self.ended:
            return ""
        self._held += self._decode(token)
        start = first_stop(self._held, self._stops)
        self.ended = start is not None
        safe = len(self._held) - self._perhaps_stop() if start is None else start
        text, self._held = self._held[:safe], self._held[safe:]
        return text

    def rest(self) -> str:
        """What was held back, when no token follows."""
        return "" if self.ended else self._held

    def _decode(self, token):
        self._recent.append(token)
        text = self._tokenizer.decode(self._recent)
        # Bytes without their others are decoded to replacement characters; elsewhere these are tokens of the text.
        whole = text.rstrip("\N{REPLACEMENT CHARACTER}") if self._of_bytes else text
        new = whole[len(self._shown):]
        self._shown += new
        if whole == text:
            self._recent = self._recent[-WINDOW:]
            self._shown = self._tokenizer.decode(self._recent)
        return new

    def _perhaps_stop(self):
        """How long an end of the text is that a stop string begins with."""
        longest = max(map(len, self._stops), default=1) - 1
        return next((n for n in range(min(longest, len(self._held)), 0, -1)
                     if any(stop.startswith(self._held[-n:]) for stop in self._stops)), 0)


def first_stop(text: str, stops: Sequence[str]) -> int | None:
    """Where the stop string begins that is complete first, the longest of several; None where there is none."""
    found = [(start + len(stop), start) for stop in stops if (start := text.find(stop)) >= 0]
    return min(found)[1] if found else None
