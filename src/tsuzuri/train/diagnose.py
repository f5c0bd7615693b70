"""What is wrong with a training, in plain words: read from its log, with the figures and a command to try.

A check is a function of a History that gives a Finding or None.  Checks that explain one another stand in a group, the
gravest first, and the first that applies speaks for the group.
"""
import math
from collections.abc import Callable
from dataclasses import asdict, dataclass

import numpy as np

from tsuzuri.train.history import History
from tsuzuri.train.remedies import (
    again,
    better_rate,
    dropout_in_words,
    dropped,
    more_dropout,
    rate_in_words,
    usual_rates,
    with_another_text,
)

NEAR = 0.98                                                  # share of log V above which a loss is that of guessing
RISE = 0.02                                                  # nats, 2 % of a perplexity: more than noise from epoch to epoch
JUMP = 0.5                                                   # nats by which the mean of AVERAGED logged steps must not rise
AVERAGED = 10
SPIKE = 10.0                                                 # times the median: a gradient as long as that moves far
WARM_UP = 20                                                 # the first of so many parts of a training may have long gradients
GAP = 0.3                                                    # nats between validation and training
CLIPPED, UNKNOWN = 0.9, 0.15                                 # shares: of the steps, of the tokens
FEW_STEPS, ENOUGH_STEPS = 30, 100                            # in an epoch
FIRST_STEPS = 300                                            # in which a model learns hardly more than frequencies


@dataclass(frozen=True)
class Finding:
    """What is wrong, the figures that show it, and a command that may mend it."""

    name: str
    what: str
    evidence: str
    try_this: str


def find(history: History) -> list[Finding]:
    """Everything that is wrong, the gravest first; an empty list where the log shows nothing."""
    found = []
    for group in CHECKS:
        told = next((finding for check in group if (finding := check(history))), None)
        if told:
            found.append(told)
    return found


def figures(history: History) -> dict:
    """The figures of a run that it is judged by."""
    judged = history.judged()
    norms = [r["norm"] for r in history.steps]
    clip = history.settings.training.clip
    best = int(np.argmin(judged)) if judged else None
    return {"epochs": len(judged), "of": history.settings.training.epochs, "steps": history.steps[-1]["step"],
            "finished": history.finished, "best_loss": None if best is None else judged[best],
            "best_epoch": None if best is None else best + 1,
            "train_loss": history.validations[best]["train_loss"] if best is not None else _recent(history),
            "log_vocabulary": math.log(history.vocabulary), "entropy": history.entropy, "median_norm": float(np.median(norms)),
            "clipped": float(np.mean([bool(clip) and norm > clip for norm in norms])), "unknown": history.unknown / history.tokens}


def stopped(history: History) -> Finding | None:
    """It ended with an error."""
    if not history.error:
        return None
    return Finding("stopped", "the training stopped because a number ran out of bounds", history.error,
                   again(history, lr=history.settings.training.lr / 3))


