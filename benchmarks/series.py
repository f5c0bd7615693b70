"""How fast does a forecaster learn, beside PyTorch's nn.LSTM?

    series-32, series-64, series-128   a training step of an LSTM of 128 units on so many windows of 96 rows of 7 columns, 24 rows ahead,
                                       squared error, Adam; 64 windows are what `tsuzuri series train` takes where nothing is said

Both libraries have the same weights, read the same windows and add their forecast to the last row; beside the ratio stands whether
both came to the same losses in three steps.  Steps are taken in turn, one by one, in one process: on a busy machine both then meet the
same moments.

    python benchmarks/series.py [--turns 25]
"""
import argparse
import time
from dataclasses import dataclass

import numpy as np
from report import interleave, save, summary

from tsuzuri.array import default_threads

THREADS = min(2, default_threads())
SAME = 3                                                     # steps whose losses are compared
AT_LEAST = 1.1                                               # of the usual 64 windows; of other numbers nothing is asked


@dataclass(frozen=True)
class Size:
    """N windows of T rows of C columns, K rows ahead, H units."""

    N: int
    T: int = 96
    C: int = 7
    K: int = 24
    H: int = 128


SIZES = {"series-32": Size(32), "series-64": Size(64), "series-128": Size(128)}
LR, CLIP = 0.001, 5.0


class Subject:
    """The windows and the weights that both libraries start from."""

    def __init__(self, size, cell):
        from tsuzuri.models.series import SeriesConfig, SeriesModel
        from tsuzuri.models.windows import Sizes
        rng = np.random.default_rng(0)
        walk = rng.standard_normal((size.N, size.T + size.K, size.C)).cumsum(1).astype(np.float32) / 8
        self.x, self.y = walk[:, :size.T].copy(), walk[:, size.T:].copy()
        config = SeriesConfig(arch=cell, size=size.H, base="last", loss="squared")
        self.weights = SeriesModel(config, Sizes(size.C, size.C, size.T, size.K), rng=rng)
        head = self.weights.head.out.W.data                  # which starts at zero
        head[...] = rng.uniform(-0.1, 0.1, head.shape)
        self.start()

    def seconds(self):
        """Of one step."""
        begun = time.perf_counter()
        self.learn()
        return time.perf_counter() - begun

    def losses(self):
        """Of the first steps."""
        self.start()
        return [self.learn() for _ in range(SAME)]


class Tsuzuri(Subject):
    """With tsuzuri."""

    def __init__(self, size, cell):
        from tsuzuri.array import threads
        self.limit = threads(THREADS)
        self.limit.__enter__()
        super().__init__(size, cell)

    def start(self):
        from tsuzuri.optim import make_optimizer
        self.first = getattr(self, "first", None) or {name: a.copy() for name, a in self.weights.arrays().items()}
        self.weights.load(self.first)
        self.optimizer, self.rng = make_optimizer("adam", self.weights), np.random.default_rng(1)

    def learn(self):
        from tsuzuri.optim import clip_factor, global_norm
        self.weights.zero_grad()
        loss, _, _ = self.weights.training_loss(self.x, self.y, rng=self.rng)
        loss.backward()
        self.optimizer.step(LR, clip_factor(global_norm(self.optimizer.parameters.values()), CLIP))
        return loss.item()


class Torch(Subject):
    """With PyTorch: nn.LSTM, its last state, nn.Linear."""

    def __init__(self, size, cell):
        import torch
        torch.set_num_threads(THREADS)
        super().__init__(size, cell)
        self.x, self.y = map(torch.from_numpy, (self.x, self.y))

    def start(self):
        import torch
        from torch_seq2seq import linear_of, lstm
        arrays = self.weights.arrays()
        self.lstm, self.head = lstm(arrays, ["encoder.layers.0."]), linear_of(arrays, "head.out")
        self.trained = [p for p in (*self.lstm.parameters(), *self.head.parameters()) if p.requires_grad]
        self.optimizer = torch.optim.Adam(self.trained, lr=LR)

    def learn(self):
        import torch
        self.optimizer.zero_grad()
        hs, _ = self.lstm(self.x)
        said = self.head(hs[:, -1]).view(self.y.shape) + self.x[:, -1:]
        loss = torch.nn.functional.mse_loss(said, self.y)
        loss.backward()
        torch.nn.utils.clip_grad_norm_(self.trained, CLIP)
        self.optimizer.step()
        return loss.item()


LIBRARIES = {"tsuzuri": Tsuzuri, "torch": Torch}


def main():
    """Measure."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--turns", type=int, default=25)
    turns = parser.parse_args().turns
    save("series", [_row(size, turns) for size in SIZES], THREADS)


def _row(size, turns):
    subjects = {library: kind(SIZES[size], "lstm") for library, kind in LIBRARIES.items()}
    losses = {library: subject.losses() for library, subject in subjects.items()}
    times = interleave(subjects, lambda subject: subject.seconds(), turns)
    results = {library: summary(seconds[1:] or seconds) for library, seconds in times.items()}
    ours, peer = results["tsuzuri"], results["torch"]
    ratio, same = peer["median_ms"] / ours["median_ms"], bool(np.allclose(losses["tsuzuri"], losses["torch"], rtol=1e-5))
    asked = AT_LEAST if size == "series-64" else None
    told = "" if asked is None else f" {'>=' if ratio >= asked else 'MISSES'} {asked}"
    print(f"{size:<10}  tsuzuri {ours['median_ms']:.2f} ms (best {ours['best_ms']:.2f})  torch {peer['median_ms']:.2f} ms (best {peer['best_ms']:.2f})  "
          f"ratio {ratio:.2f} (best {peer['best_ms'] / ours['best_ms']:.2f}){told}  "
          f"{'the same' if same else 'DIFFERENT'} losses {', '.join(f'{loss:.6f}' for loss in losses['tsuzuri'])}", flush=True)
    return {"what": size, **results, "ratio": ratio, "at_least": asked, "same": same, "losses": losses}


if __name__ == "__main__":
    main()
