"""tsuzuri tree evaluate, predict and show: how good a run is, and what it says of trees and sentences."""
from pathlib import Path
from typing import Annotated

from cyclopts import App, Parameter

from tsuzuri.cli.arguments import Prompt, Text


def register(tree: App) -> None:
    """Put the commands into their group."""
    tree.command(evaluate)
    tree.command(predict)
    tree.command(show)


def evaluate(run: Path, data: Text, /, *, json: Annotated[bool, Parameter(negative="")] = False) -> None:
    """Measure how many labels a run gets right, at the roots and at all nodes: of all labels, and below against above the middle.

    The two sides leave out what has the middle label. A run trained with
    --binary is measured by them alone.

    Examples:

      tsuzuri tree evaluate runs/sst sst
      tsuzuri tree evaluate runs/sst sst:valid --json
      tsuzuri tree evaluate runs/any trees.txt

    Parameters
    ----------
    run
        A run folder.
    data
        A data set (without a split: its test split), or a file with a labelled tree in every line.
    json
        Print one JSON object.
    """
    from tsuzuri.cli.output import print_json
    from tsuzuri.measuring.trees import evaluate_trees
    from tsuzuri.train.tree_run import TreeRun
    found = evaluate_trees(TreeRun(run), data)
    if json:
        return print_json(found)
    print(f"{found['trees']:,} trees")
    for kind, name in (("", "all labels"), ("binary_", "two sides")):
        told = [f"{100 * found[f'{kind}{which}_accuracy']:.2f} % of {found[f'{kind}{which}s']:,} {which}s" for which in ("root", "node")
                if found.get(f"{kind}{which}_accuracy") is not None]
        if told:
            print(f"{name}: {', '.join(told)}")
    print(f"loss: {found['loss']:.4f} nats a node" + ("" if found["root_loss"] is None else f", {found['root_loss']:.4f} a root"))


def predict(run: Path, file: Text = "-", /, *, shape: str = "balanced", nodes: Annotated[bool, Parameter(negative="")] = False,
            json: Annotated[bool, Parameter(negative="")] = False) -> None:
    """Label every line of a file or of standard input: a tree in brackets or JSON, or a plain sentence.

    A line of output is the root's label, its probability and the words. A
    sentence that does not begin with a bracket is cut into words and takes a
    simple shape, because nothing here parses: balanced pairs of neighbours, or
    branching to the right or to the left.

    Examples:

      echo "a gorgeous , witty , seductive movie" | tsuzuri tree predict runs/sst
      tsuzuri tree predict runs/sst trees.txt --nodes
      tsuzuri tree predict runs/sst sentences.txt --shape right --json

    Parameters
    ----------
    run
        A run folder.
    file
        The trees or sentences, a line each; - for standard input.
    shape
        The tree of a plain sentence: balanced, right or left.
    nodes
        Print every tree in brackets with the predicted label at each node.
    json
        Print a JSON object a line: the words, the label, p of each label, and the same of every node.
    """
    from tsuzuri.cli.output import print_json
    from tsuzuri.errors import ConfigError, check_choice
    from tsuzuri.text.branching import SHAPES
    from tsuzuri.text.reading import read_lines
    from tsuzuri.writing.trees import TreeLabeller
    if nodes and json:
        raise ConfigError("--json tells of every node; leave --nodes out.")
    check_choice("shape", shape, SHAPES)
    labeller, name = TreeLabeller(run), "standard input" if file == "-" else file
    read = read_lines(file, errors=labeller.run.settings.trees.encoding_errors)
    lines = ((number, line) for number, line in enumerate(read, 1) if line.strip())
    for found in labeller.label(labeller.read(line, f"{name}: line {number}", shape) for number, line in lines):
        if json:
            print_json(found.as_dict())
        elif nodes:
            print(found.relabelled.bracketed())
        else:
            root = found.as_dict()
            print(f"{root['label']}\t{max(root['p']):.4f}\t{root['text']}")


def show(run: Path, tree: Prompt, /, *, out: Path, shape: str = "balanced", title: str = "") -> None:
    """Draw a tree with the predicted label at each node, coloured from the lowest label to the highest, or save it as JSON.

    Where the tree has labels of its own, nodes at which they differ have a
    ring.

    Examples:

      tsuzuri tree show runs/sst "(3 (2 It) (3 (2 's) (4 good)))" --out good.png
      tsuzuri tree show runs/sst "not a very good movie" --shape right --out movie.svg
      tsuzuri tree show runs/sst "not a very good movie" --out movie.json

    Parameters
    ----------
    run
        A run folder.
    tree
        A tree in brackets or JSON, or a plain sentence.
    out
        The picture (.png, .svg, .pdf) or .json to write.
    shape
        The tree of a plain sentence: balanced, right or left.
    title
        A title of your own.
    """
    import json

    from tsuzuri.cli.drawing import drawn
    from tsuzuri.cli.output import note
    from tsuzuri.errors import check_choice
    from tsuzuri.files import atomic_write
    from tsuzuri.plots import labelled_tree
    from tsuzuri.text.branching import SHAPES
    from tsuzuri.writing.trees import TreeLabeller
    check_choice("shape", shape, SHAPES)
    labeller = TreeLabeller(run)
    (found,) = labeller.label([labeller.read(tree, shape=shape)])
    if out.suffix == ".json":
        atomic_write(out, json.dumps(found.as_dict(), ensure_ascii=False))
        note(f"written: {out}")
    else:
        with drawn(out):
            labelled_tree(found.tree.words, found.tree.children, found.labels, out, classes=found.p.shape[1], given=labeller.learnt(found.tree).labels,
                          title=title)
    print(f"{found.labels[-1]}\t{found.p[-1].max():.4f}\t{found.tree.spans()[-1]}")
