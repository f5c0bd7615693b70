"""A training step of the Neural Turing Machine on the copy task, beside a PyTorch one of the same sizes and weights.

    taskset -c 1 python benchmarks/memory.py [--rows 16] [--turns 15]

Both libraries take whole steps (loss, gradient, clipping, Adam) in turn in one process with one thread, on the same sequences of 20
vectors (41 steps); that their losses are equal at every one of these steps is checked.  128 slots of 20 numbers, LSTM of 100 units,
one head that reads and one that writes.  What is told is processor time, which others on the machine do not add to.
"""
import argparse
import time

import numpy as np
import torch
from report import interleave, save, summary
from torch.nn import functional as F
from torch_memory import TorchNTM

from tsuzuri.array import threads
from tsuzuri.datasets.memory_tasks import TaskBatches, make_task
from tsuzuri.models.memory import NTMConfig, make_answering
from tsuzuri.optim import clip_factor, global_norm, make_optimizer

LENGTH, RATE, CLIP, AT_LEAST = 20, 0.001, 10.0, 3.0
WARM = 3


class Tsuzuri:
    """With tsuzuri."""

    def __init__(self, model):
        self.model, self.optimizer = model, make_optimizer("adam", model)

    def step(self, inputs, targets):
        """The loss of a step."""
        loss, _, _ = self.model.training_loss(inputs, targets)
        loss.backward()
        self.optimizer.step(RATE, clip_factor(global_norm(self.optimizer.parameters.values()), CLIP))
        return loss.item()


class Torch:
    """With PyTorch."""

    def __init__(self, model):
        self.model = TorchNTM(model.config, model.arrays())
        self.trained = [p for p in self.model.parameters() if p.requires_grad]
        self.optimizer = torch.optim.Adam(self.trained, lr=RATE)

    def step(self, inputs, targets):
        """The loss of a step."""
        known = np.isfinite(targets)
        loss = F.binary_cross_entropy_with_logits(self.model(torch.from_numpy(inputs))[torch.from_numpy(known)], torch.from_numpy(targets[known]))
        self.optimizer.zero_grad()
        loss.backward()
        torch.nn.utils.clip_grad_norm_(self.trained, CLIP)
        self.optimizer.step()
        return loss.item()


def measure(rows, turns):
    """A row of figures: ``turns`` steps of each, after some that warm up."""
    task = make_task("copy")
    batches = TaskBatches(task, rows, (LENGTH, LENGTH), turns + WARM, seed=1)
    model = make_answering(NTMConfig(), task.inputs, task.outputs, np.random.default_rng(1))
    subjects = {"torch": Torch(model), "tsuzuri": Tsuzuri(model)}
    told = {name: [] for name in subjects}

    def seconds(name):
        batch = batches[len(told[name])]
        started = time.process_time()
        told[name].append(subjects[name].step(*batch))
        return time.process_time() - started

    times = {name: summary(taken[WARM:]) for name, taken in interleave({name: name for name in subjects}, seconds, turns + WARM).items()}
    same = bool(np.allclose(told["tsuzuri"], told["torch"], rtol=1e-3))
    ratio = times["torch"]["median_ms"] / times["tsuzuri"]["median_ms"]
    print(f"batch {rows}: tsuzuri {times['tsuzuri']['median_ms']:.1f} ms (best {times['tsuzuri']['best_ms']:.1f})  torch "
          f"{times['torch']['median_ms']:.1f} ms (best {times['torch']['best_ms']:.1f})  ratio {ratio:.2f} "
          f"{'>=' if ratio >= AT_LEAST else 'MISSES'} {AT_LEAST:g}  losses {'equal' if same else 'DIFFER'} over {len(told['torch'])} steps", flush=True)
    return {"what": f"ntm-copy-step-{rows}", **times, "ratio": ratio, "at_least": AT_LEAST, "same": same}


def main():
    """Measure."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rows", type=int, nargs="*", default=[16, 32])
    parser.add_argument("--turns", type=int, default=15)
    options = parser.parse_args()
    torch.set_num_threads(1)
    with threads(1):
        rows = [measure(rows, options.turns) for rows in options.rows]
    save("memory", rows, 1)


if __name__ == "__main__":
    main()
