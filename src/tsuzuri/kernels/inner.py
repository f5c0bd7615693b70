"""The table of inner loops: for each plain NumPy loop, where its compiled twin is, and which of the two an array gets.

A plain loop is the truth: it runs on any array module and in any float type, and the tests hold its twin to it.  The
twin, under the same name in ``kernels/compiled``, runs for host arrays of float32, float64, ids and bytes.
"""
import functools
import importlib
import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import numpy as np

TABLE = {
    "rnn_sweep": "rnn", "rnn_sweep_back": "rnn",
    "gru_sweep": "gru", "gru_sweep_back": "gru",
    "lstm_sweep": "lstm", "lstm_sweep_back": "lstm",
    "lstm_cell": "lstm", "gru_cell": "gru",
    "turing_sweep": "turing", "turing_sweep_back": "turing",
    "softmax_rows": "softmax", "masked_softmax_rows": "softmax", "cross_entropy_rows": "softmax",
    "log_sum_exp": "token_losses", "weighted_gradient": "token_losses",
    "adapt": "dynamic",
    "product_into": "blas", "column_sums": "columns",
    "keep_or_drop": "dropout",
    "normalise": "norm", "normalise_back": "norm",
    "causal_attention": "attention", "causal_attention_back": "attention", "cached_attention": "attention",
    "attention_step": "attention_step", "source_attention": "source_attention", "source_attention_back": "source_attention",
    "additive": "additive", "additive_back": "additive",
    "sum_paths": "crf", "sum_paths_back": "crf", "best_paths": "crf",
    "biased_gelu": "feedforward", "biased_gelu_back": "feedforward",
    "read_block": "block", "add_branch": "feedforward", "add_branch_back": "feedforward",
    "add_rows": "rows", "draw": "sampling", "number_words": "words",
    "hash_grams": "subwords",
    "train_freely": "word2vec", "train_in_rounds": "word2vec",
    "sgd": "updates", "average": "updates", "momentum": "updates", "adagrad": "updates", "rmsprop": "updates", "adam": "updates",
    "sum_of_squares": "updates",
    "convolve": "conv", "convolve_back": "conv", "largest": "pooling", "largest_back": "pooling",
    "largest_normalised": "norm_pool", "largest_normalised_back": "norm_pool",
    "channel_moments": "batch_norm", "scale_channels": "batch_norm", "scale_channels_back": "batch_norm",
    "tree_lstm_cells": "tree_lstm", "tree_lstm_cells_back": "tree_lstm",
    "sum_children": "tree_lstm", "child_sum_cells": "tree_lstm", "child_sum_cells_back": "tree_lstm",
    "count_before": "cooccurrence", "sparse_product": "sparse", "glove_blocks": "glove",
}

_compiled = os.environ.get("TSUZURI_COMPILED", "1") != "0"
_TYPES = {np.dtype(kind) for kind in (np.float32, np.float64, np.int32, np.int64, np.uint8)}


def inner(plain: Callable) -> Callable:
    """Mark a plain loop as one that has a compiled twin; the first argument decides which of the two runs."""
    name = plain.__name__
    twin = None

    @functools.wraps(plain)
    def choose(first, *rest):
        nonlocal twin
        if not _compiled or type(first) is not np.ndarray or first.dtype not in _TYPES:
            return plain(first, *rest)
        if twin is None:
            module = importlib.import_module(f"tsuzuri.kernels.compiled.{TABLE[name]}")
            twin = getattr(module, name)
        return twin(first, *rest)

    choose.plain = plain  # type: ignore[attr-defined]
    return choose


@contextmanager
def compiled(on: bool) -> Iterator[None]:
    """Within the block the compiled twins are used, or not."""
    global _compiled
    before, _compiled = _compiled, on
    try:
        yield
    finally:
        _compiled = before
