"""How fast are the classifier and the tagger in training, beside PyTorch's bidirectional nn.LSTM on packed sequences?

    sst-step    a training step of the recipe sst-sentences: words, both ways, the largest value of each unit, five classes
    pos-step    a training step of a tagger of tanaka-pos with a softmax of each word
    crf-step    the same with a linear chain; PyTorch's is the usual loop of logsumexp over the steps (as in pytorch-crf)

A turn goes over the same eight batches of the first pass, evenly spread over all by their size.  Beside each ratio stands whether
both came to the same: the losses of two steps, nothing dropped.  Both run in one process, in turn, each with the threads it is given;
PyTorch's Adam is the default one, as its users take it.

    python benchmarks/tagging.py [NAME ...] [--turns 7] [--threads 2]
"""
import argparse
import tempfile
import time
from pathlib import Path

import numpy as np
from report import interleave, save, summary

BATCHES = 8                                                  # in a turn
_TRAINING = {"optimizer": "adam", "clip": 5.0, "schedule": "constant", "batch_size": 64, "threads": 1}
_POS = {"data": "tanaka-pos", "arch": "tagger", "unit": "ja", "size": 128, "embedding": 64, "embedding_dropout": 0.0} | _TRAINING
RUNS = {"sst-step": {"data": "sst", "lowercase": True, "pooling": "max", "size": 256, "embedding": 256, "embedding_dropout": 0.0} | _TRAINING,
        "pos-step": _POS, "crf-step": _POS | {"output": "crf"}}


def our_step(run, model):
    """A function that takes a step on a batch with tsuzuri and gives its loss."""
    from tsuzuri.optim import clip_factor, global_norm, make_optimizer
    config = run.settings.training
    optimizer, rng = make_optimizer(config.optimizer, model, 0.0), np.random.default_rng(1)

    def step(batch):
        loss, *_ = model.training_loss(*batch, rng=rng)
        loss.backward()
        optimizer.step(config.lr, clip_factor(global_norm(optimizer.parameters.values()), config.clip))
        model.zero_grad()
        return loss.item()
    return step


def torch_step(run, model):
    """The same with PyTorch, from the same weights."""
    import torch
    from torch_tagging import TorchLabeller
    twin, config = TorchLabeller(model.config, model.arrays()), run.settings.training
    optimizer = torch.optim.Adam(twin.parameters(), lr=config.lr)

    def step(batch):
        optimizer.zero_grad(set_to_none=True)
        loss = twin.training_loss(*(torch.from_numpy(part) for part in batch))
        loss.backward()
        torch.nn.utils.clip_grad_norm_(twin.parameters(), config.clip)
        optimizer.step()
        return loss.item()
    return step


STEPS = {"tsuzuri": our_step, "torch": torch_step}


def model_of(run, **changes):
    """The run's model as it starts, with some settings changed."""
    from msgspec.structs import replace

    from tsuzuri.models.tagging import make_labeller
    return make_labeller(replace(run.settings.model, **changes), len(run.tokenizer), len(run.labels), np.random.default_rng(0))


def measured(name, folder, turns, threads):
    """The row of a case."""
    from tsuzuri.train.tag_run import TASK
    from tsuzuri.train.tagging import prepare_sentences
    run = prepare_sentences(TASK.choose([("benchmark", RUNS[name])])[0], folder / name)
    batches = run.batches()
    full = sorted((k for k in range(len(batches)) if len(batches.rows(k)) == batches.batch_size), key=lambda k: batches[k][0].shape[1])
    turn = [batches[full[len(full) * (2 * k + 1) // (2 * BATCHES)]] for k in range(BATCHES)]
    losses = {library: [step(turn[BATCHES // 2]) for _ in range(2)] for library, step in
              ((library, make(run, model_of(run, dropout=0.0))) for library, make in STEPS.items())}
    same = bool(np.allclose(losses["tsuzuri"], losses["torch"], rtol=1e-4))
    steps = {library: make(run, model_of(run)) for library, make in STEPS.items()}

    def seconds(step):
        start = time.perf_counter()
        for batch in turn:
            step(batch)
        return (time.perf_counter() - start) / BATCHES

    found = {library: summary(times[1:]) for library, times in interleave(steps, seconds, turns + 1).items()}
    ours, peer = found["tsuzuri"], found["torch"]
    ratio = peer["median_ms"] / ours["median_ms"]
    print(f"{name:<9} tsuzuri {ours['median_ms']:7.2f} ms (best {ours['best_ms']:.2f})  torch {peer['median_ms']:7.2f} ms (best {peer['best_ms']:.2f})  "
          f"ratio {ratio:.2f} (best {peer['best_ms'] / ours['best_ms']:.2f})  {'the same' if same else 'DIFFERENT'} losses, {threads} thread(s)", flush=True)
    return {"what": name, **found, "ratio": ratio, "same": same}


def main():
    """Measure what was named, or all."""
    import torch

    from tsuzuri.array import threads
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("names", nargs="*", metavar="NAME", help=", ".join(RUNS))
    parser.add_argument("--turns", type=int, default=7)
    parser.add_argument("--threads", type=int, default=2)
    options = parser.parse_args()
    if unknown := set(options.names) - set(RUNS):
        parser.error(f"there is no {', '.join(sorted(unknown))}; there are {', '.join(RUNS)}")
    torch.set_num_threads(options.threads)
    with tempfile.TemporaryDirectory(prefix="tsuzuri-bench-") as folder, threads(options.threads):
        rows = [measured(name, Path(folder), options.turns, options.threads) for name in options.names or RUNS]
    save("tagging", rows, options.threads)


if __name__ == "__main__":
    main()
