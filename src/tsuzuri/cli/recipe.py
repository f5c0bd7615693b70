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
    from tsuzuri.train.recipes import RECIPES
    print_table(((r.name, r.what, f"{r.measure} {r.bound}", r.published) for r in RECIPES.values()),
                ["name", "what", "must reach", "published"])


@recipe.command
def run(name: str, /, *, out: Path | None = None, json: Annotated[bool, Parameter(negative="")] = False) -> int:
    """Train a recipe and print its figure beside the published one; leaves with 1 where it falls short.

    Examples:

      tsuzuri recipe run spiral

      tsuzuri recipe run ptb-lstm --out runs/ptb-lstm

    Parameters
    ----------
    name
        A name from `tsuzuri recipe list`.
    out
        The run folder to write; one that was begun is gone on with. [default: runs/NAME]
    json
        Print one JSON object.
    """
    from tsuzuri.cli.output import print_json
    from tsuzuri.train.recipes import run_recipe
    result = run_recipe(name, out or Path("runs") / name, watch_run)
    if json:
        print_json(result._asdict() | {"reached": result.reached})
    else:
        print(result.sentence())
    return 0 if result.reached else 1


def watch_run(training_run) -> None:
    """Train with the usual display."""
    from tsuzuri.cli.training import watch
    watch(training_run)
