"""The examples of word2vec, drawn for a batch of words at a time, compiled; and the room that a thread works in.

To hand arrays to a compiled function takes about as long as a small step, so one call draws many examples.
"""
from typing import NamedTuple

import numpy as np

from tsuzuri.kernels.compiled.lanes import BYTES, GROUP, WIDTH
from tsuzuri.kernels.compiled.splitmix import GOLDEN, mix
from tsuzuri.kernels.compiled.vector import loop, small

BATCH = 64                                                   # words whose examples are drawn at a time


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


@loop
def make_rooms(vectors, text, noise, tree, grams, step, chunk, threads):
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
            np.empty((threads, BATCH * most * (1 if step.pairs else around)), np.int32), np.empty((threads, examples), np.int64),
            np.empty((threads, examples), np.int64), np.empty((threads, examples, outputs), np.int32),
            np.empty((threads, examples, outputs), np.int8), np.zeros((threads, around * WIDTH + lanes), real),
            np.zeros((threads, lanes), real), np.zeros((threads, 2 * lanes), real),
            np.zeros((threads, 2, vectors.shape[1]), real))


@loop
def keep_words(text, first, last, room):
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
    return mix(text.key + np.uint64(text.first + i) * GOLDEN)


@small
def _is_kept(text, i):
    return (mix(_state(text, i) + GOLDEN) >> np.uint64(32)) <= np.uint64(text.keep[text.ids[i]])


@loop
def draw_examples(room, at, end, count, window, noise, tree, grams, step):
    """The examples of a batch of the kept words from ``at`` to ``end``; returns how many, and how many inputs they have."""
    e, used, kept = 0, 0, room.kept
    for i in range(at, min(at + BATCH, end)):
        if kept[i] < 0:
            continue
        state = room.states[i] + GOLDEN + GOLDEN
        reach = _below(mix(state), window) + 1
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
            state += GOLDEN
            bits = mix(state)
            word = _below(bits, noise.odds.size)
            if np.uint32(bits & np.uint64(0xFFFFFFFF)) > noise.odds[word]:
                word = np.int64(noise.alias[word])
            if word != target:
                outputs[n], labels[n] = word, 0
                n += 1
    for k in range(n, outputs.size):
        outputs[k], labels[k] = outputs[0] if n else 0, -1
    return state


@small
def _below(bits, n):
    return np.int64(((bits >> np.uint64(32)) * np.uint64(n)) >> np.uint64(32))
