"""Dropout of the recurrent state, compiled: what the time loops of rnn, gru and lstm do where there is a mask.

Two loops of their own, so that a sweep without a mask runs the code it would run if there were none.
"""
from tsuzuri.kernels.compiled.vector import loop


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
