"""How fast are word vectors made and searched, and in how much memory, beside gensim on the same machine in the same run?

Both libraries train on the same text (the novels, in lower case and without punctuation, a paragraph a line) with the same
settings, in processes of their own that take turns.  Compilation is not in the times of training: each process first
trains on a small text.  Neither are reading and the vocabulary, which have a row of their own.

    python benchmarks/word_vectors.py [--rounds 3] [--only skipgram] [--words 4000000] [--scores]
"""
import argparse
import re
import subprocess
import sys
import tempfile
import time
from contextlib import ExitStack, closing
from pathlib import Path
from statistics import median

import numpy as np
from models import THREADS
from report import interleave, save, summary
from word_libraries import Job, Process, search_words, training

LIBRARIES = ("tsuzuri", "gensim")
TRAININGS = {"skipgram": ("skip-gram", {}, 4.0), "cbow": ("CBOW", {"method": "cbow"}, 2.0),
             "deterministic": ("skip-gram, deterministic", {"deterministic": True}, None)}
SCORE_EPOCHS = 5
PTB = {2: 5.0, 10: 10.0}                                     # window -> seconds that the command may take
FOUND, QUERIES = (1_000_000, 300), 5                         # vectors that are searched, and queries of a turn


def main():
    """Measure every row, or one."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--only", choices=ROWS)
    parser.add_argument("--words", type=int, default=None, help="of the text [default: all]")
    parser.add_argument("--scores", action="store_true", help=f"also train {SCORE_EPOCHS} passes and score the vectors")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="tsuzuri-bench-") as folder:
        bench, rows = Bench(Path(folder), options), []
        for name in [options.only] if options.only else ROWS:
            rows += ROWS[name](bench, name)
    save("word_vectors" + f"_{options.only}" * bool(options.only), rows, THREADS)


class Bench:
    """The options, and the text, which is written when the first row needs it."""

    def __init__(self, folder, options):
        self.folder, self.options, self.rounds = folder, options, options.rounds
        self.path = folder / "novels.txt"

    def text(self):
        """(path, words, megabytes) of the text."""
        if not self.path.exists():
            self.words = _write_text(self.path, self.folder / "ids", self.options.words)
            print(f"text: {self.words:,} words, {self.path.stat().st_size / 1e6:.1f} MB; {THREADS} threads", flush=True)
        return str(self.path), self.words, self.path.stat().st_size / 1e6


def _write_text(path, folder, limit):
    """Write the first ``limit`` words of the novels, in lower case and without punctuation, a paragraph a line."""
    from tsuzuri.datasets import open_source
    from tsuzuri.text.tokenizers.options import Options
    from tsuzuri.text.word_corpus import LINE_END, read_words
    corpus = read_words(open_source("novels").lines(), folder, Options(lowercase=True, punctuation="drop", unk=False))
    tokens, written = np.array([*(f"{word} " for word in corpus.vocabulary.tokens), "\n"], object), 0
    with open(path, "w", encoding="utf-8") as file:
        for ids in corpus.blocks():
            if limit is not None:
                ids = ids[:np.searchsorted(np.cumsum(ids != LINE_END), limit - written, "right")]
            written += np.count_nonzero(ids != LINE_END)
            file.write(re.sub(r"\s*\n\s*", "\n", "".join(tokens[ids])))      # LINE_END is -1, the last of the tokens
    return int(written)


def _train(bench, name):
    label, settings, wanted = TRAININGS[name]
    path, words, _ = bench.text()
    with ExitStack() as stack:
        workers = {library: stack.enter_context(closing(training(library, Job(path, **settings)))) for library in LIBRARIES}
        for worker in workers.values():
            worker.seconds("read")
        times = interleave(workers, _prepared_training, bench.rounds)
        row = _show(label, name, times, words / 1e3, "k words/s", wanted)
        if "deterministic" in settings:
            row["same_bytes"] = _same_bytes(workers["tsuzuri"])
    return [row, *(_score(bench, name) if bench.options.scores else ())]


def _prepared_training(worker, *threads):
    worker.seconds("prepare")
    return worker.seconds("train", *threads)


def _same_bytes(worker):
    """Whether one thread makes the vectors that two have just made."""
    two = worker.ask("digest")
    _prepared_training(worker, 1)
    same = worker.ask("digest") == two
    print(f"{'':<26} 1 and {THREADS} threads: {'the same bytes' if same else 'DIFFERENT BYTES'}", flush=True)
    return same


def _score(bench, name):
    """Train both libraries for longer and measure the vectors with what people judged."""
    settings = TRAININGS[name][1]
    rows = []
    for library, suffix in zip(LIBRARIES, (".safetensors", ".bin")):
        path = bench.folder / f"{name}-{library}{suffix}"
        with closing(training(library, Job(bench.text()[0], epochs=SCORE_EPOCHS, **settings))) as worker:
            for what in ("read", "prepare", "train"):
                seconds = worker.seconds(what)
            worker.seconds("save", str(path))
        row = {"row": f"{name} scores", "library": library, "epochs": SCORE_EPOCHS, "train_s": seconds, **_measure(path)}
        print(f"{'':<26} {library:<8} {SCORE_EPOCHS} passes in {seconds:.1f} s: " + ", ".join(
            f"{key} {row[key]:.4f}" for key in ("ws353", "ws353-sim", "ws353-rel", "analogies")), flush=True)
        rows.append(row)
    return rows


def _measure(path):
    """Spearman on WordSim-353 and its halves, and the share of the analogies that are right."""
    from tsuzuri.vectors.evaluation import measure_pairs, solve_analogies
    from tsuzuri.vectors.gold import open_gold
    from tsuzuri.vectors.spaces import VectorSpace
    from tsuzuri.vectors.word_vectors import WordVectors
    space = VectorSpace(path.name, WordVectors.load(path))
    pairs = {name: measure_pairs(space, open_gold(name)) for name in ("ws353", "ws353-sim", "ws353-rel")}
    solved = solve_analogies(space, open_gold("analogies")).total()
    return {**{name: result.spearman for name, result in pairs.items()}, "analogies": solved.accuracy,
            "pairs": pairs["ws353"].pairs, "questions": solved.asked}


def _read(bench, name):
    """tsuzuri also writes the ids; gensim also makes its matrices, which is little."""
    path, _, megabytes = bench.text()
    with ExitStack() as stack:
        workers = {library: stack.enter_context(closing(training(library, Job(path)))) for library in LIBRARIES}
        times = interleave(workers, lambda worker: worker.seconds("read"), bench.rounds)
    return [_show("text to ids, vocabulary", name, times, megabytes, "MB/s", 3.0)]


def _count(bench, name):
    """The whole command, with the interpreter's start and the imports; the first run, which may compile, is not counted."""
    rows = []
    for window, bound in PTB.items():
        times = [_command(bench.folder / "ptb.safetensors", window) for _ in range(bench.rounds + 1)][1:]
        print(f"{f'PTB to PPMI-SVD, window {window}':<26} tsuzuri {median(times):.2f} s (best {min(times):.2f})  "
              f"no package does it  {_verdict(median(times) < bound, f'< {bound:g} s')}", flush=True)
        rows.append({"row": name, "window": window, "tsuzuri": summary(times), "at_most_s": bound, "reached": median(times) < bound})
    return rows


