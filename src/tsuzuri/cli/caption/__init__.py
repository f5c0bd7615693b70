"""tsuzuri caption: images to sentences."""
from cyclopts import App

from tsuzuri.cli.caption import measure, train, use


def register(app: App) -> None:
    """Put the group into the command line."""
    caption = App(name="caption", help="Train a model that says what is on a picture, measure it, let it describe, see where it looks.")
    for part in (train, measure, use):
        part.register(caption)
    app.command(caption)
