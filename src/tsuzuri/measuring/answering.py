"""How well a run answers from memory: wrong bits of sequences that nobody trained on, of any length."""
from typing import Any

import numpy as np

from tsuzuri.array import threads
from tsuzuri.errors import check_least
from tsuzuri.train.memory import wrong_bits
from tsuzuri.writing.answering import Answerer

ROWS = 20                                                    # sequences that are answered side by side


def evaluate_answers(answerer: Answerer, length: int = 0, sequences: int = 100, seed: int = 1, repeats: int = 0) -> dict[str, Any]:
    """``wrong_bits`` a sequence, their share ``wrong`` of all bits, the share of sequences without one (``right``), nats a bit (``loss``).

    ``length`` 0 is the longest of the training; ``repeats`` is how often a sequence is asked for where the task does that, 0: as is drawn.
    """
    check_least("sequences", sequences, 1)
    batches = answerer.drawn(length, seed, repeats, ROWS, -(-sequences // ROWS))
    with threads(1):
        wrong = wrong_bits(answerer.model, batches)[:sequences]
        nats = np.concatenate([answerer.model.losses(*batches[k])[0].sum((1, 2), dtype=np.float64) for k in range(len(batches))])[:sequences]
    bits = np.concatenate([np.isfinite(batches[k].targets).sum((1, 2)) for k in range(len(batches))])[:sequences]
    return {"task": answerer.run.settings.memory.task, "length": batches.lengths[0], "sequences": sequences, "bits": float(bits.mean()),
            "wrong_bits": float(wrong.mean()), "wrong": float(wrong.sum() / bits.sum()), "right": float((wrong == 0).mean()),
            "loss": float(nats.sum() / bits.sum())}
