"""From pictures to token ids, many side by side, greedily or by beam search."""
import numpy as np

from tsuzuri.decode.beams import beam_search
from tsuzuri.decode.greedy import greedy
from tsuzuri.decode.search import Hypothesis, Search

ROWS = 256                                                   # hypotheses that are written side by side


def describe(model, pictures: np.ndarray, end: int, most: int, search: Search | None = None) -> list[list[Hypothesis]]:
    """The captions of every picture (N, pixels, pixels, channels), best first, of at most ``most`` tokens; without a ``search`` the greedy one."""
    rows = ROWS if search is None else max(1, ROWS // search.beams)
    found: list[list[Hypothesis]] = []
    for low in range(0, len(pictures), rows):
        state = model.start(np.asarray(pictures[low:low + rows]))
        first = np.full(min(rows, len(pictures) - low), end)
        found += ([[text] for text in greedy(model, state, first, end, most)] if search is None else
                  beam_search(model, state, first, end, most, search))
    return found
