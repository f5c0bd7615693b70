"""The small Python API: train a language model into a run folder, open one, measure it, let it write;
train and use a model from sequence to sequence; train word vectors."""
import os
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from tsuzuri.decode import Sampler, Search
from tsuzuri.measuring.answering import evaluate_answers
from tsuzuri.measuring.captioning import evaluate_captions
from tsuzuri.measuring.evaluation import evaluate_run
from tsuzuri.measuring.forecasting import evaluate_series
from tsuzuri.measuring.labelling import evaluate_sentences
from tsuzuri.measuring.translating import evaluate_pairs
from tsuzuri.measuring.trees import evaluate_trees
from tsuzuri.train import (
    caption_run,
    memory,
    memory_run,
    seq2seq,
    seq2seq_run,
    series,
    series_run,
    tag_run,
    tagging,
    tree_run,
    trees,
)
from tsuzuri.train.captions import prepare_pictures, train_pictures
from tsuzuri.train.events import Event
from tsuzuri.train.language_model import prepare_run, train_run
from tsuzuri.train.run import Run, choose
from tsuzuri.vectors import settings as vector_settings
from tsuzuri.vectors import training as vector_training
from tsuzuri.vectors.word_vectors import WordVectors
from tsuzuri.writing.answering import Answerer, Watched
from tsuzuri.writing.captions import Captioner, Described
from tsuzuri.writing.forecasting import Forecaster
from tsuzuri.writing.labelling import Seen, SentenceLabeller
from tsuzuri.writing.suggesting import Suggester, Suggestion
from tsuzuri.writing.text import Writer
from tsuzuri.writing.translation import Looked, Translator
from tsuzuri.writing.trees import Labelled, TreeLabeller


class TrainedLanguageModel:
    """A run folder in use.  RunError: the folder is no run.

    >>> lm = TrainedLanguageModel("runs/demo")                                      # doctest: +SKIP
    >>> lm.generate("The import statement", tokens=100, temperature=0.7)            # doctest: +SKIP
    """

    def __init__(self, folder: str | os.PathLike):
        self.run = Run(folder)
        self._writer: Writer | None = None                   # both keep the model from one text to the next
        self._suggester: Suggester | None = None

    def generate(self, prompt: str = "", tokens: int = 200, *, temperature: float = 1.0, top_k: int = 0, top_p: float = 1.0,
                 min_p: float = 0.0, typical: float = 1.0, repetition_penalty: float = 1.0, no_repeat: int = 0,
                 stop: Sequence[str] = (), seed: int = 1) -> str:
        """The text that goes on from ``prompt`` (see ``tsuzuri lm generate``); the same seed gives the same text."""
        sampler = Sampler(temperature, top_k, top_p, min_p, typical, repetition_penalty, no_repeat)
        return "".join(self._writing().stream(prompt, tokens, sampler, seed, stop))

    def beam(self, prompt: str = "", tokens: int = 20, beams: int = 5, *, length_penalty: float = 0.0,
             stop: Sequence[str] = ()) -> list[tuple[str, float]]:
        """The likeliest texts that beam search finds, best first, with log p in nats over the length penalty."""
        return self._writing().beams(prompt, tokens, beams, length_penalty, stop)

    def suggest(self, text: str = "", count: int = 5) -> list[Suggestion]:
        """The words that ``text`` most probably goes on with or is in the middle of, with their probabilities."""
        self._suggester = self._suggester or Suggester(self.run)
        return self._suggester.suggest(text, count)

    def _writing(self) -> Writer:
        self._writer = self._writer or Writer(self.run)
        return self._writer

    def evaluate(self, data: str) -> dict:
        """``loss`` (nats a token), ``perplexity``, ``bits_per_character``, ``tokens`` ... of a file or data set."""
        return evaluate_run(self.run, data)


