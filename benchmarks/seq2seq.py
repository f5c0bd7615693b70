"""How fast are models from sequence to sequence, in training and in decoding, and how much memory do they take, beside PyTorch?

    dates-step        a training step of the attention LSTM of the recipe dates-attention
    greedy-one        dates decoded greedily one at a time
    greedy-5000       the 5,000 held-out dates, 256 side by side
    multi30k-step     a training step of an attention LSTM with an encoder that reads both ways, on captions, bpe
    beam-5            200 captions by beam search with 5 beams
    transformer-step  a training step of a Transformer, on the same batches
    memory            what a step on the longest batch of captions takes over the idle library, of both models

A turn of steps goes over the same eight batches of the first pass, which are evenly spread over all by their size.  Beside each ratio
stands whether both libraries came to the same: the losses of two steps, nothing dropped; the texts; log p of the best texts.  For
decoding the weights are random and the end token is forbidden, so that both write as many tokens: 11 of a date (10 and the end), 30
of a caption.  Ours also keeps the attention of each token; PyTorch's loop does not.  PyTorch's Adam is the default one, as its users
take it.  On a busy machine PyTorch's threads wait for each other and every ratio comes out too high.

    python benchmarks/seq2seq.py [NAME ...] [--turns 7]
"""
import argparse
import tempfile
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from models import THREADS
from report import interleave, save, summary
from worker import Worker

BATCHES = 8                                                  # in a turn
ONE, MANY, SIDE_BY_SIDE, DATE = 50, 5000, 256, 11            # dates one by one, dates, of them in a batch, tokens of a date
SENTENCES, BEAMS, TOKENS = 200, 5, 30
MEMORY_AT_MOST = 1.0
NEVER = -1e9                                                 # a logit

_TRAINING = {"optimizer": "adam", "clip": 5.0, "schedule": "constant", "threads": THREADS}
_CAPTIONS = {"data": "multi30k", "unit": "bpe", "joint": True, "vocabulary": 6000, "batch_size": 64} | _TRAINING
RUNS = {
    "dates": {"data": "dates", "unit": "char", "arch": "attention", "size": 256, "embedding": 16, "reverse": True, "score": "dot",
              "batch_size": 128} | _TRAINING,
    "multi30k": {"arch": "attention", "size": 512, "embedding": 256, "bidirectional": True, "score": "general", "dropout": 0.3} | _CAPTIONS,
    "transformer": {"arch": "transformer", "size": 256, "layers": 3, "heads": 4, "dropout": 0.1, "smoothing": 0.1, "tie": True} | _CAPTIONS}


@dataclass(frozen=True)
class Case:
    """What of a run is timed, a method of a Subject; which answers must be the same; what one turn's time is shared out to."""

    run: str
    method: str
    answers: str
    count: int
    at_least: float


CASES = {"dates-step": Case("dates", "steps", "losses", BATCHES, 1.15),
         "greedy-one": Case("dates", "one_by_one", "texts", ONE, 5.0),
         "greedy-5000": Case("dates", "all_dates", "texts", 1, 2.0),
         "multi30k-step": Case("multi30k", "steps", "losses", BATCHES, 1.1),
         "beam-5": Case("multi30k", "beam", "log_p", 1, 2.0),
         "transformer-step": Case("transformer", "steps", "losses", BATCHES, 0.9)}
MEMORY = ("multi30k", "transformer")


@dataclass(frozen=True)
class Scale:
    """How much of a run is taken; 0: all of it."""

    units: int = 0
    rows: int = 0


SIZES, WARM = {"whole": Scale()}, Scale(16, 4)


