"""A run without a folder: a tokenizer of a small text and a model of random weights, large enough to have opinions."""
from types import SimpleNamespace

import numpy as np

from tsuzuri.models.recurrent import RecurrentConfig, RecurrentLanguageModel
from tsuzuri.text.tokenizers import train_tokenizer


def made_up_run(unit: str, lines: list[str], seed: int = 0, **options) -> SimpleNamespace:
    tokenizer = train_tokenizer(unit, lines, **options)
    model = RecurrentLanguageModel(RecurrentConfig(arch="lstm", size=8, dtype="float64"), len(tokenizer), rng=np.random.default_rng(seed))
    for p in model.parameters():
        p.data *= 3
    model.out.W.data *= 10
    training = SimpleNamespace(threads=1)
    return SimpleNamespace(tokenizer=tokenizer, load_model=lambda: model, settings=SimpleNamespace(training=training))
