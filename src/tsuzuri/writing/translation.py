"""Translating text with trained runs: a file, standard input and a conversation all go this way."""
import os
from collections.abc import Iterable, Iterator, Sequence
from functools import cached_property
from itertools import islice
from typing import NamedTuple

import numpy as np

from tsuzuri.decode.constraints import Phrase
from tsuzuri.decode.ensemble import Ensemble
from tsuzuri.decode.search import Hypothesis, Search
from tsuzuri.decode.translation import translate
from tsuzuri.decode.tree import BeamTree
from tsuzuri.errors import ConfigError, DataError
from tsuzuri.text.pairs import line_end
from tsuzuri.train.seq2seq_run import Seq2SeqRun
from tsuzuri.writing.direction import Sides

CHUNK = 2048                                                 # lines that are read before they are translated
MOSTLY = 0.5                                                 # share of unknown tokens from which on a line seems to be of another language


class Translation(NamedTuple):
    """A target text: its tokens with the source's, log p in nats (None: not asked for), where each token looked."""

    text: str
    source_text: str
    tokens: list[str]
    source: list[str]
    log_p: float | None
    score: float | None
    attention: np.ndarray | None
    finished: bool


class Looked(NamedTuple):
    """Where a model looked: weights (layers, heads, T, S), the tokens of source and target; hard: whether it takes one alone."""

    weights: np.ndarray
    source: list[str]
    target: list[str]
    hard: bool

    def of(self, layer: int | None = None, head: int | None = None) -> np.ndarray:
        """The weights (T, S) of a layer and head, both from 1; by default of the last layer, the mean of its heads."""
        for name, value, count in (("layer", layer, len(self.weights)), ("head", head, self.weights.shape[1])):
            if value is not None and not 1 <= value <= count:
                raise ConfigError(f"{name} is {value}; the model has {name}s 1 to {count}.")
        chosen = self.weights[-1 if layer is None else layer - 1]
        return chosen.mean(0) if head is None else chosen[head - 1]


