"""How many trees a second is a Tree-LSTM trained on, beside the usual PyTorch recursion, which grows one tree at a time?

The Stanford Sentiment Treebank, the same weights, batches of the same 25 trees in the same order, the loss of every node, AdaGrad.
Ours packs its batches as it goes; PyTorch's trees lie ready as nested tuples.  Both say the loss of their first steps, which must be
the same.

    python benchmarks/trees.py [--turns 5] [--size recipe] [--threads 2]
"""
import argparse
import os
import tempfile
from pathlib import Path
from typing import NamedTuple

import numpy as np
from report import interleave, save, summary
from worker import Worker

AT_LEAST = 8.0
BATCH, STEPS, LR = 25, 4, 0.05                               # trees in a batch; batches that a library takes in a turn
THREADS = int(os.environ.get("TSUZURI_BENCHMARK_THREADS", "2"))


class Size(NamedTuple):
    """``count`` trees of SST are read."""

    arch: str
    embedding: int
    size: int
    count: int = 1000


SIZES = {"recipe": Size("tree-lstm", 150, 150), "small": Size("tree-lstm", 50, 50), "published": Size("tree-lstm", 300, 150),
         "child-sum": Size("child-sum", 150, 150)}
WARM = Size("tree-lstm", 4, 4, 30)
_FOLDERS: list[tempfile.TemporaryDirectory] = []             # removed when the process ends


class Ours:
    """tsuzuri, as a training has it: batches packed, the loss, the gradients, a step."""

    def __init__(self, size: Size, _):
        from tsuzuri.array import threads
        from tsuzuri.optim import make_optimizer
        from tsuzuri.text.forest import TreeBatches
        self.threads = threads(THREADS)
        self.threads.__enter__()
        run = prepared(size)
        self.batches, self.model = TreeBatches(run.corpus(), BATCH, shuffled=False), run.new_model()
        self.optimizer, self.told, self.at = make_optimizer("adagrad", self.model), [], 0

    def step(self):
        """One batch."""
        loss, _, _ = self.model.training_loss(*self.batches[self.at % len(self.batches)])
        loss.backward()
        self.optimizer.step(LR)
        self.told.append(loss.item())
        self.at += 1

    def steps(self):
        """A turn."""
        for _ in range(STEPS):
            self.step()

    def losses(self):
        """What was lost in the steps so far."""
        return self.told


def prepared(size: Size):
    """A run folder over the first trees of SST that have three nodes at least."""
    from tsuzuri.datasets.trees import open_tree_source
    from tsuzuri.train.tree_run import TASK
    from tsuzuri.train.trees import prepare_trees
    _FOLDERS.append(tempfile.TemporaryDirectory(prefix="tsuzuri-bench-trees-"))
    folder = Path(_FOLDERS[-1].name)
    trees = [tree for tree in open_tree_source("sst").trees("train") if len(tree) > 2][:size.count]
    (folder / "trees.txt").write_text("".join(tree.bracketed() + "\n" for tree in trees))
    settings, _ = TASK.choose([("benchmark", {"data": str(folder / "trees.txt"), "valid": "none", "arch": size.arch, "size": size.size,
                                              "embedding": size.embedding, "batch_size": BATCH, "threads": THREADS})])
    return prepare_trees(settings, folder / "run")


def theirs(size: Size, _):
    """PyTorch, from a file of its own: it is not loaded where ours is measured."""
    from torch_trees import Recursion
    return Recursion(size, prepared(size), BATCH, STEPS, LR, THREADS)


LIBRARIES = {"tsuzuri": Ours, "torch": theirs}


def main():
    """Measure every size."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--turns", type=int, default=5)
    parser.add_argument("--size", choices=SIZES, action="append")
    parser.add_argument("--threads", type=int, default=2)
    options = parser.parse_args()
    os.environ["TSUZURI_BENCHMARK_THREADS"] = str(options.threads)            # the workers read it
    save("trees", [_row(size, options.turns) for size in options.size or SIZES], options.threads)


def _row(size, turns):
    workers = {library: Worker(library, size, module="trees") for library in LIBRARIES}
    times = interleave(workers, lambda worker: worker.seconds("steps") / STEPS, turns)
    losses = [worker.ask("losses") for worker in workers.values()]
    for worker in workers.values():
        worker.close()
    results = {library: summary(seconds) for library, seconds in times.items()}
    ours, peer = results["tsuzuri"], results["torch"]
    ratio, same = peer["median_ms"] / ours["median_ms"], bool(np.allclose(*losses, rtol=2e-4))
    print(f"{size:<10} tsuzuri {BATCH / ours['median_ms'] * 1e3:6.0f} trees/s (best {BATCH / ours['best_ms'] * 1e3:.0f})  torch "
          f"{BATCH / peer['median_ms'] * 1e3:5.0f} (best {BATCH / peer['best_ms'] * 1e3:.0f})  ratio {ratio:.1f} "
          f"(best {peer['best_ms'] / ours['best_ms']:.1f}) {'>=' if ratio >= AT_LEAST else 'MISSES'} {AT_LEAST:g}  "
          f"{'the same' if same else 'DIFFERENT'} losses of {len(losses[0])} steps", flush=True)
    return {"what": size, **results, "ratio": ratio, "at_least": AT_LEAST, "same": same}


if __name__ == "__main__":
    main()
