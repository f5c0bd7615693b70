"""Labelling text with trained runs: a file, standard input and a single sentence all go this way."""
import os
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import islice
from typing import Any, NamedTuple

import numpy as np

from tsuzuri.array import to_host
from tsuzuri.errors import ConfigError, DataError, suggest
from tsuzuri.inside.word_saliency import word_saliency
from tsuzuri.text.pairs import batch_of
from tsuzuri.text.tokenizers.japanese import words_of
from tsuzuri.train.tag_run import TagRun
from tsuzuri.writing.translation import pieces_of

CHUNK = 1024                                                 # lines that are read before they are labelled
ROWS = 64                                                    # of them side by side


@dataclass(frozen=True)
class LabelledText:
    """A text with its label and the probability of each."""

    text: str
    label: str
    probabilities: dict[str, float]

    def __str__(self):
        return f"{self.label}\t{self.text}"

    def as_dict(self) -> dict[str, Any]:
        """As JSON has it."""
        return {"text": self.text, "label": self.label, "probabilities": self.probabilities}


@dataclass(frozen=True)
class TaggedText:
    """A text with its words, a label for each, and for each the probability of every label."""

    text: str
    words: list[str]
    labels: list[str]
    probabilities: list[dict[str, float]]

    def __str__(self):
        return "".join(f"{word}\t{label}\n" for word, label in zip(self.words, self.labels, strict=True))

    def as_dict(self) -> dict[str, Any]:
        """As JSON has it."""
        return {"text": self.text, "words": self.words, "labels": self.labels, "probabilities": self.probabilities}


class Seen(NamedTuple):
    """What a label hangs on: its probability, the words, and for each how much speaks for the label and how much hangs on it."""

    label: str
    p: float
    tokens: list[str]
    effect: np.ndarray
    size: np.ndarray


class SentenceLabeller:
    """The model of a run.  RunError: the folder is no run of a classifier or tagger."""

    def __init__(self, folder: str | os.PathLike | TagRun):
        self.run = folder if isinstance(folder, TagRun) else TagRun(folder)
        self.model = self.run.load_model()
        self.names = self.run.labels.tokens

    def label(self, lines: Iterable[str], chunk: int = CHUNK) -> Iterator[LabelledText | TaggedText]:
        """Every line with its labels.  DataError: a line that is empty or longer than the training's longest."""
        numbered = enumerate(lines, 1)
        while some := list(islice(numbered, chunk)):
            cut = [self.cut(line, number) for number, line in some]
            found = self.labels([ids for _, ids in cut])
            for (_, line), (words, _), (best, p) in zip(some, cut, found, strict=True):
                yield self._read(line.strip(), words, best, p)

    def labels(self, sentences: Sequence[Sequence[int]]) -> list[tuple[Any, np.ndarray]]:
        """(the number of the label, or those of all words; the probability of each (K,), or of each for every word (T, K))."""
        order, found = sorted(range(len(sentences)), key=lambda k: len(sentences[k])), {}
        for low in range(0, len(order), ROWS):
            rows = order[low:low + ROWS]
            source, lengths = batch_of([sentences[k] for k in rows])
            best, p = to_host(self.model.best(source, lengths)), to_host(self.model.probabilities(source, lengths))
            for n, k in enumerate(rows):
                found[k] = (best[n, :lengths[n]], p[n, :lengths[n]]) if self.run.tags else (best[n], p[n])
        return [found[k] for k in range(len(sentences))]

    def cut(self, line: str, number: int = 1) -> tuple[list[str], list[int]]:
        """The words of a line and their ids.  DataError: see ``label``."""
        line = line.strip()
        if not line:
            raise DataError(f"line {number} is empty; give a sentence in every line.")
        words = self._words(line) if self.run.tags else []
        try:
            ids = self.run.tokenizer.encode(" ".join(words) if words else line)
        except DataError as error:
            raise DataError(f"line {number}: {error}") from None
        if not ids:
            raise DataError(f"line {number} has no tokens, because the training dropped all that it has; give a sentence in every line.")
        if len(ids) > (longest := self.run.settings.sentences.longest):
            raise DataError(f"line {number} has {len(ids)} tokens, and {self.run.folder} was trained with {longest} at most; "
                            "cut it into shorter lines, or train with a larger --longest.")
        return words or pieces_of(self.run.tokenizer, line, ids), ids

    def _words(self, line):
        config = self.run.settings.sentences
        if config.unit == "ja":
            return words_of(line, config.split_mode)
        return line.split() if config.unit == "word" else [char for char in line if not char.isspace()]

    def saliency(self, text: str, *, by: str = "gradient", label: str = "", word: int | None = None) -> Seen:
        """What a label hangs on (see inside.word_saliency); ``word`` is the place of a tagger's word, from 1.

        ConfigError: a label that there is not, a word of a classifier, or none of a tagger.
        """
        tokens, ids = self.cut(text)
        if label and label not in self.run.labels.ids:
            raise ConfigError(f'there is no label "{label}"{suggest(label, self.names)}; the run has {", ".join(self.names)}.')
        if self.run.tags != (word is not None):
            raise ConfigError("a tagger gives every word a label; say which word's is meant, from 1." if self.run.tags else
                              f"word {word} was named, but a classifier gives the sentence one label; leave it out.")
        if word is not None and not 1 <= word <= len(ids):
            raise ConfigError(f"word is {word}; the sentence has words 1 to {len(ids)}.")
        seen = word_saliency(self.model, np.array(ids), self.run.labels.ids[label] if label else None, None if word is None else word - 1, by)
        return Seen(self.names[seen.label], float(np.exp(seen.log_p)), tokens, seen.effect, seen.size)

    def _read(self, line, words, best, p):
        if self.run.tags:
            return TaggedText(line, words, [self.names[k] for k in best], [dict(zip(self.names, row, strict=True)) for row in p.tolist()])
        return LabelledText(line, self.names[best], dict(zip(self.names, p.tolist(), strict=True)))
