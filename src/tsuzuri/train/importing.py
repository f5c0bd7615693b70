"""Run folders of other people's weights, and weights of a run for others."""
import os
from collections import Counter
from pathlib import Path
from typing import Any

import msgspec
import numpy as np

from tsuzuri.datasets import open_source
from tsuzuri.datasets.sources import DatasetText
from tsuzuri.errors import ConfigError, DataError, check_choice
from tsuzuri.interop.book_rnnlm import read_rnnlm
from tsuzuri.interop.recurrent_weights import RecurrentWeights
from tsuzuri.interop.torch_lstm import read_torch, write_torch
from tsuzuri.models.recurrent import RecurrentLanguageModel
from tsuzuri.nn import Linear
from tsuzuri.nn.connections import Plain
from tsuzuri.text import CharTokenizer, WordTokenizer, load_tokenizer, read_lines
from tsuzuri.text.tokenizers import Tokenizer
from tsuzuri.text.tokenizers.options import Options
from tsuzuri.text.vocabulary import EOS, UNK, Vocabulary, unescape
from tsuzuri.train.checkpoint import save_arrays
from tsuzuri.train.run import Run, choose

UNITS = {"word": WordTokenizer, "char": CharTokenizer}


def import_book(path: Path, out: str | os.PathLike, data: str = "ptb") -> Run:
    """A run folder of the book's Rnnlm.pkl; its words are numbered as they first come in ``data``."""
    weights, source = read_rnnlm(path), open_source(data)
    lines = source.lines("train") if isinstance(source, DatasetText) else source.lines()
    counts = Counter(word for line in lines for word in (*line.split(), EOS))
    return make_run(weights, make_tokenizer("word", counts), out)


def import_torch(path: Path, tokenizer: Tokenizer, out: str | os.PathLike) -> Run:
    """A run folder of a PyTorch state dict, whose ids are those of ``tokenizer``."""
    return make_run(read_torch(path), tokenizer, out)


def find_tokenizer(folder: Path) -> Tokenizer:
    """The tokenizer in a folder, which may be a run's."""
    return load_tokenizer(folder / "tokenizer" if (folder / "tokenizer").is_dir() else folder)


def read_vocabulary(path: Path, unit: str = "word") -> Tokenizer:
    """A tokenizer of the tokens in a file, one a line in the order of their ids, escaped as in ``vocab.txt``, with its counts or
    without.

    ``<unk>`` and ``<eos>`` mean what they always do, where they stand in it.  DataError: a token stands twice.
    """
    check_choice("unit", unit, UNITS)
    counts: dict[str, int] = {}
    for number, line in enumerate(read_lines(path), 1):
        word = line.partition("\t")[0]
        token = unescape(word)
        if token in counts:
            raise DataError(f'{path}: line {number}: "{word}" stands there a second time; a token has one id')
        counts[token] = 0
    return make_tokenizer(unit, counts)


def make_tokenizer(unit: str, counts: dict[str, int]) -> Tokenizer:
    """A tokenizer whose ids follow the order of ``counts``."""
    options = Options(unk=UNK in counts, eos=EOS in counts)
    return UNITS[unit](Vocabulary(list(counts), list(counts.values())), options)


def make_run(weights: RecurrentWeights, tokenizer: Tokenizer, out: str | os.PathLike) -> Run:
    """A finished run of these weights.  DataError: they have a row for another number of tokens than there are."""
    V, E = weights.embed.shape
    if len(tokenizer) != V:
        raise DataError(f"the weights have {V:,} tokens and the vocabulary {len(tokenizer):,}; give the vocabulary that the model "
                        "was trained with")
    settings, _ = choose([("the weights", {
        "unit": tokenizer.unit, "arch": weights.arch, "size": weights.size, "embedding": E, "layers": len(weights.layers),
        "tie": weights.W is None, "dtype": weights.dtype.name,
        **({"optimizer": "sgd"} if weights.dtype.name == "float16" else {})})])

    def prepare(folder: Path) -> None:
        tokenizer.save(folder / "tokenizer")
        model = RecurrentLanguageModel(settings.model, V, rng=np.random.default_rng(0))
        _fill(model, weights)
        save_arrays(folder / "model.safetensors", model.arrays())
        (folder / "metrics.jsonl").touch()

    return Run.create(out, settings, prepare)


def _fill(model: Any, weights: RecurrentWeights) -> None:
    pairs = [(model.embed.W, weights.embed), (model.out.b, weights.b)]
    pairs += [] if weights.W is None else [(model.out.W, weights.W)]
    for layer, arrays in zip(model.recurrent.layers, weights.layers, strict=True):
        pairs += zip(layer.weights(), arrays, strict=True)
    for parameter, a in pairs:
        parameter.data[...] = a


def export_arrays(run: Run, out: Path) -> None:
    """Write the parameters of a run under their names here, and the model's settings beside them as notes."""
    save_arrays(out, run.load_model().arrays(), {"model": msgspec.to_builtins(run.settings.model)})


def export_torch(run: Run, out: Path) -> None:
    """Write a run as a PyTorch state dict.  ConfigError: it has parts that nn.LSTM, nn.GRU and nn.RNN lack."""
    write_torch(out, weights_of(run.load_model(), str(run.folder)))


def weights_of(model: Any, name: str = "the model") -> RecurrentWeights:
    """The weights of a plain recurrent language model."""
    if not isinstance(model, RecurrentLanguageModel):
        raise ConfigError(f"{name} is a {model.config.arch}, for which PyTorch has no one order of weights; export it without --to.")
    layers = model.recurrent.layers
    plain = all(type(connection) is Plain for connection in model.recurrent.connections)
    if not plain or not isinstance(model.out, Linear) or len({layer.size for layer in layers}) > 1:
        raise ConfigError(f"{name} has connections, layer sizes or an output that PyTorch's recurrent stacks lack; export it "
                          "without --to.")
    W = None if model.config.tie else model.out.matrix()
    return RecurrentWeights(model.config.arch, model.embed.W.data, [tuple(w.data for w in layer.weights()) for layer in layers],
                            W, model.out.b.data)
