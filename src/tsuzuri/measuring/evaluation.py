"""How well a trained run predicts a text."""
import math
import tempfile
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from tsuzuri.array import threads
from tsuzuri.datasets import open_source
from tsuzuri.datasets.sources import DatasetText
from tsuzuri.errors import ConfigError, DataError
from tsuzuri.measuring.adapting import adapted
from tsuzuri.measuring.mixing import mix_runs
from tsuzuri.text import BPTTBatches, encode_corpus
from tsuzuri.train.language_model import WINDOW
from tsuzuri.train.loop import evaluate
from tsuzuri.train.run import Run

EMPTY: Mapping[str, float] = {}
TOKEN = {"char": "a token is a character, line ends counted",
         "word": "a token is what stands between white space, a line end is one more",
         "sudachi": "a token is a morpheme of Sudachi, line ends counted",
         "bpe": "a token is a piece of text that byte pair encoding found, line ends counted"}


def evaluate_run(run: Run, data: str, *, adapt: str = "", options: Mapping[str, float] = EMPTY, mix: Sequence[Run] = (),
                 **reading: Any) -> dict:
    """How well the trained model of a run predicts a text; see ``evaluate_model``.

    ``adapt`` names a way to go on learning from the text itself (ADAPTATIONS), with ``options`` of its own.  With ``mix`` the
    models of other runs predict beside it, each weighed by the run's validation text.
    """
    if options and not adapt:
        raise ConfigError(f"{', '.join(options)}: an option is one of --adapt; add --adapt cache or dynamic, or leave it out.")
    with threads(run.settings.training.threads):
        model = adapted(run, adapt, options) if adapt else run.load_model()
        if not mix:
            return evaluate_model(run, model, data, **reading)
        mixed = mix_runs([run, *mix], [model, *(other.load_model() for other in mix)])
        return evaluate_model(run, mixed, data, **reading) | {"weights": mixed.weights.round(4).tolist()}


def evaluate_model(run: Run, model: Any, data: str, *, rows: int = 1, window: int = WINDOW,
                   report: Callable[[int, int], None] = lambda done, of: None) -> dict:
    """How well a model predicts a text that is cut as the run cuts it, read from end to end with the state carried over.

    ``loss`` is in nats a token; the first token of the text, before which nothing stands, is not counted.  Bits per character
    and byte are those of the whole text with the spelling of unknown words (text/unknown_words.py), so that models of any unit can
    be compared.  ``window`` tokens are read at a time, which changes nothing.  With several ``rows`` the text is read as that
    many parts side by side, each from an empty state, and what does not fill a window is left out, as papers do that evaluate
    with the batches of the training.  ``report`` is told (tokens read, of how many).  A data set without a split means its
    test split, or its valid split where it has no test.
    """
    if rows < 1 or window < 1:
        raise ConfigError(f"rows is {rows} and window {window}; both must be at least 1.")
    source = open_source(data, **run.settings.data.reading())
    if isinstance(source, DatasetText):
        source = open_source(data, "test" if "test" in source.splits else "valid")
    with tempfile.TemporaryDirectory(prefix="tsuzuri-") as folder, threads(run.settings.training.threads):
        corpus = encode_corpus(source.lines(), run.tokenizer, folder)
        if corpus.tokens < 2:
            raise DataError(f"{source.name} has no token to predict: it takes one to stand before it; give a longer text.")
        if rows > 1 and (corpus.tokens - 1) // rows < window:
            raise ConfigError(f"{rows} rows of a text of {corpus.tokens:,} tokens do not fill a window of {window}; take fewer or shorter ones.")
        batches = (BPTTBatches if rows == 1 else _WholeWindows)(corpus.ids, rows, window)
        done = 0

        def told(tokens):
            nonlocal done
            done += tokens
            report(done, corpus.tokens)

        loss, tokens = evaluate(model, batches, told)
    return {"data": source.name, "loss": loss, "perplexity": math.exp(min(loss, 700.0)),
            "bits_per_character": corpus.bits_per_character(loss), "bits_per_byte": corpus.bits_per_byte(loss),
            "tokens": tokens, "token": TOKEN[run.settings.data.unit], "characters": corpus.characters, "bytes": corpus.bytes,
            "unknown": corpus.unknown, "spelling_bits": corpus.spelling_bits}


class _WholeWindows(BPTTBatches):
    def __len__(self):
        return self.row_length // self.bptt
