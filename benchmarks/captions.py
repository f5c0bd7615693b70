"""How fast are models of pictures and captions trained, beside PyTorch?

    init-step        a training step of the model whose LSTM starts from the picture
    attention-step   of the one that looks at the picture in every step, before it (Xu et al. 2015)
    after-step       of the same where the step's own state asks, so that all steps look at once
    conv             one convolution 3 x 3, 16 to 32 channels, of 64 pictures of 16 x 16: forward and all gradients

64 pictures of 32 x 32 pixels with captions of shapes, the same weights and batches for both.  Beside each ratio stands whether the losses
of the first three steps are the same.  Threads: those that the process may use, two at most.

    python benchmarks/captions.py [NAME ...] [--turns 15]
"""
import argparse
import time

import numpy as np
import torch
from report import interleave, save, summary
from torch_captions import TorchCaptions

from tsuzuri import array
from tsuzuri.datasets.made_scenes import SETS, draw_scene, made_scenes
from tsuzuri.datasets.scenes import sentences
from tsuzuri.kernels.conv import conv2d_backward, conv2d_forward
from tsuzuri.models.captions import config_type, make_captions
from tsuzuri.optim import clip_factor, global_norm, make_optimizer

THREADS = min(2, array.default_threads())
ROWS, PIXELS, STEPS, MANY, AT_LEAST = 64, 32, 4, 20, 0.9
RUNS = {"init-step": {"arch": "init"}, "attention-step": {"arch": "attention"}, "after-step": {"arch": "attention", "context": "after"}}


def batches():
    """(pictures, inputs, targets) of scenes of shapes, and how many words there are."""
    made = list(made_scenes("shapes", "train", ROWS * STEPS))
    texts = [sentences(scene)[0].split() for scene, _ in made]
    words = ["", *sorted({word for _, split in (("shapes", text) for text in texts) for word in split})]
    found = []
    for low in range(0, len(made), ROWS):
        ids = [[*map(words.index, text), 0] for text in texts[low:low + ROWS]]
        targets = np.full((ROWS, max(map(len, ids))), -1)
        for n, row in enumerate(ids):
            targets[n, :len(row)] = row
        inputs = np.where(targets >= 0, np.roll(targets, 1, axis=1), 0)
        inputs[:, 0] = 0
        pictures = np.stack([draw_scene("shapes", "train", *each, PIXELS) for each in made[low:low + ROWS]])
        found.append((pictures, inputs, targets))
    return found, len(words)


def ours(model, given):
    """A function that takes a step on a batch and gives its loss."""
    optimizer, rng = make_optimizer("adam", model), np.random.default_rng(1)

    def step(k):
        loss, _, _ = model.training_loss(*given[k], rng=rng)
        loss.backward()
        optimizer.step(1e-3, clip_factor(global_norm(optimizer.parameters.values()), 5.0))
        return loss.item()

    return step


def theirs(model, given):
    """The same with PyTorch."""
    optimizer = torch.optim.Adam(model.parameters(), 1e-3, eps=1e-7)
    given = [tuple(map(torch.from_numpy, batch)) for batch in given]

    def step(k):
        optimizer.zero_grad(set_to_none=True)
        loss = model.training_loss(*given[k])
        loss.backward()
        torch.nn.utils.clip_grad_norm_(model.parameters(), 5.0)
        optimizer.step()
        return loss.item()

    return step


def steps_of(name):
    """Both libraries' steps, and whether they come to the same."""
    given, words = batches()
    config = config_type(RUNS[name]["arch"])(**RUNS[name])
    model = make_captions(config, (PIXELS, PIXELS, SETS["shapes"].channels), words, np.random.default_rng(0))
    twin = TorchCaptions(config, model.arrays())
    both = {"tsuzuri": ours(model, given), "torch": theirs(twin.train(), given)}
    losses = [[step(k) for k in range(3)] for step in both.values()]
    return {library: lambda step=step: [step(k) for k in range(STEPS)] for library, step in both.items()}, STEPS, np.allclose(*losses, rtol=1e-4)


def convolutions():
    """One convolution forward and back, of both."""
    rng = np.random.default_rng(0)
    x, W, b = (rng.standard_normal(shape).astype(np.float32) for shape in ((ROWS, 16, 16, 16), (3, 3, 16, 32), (32,)))
    dy = rng.standard_normal((ROWS, 16, 16, 32)).astype(np.float32)
    layer = torch.nn.Conv2d(16, 32, 3, padding=1).to(memory_format=torch.channels_last)
    with torch.no_grad():
        layer.weight.copy_(torch.from_numpy(W).permute(3, 2, 0, 1))
        layer.bias.copy_(torch.from_numpy(b))
    tx, td = (torch.from_numpy(a).permute(0, 3, 1, 2) for a in (x, dy))      # channels_last as they lie
    tx.requires_grad_()

    def own():
        y, cache = conv2d_forward(x, W, b, 1, 1)
        return y, *conv2d_backward(dy, cache)

    def other():
        y = layer(tx)
        return y, *torch.autograd.grad(y, (tx, layer.weight, layer.bias), td)

    y, dx, dW, db = own()
    ty, tdx, tdW, tdb = (a.detach() for a in other())
    pairs = (y, ty.permute(0, 2, 3, 1)), (dx, tdx.permute(0, 2, 3, 1)), (dW, tdW.permute(2, 3, 1, 0)), (db, tdb)
    same = all(np.abs(mine - its.numpy()).max() <= 1e-4 * np.abs(mine).max() for mine, its in pairs)
    return {library: lambda one=one: [one() for _ in range(MANY)] for library, one in (("tsuzuri", own), ("torch", other))}, MANY, same


def seconds(work):
    """How long it takes."""
    start = time.perf_counter()
    work()
    return time.perf_counter() - start


def row(name, turns):
    """Measure and print one of them."""
    both, count, same = convolutions() if name == "conv" else steps_of(name)
    times = interleave(both, lambda work: seconds(work) / count, turns + 2)
    results = {library: summary(found[2:]) for library, found in times.items()}
    mine, peer = results["tsuzuri"], results["torch"]
    ratio = peer["median_ms"] / mine["median_ms"]
    print(f"{name:<15} tsuzuri {mine['median_ms']:7.2f} ms (best {mine['best_ms']:.2f})  torch {peer['median_ms']:7.2f} ms (best {peer['best_ms']:.2f})  "
          f"ratio {ratio:.2f} (best {peer['best_ms'] / mine['best_ms']:.2f}) {'>=' if ratio >= AT_LEAST else 'MISSES'} {AT_LEAST}  "
          f"{'the same' if same else 'DIFFERENT'}", flush=True)
    return {"what": name, **results, "ratio": ratio, "at_least": AT_LEAST, "same": bool(same)}


def main():
    """Measure what was named, or all."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    every = [*RUNS, "conv"]
    parser.add_argument("names", nargs="*", metavar="NAME", help=", ".join(every))
    parser.add_argument("--turns", type=int, default=15)
    options = parser.parse_args()
    if unknown := set(options.names) - set(every):
        parser.error(f"there is no {', '.join(sorted(unknown))}; there are {', '.join(every)}")
    torch.set_num_threads(THREADS)
    with array.threads(THREADS):
        rows = [row(name, options.turns) for name in options.names or every]
    save("captions", rows, THREADS)


if __name__ == "__main__":
    main()
