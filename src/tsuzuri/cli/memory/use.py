"""tsuzuri memory evaluate and show: what a run answers, and what it does with its memory."""
from pathlib import Path
from typing import Annotated

from cyclopts import App, Parameter

from tsuzuri.cli.arguments import Seed, Whole


def register(memory: App) -> None:
    """Put the commands into their group."""
    memory.command(evaluate)
    memory.command(show)


def evaluate(run: Path, /, *, length: Whole | None = None, repeats: Whole | None = None, sequences: Whole = 100, seed: Seed = 1,
             json: Annotated[bool, Parameter(negative="")] = False) -> None:
    """Count the wrong bits of sequences that nobody trained on, also of lengths that nobody trained on.

    Examples:

      tsuzuri memory evaluate runs/copy
      tsuzuri memory evaluate runs/copy --length 50 --json

    Parameters
    ----------
    run
        A run folder.
    length
        Vectors of a sequence; of recall: items. [default: those of the longest in training]
    repeats
        repeat-copy: how often a sequence is asked for. [default: drawn as in training]
    sequences
        How many are answered.
    seed
        Number from which they follow.
    json
        Print one JSON object.
    """
    from tsuzuri.cli.output import print_json
    from tsuzuri.measuring.answering import evaluate_answers
    from tsuzuri.writing.answering import Answerer
    answerer = Answerer(run)
    result = evaluate_answers(answerer, given(length, "length"), sequences, seed, given(repeats, "repeats"))
    if json:
        return print_json(result)
    print(f"{result['sequences']:,} sequences of {result['length']} {answerer.run.settings.memory.make().asked}: {result['wrong_bits']:.4g} wrong bits of "
          f"{result['bits']:,.4g} a sequence ({100 * result['wrong']:.2f} %), {100 * result['right']:.0f} % without one, {result['loss']:.4g} nats a bit")


def show(run: Path, /, *, out: Path, length: Whole | None = None, repeats: Whole | None = None, seed: Seed = 1, title: str = "") -> None:
    """Draw where the heads read and write over time, beside what comes in and what is answered.

    Examples:

      tsuzuri memory show runs/copy --out copy.png
      tsuzuri memory show runs/copy --length 50 --out long.svg

    Parameters
    ----------
    run
        A run folder of a Neural Turing Machine.
    out
        The picture to write; .png, .svg or .pdf.
    length
        Vectors of the sequence; of recall: items. [default: those of the longest in training]
    repeats
        repeat-copy: how often the sequence is asked for. [default: drawn as in training]
    seed
        Number from which the sequence follows.
    title
        A title of your own.
    """
    from tsuzuri.cli.drawing import drawn
    from tsuzuri.errors import ConfigError
    from tsuzuri.plots import memory_picture
    from tsuzuri.writing.answering import Answerer
    seen = Answerer(run).watch(given(length, "length"), seed, given(repeats, "repeats"))
    if seen.weights is None:
        raise ConfigError(f"{run} is an LSTM, which has no memory to look at; name a run of arch ntm.")
    with drawn(out):
        memory_picture(seen.inputs, seen.targets, seen.p, seen.weights, seen.reads, out, title=title)
    print(f"{seen.wrong} wrong bits")


def given(value: int | None, name: str) -> int:
    """A number of at least 1; 0 where none was given."""
    from tsuzuri.errors import check_least
    if value is not None:
        check_least(f"--{name}", value, 1)
    return value or 0