class Translator:
    """The model of one run, or several runs with the same tokens as an ensemble.

    RunError: a folder is no run.  ConfigError: runs whose tokens differ.
    """

    def __init__(self, *folders: str | os.PathLike | Seq2SeqRun):
        runs = [folder if isinstance(folder, Seq2SeqRun) else Seq2SeqRun(folder) for folder in folders]
        self.run, *others = runs
        for other in others:
            for mine, its in ((self.run.source, other.source), (self.run.target, other.target)):
                if mine.token_bytes() != its.token_bytes():
                    raise ConfigError(f"{self.run.folder} and {other.folder} have other tokens, so they cannot decide together; "
                                      "train them on the same pairs with the same units.")
        self.attends = any(run.settings.model.arch != "encoder-decoder" for run in runs)
        models = [run.load_model() for run in runs]
        self.model = models[0] if len(models) == 1 else Ensemble(models)
        self.end, self.longest = line_end(self.run.target), min(run.settings.pairs.longest for run in runs)

    def translate(self, lines: Iterable[str], search: Search | None = None, *, prefix: str = "", required: Sequence[str] = (),
                  replace_unknown: bool = False, chunk: int = CHUNK, tree: BeamTree | None = None) -> Iterator[list[Translation]]:
        """The translations of every line, best first, ``chunk`` lines side by side; without a ``search`` the greedy one.

        ``prefix`` is what every text begins with, ``required`` are phrases that must be in it.  With ``replace_unknown`` the
        source's token that was looked at most stands for ``<unk>`` (Luong, Sutskever et al. 2015, there by an aligner).

        DataError: a line that is empty, longer than the model's limit, with a character it never saw or of the targets' language;
        a prefix or phrase with a word that no target had.
        """
        if replace_unknown and not self.attends:
            raise ConfigError(f"{self.run.folder} has no attention, which would say what stands for an unknown word; leave out replace_unknown.")
        must = [self._phrase(phrase) for phrase in required]
        begin = self._wanted(prefix)
        numbered = enumerate(lines, 1)
        while some := list(islice(numbered, chunk)):
            sources = [self.source_ids(line, number) for number, line in some]
            found = translate(self.model, sources, self.end, search, tree=tree,
                              prefixes=[begin] * len(some) if begin else None, required=[must] * len(some) if must else None)
            for (_, line), ids, texts in zip(some, sources, found, strict=True):
                yield [self._read(text, line, ids, replace_unknown) for text in texts]

    def look(self, source: str, target: str = "") -> Looked:
        """Where the model looks while it writes ``target``, or what it makes of ``source`` itself, token by token and at the end.

        ConfigError: it has no attention.
        """
        if isinstance(self.model, Ensemble):
            raise ConfigError("several runs together have no one attention to draw; name one of them.")
        ids = self.source_ids(source)
        written = self.known_target_ids(target.strip()) if target else translate(self.model, [ids], self.end)[0][0].ids
        weights = self.model.attention(np.array([ids]), np.array([len(ids)]), np.array([[self.end, *written]]))
        if weights is None:
            raise ConfigError(f"{self.run.folder} is an {self.run.settings.model.arch}, which has no attention to draw; name a run of another arch.")
        hard = getattr(self.run.settings.model, "choice", "soft") != "soft"
        return Looked(weights[:, :, 0], pieces_of(self.run.source, source.strip(), ids), [*map(self.token_text, written), "(end)"], hard)

    def token_text(self, token: int) -> str:
        """How a token of the target is written."""
        return "(end)" if token == self.end else self.run.target.token_text(token)

    def source_ids(self, line: str, number: int = 1) -> list[int]:
        """The tokens of a source.  DataError: see ``translate``."""
        line = line.strip()
        if not line:
            raise DataError(f"line {number} is empty; give a sentence in every line.")
        try:
            ids = self.run.source.encode(line)
        except DataError as error:
            raise DataError(f"line {number}: {error}") from None
        if not ids:
            raise DataError(f"line {number} has no tokens, because the training dropped all that it has; give a sentence in every line.")
        self._refuse_unknown(line, ids, number)
        if len(ids) > self.longest:
            raise DataError(f"line {number} has {len(ids)} tokens, and {self.run.folder} was trained with {self.longest} at most; "
                            "cut it into shorter lines, or train with a larger --longest.")
        return ids

    def target_ids(self, text: str) -> list[int]:
        """The tokens of a part of a target."""
        return self.run.target.encode(text)

    def known_target_ids(self, text: str) -> list[int]:
        """Likewise.  DataError: a character that no target had."""
        return self._wanted(text) if self.run.target.unit == "char" else self.target_ids(text)

    def _phrase(self, text):
        """The tokens of a phrase.  Byte pairs have the space before a word in them, in scripts that have capitals or spaces, but not first in a text."""
        if self.run.target.unit != "bpe" or not (bare := text.strip()):
            return Phrase(self._wanted(text))
        plain, spaced = self._wanted(bare), self._wanted(f" {bare}")
        return Phrase(spaced, plain) if bare[0].lower() != bare[0].upper() or len(spaced) <= len(plain) else Phrase(plain)

    def _wanted(self, text):
        """The tokens of what a translation must have.  DataError: one of them is unknown."""
        ids, unknown = self.target_ids(text), self.run.target.unk_id
        if unknown is not None and unknown in ids:
            where = ids.index(unknown)
            raise DataError(f'the translations cannot have "{pieces_of(self.run.target, text, ids)[where]}", which the training had in no target; leave it out.')
        return ids

    def _refuse_unknown(self, line, ids, number):
        """A character that was never seen has no meaning; a line of unknown words is not of the source's language."""
        tokenizer = self.run.source
        if tokenizer.unit == "bpe" and self._sides is not None and self._sides.is_target(line):
            raise DataError(f"line {number} looks like the language of the targets (its tokens are frequent there and rare among the sources); "
                            "give sources, or train with --direction the other way.")
        if tokenizer.unk_id is None or tokenizer.unk_id not in ids:
            return
        if tokenizer.unit == "char":
            unknown = next((char for char in line if tokenizer.encode(char) == [tokenizer.unk_id]), line)
            raise DataError(f'line {number}: the character "{unknown}" was never seen in training; leave it out, or train on pairs that have it.')
        share = ids.count(tokenizer.unk_id) / len(ids)
        if share <= MOSTLY or len(ids) < 4:
            return
        other = self.run.target.encode(line)
        if self.run.target.unk_id is not None and other.count(self.run.target.unk_id) / max(len(other), 1) < share / 2:
            raise DataError(f"line {number} looks like the language of the targets ({share:.0%} of its words are unknown as a source); "
                            "give sources, or train with --direction the other way.")

    @cached_property
    def _sides(self) -> Sides | None:
        """How frequent tokens are on either side; None where the run was moved without its pairs."""
        try:
            return Sides(self.run)
        except DataError:
            return None

    def _read(self, text: Hypothesis, line: str, ids, replace_unknown):
        source = pieces_of(self.run.source, line.strip(), ids)
        tokens = [self.run.target.decode([k]) for k in text.ids]
        written = self.run.target.decode(text.ids).strip()
        if replace_unknown and text.attention is not None and self.run.target.unk_id in text.ids:
            tokens = [source[int(text.attention[t].argmax())] if k == self.run.target.unk_id else tokens[t] for t, k in enumerate(text.ids)]
            written = " ".join(tokens) if self.run.target.unit == "word" else "".join(tokens)
        return Translation(written, line, tokens, source, text.log_p, text.score, text.attention, text.finished)


def pieces_of(tokenizer, text: str, ids: Sequence[int]) -> list[str]:
    """The part of the text that each of its tokens stands for."""
    return [text[start:end] or tokenizer.token_text(k) for (start, end), k in zip(tokenizer.offsets(text), ids, strict=True)]
