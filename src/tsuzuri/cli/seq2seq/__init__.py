"""tsuzuri seq2seq: from one sequence to another."""
from cyclopts import App

from tsuzuri.cli.seq2seq import look, measure, train, use


def register(app: App) -> None:
    """Put the group into the command line."""
    seq2seq = App(name="seq2seq", help="Train a model from sequence to sequence, measure it, translate, look where it looks.")
    for part in (train, measure, use, look):
        part.register(seq2seq)
    app.command(seq2seq)
