"""How fast is a training step of the AWD-LSTM of the recipe ptb-awd-lstm, and how much memory does it take, beside PyTorch?

10,000 words, embedding 400, LSTM 1150 x 3 of which the last has 400 units, tied; 20 rows of 70 steps; all that regularises it
on: forward, backward, clipping, SGD with weight decay.  The floor is what the matrix products alone take.

    python benchmarks/awd_step.py [--rounds 9]
"""
import argparse
from dataclasses import dataclass

import numpy as np
from floor import stack_products_ms
from models import THREADS
from report import interleave, save, summary
from worker import Worker

TURN = 2                                                     # steps a library takes before the other has its turn
AT_LEAST, AT_MOST = 1.05, 1.0                                # of PyTorch's pace, of PyTorch's memory


@dataclass(frozen=True)
class Size:
    """V vocabulary, H units of the inner layers, E units of the embedding and the last, N rows, T steps."""

    V: int
    H: int
    E: int
    N: int
    T: int


SIZES = {"awd": Size(10_000, 1150, 400, 20, 70)}
WARM = Size(10, 16, 8, 4, 8)


def settings(size):
    """(model, training) of the recipe, at that size."""
    from tsuzuri.recipes import RECIPES
    from tsuzuri.train.run import choose
    chosen, _ = choose([("recipe", RECIPES["ptb-awd-lstm"].settings | {"size": size.H, "embedding": size.E})])
    return chosen.model, chosen.training


def new_model(config, size):
    """Ours, with the weights that both libraries start from."""
    from tsuzuri.models.recurrent import RecurrentLanguageModel
    return RecurrentLanguageModel(config, size.V, rng=np.random.default_rng(0))


class Subject:
    """Steps on one batch, the state carried."""

    def __init__(self, size, cell):
        self.config, self.training = settings(size)
        self.state = None
        self.ids, self.targets = np.random.default_rng(0).integers(size.V, size=(2, size.N, size.T))

    def steps(self, count):
        for _ in range(count):
            self.step()


class Tsuzuri(Subject):
    """With tsuzuri."""

    def __init__(self, size, cell):
        super().__init__(size, cell)
        from tsuzuri.array import threads
        from tsuzuri.optim import SGD
        self.limit = threads(THREADS)
        self.limit.__enter__()
        self.model, self.rng = new_model(self.config, size), np.random.default_rng(1)
        self.optimizer = SGD(self.model, weight_decay=self.training.weight_decay)

    def step(self):
        from tsuzuri.optim import clip_factor, global_norm
        loss, penalty, self.state = self.model.training_loss(self.ids, self.targets, self.state, self.rng)
        (loss + penalty).backward()
        norm = global_norm(self.optimizer.parameters.values())
        self.optimizer.step(self.training.lr, clip_factor(norm, self.training.clip))


class Torch(Subject):
    """With PyTorch, as salesforce/awd-lstm-lm does it."""

    def __init__(self, size, cell):
        super().__init__(size, cell)
        import torch
        import torch_models
        torch.set_num_threads(THREADS)
        torch.manual_seed(1)
        self.update, self.model = torch_models.update, torch_models.TorchRecurrent(self.config, new_model(self.config, size).arrays())
        self.optimizer = torch.optim.SGD(self.model.parameters(), lr=self.training.lr, weight_decay=self.training.weight_decay)
        self.ids, self.targets = map(torch.from_numpy, (self.ids, self.targets))

    def step(self):
        _, objective, self.state = self.model.training_loss(self.ids, self.targets, self.state)
        self.update(self.model, self.optimizer, objective, self.training.lr, self.training.clip)


LIBRARIES = {"tsuzuri": Tsuzuri, "torch": Torch}


def main():
    """Measure both in turn."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=9)
    rounds = parser.parse_args().rounds
    workers = {library: Worker(library, "awd", module="awd_step") for library in LIBRARIES}
    times = interleave(workers, lambda worker: worker.seconds("steps", TURN) / TURN, rounds)
    memory = {name: worker.peak_megabytes() for name, worker in workers.items()}
    for worker in workers.values():
        worker.close()
    save("awd_step", [_show({name: summary(seconds[1:]) for name, seconds in times.items()}, memory)], THREADS)


def _show(results, memory):
    size = SIZES["awd"]
    sizes = settings(size)[0].sizes()
    floor = stack_products_ms(sizes, "lstm", size.V, size.N, size.T, rounds=5)
    ours, peer = (results[name] for name in ("tsuzuri", "torch"))
    ratio, share = peer["median_ms"] / ours["median_ms"], memory["tsuzuri"] / memory["torch"]
    print(f"AWD-LSTM step  tsuzuri {ours['median_ms']:,.0f} ms (best {ours['best_ms']:,.0f})  torch {peer['median_ms']:,.0f} ms "
          f"(best {peer['best_ms']:,.0f})  ratio {ratio:.2f} (best {peer['best_ms'] / ours['best_ms']:.2f}) "
          f"{'>=' if ratio >= AT_LEAST else 'MISSES'} {AT_LEAST}  products {floor:,.0f} ms = {floor / ours['median_ms']:.0%}  "
          f"memory {memory['tsuzuri']:.0f} / {memory['torch']:.0f} MB = {share:.2f} {'<=' if share <= AT_MOST else 'MISSES'} {AT_MOST:g}")
    return {**results, "ratio": ratio, "at_least": AT_LEAST, "floor_ms": floor, "memory_mb": memory, "memory_at_most": AT_MOST}


if __name__ == "__main__":
    main()
