"""tsuzuri seq2seq evaluate and score: how good a run's translations are."""
from pathlib import Path
from typing import Annotated

from cyclopts import App, Parameter

from tsuzuri.cli.arguments import Text, Whole
from tsuzuri.cli.seq2seq.searching import Searching


def register(seq2seq: App) -> None:
    """Put the commands into their group."""
    seq2seq.command(evaluate)
    seq2seq.command(score)


def evaluate(run: Path, data: Text, target: Text = "", /, *, search: Searching | None = None, ensemble: list[Path] | None = None,
             out: Path | None = None, json: Annotated[bool, Parameter(negative="")] = False) -> None:
    """Translate pairs and compare: exact match, token accuracy, perplexity, BLEU and chrF (by sacreBLEU).

    Examples:

      tsuzuri seq2seq evaluate runs/dates dates
      tsuzuri seq2seq evaluate runs/en-de multi30k:test --beam 5 --length-penalty 1 --out translations.txt
      tsuzuri seq2seq evaluate runs/answers questions.txt answers.txt --json

    Parameters
    ----------
    run
        A run folder.
    data
        A data set with a split (without one: its test split, or what it holds out), a file of pairs, or of sources.
    target
        The file of the targets, line by line those of DATA.
    search
        How texts are looked for.
    ensemble
        Other runs of the same tokens that decide together with this one.
    out
        Write the translations to this file, a line each.
    json
        Print one JSON object.
    """
    from tsuzuri.cli.output import Counter, print_json
    from tsuzuri.files import atomic_write
    from tsuzuri.measuring.translating import evaluate_pairs
    from tsuzuri.writing.translation import Translator
    translator = Translator(run, *(ensemble or []))
    with Counter("pairs") as counter:
        result = evaluate_pairs(translator, data, target, search.chosen() if search else None, report=counter.show)
    if out:
        atomic_write(out, "".join(f"{line}\n" for line in result["translations"]))
    del result["translations"]
    if json:
        return print_json(result)
    print(f"{result['pairs']:,} pairs: {100 * result['exact_match']:.2f} % exactly right, {100 * result['token_accuracy']:.2f} % of the tokens, "
          f"perplexity {result['perplexity']:,.2f}{_unknown(result['unknown'])}\n"
          f"BLEU {result['bleu']:.2f} ({result['bleu_signature']})\nchrF {result['chrf']:.2f} ({result['chrf_signature']})")


def _unknown(count):
    return f"; {count:,} target tokens are <unk>" if count else ""


def score(run: Path, data: Text, target: Text = "", /, *, explain: Annotated[bool, Parameter(negative="")] = False, top: Whole | None = None,
          json: Annotated[bool, Parameter(negative="")] = False) -> None:
    """Give the log probability of the targets of pairs, in nats.

    Examples:

      tsuzuri seq2seq score runs/dates dates:valid
      tsuzuri seq2seq score runs/en-de pairs.tsv --explain --top 3

    Parameters
    ----------
    run
        A run folder.
    data
        A data set with a split, a file of pairs, or of sources.
    target
        The file of the targets, line by line those of DATA.
    explain
        Every token with its probability, the likelier ones, and the source token that was looked at most.
    top
        How many tokens --explain shows beside. [default: 3]
    json
        Print a JSON object a line.
    """
    from tsuzuri.cli.output import print_json, print_table
    from tsuzuri.errors import ConfigError, check_least
    from tsuzuri.measuring.translating import score_pairs
    from tsuzuri.writing.translation import Translator
    if top is not None and not explain:
        raise ConfigError(f"--top {top} is how many tokens --explain shows; add --explain, or leave it out.")
    if top is not None:
        check_least("--top", top, 1)
    for scored in score_pairs(Translator(run), data, target, (3 if top is None else top) if explain else 0):
        if json:
            print_json(scored.as_dict())
        elif explain:
            print_table(([token.text, f"{token.log_p:.3f}", ", ".join(f"{other} {p:.1%}" for other, p in token.likeliest), token.looked_at]
                         for token in scored.tokens), ["token", "log p", "likeliest", "looked at"], title=f"{scored.source} -> {scored.target}")
        else:
            print(f"{scored.log_p:.4f}\t{scored.source}\t{scored.target}")
