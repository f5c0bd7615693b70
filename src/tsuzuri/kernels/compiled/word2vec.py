"""The loops of word2vec, compiled: examples are drawn for a batch of words, then worked off one after another.

What takes the time are the small products of an example, its inputs with six outputs.  They are written in ``lanes``, so
that the six sums, and then the six output rows, stay in vector registers.  The rest is waiting for memory: the rows that a
later example draws from all over the vocabulary are asked for while this one is worked on.
"""
from typing import NamedTuple

import numba
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
from tsuzuri.kernels.compiled.vector import loop, parallel_loop, small

BATCH = 64                                                   # words whose examples are drawn at a time
AHEAD = 2                                                    # examples between asking for a row and using it
_GOLDEN, _MIX1, _MIX2 = np.uint64(0x9E3779B97F4A7C15), np.uint64(0xBF58476D1CE4E5B9), np.uint64(0x94D049BB133111EB)


class Room(NamedTuple):
    """What a thread works in: the kept words of a piece of text, the examples of a batch, the numbers of an example."""

    kept: np.ndarray                                         # ids, -1 at line ends
    states: np.ndarray                                       # of their random draws
    inputs: np.ndarray                                       # rows; example e has begins[e] to ends[e]
    begins: np.ndarray
    ends: np.ndarray
    outputs: np.ndarray                                      # (E, K) rows, K a multiple of GROUP
    labels: np.ndarray                                       # (E, K), 1 or 0, -1 where there is no output
    scores: np.ndarray                                       # products, then errors, WIDTH for each input
    wanted: np.ndarray                                       # labels of a group, as often as they fit into lanes
    weights: np.ndarray                                      # 1 where there is an output; the same for one input only
    middle: np.ndarray                                       # (2, D): the mean of the inputs, and what it is moved by


@parallel_loop
def train_freely(vectors, contexts, text, noise, tree, grams, step, rates, chunk, losses, pairs, threads):
    kept, states, inputs, begins, ends, outputs, labels, scores, wanted, weights, middle = _make_rooms(
        vectors, text, noise, tree, grams, step, chunk, threads)
    for t in numba.prange(threads):
        room = Room(kept[t], states[t], inputs[t], begins[t], ends[t], outputs[t], labels[t], scores[t], wanted[t], weights[t],
                    middle[t])
        for c in range(t, rates.size, threads):
            losses[c], pairs[c] = 0, 0
            begin, end, count = _keep(text, c * chunk, min((c + 1) * chunk, text.ids.size), room)
            for at in range(begin, end, BATCH):
                examples, _ = _draw(room, at, end, count, text.window, noise, tree, grams, step)
                loss, predicted = _work(vectors.reshape(-1), contexts.reshape(-1), room, examples, step, rates[c])
                losses[c] += loss
                pairs[c] += predicted


class Copies(NamedTuple):
    """The rows that each slot of a round trains on, in place of those of the matrix."""

    values: np.ndarray                                       # (slots, R, D)
    rows: np.ndarray                                         # (slots, R): which row of the matrix each is a copy of
    counts: np.ndarray                                       # (slots,)
    places: np.ndarray                                       # (threads, rows of the matrix): where the copy is, or -1


