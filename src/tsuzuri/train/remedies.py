"""What to try against a finding: a command that trains once more, and how rates and dropout are told."""
import shlex
from pathlib import Path

from tsuzuri.optim import USUAL_RATE
from tsuzuri.train.history import History

CLIPPED_RATE = {"sgd": 30.0, "nt-asgd": 30.0}                # usual for language models whose gradients are cut short
SHORT = 1.0                                                  # what they are clipped at, at most; 0.25 in the papers


def again(history: History, **changes: float) -> str:
    """The command that trains once more, with other settings in two digits, into a folder that is not there yet."""
    flags = [word for name, value in changes.items() for word in (f"--{name.replace('_', '-')}", _two_digits(value))]
    command = shlex.join(["tsuzuri", "lm", "train", *_into(history, next(iter(changes)).replace("_", "-")), *flags])
    return f"cat TEXT | {command}" if history.settings.data.data == "-" else command


def with_another_text(history: History) -> str:
    """The command that trains the same on a text in which no word was replaced."""
    return shlex.join(["tsuzuri", "lm", "train", *_into(history, "text"), "TEXT_WITH_ALL_ITS_WORDS"])


def better_rate(history: History) -> float:
    """The usual rate; a third of the one that was taken, where that was a usual one already and not the least of many."""
    lr, (least, most) = history.settings.training.lr, usual_rates(history)
    if lr < most / 10:
        return max(least, most / 3)
    return lr / 3 if least / 1.5 <= lr <= 1.5 * most else least


def usual_rates(history: History) -> tuple[float, float]:
    """The least and the highest rate that is usual with the optimiser."""
    optimizer = history.settings.training.optimizer
    usual = USUAL_RATE.get(optimizer, 0.001)
    return usual, CLIPPED_RATE.get(optimizer, usual) if 0 < history.settings.training.clip <= SHORT else usual


def rate_in_words(history: History) -> str:
    """The optimiser with its rate, and what is usual where that is another."""
    training, (least, most) = history.settings.training, usual_rates(history)
    usual = "" if least <= training.lr <= most else f" (usual: {least:g})" if least == most else f" (usual: {least:g} to {most:g})"
    return f"{training.optimizer} at lr {training.lr:g}{usual}"


def dropped(history: History) -> dict[str, float]:
    """What of the model is dropped, and how probably."""
    model = history.settings.model
    names = (name for name in dir(model) if name.endswith(("dropout", "weight_drop")))
    return {name: value for name in names if (value := getattr(model, name)) > 0}


def dropout_in_words(history: History) -> str:
    """All that is dropped, by the names of its settings."""
    if not hasattr(history.settings.model, "dropout"):
        return "the model has no dropout"
    return ", ".join(f"{name} is {value:g}" for name, value in dropped(history).items()) or "dropout is 0"


def more_dropout(history: History) -> dict[str, float]:
    """A higher dropout; nothing where the model has none or it is high already."""
    dropout = getattr(history.settings.model, "dropout", None)
    return {} if dropout is None or dropout >= 0.6 else {"dropout": round(max(0.3, dropout + 0.2), 2)}


def _into(history, change) -> list[str]:
    """The run's settings, and a folder that is not there yet."""
    out = Path(f"{history.folder}-{change}")
    number = 2
    while out.exists():
        out = out.with_name(f"{out.name.rstrip('0123456789').rstrip('-')}-{number}")
        number += 1
    return ["--config", f"{history.folder}/config.toml", "--out", str(out)]


def _two_digits(value):
    """0.0033; whole numbers as they are."""
    return f"{float(f'{value:.2g}'):g}" if isinstance(value, float) else str(value)
