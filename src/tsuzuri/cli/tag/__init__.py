"""tsuzuri tag: labels of sentences and of words."""
from cyclopts import App

from tsuzuri.cli.tag import look, train, use


def register(app: App) -> None:
    """Put the group into the command line."""
    tag = App(name="tag", help="Train a classifier of sentences or a tagger of words, measure it, label, see which words decide.")
    for part in (train, use, look):
        part.register(tag)
    app.command(tag)