class Seq2Seq:
    """A run folder of a model from sequence to sequence in use, or several as an ensemble.  RunError: a folder is no such run.

    >>> model = Seq2Seq.from_pretrained("runs/dates")                               # doctest: +SKIP
    >>> model.predict(["september 27, 1994"])                                       # doctest: +SKIP
    ['1994-09-27']
    """

    def __init__(self, *folders: str | os.PathLike):
        self.translator = Translator(*folders)

    @classmethod
    def from_pretrained(cls, *folders: str | os.PathLike) -> "Seq2Seq":
        """The model in a run folder."""
        return cls(*folders)

    def predict(self, sources: Sequence[str], *, beam: int = 1, length_penalty: float = 0.0, coverage_penalty: float = 0.0,
                least: int = 0, prefix: str = "", must: Sequence[str] = (), replace_unknown: bool = False) -> list[str]:
        """The target of each source (see ``tsuzuri seq2seq predict``)."""
        search = None if (beam, length_penalty, coverage_penalty, least) == (1, 0.0, 0.0, 0) else Search(
            beams=beam, length_penalty=length_penalty, coverage_penalty=coverage_penalty, least=least, best=1)
        found = self.translator.translate(sources, search, prefix=prefix, required=must, replace_unknown=replace_unknown)
        return [texts[0].text for texts in found]

    def attention(self, source: str, target: str = "") -> Looked:
        """Where the model looks: weights (layers, heads, T, S) with the tokens of source and target."""
        return self.translator.look(source, target)

    def evaluate(self, data: str, target: str = "") -> dict:
        """``exact_match``, ``token_accuracy``, ``perplexity``, ``bleu``, ``chrf`` ... of a set of pairs."""
        return evaluate_pairs(self.translator, data, target)


class Series:
    """A run folder of a forecaster in use.  RunError: the folder is no such run.

    >>> model = Series.from_pretrained("runs/airline")                              # doctest: +SKIP
    >>> model.predict(steps=12)["Passengers"][:, 1]                                 # doctest: +SKIP
    """

    def __init__(self, folder: str | os.PathLike):
        self.forecaster = Forecaster(folder)

    @classmethod
    def from_pretrained(cls, folder: str | os.PathLike) -> "Series":
        """The model in a run folder."""
        return cls(folder)

    def predict(self, data: str = "", steps: int = 0) -> dict[str, np.ndarray]:
        """Column -> its quantiles (steps, Q) behind the end of a file, or of what was learnt from (see ``tsuzuri series forecast``)."""
        quantiles = self.forecaster.ahead(data, steps).quantiles
        return {column: quantiles[:, c] for c, column in enumerate(self.forecaster.series.columns)}

    def evaluate(self, part: str = "test") -> dict:
        """``mae``, ``rmse``, ``mase`` ... of the run and of the baselines beside it, over the rows of a part."""
        return evaluate_series(self.forecaster, part)


class TreeClassifier:
    """A run folder of a model over trees in use.  RunError: the folder is no such run.

    >>> model = TreeClassifier.from_pretrained("runs/sst")                          # doctest: +SKIP
    >>> model.predict([("not", ("very", "good")), "(It (works well))", "A plain sentence ."])       # doctest: +SKIP
    [1, 3, 2]
    """

    def __init__(self, folder: str | os.PathLike):
        self.labeller = TreeLabeller(folder)

    @classmethod
    def from_pretrained(cls, folder: str | os.PathLike) -> "TreeClassifier":
        """The model in a run folder."""
        return cls(folder)

    def label(self, trees: Sequence[Any]) -> list[Labelled]:
        """Each tree with p of each label at every node; a tree is nested pairs, dicts, a bracketed text or a plain sentence."""
        return list(self.labeller.label(self.labeller.given(tree, f"tree {k}") for k, tree in enumerate(trees, 1)))

    def predict(self, trees: Sequence[Any]) -> list[int]:
        """The likeliest label of each tree's root."""
        return [found.labels[-1] for found in self.label(trees)]

    def evaluate(self, data: str) -> dict:
        """``root_accuracy``, ``node_accuracy``, ``binary_root_accuracy`` ... of a set of trees."""
        return evaluate_trees(self.labeller.run, data)


def train_trees(data: str, out: str | os.PathLike, *, report: Callable[[Event], None] = lambda event: None, **settings) -> TreeClassifier:
    """Train on trees (a data set's name or a file) into the new run folder ``out``, with the settings of ``tsuzuri tree train`` by
    name; ``report`` is called with every event of the training.

    ConfigError: a setting that does not exist or fit.  DataError: what is no tree.  RunError: ``out`` exists.
    """
    chosen, _ = tree_run.TASK.choose([("argument", {"data": data, **settings})])
    for event in trees.train_trees(trees.prepare_trees(chosen, out)):
        report(event)
    return TreeClassifier(out)


