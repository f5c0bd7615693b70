"""What happens while a model is trained, as values that ``fit`` yields."""
from dataclasses import dataclass, field


@dataclass(frozen=True)
class Stepped:
    """The parameters have moved once.  ``loss`` is the mean in nats a token of the windows of this step, ``norm`` the
    length of their gradient before clipping, ``tokens`` how many were predicted."""

    epoch: int
    step: int
    loss: float
    norm: float
    lr: float
    tokens: int


@dataclass(frozen=True)
class Validated:
    """An epoch is over.  Losses are means in nats a token; ``valid_loss`` is None where nothing is held out, ``train_loss``
    where a model was counted, which learns its own text by heart.  ``measures`` are other figures of the validation."""

    epoch: int
    step: int
    train_loss: float | None
    valid_loss: float | None
    best: bool
    measures: dict[str, float] = field(default_factory=dict)


@dataclass(frozen=True)
class Finished:
    """The training is over, and why."""

    epoch: int
    step: int
    reason: str


Event = Stepped | Validated | Finished
