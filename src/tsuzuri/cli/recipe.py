"""tsuzuri recipe: published results, trained again."""
from pathlib import Path
from typing import Annotated

from cyclopts import App, Parameter

recipe = App(name="recipe", help="Trainings with a published figure to reach.")


def register(app: App) -> None:
    """Put the group into the command line."""
    app.command(recipe)


@recipe.command(name="list")
def list_() -> None:
    """List the recipes and the figures they must reach."""
    from tsuzuri.cli.output import print_table
    from tsuzuri.recipes import RECIPES
    print_table(((r.name, r.what, f"{r.measure} {r.bound}", r.published) for r in RECIPES.values()),
                ["name", "what", "must reach", "published"])


@recipe.command
def run(name: str, /, *, out: Path | None = None, minutes: float | None = None, json: Annotated[bool, Parameter(negative="")] = False) -> int:
    """Train a recipe and print its figure beside the published one; leaves with 1 where it falls short.

    Examples:

      tsuzuri recipe run spiral
      tsuzuri recipe run ptb-counts
      tsuzuri recipe run ptb-lstm --out runs/ptb-lstm

    Parameters
    ----------
    name
        A name from `tsuzuri recipe list`.
    out
        The run folder to write; one that was begun is gone on with. [default: runs/NAME]
    minutes
        Stop the training of a run folder after so many minutes and measure what it has learnt; run again to go on.
    json
        Print one JSON object.
    """
    from functools import partial

    from tsuzuri.cli.output import print_json
    from tsuzuri.cli.training import shown
    from tsuzuri.cli.training import watch as watch_run
    from tsuzuri.cli.vectors.watch import watch as watch_vectors
    from tsuzuri.errors import ConfigError
    from tsuzuri.recipes import Watch, find_recipe, run_recipe
    if minutes is not None and not find_recipe(name).stops:
        raise ConfigError(f"{name} cannot be left after some minutes; leave --minutes out.")
    result = run_recipe(name, out or Path("runs") / name, Watch(partial(watch_run, minutes=minutes), watch_vectors, shown))
    if json:
        print_json(result._asdict())
    else:
        print(*result.details, result.sentence(), sep="\n")
    return 0 if result.reached else 1
