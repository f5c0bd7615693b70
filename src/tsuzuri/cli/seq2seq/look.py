"""tsuzuri seq2seq attend and beams: where a run looks, and what it tries."""
from pathlib import Path
from typing import Annotated

from cyclopts import App, Parameter

from tsuzuri.cli.arguments import Text, Whole
from tsuzuri.cli.seq2seq.searching import Searching


def register(seq2seq: App) -> None:
    """Put the commands into their group."""
    seq2seq.command(attend)
    seq2seq.command(beams)


def attend(run: Path, source: Text, target: Text = "", /, *, out: Path, layer: Whole | None = None, head: Whole | None = None,
           every: Annotated[bool, Parameter(negative="")] = False, title: str = "") -> None:
    """Draw where a run looks in the source while it writes each token of the target.

    Examples:

      tsuzuri seq2seq attend runs/dates "september 27, 1994" --out dates.png
      tsuzuri seq2seq attend runs/en-de "A dog runs." "Ein Hund rennt." --out dog.svg
      tsuzuri seq2seq attend runs/transformer "A dog runs." --every --out heads.png

    Parameters
    ----------
    run
        A run folder.
    source
        A source.
    target
        Its target. [default: what the run itself makes of it]
    out
        The picture to write; .png, .svg or .pdf.
    layer
        Transformer: a layer of the decoder, from 1. [default: the last]
    head
        Transformer: a head, from 1. [default: the mean of all]
    every
        Transformer: all layers and heads in one picture.
    title
        A title of your own.
    """
    from tsuzuri.cli.drawing import drawn
    from tsuzuri.errors import ConfigError
    from tsuzuri.measuring.alignment import alignment_entropy, alignment_sentence
    from tsuzuri.plots import attention_map, attention_maps
    from tsuzuri.writing.translation import Translator
    if every and (layer, head) != (None, None):
        raise ConfigError("--every draws all layers and heads; leave it out, or --layer and --head.")
    translator = Translator(run)
    seen = translator.look(source, target)
    if every:
        with drawn(out):
            attention_maps(seen.weights, seen.source, seen.target, out, title=title, entropies=alignment_entropy(seen.weights))
        return
    weights = seen.of(layer, head)
    with drawn(out):
        attention_map(weights, seen.source, seen.target, out, title=title, chosen=weights.argmax(-1) if seen.hard else None)
    print(alignment_sentence(alignment_entropy(weights), weights, {"char": "characters", "bpe": "pieces"}.get(translator.run.source.unit, "words")))


def beams(run: Path, source: Text, /, *, search: Searching | None = None, out: Path, title: str = "") -> None:
    """Draw the tree of all hypotheses that a beam search tried for a source, or save it as JSON.

    Examples:

      tsuzuri seq2seq beams runs/en-de "A dog runs." --beam 4 --out tree.svg
      tsuzuri seq2seq beams runs/en-de "A dog runs." --beam 4 --out tree.json

    Parameters
    ----------
    run
        A run folder.
    source
        A source.
    search
        How texts are looked for.
    out
        The picture (.png, .svg, .pdf) or .json to write.
    title
        A title of your own.
    """
    import json

    from tsuzuri.cli.drawing import drawn
    from tsuzuri.cli.output import note
    from tsuzuri.decode import BeamTree, Search
    from tsuzuri.files import atomic_write
    from tsuzuri.plots import beam_tree
    from tsuzuri.writing.translation import Translator
    translator, tree = Translator(run), BeamTree()
    chosen = (search or Searching(beam=4)).chosen() or Search(beams=1)
    ((best, *_),) = translator.translate([source], chosen, tree=tree)
    found = tree.to_dict()
    for node in found["nodes"]:
        node["text"] = translator.token_text(node["token"])
    if out.suffix == ".json":
        atomic_write(out, json.dumps(found, ensure_ascii=False))
        note(f"written: {out}")
    else:
        with drawn(out):
            beam_tree(found, translator.token_text, out, title=title or f"{source} -> {best.text}")
    print(best.text)