def train_series(data: str, out: str | os.PathLike, *, report: Callable[[Event], None] = lambda event: None, **settings) -> Series:
    """Train on columns of numbers (a data set's name or a CSV file) into the new run folder ``out``, with the settings of ``tsuzuri
    series train`` by name; ``report`` is called with every event of the training.

    ConfigError: a setting that does not exist or fit.  DataError: the table.  RunError: ``out`` exists.
    """
    chosen, _ = series_run.TASK.choose([("argument", {"data": data, **settings})])
    for event in series.train_series(series.prepare_series(chosen, out)):
        report(event)
    return Series(out)


def train_seq2seq(data: str, out: str | os.PathLike, *, report: Callable[[Event], None] = lambda event: None, **settings) -> Seq2Seq:
    """Train on pairs (a data set's name or a file) into the new run folder ``out``, with the settings of ``tsuzuri seq2seq
    train`` by name; ``report`` is called with every event of the training.

    ConfigError: a setting that does not exist or fit.  RunError: ``out`` exists.
    """
    chosen, _ = seq2seq_run.TASK.choose([("argument", {"data": data, **settings})])
    for event in seq2seq.train_pairs(seq2seq.prepare_pairs(chosen, out)):
        report(event)
    return Seq2Seq(out)


class Memory:
    """A run folder of a Neural Turing Machine, or of an LSTM beside it, in use.  RunError: the folder is no such run.

    >>> model = Memory.from_pretrained("runs/copy")                                 # doctest: +SKIP
    >>> model.evaluate(length=50)["wrong_bits"]                                     # doctest: +SKIP
    """

    def __init__(self, folder: str | os.PathLike):
        self.answerer = Answerer(folder)

    @classmethod
    def from_pretrained(cls, folder: str | os.PathLike) -> "Memory":
        """The model in a run folder."""
        return cls(folder)

    def predict(self, inputs: np.ndarray) -> np.ndarray:
        """inputs (N, T, D), as the task of the run has them -> the probability of every bit (N, T, B)."""
        return self.answerer.answer(inputs)

    def watch(self, length: int = 0, *, seed: int = 1, repeats: int = 0) -> Watched:
        """A sequence of ``length`` with what is answered and where the heads are (see ``tsuzuri memory show``)."""
        return self.answerer.watch(length, seed, repeats)

    def evaluate(self, length: int = 0, *, sequences: int = 100, seed: int = 1, repeats: int = 0) -> dict:
        """``wrong_bits`` a sequence, ``wrong`` of all bits, ``right`` sequences ...; length 0 is the longest of the training."""
        return evaluate_answers(self.answerer, length, sequences, seed, repeats)


def train_memory(task: str, out: str | os.PathLike, *, report: Callable[[Event], None] = lambda event: None, **settings) -> Memory:
    """Train on a task (copy, repeat-copy, recall or sort) into the new run folder ``out``, with the settings of ``tsuzuri memory
    train`` by name; ``report`` is called with every event of the training.

    ConfigError: a setting that does not exist or fit.  RunError: ``out`` exists.
    """
    chosen, _ = memory_run.TASK.choose([("argument", {"task": task, **settings})])
    for event in memory.train_memory(memory.prepare_memory(chosen, out)):
        report(event)
    return Memory(out)


class Captions:
    """A run folder of a model that describes pictures in use.  RunError: the folder is no such run.

    >>> model = Captions.from_pretrained("runs/shapes")                             # doctest: +SKIP
    >>> model.predict(["scene.png"])                                                # doctest: +SKIP
    ['a red circle above a blue square']
    """

    def __init__(self, folder: str | os.PathLike):
        self.captioner = Captioner(folder)

    @classmethod
    def from_pretrained(cls, folder: str | os.PathLike) -> "Captions":
        """The model in a run folder."""
        return cls(folder)

    def predict(self, images: Sequence[Any], *, beam: int = 1, length_penalty: float = 0.0) -> list[str]:
        """What is to be seen on each image: a file, or bytes (pixels, pixels, channels) as the model was trained on."""
        search = None if (beam, length_penalty) == (1, 0.0) else Search(beams=beam, length_penalty=length_penalty, best=1)
        return [texts[0].text for texts in self.captioner.captions(map(self._picture, images), search)]

    def attention(self, image: Any, caption: str = "") -> Described:
        """Where the model looks while it writes: weights (T, h, w) with the words."""
        return self.captioner.look(self._picture(image), caption)

    def evaluate(self, data: str, captions: str = "") -> dict:
        """``true``, ``true_unseen`` ... of a set of scenes, ``bleu`` and ``chrf`` of a folder of images."""
        return evaluate_captions(self.captioner, data, captions)

    def _picture(self, image):
        return self.captioner.read(image) if isinstance(image, (str, os.PathLike)) else image


