"""What the commands that train do: settings from all their places, a look before, the training itself."""
import math
import time
from collections import deque
from collections.abc import Iterator
from itertools import chain
from pathlib import Path

from tsuzuri import settings as settings_
from tsuzuri.cli.arguments import TrainingFlags
from tsuzuri.cli.output import Watch, note
from tsuzuri.errors import ConfigError, RunError
from tsuzuri.train.estimate import estimate
from tsuzuri.train.events import Event, Finished
from tsuzuri.train.folder import RunFolder
from tsuzuri.train.trainings import training_of

NO_SETTINGS = ("out", "flags", "text", "config", "minutes", "resume", "dry_run")


def train(command: str, given: dict) -> None:
    """Train the run of a group of commands as the arguments ``given`` to its ``train`` say, a file and the environment."""
    out, flags = given["out"], given["flags"] or TrainingFlags()
    said = chain(given.items(), *(vars(given[shared]).items() for shared in ("text", "flags") if given.get(shared)))
    settings = {name: value for name, value in said if value is not None and name not in NO_SETTINGS}
    allowed(flags.minutes)
    training = training_of(command)
    task = training.run.task
    if flags.resume and (out / "config.toml").exists():
        run = training.run(out)
        _refuse_changes(task, layers(task, settings, flags.config), run.settings)
        if flags.dry_run:
            return _show(training, run.settings, dict.fromkeys(_fields(task, run.settings), f"{out}/config.toml"), out)
        note(f"going on with {out}")
    else:
        chosen, origin = task.choose(layers(task, settings, flags.config))
        task.refuse_no_text(chosen)
        if flags.dry_run:
            return _show(training, chosen, origin, out)
        run = training.prepare(chosen, out, note)
    watch(run, flags.minutes)
    print(f"{run.folder}")


def layers(task, given: dict, config: Path | None = None) -> list[tuple[str, dict]]:
    """The settings of the file, of the environment and of the flags, in the order in which the later wins."""
    file = [(str(config), settings_.from_file(config, task.settings_type(task.default)))] if config else []
    return [*file, ("environment", settings_.from_environment(task.all_settings())), ("flag", given)]


def watch(run: RunFolder, minutes: float | None = None) -> None:
    """Train the run to its end, or for some minutes, showing how it goes."""
    config, task = run.settings.training, run.task
    epochs = getattr(config, "epochs", 1)
    steps = -(-len(run.batches()) // getattr(config, "accumulate", 1))
    events = training_of(task.command).train(run, allowed(minutes))
    (last,) = deque(shown(events, epochs * steps, epochs, task.unit, task.measure != "loss"), maxlen=1)
    if not isinstance(last, Finished):
        note(f"left after {minutes:g} minutes; go on with `tsuzuri {run.task.command} train --resume --out {run.folder}`.")


def allowed(minutes: float | None) -> float:
    """How long a training may take; None is no limit."""
    if minutes is not None and not minutes > 0:
        raise ConfigError(f"minutes is {minutes}; it must be above 0.")
    return math.inf if minutes is None else minutes


def shown(events: Iterator[Event], steps: int, epochs: int, unit: str = "tokens", perplexity: bool = True) -> Iterator[Event]:
    """The events of a training as they pass, shown."""
    with Watch(steps, epochs, unit, perplexity) as watch:
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
    for line in estimate(training, chosen):
        print(line)
    note(f"nothing was written to {out} ({time.monotonic() - started:.0f} s)")