class Subject:
    """The batches, the weights and the texts that both libraries start from."""

    def __init__(self, scale, folder):
        from tsuzuri.train.seq2seq_run import Seq2SeqRun, line_end
        self.scale, self.run = scale, Seq2SeqRun(folder)
        self.config, self.end, self.batches = self.run.settings.training, line_end(self.run.target), self.run.batches()
        *places, self.largest = by_size(self.batches)
        self.turn = [places[len(places) * (2 * k + 1) // (2 * BATCHES)] for k in range(BATCHES)]
        self.step_on, self.writer = self.training(self.model()), None

    def weights(self, never=None, **changes):
        """Ours, with some settings changed, and ``never`` a token that it gives no probability."""
        from msgspec.structs import replace

        from tsuzuri.models.seq2seq import make_seq2seq
        run, config, pairs = self.run, self.run.settings.model, self.run.settings.pairs
        if self.scale.units:
            changes |= {"size": self.scale.units} | ({"embedding": 0} if hasattr(config, "embedding") else {})
        model = make_seq2seq(replace(config, **changes), len(run.source), len(run.target), np.random.default_rng(0), joint=pairs.joint,
                             longest=pairs.longest)
        if never is not None:
            model.out.b.data[never] = NEVER
        return model

    def batch(self, place):
        rows = self.scale.rows
        return [part[::max(1, len(part) // rows)].copy() if rows else part for part in self.batches[place]]

    def step(self):
        """On the largest batch, for its memory."""
        self.step_on(self.batch(self.largest))

    def steps(self):
        """On batches of all sizes."""
        for place in self.turn:
            self.step_on(self.batch(place))

    def tokens(self):
        """How many targets a turn of steps has."""
        return sum(int((self.batch(place)[-1] >= 0).sum()) for place in self.turn)

    def losses(self):
        """Of two steps on a batch of usual size, nothing dropped."""
        step, batch = self.training(self.model(dropout=0.0)), self.batch(self.turn[BATCHES // 2])
        return [step(batch) for _ in range(2)]

    def one_by_one(self):
        for source in self._sources(ONE):
            self.greedy([source])

    def all_dates(self):
        for sources in side_by_side(self._sources(MANY), SIDE_BY_SIDE):
            self.greedy(sources)

    def beam(self):
        for sources in side_by_side(self._sources(SENTENCES), SIDE_BY_SIDE // BEAMS):
            self.search(sources)

    def texts(self):
        """The tokens of some dates."""
        return self.greedy(self._sources(SIDE_BY_SIDE))

    def log_p(self):
        """Of the best texts of some captions."""
        return self.search(self._sources(SIDE_BY_SIDE // BEAMS))

    def _sources(self, count):
        if self.writer is None:
            self.writer, held_out = self.model(never=self.end), self.run.held_out()
            self.sources = [held_out.source(k) for k in range(min(len(held_out), MANY))]
        return self.sources[:count]


class Tsuzuri(Subject):
    """With tsuzuri."""

    def __init__(self, scale, folder):
        from tsuzuri.array import threads
        self.limit = threads(THREADS)
        self.limit.__enter__()
        super().__init__(scale, folder)

    model = Subject.weights

    def training(self, model):
        """A function that takes a step on a batch and gives its loss."""
        from tsuzuri.optim import clip_factor, global_norm, make_optimizer
        optimizer, rng = make_optimizer(self.config.optimizer, model), np.random.default_rng(1)

        def step(batch):
            loss, penalty, _ = model.training_loss(*batch, rng=rng)
            (loss if penalty is None else loss + penalty).backward()
            optimizer.step(self.config.lr, clip_factor(global_norm(optimizer.parameters.values()), self.config.clip))
            return loss.item()

        return step

    def greedy(self, sources):
        """The tokens of each text."""
        from tsuzuri.decode.greedy import greedy
        from tsuzuri.text.pairs import batch_of
        state = self.writer.start(*batch_of(sources))
        return [text.ids for text in greedy(self.writer, state, np.full(len(sources), self.end), self.end, DATE)]

    def search(self, sources):
        """log p of the best text of each."""
        from tsuzuri.decode import Search, beam_search
        from tsuzuri.text.pairs import batch_of
        source, lengths = batch_of(sources)
        texts = beam_search(self.writer, self.writer.start(source, lengths), np.full(len(sources), self.end), self.end, TOKENS,
                            Search(beams=BEAMS, best=1), lengths=lengths)
        return [best.log_p for best, in texts]


class Torch(Subject):
    """With PyTorch (torch_seq2seq)."""

    def __init__(self, scale, folder):
        import torch
        torch.set_num_threads(THREADS)
        torch.manual_seed(1)
        super().__init__(scale, folder)

    def model(self, **changes):
        from torch_seq2seq import TWINS
        ours = self.weights(**changes)
        return TWINS[ours.config.arch](ours.config, ours.arrays())

    def training(self, model):
        """A function that takes a step on a batch and gives its loss."""
        from torch_models import make_optimizer, update
        optimizer = make_optimizer(model, self.config)

        def step(batch):
            source, lengths, inputs, targets = batch
            loss = model.training_loss(*self._read(source, lengths), *tensors(inputs, targets))
            update(model, optimizer, loss, self.config.lr, self.config.clip)
            return loss.item()

        return step

    def greedy(self, sources):
        """The tokens of each text."""
        from tsuzuri.text.pairs import batch_of
        return self.writer.eval().greedy(*self._read(*batch_of(sources)), self.end, DATE).tolist()

    def search(self, sources):
        """log p of the best text of each."""
        from tsuzuri.text.pairs import batch_of
        _, log_p = self.writer.eval().beam_search(*self._read(*batch_of(sources)), self.end, TOKENS, BEAMS)
        return log_p.tolist()

    def _read(self, source, lengths):
        from tsuzuri.kernels.sequence import turned
        return tensors(turned(source, lengths) if getattr(self.run.settings.model, "reverse", False) else source, lengths)


LIBRARIES = {"tsuzuri": Tsuzuri, "torch": Torch}


def tensors(*arrays):
    """PyTorch's view of arrays."""
    import torch
    return [torch.from_numpy(a) for a in arrays]


def by_size(batches):
    """The places of a pass's batches, those with the fewest numbers first; one that is not full is left out."""
    full = [k for k in range(len(batches)) if len(batches.rows(k)) == batches.batch_size]
    source, target = batches.corpus.source_lengths, batches.corpus.target_lengths
    return sorted(full, key=lambda k: source[batches.rows(k)].max() + target[batches.rows(k)].max())


def side_by_side(sources, rows):
    """``rows`` sources at a time, the longest first, as both libraries' users do it to have little padding."""
    ordered = sorted(sources, key=len, reverse=True)
    return [ordered[low:low + rows] for low in range(0, len(ordered), rows)]


def prepared(name, folder):
    """The folder of a run that is ready to be trained."""
    from tsuzuri.train.seq2seq import prepare_pairs
    from tsuzuri.train.seq2seq_run import TASK
    settings, _ = TASK.choose([("benchmark", RUNS[name])])
    prepare_pairs(settings, folder / name)
    return str(folder / name)


def main():
    """Measure what was named, or all."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    every = [*CASES, "memory"]
    parser.add_argument("names", nargs="*", metavar="NAME", help=", ".join(every))
    parser.add_argument("--turns", type=int, default=7)
    options = parser.parse_args()
    if unknown := set(options.names) - set(every):
        parser.error(f"there is no {', '.join(sorted(unknown))}; there are {', '.join(every)}")
    names, rows = options.names or every, []
    with tempfile.TemporaryDirectory(prefix="tsuzuri-bench-") as folder:
        for run in RUNS:
            cases, memory = [name for name in names if name in CASES and CASES[name].run == run], "memory" in names and run in MEMORY
            if cases or memory:
                rows += _measured(run, prepared(run, Path(folder)), cases, memory, options.turns)
    save("seq2seq", rows, THREADS)


def _measured(run, folder, cases, memory, turns):
    workers = {library: Worker(library, "whole", folder, module="seq2seq") for library in LIBRARIES}
    rows = [_memory(run, workers)] if memory else []
    rows += [_row(name, workers, turns) for name in cases]
    for worker in workers.values():
        worker.close()
    return rows


def _row(name, workers, turns):
    case = CASES[name]
    same = _same(*(worker.ask(case.answers) for worker in workers.values()))
    times = interleave(workers, lambda worker: worker.seconds(case.method) / case.count, turns)
    results = {library: summary(seconds[1:] or seconds) for library, seconds in times.items()}
    ours, peer = results["tsuzuri"], results["torch"]
    ratio, tokens = peer["median_ms"] / ours["median_ms"], workers["tsuzuri"].ask("tokens") / case.count if case.method == "steps" else None
    print(f"{name:<17} tsuzuri {ours['median_ms']:8.2f} ms (best {ours['best_ms']:.2f})  torch {peer['median_ms']:8.2f} ms "
          f"(best {peer['best_ms']:.2f})  ratio {ratio:.2f} (best {peer['best_ms'] / ours['best_ms']:.2f}) "
          f"{'>=' if ratio >= case.at_least else 'MISSES'} {case.at_least}  {'the same' if same else 'DIFFERENT'} {case.answers}"
          + (f"  {tokens / ours['median_ms'] * 1e3:,.0f} / {tokens / peer['median_ms'] * 1e3:,.0f} tokens/s" if tokens else ""), flush=True)
    return {"what": name, **results, "ratio": ratio, "at_least": case.at_least, "same": same, "tokens_a_step": tokens}


def _same(ours, theirs):
    """Whether two answers are; of many tokens one in a hundred may be another, where two are as likely but for rounding."""
    return bool(np.isclose(ours, theirs, rtol=1e-4).mean() >= 0.99)


def _memory(run, workers):
    memory = {library: worker.peak_megabytes() for library, worker in workers.items()}
    ratio = memory["tsuzuri"] / memory["torch"]
    print(f"memory of {run:<12} tsuzuri {memory['tsuzuri']:5.0f} MB  torch {memory['torch']:5.0f} MB  ratio {ratio:.2f} "
          f"{'<=' if ratio <= MEMORY_AT_MOST else 'MISSES'} {MEMORY_AT_MOST}", flush=True)
    return {"what": f"memory-{run}", "memory_mb": memory, "ratio": ratio, "at_most": MEMORY_AT_MOST}


if __name__ == "__main__":
    main()
