"""tsuzuri vectors: training word vectors."""
from cyclopts import App


def register(vectors: App) -> None:
    """Put the commands into the group."""
