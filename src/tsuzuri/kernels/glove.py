"""GloVe: vectors whose products, with a bias for each word, say the logarithm of how often two words stand together.

    e = w . c + b + d - ln X              w, b of the row's word;  c, d of the column's;  X their count
    J = f e^2 / 2                         f = min(1, (X / xmax)^alpha)

With g = dJ/de = f e, and e linear in each of its four parts:

    dJ/dw = g c        dJ/dc = g w        dJ/db = dJ/dd = g

AdaGrad (Duchi et al. 2011) in the form of the published program: with s = rate x gradient, a parameter moves by
-s / sqrt(h) and h, which starts at 1, grows by s^2.  The rate thus fixes the first steps; later ones are
gradient / sqrt(sum of squared gradients), whatever the rate.  b and d are the last columns of the two tables.  Derived
in docs/derivations/glove.md; source: Pennington, Socher and Manning 2014.

Counts are walked in blocks.  Blocks that share no row and no column touch no common number, so any order of them, and
any number of threads, gives the same bytes (Gemulla et al. 2011).
"""
from tsuzuri.array import module_of
from tsuzuri.kernels.inner import inner


@inner
def glove_blocks(words, contexts, word_squares, context_squares, rows, columns, logs, weights, bounds, rate):
    """One step for each count of some blocks, in place -> the sum of J before each step, in float64.

    words, contexts and their sums of squares (V, D + 1), biases last; rows, columns, logs and weights (R,): r, c, ln X
    and f of each count; bounds (B, 2): where each block starts and ends.  No two of the blocks share a row or a column.
    """
    xp = module_of(words)
    loss = 0.0
    for start, stop in bounds:
        for k in range(int(start), int(stop)):
            i, j = rows[k], columns[k]
            w, c = words[i, :-1].copy(), contexts[j, :-1].copy()
            e = xp.dot(w, c) + words[i, -1] + contexts[j, -1] - logs[k]
            g = weights[k] * e
            loss += float(g * e) / 2
            for table, squares, v, other in ((words, word_squares, i, c), (contexts, context_squares, j, w)):
                step = rate * g * xp.concatenate([other, xp.ones(1, w.dtype)])
                table[v] -= step / xp.sqrt(squares[v])
                squares[v] += step * step
    return loss
