"""The review of neural networks: three spiral arms, a two-layer network, gradient descent in plain sight."""
import os
import time
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from tsuzuri.array import threads
from tsuzuri.datasets import spiral
from tsuzuri.models.two_layer import TwoLayer
from tsuzuri.optim import SGD


@dataclass(frozen=True)
class SpiralResult:
    """A trained network and how it went.

    ``losses``: the mean loss in nats of each epoch; ``accuracy``: the share of the points x (M, 2) that are put into
    the class that ``labels`` (M,) says, after the last epoch.
    """

    model: TwoLayer
    x: np.ndarray
    labels: np.ndarray
    losses: tuple[float, ...]
    accuracy: float
    seconds: float


def train_spiral(rng: np.random.Generator, *, hidden: int = 10, lr: float = 1.0, batch: int = 30, epochs: int = 300,
                 dtype: str = "float32") -> SpiralResult:
    """Points, weights and the order of the points are all drawn from ``rng``."""
    x, labels = spiral(rng)
    model = TwoLayer(2, hidden, 3, rng=rng, dtype=dtype)
    optimizer = SGD(model)
    began = time.perf_counter()
    with threads(1):                                         # the arrays are too small to be worth a second one
        losses = [train_epoch(model, optimizer, x, labels, lr, batch, rng) for _ in range(epochs)]
    seconds = time.perf_counter() - began
    return SpiralResult(model, x, labels, tuple(losses), float((model.predict(x) == labels).mean()), seconds)


def train_epoch(model: TwoLayer, optimizer: SGD, x: np.ndarray, labels: np.ndarray, lr: float, batch: int,
                rng: np.random.Generator) -> float:
    """Go through the points once in a random order -> the mean loss in nats on the way."""
    total = 0.0
    order = rng.permutation(len(x))
    for start in range(0, len(x), batch):
        rows = order[start:start + batch]
        loss = model.loss(x[rows], labels[rows])
        loss.backward()
        optimizer.step(lr)
        total += loss.item() * len(rows)
    return total / len(x)


def draw_spiral(result: SpiralResult, folder: str | os.PathLike) -> list[Path]:
    """Write ``loss.png``, ``regions.png`` and ``graph.svg`` (one step of 30 points) into ``folder``."""
    from tsuzuri import graph, plots
    paths = [Path(folder) / name for name in ("loss.png", "regions.png", "graph.svg")]
    plots.curves({"training": list(enumerate(result.losses, 1))}, paths[0], x_label="epoch", y_label="loss, nats a point")
    plots.decision_regions(result.model.predict, result.x, result.labels, paths[1])
    graph.save(graph.graph_of(result.model.loss(result.x[:30], result.labels[:30]), names=result.model), paths[2])
    return paths
