"""Small trees that a model can learn: a word says yes or no, "not" turns what follows it, other words say nothing."""
import tempfile
from functools import cache
from pathlib import Path

import numpy as np

WORDS = {"good": 1, "great": 1, "bad": -1, "awful": -1, "film": 0, "the": 0, "a": 0}
QUICK = {"arch": "tree-lstm", "size": 8, "batch_size": 10, "epochs": 2, "lr": 0.02, "threads": 1, "patience": 0, "save_every": 3600.0}


def opinions(count: int, seed: int = 0, classes: int = 3) -> list[str]:
    """Bracketed trees whose labels are 0 (no), 1 (nothing said) and 2 (yes); with five classes 0, 2 and 4."""
    rng = np.random.default_rng(seed)
    low, step = (0, 1) if classes == 3 else (0, 2)

    def label(value): return low + step * (value + 1)

    def grown(depth):
        if depth == 0 or rng.random() < 0.2:
            word = str(rng.choice([*WORDS]))
            return f"({label(WORDS[word])} {word})", WORDS[word]
        left, a = (f"({label(0)} not)", None) if rng.random() < 0.4 else grown(depth - 1)
        right, b = grown(depth - 1)
        value = -b if a is None else max(-1, min(1, a + b))
        return f"({label(value)} {left} {right})", value

    return [grown(3)[0] for _ in range(count)]


def write_trees(path: Path, lines: list[str]) -> Path:
    """A file with a tree in every line."""
    path.write_text("".join(f"{line}\n" for line in lines), encoding="utf-8")
    return path


_FOLDER: list[tempfile.TemporaryDirectory] = []


@cache
def trained_trees(classes: int = 3) -> Path:
    """A finished run that has learnt the opinions, trained once a session; what is done to a run is done to a copy."""
    from tsuzuri.train import trees
    from tsuzuri.train.tree_run import TASK
    if not _FOLDER:
        _FOLDER.append(tempfile.TemporaryDirectory())
    folder = Path(_FOLDER[0].name)
    data = write_trees(folder / f"{classes}.txt", opinions(600, classes=classes))
    chosen, _ = TASK.choose([("test", QUICK | {"data": str(data), "classes": classes, "size": 12, "epochs": 6})])
    draw, trees.draw_run = trees.draw_run, lambda run, model: None
    try:
        run = trees.prepare_trees(chosen, folder / f"run-{classes}")
        for _ in trees.train_trees(run):
            pass
    finally:
        trees.draw_run = draw
    return run.folder