def train_captions(data: str, out: str | os.PathLike, *, report: Callable[[Event], None] = lambda event: None, **settings) -> Captions:
    """Train on pictures (a set of scenes or a folder of images) into the new run folder ``out``, with the settings of ``tsuzuri
    caption train`` by name; ``report`` is called with every event of the training.

    ConfigError: a setting that does not exist or fit.  DataError: an image or caption that cannot be read.  RunError: ``out`` exists.
    """
    chosen, _ = caption_run.TASK.choose([("argument", {"data": data, **settings})])
    for event in train_pictures(prepare_pictures(chosen, out)):
        report(event)
    return Captions(out)


class Tagger:
    """A run folder of a classifier of sentences or a tagger of words in use.  RunError: the folder is no such run.

    >>> model = Tagger.from_pretrained("runs/sst")                                  # doctest: +SKIP
    >>> model.predict(["a funny and moving film"])                                  # doctest: +SKIP
    ['very positive']
    """

    def __init__(self, folder: str | os.PathLike):
        self.labeller = SentenceLabeller(folder)

    @classmethod
    def from_pretrained(cls, folder: str | os.PathLike) -> "Tagger":
        """The model in a run folder."""
        return cls(folder)

    def predict(self, texts: Sequence[str]) -> list[Any]:
        """The label of each text, or of a tagger its words with their labels, [(word, label), ...]."""
        found = (each.as_dict() for each in self.labeller.label(texts))
        return [each["label"] if "label" in each else list(zip(each["words"], each["labels"], strict=True)) for each in found]

    def probabilities(self, texts: Sequence[str]) -> list[Any]:
        """The probability of every label by its name, for each text or for each of its words."""
        return [each.probabilities for each in self.labeller.label(texts)]

    def saliency(self, text: str, *, by: str = "gradient", label: str = "", word: int | None = None) -> Seen:
        """What a label hangs on (see ``tsuzuri tag saliency``)."""
        return self.labeller.saliency(text, by=by, label=label, word=word)

    def evaluate(self, data: str) -> dict:
        """``accuracy``, ``f1``, ``baseline``, ``of_each`` label, ``confusion`` ... of a set of labelled sentences."""
        return evaluate_sentences(self.labeller, data)


def train_tagger(data: str, out: str | os.PathLike, *, report: Callable[[Event], None] = lambda event: None, **settings) -> Tagger:
    """Train on labelled sentences (a data set's name or a file) into the new run folder ``out``, with the settings of ``tsuzuri tag
    train`` by name; ``report`` is called with every event of the training.

    ConfigError: a setting that does not exist or fit.  RunError: ``out`` exists.
    """
    chosen, _ = tag_run.TASK.choose([("argument", {"data": data, **settings})])
    for event in tagging.train_sentences(tagging.prepare_sentences(chosen, out)):
        report(event)
    return Tagger(out)


def train_language_model(data: str, out: str | os.PathLike, *, report: Callable[[Event], None] = lambda event: None,
                         **settings) -> TrainedLanguageModel:
    """Train on ``data`` (a path or a data set's name) into the new run folder ``out``, with the settings of
    ``tsuzuri lm train`` by name; ``report`` is called with every event of the training.

    ConfigError: a setting that does not exist or fit.  RunError: ``out`` exists.
    """
    chosen, _ = choose([("argument", {"data": data, **settings})])
    for event in train_run(prepare_run(chosen, out)):
        report(event)
    return TrainedLanguageModel(out)


def train_word_vectors(data: str, out: str | os.PathLike, *, report: Callable[[vector_training.Event], None] = lambda event: None,
                       **settings) -> WordVectors:
    """Train on ``data`` (a path or a data set's name) into the file ``out``, whose end chooses the format, with the settings
    of ``tsuzuri vectors train`` by name (method, size, window ...); ``report`` is called with every event of the training.

    ConfigError: a setting that does not exist or fit.  DataError: the text.  RunError: a training of ``out`` was begun.
    """
    chosen = vector_settings.choose([("argument", {"data": data, **settings})])
    for event in vector_training.train_vectors(chosen, out):
        report(event)
    assert isinstance(event, vector_training.Finished)       # the last one always is
    return event.vectors
