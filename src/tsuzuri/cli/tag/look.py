"""tsuzuri tag saliency: which words decide."""
from pathlib import Path

from cyclopts import App

from tsuzuri.cli.arguments import Text, Whole


def register(tag: App) -> None:
    """Put the command into its group."""
    tag.command(saliency)


def saliency(run: Path, text: Text, /, *, out: Path | None = None, by: str = "gradient", label: str = "", word: Whole | None = None,
             title: str = "") -> None:
    """Say and draw what a label hangs on: each word's weight for it or against it.

    The weight is how much log p of the label would fall if the word's vector
    were zero: by gradient to first order (gradient times vector), by occlusion
    as it really falls.

    Examples:

      tsuzuri tag saliency runs/sst "a funny but slow film" --out words.png
      tsuzuri tag saliency runs/sst "a funny but slow film" --by occlusion --label negative
      tsuzuri tag saliency runs/pos "私は猫が好きです。" --word 5 --out words.png

    Parameters
    ----------
    run
        A run folder.
    text
        A sentence.
    out
        The picture to write; .png, .svg or .pdf. [default: none]
    by
        gradient or occlusion.
    label
        Of which label. [default: the most probable one]
    word
        Tagger: of which word's label, from 1.
    title
        A title of your own.
    """
    from tsuzuri.cli.drawing import drawn
    from tsuzuri.cli.output import print_table
    from tsuzuri.plots import saliency_bars
    from tsuzuri.writing.labelling import SentenceLabeller
    seen = SentenceLabeller(run).saliency(text, by=by, label=label, word=word)
    where = f" of {seen.tokens[word - 1]}" if word else ""
    heading = f"p({seen.label}{where}) = {seen.p:.3f}"
    if out:
        with drawn(out):
            saliency_bars(seen.tokens, seen.size, seen.effect, out, title=title or heading,
                          measured="|gradient × vector|" if by == "gradient" else "|log p − log p without|")
    print(heading)
    far = max(float(abs(seen.effect).max()), 1e-12)
    print_table(([token, f"{effect:+.3g}", ("+" if effect >= 0 else "-") * round(20 * abs(effect) / far)]
                 for token, effect in zip(seen.tokens, seen.effect.tolist(), strict=True)), ["word", "for it", ""])
