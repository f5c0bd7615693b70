"""tsuzuri lm generate: new text."""
import sys
from pathlib import Path
from typing import Annotated

from cyclopts import App, Parameter

from tsuzuri.cli.arguments import Whole


def register(lm: App) -> None:
    """Put the commands into their group."""
    lm.command(generate)


def generate(run: Path, /, *, prompt: Annotated[str, Parameter(allow_leading_hyphen=True)] = "", tokens: Whole = 200, temperature: float = 1.0, top_k: Whole = 0,
             top_p: float = 1.0, seed: Whole = 1) -> None:
    """Write text with a run, going on from a prompt.

    Examples:

      tsuzuri lm generate runs/reference --prompt "The import statement" --tokens 400 --temperature 0.7

      tsuzuri lm generate runs/ptb --prompt "the company said" --top-p 0.9 --seed 7

    Parameters
    ----------
    run
        A run folder.
    prompt
        The text to go on from; empty: the start of a line.
    tokens
        How many tokens to write.
    temperature
        Below 1 likelier, above 1 more surprising text; 0 takes the likeliest token.
    top_k
        Only among the k likeliest tokens; 0: among all.
    top_p
        Only among the fewest tokens whose probabilities reach p.
    seed
        The same seed gives the same text.
    """
    from tsuzuri.decode import Sampler
    from tsuzuri.train.run import Run
    from tsuzuri.train.writing import write_text
    pieces = write_text(Run(run), prompt, tokens, Sampler(temperature, top_k, top_p), seed)
    sys.stdout.write(prompt)
    for piece in pieces:
        sys.stdout.write(piece)
        sys.stdout.flush()
    sys.stdout.write("\n")
