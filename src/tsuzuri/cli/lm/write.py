"""tsuzuri lm generate and suggest: new text, and the next words as one types."""
import sys
from pathlib import Path
from typing import Annotated

from cyclopts import App, Parameter

from tsuzuri.cli.arguments import Prompt, Whole

Several = Parameter(negative="", allow_leading_hyphen=True)


def register(lm: App) -> None:
    """Put the commands into their group."""
    lm.command(generate)
    lm.command(suggest)


def generate(run: Path, /, *, prompt: Prompt = "", tokens: Whole = 200, temperature: Annotated[list[float] | None, Several] = None,
             top_k: Whole | None = None, top_p: float | None = None, min_p: float | None = None, typical: float | None = None,
             repetition_penalty: float | None = None, no_repeat: Whole | None = None,
             stop: Annotated[list[str] | None, Several] = None, samples: Whole = 1, beams: Whole | None = None,
             length_penalty: float | None = None, seed: Whole | None = None) -> None:
    """Write text with a run, going on from a prompt.

    Examples:

      tsuzuri lm generate runs/reference --prompt "The import statement" --tokens 400 --temperature 0.7
      tsuzuri lm generate runs/reference --prompt "The import" --temperature 0.3 --temperature 1.2
      tsuzuri lm generate runs/ptb --prompt "the company said" --min-p 0.1 --no-repeat 3 --samples 4 --seed 7
      tsuzuri lm generate runs/ptb --prompt "the company" --beams 5 --samples 3 --tokens 20 --stop "\\n"

    Parameters
    ----------
    run
        A run folder.
    prompt
        The text to go on from; empty: the start of a line.
    tokens
        How many tokens to write.
    temperature
        Below 1 likelier, above 1 more surprising text; 0 takes the likeliest token. Given more than once: the texts side by
        side. [default: 1]
    top_k
        Only among the k likeliest tokens; 0: among all. [default: 0]
    top_p
        Only among the fewest tokens whose probabilities reach p. [default: 1]
    min_p
        Only among tokens at least p times as probable as the likeliest. [default: 0]
    typical
        Only among the fewest tokens of about the expected surprise whose probabilities reach this. [default: 1]
    repetition_penalty
        Above 1 (1.2 is usual): tokens that were there before become less likely. [default: 1]
    no_repeat
        No so many tokens in a row come twice; 0: they may. [default: 0]
    stop
        End before this text; may be given more than once, and \\n is a line end.
    samples
        How many texts.
    beams
        Draw nothing, but look for the likeliest text with so many beams; --samples says how many of them are shown.
    length_penalty
        How much longer texts are paid back with beams and --stop; 0.6 to 0.7 is usual. [default: 0]
    seed
        The same seed gives the same text. [default: 1]
    """
    from tsuzuri.cli.lm import writing
    drawing = {"top_k": top_k, "top_p": top_p, "min_p": min_p, "typical": typical, "repetition_penalty": repetition_penalty,
               "no_repeat": no_repeat}
    drawing = {name: value for name, value in drawing.items() if value is not None}
    stops = [text.replace("\\n", "\n") for text in stop or []]
    writing.check_length_penalty(length_penalty, beams, stops)
    if beams is not None:
        given = [*drawing, *(["temperature"] if temperature else []), *(["seed"] if seed is not None else [])]
        return writing.with_beams(run, prompt, tokens, beams, length_penalty or 0.0, samples, stops, given)
    writing.drawn(run, prompt, tokens, temperature or [1.0], drawing, samples, 1 if seed is None else seed, stops)


def suggest(run: Path, /, *, once: Annotated[str | None, Parameter(allow_leading_hyphen=True)] = None, count: Whole = 5,
            json: Annotated[bool, Parameter(negative="")] = False) -> None:
    """Propose the next words as one types: in a terminal after every key, otherwise for every line that is read.

    In a terminal Tab takes the first word, Ctrl-D ends. Each probability is
    among the words that begin as typed.

    Examples:

      tsuzuri lm suggest runs/ptb
      tsuzuri lm suggest runs/ptb --once "the company sa"
      echo "the company sa" | tsuzuri lm suggest runs/ptb --json

    Parameters
    ----------
    run
        A run folder.
    once
        A text to propose words for; then leave.
    count
        How many words.
    json
        Print one JSON object for every text.
    """
    from tsuzuri.cli.lm import typing
    from tsuzuri.train.run import Run
    from tsuzuri.writing.suggesting import Suggester
    suggester = Suggester(Run(run))
    if once is None and sys.stdin.isatty() and not json:
        return typing.type_on_terminal(lambda text: suggester.suggest(text, count), suggester.completed)
    for line in [once] if once is not None else sys.stdin:
        typing.print_suggestions(line.rstrip("\n"), suggester.suggest(line.rstrip("\n"), count), json)
