"""The language models that the benchmarks train and sample from, in tsuzuri and in PyTorch, step for step the same."""
from dataclasses import dataclass

import numpy as np


@dataclass(frozen=True)
class Size:
    """V vocabulary, H units, L layers, N rows, T steps."""

    name: str
    V: int
    H: int
    L: int
    N: int
    T: int
    dropout: float = 0.0
    tie: bool = False


SIZES = {size.name: size for size in (
    Size("V10000-100x1", 10_000, 100, 1, 20, 35),
    Size("V10000-650x2-tied", 10_000, 650, 2, 20, 35, 0.5, True),
    Size("V65-128x2", 65, 128, 2, 50, 50))}
WARM = Size("warm", 10, 8, 1, 4, 8)
THREADS = 2


def batch(size):
    """ids and targets (N, T)."""
    rng = np.random.default_rng(0)
    return rng.integers(size.V, size=(2, size.N, size.T))


class Tsuzuri:
    """One training step, and sampling of one stream, with tsuzuri."""

    def __init__(self, size, cell):
        from tsuzuri.array import threads
        from tsuzuri.models.recurrent import RecurrentConfig, RecurrentLanguageModel
        from tsuzuri.optim import SGD
        self.limit = threads(THREADS)
        self.limit.__enter__()
        self.rng = np.random.default_rng(0)
        config = RecurrentConfig(cell, size.H, layers=size.L, dropout=size.dropout, tie=size.tie)
        self.model = RecurrentLanguageModel(config, size.V, rng=self.rng)
        self.optimizer, self.state = SGD(self.model), None
        self.ids, self.targets = batch(size)

    def steps(self, count):
        for _ in range(count):
            self.step()

    def step(self):
        from tsuzuri.optim import clip_factor, global_norm
        loss, self.state = self.model.loss(self.ids, self.targets, self.state, self.rng)
        loss.backward()
        self.optimizer.step(1.0, clip_factor(global_norm(self.optimizer.parameters.values()), 0.25))

    def sample(self, count):
        from tsuzuri.decode import Sampler, generate
        for _ in generate(self.model, [0], count, Sampler(), self.rng):
            pass


class Torch:
    """The same with PyTorch."""

    def __init__(self, size, cell):
        import torch
        torch.set_num_threads(THREADS)
        torch.manual_seed(0)
        self.torch, self.V, self.lstm = torch, size.V, cell == "lstm"
        self.embed = torch.nn.Embedding(size.V, size.H)
        self.recurrent = getattr(torch.nn, cell.upper())(size.H, size.H, size.L, batch_first=True,
                                                         dropout=size.dropout if size.L > 1 else 0.0)
        self.out, self.dropout = torch.nn.Linear(size.H, size.V), torch.nn.Dropout(size.dropout)
        if size.tie:
            self.out.weight = self.embed.weight
        self.model = torch.nn.ModuleList([self.embed, self.recurrent, self.out, self.dropout])
        self.optimizer, self.state = torch.optim.SGD(self.model.parameters(), lr=1.0), None
        self.ids, self.targets = map(torch.from_numpy, batch(size))

    def steps(self, count):
        for _ in range(count):
            self.step()

    def step(self):
        torch = self.torch
        self.optimizer.zero_grad()
        hs, state = self.recurrent(self.dropout(self.embed(self.ids)), self.state)
        self.state = tuple(part.detach() for part in state) if self.lstm else state.detach()
        logits = self.out(self.dropout(hs))
        torch.nn.functional.cross_entropy(logits.view(-1, self.V), self.targets.view(-1)).backward()
        torch.nn.utils.clip_grad_norm_(self.model.parameters(), 0.25)
        self.optimizer.step()

    def sample(self, count):
        torch, state = self.torch, None
        self.model.eval()
        with torch.inference_mode():
            token = torch.zeros(1, 1, dtype=torch.long)
            for _ in range(count):
                hs, state = self.recurrent(self.embed(token), state)
                token = torch.multinomial(torch.softmax(self.out(hs)[0, -1], -1), 1).view(1, 1)


LIBRARIES = {"tsuzuri": Tsuzuri, "torch": Torch}
