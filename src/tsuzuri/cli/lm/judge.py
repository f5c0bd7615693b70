"""tsuzuri lm curves | diagnose: what the logs of runs tell."""
from pathlib import Path
from typing import Annotated

from cyclopts import App, Parameter


def register(lm: App) -> None:
    """Put the commands into their group."""
    lm.command(curves)
    lm.command(diagnose)


def curves(*runs: Path, out: Path, measure: str = "", by: str = "epoch", title: str = "") -> None:
    """Draw the learning curves of several runs together.

    Examples:

      tsuzuri lm curves runs/rnn runs/gru runs/lstm --out curves.png
      tsuzuri lm curves runs/soseki-char runs/soseki-word --measure bits --by token --out soseki.svg

    Parameters
    ----------
    runs
        Run folders.
    out
        The picture to write; .png, .svg or .pdf.
    measure
        perplexity, bits (a character) or loss. [default: perplexity where all runs are of words, else bits]
    by
        The x axis: epoch, step or token.
    title
        A title of your own.
    """
    from tsuzuri.cli.drawing import drawn, names_of
    from tsuzuri.cli.output import note
    from tsuzuri.errors import ConfigError
    from tsuzuri.plots import run_curves
    from tsuzuri.train.history import MEASURES, learning_curve
    from tsuzuri.train.run import Run
    if not runs:
        raise ConfigError("no run was given; name one or more run folders.")
    opened = [Run(run) for run in runs]
    units = {run.settings.data.unit for run in opened}
    measure = measure or ("perplexity" if units == {"word"} else "bits")
    if len(units) > 1 and measure != "bits":
        note(f"warning: the runs predict different units ({', '.join(sorted(units))}), so only --measure bits compares them")
    found = {name: learning_curve(run, measure, by) for name, run in zip(names_of(runs), opened, strict=True)}
    lowest = {name: min(y for _, y in valid) for name, (_, valid) in found.items() if valid}
    best = min(lowest, key=lowest.__getitem__, default="")
    with drawn(out):
        run_curves(found, out, x_label=by if by == "epoch" else f"{by}s", y_label=MEASURES.get(measure, measure),
                   title=title or (f"Best on held-out text: {best}, {lowest[best]:.4g}" if best else ""))


def diagnose(run: Path, /, *, json: Annotated[bool, Parameter(negative="")] = False) -> None:
    """Say in plain words what is wrong with a training, with the figures that show it and a command to try.

    Examples:

      tsuzuri lm diagnose runs/notes
      tsuzuri lm diagnose runs/notes --json

    Parameters
    ----------
    run
        A run folder; it may still be in training.
    json
        Print one JSON object.
    """
    from tsuzuri.cli.output import print_json
    from tsuzuri.train.diagnose import as_record, figures, find
    from tsuzuri.train.history import read_history
    from tsuzuri.train.run import Run
    history = read_history(Run(run))
    findings = find(history)
    if json:
        return print_json(as_record(history, findings))
    print(f"{run}: {_summary(figures(history))}")
    if not findings:
        print("The log shows nothing wrong.")
    for number, finding in enumerate(findings, 1):
        print(f"\n{number}. {finding.what[0].upper()}{finding.what[1:]}.\n   evidence: {finding.evidence}\n   try:      {finding.try_this}")


def _summary(found: dict) -> str:
    import math
    state = "finished" if found["finished"] else "not finished"
    best = ""
    if found["best_loss"] is not None:
        best = (f"best loss {found['best_loss']:.3f} nats a token (perplexity {math.exp(min(found['best_loss'], 700)):,.4g}) after epoch "
                f"{found['best_epoch']}, training {found['train_loss']:.3f} then;\n")
    return (f"{found['epochs']} of {found['of']} epochs, {found['steps']:,} steps, {state};\n{best}"
            f"guessing gives {found['log_vocabulary']:.3f}, token counts {found['entropy']:.3f}; clipped in {found['clipped']:.0%} of the "
            f"steps (median norm {found['median_norm']:.3g}); {found['unknown']:.1%} of the tokens are <unk>.")
