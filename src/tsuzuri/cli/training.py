"""What ``tsuzuri lm train`` does: settings from all their places, a look before, the training itself."""
import time
from pathlib import Path

from tsuzuri import settings as settings_
from tsuzuri.cli.output import Watch, note
from tsuzuri.errors import ConfigError, RunError
from tsuzuri.train.estimate import estimate
from tsuzuri.train.language_model import prepare_run, train_run, windows
from tsuzuri.train.run import Run, Settings, choose


def train(given: dict, out: Path, config: Path | None, resume: bool, dry_run: bool) -> None:
    """Train the run in ``out`` with the settings in the flags ``given``, a file and the environment."""
    if resume and (out / "config.toml").exists():
        run = Run(out)
        _refuse_changes(layers(given, config), run.settings)
        if dry_run:
            return _show(run.settings, dict.fromkeys(settings_.fields(Settings), f"{out}/config.toml"), out)
        note(f"going on with {out}")
    else:
        chosen, origin = choose(layers(given, config))
        if not chosen.data.data:
            raise ConfigError("no text was given; name a file, a folder, a data set (`tsuzuri data list`) or - for standard input.")
        if dry_run:
            return _show(chosen, origin, out)
        run = prepare_run(chosen, out, note)
    watch(run)
    print(f"{run.folder}")


def layers(given: dict, config: Path | None = None) -> list[tuple[str, dict]]:
    """The settings of the file, of the environment and of the flags, in the order in which the later wins."""
    file = [(str(config), settings_.from_file(config, Settings))] if config else []
    return [*file, ("environment", settings_.from_environment(Settings)), ("flag", given)]


def watch(run: Run) -> None:
    """Train the run to its end, showing how it goes."""
    config = run.settings.training
    steps = -(-len(windows(run.corpus(), run.settings)) // config.accumulate)
    with Watch(config.epochs * steps, config.epochs) as shown:
        for event in train_run(run):
            shown.show(event)


def _refuse_changes(layers, old):
    """A resumed run goes on as it began; a flag, file or variable that says otherwise is an error, not ignored."""
    before = {name: getattr(getattr(old, section), name) for name, (section, _) in settings_.fields(Settings).items()}
    new, origin = settings_.resolve(Settings, [("before", before), *layers])
    for name, (section, _) in settings_.fields(Settings).items():
        if getattr(getattr(new, section), name) != before[name]:
            raise RunError(f"{name} was {before[name]!r} when the run began, but is {getattr(getattr(new, section), name)!r} "
                           f"now ({origin[name]}); resume without it, or start a new run.")


def _show(chosen, origin, out):
    width = max(map(len, origin))
    for name, (section, _) in settings_.fields(Settings).items():
        print(f"{name:<{width}}  {getattr(getattr(chosen, section), name)!s:<20}  {origin[name]}")
    note("measuring a few steps")
    started = time.monotonic()
    print()
    for line in estimate(chosen):
        print(line)
    note(f"nothing was written to {out} ({time.monotonic() - started:.0f} s)")
