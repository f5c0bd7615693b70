"""tsuzuri check: is every gradient of a model right?"""
from pathlib import Path

from cyclopts import App

from tsuzuri.cli.arguments import Seed


def register(app: App) -> None:
    """Put the command into the command line."""
    app.command(check)


def check(config: Path, /, *, seed: Seed = 0) -> int:
    """Check every gradient of a language model against a numeric one, in float64.

    Dropout masks, ignored targets, carried state and tied weights are part of the check. Leaves with 1 where a
    parameter is wrong, and names the first.

    Examples:

      tsuzuri check runs/ptb/config.toml

    Parameters
    ----------
    config
        A TOML file of settings, such as a run's config.toml; the model's are used.
    seed
        Of the weights, the batch and the directions.
    """
    from tsuzuri.cli.output import note
    from tsuzuri.errors import ConfigError
    from tsuzuri.gradcheck import TOLERANCE, check_language_model
    from tsuzuri.train.run import read_settings
    model = read_settings(config).model
    if model.arch == "ngram":
        raise ConfigError(f"{config}: a model of arch ngram is counted and has no gradients; name the settings of another one.")
    wrong = None
    for row in check_language_model(model, seed=seed):
        print(f"{row.name:<24} {row.shape!s:<14} {row.exact:+.9e}  {row.numeric:+.9e}  error {row.error:.1e}"
              f"  {'ok' if row.right else 'WRONG'}")
        wrong = wrong or (None if row.right else row)
    if wrong is None:
        print(f"every gradient is right (relative error at most {TOLERANCE:.0e})")
        return 0
    note(f"tsuzuri: the gradient of {wrong.name} is wrong: {wrong.exact:.6e}, but the loss changes by {wrong.numeric:.6e}.")
    return 1
