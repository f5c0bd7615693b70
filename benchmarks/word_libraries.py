"""Word vectors by tsuzuri and by gensim, step for step the same, each in a process of its own that is told what to do."""
import gc
import hashlib
import json
import subprocess
import sys
import tempfile
import time
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np
from models import THREADS
from worker import Worker, _forget_peak, _megabytes

SMALL = "the cat sat on the mat and the dog sat on the log\n" * 20           # what warms a library up


@dataclass(frozen=True)
class Job:
    """The text and how it is trained; what is not here is gensim's default in both libraries."""

    text: str
    method: str = "skipgram"
    epochs: int = 1
    deterministic: bool = False
    size: int = 100
    window: int = 5
    negative: int = 5
    min_count: int = 5
    sample: float = 1e-3
    alpha: float = 0.025


class Process(Worker):
    """The parent's end of a library of word vectors."""

    def __init__(self, name: str, *options):
        self.process = subprocess.Popen([sys.executable, __file__, name, json.dumps(options)], stdin=subprocess.PIPE,
                                        stdout=subprocess.PIPE, text=True)


class Memory:
    """What a process says of its memory, in megabytes."""

    def settle(self):
        """(resident now, peak until now); the peak starts anew."""
        gc.collect()
        before = _megabytes("VmHWM")
        _forget_peak()
        return _megabytes("VmRSS"), before

    def peak(self):
        """The most that was resident since ``settle``."""
        return _megabytes("VmHWM")


class Tsuzuri(Memory):
    """Reading a text and training with tsuzuri.  The ids lie on disk, as in every training of it."""

    def __init__(self, job):
        from tsuzuri.array import threads
        from tsuzuri.vectors import settings
        self.job, self.folder = Job(**job), tempfile.TemporaryDirectory(prefix="tsuzuri-bench-")
        self.limit = threads(THREADS)
        self.limit.__enter__()
        job = self.job
        self.settings = settings.VectorSettings(
            words=settings.Words(min_count=job.min_count),
            vectors=settings.Vectors(job.method, job.size, job.window, job.epochs, job.alpha, deterministic=job.deterministic),
            predicting=settings.Predicting(job.negative, sample=job.sample))

    def read(self):
        from tsuzuri.text.reading import read_lines
        from tsuzuri.text.word_corpus import read_words
        self.corpus = read_words(read_lines(self.job.text), self.folder.name, self.settings.words.options())

    def prepare(self):
        from tsuzuri.vectors.word2vec import Word2Vec
        self.model = Word2Vec(self.corpus.vocabulary, self.settings)

    def train(self, threads=THREADS):
        for _ in self.model.train(self.corpus, threads):
            pass

    def digest(self):
        return hashlib.sha256(self.model.vectors.tobytes()).hexdigest()

    def save(self, path):
        self.model.save(Path(path))


class Gensim(Memory):
    """The same with gensim, which reads the text anew in every pass (``corpus_file``, the faster of its two ways)."""

    def __init__(self, job):
        from gensim.models import Word2Vec
        self.job = job = Job(**job)
        self.new = lambda: Word2Vec(
            vector_size=job.size, window=job.window, min_count=job.min_count, negative=job.negative, sample=job.sample,
            alpha=job.alpha, epochs=job.epochs, sg=int(job.method == "skipgram"), workers=THREADS)

    def read(self):
        self.model = self.new()
        self.model.build_vocab(corpus_file=self.job.text)

    def prepare(self):
        self.model.wv.vectors = np.empty((0, self.job.size), np.float32)     # else it keeps those of the last training
        self.model.init_weights()

    def train(self):
        self.model.train(corpus_file=self.job.text, total_words=self.model.corpus_total_words, epochs=self.job.epochs)

    def save(self, path):
        self.model.wv.save_word2vec_format(path, binary=True)


class TsuzuriSearch(Memory):
    """Nearest words out of a file that is mapped into memory."""

    def __init__(self, path):
        from tsuzuri.array import threads
        from tsuzuri.vectors.word_vectors import WordVectors
        self.limit = threads(THREADS)
        self.limit.__enter__()
        self.vectors = WordVectors.load(path)
        for start in range(0, len(self.vectors), 1 << 14):                   # so that all pages are resident, as the peer's are
            self.vectors.vectors[start:start + (1 << 14)].max()

    def queries(self, count):
        for number in range(count):
            self.vectors.most_similar(self.vectors.words[number])

    def answer(self, number):
        return [word for word, _ in self.vectors.most_similar(self.vectors.words[number])]


class GensimSearch(Memory):
    """The same with gensim, from an array in memory."""

    def __init__(self, path):
        from gensim.models import KeyedVectors
        from safetensors.numpy import load_file
        from threadpoolctl import threadpool_limits
        self.limit = threadpool_limits(THREADS)
        self.vectors = KeyedVectors(0)
        self.vectors.vectors = load_file(path)["vectors"]
        self.vectors.vector_size = self.vectors.vectors.shape[1]
        self.vectors.index_to_key = search_words(len(self.vectors.vectors))
        self.vectors.key_to_index = {word: row for row, word in enumerate(self.vectors.index_to_key)}

    def queries(self, count):
        for number in range(count):
            self.vectors.most_similar(self.vectors.index_to_key[number])

    def answer(self, number):
        return [word for word, _ in self.vectors.most_similar(self.vectors.index_to_key[number])]


SUBJECTS = {"tsuzuri": Tsuzuri, "gensim": Gensim, "tsuzuri-search": TsuzuriSearch, "gensim-search": GensimSearch}


def search_words(count):
    """The words of the vectors that are searched."""
    return [f"w{row}" for row in range(count)]


def training(library: str, job: Job) -> Process:
    """A process that trains, warmed up: everything is imported and compiled, or loaded from the cache of compiled code."""
    return Process(library, asdict(job))


def _warm_up(subject):
    """Train on a small text with the same settings."""
    with tempfile.NamedTemporaryFile("w", suffix=".txt") as file:
        file.write(SMALL)
        file.flush()
        small = type(subject)(asdict(subject.job) | {"text": file.name, "epochs": 1})
        for what in ("read", "prepare", "train"):
            getattr(small, what)()


def _serve(name, options):
    subject = SUBJECTS[name](*options)
    if hasattr(subject, "train"):
        _warm_up(subject)
    for line in sys.stdin:
        what, *arguments = json.loads(line)
        start = time.perf_counter()
        answer = getattr(subject, what)(*arguments)
        print(json.dumps(time.perf_counter() - start if answer is None else answer), flush=True)


if __name__ == "__main__":
    _serve(sys.argv[1], json.loads(sys.argv[2]))