@parallel_loop
def train_in_rounds(vectors, contexts, text, noise, tree, grams, step, rates, chunk, losses, pairs, threads, slots):
    kept, states, inputs, begins, ends, outputs, labels, scores, wanted, weights, middle = _make_rooms(
        vectors, text, noise, tree, grams, step, chunk, threads)
    x_values, x_rows, x_counts, x_places = _make_copies(vectors, slots, chunk * (inputs.shape[1] // BATCH), threads)
    y_values, y_rows, y_counts, y_places = _make_copies(contexts, slots, chunk * (outputs[0].size // BATCH), threads)
    for start in range(0, rates.size, slots):
        number = min(slots, rates.size - start)
        for t in numba.prange(threads):
            own = Room(kept[t], states[t], inputs[t], begins[t], ends[t], outputs[t], labels[t], scores[t], wanted[t],
                       weights[t], middle[t])
            for s in range(t, number, threads):
                c = start + s
                losses[c], pairs[c] = _train_copies(
                    vectors, contexts, text, noise, tree, grams, step, rates[c], c * chunk, min((c + 1) * chunk, text.ids.size),
                    own, Copies(x_values, x_rows, x_counts, x_places), Copies(y_values, y_rows, y_counts, y_places), s, t)
        for t in numba.prange(threads):
            _add_changes(vectors.reshape(-1), x_values, x_rows, x_counts, number, t, threads, vectors.shape[1])
            _add_changes(contexts.reshape(-1), y_values, y_rows, y_counts, number, t, threads, contexts.shape[1])


@loop
def _make_copies(matrix, slots, most, threads):
    most = min(most, len(matrix))
    return (np.empty((slots, most, matrix.shape[1]), matrix.dtype), np.empty((slots, most), np.int32),
            np.zeros(slots, np.int64), np.full((threads, len(matrix)), -1, np.int32))


@loop
def _train_copies(vectors, contexts, text, noise, tree, grams, step, rate, first, last, room, own_vectors, own_contexts, s, t):
    """Train on the ids from first to last with copies of the rows, then leave in the copies what has changed."""
    loss, pairs, D = 0.0, 0, vectors.shape[1]
    own_vectors.counts[s], own_contexts.counts[s] = 0, 0
    begin, end, count = _keep(text, first, last, room)
    for at in range(begin, end, BATCH):
        examples, used = _draw(room, at, end, count, text.window, noise, tree, grams, step)
        _copy_rows(vectors.reshape(-1), room.inputs[:used], own_vectors, s, t, D)
        _copy_rows(contexts.reshape(-1), room.outputs[:examples].reshape(-1), own_contexts, s, t, D)
        more = _work(own_vectors.values[s].reshape(-1), own_contexts.values[s].reshape(-1), room, examples, step, rate)
        loss += more[0]
        pairs += more[1]
    _leave_changes(vectors.reshape(-1), own_vectors, s, t, D)
    _leave_changes(contexts.reshape(-1), own_contexts, s, t, D)
    return loss, pairs


@loop
def _copy_rows(matrix, ids, copies, s, t, D):
    """Turn ids of rows into places of their copies, which are made where there is none yet."""
    places, values, rows, n = copies.places[t], copies.values[s].reshape(-1), copies.rows[s], copies.counts[s]
    for k in range(ids.size):
        row = np.int64(ids[k])
        if places[row] < 0:
            places[row], rows[n] = n, row
            for d in range(0, D, BYTES // matrix.itemsize):
                store(values, n * D + d, load(matrix, row * D + d))
            n += 1
        ids[k] = places[row]
    copies.counts[s] = n


@loop
def _leave_changes(matrix, copies, s, t, D):
    values, rows, places = copies.values[s].reshape(-1), copies.rows[s], copies.places[t]
    for k in range(copies.counts[s]):
        row = np.int64(rows[k])
        places[row] = -1
        for d in range(0, D, BYTES // matrix.itemsize):
            store(values, k * D + d, load(values, k * D + d) - load(matrix, row * D + d))


@loop
def _add_changes(matrix, values, rows, counts, slots, t, threads, D):
    """Add what the slots changed, in their order, to the rows that are thread t's."""
    for s in range(slots):
        changes, own = values[s].reshape(-1), rows[s]
        for k in range(counts[s]):
            row = np.int64(own[k])
            if row % threads == t:
                for d in range(0, D, BYTES // matrix.itemsize):
                    _add(matrix, row * D + d, load(changes, k * D + d))


@loop
def _make_rooms(vectors, text, noise, tree, grams, step, chunk, threads):
    """The arrays of a Room for each thread."""
    around, most, outputs = 2 * text.window, 1, 1 + noise.negative
    for w in range(tree.starts.size - 1):
        outputs = max(outputs, tree.starts[w + 1] - tree.starts[w])
    for w in range(grams.starts.size - 1):
        most = max(most, grams.starts[w + 1] - grams.starts[w])
    outputs = GROUP * -(-outputs // GROUP)
    examples, kept = BATCH * (around if step.pairs else 1), chunk + around
    lanes, real = BYTES // vectors.itemsize, vectors.dtype
    return (np.empty((threads, kept), np.int32), np.empty((threads, kept), np.uint64),
            np.empty((threads, BATCH * around * most), np.int32), np.empty((threads, examples), np.int64),
            np.empty((threads, examples), np.int64), np.empty((threads, examples, outputs), np.int32),
            np.empty((threads, examples, outputs), np.int8), np.zeros((threads, around * WIDTH + lanes), real),
            np.zeros((threads, lanes), real), np.zeros((threads, 2 * lanes), real),
            np.zeros((threads, 2, vectors.shape[1]), real))


@small
def _mix(z):
    z = (z ^ (z >> np.uint64(30))) * _MIX1
    z = (z ^ (z >> np.uint64(27))) * _MIX2
    return z ^ (z >> np.uint64(31))


@small
def _below(bits, n):
    return np.int64(((bits >> np.uint64(32)) * np.uint64(n)) >> np.uint64(32))


@loop
def _keep(text, first, last, room):
    """Write the kept words and line ends of a piece into the room, with the window before and after it; returns from where
    to where in the room the piece itself lies, and how much is there."""
    start, found = first, 0
    while start > 0 and found < text.window and text.ids[start - 1] >= 0:
        start -= 1
        found += _is_kept(text, start)
    n, begin, end, i, found = 0, 0, 0, start, 0
    while i < text.ids.size and (i < last or (found < text.window and text.ids[i] >= 0)):
        if i == first:
            begin = n
        if text.ids[i] < 0 or _is_kept(text, i):
            room.kept[n], room.states[n] = text.ids[i], _state(text, i)
            n += 1
            found += i >= last
        i += 1
        if i == last:
            end = n
    return begin, end, n


@small
def _state(text, i):
    return _mix(text.key + np.uint64(text.first + i) * _GOLDEN)


@small
def _is_kept(text, i):
    return (_mix(_state(text, i) + _GOLDEN) >> np.uint64(32)) <= np.uint64(text.keep[text.ids[i]])


@loop
def _draw(room, at, end, count, window, noise, tree, grams, step):
    """The examples of a batch of the kept words from ``at`` to ``end``; returns how many, and how many inputs they have."""
    e, used, kept = 0, 0, room.kept
    for i in range(at, min(at + BATCH, end)):
        if kept[i] < 0:
            continue
        state = room.states[i] + _GOLDEN + _GOLDEN
        reach = _below(_mix(state), window) + 1
        low, high = i, i + 1
        while low > 0 and low > i - reach and kept[low - 1] >= 0:
            low -= 1
        while high < count and high <= i + reach and kept[high] >= 0:
            high += 1
        if high - low == 1:
            continue
        begin = used
        if grams.rows.size == 0:
            for j in range(low, high):
                if j != i:
                    room.inputs[used] = kept[j]
                    used += 1
        else:
            for j in range(i if step.pairs else low, i + 1 if step.pairs else high):
                if step.pairs or j != i:
                    for k in range(grams.starts[kept[j]], grams.starts[kept[j] + 1]):
                        room.inputs[used] = grams.rows[k]
                        used += 1
        for j in range(low if step.pairs else i, high if step.pairs else i + 1):
            if step.pairs and j == i:
                continue
            room.begins[e], room.ends[e] = begin, used
            state = _draw_outputs(room.outputs[e], room.labels[e], kept[j], state, noise, tree)
            e += 1
    return e, used


@small
def _draw_outputs(outputs, labels, target, state, noise, tree):
    """The outputs of a target and their labels; the rest of the places repeat the first output, without a label."""
    n = 0
    if noise.negative == 0:
        for k in range(tree.starts[target], tree.starts[target + 1]):
            outputs[n], labels[n] = tree.nodes[k], tree.labels[k]
            n += 1
    else:
        outputs[0], labels[0] = target, 1
        n = 1
        while n <= noise.negative:
            state += _GOLDEN
            bits = _mix(state)
            word = _below(bits, noise.odds.size)
            if np.uint32(bits & np.uint64(0xFFFFFFFF)) > noise.odds[word]:
                word = np.int64(noise.alias[word])
            if word != target:
                outputs[n], labels[n] = word, 0
                n += 1
    for k in range(n, outputs.size):
        outputs[k], labels[k] = outputs[0] if n else 0, -1
    return state


@loop
def _work(vectors, contexts, room, examples, step, rate):
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
        _add(contexts, r0 + d, d0)                           # read again: two of the six may be the same row
        _add(contexts, r1 + d, d1)
        _add(contexts, r2 + d, d2)
        _add(contexts, r3 + d, d3)
        _add(contexts, r4 + d, d4)
        _add(contexts, r5 + d, d5)
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
            _add(contexts, r0 + d, g0 * h)
            _add(contexts, r1 + d, g1 * h)
            _add(contexts, r2 + d, g2 * h)
            _add(contexts, r3 + d, g3 * h)
            _add(contexts, r4 + d, g4 * h)
            _add(contexts, r5 + d, g5 * h)
    for m in range(begin, end):
        for d in range(0, D, step):
            _add(vectors, room.inputs[m] * np.int64(D) + d, load(middle, D + d))
    return losses


@small
def _add(array, at, change):
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
