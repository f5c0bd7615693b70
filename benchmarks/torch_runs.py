"""Train the settings of one of our recipes in PyTorch: the same text, first weights, windows, schedule, clipping and measures.

Validation perplexity after each epoch, with the seconds of the steps alone and of everything (validation and saving too, as our
clock counts); in the end the test perplexity of the best epoch's weights, the text read as one row with the state carried.

Without --minutes it trains the recipe's epochs, or --epochs.  With --minutes it trains so long, and the recipe's schedule runs over
the minutes instead of over the epochs.  With --decay D the rate is kept, and over the last D minutes it falls along half a cosine
wave to zero.

    python benchmarks/torch_runs.py ptb-10-minutes --minutes 10 --decay 3
    python benchmarks/torch_runs.py ptb-awd-lstm --epochs 3 [--threads 1] [--out FILE.json] [--resume]

A checkpoint lies beside FILE.json, as FILE.pt, once a minute and after each epoch; --resume goes on from it.
"""
import argparse
import json
import math
import tempfile
import time
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field
from pathlib import Path

import torch
from models import THREADS
from report import surroundings
from torch_models import TorchRecurrent, make_optimizer, update

from tsuzuri.files import atomic_path, atomic_write
from tsuzuri.measuring.evaluation import evaluate_model
from tsuzuri.recipes import RECIPES
from tsuzuri.schedules import make_schedule
from tsuzuri.settings import to_toml
from tsuzuri.train.language_model import prepare_run, rows_of, windows
from tsuzuri.train.run import choose

SAVE_EVERY = 60.0                                            # seconds


@dataclass
class Progress:
    """How far the training has come; ``batch`` is the next window of ``epoch``, ``rows`` what was measured."""

    epoch: int = 1
    batch: int = 0
    step: int = 0
    loss_sum: float = 0.0
    tokens: int = 0
    in_steps: float = 0.0
    seconds: float = 0.0
    best: float = math.inf
    rows: list = field(default_factory=list)


class Average:
    """The mean of the weights that NT-ASGD is judged by, begun and taken as in ``tsuzuri.optim.NTASGD``."""

    def __init__(self, model, wanted, patience=5):
        self.weights, self.wanted, self.patience = [p.data for p in model.parameters()], wanted, patience
        self.mean, self.count, self.losses = [torch.zeros_like(w) for w in self.weights] if wanted else [], -1, []

    def stepped(self):
        if self.count >= 0:
            self.count += 1
            torch._foreach_lerp_(self.mean, self.weights, 1 / self.count)

    def validated(self, loss):
        if self.wanted and self.count < 0 and loss > min(self.losses[:-self.patience], default=math.inf):
            self.count = 0
        self.losses.append(loss)

    @contextmanager
    def judged(self):
        """Within the block the model holds the mean, where there is one."""
        self._swap()
        yield
        self._swap()

    def _swap(self):
        if self.count > 0:
            for weight, mean in zip(self.weights, self.mean, strict=True):
                kept = weight.clone()
                weight.copy_(mean)
                mean.copy_(kept)


