"""Drawing a token, compiled: one pass for the exponentials, one that stops at the token."""
import numpy as np

from tsuzuri.kernels.compiled.softmax import highest, total
from tsuzuri.kernels.compiled.vector import exp, loop

BLOCK = 64


@loop
def draw(logits, temperature, u):
    p = np.empty(logits.size, logits.dtype)
    top, per = highest(logits), logits.dtype.type(min(1 / temperature, 1e38))      # inf times 0 is no number
    for k in range(p.size):
        p[k] = exp((logits[k] - top) * per)
    blocks = np.empty(-(-p.size // BLOCK))
    for b in range(blocks.size):
        blocks[b] = total(p[b * BLOCK:(b + 1) * BLOCK])
    left, b = u * blocks.sum(), 0
    while b < blocks.size - 1 and blocks[b] <= left:
        left -= blocks[b]
        b += 1
    k, last = b * BLOCK, min(p.size, (b + 1) * BLOCK) - 1
    while k < last and p[k] <= left:
        left -= p[k]
        k += 1
    while k > 0 and p[k] == 0:                               # rounding went past the last that may be drawn
        k -= 1
    return k
