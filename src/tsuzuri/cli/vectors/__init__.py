"""tsuzuri vectors: word vectors."""
from cyclopts import App

from tsuzuri.cli.vectors import ask, convert, explain, measure, picture, train

HELP = "Word vectors: train them by counting or predicting, ask them, measure and compare them, see why."


def register(app: App) -> None:
    """Put the group into the command line."""
    vectors = App(name="vectors", help=HELP)
    for commands in (train, ask, measure, explain, picture, convert):
        commands.register(vectors)
    app.command(vectors)
