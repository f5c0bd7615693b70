"""How many tokens a second does evaluation read, beside PyTorch, with the same weights?

Nothing is recorded; the state is carried from window to window, over the first tokens of the Penn Treebank's test text, as one row
in windows of 512 (as `tsuzuri lm evaluate` reads) and as 10 rows in windows of 35.  Both must give the same loss.

    python benchmarks/evaluation.py [--rounds 7]
"""
import argparse
import tempfile
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from models import THREADS
from report import interleave, save, summary
from worker import Worker

TOKENS = 5_000                                               # read in a turn
AT_LEAST = 1.1


@dataclass(frozen=True)
class Size:
    """H units, two layers, tied; N rows, T steps."""

    H: int
    N: int
    T: int
    tokens: int = TOKENS


SIZES = {f"{H}x2, {N} x {T}": Size(H, N, T) for H in (200, 650) for N, T in ((1, 512), (10, 35))}
WARM = Size(8, 2, 8, 100)


class Tsuzuri:
    """With tsuzuri."""

    def __init__(self, size, cell):
        from tsuzuri.array import threads
        from tsuzuri.models.recurrent import RecurrentConfig, RecurrentLanguageModel
        from tsuzuri.text import BPTTBatches
        self.limit = threads(THREADS)
        self.limit.__enter__()
        ids, vocabulary = _test_ids()
        self.batches = BPTTBatches(ids[:size.tokens + 1], size.N, size.T)
        self.model = RecurrentLanguageModel(RecurrentConfig(cell, size.H, layers=2, tie=True), vocabulary, rng=np.random.default_rng(0))

    def loss(self):
        from tsuzuri.train.loop import evaluate
        return evaluate(self.model, self.batches)[0]

    def step(self):
        self.loss()


class Torch(Tsuzuri):
    """With PyTorch: no_grad, F.cross_entropy summed up."""

    def __init__(self, size, cell):
        super().__init__(size, cell)
        import torch
        from torch_models import TorchRecurrent
        torch.set_num_threads(THREADS)
        self.model = TorchRecurrent(self.model.config, self.model.arrays())

    def loss(self):
        return self.model.evaluate(self.batches)


LIBRARIES = {"tsuzuri": Tsuzuri, "torch": Torch}


def _test_ids():
    from tsuzuri.datasets import open_source
    from tsuzuri.text import encode_corpus, train_tokenizer
    source = open_source("ptb")
    tokenizer = train_tokenizer("word", source.lines("train"))
    with tempfile.TemporaryDirectory(prefix="tsuzuri-bench-") as folder:
        return np.array(encode_corpus(source.lines("test"), tokenizer, Path(folder) / "ids").ids), len(tokenizer)


def main():
    """Measure every size and cut, in turn."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=7)
    parser.add_argument("--size", choices=SIZES, action="append")
    options = parser.parse_args()
    save("evaluation", [_row(name, options.rounds) for name in options.size or SIZES], THREADS)


def _row(name, rounds):
    workers = {library: Worker(library, name, module="evaluation") for library in LIBRARIES}
    losses = {library: worker.ask("loss") for library, worker in workers.items()}
    times = interleave(workers, lambda worker: worker.seconds("step"), rounds)
    for worker in workers.values():
        worker.close()
    results = {library: summary(seconds) for library, seconds in times.items()}
    tokens = TOKENS // SIZES[name].N * SIZES[name].N
    pace = {library: tokens / result["median_ms"] * 1e3 for library, result in results.items()}
    ratio, off = pace["tsuzuri"] / pace["torch"], abs(losses["tsuzuri"] - losses["torch"])
    print(f"LSTM {name:<16} tsuzuri {pace['tsuzuri']:8,.0f} tokens/s  torch {pace['torch']:8,.0f} tokens/s  ratio {ratio:.2f} "
          f"{'>=' if ratio >= AT_LEAST else 'MISSES'} {AT_LEAST}  loss {losses['tsuzuri']:.6f} / {losses['torch']:.6f} "
          f"{'the same' if off <= 1e-5 else 'DIFFERENT LOSSES'}", flush=True)
    return {"size": name, **results, "tokens_a_second": pace, "ratio": ratio, "at_least": AT_LEAST, "losses": losses}


if __name__ == "__main__":
    main()
