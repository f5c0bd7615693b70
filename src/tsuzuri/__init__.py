"""tsuzuri: neural language processing from scratch, every gradient derived by hand.

The names below are loaded when they are first used, so that ``import tsuzuri`` stays quick.
"""
import importlib
from typing import TYPE_CHECKING

__version__ = "0.1.0"

_WHERE = {"Tensor": "tsuzuri.tensor", "no_grad": "tsuzuri.tensor", "threads": "tsuzuri.array",
          "TrainedLanguageModel": "tsuzuri.api", "train_language_model": "tsuzuri.api",
          "RecurrentLanguageModel": "tsuzuri.models.recurrent", "RecurrentConfig": "tsuzuri.models.recurrent",
          "WordVectors": "tsuzuri.vectors.word_vectors", "train_word_vectors": "tsuzuri.api",
          "Seq2Seq": "tsuzuri.api", "train_seq2seq": "tsuzuri.api",
          "TreeClassifier": "tsuzuri.api", "train_trees": "tsuzuri.api",
          "Tagger": "tsuzuri.api", "train_tagger": "tsuzuri.api",
          "Captions": "tsuzuri.api", "train_captions": "tsuzuri.api",
          "Series": "tsuzuri.api", "train_series": "tsuzuri.api",
          "Memory": "tsuzuri.api", "train_memory": "tsuzuri.api",
          "TsuzuriError": "tsuzuri.errors"}
_MODULES = ("nn", "ops", "optim", "text", "datasets", "schedules")

__all__ = [
    "Captions",
    "Memory",
    "RecurrentConfig",
    "RecurrentLanguageModel",
    "Seq2Seq",
    "Series",
    "Tagger",
    "Tensor",
    "TrainedLanguageModel",
    "TreeClassifier",
    "TsuzuriError",
    "WordVectors",
    "datasets",
    "nn",
    "no_grad",
    "ops",
    "optim",
    "schedules",
    "text",
    "threads",
    "train_captions",
    "train_language_model",
    "train_memory",
    "train_seq2seq",
    "train_series",
    "train_tagger",
    "train_trees",
    "train_word_vectors",
]

if TYPE_CHECKING:
    from tsuzuri import datasets, nn, ops, optim, schedules, text
    from tsuzuri.api import (
        Captions,
        Memory,
        Seq2Seq,
        Series,
        Tagger,
        TrainedLanguageModel,
        TreeClassifier,
        train_captions,
        train_language_model,
        train_memory,
        train_seq2seq,
        train_series,
        train_tagger,
        train_trees,
        train_word_vectors,
    )
    from tsuzuri.array import threads
    from tsuzuri.errors import TsuzuriError
    from tsuzuri.models.recurrent import RecurrentConfig, RecurrentLanguageModel
    from tsuzuri.tensor import Tensor, no_grad
    from tsuzuri.vectors.word_vectors import WordVectors


def __getattr__(name: str):
    if name in _WHERE:
        value = getattr(importlib.import_module(_WHERE[name]), name)
    elif name in _MODULES:
        value = importlib.import_module(f"tsuzuri.{name}")
    else:
        raise AttributeError(f"module 'tsuzuri' has no attribute '{name}'")
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted([*globals(), *__all__])
