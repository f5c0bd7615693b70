"""What the compiled time loops of rnn, gru and lstm share: when threads go by rows, and dropout of the recurrent state.

The dropout has loops of its own, so that a sweep without a mask runs the code it would run if there were none.
"""
from tsuzuri.kernels.compiled.vector import loop
from tsuzuri.kernels.product import SMALL_ROW

SHORT = 4                                                    # steps below which packing Wh costs more than it saves


def by_rows(steps, rows, Wh):
    """Does a sweep pay whose threads each take some rows through all steps?  One row would leave all threads but one idle."""
    return steps >= SHORT and (rows > 1 or Wh.size < SMALL_ROW)


@loop
def look(hs, mask, seen, t, low, high):
    """seen[t] = hs[t] * mask for the rows low to high; nothing where the mask has no rows."""
    if len(mask):
        for n in range(low, high):
            h, m, s = hs[t, n], mask[n], seen[t, n]
            for j in range(h.size):
                s[j] = h[j] * m[j]


@loop
def look_back(hidden, mask, low, high):
    """hidden (N, at least H) *= mask for the rows low to high; nothing where the mask has no rows."""
    if len(mask):
        for n in range(low, high):
            d, m = hidden[n], mask[n]
            for j in range(m.size):
                d[j] *= m[j]
