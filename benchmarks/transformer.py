"""How fast does a Transformer train, and write one stream with its cache, beside PyTorch on the same machine in the same run?

Six layers, six heads, size 384, windows of 256, 65 characters: the usual small model of Shakespeare.  PyTorch's is
written as users of nanoGPT write it: scaled_dot_product_attention, torch.cat for the cache, AdamW, clipping.  Both have
learnt positions, dropout 0.1 and tied weights.  The products alone are the floor of a step; reading every weight once
is the floor of a token.

    python benchmarks/transformer.py [--rounds 5]
"""
import argparse
from dataclasses import dataclass

import numpy as np
from floor import _median_ms
from report import interleave, save, summary
from threadpoolctl import threadpool_limits
from worker import Worker

THREADS = 2
COUNT = 250                                                  # tokens written, which fit into the window
AT_LEAST = {"step": 0.9, "sample": 3.0}


@dataclass(frozen=True)
class Size:
    """V vocabulary, H size, L layers, K heads, N rows, T steps."""

    name: str
    V: int
    H: int
    L: int
    K: int
    N: int
    T: int
    dropout: float = 0.1


SIZES = {"shakespeare": Size("shakespeare", 65, 384, 6, 6, 12, 256)}
WARM = Size("warm", 10, 8, 1, 2, 2, 8)


def batch(size):
    """ids and targets (N, T)."""
    return np.random.default_rng(0).integers(size.V, size=(2, size.N, size.T))


class Tsuzuri:
    """A training step, and writing, with tsuzuri."""

    def __init__(self, size, _cell):
        from tsuzuri.array import threads
        from tsuzuri.models.transformer import TransformerConfig, TransformerLanguageModel
        from tsuzuri.optim import AdamW
        self.limit = threads(THREADS)
        self.limit.__enter__()
        self.rng = np.random.default_rng(0)
        config = TransformerConfig(size=size.H, layers=size.L, heads=size.K, context=size.T, positions="learnt", dropout=size.dropout)
        self.model = TransformerLanguageModel(config, size.V, rng=self.rng)
        self.optimizer = AdamW(self.model, weight_decay=0.01)
        self.ids, self.targets = batch(size)

    def step(self):
        from tsuzuri.optim import clip_factor, global_norm
        self.model.training_loss(self.ids, self.targets, None, self.rng)[0].backward()
        self.optimizer.step(1e-3, clip_factor(global_norm(self.optimizer.parameters.values()), 1.0))

    def sample(self, count):
        from tsuzuri.decode import Sampler, generate
        for _ in generate(self.model, [0], count, Sampler(), self.rng):
            pass


class Torch:
    """The same with PyTorch."""

    def __init__(self, size, _cell):
        import torch
        torch.set_num_threads(THREADS)
        torch.manual_seed(0)
        self.torch, self.size, nn = torch, size, torch.nn
        H = size.H
        self.embed, self.positions, self.norm = nn.Embedding(size.V, H), nn.Embedding(size.T, H), nn.LayerNorm(H)
        self.blocks = nn.ModuleList(nn.ModuleDict({
            "norm1": nn.LayerNorm(H), "qkv": nn.Linear(H, 3 * H), "end": nn.Linear(H, H), "norm2": nn.LayerNorm(H),
            "wide": nn.Linear(H, 4 * H), "narrow": nn.Linear(4 * H, H)}) for _ in range(size.L))
        self.out = nn.Linear(H, size.V)
        self.out.weight = self.embed.weight
        self.model = nn.ModuleList([self.embed, self.positions, self.norm, self.blocks, self.out])
        for p in self.model.parameters():
            if p.ndim == 2:
                nn.init.normal_(p, std=0.02)
        self.optimizer = torch.optim.AdamW(self.model.parameters(), lr=1e-3, weight_decay=0.01)
        self.ids, self.targets = map(torch.from_numpy, batch(size))

    def logits(self, ids, caches=None):
        """ids (N, T) -> (N, T, V); each of ``caches`` holds a layer's keys and values and gets the new ones."""
        F, p = self.torch.nn.functional, self.size.dropout if self.model.training else 0.0
        first = caches[0][0].shape[2] if caches and caches[0] else 0
        places = self.torch.arange(first, first + ids.shape[1])
        x = F.dropout(self.embed(ids) + self.positions(places), p, p > 0)
        for k, block in enumerate(self.blocks):
            mixed = self._attention(block, block["norm1"](x), caches[k] if caches else None)
            x = x + F.dropout(block["end"](mixed), p, p > 0)
            hidden = F.gelu(block["wide"](block["norm2"](x)))
            x = x + F.dropout(block["narrow"](hidden), p, p > 0)
        return self.out(self.norm(x))

    def _attention(self, block, x, cache):
        N, T, H = x.shape
        q, k, v = (a.view(N, T, self.size.K, -1).transpose(1, 2) for a in block["qkv"](x).split(H, dim=2))
        if cache is not None:
            if cache:
                k, v = self.torch.cat([cache[0], k], dim=2), self.torch.cat([cache[1], v], dim=2)
            cache[:] = k, v
        y = self.torch.nn.functional.scaled_dot_product_attention(q, k, v, is_causal=T > 1)
        return y.transpose(1, 2).contiguous().view(N, T, H)

    def step(self):
        torch = self.torch
        self.optimizer.zero_grad()
        logits = self.logits(self.ids)
        torch.nn.functional.cross_entropy(logits.view(-1, self.size.V), self.targets.view(-1)).backward()
        torch.nn.utils.clip_grad_norm_(self.model.parameters(), 1.0)
        self.optimizer.step()

    def sample(self, count):
        torch, caches = self.torch, [[] for _ in self.blocks]
        self.model.eval()
        with torch.inference_mode():
            token = torch.zeros(1, 1, dtype=torch.long)
            for _ in range(count):
                logits = self.logits(token, caches)
                token = torch.multinomial(torch.softmax(logits[0, -1], -1), 1).view(1, 1)
        self.model.train()


