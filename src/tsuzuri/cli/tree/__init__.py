"""tsuzuri tree: a label at every node of a tree."""
from cyclopts import App

from tsuzuri.cli.tree import train, use


def register(app: App) -> None:
    """Put the group into the command line."""
    tree = App(name="tree", help="Train a recursive model over trees, measure it, label trees and sentences, draw them.")
    for part in (train, use):
        part.register(tree)
    app.command(tree)
