"""tsuzuri lm evaluate and score: how well a run predicts a text."""
from pathlib import Path
from typing import Annotated

from cyclopts import App, Parameter

from tsuzuri.cli.arguments import Text, Whole


def register(lm: App) -> None:
    """Put the commands into their group."""
    lm.command(evaluate)
    lm.command(score)


def evaluate(run: Path, data: Text, /, *, adapt: str = "", option: list[str] | None = None, mix: list[Path] | None = None, rows: Whole = 1, window: Whole = 512,
             json: Annotated[bool, Parameter(negative="")] = False) -> None:
    """Measure how well a run predicts a text, read from end to end with the state carried over.

    Examples:

      tsuzuri lm evaluate runs/ptb ptb:test
      tsuzuri lm evaluate runs/ptb ptb:test --adapt cache --option weight=0.2
      tsuzuri lm evaluate runs/ptb ptb:test --mix runs/ngram
      tsuzuri lm evaluate runs/notes letters.txt --json

    Parameters
    ----------
    run
        A run folder.
    data
        A file, folder, glob, -, or a data set with a split (without one: its test split).
    adapt
        Go on learning from the text as it is read: cache (recent words are likelier) or dynamic (gradient steps).
    option
        NAME=VALUE of --adapt, as often as you like: window, theta, weight of cache; lr, segment, decay, epsilon of dynamic.
    mix
        Another run of the same vocabulary that predicts beside this one; the validation text says how far each is trusted.
    rows
        Read the text as so many parts side by side, each from an empty state, as some papers do.
    window
        Tokens that are read at a time; changes nothing unless --rows.
    json
        Print one JSON object.
    """
    from tsuzuri.cli.output import Counter, print_json
    from tsuzuri.measuring.evaluation import evaluate_run
    from tsuzuri.train.run import Run
    with Counter("tokens") as counter:
        result = evaluate_run(Run(run), data, adapt=adapt, options=_options(option or []), mix=[Run(other) for other in mix or []],
                              rows=rows, window=window, report=counter.show)
    if json:
        return print_json(result)
    if "weights" in result:
        print("weights of the models: " + ", ".join(f"{run_folder} {weight:.3f}" for run_folder, weight in zip([run, *(mix or [])], result["weights"])))
    print(f"{result['data']}: loss {result['loss']:.4f} nats a token, perplexity {result['perplexity']:,.2f}, "
          f"{result['bits_per_character']:.4f} bits per character, {result['bits_per_byte']:.4f} per byte\n"
          f"{result['tokens']:,} tokens predicted ({result['token']}), {result['unknown']:,} of them unknown ({result['spelling_bits']:,.0f} bits to spell); "
          f"{result['characters']:,} characters, {result['bytes']:,} bytes")


def _options(words):
    """NAME=VALUE ... -> {name: value}."""
    from tsuzuri.errors import ConfigError
    found = {}
    for word in words:
        name, _, value = word.partition("=")
        if name in found:
            raise ConfigError(f"option {name} is given twice; give it once.")
        try:
            found[name] = float(value)
        except ValueError:
            raise ConfigError(f'option "{word}" is not NAME=NUMBER, such as weight=0.2.') from None
    return found


def score(run: Path, file: Text, /, *, explain: Annotated[bool, Parameter(negative="")] = False, top: Whole | None = None,
          json: Annotated[bool, Parameter(negative="")] = False) -> None:
    """Print the log probability of every token of a text: token, log p in nats, p, how many tokens were likelier.

    Examples:

      tsuzuri lm score runs/ptb letter.txt
      echo "the company said" | tsuzuri lm score runs/ptb - --explain

    Parameters
    ----------
    run
        A run folder.
    file
        A file, or - for standard input.
    explain
        Show beside each token those that were likeliest at its place.
    top
        How many. [default: 3]
    json
        Print one JSON object a token.
    """
    import math

    from tsuzuri.cli.output import note, print_json
    from tsuzuri.errors import ConfigError
    from tsuzuri.measuring.scoring import score_text
    from tsuzuri.text import read_text
    from tsuzuri.train.run import Run
    if top is not None and not explain:
        raise ConfigError(f"--top {top} says how many tokens --explain shows; add --explain, or leave it out.")
    opened, total, tokens = Run(run), 0.0, 0
    text = read_text(file, **opened.settings.data.reading())
    for scored in score_text(opened, text, (3 if top is None else top) if explain else 0):
        total, tokens = total + scored.log_probability, tokens + 1
        if json:
            print_json(scored._asdict())
        else:
            expected = "".join(f"  {token!r} {p:.3f}" for token, p in scored.expected)
            print(f"{scored.token!r:<16} {scored.log_probability:9.4f} {math.exp(scored.log_probability):8.5f} {scored.likelier:6,}{expected}")
    if tokens:
        note(f"{tokens:,} tokens, {total:.4f} nats in all, perplexity {math.exp(min(-total / tokens, 700)):,.2f}")
