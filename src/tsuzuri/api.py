"""The small Python API: train a language model into a run folder, open one, measure it, let it write; train word vectors."""
import os
from collections.abc import Callable

from tsuzuri.decode import Sampler
from tsuzuri.train.evaluation import evaluate_run
from tsuzuri.train.events import Event
from tsuzuri.train.language_model import prepare_run, train_run
from tsuzuri.train.run import Run, choose
from tsuzuri.train.writing import write_text
from tsuzuri.vectors import settings as vector_settings
from tsuzuri.vectors import training as vector_training
from tsuzuri.vectors.word_vectors import WordVectors


class TrainedLanguageModel:
    """A run folder in use.  RunError: the folder is no run.

    >>> lm = TrainedLanguageModel("runs/demo")                                      # doctest: +SKIP
    >>> lm.generate("The import statement", tokens=100, temperature=0.7)            # doctest: +SKIP
    """

    def __init__(self, folder: str | os.PathLike):
        self.run = Run(folder)

    def generate(self, prompt: str = "", tokens: int = 200, *, temperature: float = 1.0, top_k: int = 0, top_p: float = 1.0,
                 seed: int = 1) -> str:
        """The text that goes on from ``prompt``; the same seed gives the same text."""
        return "".join(write_text(self.run, prompt, tokens, Sampler(temperature, top_k, top_p), seed))

    def evaluate(self, data: str) -> dict:
        """``loss`` (nats a token), ``perplexity``, ``bits_per_character``, ``tokens`` ... of a file or data set."""
        return evaluate_run(self.run, data)


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
