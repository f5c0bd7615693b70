"""The small Python API: train a language model into a run folder, open one, measure it, let it write;
train and use a model from sequence to sequence; train word vectors."""
import os
from collections.abc import Callable, Sequence

from tsuzuri.decode import Sampler, Search
from tsuzuri.measuring.evaluation import evaluate_run
from tsuzuri.measuring.translating import evaluate_pairs
from tsuzuri.train import seq2seq, seq2seq_run
from tsuzuri.train.events import Event
from tsuzuri.train.language_model import prepare_run, train_run
from tsuzuri.train.run import Run, choose
from tsuzuri.vectors import settings as vector_settings
from tsuzuri.vectors import training as vector_training
from tsuzuri.vectors.word_vectors import WordVectors
from tsuzuri.writing.suggesting import Suggester, Suggestion
from tsuzuri.writing.text import Writer, write_text
from tsuzuri.writing.translation import Looked, Translator


class TrainedLanguageModel:
    """A run folder in use.  RunError: the folder is no run.

    >>> lm = TrainedLanguageModel("runs/demo")                                      # doctest: +SKIP
    >>> lm.generate("The import statement", tokens=100, temperature=0.7)            # doctest: +SKIP
    """

    def __init__(self, folder: str | os.PathLike):
        self.run = Run(folder)
        self._suggester: Suggester | None = None             # keeps the model from one text to the next

    def generate(self, prompt: str = "", tokens: int = 200, *, temperature: float = 1.0, top_k: int = 0, top_p: float = 1.0,
                 min_p: float = 0.0, typical: float = 1.0, repetition_penalty: float = 1.0, no_repeat: int = 0,
                 stop: Sequence[str] = (), seed: int = 1) -> str:
        """The text that goes on from ``prompt`` (see ``tsuzuri lm generate``); the same seed gives the same text."""
        sampler = Sampler(temperature, top_k, top_p, min_p, typical, repetition_penalty, no_repeat)
        return "".join(write_text(self.run, prompt, tokens, sampler, seed, stop))

    def beam(self, prompt: str = "", tokens: int = 20, beams: int = 5, *, length_penalty: float = 0.0,
             stop: Sequence[str] = ()) -> list[tuple[str, float]]:
        """The likeliest texts that beam search finds, best first, with log p in nats over the length penalty."""
        return Writer(self.run).beams(prompt, tokens, beams, length_penalty, stop)

    def suggest(self, text: str = "", count: int = 5) -> list[Suggestion]:
        """The words that ``text`` most probably goes on with or is in the middle of, with their probabilities."""
        self._suggester = self._suggester or Suggester(self.run)
        return self._suggester.suggest(text, count)

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


def train_seq2seq(data: str, out: str | os.PathLike, *, report: Callable[[Event], None] = lambda event: None, **settings) -> Seq2Seq:
    """Train on pairs (a data set's name or a file) into the new run folder ``out``, with the settings of ``tsuzuri seq2seq
    train`` by name; ``report`` is called with every event of the training.

    ConfigError: a setting that does not exist or fit.  RunError: ``out`` exists.
    """
    chosen, _ = seq2seq_run.TASK.choose([("argument", {"data": data, **settings})])
    for event in seq2seq.train_pairs(seq2seq.prepare_pairs(chosen, out)):
        report(event)
    return Seq2Seq(out)


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
