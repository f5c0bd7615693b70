"""What the commands that train do: settings from all their places, a look before, the training itself."""
import math
import time
from collections import deque
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, NamedTuple

from tsuzuri import settings as settings_
from tsuzuri.cli.output import Watch, note
from tsuzuri.errors import ConfigError, RunError
from tsuzuri.train import language_model, seq2seq
from tsuzuri.train.estimate import estimate, estimate_pairs
from tsuzuri.train.events import Event, Finished
from tsuzuri.train.folder import RunFolder
from tsuzuri.train.run import Run
from tsuzuri.train.seq2seq_run import Seq2SeqRun


class Training(NamedTuple):
    """How a task is trained: its run folder; what prepares one, trains it, counts the batches of an epoch, estimates."""

    run: type[RunFolder]
    prepare: Callable[..., Any]
    train: Callable[[Any, float], Iterator[Event]]
    batches: Callable[[Any], int]
    estimate: Callable[[Any], Iterator[str]]


LANGUAGE_MODEL = Training(Run, language_model.prepare_run, language_model.train_run,
                          lambda run: len(language_model.windows(run.corpus(), run.settings)), estimate)
SEQ2SEQ = Training(Seq2SeqRun, seq2seq.prepare_pairs, seq2seq.train_pairs, lambda run: len(run.batches()), estimate_pairs)


def train(training: Training, given: dict, out: Path, config: Path | None, resume: bool, dry_run: bool,
          minutes: float | None = None) -> None:
    """Train the run in ``out`` with the settings in the flags ``given``, a file and the environment."""
    allowed(minutes)
    task = training.run.task
    if resume and (out / "config.toml").exists():
        run = training.run(out)
        _refuse_changes(task, layers(task, given, config), run.settings)
        if dry_run:
            return _show(training, run.settings, dict.fromkeys(_fields(task, run.settings), f"{out}/config.toml"), out)
        note(f"going on with {out}")
    else:
        chosen, origin = task.choose(layers(task, given, config))
        task.refuse_no_text(chosen)
        if dry_run:
            return _show(training, chosen, origin, out)
        run = training.prepare(chosen, out, note)
    watch(run, minutes)
    print(f"{run.folder}")


def layers(task, given: dict, config: Path | None = None) -> list[tuple[str, dict]]:
    """The settings of the file, of the environment and of the flags, in the order in which the later wins."""
    file = [(str(config), settings_.from_file(config, task.settings_type(task.default)))] if config else []
    return [*file, ("environment", settings_.from_environment(task.all_settings())), ("flag", given)]


def watch(run: RunFolder, minutes: float | None = None) -> None:
    """Train the run to its end, or for some minutes, showing how it goes."""
    training = next(t for t in (LANGUAGE_MODEL, SEQ2SEQ) if isinstance(run, t.run))
    config = run.settings.training
    epochs = getattr(config, "epochs", 1)
    steps = -(-training.batches(run) // getattr(config, "accumulate", 1))
    (last,) = deque(shown(training.train(run, allowed(minutes)), epochs * steps, epochs), maxlen=1)
    if not isinstance(last, Finished):
        note(f"left after {minutes:g} minutes; go on with `tsuzuri {run.task.command} train --resume --out {run.folder}`.")


def allowed(minutes: float | None) -> float:
    """How long a training may take; None is no limit."""
    if minutes is not None and not minutes > 0:
        raise ConfigError(f"minutes is {minutes}; it must be above 0.")
    return math.inf if minutes is None else minutes


def shown(events: Iterator[Event], steps: int, epochs: int) -> Iterator[Event]:
    """The events of a training as they pass, shown."""
    with Watch(steps, epochs) as watch:
        for event in events:
            watch.show(event)
            yield event


def _refuse_changes(task, layers, old):
    """A resumed run goes on as it began; a flag, file or variable that says otherwise is an error, not ignored."""
    for where, layer in layers:
        if layer.get("arch", old.model.arch) != old.model.arch:
            raise RunError(f"arch was {old.model.arch!r} when the run began, but is {layer['arch']!r} now ({where}); "
                           "resume without it, or start a new run.")
    task.refuse_foreign(old.model.arch, layers)
    known = _fields(task, old)
    before = {name: getattr(getattr(old, section), name) for name, (section, _) in known.items()}
    new, origin = settings_.resolve(task.settings_type(old.model.arch), [("before", before), *layers])
    for name, (section, _) in known.items():
        if getattr(getattr(new, section), name) != before[name]:
            raise RunError(f"{name} was {before[name]!r} when the run began, but is {getattr(getattr(new, section), name)!r} "
                           f"now ({origin[name]}); resume without it, or start a new run.")


def _fields(task, settings):
    return settings_.fields(task.settings_type(settings.model.arch))


def _show(training, chosen, origin, out):
    width = max(map(len, origin))
    for name, (section, _) in _fields(training.run.task, chosen).items():
        print(f"{name:<{width}}  {getattr(getattr(chosen, section), name)!s:<20}  {origin[name]}")
    note("measuring a few steps")
    started = time.monotonic()
    print()
    for line in training.estimate(chosen):
        print(line)
    note(f"nothing was written to {out} ({time.monotonic() - started:.0f} s)")
