"""What ``tsuzuri lm train`` does: settings from all their places, a look before, the training itself."""
import math
import time
from collections import deque
from collections.abc import Iterator
from pathlib import Path

from tsuzuri import settings as settings_
from tsuzuri.cli.output import Watch, note
from tsuzuri.errors import ConfigError, RunError
from tsuzuri.train.estimate import estimate
from tsuzuri.train.events import Event, Finished
from tsuzuri.train.language_model import prepare_run, train_run, windows
from tsuzuri.train.run import Run, Settings, all_settings, choose, refuse_foreign, settings_type


def train(given: dict, out: Path, config: Path | None, resume: bool, dry_run: bool,
          minutes: float | None = None) -> None:
    """Train the run in ``out`` with the settings in the flags ``given``, a file and the environment."""
    allowed(minutes)
    if resume and (out / "config.toml").exists():
        run = Run(out)
        _refuse_changes(layers(given, config), run.settings)
        if dry_run:
            return _show(run.settings, dict.fromkeys(settings_.fields(_kind(run.settings)), f"{out}/config.toml"), out)
        note(f"going on with {out}")
    else:
        chosen, origin = choose(layers(given, config))
        if not chosen.data.data:
            raise ConfigError("no text was given; name a file, a folder, a data set (`tsuzuri data list`) or - for standard input.")
        if dry_run:
            return _show(chosen, origin, out)
        run = prepare_run(chosen, out, note)
    watch(run, minutes)
    print(f"{run.folder}")


def layers(given: dict, config: Path | None = None) -> list[tuple[str, dict]]:
    """The settings of the file, of the environment and of the flags, in the order in which the later wins."""
    file = [(str(config), settings_.from_file(config, Settings))] if config else []
    return [*file, ("environment", settings_.from_environment(all_settings())), ("flag", given)]


def watch(run: Run, minutes: float | None = None) -> None:
    """Train the run to its end, or for some minutes, showing how it goes."""
    config = run.settings.training
    epochs = getattr(config, "epochs", 1)
    steps = -(-len(windows(run.corpus(), run.settings)) // getattr(config, "accumulate", 1))
    (last,) = deque(shown(train_run(run, allowed(minutes)), epochs * steps, epochs), maxlen=1)
    if not isinstance(last, Finished):
        note(f"left after {minutes:g} minutes; go on with `tsuzuri lm train --resume --out {run.folder}`.")


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


def _refuse_changes(layers, old):
    """A resumed run goes on as it began; a flag, file or variable that says otherwise is an error, not ignored."""
    for where, layer in layers:
        if layer.get("arch", old.model.arch) != old.model.arch:
            raise RunError(f"arch was {old.model.arch!r} when the run began, but is {layer['arch']!r} now ({where}); "
                           "resume without it, or start a new run.")
    refuse_foreign(_kind(old), old.model.arch, layers)
    known = settings_.fields(_kind(old))
    before = {name: getattr(getattr(old, section), name) for name, (section, _) in known.items()}
    new, origin = settings_.resolve(_kind(old), [("before", before), *layers])
    for name, (section, _) in known.items():
        if getattr(getattr(new, section), name) != before[name]:
            raise RunError(f"{name} was {before[name]!r} when the run began, but is {getattr(getattr(new, section), name)!r} "
                           f"now ({origin[name]}); resume without it, or start a new run.")


def _kind(settings):
    return settings_type(settings.model.arch)


def _show(chosen, origin, out):
    width = max(map(len, origin))
    for name, (section, _) in settings_.fields(_kind(chosen)).items():
        print(f"{name:<{width}}  {getattr(getattr(chosen, section), name)!s:<20}  {origin[name]}")
    note("measuring a few steps")
    started = time.monotonic()
    print()
    for line in estimate(chosen):
        print(line)
    note(f"nothing was written to {out} ({time.monotonic() - started:.0f} s)")
