"""New text from a trained run."""
from collections.abc import Iterator, Sequence
from typing import cast

import numpy as np

from tsuzuri.array import threads
from tsuzuri.decode import Sampler, Search, TextStream, beam_search, generate, generate_batch
from tsuzuri.decode.text_stream import first_stop
from tsuzuri.errors import ConfigError, check_least
from tsuzuri.train.run import Run


def write_text(run: Run, prompt: str, tokens: int, sampler: Sampler | None = None, seed: int = 1,
               stops: Sequence[str] = ()) -> Iterator[str]:
    """``tokens`` tokens that go on from ``prompt``, as pieces of text.  The same seed gives the same text."""
    return Writer(run).stream(prompt, tokens, sampler or Sampler(), seed, stops)


class Writer:
    """A run that writes: its model is read once.

    Every way to write takes a prompt (empty: the start of a line), the number of tokens, and stop strings: a text ends
    before the first of them.  ConfigError: a number that does not fit.
    """

    def __init__(self, run: Run):
        self.model, self.tokenizer, self._threads = run.load_model(), run.tokenizer, run.settings.training.threads

    def stream(self, prompt: str, tokens: int, sampler: Sampler, seed: int = 1, stops: Sequence[str] = ()) -> Iterator[str]:
        """One text, in pieces as they are drawn.  The same seed gives the same text."""
        ids, text = self._begin(prompt, tokens, stops)
        return self._pieces(text, generate(self.model, ids, tokens, sampler, _generators(seed, 1)[0]))

    def samples(self, prompt: str, tokens: int, sampler: Sampler, count: int, seed: int = 1,
                stops: Sequence[str] = ()) -> list[str]:
        """``count`` texts, drawn side by side.  The first is the one that ``stream`` gives; none depends on ``count``."""
        check_least("samples", count, 1)
        ids, _ = self._begin(prompt, tokens, stops)
        streams, texts = [TextStream(self.tokenizer, ids, stops) for _ in range(count)], [""] * count
        with threads(self._threads):
            for row in generate_batch(self.model, ids, tokens, sampler, _generators(seed, count)):
                texts = [text + stream.add(int(token)) for text, stream, token in zip(texts, streams, row, strict=True)]
                if all(stream.ended for stream in streams):
                    break
        return [text + stream.rest() for text, stream in zip(texts, streams, strict=True)]

    def beams(self, prompt: str, tokens: int, beams: int, length_penalty: float = 0.0,
              stops: Sequence[str] = ()) -> list[tuple[str, float]]:
        """The most probable texts that ``beams`` beams find, best first, each with its score (see ``beam_search``)."""
        ids, _ = self._begin(prompt, tokens, stops)
        search = Search(beams, length_penalty)

        def text(new: list[int]) -> str:
            stream = TextStream(self.tokenizer, ids)
            return "".join(map(stream.add, new))

        with threads(self._threads):
            found, = beam_search(self.model, self.model.start(1), np.array([ids]), None, tokens, search,
                                 ends=(lambda new: first_stop(text(new), stops) is not None) if stops else None)
        best: dict[str, float] = {}                          # texts that differ behind a stop, or in how they are cut, are one
        for y in found:
            written = text(y.ids)
            best.setdefault(written[:first_stop(written, stops)], cast(float, y.score))
        return list(best.items())

    def unknown(self, prompt: str) -> list[str]:
        """The tokens of the prompt that the vocabulary lacks, which the model reads as ``<unk>``."""
        return [] if self.tokenizer.unk_id is None else list(dict.fromkeys(self.tokenizer.unknown(prompt)))

    def _begin(self, prompt, tokens, stops):
        """The ids of the prompt, or of a line end, and an empty text behind them."""
        if tokens < 0:
            raise ConfigError(f"tokens is {tokens}; it must not be negative.")
        ids = self.tokenizer.encode(prompt) or self.tokenizer.line_end()
        if not ids:
            raise ConfigError("the prompt is empty, and the vocabulary has no line end that a text could begin after; give a prompt.")
        return ids, TextStream(self.tokenizer, ids, stops)

    def _pieces(self, text, ids):
        with threads(self._threads):
            for token in ids:
                piece = text.add(token)
                if piece:
                    yield piece
                if text.ended:
                    return
        yield text.rest()


def _generators(seed, count):
    """A Generator a text; the first is that of the seed itself, and none depends on how many there are."""
    if seed < 0:
        raise ConfigError(f"seed is {seed}; it must not be negative.")
    first = np.random.default_rng(seed)
    return [first, *first.spawn(count - 1)]
