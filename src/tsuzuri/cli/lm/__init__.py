"""tsuzuri lm: language models."""
from cyclopts import App

from tsuzuri.cli.lm import judge, look, measure, train, write


def register(app: App) -> None:
    """Put the group into the command line."""
    lm = App(name="lm", help="Train a language model, measure it, let it write, look inside.")
    for part in (train, measure, write, look, judge):
        part.register(lm)
    app.command(lm)