def exploded(history: History) -> Finding | None:
    """Some gradients were far longer than the others, and nothing cut them."""
    steps = history.steps[len(history.steps) // WARM_UP:]
    norms = np.array([r["norm"] for r in steps])
    median, at = float(np.median(norms)), int(np.argmax(norms))
    clip = history.settings.training.clip
    if not median or norms[at] <= SPIKE * median or 0 < clip <= SPIKE * median:
        return None
    step = steps[at]
    return Finding("exploded", "the gradient exploded, and the clipping threshold did not stop it",
                   f"in step {step['step']:,} (epoch {step['epoch']}) its length was {norms[at]:,.4g}, {norms[at] / median:,.0f} times "
                   f"the median {median:.3g}; {np.mean(norms > SPIKE * median):.1%} of the logged steps are longer than {SPIKE:g} "
                   f"times the median; clip is {clip:g}{'' if clip else ', which cuts nothing'}.",
                   again(history, clip=2 * median))


def nothing_learnt(history: History) -> Finding | None:
    """The loss is that of a guess among all tokens."""
    loss, most = min(history.judged(), default=_recent(history)), math.log(history.vocabulary)
    if loss < NEAR * most:
        return None
    return Finding("nothing_learnt", "perplexity equals the vocabulary size: nothing was learnt",
                   f"perplexity {_perplexity(loss)} with a vocabulary of {history.vocabulary:,} (loss {loss:.3f}, guessing "
                   f"{most:.3f} nats a token) after {history.steps[-1]['step']:,} steps with {rate_in_words(history)}.",
                   again(history, lr=better_rate(history)))


def worse_than_counting(history: History) -> Finding | None:
    """The model predicts worse than the frequency of the tokens does: in the last epoch, in its last steps, and when nothing is dropped."""
    if not history.validations:
        return None
    loss = history.validations[-1]["train_loss"]
    if min(loss, _recent(history), history.judged()[-1]) <= history.entropy:
        return None
    steps = history.steps[-1]["step"]
    settings = history.settings.training
    more = {"epochs": settings.epochs * 10} if steps < FIRST_STEPS else {"lr": better_rate(history)}
    return Finding("worse_than_counting", "the model has not even learnt how frequent each token is",
                   f"training loss {loss:.3f} nats a token (perplexity {_perplexity(loss)}); the token counts alone give "
                   f"{history.entropy:.3f} ({_perplexity(history.entropy)}); trained for {steps:,} steps with "
                   f"{rate_in_words(history)}.", again(history, **more))


def rate_too_high(history: History) -> Finding | None:
    """The training loss itself went up."""
    losses = [r["loss"] for r in history.steps]
    averaged = min(AVERAGED, len(losses))
    means = np.convolve(losses, np.ones(averaged) / averaged, "valid")
    rises = means - np.minimum.accumulate(means)
    at = int(np.argmax(rises))
    epochs = [r["train_loss"] for r in history.validations]
    worse = next((k for k in range(1, len(epochs)) if epochs[k] > epochs[k - 1] + 2 * RISE), None)
    if rises[at] >= JUMP:
        low = float(means[:at + 1].min())
        evidence = (f"the mean of {averaged} logged steps rose from {low:.3f} to {means[at]:.3f} nats by step "
                    f"{history.steps[at + averaged - 1]['step']:,}")
    elif worse is not None:
        evidence = f"the training loss rose from {epochs[worse - 1]:.3f} in epoch {worse} to {epochs[worse]:.3f} in epoch {worse + 1}"
    else:
        return None
    return Finding("rate_too_high", "the training loss goes up: the learning rate is too high",
                   f"{evidence}, with {rate_in_words(history)}.", again(history, lr=history.settings.training.lr / 3))


def rate_too_low(history: History) -> Finding | None:
    """Slow, because the rate is far below what the optimiser usually takes."""
    usual, _ = usual_rates(history)
    if history.settings.training.lr > usual / 10 or not _last_gain(history) >= RISE:
        return None
    return Finding("rate_too_low", "the loss falls slowly: the learning rate is low",
                   f"{rate_in_words(history)}; the loss still falls, {_fall(history)}.", again(history, lr=usual))


def still_falling(history: History) -> Finding | None:
    """It was over before it had converged."""
    training = history.settings.training
    if not history.finished or len(history.validations) < training.epochs or not _last_gain(history) >= RISE:
        return None
    return Finding("still_falling", "the loss is still falling at the end: train longer", f"{_fall(history)}.",
                   again(history, epochs=2 * training.epochs))


def best_at_first(history: History) -> Finding | None:
    """The first epoch was the best and patience ran out."""
    judged, training = history.judged(), history.settings.training
    if not history.finished or len(judged) < 3 or len(judged) >= training.epochs or np.argmin(judged) != 0:
        return None
    return Finding("best_at_first", "the first epoch was the best, and no later one beat it",
                   f"validation {judged[0]:.3f} nats after epoch 1, {judged[-1]:.3f} after epoch {len(judged)}, then it stopped "
                   f"(patience {training.patience}); training fell from {history.validations[0]['train_loss']:.3f} to "
                   f"{history.validations[-1]['train_loss']:.3f}; {rate_in_words(history)}.",
                   again(history, lr=history.settings.training.lr / 3, **more_dropout(history)))


def overfitting(history: History) -> Finding | None:
    """Validation rises while training falls."""
    losses = [(r["train_loss"], r["valid_loss"]) for r in history.validations if r["valid_loss"] is not None]
    if len(losses) < 3:
        return None
    train, valid = map(np.array, zip(*losses, strict=True))
    best = int(np.argmin(valid))
    if len(valid) - best < 3 or valid[-1] < valid[best] + RISE or train[-1] >= train[best]:
        return None
    return Finding("overfitting", f"validation rises while training falls since epoch {best + 1}: it learns its text by heart",
                   f"from epoch {best + 1} to {len(valid)} validation went from {valid[best]:.3f} to {valid[-1]:.3f} nats (perplexity "
                   f"{_perplexity(valid[best])} to {_perplexity(valid[-1])}), training from {train[best]:.3f} to {train[-1]:.3f}; "
                   f"{dropout_in_words(history)} (the run kept the model of epoch {best + 1}).",
                   again(history, **(more_dropout(history) or {"epochs": best + 1})))


def gap(history: History) -> Finding | None:
    """Far better on its own text than on another, with nothing against it."""
    validated = [r for r in history.validations if r["valid_loss"] is not None]
    if not validated or dropped(history) or not hasattr(history.settings.model, "dropout"):
        return None
    best = min(validated, key=lambda r: r["valid_loss"])
    if best["valid_loss"] - best["train_loss"] < GAP:
        return None
    return Finding("gap", "the model knows its own text far better than another, and dropout is off",
                   f"in epoch {best['epoch']} training {best['train_loss']:.3f}, validation {best['valid_loss']:.3f} nats (perplexity "
                   f"{_perplexity(best['train_loss'])} and {_perplexity(best['valid_loss'])}).", again(history, dropout=0.3))


def clipped(history: History) -> Finding | None:
    """Nearly every step had the same length."""
    clip, norms = history.settings.training.clip, np.array([r["norm"] for r in history.steps])
    share = float(np.mean(norms > clip))
    if not clip or share <= CLIPPED:
        return None
    return Finding("clipped", f"the norm was clipped in {share:.0%} of the steps, so the threshold sets the pace, not the gradient",
                   f"clip is {clip:g}; the gradient's length is {np.median(norms):.3g} in the median, and 9 in 10 steps are below "
                   f"{np.quantile(norms, 0.9):.3g}; {rate_in_words(history)}.",
                   again(history, clip=float(np.quantile(norms, 0.9))))


def mostly_unknown(history: History) -> Finding | None:
    """What is predicted is often <unk>, which is easy and says nothing."""
    share = history.unknown / history.tokens
    if share < UNKNOWN:
        return None
    data = history.settings.data
    capped = 0 < data.vocabulary <= history.vocabulary
    own = data.min_count == 1 and not capped
    larger = {"vocabulary": 4 * history.vocabulary} if capped else {"min_count": 1}
    return Finding("mostly_unknown", f"{share:.0%} of the training tokens are <unk>, so the loss says little about words",
                   f"{history.unknown:,} of {history.tokens:,} tokens; the vocabulary has {history.vocabulary:,} (vocabulary "
                   f"{data.vocabulary or 'unlimited'}, min_count {data.min_count}{'): the text itself says <unk>' if own else ')'}.",
                   with_another_text(history) if own else again(history, **larger))


def few_steps(history: History) -> Finding | None:
    """The batch is too large for the text."""
    training, steps = history.settings.training, history.steps_an_epoch()
    if steps >= FEW_STEPS:
        return None
    if training.accumulate > 1:
        change = {"accumulate": 1}
    else:
        change = {"batch_size": max(1, int(training.batch_size * steps / ENOUGH_STEPS))}
    if change == {"batch_size": training.batch_size}:
        change = {"bptt": max(1, int(training.bptt * steps / ENOUGH_STEPS))}
    return Finding("few_steps", f"an epoch has only {steps:.0f} steps: the batch is too large for the text",
                   f"{history.tokens:,} tokens, and a step takes batch_size {training.batch_size} x bptt {training.bptt} x accumulate "
                   f"{training.accumulate} = {training.batch_size * training.bptt * training.accumulate:,}.", again(history, **change))


CHECKS: list[tuple[Callable[[History], Finding | None], ...]] = [
    (stopped, exploded),
    (nothing_learnt, worse_than_counting, rate_too_high, rate_too_low, still_falling),
    (best_at_first, overfitting, gap),
    (clipped,),
    (mostly_unknown,),
    (few_steps,),
]


def as_record(history: History, findings: list[Finding]) -> dict:
    """Findings and figures for JSON."""
    return {"run": history.folder, **figures(history), "findings": [asdict(finding) for finding in findings]}


def _recent(history) -> float:
    """The mean loss of the last tenth of the logged steps."""
    losses = [r["loss"] for r in history.steps]
    return float(np.mean(losses[-max(1, len(losses) // 10):]))


def _last_gain(history) -> float:
    """Nats that the last epoch gained; of one epoch, its last quarter against the one before."""
    judged = history.judged()
    if len(judged) > 1:
        return judged[-2] - judged[-1]
    quarter = len(history.steps) // 4
    if quarter < AVERAGED:
        return 0.0
    losses = [r["loss"] for r in history.steps]
    return float(np.mean(losses[-2 * quarter:-quarter]) - np.mean(losses[-quarter:]))


def _fall(history) -> str:
    judged = history.judged()
    if len(judged) > 1:
        return (f"from {judged[-2]:.3f} to {judged[-1]:.3f} nats (perplexity {_perplexity(judged[-2])} to {_perplexity(judged[-1])}) in "
                f"the last of {len(judged)} epochs")
    return f"by {_last_gain(history):.3f} nats from the third to the last quarter of its only epoch"


def _perplexity(loss: float) -> str:
    return f"{math.exp(min(loss, 700.0)):,.4g}" if loss < 9 else f"{math.exp(min(loss, 700.0)):,.0f}"
