"""From source ids to target ids: sentences of like length side by side, greedily or by beam search."""
from collections.abc import Sequence

import numpy as np

from tsuzuri.decode.beams import beam_search
from tsuzuri.decode.constraints import Ids, Phrase
from tsuzuri.decode.greedy import greedy
from tsuzuri.decode.search import Hypothesis, Search
from tsuzuri.decode.tree import BeamTree
from tsuzuri.text.pairs import batch_of

ROWS = 256                                                   # hypotheses that are written side by side


def translate(model, sources: Sequence[Ids], end: int, search: Search | None = None, *, prefixes: Sequence[Ids] | None = None,
              required: Sequence[Sequence[Phrase | Ids]] | None = None, tree: BeamTree | None = None) -> list[list[Hypothesis]]:
    """The texts of every source, best first; without a ``search`` the greedy one.

    A text has at most ``room(source)`` tokens.  ``prefixes`` and ``required`` are one for each source (see ``beam_search``).
    """
    rows = ROWS if search is None else max(1, ROWS // search.beams)
    order = sorted(range(len(sources)), key=lambda k: -len(sources[k]))
    found: list[list[Hypothesis]] = [[] for _ in sources]
    for low in range(0, len(order), rows):
        chosen = order[low:low + rows]
        source, lengths = batch_of([sources[k] for k in chosen])
        state, first = model.start(source, lengths), np.full(len(chosen), end)
        most = np.array([room(sources[k]) for k in chosen])
        if search is None and prefixes is None and required is None:
            results = [[text] for text in greedy(model, state, first, end, most)]
        else:
            results = beam_search(model, state, first, end, most, search or Search(beams=1), lengths=lengths, tree=tree,
                                  prefixes=None if prefixes is None else [prefixes[k] for k in chosen],
                                  required=None if required is None else [required[k] for k in chosen])
        for k, texts in zip(chosen, results, strict=True):
            found[k] = [cut(text, len(sources[k])) for text in texts]
    return found


def room(source: Ids) -> int:
    """The most tokens of a translation: twice those of the source and twenty more."""
    return 2 * len(source) + 20


def cut(text: Hypothesis, length: int) -> Hypothesis:
    """A text whose attention is on the ``length`` tokens of its source, without the padding."""
    return text if text.attention is None else text._replace(attention=text.attention[:, :length])
