"""What the learning rate is multiplied by as the training goes on.

    factor(step, steps) -> the factor, for step 0, 1, ... of ``steps`` in all
    validated(loss)     -> told once after each validation
    state() / restore() -> what a checkpoint keeps
"""
import math

from tsuzuri.errors import check_choice


class Constant:
    """The rate as it is."""

    def factor(self, step: int, steps: int) -> float:
        """What the learning rate is multiplied by at ``step`` of ``steps``."""
        return 1.0

    def validated(self, loss: float) -> None:
        """Be told a validation loss in nats."""

    def state(self) -> dict:
        """What must be kept to go on as if nothing had happened."""
        return {}

    def restore(self, state: dict) -> None:
        """Take up a kept state."""
        vars(self).update(state)


class Step(Constant):
    """Divided by ``divide`` at equal distances, ``times`` times in a training."""

    def __init__(self, divide: float = 4.0, times: int = 3):
        self.divide, self.times = divide, times

    def factor(self, step, steps):
        return self.divide ** -(step * (self.times + 1) // max(steps, 1))


class Cosine(Constant):
    """Up in a line over the first ``warmup`` share of the steps, then down along half a cosine wave to zero.

    Source: Loshchilov and Hutter 2017 (without restarts).
    """

    def __init__(self, warmup: float = 0.05):
        self.warmup = warmup

    def factor(self, step, steps):
        rise = int(self.warmup * steps)
        if step < rise:
            return (step + 1) / rise
        return 0.5 * (1 + math.cos(math.pi * (step - rise) / max(steps - rise, 1)))


class InverseSqrt(Constant):
    """Up in a line over the first ``warmup`` share of the steps, then down with the square root of the steps.

    Source: Vaswani et al. 2017, where the rise has a number of steps of its own (4000 of 100,000).
    """

    def __init__(self, warmup: float = 0.1):
        self.warmup = warmup

    def factor(self, step, steps):
        rise = max(1.0, self.warmup * steps)
        return min((step + 1) / rise, (rise / (step + 1)) ** 0.5)


class Hold(Constant):
    """As it is for most of the training, then down along half a cosine wave to zero over the last ``decay`` share of the steps.

    Source: trapezoidal schedules, Xing et al. 2018; as warmup-stable-decay, Hu et al. 2024.
    """

    def __init__(self, decay: float = 0.3):
        self.decay = decay

    def factor(self, step, steps):
        fall = self.decay * steps
        return 0.5 * (1 + math.cos(math.pi * max(0.0, (step - (steps - fall)) / max(fall, 1))))


class Plateau(Constant):
    """Divided by ``divide`` after every validation that brings no new best loss."""

    def __init__(self, divide: float = 4.0):
        self.divide, self.best, self.current = divide, math.inf, 1.0

    def factor(self, step, steps):
        return self.current

    def validated(self, loss):
        if loss < self.best:
            self.best = loss
        else:
            self.current /= self.divide

    def state(self):
        return {"best": self.best, "current": self.current}


SCHEDULES = {"constant": Constant, "step": Step, "cosine": Cosine, "inverse-sqrt": InverseSqrt, "hold": Hold, "plateau": Plateau}


def make_schedule(name: str) -> Constant:
    """The schedule called ``name``."""
    check_choice("schedule", name, SCHEDULES)
    return SCHEDULES[name]()