def _command(out, window):
    command = Path(sys.executable).with_name("tsuzuri")
    start = time.perf_counter()
    done = subprocess.run([command, "vectors", "train", "ptb:train", "--out", out, "--method", "svd", "--size", "100",
                           "--window", str(window), "--threads", str(THREADS)], capture_output=True, text=True, check=False)
    if done.returncode:
        raise SystemExit(done.stderr)
    return time.perf_counter() - start


def _search(bench, name):
    path = bench.folder / "search.safetensors"
    _write_vectors(path)
    with ExitStack() as stack:
        workers = {library: stack.enter_context(closing(Process(f"{library}-search", str(path)))) for library in LIBRARIES}
        first = {library: _first_query(worker) for library, worker in workers.items()}
        same = workers["tsuzuri"].ask("answer", 0) == workers["gensim"].ask("answer", 0)
        times = interleave(workers, lambda worker: worker.seconds("queries", QUERIES) / QUERIES, bench.rounds)
    path.unlink()
    row = _show("most_similar, 1 M x 300", name, times, 1, "queries/s", 1.0)
    print(f"{'':<26} first query: " + ", ".join(
        f"{library} {seconds:.2f} s and {grown:+.0f} MB on {resident:.0f} MB" for library, (seconds, grown, resident)
        in first.items()) + f"; {'the same answer' if same else 'DIFFERENT ANSWERS'}", flush=True)
    copy = 4 * np.prod(FOUND) / 2 ** 20
    none = bool(first["tsuzuri"][1] < copy / 10)
    print(f"{'':<26} no second copy (of {copy:.0f} MB): {_verdict(none, '')}", flush=True)
    return [row | {"first_query_s_grown_mb_resident_mb": first, "same_answer": same, "no_second_copy": none}]


