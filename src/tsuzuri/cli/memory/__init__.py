"""tsuzuri memory: read a sequence, then answer from memory."""
from cyclopts import App

from tsuzuri.cli.memory import train, use


def register(app: App) -> None:
    """Put the group into the command line."""
    memory = App(name="memory", help="Train a Neural Turing Machine, count what it answers wrongly, look where it reads and writes.")
    for part in (train, use):
        part.register(memory)
    app.command(memory)