LIBRARIES = {"tsuzuri": Tsuzuri, "torch": Torch}


def step_floor_ms(size):
    """All products of a step: of a linear layer one forward and two back, of attention's halves two forward and five back."""
    R, H, T, D = size.N * size.T, size.H, size.T, size.H // size.K
    linear = sum(products_ms(THREADS, (R, a, b), (R, b, a), (a, R, b)) for a, b in ((H, 3 * H), (H, H), (H, 4 * H), (4 * H, H)))
    heads = size.N * size.K * products_ms(1, *[(T, D, T)] * 3, *[(T, T, D)] * 4) / 2 / THREADS
    return size.L * (linear + heads) + products_ms(THREADS, *[(R, H, size.V)] * 3)


def token_floor_ms(size):
    """Reading all weights of the blocks once: one row times a matrix that holds them all."""
    return products_ms(THREADS, (1, size.H, 12 * size.H * size.L))


def products_ms(threads, *sizes):
    """The time of products (M, K, N) through NumPy's BLAS, in milliseconds."""
    with threadpool_limits(threads, user_api="blas"):
        return sum(_median_ms(*size, rounds=7) for size in sizes)


def main():
    """Measure both."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=5)
    options = parser.parse_args()
    size = SIZES["shakespeare"]
    floors = step_floor_ms(size), token_floor_ms(size)       # before the workers are there, which warm up at once
    workers = {library: Worker(library, size.name, module="transformer") for library in LIBRARIES}
    rows = [_row(workers, "step", [], 1, floors[0], options.rounds),
            _row(workers, "sample", [COUNT], COUNT, floors[1], options.rounds)]
    memory = {name: worker.peak_megabytes() for name, worker in workers.items()}
    print(f"memory of training {memory['tsuzuri']:.0f} / {memory['torch']:.0f} MB")
    for worker in workers.values():
        worker.close()
    save("transformer", [*rows, {"memory_mb": memory}], THREADS)


def _row(workers, what, arguments, count, floor, rounds):
    times = interleave(workers, lambda worker: worker.seconds(what, *arguments) / count, rounds)
    results = {name: summary(seconds[1:] or seconds) for name, seconds in times.items()}
    ours, peer = results["tsuzuri"], results["torch"]
    ratio, wanted = peer["median_ms"] / ours["median_ms"], AT_LEAST[what]
    verdict = f">= {wanted}" if ratio >= wanted else f"MISSES {wanted} by {wanted - ratio:.2f}"
    print(f"{what:<7} tsuzuri {ours['median_ms']:8.2f} ms (best {ours['best_ms']:.2f})  torch {peer['median_ms']:8.2f} ms "
          f"(best {peer['best_ms']:.2f})  ratio {ratio:.2f} (best {peer['best_ms'] / ours['best_ms']:.2f}) {verdict}  "
          f"floor {floor:.2f} ms = {floor / ours['median_ms']:.0%}", flush=True)
    return {"what": what, **results, "ratio": ratio, "at_least": wanted, "floor_ms": floor}


if __name__ == "__main__":
    main()
