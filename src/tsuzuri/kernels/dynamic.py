"""One step of dynamic evaluation on one parameter: away from the gradient, and a little back to the trained value.

    w += pull (w_0 - w) - lr g / (s + eps)        pull = min(decay s / mean s, 1)

s is the root mean square of this weight's gradient over the training text: a weight that hardly ever had a gradient may
move far for a given one, and one that the training text kept busy is drawn home faster.  Without s: plain gradient
descent, pull = decay.  Source: Krause, Kahembwe, Murray and Renals 2018, "Dynamic evaluation of neural sequence models".
"""
from tsuzuri.array import module_of
from tsuzuri.kernels.inner import inner


@inner
def adapt(w, g, trained, rms, lr, decay, epsilon):
    """w, g, trained and rms (K,), w in place; ``decay`` is that of rms 1.  An rms of length 0 is none."""
    pull, step = (module_of(w, rms).minimum(decay * rms, 1), lr / (rms + epsilon)) if len(rms) else (decay, lr)
    w += pull * (trained - w) - step * g