def _write_vectors(path):
    from tsuzuri.vectors.word_vectors import WordVectors
    vectors = np.random.default_rng(0).standard_normal(FOUND, np.float32)
    WordVectors(search_words(len(vectors)), vectors).save(path)


def _first_query(worker):
    """(seconds, megabytes that the process grew by at most, megabytes before)."""
    resident, _ = worker.ask("settle")
    seconds = worker.seconds("queries", 1)
    return seconds, worker.ask("peak") - resident, resident


def _memory(bench, name):
    """From the text to trained vectors, over the process that has all imports and compiled code."""
    path, _, _ = bench.text()
    found = {}
    for library in LIBRARIES:
        with closing(training(library, Job(path))) as worker:
            found[library] = _peaks(worker)
    grown = {library: max(peaks["reading"], peaks["training"]) for library, peaks in found.items()}
    ratio = grown["tsuzuri"] / grown["gensim"]
    print(f"{'memory, skip-gram':<26} " + "  ".join(
        f"{library} {grown[library]:.0f} MB (reading {peaks['reading']:.0f}, training {peaks['training']:.0f}; the whole "
        f"process {peaks['process']:.0f})" for library, peaks in found.items())
        + f"  ratio {ratio:.2f} {_verdict(ratio <= 1, '<= 1')}", flush=True)
    return [{"row": name, "megabytes": found, "ratio": ratio, "at_most": 1.0, "reached": ratio <= 1}]


def _peaks(worker):
    """Megabytes over the idle process while it reads and while it trains, and those of the whole process."""
    idle, start = worker.ask("settle")
    worker.seconds("read")
    _, reading = worker.ask("settle")
    _prepared_training(worker)
    trained = worker.ask("peak")
    return {"reading": reading - idle, "training": trained - idle, "process": max(start, reading, trained)}


def _show(label, name, times, work, unit, wanted):
    """Print a row: rates of both libraries (``work`` over seconds), and the ratio of their medians."""
    rates = {library: f"{library} {work / median(seconds):,.1f} {unit} (best {work / min(seconds):,.1f})"
             for library, seconds in times.items()}
    ratio = median(times["gensim"]) / median(times["tsuzuri"])
    verdict = _verdict(ratio >= wanted, f">= {wanted:g}") if wanted else "(no bound)"
    print(f"{label:<26} {rates['tsuzuri']}  {rates['gensim']}  ratio {ratio:.2f} {verdict}", flush=True)
    return {"row": name, **{library: summary(seconds) for library, seconds in times.items()}, "work": work, "unit": unit,
            "ratio": ratio, "at_least": wanted, "reached": wanted is None or ratio >= wanted}


def _verdict(reached, bound):
    return f"{bound} {'reached' if reached else 'MISSED'}".lstrip()


ROWS = {**dict.fromkeys(TRAININGS, _train), "reading": _read, "counting": _count, "search": _search, "memory": _memory}


if __name__ == "__main__":
    main()
