"""The review of neural networks: a two-layer network learns to tell three spiral arms apart.

    python examples/spiral.py [FOLDER] [--dtype float32] [--seed 1]

Writes the loss curve, the decision regions and the computation graph of one step into FOLDER (runs/spiral).  The whole
of it in one call: tsuzuri.train.spiral.train_spiral.
"""
import argparse
from pathlib import Path

import numpy as np

from tsuzuri import graph, plots
from tsuzuri.array import threads
from tsuzuri.datasets import spiral
from tsuzuri.models.two_layer import TwoLayer
from tsuzuri.optim import SGD

EPOCHS, BATCH, LR = 300, 30, 1.0


def train(model, x, labels, rng):
    """Gradient descent on small batches: forward, backward, one step against the gradient."""
    optimizer = SGD(model)
    for epoch in range(1, EPOCHS + 1):
        order = rng.permutation(len(x))                      # other batches in every epoch
        total = 0.0
        for start in range(0, len(x), BATCH):
            rows = order[start:start + BATCH]
            loss = model.loss(x[rows], labels[rows])         # forward: every op remembers what it was computed from
            loss.backward()                                  # backward: .grad of every parameter
            optimizer.step(LR)                               # w -= lr * grad
            total += loss.item() * len(rows)
        yield epoch, total / len(x)


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("folder", nargs="?", type=Path, default=Path("runs/spiral"))
    parser.add_argument("--dtype", default="float32", help="float16, float32 or float64")
    parser.add_argument("--seed", type=int, default=1)
    args = parser.parse_args()

    rng = np.random.default_rng(args.seed)
    x, labels = spiral(rng)                                  # x (300, 2), labels (300,) of 0, 1, 2
    model = TwoLayer(2, 10, 3, rng=rng, dtype=args.dtype)
    with threads(1):                                         # the arrays are too small for more to pay
        losses = list(train(model, x, labels, rng))

    right = model.predict(x) == labels
    print(f"loss {losses[0][1]:.4f} -> {losses[-1][1]:.4f} nats a point; "
          f"{right.sum()} of {len(x)} points on the right side ({100 * right.mean():.1f} %)")
    plots.curves({"training": losses}, args.folder / "loss.png", x_label="epoch", y_label="loss, nats a point")
    plots.decision_regions(model.predict, x, labels, args.folder / "regions.png")
    step = model.loss(x[:BATCH], labels[:BATCH])
    graph.save(graph.graph_of(step, names=model), args.folder / "graph.svg")
    print(f"loss.png, regions.png and graph.svg are in {args.folder}")


if __name__ == "__main__":
    main()
