"""tsuzuri caption evaluate: how good a run's captions are."""
from pathlib import Path
from typing import Annotated

from cyclopts import App, Parameter

from tsuzuri.cli.arguments import Text
from tsuzuri.cli.caption.searching import Searching


def register(caption: App) -> None:
    """Put the command into its group."""
    caption.command(evaluate)


def evaluate(run: Path, data: Text, /, *, captions: Text = "", search: Searching | None = None, out: Path | None = None,
             json: Annotated[bool, Parameter(negative="")] = False) -> None:
    """Describe pictures and judge: is it true of the scene? Where a scene is not known, BLEU and chrF (by sacreBLEU).

    Of a set of scenes both the held-out ones and those of combinations that
    training never had are described, if none is named.

    Examples:

      tsuzuri caption evaluate runs/shapes shapes
      tsuzuri caption evaluate runs/shapes shapes:unseen --beam 3 --out captions.txt
      tsuzuri caption evaluate runs/photos photos/ --json

    Parameters
    ----------
    run
        A run folder.
    data
        A set of scenes, also with a split (shapes:valid), or a folder of images.
    captions
        The file of the captions of a folder. [default: its captions.txt]
    search
        How captions are looked for.
    out
        Write the captions to this file, a line each.
    json
        Print one JSON object.
    """
    from tsuzuri.cli.output import Counter, print_json
    from tsuzuri.files import atomic_write
    from tsuzuri.measuring.captioning import evaluate_captions
    from tsuzuri.writing.captions import Captioner
    with Counter("pictures") as counter:
        result = evaluate_captions(Captioner(run), data, captions, search.chosen() if search else None, report=counter.show)
    written = result.pop("written")
    if out:
        atomic_write(out, "".join(f"{line}\n" for line in written))
    if json:
        return print_json(result)
    if "true" in result:
        print(f"{100 * result['true']:.2f} % of the captions are true")
    if "true_unseen" in result:
        print(f"{100 * result['true_unseen']:.2f} % of those of scenes with combinations never seen in training are true; "
              f"{result['stating_unseen']:,} state one, of which {100 * result['true_stating_unseen']:.2f} % are true")
    if "bleu" in result:
        print(f"{result['pictures']:,} pictures: BLEU {result['bleu']:.2f} ({result['bleu_signature']})\nchrF {result['chrf']:.2f} ({result['chrf_signature']})")
