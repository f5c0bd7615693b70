"""tsuzuri check: is every gradient of a model right?"""
from pathlib import Path

from cyclopts import App

from tsuzuri.cli.arguments import Seed


def register(app: App) -> None:
    """Put the command into the command line."""
    app.command(check)


def check(config: Path, /, *, seed: Seed = 0) -> int:
    """Check every gradient of a model of any task against a numeric one, in float64.

    A language model reads a made batch, in which ignored targets and a carried
    state are; any other model a few rows of its run's data. Dropout masks and
    tied weights are part of the check. Leaves with 1 where a parameter is
    wrong, and names the first.

    Examples:

      tsuzuri check runs/ptb/config.toml
      tsuzuri check runs/pos/config.toml --seed 3

    Parameters
    ----------
    config
        A TOML file of settings, such as a run's config.toml.
    seed
        Of the directions and masks, and of a language model's weights and batch.
    """
    from tsuzuri.cli.output import note
    from tsuzuri.gradcheck import TOLERANCE, check_config
    wrong = None
    for row in check_config(config, seed=seed):
        print(f"{row.name:<24} {row.shape!s:<14} {row.exact:+.9e}  {row.numeric:+.9e}  error {row.error:.1e}"
              f"  {'ok' if row.right else 'WRONG'}")
        wrong = wrong or (None if row.right else row)
    if wrong is None:
        print(f"every gradient is right (relative error at most {TOLERANCE:.0e})")
        return 0
    note(f"tsuzuri: the gradient of {wrong.name} is wrong: {wrong.exact:.6e}, but the loss changes by {wrong.numeric:.6e}.")
    return 1
