"""Texts that are made up, settings of small runs, and what two runs have in common."""
import tempfile
from functools import cache
from pathlib import Path

import numpy as np

WORDS = ["the", "cat", "sat", "on", "a", "mat", "and", "low", "dogs", "ran", "far", "from", "home", "in", "Rain"]
SMALL = {"unit": "char", "size": 8, "layers": 2, "dropout": 0.3, "batch_size": 4, "bptt": 10, "accumulate": 2, "lr": 0.01,
         "schedule": "plateau", "epochs": 3, "patience": 2, "save_every": 0.0}


def made_up(lines: int, seed: int = 0) -> str:
    rng = np.random.default_rng(seed)
    return "".join(" ".join(rng.choice(WORDS, 6)) + ".\n" for _ in range(lines))


def results(folder: Path) -> dict[str, bytes]:
    """What two runs that went the same way have in common, to the byte."""
    names = ("model.safetensors", "best/model.safetensors", "last/checkpoint.safetensors", "metrics.jsonl")
    epochs = (str(path.relative_to(folder)) for path in Path(folder, "epochs").glob("*"))
    return {name: Path(folder, name).read_bytes() for name in (*names, *epochs)}


def same(a: Path, b: Path) -> None:
    """Fail with the names of the files that differ."""
    a, b = results(a), results(b)
    assert a.keys() == b.keys()
    assert [name for name in a if a[name] != b[name]] == []


def litter(folder: Path) -> list[str]:
    """Names of temporary files in and beside a run."""
    return [str(p) for p in folder.parent.rglob(".*") if "tmp" in p.name]


# From sequence to sequence

SMALL_PAIRS = {"unit": "char", "size": 8, "batch_size": 16, "lr": 0.01, "epochs": 3, "patience": 0, "save_every": 3600.0, "threads": 1}
ADJECTIVES = {"red": "rote", "big": "große", "old": "alte", "new": "neue"}
NOUNS = {"cat": "Katze", "street": "Straße", "door": "Tür", "flower": "Blume", "clock": "Uhr", "song": "Lied"}
VERBS = {"sees": "sieht", "knows": "kennt", "buys": "kauft"}
NAMES = ["Anna", "Ben", "Carl", "Dora", "Emil"]
RARE = ["Quintus", "Xaver", "Zoë"]                           # once each, so that min_count 2 leaves them unknown


def letters(count: int, seed: int = 0, longest: int = 5) -> list[tuple[str, str]]:
    """Strings of 2 to ``longest`` of five letters, all different, and what they are from behind."""
    rng = np.random.default_rng(seed)
    found: dict[str, str] = {}
    while len(found) < count:
        word = "".join(rng.choice(list("abcde"), rng.integers(2, longest + 1)))
        found[word] = word[::-1]
    return list(found.items())


def sentences(count: int, seed: int = 0) -> list[tuple[str, str]]:
    """"Anna sees the red cat ." and something like German for it, of which the last three have names of their own."""
    rng = np.random.default_rng(seed)
    found = []
    for k in range(count):
        name = RARE[count - 1 - k] if count - k <= len(RARE) else str(rng.choice(NAMES))
        verb, adjective, noun = (str(rng.choice(list(words))) for words in (VERBS, ADJECTIVES, NOUNS))
        found.append((f"{name} {verb} the {adjective} {noun} .", f"{name} {VERBS[verb]} {ADJECTIVES[adjective]} {NOUNS[noun]} ."))
    return found


def write_pairs(path: Path, pairs: list[tuple[str, str]]) -> Path:
    """A file with a tab in every line."""
    path.write_text("".join(f"{source}\t{target}\n" for source, target in pairs), encoding="utf-8")
    return path


QUICK = {"batch_size": 16, "lr": 0.01, "patience": 0, "threads": 1, "save_every": 3600.0}
TRAINED = {
    "letters": ({"unit": "char", "size": 48, "score": "dot", "reverse": True, "batch_size": 32, "epochs": 10, "schedule": "cosine"}, lambda: letters(1800)),
    "words": ({"unit": "word", "min_count": 2, "size": 32, "epochs": 8, "longest": 12}, lambda: sentences(500)),
    "words-2": ({"unit": "word", "min_count": 2, "size": 24, "epochs": 4, "seed": 2, "arch": "gnmt", "layers": 2, "longest": 12}, lambda: sentences(500)),
    "plain": ({"unit": "word", "min_count": 2, "size": 24, "epochs": 2, "arch": "encoder-decoder", "longest": 12}, lambda: sentences(500)),
    "bpe": ({"unit": "bpe", "vocabulary": 330, "joint": True, "arch": "transformer", "size": 32, "layers": 1, "heads": 2, "epochs": 8,
             "dropout": 0.0, "schedule": "constant"}, lambda: sentences(400)),
    "hard": ({"unit": "char", "size": 12, "choice": "hard", "epochs": 1}, lambda: letters(200)),
}
"""Runs that several files of tests use: settings, and the pairs they are trained on."""
_FOLDER: list[tempfile.TemporaryDirectory] = []


@cache
def trained_pairs(name: str) -> Path:
    """The finished run of that name in ``TRAINED``, trained once a session; what is done to a run is done to a copy."""
    from tsuzuri.train import seq2seq
    from tsuzuri.train.seq2seq_run import TASK
    if not _FOLDER:
        _FOLDER.append(tempfile.TemporaryDirectory())
    folder = Path(_FOLDER[0].name)
    settings, pairs = TRAINED[name]
    data = write_pairs(folder / f"{name}.tsv", pairs())
    chosen, _ = TASK.choose([("test", QUICK | settings | {"data": str(data)})])
    draw, seq2seq.draw_run = seq2seq.draw_run, lambda run, model: None
    try:
        run = seq2seq.prepare_pairs(chosen, folder / name)
        for _ in seq2seq.train_pairs(run):
            pass
    finally:
        seq2seq.draw_run = draw
    return run.folder
