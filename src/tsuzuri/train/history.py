"""What a run's log tells, with the figures it is to be judged by: the size of the vocabulary, the entropy of its counts."""
import math
from dataclasses import dataclass
from typing import Any

import numpy as np

from tsuzuri.errors import RunError, check_choice
from tsuzuri.text import Corpus
from tsuzuri.train.config import CountingConfig
from tsuzuri.train.run import Run

AXES = ("epoch", "step", "token")
MEASURES = {"perplexity": "perplexity", "bits": "bits per character", "loss": "loss, nats a token"}
BLOCK = 1 << 20                                              # ids that are counted at a time: a corpus may be larger than memory


@dataclass(frozen=True)
class History:
    """A training as it was logged.  Losses and ``entropy`` (of the training text's token counts) are in nats a token."""

    folder: str
    settings: Any
    steps: list[dict]
    validations: list[dict]
    error: str
    finished: bool
    vocabulary: int
    tokens: int
    unknown: int
    entropy: float

    def judged(self) -> list[float]:
        """The loss after each epoch by which models are compared: of the validation, or of the training where there is none."""
        return [r["train_loss"] if r["valid_loss"] is None else r["valid_loss"] for r in self.validations]

    def steps_an_epoch(self) -> float:
        """Steps of the optimiser in a pass over the text."""
        if self.validations:
            return self.validations[-1]["step"] / self.validations[-1]["epoch"]
        training = self.settings.training
        return max(1, math.ceil(self.tokens / (training.batch_size * training.bptt * training.accumulate)))


def read_history(run: Run) -> History:
    """The history of a run.  RunError: it was counted instead of trained, or no step is logged."""
    if isinstance(run.settings.training, CountingConfig):
        raise RunError(f"{run.folder} was counted, not trained, so it has no learning curve; name a run that was trained.")
    records, corpus = run.logged(), run.corpus()
    steps = [r for r in records if "loss" in r]
    error = next((r["error"] for r in reversed(records) if "error" in r), "")
    if not steps and error:
        raise RunError(f"{run.folder} stopped before it logged a step: {error}")
    if not steps:
        raise RunError(f"{run.folder} has logged no step yet; train it with `tsuzuri lm train --resume --out {run.folder}`.")
    return History(folder=str(run.folder), settings=run.settings, steps=steps, validations=[r for r in records if "train_loss" in r],
                   error=error, finished=run.final.exists(),
                   vocabulary=len(run.tokenizer), tokens=corpus.tokens, unknown=corpus.unknown, entropy=entropy(corpus))


def entropy(corpus: Corpus) -> float:
    """Of the token counts, in nats: the loss of one who knows how frequent each token is, and nothing else."""
    counts = np.zeros(corpus.vocabulary, np.int64)
    for start in range(0, corpus.tokens, BLOCK):
        counts += np.bincount(corpus.ids[start:start + BLOCK], minlength=corpus.vocabulary)
    p = counts[counts > 0] / corpus.tokens
    return float(-(p * np.log(p)).sum())


def learning_curve(run: Run, measure: str, by: str) -> tuple[list[tuple[float, float]], list[tuple[float, float]]]:
    """(training, validation) of a run, each as (x, y).

    ``measure`` is perplexity, bits (a character, so that runs with other tokens compare) or loss; ``by``, the x axis, is
    epoch, step or token.
    """
    check_choice("measure", measure, MEASURES)
    check_choice("by", by, AXES)
    history = read_history(run)
    a_step = {"epoch": 1 / history.steps_an_epoch(), "step": 1, "token": history.tokens / history.steps_an_epoch()}[by]
    training = _measured(measure, run.corpus())
    validation = _measured(measure, run.held_out() or run.corpus())
    return ([(r["step"] * a_step, training(r["loss"])) for r in history.steps],
            [(r["step"] * a_step, validation(r["valid_loss"])) for r in history.validations if r["valid_loss"] is not None])


def _measured(measure, corpus):
    if measure == "perplexity":
        return lambda loss: math.exp(min(loss, 700.0))
    return corpus.bits_per_character if measure == "bits" else float
