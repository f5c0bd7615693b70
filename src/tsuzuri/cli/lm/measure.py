"""tsuzuri lm evaluate: how well a run predicts a text."""
from pathlib import Path
from typing import Annotated

from cyclopts import App, Parameter

from tsuzuri.cli.arguments import Text


def register(lm: App) -> None:
    """Put the commands into their group."""
    lm.command(evaluate)


def evaluate(run: Path, data: Text, /, *, json: Annotated[bool, Parameter(negative="")] = False) -> None:
    """Measure how well a run predicts a text, read from end to end with the state carried over.

    Examples:

      tsuzuri lm evaluate runs/ptb ptb:test

      tsuzuri lm evaluate runs/notes letters.txt --json

    Parameters
    ----------
    run
        A run folder.
    data
        A file, folder, glob, -, or a data set with a split (without one: its test split).
    json
        Print one JSON object.
    """
    from tsuzuri.cli.output import print_json
    from tsuzuri.train.evaluation import evaluate_run
    from tsuzuri.train.run import Run
    result = evaluate_run(Run(run), data)
    if json:
        return print_json(result)
    print(f"{result['data']}: loss {result['loss']:.4f} nats a token, perplexity {result['perplexity']:,.2f}, "
          f"{result['bits_per_character']:.3f} bits per character\n{result['tokens']:,} tokens predicted, "
          f"{result['unknown']:,} of them unknown words; {result['characters']:,} characters, {result['bytes']:,} bytes")