class Training:
    """One recipe's run; ``tsuzuri.train.loop.fit`` is its pattern."""

    def __init__(self, run, options, out):
        self.run, self.options, self.out, self.checkpoint = run, options, out, out.with_suffix(".pt")
        self.config = run.settings.training
        if self.config.accumulate != 1 or self.config.patience:
            raise SystemExit("accumulate and patience have no twin in PyTorch here; take a recipe without them")
        torch.manual_seed(self.config.seed)
        self.model = TorchRecurrent(run.settings.model, run.new_model().arrays())
        self.optimizer = make_optimizer(self.model, self.config)
        self.average = Average(self.model, self.config.optimizer == "nt-asgd")
        self.schedule, self.progress, self.state = make_schedule(self.config.schedule), Progress(), None
        self.kept = {}
        if options.resume:
            self._load()
        self.saved = time.monotonic()
        self.started = self.saved - self.progress.seconds

    def train(self):
        """All epochs, or all minutes."""
        batches, valid = windows(self.run.corpus(), self.run.settings), rows_of(self.run.held_out(), self.run.settings)
        while not self._over():
            self._epoch(batches.epoch(self.progress.epoch))
            self._validate(valid, len(batches.epoch(self.progress.epoch)))
            self._save()

    def test(self):
        """The test perplexity of the best weights."""
        self.model.load_state_dict(self.kept)
        return evaluate_model(self.run, Losses(self.model), self.run.settings.data.data)["perplexity"]

    def _over(self):
        limit = self.options.minutes
        return self.progress.epoch > self.config.epochs if limit is None else self._seconds() >= 60 * limit

    def _seconds(self):
        return time.monotonic() - self.started

    def _epoch(self, batches):
        p = self.progress
        while p.batch < len(batches) and not (self.options.minutes and self._over()):
            began = time.monotonic()
            ids, targets = map(torch.from_numpy, batches[p.batch])
            loss, objective, self.state = self.model.training_loss(ids, targets, self.state)
            update(self.model, self.optimizer, objective, self._rate(batches), self.config.clip)
            self.average.stepped()
            p.loss_sum, p.tokens = p.loss_sum + loss.item() * ids.numel(), p.tokens + ids.numel()
            p.step, p.batch = p.step + 1, p.batch + 1
            p.in_steps += time.monotonic() - began
            if time.monotonic() - self.saved > SAVE_EVERY:
                self._save()

    def _rate(self, batches):
        p, o = self.progress, self.options
        if o.minutes is None:
            factor = self.schedule.factor(p.step, self.config.epochs * len(batches))
        elif o.decay is None:
            factor = self.schedule.factor(int(self._seconds()), int(60 * o.minutes))
        else:
            factor = 0.5 * (1 + math.cos(math.pi * min(max(0.0, self._seconds() / 60 - o.minutes + o.decay) / o.decay, 1.0)))
        return self.config.lr * factor * batches.rate(p.batch)

    def _validate(self, valid, length):
        p = self.progress
        with self.average.judged():
            loss = self.model.evaluate(valid)
            if loss < p.best or not self.kept:
                p.best, self.kept = loss, {name: a.clone() for name, a in self.model.state_dict().items()}
        self.schedule.validated(loss)
        self.average.validated(loss)
        row = {"epoch": round(p.epoch - 1 + p.batch / length, 3), "train_perplexity": math.exp(p.loss_sum / p.tokens),
               "valid_perplexity": math.exp(loss), "rate": self.optimizer.param_groups[0]["lr"],
               "seconds_in_steps": round(p.in_steps, 1), "seconds": round(self._seconds(), 1)}
        print("epoch {epoch:<6g} training {train_perplexity:8.2f}  validation {valid_perplexity:8.2f}  rate {rate:.3g}  "
              "{seconds_in_steps:,.0f} s in steps, {seconds:,.0f} s in all".format(**row), flush=True)
        p.rows.append(row)
        p.epoch, p.batch, p.loss_sum, p.tokens, self.state = p.epoch + 1, 0, 0.0, 0, None

    def report(self, **more):
        """Write FILE.json."""
        p = self.progress
        step = {"ms_a_step": 1e3 * p.in_steps / max(p.step, 1), "steps": p.step}
        found = {"name": self.options.name, "minutes": self.options.minutes, "decay": self.options.decay, **step,
                 "settings": to_toml(self.run.settings), "rows": p.rows, **more, "on": surroundings(self.options.threads)}
        atomic_write(self.out, json.dumps(found, indent=1) + "\n")

    def _save(self):
        self.progress.seconds = self._seconds()
        with atomic_path(self.checkpoint) as path:
            torch.save({"model": self.model.state_dict(), "kept": self.kept, "optimizer": self.optimizer.state_dict(),
                        "mean": self.average.mean, "count": self.average.count, "losses": self.average.losses,
                        "schedule": self.schedule.state(), "progress": asdict(self.progress), "state": self.state,
                        "rng": torch.get_rng_state()}, path)
        self.report()
        self.saved = time.monotonic()

    def _load(self):
        saved = torch.load(self.checkpoint, weights_only=True)
        self.model.load_state_dict(saved["model"])
        self.optimizer.load_state_dict(saved["optimizer"])
        self.average.mean, self.average.count, self.average.losses = saved["mean"], saved["count"], saved["losses"]
        self.schedule.restore(saved["schedule"])
        self.progress, self.state, self.kept = Progress(**saved["progress"]), saved["state"], saved["kept"]
        torch.set_rng_state(saved["rng"])


class Losses:
    """The model as ``tsuzuri.train.loop.evaluate`` asks for it."""

    def __init__(self, model):
        self.model = model.eval()

    @torch.no_grad()
    def losses(self, ids, targets, state=None):
        losses, state = self.model.losses(torch.from_numpy(ids), torch.from_numpy(targets), state)
        return losses.numpy(), state


def main():
    """Train, or go on, and test."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("name", choices=_names(), metavar="NAME", help=", ".join(_names()))
    parser.add_argument("--epochs", type=int)
    parser.add_argument("--minutes", type=float)
    parser.add_argument("--decay", type=float, help="minutes; only with --minutes")
    parser.add_argument("--threads", type=int, default=THREADS)
    parser.add_argument("--out", type=Path, metavar="FILE.json")
    parser.add_argument("--resume", action="store_true")
    options = parser.parse_args()
    if options.decay and (options.minutes or 0) < options.decay:
        parser.error("--decay is the end of --minutes, so give at least as many of them")
    out = options.out or Path(__file__).parent / "results" / f"torch_{options.name}.json"
    out.parent.mkdir(parents=True, exist_ok=True)
    settings, _ = choose([("recipe", RECIPES[options.name].settings), ("--epochs", {"epochs": options.epochs} if options.epochs else {})])
    torch.set_num_threads(options.threads)
    with tempfile.TemporaryDirectory(prefix="tsuzuri-bench-") as folder:
        training = Training(prepare_run(settings, Path(folder) / "run", lambda line: print(line, flush=True)), options, out)
        training.train()
        perplexity = training.test()
        training.report(test_perplexity=perplexity)
    print(f"test perplexity {perplexity:.2f}; written to {out}")


def _names():
    """The recipes of recurrent language models that have a text of their own."""
    archs = {name: recipe.settings.get("arch", "lstm") for name, recipe in RECIPES.items() if "data" in (recipe.settings or {})}
    return [name for name, arch in archs.items() if arch in ("rnn", "gru", "lstm")]


if __name__ == "__main__":
    main()
