"""tsuzuri tag evaluate and predict."""
import sys
from pathlib import Path
from typing import Annotated

from cyclopts import App, Parameter

from tsuzuri.cli.arguments import Text


def register(tag: App) -> None:
    """Put the commands into their group."""
    tag.command(evaluate)
    tag.command(predict)


def evaluate(run: Path, data: Text, /, *, out: Path | None = None, json: Annotated[bool, Parameter(negative="")] = False) -> None:
    """Label sentences and compare: accuracy, precision, recall and F1 of each label, and what was taken for what.

    Beside it stands what needs no model: always the most frequent label, or of
    a tagger each word's most frequent one.

    Examples:

      tsuzuri tag evaluate runs/sst sst:test
      tsuzuri tag evaluate runs/pos tanaka-pos:test --json
      tsuzuri tag evaluate runs/reviews held-out.tsv --out confusion.png

    Parameters
    ----------
    run
        A run folder.
    data
        A data set with a split (without one: its test split, or what it holds out), or a file of labelled sentences.
    out
        A picture of what was taken for what; .png, .svg or .pdf.
    json
        Print one JSON object.
    """
    from tsuzuri.cli.drawing import drawn
    from tsuzuri.cli.output import print_json, print_table
    from tsuzuri.measuring.labelling import evaluate_sentences
    from tsuzuri.plots import confusion_map
    from tsuzuri.writing.labelling import SentenceLabeller
    result = evaluate_sentences(SentenceLabeller(run), data)
    if out:
        with drawn(out):
            confusion_map(result["confusion"], result["labels"], out, title=f"{data}: {100 * result['accuracy']:.1f} % right")
    if json:
        return print_json(result)
    what = f"{result['words']:,} words of {result['sentences']:,} sentences" if "words" in result else f"{result['sentences']:,} sentences"
    print(f"{what}: {100 * result['accuracy']:.2f} % right ({100 * result['baseline']:.2f} % without a model), mean F1 {100 * result['f1']:.2f}")
    if "whole_sentences" in result:
        unknown = result["unknown_accuracy"]
        print(f"whole sentences {100 * result['whole_sentences']:.2f} %, " + (
            f"unknown words {100 * unknown:.2f} % of {result['unknown']:,}" if unknown is not None else "no unknown words"))
    rows = ([label, f"{row['count']:,}", f"{100 * row['precision']:.2f}", f"{100 * row['recall']:.2f}", f"{100 * row['f1']:.2f}",
             row["mostly_taken_for"]] for label, row in result["of_each"].items())
    print_table(rows, ["label", "count", "precision", "recall", "F1", "mostly taken for"])


def predict(run: Path, file: Text = "-", /, *, json: Annotated[bool, Parameter(negative="")] = False) -> None:
    """Label every line of a file or of standard input.

    A classifier prints the label, a tab and the line; a tagger a word, a tab
    and its label a line, and an empty line behind each sentence: what either
    can be trained on.

    Examples:

      echo "a funny and moving film" | tsuzuri tag predict runs/sst
      tsuzuri tag predict runs/pos < text.txt > tagged.txt
      tsuzuri tag predict runs/sst reviews.txt --json

    Parameters
    ----------
    run
        A run folder.
    file
        The sentences, a line each; - for standard input.
    json
        Print a JSON object a line, with the probability of every label.
    """
    from tsuzuri.cli.output import print_json
    from tsuzuri.text.reading import read_lines
    from tsuzuri.writing.labelling import CHUNK, SentenceLabeller
    labeller = SentenceLabeller(run)
    typed = file == "-" and sys.stdin.isatty()
    lines = (line.rstrip("\n") for line in sys.stdin) if typed else read_lines(file, errors=labeller.run.settings.sentences.encoding_errors)
    for found in labeller.label(lines, chunk=1 if typed else CHUNK):
        if json:
            print_json(found.as_dict())
        else:
            print(found, flush=typed)
