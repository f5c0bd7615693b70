"""The well-known Keras example, characters after a play, written with ``nn.Sequential``.

The figures of Keras (3.15 with TensorFlow, two cores) are for the same model, windows and batches.
"""
import time
from pathlib import Path
from statistics import median

import numpy as np

from tsuzuri import nn
from tsuzuri.array import threads
from tsuzuri.datasets import open_source
from tsuzuri.files import atomic_write
from tsuzuri.optim import Adam
from tsuzuri.recipes.recipe import Measured, Recipe, Watch
from tsuzuri.text import CharTokenizer, SlidingWindows
from tsuzuri.train.checkpoint import save_arrays
from tsuzuri.train.config import TrainingConfig
from tsuzuri.train.events import Stepped
from tsuzuri.train.loop import fit

WIDTH, BATCH, SIZE = 50, 30, 300
CONFIG = TrainingConfig(batch_size=BATCH, lr=0.001, schedule="constant", clip=0.0, epochs=1, threads=2)
KERAS_STEP, KERAS_CHARACTER = 206, 98                        # ms


def read_windows() -> tuple[SlidingWindows, CharTokenizer]:
    """All windows of 50 characters of Macbeth in the order of the first pass, and the tokenizer."""
    lines = list(open_source("macbeth").lines())
    tokenizer = CharTokenizer.train(lines, unk=False)
    return SlidingWindows(tokenizer.encode_array("\n".join([*lines, ""])), WIDTH, BATCH, CONFIG.seed), tokenizer


def make_model(V: int, rng: np.random.Generator) -> nn.Sequential:
    """The example's layers for V characters."""
    return nn.Sequential(nn.OneHot(V),
                         nn.LSTM(V, SIZE, rng=rng), nn.Dropout(0.2),
                         nn.LSTM(SIZE, SIZE, rng=rng), nn.Last(), nn.Dropout(0.2),
                         nn.Linear(SIZE, V, rng=rng))


def _one_pass(recipe: Recipe, out: Path, watch: Watch) -> Measured:
    """One pass over Macbeth: the mean training loss, ms a step, ms to predict a character, and what it writes."""
    windows, tokenizer = read_windows()
    model = make_model(len(tokenizer), np.random.default_rng(CONFIG.seed))
    losses, seconds, begun = [], [], time.perf_counter()
    for event in watch.events(fit(model, windows, Adam(model), CONFIG), len(windows), 1):
        if isinstance(event, Stepped):
            losses.append(event.loss)
            seconds.append(time.perf_counter() - begun)
            begun = time.perf_counter()
    step = 1e3 * median(seconds)
    text, character = _write(model, tokenizer, windows[0][0][0], 200)
    save_arrays(out / "model.safetensors", model.arrays())
    atomic_write(out / "text.txt", text)
    return Measured(float(np.mean(losses)), (
        f"{step:.0f} ms a step of {BATCH} windows (Keras {KERAS_STEP}: {KERAS_STEP / step:.1f} x), "
        f"{sum(seconds):.0f} s a pass of {len(seconds):,} steps (Keras 709)",
        f"{character:.1f} ms to predict one character (Keras {KERAS_CHARACTER}: {KERAS_CHARACTER / character:.0f} x)",
        f"mean loss of the last 100 steps {np.mean(losses[-100:]):.4f}; it writes, always the likeliest: {text[:60]!r}"))


def _write(model, tokenizer, window, count):
    """(``count`` characters after a window, ms for each): the likeliest, then the window moves on by it."""
    ids, seconds = list(window), []
    with threads(CONFIG.threads):
        for _ in range(count):
            begun = time.perf_counter()
            ids.append(int(model.predict(np.array([ids[-WIDTH:]])).argmax()))
            seconds.append(time.perf_counter() - begun)
    return tokenizer.decode(ids[WIDTH:]), 1e3 * median(seconds)


RECIPES = (
    Recipe("macbeth-sequential", "LSTM 300, dropout 0.2, LSTM 300, dropout 0.2, windows of 50, Adam, one pass",
           "mean training loss of the pass", 2.6, "206 ms a step and 98 ms a character (Keras 3.15 with TensorFlow, two cores)",
           _one_pass, stops=False),
)
