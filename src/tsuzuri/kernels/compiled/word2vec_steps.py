"""One step of word2vec for each example, compiled.

What takes the time are the small products of an example, its inputs with six outputs.  They are written in ``lanes``, so
that the six sums, and then the six output rows, stay in vector registers.  The rest is waiting for memory: the rows that a
later example needs from all over the vocabulary are asked for while this one is worked on.
"""
import numpy as np

from tsuzuri.kernels.compiled.lanes import (
    BYTES,
    GROUP,
    WIDTH,
    fma,
    larger_than,
    load,
    magnitude,
    nearest,
    power_of_two,
    prefetch,
    spread,
    store,
    store_sums,
    total,
    where_negative,
)
from tsuzuri.kernels.compiled.vector import loop, small

AHEAD = 2                                                    # examples between asking for a row and using it


@loop
def take_steps(vectors, contexts, room, examples, step, rate):
    """One step for each example; the matrices come as flat arrays.  Returns the loss and the number of predictions."""
    D = room.middle.shape[1]
    loss, pairs = spread(rate - rate), 0
    room.wanted[:] = -2
    for e in range(examples):
        if e + AHEAD < examples:
            for k in range(room.outputs.shape[1]):
                row = room.outputs[e + AHEAD, k] * np.int64(D)
                for d in range(0, D, BYTES // contexts.itemsize):
                    prefetch(contexts, row + d)
        if step.mean:
            loss = loss + _mean_step(vectors, contexts, room, e, rate, D)
            pairs += 1
        else:
            for g in range(0, room.outputs.shape[1], GROUP):
                loss = loss + _pair_step(vectors, contexts, room, e, g, rate, D)
            pairs += room.ends[e] - room.begins[e]
    return total(loss), pairs


@small
def _pair_step(vectors, contexts, room, e, g, rate, D):
    """Every input of example e with six of its outputs."""
    begin, end, out = room.begins[e], room.ends[e], room.outputs[e]
    r0, r1, r2 = out[g] * np.int64(D), out[g + 1] * np.int64(D), out[g + 2] * np.int64(D)
    r3, r4, r5 = out[g + 3] * np.int64(D), out[g + 4] * np.int64(D), out[g + 5] * np.int64(D)
    _set_labels(room, room.labels[e], g)
    for m in range(begin, end):
        _products(room, (m - begin) * WIDTH, vectors, room.inputs[m] * np.int64(D), contexts, (r0, r1, r2, r3, r4, r5), D)
    losses = _turn_into_errors(room, end - begin, rate)
    zero = spread(rate - rate)
    for d in range(0, D, BYTES // contexts.itemsize):
        y0, y1, y2 = load(contexts, r0 + d), load(contexts, r1 + d), load(contexts, r2 + d)
        y3, y4, y5 = load(contexts, r3 + d), load(contexts, r4 + d), load(contexts, r5 + d)
        d0, d1, d2, d3, d4, d5 = zero, zero, zero, zero, zero, zero
        for m in range(begin, end):
            at, row = (m - begin) * WIDTH, room.inputs[m] * np.int64(D) + d
            x = load(vectors, row)
            g0, g1, g2 = spread(room.scores[at]), spread(room.scores[at + 1]), spread(room.scores[at + 2])
            g3, g4, g5 = spread(room.scores[at + 3]), spread(room.scores[at + 4]), spread(room.scores[at + 5])
            d0, d1, d2 = fma(g0, x, d0), fma(g1, x, d1), fma(g2, x, d2)
            d3, d4, d5 = fma(g3, x, d3), fma(g4, x, d4), fma(g5, x, d5)
            store(vectors, row, fma(g5, y5, fma(g4, y4, fma(g3, y3, fma(g2, y2, fma(g1, y1, fma(g0, y0, x)))))))
        add_to(contexts, r0 + d, d0)                           # read again: two of the six may be the same row
        add_to(contexts, r1 + d, d1)
        add_to(contexts, r2 + d, d2)
        add_to(contexts, r3 + d, d3)
        add_to(contexts, r4 + d, d4)
        add_to(contexts, r5 + d, d5)
    return losses


@small
def _mean_step(vectors, contexts, room, e, rate, D):
    """The mean of the inputs of example e with all of its outputs."""
    begin, end, out, step = room.begins[e], room.ends[e], room.outputs[e], BYTES // contexts.itemsize
    middle, zero = room.middle.reshape(-1), spread(rate - rate)
    share, losses = spread(type(rate)(1) / type(rate)(end - begin)), zero
    for d in range(0, D, step):
        h = zero
        for m in range(begin, end):
            h = h + load(vectors, room.inputs[m] * np.int64(D) + d)
        store(middle, d, h * share)
        store(middle, D + d, zero)
    for g in range(0, out.size, GROUP):
        r0, r1, r2 = out[g] * np.int64(D), out[g + 1] * np.int64(D), out[g + 2] * np.int64(D)
        r3, r4, r5 = out[g + 3] * np.int64(D), out[g + 4] * np.int64(D), out[g + 5] * np.int64(D)
        _set_labels(room, room.labels[e], g)
        _products(room, 0, middle, 0, contexts, (r0, r1, r2, r3, r4, r5), D)
        losses = losses + _turn_into_errors(room, 1, rate)
        g0, g1, g2 = spread(room.scores[0]), spread(room.scores[1]), spread(room.scores[2])
        g3, g4, g5 = spread(room.scores[3]), spread(room.scores[4]), spread(room.scores[5])
        for d in range(0, D, step):
            y0, y1, y2 = load(contexts, r0 + d), load(contexts, r1 + d), load(contexts, r2 + d)
            y3, y4, y5 = load(contexts, r3 + d), load(contexts, r4 + d), load(contexts, r5 + d)
            h, moved = load(middle, d), load(middle, D + d)
            store(middle, D + d, fma(g5, y5, fma(g4, y4, fma(g3, y3, fma(g2, y2, fma(g1, y1, fma(g0, y0, moved)))))))
            add_to(contexts, r0 + d, g0 * h)
            add_to(contexts, r1 + d, g1 * h)
            add_to(contexts, r2 + d, g2 * h)
            add_to(contexts, r3 + d, g3 * h)
            add_to(contexts, r4 + d, g4 * h)
            add_to(contexts, r5 + d, g5 * h)
    for m in range(begin, end):
        for d in range(0, D, step):
            add_to(vectors, room.inputs[m] * np.int64(D) + d, load(middle, D + d))
    return losses


@small
def _set_labels(room, labels, g):
    """Spread the labels of a group over the lanes, if they are not the ones of the group before."""
    lanes, same = room.wanted.size, True
    for k in range(GROUP):
        same = same and room.wanted[k] == labels[g + k]
    if not same:
        for k in range(lanes):
            label = np.int64(labels[g + k % WIDTH]) if k % WIDTH < GROUP else -1
            room.wanted[k] = label
            room.weights[k] = room.weights[lanes + k] = 1 if label >= 0 else 0
            if k >= WIDTH:
                room.weights[lanes + k] = 0


@small
def _products(room, at, inputs, x, outputs, rows, D):
    """The products of one input with the six rows, into the scores."""
    zero = spread(inputs[0] - inputs[0])
    a0, a1, a2, a3, a4, a5 = zero, zero, zero, zero, zero, zero
    r0, r1, r2, r3, r4, r5 = rows
    for d in range(0, D, BYTES // inputs.itemsize):
        v = load(inputs, x + d)
        a0, a1 = fma(v, load(outputs, r0 + d), a0), fma(v, load(outputs, r1 + d), a1)
        a2, a3 = fma(v, load(outputs, r2 + d), a2), fma(v, load(outputs, r3 + d), a3)
        a4, a5 = fma(v, load(outputs, r4 + d), a4), fma(v, load(outputs, r5 + d), a5)
    store_sums(room.scores, at, a0, a1, a2, a3, a4, a5)


@small
def _turn_into_errors(room, inputs, rate):
    """scores z -> rate (t - sigma(z)); returns the losses."""
    lanes, one = room.wanted.size, type(rate)(1)
    t, losses = load(room.wanted, 0), spread(rate - rate)
    for at in range(0, inputs * WIDTH, lanes):
        weight = load(room.weights, 0 if at + lanes <= inputs * WIDTH else lanes)
        z = load(room.scores, at)
        low = _exp_of_minus(magnitude(z))                    # e^-|z|
        larger = spread(one) / (low + one)                   # sigma(|z|)
        s = where_negative(z, spread(one) - larger, larger)
        losses = losses + weight * (_log_of_one_plus(low) + larger_than(z, rate - rate) - z * t)
        store(room.scores, at, (t - s) * weight * rate)
    return losses


@small
def add_to(array, at, change):
    store(array, at, load(array, at) + change)


@small
def _exp_of_minus(a):
    """e^-a for a >= 0, to 1e-11: 2^n e^r with |r| <= ln(2) / 2, as in ``vector.exp``."""
    x = larger_than(a * -1.0, -87.0)
    n = nearest(x * 1.4426950408889634)
    r = (x - n * 0.693145751953125) - n * 1.4286068203094172e-06
    q = ((((r * (1 / 362880) + 1 / 40320) * r + 1 / 5040) * r + 1 / 720) * r + 1 / 120) * r + 1 / 24
    return power_of_two(n) * (((((q * r + 1 / 6) * r + 0.5) * r + 1.0) * r) + 1.0)


@small
def _log_of_one_plus(t):
    """ln(1 + t) for t in 0..1, to 1e-8: 2 artanh(t / (2 + t)) by its series."""
    z = t / (t + 2.0)
    s = z * z
    q = ((((s * (2 / 13) + 2 / 11) * s + 2 / 9) * s + 2 / 7) * s + 2 / 5) * s + 2 / 3
    return (q * s + 2.0) * z
