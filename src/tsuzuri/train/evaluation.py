"""How well a trained run predicts a text."""
import math
import tempfile

from tsuzuri.array import threads
from tsuzuri.datasets import open_source
from tsuzuri.datasets.sources import DatasetText
from tsuzuri.models.recurrent import RecurrentLanguageModel
from tsuzuri.text import BPTTBatches, encode_corpus
from tsuzuri.train.loop import evaluate
from tsuzuri.train.run import Run

WINDOW = 256                                                 # tokens at a time; the state is carried, so any number gives the same


def evaluate_run(run: Run, data: str) -> dict:
    """How well the trained model of a run predicts a text; see ``evaluate_model``."""
    return evaluate_model(run, run.load_model(), data)


def evaluate_model(run: Run, model: RecurrentLanguageModel, data: str) -> dict:
    """How well a model predicts a text that is cut as the run cuts it, read from end to end with the state carried over.

    ``loss`` is in nats a token, the first token (of which nothing comes before) not counted; a data set without a split
    means its test split, or its valid split where it has no test.
    """
    source = open_source(data, errors=run.settings.data.encoding_errors)
    if isinstance(source, DatasetText):
        source = open_source(data, "test" if "test" in source.splits else "valid")
    with tempfile.TemporaryDirectory(prefix="tsuzuri-") as folder, threads(run.settings.training.threads):
        corpus = encode_corpus(source.lines(), run.tokenizer, folder)
        loss, tokens = evaluate(model, BPTTBatches(corpus.ids, 1, WINDOW))
    bits = loss * corpus.tokens / math.log(2)
    return {"data": source.name, "loss": loss, "perplexity": math.exp(min(loss, 700.0)),
            "bits_per_character": bits / corpus.characters, "bits_per_byte": bits / corpus.bytes, "tokens": tokens,
            "characters": corpus.characters, "bytes": corpus.bytes, "unknown": corpus.unknown}
